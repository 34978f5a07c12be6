"""SimSiam and FastSiam."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skssl._declare import AT_LEAST_TWO, AUTO, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import negative_cosine
from skssl.nn import DrawViews, Objective, mlp_head


class _SimSiamObjective(Objective):
    def __init__(
        self, encoder: nn.Module, projector: nn.Module, predictor: nn.Module, n_views: int
    ):
        super().__init__(encoder)
        self.projector = projector
        self.predictor = predictor
        self.n_views = n_views

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        views = draw_views(batch, self.n_views)
        z = torch.stack([self.projector(self.encoder(view)) for view in views])
        p = torch.stack([self.predictor(projection) for projection in z]).float()
        # The stop-gradient is all that prevents a collapse.
        targets = z.detach().float()
        others = (targets.sum(dim=0) - targets) / (self.n_views - 1)
        return negative_cosine(p.flatten(0, 1), others.flatten(0, 1))

    def steady(self) -> list[nn.Module]:
        return [self.predictor]


class SimSiam(SelfSupervisedTransformer):
    """Simple Siamese networks: predict one view's projection from the other's, with a stopped side.

    A predictor guesses the projection of another view, which gets no gradient. No negatives, no
    teacher, no large batch. It is the simplest of all, and the most delicate: it needs views that
    are neither too weak nor too strong, and can collapse. With more than two views (FastSiam),
    the target is the mean of the others' projections, which is steadier and learns in fewer steps.

    Parameters
    ----------
    n_views : int, default=4
        Views of each sample, at least 2. 2 is SimSiam, more is FastSiam.
    projector_dim : int, default=256
        Width of the three layers of the projector; the paper has 2048.
    predictor_dim : int, default="auto"
        Width of the predictor's hidden layer. "auto" is a quarter of `projector_dim`: the paper
        finds a bottleneck to work best.

    See Also
    --------
    BYOL : With a teacher, more robust.

    Notes
    -----
    As in the paper, the projector's output has BatchNorm without weights, and the learning rate of
    the predictor does not decay.

    References
    ----------
    Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021.
    https://arxiv.org/abs/2011.10566

    Pototzky, Sultan and Schmidt-Thieme, "FastSiam: Resource-Efficient Self-supervised Learning on
    a Single GPU", GCPR 2022.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimSiam
    >>> X = load_digits().images[:100]
    >>> ssl = SimSiam(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    n_views: int = param(AT_LEAST_TWO, default=4)
    projector_dim: int = param(POSITIVE_INT, default=256)
    predictor_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = (
        "Try n_views=4 or more, a smaller learning_rate, stronger views, or BYOL, whose teacher is "
        "steadier."
    )

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        dim = self.projector_dim
        hidden = resolve_auto(self.predictor_dim, max(1, dim // 4))
        projector = mlp_head([embedding_dim, dim, dim, dim], last_norm="plain")
        predictor = mlp_head([dim, hidden, dim], last_norm=False, last_bias=True)
        return _SimSiamObjective(encoder, projector, predictor, self.n_views)
