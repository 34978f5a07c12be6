"""Losses that keep the dimensions of an embedding spread out and uncorrelated."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from skssl._precision import full_precision
from skssl.losses._checks import check_between, check_pair


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
    with full_precision(z1, z2) as (z1, z2):
        invariance = F.mse_loss(z1, z2)
        variance = (_std_shortfall(z1) + _std_shortfall(z2)) / 2
        covariance = _squared_covariances(z1) + _squared_covariances(z2)
        return (
            invariance_weight * invariance
            + variance_weight * variance
            + covariance_weight * covariance
        )


def vibcreg(
    z1: Tensor,
    z2: Tensor,
    *,
    invariance_weight: float = 25.0,
    variance_weight: float = 25.0,
    covariance_weight: float = 200.0,
) -> Tensor:
    r"""Variance-invariance-better-covariance regularisation, the loss of VIbCReg.

    VICReg with correlations instead of covariances, so that the last term has the same scale for
    every number and spread of dimensions. With :math:`\rho_{jk}` the correlation of two
    dimensions, that term is, added up over the views,

    .. math:: \frac{1}{d^2} \sum_{j \ne k} \rho_{jk}^2

    As in the paper, and unlike in :func:`vicreg`, the shortfalls of the standard deviations of the
    two views are added up rather than averaged. The paper also whitens the projections (IterNorm);
    that is the projector's part.

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
    Lee and Aune, "Computer Vision Self-supervised Learning Methods on Time Series" (first
    "VIbCReg: Variance-Invariance-better-Covariance Regularization for Self-Supervised Learning on
    Time Series"), 2021. https://arxiv.org/abs/2109.00783

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import vibcreg
    >>> z = torch.tensor([[2.0, 2.0], [-2.0, 2.0], [2.0, -2.0], [-2.0, -2.0]])
    >>> vibcreg(z, z).item()
    0.0
    """
    check_pair(z1, z2, min_samples=2)
    with full_precision(z1, z2) as (z1, z2):
        invariance = F.mse_loss(z1, z2)
        variance = _std_shortfall(z1) + _std_shortfall(z2)
        correlation = _mean_squared_correlation(z1) + _mean_squared_correlation(z2)
        return (
            invariance_weight * invariance
            + variance_weight * variance
            + covariance_weight * correlation
        )


def barlow_twins(z1: Tensor, z2: Tensor, *, off_diagonal_weight: float = 5e-3) -> Tensor:
    r"""Redundancy reduction, the loss of Barlow Twins.

    With :math:`c_{jk}` the correlation of dimension :math:`j` of one view with dimension :math:`k`
    of the other, and :math:`\lambda` the weight,

    .. math:: \sum_j (1 - c_{jj})^2 + \lambda \sum_{j \ne k} c_{jk}^2

    As in the authors' code, which standardises with BatchNorm, variances are biased, and
    :math:`10^{-5}` is added to them.

    Parameters
    ----------
    z1, z2 : Tensor of shape (n, d)
        Projections of two views of the same `n` samples, in the same order, with ``n >= 2``.
    off_diagonal_weight : float
        The :math:`\lambda` of the formula. Its sum has :math:`d - 1` times as many terms as the
        first, so a smaller `d` can have a larger weight.

    Returns
    -------
    Tensor of shape ()

    Raises
    ------
    ValueError
        If the shapes of `z1` and `z2` are not two equal shapes (n, d) with ``n >= 2``.

    References
    ----------
    Zbontar, Jing, Misra, LeCun and Deny, "Barlow Twins: Self-Supervised Learning via Redundancy
    Reduction", ICML 2021, equations 1 and 2. https://arxiv.org/abs/2103.03230

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import barlow_twins
    >>> z = torch.tensor([[2.0, 2.0], [-2.0, 2.0], [2.0, -2.0], [-2.0, -2.0]])
    >>> round(barlow_twins(z, z).item(), 4)
    0.0
    """
    check_pair(z1, z2, min_samples=2)
    with full_precision(z1, z2) as (z1, z2):
        z1, z2 = _standardise(z1) / len(z1), _standardise(z2)
        diagonal = (z1 * z2).sum(dim=0)
        off_diagonal = _squared_products(z1, z2) - diagonal.square().sum()
        return (1 - diagonal).square().sum() + off_diagonal_weight * off_diagonal


def tico(
    z1: Tensor, z2: Tensor, *, covariance: Tensor, beta: float = 0.9, rho: float = 8.0
) -> tuple[Tensor, Tensor]:
    r"""Covariance contrast with transformation invariance, the loss of TiCo.

    With :math:`z'_i`, :math:`z''_i` the L2-normalised projections, and :math:`C` a moving average
    of the second moments of the first view, which are not centred,

    .. math::
        C \leftarrow \beta C + (1 - \beta) \frac{1}{n} \sum_i z'_i z'^{\top}_i, \qquad
        1 - \frac{1}{n} \sum_i z'_i \cdot z''_i
        + \frac{\rho}{n} \sum_i z'^{\top}_i C z'_i

    Directions that many samples share, now or lately, are pushed away from. The new :math:`C`
    enters the loss, and its part from this batch lets the gradient through.

    Parameters
    ----------
    z1, z2 : Tensor of shape (n, d)
        Projections of two views of the same `n` samples, in the same order. They need not be
        normalised. In the paper, the second comes from the moving average of the network.
    covariance : Tensor of shape (d, d)
        The :math:`C` that the last call returned; zeros before the first.
    beta : float
        How much of :math:`C` is kept, between 0 and 1.
    rho : float
        The :math:`\rho` of the formula.

    Returns
    -------
    loss : Tensor of shape ()
        The mean over the samples.
    covariance : Tensor of shape (d, d)
        The new :math:`C`, without gradient.

    Raises
    ------
    ValueError
        If the shapes of `z1` and `z2` are not two equal shapes (n, d), that of `covariance` is not
        (d, d), or `beta` is not between 0 and 1.

    References
    ----------
    Zhu, Moraes, Karakulak, Sobol, Canziani and LeCun, "TiCo: Transformation Invariance and
    Covariance Contrast for Self-Supervised Visual Representation Learning", 2022.
    https://arxiv.org/abs/2206.10698

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import tico
    >>> z = torch.eye(4)
    >>> loss, covariance = tico(z, z, covariance=torch.zeros(4, 4))
    >>> round(loss.item(), 4), covariance.diagonal()
    (0.2, tensor([0.0250, 0.0250, 0.0250, 0.0250]))
    """
    check_pair(z1, z2)
    n, d = z1.shape
    if covariance.shape != (d, d):
        raise ValueError(
            f"covariance must have the shape ({d}, {d}), got {tuple(covariance.shape)}."
        )
    check_between(0, 1, beta=beta)
    with full_precision(z1, z2, covariance) as (z1, z2, covariance):
        z1, z2 = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
        covariance = beta * covariance + (1 - beta) * (z1.T @ z1) / n
        invariance = 1 - (z1 * z2).sum(dim=1).mean()
        contrast = (z1 @ covariance * z1).sum(dim=1).mean()
        return invariance + rho * contrast, covariance.detach()


def _std_shortfall(z: Tensor) -> Tensor:
    """How far the standard deviations of the columns are below 1, on average."""
    return F.relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean()


def _squared_covariances(z: Tensor) -> Tensor:
    """Sum of the squared covariances between different columns, over the number of columns."""
    n, d = z.shape
    centered = (z - z.mean(dim=0)) / math.sqrt(n - 1)
    variances = centered.square().sum(dim=0)
    return (_squared_products(centered, centered) - variances.square().sum()) / d


def _mean_squared_correlation(z: Tensor) -> Tensor:
    """Mean over all pairs of columns, where a column with itself counts as 0."""
    unit = F.normalize(z - z.mean(dim=0), dim=0)
    # 1 for each column, but for one that does not vary.
    diagonal = unit.square().sum(dim=0)
    return (_squared_products(unit, unit) - diagonal.square().sum()) / z.shape[1] ** 2


def _squared_products(a: Tensor, b: Tensor) -> Tensor:
    """Sum of the squared inner products of each column of `a` with each one of `b`.

    These are as many as there are pairs of columns. Where the rows are fewer, the products of rows
    have the same sum, in less time.
    """
    n, d = a.shape
    products = (a.T @ b).square() if n >= d else (a @ a.T) * (b @ b.T)
    return products.sum()


def _standardise(z: Tensor) -> Tensor:
    return (z - z.mean(dim=0)) / torch.sqrt(z.var(dim=0, correction=0) + 1e-5)
