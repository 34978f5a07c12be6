"""Optimisers by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from skssl.nn import Objective

OPTIMIZERS = ("adamw", "lars", "muon", "sgd")
AUTO_RATES: Mapping[str, float] = {"adamw": 2e-3, "lars": 0.5, "muon": 2e-3, "sgd": 0.05}


def make_optimizer(
    module: Objective,
    optimizer: str | Callable[..., Optimizer],
    learning_rate: float | str,
    weight_decay: float,
    auto_rates: Mapping[str, float] = AUTO_RATES,
) -> Optimizer:
    """Build an optimiser that decays matrices and filters, but no biases and norms.

    Each group says whether its learning rate is "steady", and to LARS whether to adapt it.

    Raises
    ------
    ValueError
        If `learning_rate` is "auto" and `optimizer` is not one of the names.
    ImportError
        If `optimizer` needs a package that is not installed.
    """
    steady = {id(p) for network in module.steady() for p in network.parameters()}
    groups = []
    for decayed in (True, False):
        for is_steady in (False, True):
            params = [
                p
                for p in module.parameters()
                if p.requires_grad and (p.ndim > 1) == decayed and (id(p) in steady) == is_steady
            ]
            decay = weight_decay if decayed else 0.0
            if params:
                group = {"params": params, "weight_decay": decay, "steady": is_steady}
                groups.append({**group, "always_adapt": decayed})
    if isinstance(optimizer, str):
        kind, options = _named(optimizer)
        rate = auto_rates[optimizer] if learning_rate == "auto" else learning_rate
        return kind(groups, lr=rate, **options)
    if learning_rate == "auto":
        raise ValueError(
            f"learning_rate='auto' has a meaning for optimizer={', '.join(map(repr, OPTIMIZERS))} "
            f"only; say a number for optimizer={optimizer!r}."
        )
    return optimizer(groups, lr=learning_rate)


def _named(name: str) -> tuple[Callable[..., Optimizer], dict[str, Any]]:
    """Return an optimiser's class and its settings."""
    if name == "adamw":
        return torch.optim.AdamW, {"fused": True}
    if name == "sgd":
        return torch.optim.SGD, {"momentum": 0.9, "fused": True}
    try:
        from timm.optim import Lars, Muon
    except ImportError as error:
        raise ImportError(
            f"optimizer={name!r} needs timm: pip install 'skssl[optimizers]'."
        ) from error
    if name == "lars":
        return Lars, {"momentum": 0.9}
    return Muon, {"momentum": 0.95, "nesterov": True}
