"""What LeJEPA and VISReg share: views that agree, and projections like a normal distribution."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from torch import Tensor, nn

from skssl._declare import AUTO, FRACTION, NOT_NEGATIVE_INT, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.nn import MultiViewObjective, Objective, mlp_head, random_directions

_GLOBAL_VIEWS = 2


def _along_random_directions(
    projections: Tensor, *, compare: Callable[..., Tensor], n_directions: int, weight: float
) -> Tensor:
    directions = random_directions(projections, n_directions)
    return compare(projections, n_global=_GLOBAL_VIEWS, directions=directions, weight=weight)


class _GaussianMethod(SelfSupervisedTransformer):
    """Base class of the methods that compare projections with a normal distribution.

    Parameters
    ----------
    weight : float, default=0.5
        Weight of the distribution's terms, from 0 to 1; that of the views' agreement is 1 less it.
    n_local_views : int, default=2
        Views of a small part of each sample, beside the two large ones. More cost more and help.
    n_directions : int, default=256
        Random directions to compare along, drawn anew in every step.
    projector_dim : int, default=64
        Size of the projections.
    projector_hidden_dim : int, default="auto"
        Width of the projector's two hidden layers. "auto" is twice the size of the embedding.
    """

    weight: float = param(FRACTION, default=0.5)
    n_local_views: int = param(NOT_NEGATIVE_INT, default=2)
    n_directions: int = param(POSITIVE_INT, default=256)
    projector_dim: int = param(POSITIVE_INT, default=64)
    projector_hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    _loss: ClassVar[Callable[..., Tensor]]
    collapse_remedy = "Try a larger weight, a larger batch_size or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        hidden = resolve_auto(self.projector_hidden_dim, 2 * embedding_dim)
        projector = mlp_head([embedding_dim, hidden, hidden, self.projector_dim], last_norm=False)
        loss = partial(
            _along_random_directions,
            compare=type(self)._loss,
            n_directions=self.n_directions,
            weight=self.weight,
        )
        return MultiViewObjective(
            encoder, projector, loss, n_views=_GLOBAL_VIEWS, n_local_views=self.n_local_views
        )
