"""VIbCReg."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from skssl._declare import NOT_NEGATIVE, POSITIVE_INT, param
from skssl.base import SelfSupervisedTransformer
from skssl.losses import vibcreg
from skssl.nn import IterNorm, Objective, PairObjective, mlp_head


class VIbCReg(SelfSupervisedTransformer):
    """VICReg with better-behaved covariances; made for time series.

    As :class:`~skssl.VICReg`, with the projections of a batch whitened by a layer (IterNorm), and
    the covariance computed from columns that are normalised over the batch, so that its weight
    means the same whatever the scale and the width. It learns faster than VICReg.

    Parameters
    ----------
    invariance_weight : float, default=25.0
        Weight of the squared distance of the views.
    variance_weight : float, default=25.0
        Weight of the shortfall of the standard deviations.
    covariance_weight : float, default=200.0
        Weight of the squared covariances between normalised columns.
    projector_dim : int, default=256
        Width of the projector's three layers; the paper has 4096. The batch should have more
        samples than the square root of it, which are the columns that are whitened together.

    See Also
    --------
    VICReg : The original.

    Notes
    -----
    The projector has BatchNorm and GELU after the first two layers, and IterNorm after the last. As
    in the authors' code, IterNorm whitens groups of columns, 16 of 16 by default as theirs are 64
    of 64, and has a weight and a bias for each column: whitened all together, 256 columns could not
    reach the spread that the variance term asks for.

    References
    ----------
    Lee and Aune, "Computer Vision Self-supervised Learning Methods on Time Series", 2021.
    https://arxiv.org/abs/2109.00783

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import VIbCReg
    >>> X = load_digits().images[:100]
    >>> ssl = VIbCReg(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    invariance_weight: float = param(NOT_NEGATIVE, default=25.0)
    variance_weight: float = param(NOT_NEGATIVE, default=25.0)
    covariance_weight: float = param(NOT_NEGATIVE, default=200.0)
    projector_dim: int = param(POSITIVE_INT, default=256)

    collapse_remedy = "Try a larger variance_weight, a larger batch_size or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        sizes = [embedding_dim, *[self.projector_dim] * 3]
        head = mlp_head(sizes, activation=nn.GELU, last_norm=False, last_bias=True)
        loss = partial(
            vibcreg,
            invariance_weight=self.invariance_weight,
            variance_weight=self.variance_weight,
            covariance_weight=self.covariance_weight,
        )
        projector = nn.Sequential(head, IterNorm(self.projector_dim))
        return PairObjective(encoder, projector, loss, together=False)
