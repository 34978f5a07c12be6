"""MMCR."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from skssl._declare import AT_LEAST_TWO, AUTO, NOT_NEGATIVE, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import mmcr
from skssl.nn import MultiViewObjective, Objective, mlp_head


class MMCR(SelfSupervisedTransformer):
    """Maximum manifold capacity: the means of the samples' views span as much as they can.

    The views of a sample are a small cloud on the unit sphere. The loss makes the nuclear norm of
    all clouds' means large, which asks for tight clouds (the mean of scattered unit vectors is
    short) in many different directions. No negatives, no teacher, and any number of views.

    Parameters
    ----------
    n_views : int, default=4
        Views of each sample, at least 2. More describe its cloud better.
    local_weight : float, default=0.0
        Weight of the nuclear norms of the single clouds, which are to be small. The paper finds
        that it can be 0.
    projector_dim : int, default=128
        Size of the projections; the paper has 512. More than the batch has samples is of no use.
    projector_hidden_dim : int, default="auto"
        Width of the projector's hidden layer. "auto" is twice the size of the embedding.

    See Also
    --------
    FroSSL : With another norm of the spectrum.

    Notes
    -----
    The projector has two layers with BatchNorm and ReLU in between. All views go through BatchNorm
    together.

    References
    ----------
    Yerxa, Kuang, Simoncelli and Chung, "Learning Efficient Coding of Natural Images with Maximum
    Manifold Capacity Representations", NeurIPS 2023. https://arxiv.org/abs/2303.03307

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import MMCR
    >>> X = load_digits().images[:100]
    >>> ssl = MMCR(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    n_views: int = param(AT_LEAST_TWO, default=4)
    local_weight: float = param(NOT_NEGATIVE, default=0.0)
    projector_dim: int = param(POSITIVE_INT, default=128)
    projector_hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = "Try more n_views, a larger batch_size or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        hidden = resolve_auto(self.projector_hidden_dim, 2 * embedding_dim)
        projector = mlp_head([embedding_dim, hidden, self.projector_dim], last_norm=False)
        loss = partial(mmcr, local_weight=self.local_weight)
        return MultiViewObjective(encoder, projector, loss, n_views=self.n_views)
