"""Optimisers by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

_NAMED: dict[str, tuple[type[Optimizer], dict[str, Any]]] = {
    "adamw": (torch.optim.AdamW, {"fused": True}),
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "fused": True}),
}
_AUTO_RATE = {"adamw": 2e-3, "sgd": 0.05}


def make_optimizer(
    module: nn.Module,
    optimizer: str | Callable[..., Optimizer],
    learning_rate: float | str,
    weight_decay: float,
) -> Optimizer:
    """Build an optimiser that decays matrices and filters, but no biases and norms.

    Raises
    ------
    ValueError
        If `learning_rate` is "auto" and `optimizer` is not one of the names.
    """
    trained = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if isinstance(optimizer, str):
        kind, options = _NAMED[optimizer]
        rate = _AUTO_RATE[optimizer] if learning_rate == "auto" else learning_rate
        return kind(groups, lr=rate, **options)  # type: ignore[call-arg]
    if learning_rate == "auto":
        raise ValueError(
            f"learning_rate='auto' has a meaning for optimizer='adamw' and 'sgd' only; say a "
            f"number for optimizer={optimizer!r}."
        )
    return optimizer(groups, lr=learning_rate)
