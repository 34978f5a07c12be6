"""Muon for networks that do not consist of matrices only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from skssl.training._device import computes_in_bfloat16

_MOMENTUM = 0.95
# Of the polynomial that takes every singular value to about 1, and how often it is applied.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_EPS = 1e-7


class Muon(Optimizer):
    """Muon for matrices and filters, torch's AdamW for everything else.

    torch's own Muon takes matrices only, one at a time, and always computes in
    bfloat16, which takes far longer on a CPU without units for it.

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

    def __init__(self, groups: Sequence[dict[str, object]], lr: float):
        for_muon = [dict(group) for group in groups if group["matrices"]]
        for_adamw = [dict(group) for group in groups if not group["matrices"]]
        self._parts: list[Optimizer] = []
        if for_muon:
            self._parts.append(OrthogonalizedMomentum(for_muon, lr=lr))
        if for_adamw:
            self._parts.append(torch.optim.AdamW(for_adamw, lr=lr, fused=True))
        # The very groups of the parts, so that a schedule reaches them.
        super().__init__([group for part in self._parts for group in part.param_groups], {"lr": lr})

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        loss = None if closure is None else closure()
        for part in self._parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, list[dict[str, object]]]:
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state_dict: dict[str, list[dict[str, object]]]) -> None:
        for part, state in zip(self._parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self._parts for group in part.param_groups]


class OrthogonalizedMomentum(Optimizer):
    """The part of Muon that is for matrices, and for filters as matrices with a row for each.

    Nesterov's momentum of the gradient, with all singular values taken to about 1, times
    ``0.2 sqrt(max(rows, columns))``, which is the size of an update of AdamW.
    """

    def __init__(self, groups: Sequence[dict[str, object]], lr: float):
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        loss = None if closure is None else closure()
        # Matrices of one size are computed with together: many small products take longer than
        # a few large ones.
        by_shape: dict[tuple[object, ...], list[tuple[Tensor, Tensor, float]]] = {}
        for group in self.param_groups:
            rate = group["lr"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                p.mul_(1 - rate * group["weight_decay"])
                matrix = _as_matrix(self._momentum(p, p.grad), like=p)
                key = (tuple(sorted(matrix.shape)), matrix.dtype, matrix.device)
                by_shape.setdefault(key, []).append((_as_matrix(p), matrix, rate))
        for matrices in by_shape.values():
            wide = [m.mT if m.shape[0] > m.shape[1] else m for _, m, _ in matrices]
            updates = orthogonalize(torch.stack(wide))
            scale = 0.2 * updates.shape[2] ** 0.5
            for (weights, _, rate), update in zip(matrices, updates, strict=True):
                turned = weights.shape[0] > weights.shape[1]
                weights.add_(update.mT if turned else update, alpha=-rate * scale)
        return loss

    def _momentum(self, weights: Tensor, gradient: Tensor) -> Tensor:
        state = self.state[weights]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(weights)
        buffer: Tensor = state["momentum_buffer"]
        return gradient.lerp(buffer.lerp_(gradient, 1 - _MOMENTUM), _MOMENTUM)


def orthogonalize(matrices: Tensor) -> Tensor:
    """Take the singular values of matrices that are no higher than wide to about 1.

    Newton-Schulz iterations, in bfloat16 on a GPU that computes in it, and of matrices that are
    twice as wide as high on their small Gram matrices, which comes to the same. On a CPU, even one
    that computes in bfloat16, matrices as small as those of the default encoders gain nothing by
    it, and in float32 the results are the same on all of them.

    Parameters
    ----------
    matrices : Tensor of shape (n, rows, columns)

    Returns
    -------
    Tensor of shape (n, rows, columns)
        In the dtype of `matrices`.
    """
    a, b, c = _COEFFICIENTS
    gains = matrices.is_cuda and computes_in_bfloat16(matrices.device)
    x = matrices.bfloat16() if gains else matrices.float()
    x = x / x.flatten(1).norm(dim=1).clamp(min=_EPS)[:, None, None]
    if 2 * x.shape[1] > x.shape[2] or x.dtype == torch.bfloat16:
        for _ in range(_ITERATIONS):
            gram = x @ x.mT
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
        return x.to(matrices.dtype)
    # A polynomial of a Gram matrix commutes with it, so that the next one needs no wide matrix.
    gram = x @ x.mT
    one = torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device)
    total = factor = _factor(gram, one)
    for _ in range(_ITERATIONS - 1):
        gram = factor @ gram @ factor
        factor = _factor(gram, one)
        total = factor @ total
    return (total @ x).to(matrices.dtype)


def _factor(gram: Tensor, one: Tensor) -> Tensor:
    """Return what an iteration multiplies matrices with that have this Gram matrix."""
    a, b, c = _COEFFICIENTS
    return torch.baddbmm(gram, gram, gram, beta=b, alpha=c) + a * one


def _as_matrix(filters: Tensor, *, like: Tensor | None = None) -> Tensor:
    """Show filters as rows; of those that `like` lies in memory one after the other, as a view."""
    strides = (filters if like is None else like).stride()
    order = sorted(range(1, filters.ndim), key=lambda dim: -strides[dim])
    return filters.permute(0, *order).flatten(1)
