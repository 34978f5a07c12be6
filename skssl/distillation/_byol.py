"""BYOL."""

from __future__ import annotations

from torch import Tensor, nn

from skssl._declare import AUTO, FRACTION, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import negative_cosine
from skssl.nn import DrawViews, Objective, TaughtObjective, mlp_head


class _BYOLObjective(TaughtObjective):
    def __init__(
        self, encoder: nn.Module, projector: nn.Module, predictor: nn.Module, momentum: float
    ):
        super().__init__(encoder, projector, momentum=momentum)
        self.predictor = predictor

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        views = draw_views(batch, 2)
        p1, p2 = (self.predictor(self.projector(self.encoder(view))).float() for view in views)
        z1, z2 = (self.teacher(view).float() for view in views)
        # The paper adds up the squared distances of unit vectors, 2 - 2 cos, of both directions.
        return 4 + 2 * (negative_cosine(p1, z2) + negative_cosine(p2, z1))


class BYOL(SelfSupervisedTransformer):
    """Bootstrap your own latent: predict what a slow copy of the network says of another view.

    The network and a predictor behind it guess the projection that a teacher gives another view of
    the same sample. The teacher is a moving average of the network itself. No sample is ever
    pushed away from another; the predictor and the slowness of the teacher keep everything from
    collapsing to one point. It works with small batches and near-duplicates, and asks for more
    steps than :class:`~skssl.SimCLR`.

    Parameters
    ----------
    momentum : float, default=0.99
        What the teacher keeps of its weights in a step, at the start; it rises to 1 with a cosine.
        Closer to 1 for longer trainings (the paper has 0.996 for some 300,000 steps).
    projector_dim : int, default=128
        Size of the projections.
    hidden_dim : int, default="auto"
        Width of the hidden layers of projector and predictor. "auto" is twice the size of the
        embedding.

    See Also
    --------
    SimSiam : Without a teacher.
    MoCo : With a teacher and negatives.

    Notes
    -----
    Projector and predictor are the authors' two-layer perceptrons with BatchNorm in between. Each
    view goes through BatchNorm on its own, and the loss is summed over both directions.

    References
    ----------
    Grill et al., "Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning", NeurIPS
    2020. https://arxiv.org/abs/2006.07733

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import BYOL
    >>> X = load_digits().images[:100]
    >>> ssl = BYOL(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    momentum: float = param(FRACTION, default=0.99)
    projector_dim: int = param(POSITIVE_INT, default=128)
    hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = (
        "Try a lower momentum, stronger views, a wider predictor (hidden_dim) or more epochs."
    )

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        hidden = resolve_auto(self.hidden_dim, 2 * embedding_dim)
        dim = self.projector_dim
        projector = mlp_head([embedding_dim, hidden, dim], last_norm=False)
        predictor = mlp_head([dim, hidden, dim], last_norm=False, last_bias=True)
        return _BYOLObjective(encoder, projector, predictor, self.momentum)
