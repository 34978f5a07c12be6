"""Muon for networks that do not consist of matrices only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class Muon(Optimizer):
    """torch's Muon for matrices and filters, its AdamW for everything else.

    torch's own takes matrices only. A bank of filters is shown to it as a matrix with one row for
    each filter, which shares the memory of the filters.

    Parameters
    ----------
    groups : sequence of dict
        Groups of parameters with their "weight_decay". Those that say "matrices" are for Muon.
    lr : float
        Learning rate of both; the updates of Muon are scaled to the size of AdamW's.

    References
    ----------
    Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024.
    https://kellerjordan.github.io/posts/muon/

    Liu et al., "Muon is Scalable for LLM Training", 2025. https://arxiv.org/abs/2502.16982
    """

    def __init__(self, groups: Sequence[dict[str, Any]], lr: float):
        self._weights = [p for group in groups for p in group["params"]]
        self._shown: list[tuple[nn.Parameter, nn.Parameter]] = []
        for_muon, for_adamw = [], []
        for group in groups:
            if group["matrices"]:
                matrices = [nn.Parameter(_as_matrix(p.detach())) for p in group["params"]]
                self._shown += zip(group["params"], matrices, strict=True)
                for_muon.append({**group, "params": matrices})
            else:
                for_adamw.append(dict(group))
        self._parts: list[Optimizer] = []
        if for_muon:
            self._parts.append(torch.optim.Muon(for_muon, lr=lr, adjust_lr_fn="match_rms_adamw"))
        if for_adamw:
            self._parts.append(torch.optim.AdamW(for_adamw, lr=lr, fused=True))
        # The very groups of the parts, so that a schedule reaches them.
        super().__init__([group for part in self._parts for group in part.param_groups], {"lr": lr})

    def step(self, closure: Any = None) -> Any:
        loss = None if closure is None else closure()
        for weights, matrix in self._shown:
            matrix.grad = None if weights.grad is None else _as_matrix(weights.grad, like=weights)
        for part in self._parts:
            part.step()
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        for weights in self._weights:
            if weights.grad is not None and not set_to_none:
                weights.grad.zero_()
            else:
                weights.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for part, state in zip(self._parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self._parts for group in part.param_groups]


def _as_matrix(filters: Tensor, *, like: Tensor | None = None) -> Tensor:
    """Show filters as rows; of those that `like` lies in memory one after the other, as a view."""
    strides = (filters if like is None else like).stride()
    order = sorted(range(1, filters.ndim), key=lambda dim: -strides[dim])
    return filters.permute(0, *order).flatten(1)
