"""VICReg."""

from __future__ import annotations

from numbers import Integral, Real

from torch import Tensor, nn

from skssl._declare import Interval, declared, param
from skssl.base import SelfSupervisedTransformer
from skssl.losses import vicreg
from skssl.nn import DrawViews, Objective, mlp_head


class _VICRegObjective(Objective):
    def __init__(self, encoder: nn.Module, projector: nn.Module, weights: dict[str, float]):
        super().__init__(encoder)
        self.projector = projector
        self.weights = weights

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        # As in the authors' code, each view goes through BatchNorm on its own.
        z1, z2 = (self.projector(self.encoder(view)).float() for view in draw_views(batch, 2))
        return vicreg(z1, z2, **self.weights)


@declared
class VICReg(SelfSupervisedTransformer):
    """Learning without negatives: views agree, while every dimension varies and none repeats.

    Two random views of every sample are embedded and projected. The loss draws the two
    projections together (invariance), keeps the standard deviation of every dimension above 1
    (variance) and decorrelates the dimensions (covariance), which prevents that all samples are
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

    Attributes
    ----------
    encoder_ : nn.Module
        The learned encoder, in eval mode and on the CPU, usable on its own:
        ``encoder_(modality_.prepare(X))`` is what `transform` computes.
    modality_ : Modality
        The fitted modality: how samples are checked and prepared.
    views_ : Views
        The views that were used.
    n_iter_ : int
        Number of epochs trained.
    loss_curve_ : list of float
        Mean loss of each epoch.
    history_ : list of dict
        What skorch recorded for each epoch, and measures of the embedding from
        :mod:`skssl.metrics`: ``embedding_std``, ``mean_correlation``, ``rankme``,
        ``view_retrieval``, ``view_ranking`` and, of what the loss sees, ``projection_std`` and
        ``projection_ranking``. They are taken at the end of an epoch, from two views of up to 256
        training samples: of the first and the last one, and in between each time that 40 times as
        many samples were trained on as are looked at. Other epochs repeat the latest values.
    n_features_in_ : int
        Number of values in a sample.
    feature_names_in_ : ndarray of str
        Names of the columns, if `X` had them.

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
    >>> X = load_digits().images[:200]
    >>> ssl = VICReg(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (200, 256)
    """

    invariance_weight: float = param(Interval(Real, 0, None, closed="left"), default=25.0)
    variance_weight: float = param(Interval(Real, 0, None, closed="left"), default=25.0)
    covariance_weight: float = param(Interval(Real, 0, None, closed="left"), default=1.0)
    projector_dim: int = param(Interval(Integral, 1, None, closed="left"), default=512)

    _collapse_remedy = "Try a larger variance_weight, a smaller learning_rate or stronger views."

    def _make_objective(
        self, encoder: nn.Module, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        projector = mlp_head([embedding_dim, *[self.projector_dim] * 3], last_norm=False)
        weights = {
            "invariance_weight": self.invariance_weight,
            "variance_weight": self.variance_weight,
            "covariance_weight": self.covariance_weight,
        }
        return _VICRegObjective(encoder, projector, weights)
