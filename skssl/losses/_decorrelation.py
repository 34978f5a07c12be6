"""Losses that keep the dimensions of an embedding spread out and uncorrelated."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from skssl.losses._checks import check_pair


def vicreg(
    z1: Tensor,
    z2: Tensor,
    *,
    invariance_weight: float = 25.0,
    variance_weight: float = 25.0,
    covariance_weight: float = 1.0,
) -> Tensor:
    r"""Variance-invariance-covariance regularisation, the loss of VICReg.

    The weighted sum of the mean squared distance of the views, of how far the standard deviation
    of each dimension falls short of 1, and of the squared covariances between dimensions. As in
    the authors' code, variances and covariances are unbiased, the standard deviation is
    :math:`\sqrt{\mathrm{var} + 10^{-4}}`, the shortfalls of the two views are averaged, and their
    covariance terms are added up and divided by the number of dimensions.

    Parameters
    ----------
    z1, z2 : Tensor of shape (n, d)
        Projections of two views of the same `n` samples, in the same order, with ``n >= 2``.
    invariance_weight, variance_weight, covariance_weight : float
        The weights of the three terms; :math:`\lambda`, :math:`\mu` and :math:`\nu` in the paper.

    Returns
    -------
    Tensor of shape ()

    Raises
    ------
    ValueError
        If the shapes of `z1` and `z2` are not two equal shapes (n, d) with ``n >= 2``.

    References
    ----------
    Bardes, Ponce and LeCun, "VICReg: Variance-Invariance-Covariance Regularization for
    Self-Supervised Learning", ICLR 2022, equations 1 to 6. https://arxiv.org/abs/2105.04906

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import vicreg
    >>> z = torch.tensor([[2.0, 2.0], [-2.0, 2.0], [2.0, -2.0], [-2.0, -2.0]])
    >>> vicreg(z, z).item()
    0.0
    """
    check_pair(z1, z2, min_samples=2)
    invariance = F.mse_loss(z1, z2)
    variance = (_std_shortfall(z1) + _std_shortfall(z2)) / 2
    covariance = _squared_covariances(z1) + _squared_covariances(z2)
    return (
        invariance_weight * invariance + variance_weight * variance + covariance_weight * covariance
    )


def _std_shortfall(z: Tensor) -> Tensor:
    """How far the standard deviations of the columns are below 1, on average."""
    return F.relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean()


def _squared_covariances(z: Tensor) -> Tensor:
    """Sum of the squared covariances between different columns, over the number of columns."""
    n, d = z.shape
    centered = z - z.mean(dim=0)
    covariance = centered.T @ centered / (n - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / d
