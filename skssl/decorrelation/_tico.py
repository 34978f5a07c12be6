"""TiCo."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skssl._declare import AUTO, FRACTION, NOT_NEGATIVE, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import tico
from skssl.nn import DrawViews, Objective, TaughtObjective, mlp_head


class _TiCoObjective(TaughtObjective):
    covariance: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        *,
        dim: int,
        momentum: float,
        weights: dict[str, float],
    ):
        super().__init__(encoder, projector, momentum=momentum)
        self.register_buffer("covariance", torch.zeros(dim, dim))
        self.weights = weights

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        view, other = draw_views(batch, 2)
        z1 = self.projector(self.encoder(view)).float()
        z2 = self.teacher(other).float()
        loss, self.covariance = tico(z1, z2, covariance=self.covariance, **self.weights)
        return loss


class TiCo(SelfSupervisedTransformer):
    """Transformation invariance and covariance contrast.

    A view is drawn to what a slow copy of the network says of the other view, and away from the
    directions that earlier samples have taken, which a moving average of their covariance
    remembers: the effect of very many negatives, without a queue.

    Parameters
    ----------
    covariance_weight : float, default=8.0
        Weight of the part of a projection that lies in directions taken by others.
    covariance_momentum : float, default=0.9
        What the moving average of the covariance keeps of itself in a step.
    momentum : float, default=0.99
        What the teacher keeps of its weights in a step, at the start; it rises to 1 with a cosine.
        Closer to 1 for longer trainings.
    projector_dim : int, default=128
        Size of the projections.
    projector_hidden_dim : int, default="auto"
        Width of the projector's hidden layer. "auto" is twice the size of the embedding.

    See Also
    --------
    MoCo : With a queue of negatives.

    Notes
    -----
    The projector has two layers with BatchNorm and ReLU in between. The loss is computed in one
    direction.

    References
    ----------
    Zhu, Moraes, Karakulak, Sobol, Canziani and LeCun, "TiCo: Transformation Invariance and
    Covariance Contrast for Self-Supervised Visual Representation Learning", 2022.
    https://arxiv.org/abs/2206.10698

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import TiCo
    >>> X = load_digits().images[:100]
    >>> ssl = TiCo(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    covariance_weight: float = param(NOT_NEGATIVE, default=8.0)
    covariance_momentum: float = param(FRACTION, default=0.9)
    momentum: float = param(FRACTION, default=0.99)
    projector_dim: int = param(POSITIVE_INT, default=128)
    projector_hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = "Try a larger covariance_weight, a lower momentum or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        hidden = resolve_auto(self.projector_hidden_dim, 2 * embedding_dim)
        return _TiCoObjective(
            encoder,
            mlp_head([embedding_dim, hidden, self.projector_dim], last_norm=False),
            dim=self.projector_dim,
            momentum=self.momentum,
            weights={"beta": self.covariance_momentum, "rho": self.covariance_weight},
        )
