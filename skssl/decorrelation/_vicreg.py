"""VICReg."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from skssl._declare import NOT_NEGATIVE, POSITIVE_INT, param
from skssl.base import SelfSupervisedTransformer
from skssl.losses import vicreg
from skssl.nn import Objective, PairObjective, mlp_head


class VICReg(SelfSupervisedTransformer):
    """Learning without negatives: views agree, while every dimension varies and none repeats.

    Two random views of every sample are embedded and projected. The loss draws the two
    projections together (invariance), keeps the standard deviation of every dimension above 1
    (variance) and decorrelates the dimensions (covariance), which prevents all samples from being
    mapped to the same point. Samples are never pushed apart, so near-duplicates do no harm, and
    batches can be small.

    Parameters
    ----------
    invariance_weight : float, default=25.0
        Weight of the squared distance of the views.
    variance_weight : float, default=25.0
        Weight of the shortfall of the standard deviations.
    covariance_weight : float, default=1.0
        Weight of the squared covariances.
    projector_dim : int, default=512
        Width of the projector's three layers (the paper's expander). Wider costs more and helps;
        the paper has 8192.

    See Also
    --------
    SimCLR : With negatives.

    Notes
    -----
    The projector is the authors' three-layer perceptron, with BatchNorm and ReLU after the first
    two layers.

    References
    ----------
    Bardes, Ponce and LeCun, "VICReg: Variance-Invariance-Covariance Regularization for
    Self-Supervised Learning", ICLR 2022. https://arxiv.org/abs/2105.04906

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import VICReg
    >>> X = load_digits().images[:100]
    >>> ssl = VICReg(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    invariance_weight: float = param(NOT_NEGATIVE, default=25.0)
    variance_weight: float = param(NOT_NEGATIVE, default=25.0)
    covariance_weight: float = param(NOT_NEGATIVE, default=1.0)
    projector_dim: int = param(POSITIVE_INT, default=512)

    collapse_remedy = "Try a larger variance_weight, a smaller learning_rate or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        projector = mlp_head([embedding_dim, *[self.projector_dim] * 3], last_norm=False)
        loss = partial(
            vicreg,
            invariance_weight=self.invariance_weight,
            variance_weight=self.variance_weight,
            covariance_weight=self.covariance_weight,
        )
        # As in the authors' code, each view goes through BatchNorm on its own.
        return PairObjective(encoder, projector, loss, together=False)
