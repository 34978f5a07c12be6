"""Barlow Twins."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from skssl._declare import NOT_NEGATIVE, POSITIVE_INT, param
from skssl.base import SelfSupervisedTransformer
from skssl.losses import barlow_twins
from skssl.nn import Objective, PairObjective, mlp_head


class BarlowTwins(SelfSupervisedTransformer):
    """Redundancy reduction: each dimension agrees with itself between views, and with no other.

    The correlations between all dimensions of two views, over the batch, are drawn to the identity
    matrix: 1 for a dimension with itself (the views agree), 0 for two different ones (nothing is
    said twice). No negatives, no teacher; the batch may be small, the projections are to be wide.

    Parameters
    ----------
    off_diagonal_weight : float, default=0.01
        Weight of the squared correlations of different dimensions; the paper has 0.005 for 8192
        dimensions. Their number grows with the square of `projector_dim`, so that narrower
        projections want more.
    projector_dim : int, default=512
        Width of the projector's three layers. Wider costs more and helps.

    See Also
    --------
    VICReg : With variances and covariances of each view on its own.

    Notes
    -----
    The projector is the authors' three-layer perceptron, with BatchNorm and ReLU after the first
    two layers. Each view goes through BatchNorm on its own.

    References
    ----------
    Zbontar, Jing, Misra, LeCun and Deny, "Barlow Twins: Self-Supervised Learning via Redundancy
    Reduction", ICML 2021. https://arxiv.org/abs/2103.03230

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import BarlowTwins
    >>> X = load_digits().images[:100]
    >>> ssl = BarlowTwins(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    off_diagonal_weight: float = param(NOT_NEGATIVE, default=0.01)
    projector_dim: int = param(POSITIVE_INT, default=512)

    collapse_remedy = "Try a larger off_diagonal_weight, a wider projector_dim or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        projector = mlp_head([embedding_dim, *[self.projector_dim] * 3], last_norm=False)
        loss = partial(barlow_twins, off_diagonal_weight=self.off_diagonal_weight)
        return PairObjective(encoder, projector, loss, together=False)
