"""FroSSL."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from skssl._declare import AT_LEAST_TWO, AUTO, NOT_NEGATIVE, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import frossl
from skssl.nn import MultiViewObjective, Objective, mlp_head

# Size of the projections for each sample of a batch in the authors' recipes: 1024 for 256.
_DIMENSIONS_PER_SAMPLE = 4


class FroSSL(SelfSupervisedTransformer):
    """Frobenius-norm minimisation: spread the spectrum of each view, draw the views together.

    The logarithm of the Frobenius norm of each view's covariance is made small, which spreads the
    variance evenly over all directions, and the projections of a sample are drawn together. It
    learns in fewer steps than other methods without negatives, as it works on all directions at
    once.

    Parameters
    ----------
    n_views : int, default=2
        Views of each sample, at least 2.
    invariance_weight : float, default="auto"
        Weight of the squared distance of the views. That of columns of length 1 grows with their
        number and shrinks with their length, which is that of the batch. "auto" makes up for both:
        4 ``batch_size / projector_dim`` weighs as the authors' 1 does in batches of 256 with
        projections of size 1024.
    projector_dim : int, default=256
        Width of the projector's three layers; the authors have 2048, 2048 and 1024.

    See Also
    --------
    BarlowTwins : With correlations between the views.

    Notes
    -----
    As in the authors' code, the projector has three layers with BatchNorm and ReLU in between, and
    each view goes through BatchNorm by itself.

    References
    ----------
    Skean, Dhakal, Jacobs and Giraldo, "FroSSL: Frobenius Norm Minimization for Efficient Multiview
    Self-Supervised Learning", ECCV 2024. https://arxiv.org/abs/2310.02903

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import FroSSL
    >>> X = load_digits().images[:100]
    >>> ssl = FroSSL(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    n_views: int = param(AT_LEAST_TWO, default=2)
    invariance_weight: Auto[float] = param(AUTO, NOT_NEGATIVE, default="auto")
    projector_dim: int = param(POSITIVE_INT, default=256)

    collapse_remedy = "Try a smaller invariance_weight, a larger batch_size or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        dim = self.projector_dim
        projector = mlp_head([embedding_dim, *[dim] * 3], last_norm=False, last_bias=True)
        batch_size = self.batch_size_
        weight = resolve_auto(self.invariance_weight, _DIMENSIONS_PER_SAMPLE * batch_size / dim)
        loss = partial(frossl, invariance_weight=weight)
        return MultiViewObjective(encoder, projector, loss, n_views=self.n_views, together=False)
