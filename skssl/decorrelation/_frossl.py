"""FroSSL."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from skssl._declare import NOT_NEGATIVE, POSITIVE_INT, Integral, Interval, declared, param
from skssl.base import SelfSupervisedTransformer
from skssl.losses import frossl
from skssl.nn import MultiViewObjective, Objective, mlp_head


@declared
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
    invariance_weight : float, default=1.0
        Weight of the squared distance of the views.
    projector_dim : int, default=256
        Width of the projector's layers; the paper has 1024.

    See Also
    --------
    BarlowTwins : With correlations between the views.

    Notes
    -----
    The projector has two layers with BatchNorm and ReLU in between. All views go through BatchNorm
    together.

    References
    ----------
    Skean, Dhakal, Jacobs and Giraldo, "FroSSL: Frobenius Norm Minimization for Efficient Multiview
    Self-Supervised Learning", ECCV 2024. https://arxiv.org/abs/2310.02903

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import FroSSL
    >>> X = load_digits().images[:200]
    >>> ssl = FroSSL(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (200, 256)
    """

    n_views: int = param(Interval(Integral, 2, None, closed="left"), default=2)
    invariance_weight: float = param(NOT_NEGATIVE, default=1.0)
    projector_dim: int = param(POSITIVE_INT, default=256)

    _collapse_remedy = "Try a smaller invariance_weight, a larger batch_size or stronger views."

    def _make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int
    ) -> Objective:
        projector = mlp_head([embedding_dim, *[self.projector_dim] * 2], last_norm=False)
        loss = partial(frossl, invariance_weight=self.invariance_weight)
        return MultiViewObjective(encoder, projector, loss, n_views=self.n_views)
