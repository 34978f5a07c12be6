"""Optimisers by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

import torch
from torch import nn
from torch.optim import Optimizer

from skssl.nn import (
    Objective,
    Positions,
    Prototypes,
    TableHead,
    TableTokens,
    TokenEncoder,
    has_convolutions,
)
from skssl.training._muon import Muon

_AUTO_RATES = {"adamw": 2e-3, "lars": 0.5, "muon": 8e-3, "sgd": 0.05}

# Their weights have a row for each of many things, and are no maps between spaces.
_TABLES = (nn.Embedding, nn.EmbeddingBag, Positions, Prototypes, TableHead, TableTokens)


def make_optimizer(
    module: Objective,
    optimizer: str | Callable[..., Optimizer],
    learning_rate: float | str,
    weight_decay: float,
    rate_factors: Mapping[nn.Parameter, float] | None = None,
    *,
    late: Collection[nn.Parameter] = (),
) -> Optimizer:
    """Build an optimiser that decays matrices and filters, but no biases and norms.

    `rate_factors` is what the learning rate of single parameters is multiplied with; by 1 for all
    that it does not name. `late` are those that wait until the others have learned.

    "auto" is Muon for networks with 2-D convolutions, which learn more from a sample with it, and
    AdamW for others, and where a part waits: what is known already is moved less by it.

    Each group says whether its learning rate is "steady", whether it is "late", to LARS whether to
    adapt it, and to Muon whether it consists of "matrices", as filters do, but no tables of
    embeddings.

    Raises
    ------
    ValueError
        If `learning_rate` is "auto" and `optimizer` is not one of the names.
    ImportError
        If `optimizer` needs a package that is not installed.
    """
    steady = {id(p) for network in module.steady() for p in network.parameters()}
    tables = {
        id(p)
        for layer in module.modules()
        if isinstance(layer, _TABLES)
        for p in layer.parameters(recurse=False)
    }
    factors = rate_factors or {}
    sorted_weights: dict[tuple[bool, bool, bool, bool, float], list[nn.Parameter]] = {}
    for p in module.parameters():
        if p.requires_grad:
            # What there is one of, such as positions, is no map from one space to another.
            is_matrix = p.ndim > 1 and p.shape[0] > 1 and id(p) not in tables
            key = (p.ndim > 1, is_matrix, id(p) in steady, p in late, factors.get(p, 1.0))
            sorted_weights.setdefault(key, []).append(p)
    if optimizer == "auto":
        tokens = any(isinstance(part, TokenEncoder) for part in module.modules())
        uses_muon = not late and (tokens or has_convolutions(module))
        optimizer = "muon" if uses_muon else "adamw"
    if learning_rate != "auto":
        rate = float(learning_rate)
    elif isinstance(optimizer, str):
        rate = _AUTO_RATES[optimizer]
    else:
        raise ValueError(
            f"learning_rate='auto' has a meaning for optimizer={', '.join(map(repr, _AUTO_RATES))} "
            f"only; pass a number for optimizer={optimizer!r}."
        )
    groups = [
        {
            "params": params,
            "lr": rate * factor,
            "weight_decay": weight_decay if decayed else 0.0,
            "always_adapt": decayed,
            "matrices": is_matrix,
            "steady": is_steady,
            "late": is_late,
        }
        for (decayed, is_matrix, is_steady, is_late, factor), params in sorted_weights.items()
    ]
    if isinstance(optimizer, str):
        kind, options = _named(optimizer)
        return kind(groups, lr=rate, **options)
    return optimizer(groups, lr=rate)


def usual_rate(optimizer: str | Callable[..., Optimizer]) -> float:
    """Return the learning rate that "auto" stands for, at the most; infinity if it has none."""
    if optimizer == "auto":
        return max(_AUTO_RATES["adamw"], _AUTO_RATES["muon"])
    return _AUTO_RATES[optimizer] if isinstance(optimizer, str) else math.inf


def _named(name: str) -> tuple[Callable[..., Optimizer], dict[str, object]]:
    """Return an optimiser's class and its settings."""
    if name == "adamw":
        return torch.optim.AdamW, {"fused": True}
    if name == "sgd":
        return torch.optim.SGD, {"momentum": 0.9, "fused": True}
    if name == "muon":
        return Muon, {}
    try:
        from timm.optim import Lars
    except ImportError as error:
        raise ImportError(
            "optimizer='lars' needs timm: pip install 'skssl[optimizers]'."
        ) from error
    return Lars, {"momentum": 0.9}
