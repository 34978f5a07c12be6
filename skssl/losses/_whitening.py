"""Losses of embeddings whose dimensions are made uncorrelated first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

from skssl._precision import full_precision
from skssl.losses._checks import check_between, check_views


def whiten(z: Tensor, *, epsilon: float = 0.0) -> Tensor:
    r"""Whiten a batch: centred, uncorrelated dimensions of variance 1.

    With :math:`\Sigma` the unbiased covariance and :math:`L L^\top = (1 - \epsilon) \Sigma +
    \epsilon I` its Cholesky decomposition, :math:`L^{-1} (z_i - \bar z)`.

    Parameters
    ----------
    z : Tensor of shape (..., n, d)
        One batch, or several that are whitened each on its own, with ``n > d``.
    epsilon : float
        Share of the identity in the covariance, between 0 and 1. Above 0 the result is not quite
        white, but ``n >= 2`` is enough, and a dimension may be constant.

    Returns
    -------
    Tensor of shape (..., n, d)

    Raises
    ------
    ValueError
        If there are not more samples than dimensions, or a dimension is constant or follows from
        others, while `epsilon` is 0.

    References
    ----------
    Ermolov, Siarohin, Sangineto and Sebe, "Whitening for Self-Supervised Representation Learning",
    ICML 2021. https://arxiv.org/abs/2007.06346

    Siarohin, Sangineto and Sebe, "Whitening and Coloring Batch Transform for GANs", ICLR 2019.
    https://arxiv.org/abs/1806.00420

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import whiten
    >>> z = torch.tensor([[0.0, 0.0], [4.0, 4.0], [0.0, 2.0], [4.0, 6.0]])
    >>> torch.allclose(whiten(z).T.cov(), torch.eye(2), atol=1e-6)
    True
    """
    check_between(0, 1, epsilon=epsilon)
    n, d = z.shape[-2:] if z.ndim >= 2 else (0, 0)
    least = 2 if epsilon > 0 else d + 1
    if z.ndim < 2 or n < least:
        raise ValueError(
            "z must have the shape (..., n_samples, n_dimensions), with more samples than "
            f"dimensions unless epsilon is above 0, got {tuple(z.shape)} and epsilon={epsilon!r}."
        )
    with full_precision(z) as (z,):
        centered = z - z.mean(dim=-2, keepdim=True)
        covariance = centered.mT @ centered / (n - 1)
        if epsilon:
            identity = torch.eye(d, dtype=z.dtype, device=z.device)
            covariance = (1 - epsilon) * covariance + epsilon * identity
        factor, info = torch.linalg.cholesky_ex(covariance)
        singular = info != 0
        if not epsilon:
            # What rounding leaves of a variance of 0 can be above 0, and pass for a variance.
            rounding = 10 * torch.finfo(z.dtype).eps * z.square().mean(dim=-2)
            variances = factor.diagonal(dim1=-2, dim2=-1).square()
            singular = singular | (variances <= rounding).any(dim=-1)
        # NaN, which a decomposition fails on too, is passed on: it is not a matter of rank.
        if (singular & z.isfinite().all(dim=-1).all(dim=-1)).any():
            raise ValueError(
                f"z of the shape {tuple(z.shape)} cannot be whitened: a dimension is constant, or "
                "follows from others. Use fewer dimensions, more samples or epsilon above 0."
            )
        whitened: Tensor = torch.linalg.solve_triangular(factor, centered.mT, upper=False)
        return whitened.mT


def w_mse(
    views: Sequence[Tensor] | Tensor,
    *,
    sub_batch: int | None = None,
    epsilon: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Whitened mean squared error, the loss of W-MSE.

    Every view is whitened (:func:`whiten`), which no collapsed embedding can be. With
    :math:`w_{vi}` the whitened and then L2-normalised projections, it is the mean over pairs of
    views :math:`u \ne v` of

    .. math::
        \frac{1}{n} \sum_i \| w_{ui} - w_{vi} \|^2
        = 2 - \frac{2}{n} \sum_i w_{ui} \cdot w_{vi}

    The gradient flows through both views and through the whitening.

    Parameters
    ----------
    views : sequence of Tensor of shape (n, d), or Tensor of shape (v, n, d)
        Projections of two or more views of the same `n` samples, in the same order.
    sub_batch : int, default=None
        Whiten groups of this many samples each, drawn anew in every call and the same in all
        views, since the whitening of a large batch varies too little. Samples that fill no group
        are shared out among the groups. It must be above `d` (the paper has twice `d`) unless
        `epsilon` is above 0. None, and any number above `n`, whiten the batch as a whole.
    epsilon : float
        Share of the identity in the covariance, between 0 and 1.
    generator : torch.Generator, default=None
        Draws the groups. None uses torch's global one.

    Returns
    -------
    Tensor of shape ()
        The mean over pairs of views, and over samples.

    Raises
    ------
    ValueError
        If there are fewer than 2 views, their shapes are not equal, or `sub_batch` or the batch is
        not larger than the number of dimensions, or a dimension is constant, while `epsilon` is 0.

    References
    ----------
    Ermolov, Siarohin, Sangineto and Sebe, "Whitening for Self-Supervised Representation Learning",
    ICML 2021. https://arxiv.org/abs/2007.06346

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import w_mse
    >>> z = torch.tensor([[0.0, 0.0], [4.0, 4.0], [0.0, 2.0], [4.0, 6.0]])
    >>> w_mse([z, 10 * z]).abs() < 1e-5
    tensor(True)
    """
    stacked = check_views(views, min_views=2)
    n_views, n, d = stacked.shape
    if sub_batch is not None and sub_batch < (2 if epsilon > 0 else d + 1):
        raise ValueError(
            f"sub_batch={sub_batch!r} must be above the number of dimensions, {d}, unless epsilon "
            "is above 0."
        )
    n_groups = 1 if sub_batch is None else max(1, n // sub_batch)
    with full_precision(stacked) as (stacked,):
        groups = [stacked]
        if n_groups > 1:
            device = stacked.device if generator is None else generator.device
            order = torch.randperm(n, generator=generator, device=device).to(stacked.device)
            groups = list(stacked[:, order].tensor_split(n_groups, dim=1))
        whitened: Tensor = torch.cat([whiten(group, epsilon=epsilon) for group in groups], dim=1)
        unit = F.normalize(whitened, dim=-1)
        cosines = [(unit[u] * unit[v]).sum(dim=-1) for u, v in combinations(range(n_views), 2)]
        return 2 - 2 * torch.stack(cosines).mean()
