"""Changes of low rank in the place of weights (LoRA), which become a part of these in the end.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
https://arxiv.org/abs/2106.09685
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl._torch_compat import remove_pre_hook


class _LowRankLinear(nn.Linear):
    """A linear layer whose weights have a change of low rank."""

    lora_down: nn.Parameter
    lora_up: nn.Parameter

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + F.linear(F.linear(x, self.lora_down), self.lora_up)


class _LowRankAttention(nn.MultiheadAttention):
    """torch's attention, whose projections of queries, keys and values have one.

    Its last projection is a linear layer that is not called, so it has no change.
    """

    lora_down: nn.Parameter
    lora_up: nn.Parameter

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        weights = self._parameters.pop("in_proj_weight")
        assert weights is not None
        try:
            # Outside of the parameters, it may be any tensor.
            self.__dict__["in_proj_weight"] = weights + self.lora_up @ self.lora_down
            return super().forward(*args, **kwargs)
        finally:
            del self.__dict__["in_proj_weight"]
            self._parameters["in_proj_weight"] = weights


_KINDS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: _LowRankLinear,
    nn.MultiheadAttention: _LowRankAttention,
}
_WEIGHTS = {_LowRankLinear: "weight", _LowRankAttention: "in_proj_weight"}
_CHANGED = (_LowRankLinear, _LowRankAttention)


def low_rank_layers(network: nn.Module, rank: int, learns: set[nn.Parameter]) -> list[str]:
    """Return the names of the layers that can have a change of this rank.

    Their weights are of a higher one, are among those that learn, and belong to the layer alone:
    what two layers share would get the changes of both, and what is computed from other weights
    (as by ``weight_norm``) would lose its change.
    """
    owners = Counter(
        p
        for module in network.modules()
        for _, p in module.named_parameters(recurse=False, remove_duplicate=False)
    )
    found = []
    for name, module in network.named_modules():
        kind = _KINDS.get(type(module))
        # Attention of keys of another size has no common projection.
        own = {} if kind is None else dict(module.named_parameters(recurse=False))
        weights = None if kind is None else own.get(_WEIGHTS[kind])
        if weights is None or weights not in learns or owners[weights] > 1:
            continue
        if rank < min(weights.shape):
            found.append(name)
    return found


def add_low_rank(
    network: nn.Module, layers: list[str], rank: int, generator: torch.Generator
) -> None:
    """Give the layers of these names a change of this rank, which is zero at first."""
    for module in map(network.get_submodule, layers):
        kind = _KINDS[type(module)]
        weights: Tensor = getattr(module, _WEIGHTS[kind])
        rows, columns = weights.shape
        down = torch.randn(rank, columns, generator=generator) / math.sqrt(columns)
        module.lora_down = nn.Parameter(down.to(weights))
        module.lora_up = nn.Parameter(weights.new_zeros(rows, rank))
        _make(module, kind)
        # torch's fast path for layers of transformers would look at the weights alone.
        module.register_forward_pre_hook(_call_me)


def _make(module: nn.Module, kind: type[nn.Module]) -> None:
    """Make a layer one of another class, with the same parameters and hooks."""
    module.__class__ = kind


def _call_me(module: nn.Module, inputs: object) -> None:
    """Do nothing; where there is a hook, a layer is called."""


@torch.no_grad()
def merge_low_rank(network: nn.Module) -> None:
    """Make the changes a part of the weights, so that the layers are what they were before."""
    plain = {changed: kind for kind, changed in _KINDS.items()}
    for module in network.modules():
        if isinstance(module, _CHANGED):
            weights: Tensor = getattr(module, _WEIGHTS[type(module)])
            weights += module.lora_up @ module.lora_down
            del module.lora_up, module.lora_down
            _make(module, plain[type(module)])
            remove_pre_hook(module, _call_me)


def low_rank_parameters(network: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of the changes."""
    return [
        p
        for module in network.modules()
        if isinstance(module, _CHANGED)
        for p in (module.lora_down, module.lora_up)
    ]
