"""How an encoder that is known already is trained: what stays as it is, and at which rates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from skssl._torch_compat import remove_pre_hook
from skssl.nn._encoders import channels_last, has_convolutions
from skssl.nn._layers import has_statistics, layer_depths, layer_rates, module_depths
from skssl.nn._low_rank import (
    add_low_rank,
    low_rank_layers,
    low_rank_parameters,
    merge_low_rank,
)
from skssl.nn._objective import Objective
from skssl.nn._teacher import Teacher

# The rate of the last layer of an encoder that is adapted, as a part of the head's, how far it
# falls to the first layer, and that of changes of low rank, which start from nothing.
_RATE, _DECAY, _RATE_OF_LOW_RANK = 0.1, 0.3, 0.5


@dataclass(frozen=True)
class Plan:
    """How an encoder is trained.

    Parameters
    ----------
    is_adapted : bool
        Whether it is known to be trained: the head learns alone at first, and the encoder at lower
        rates then.
    freeze : float, {"all", "norm"} or None
        What stays as it is.
    lora_rank : int or None
        Rank of the changes that are learned in the place of weights.
    """

    is_adapted: bool = False
    freeze: float | str | None = None
    lora_rank: int | None = None

    def trains(self, encoder: nn.Module) -> set[nn.Parameter]:
        """Return the parameters of an encoder that learn; those that never do are left out.

        Parameters
        ----------
        encoder : nn.Module
            With its changes of low rank, where there is a `lora_rank`.

        Returns
        -------
        set of nn.Parameter
            Those with ``requires_grad`` that this plan does not freeze.
        """
        able = {p for p in encoder.parameters() if p.requires_grad}
        if self.lora_rank is not None:
            return able & set(low_rank_parameters(encoder))
        return able - self._frozen(encoder)

    def low_rank_layers(self, encoder: nn.Module) -> list[str]:
        """Return the names of the layers that get a change of low rank: of what learns.

        Parameters
        ----------
        encoder : nn.Module
            Without such changes.

        Returns
        -------
        list of str
            Names within the encoder; none without a `lora_rank`.
        """
        if self.lora_rank is None:
            return []
        learns = {p for p in encoder.parameters() if p.requires_grad} - self._frozen(encoder)
        return low_rank_layers(encoder, self.lora_rank, learns)

    def _frozen(self, encoder: nn.Module) -> set[nn.Parameter]:
        """Return the parameters that stay as they are since it was asked for."""
        if self.freeze == "norm":
            return {p for norm in _norms(encoder) for p in norm.parameters()}
        depths, deepest = layer_depths(encoder)
        last = self._last_frozen(deepest)
        return {p for p, depth in depths.items() if depth <= last}

    def _last_frozen(self, deepest: int) -> int:
        """Return the number of the last layer that stays as it is, by that of the last one."""
        part = 0.0 if self.freeze in (None, "norm") else self.freeze
        return math.floor(float(1.0 if part == "all" else part or 0) * max(deepest, 1) + 1e-9)

    def kept_norms(self, encoder: nn.Module) -> list[nn.Module]:
        """Return the norms whose statistics are to stay as they are.

        Parameters
        ----------
        encoder : nn.Module
            The encoder that is trained.

        Returns
        -------
        list of nn.Module
            Layers that keep running statistics, such as BatchNorm.
        """
        # By the layer that they follow, since a norm need not have parameters.
        depths = module_depths(encoder)
        norms = [module for module in depths if has_statistics(module)]
        if self.is_adapted or self.freeze == "norm" or self.lora_rank is not None:
            return norms
        last = self._last_frozen(max(depths.values()))
        return [norm for norm in norms if max(depths[norm], 1) <= last]


def _norms(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if "Norm" in type(module).__name__]


def check_plan(encoder: nn.Module, plan: Plan, *, title: str) -> None:
    """Raise an error if nothing of an encoder that has something to train would be trained."""
    learns = any(p.requires_grad for p in encoder.parameters())
    if plan.lora_rank is None:
        if learns and not plan.trains(encoder):
            raise ValueError(
                f"freeze={plan.freeze!r} leaves nothing of the encoder of {title} to train; set "
                "max_epochs=0 for the encoder as it is, a smaller part, or a lora_rank in its "
                "place."
            )
    elif not plan.low_rank_layers(encoder):
        frozen = f", freeze={plan.freeze!r}" if plan.freeze not in (None, 0) else ""
        raise ValueError(
            f"lora_rank={plan.lora_rank}{frozen}: the encoder of {title} has no linear layer or "
            "attention that learns (requires_grad), is not frozen, and has weights of a higher "
            "rank that belong to it alone."
        )


# What the objective is to have when it is no longer adapted, also after it went through a file.
_ABLE = "_able_to_learn"


@contextmanager
def adapted(
    objective: Objective, plan: Plan, *, seed: int
) -> Iterator[tuple[dict[nn.Parameter, float], set[nn.Parameter]]]:
    """Let an objective be trained as planned.

    Gives the factors of the learning rates of the parameters of the encoder, and which parameters
    wait until the head has learned. When it ends, the encoder is a plain one again.

    Parameters
    ----------
    objective : Objective
        It may be one that a training goes on with, which was written in the middle of this.
    plan : Plan
    seed : int
        Seed of what changes of low rank start with.
    """
    encoders = [objective.encoder, *_copies(objective)]
    if plan.lora_rank is not None:
        # Of copies, nothing has a gradient that would say which layers these are.
        layers = plan.low_rank_layers(objective.encoder)
        for encoder in encoders:
            generator = torch.Generator().manual_seed(seed)
            add_low_rank(encoder, layers, plan.lora_rank, generator)
        for copied in encoders[1:]:
            for p in low_rank_parameters(copied):
                p.requires_grad_(False)
    able = objective.__dict__.setdefault(
        _ABLE, [name for name, p in objective.named_parameters() if p.requires_grad]
    )
    named = dict(objective.named_parameters())
    for name in able:
        named[name].requires_grad_(True)
    trained = plan.trains(objective.encoder)
    for p in objective.encoder.parameters():
        p.requires_grad_(p in trained)
    kept = [norm for encoder in encoders for norm in plan.kept_norms(encoder)]
    for norm in kept:
        remove_pre_hook(norm, _keep_statistics)
        norm.register_forward_pre_hook(_keep_statistics)
    factors: dict[nn.Parameter, float] = {}
    turned = []
    if plan.is_adapted:
        # Convolutions are twice as fast in that order; weights of others have torch's.
        turned = [encoder for encoder in encoders if _is_contiguous(encoder)]
        for encoder in turned:
            channels_last(encoder)
        rates = layer_rates(objective.encoder, nn.Identity(), _DECAY)
        factors = {p: _RATE * rate for p, rate in rates.items()}
        factors |= dict.fromkeys(low_rank_parameters(objective.encoder), _RATE_OF_LOW_RANK)
    others = [p for p in objective.parameters() if p.requires_grad and p not in trained]
    try:
        yield factors, trained if plan.is_adapted and others else set()
    finally:
        for norm in kept:
            remove_pre_hook(norm, _keep_statistics)
        for name in objective.__dict__.pop(_ABLE):
            named[name].requires_grad_(True)
        for encoder in encoders:
            merge_low_rank(encoder)
        for encoder in turned:
            encoder.to(memory_format=torch.contiguous_format)


def _copies(objective: Objective) -> list[nn.Module]:
    """Return the copies of encoders that teachers have."""
    return [
        copied
        for part in objective.parts
        for teacher in part.modules()
        if isinstance(teacher, Teacher)
        for copied in teacher.copies_of(part.encoder)
    ]


def _is_contiguous(network: nn.Module) -> bool:
    """Whether there are 2-D convolutions, and the weights of all of them have torch's order."""
    return has_convolutions(network) and all(
        p.is_contiguous() for p in network.parameters() if p.ndim == 4
    )


def _keep_statistics(norm: nn.Module, inputs: object) -> None:
    norm.eval()
