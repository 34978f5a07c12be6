"""Losses of the singular values of embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from skssl._precision import full_precision
from skssl.losses._checks import check_views


def mmcr(
    views: Sequence[Tensor] | Tensor,
    momentum_views: Sequence[Tensor] | Tensor | None = None,
    *,
    local_weight: float = 0.0,
) -> Tensor:
    r"""Maximum manifold capacity representations, the loss of MMCR.

    The views of a sample form a small manifold; those of different samples are easiest to tell
    apart if each is small and their centres spread over all directions. With :math:`Z_i` the
    L2-normalised projections of the views of a sample, :math:`C` the matrix of their means, and
    :math:`\| \cdot \|_*` the nuclear norm (the sum of the singular values),

    .. math:: -\| C \|_* + \frac{\lambda}{n} \sum_i \| Z_i \|_*

    Views that disagree have a short mean, so the first term alone draws them together as well.

    Parameters
    ----------
    views : sequence of Tensor of shape (n, d), or Tensor of shape (v, n, d)
        Projections of the views of the same `n` samples, in the same order. They need not be
        normalised.
    momentum_views : like `views`, default=None
        Projections by a moving average of the network, which count as further views. The caller
        computes them without gradient, or detaches them.
    local_weight : float
        The :math:`\lambda` of the formula.

    Returns
    -------
    Tensor of shape ()
        At least :math:`-\sqrt{n \min(n, d)}` for a `local_weight` of 0. It grows with the batch.

    Raises
    ------
    ValueError
        If there is no view, or the shapes of the views are not equal.

    References
    ----------
    Yerxa, Kuang, Simoncelli and Chung, "Learning Efficient Coding of Natural Images with Maximum
    Manifold Capacity Representations", NeurIPS 2023.
    https://arxiv.org/abs/2303.03307

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import mmcr
    >>> z = torch.eye(4)
    >>> round(mmcr([z, 2 * z]).item(), 4)
    -4.0
    """
    everything = check_views(views)
    if momentum_views is not None:
        momentum = check_views(momentum_views, name="momentum_views")
        if momentum.shape[1:] != everything.shape[1:]:
            raise ValueError(
                "views and momentum_views must have the same shape (n_samples, n_dimensions), "
                f"got {tuple(everything.shape[1:])} and {tuple(momentum.shape[1:])}."
            )
        everything = torch.cat([everything, momentum])
    with full_precision(everything) as (everything,):
        return _negative_capacity(F.normalize(everything, dim=-1), local_weight)


def frossl(views: Sequence[Tensor] | Tensor, *, invariance_weight: float = 1.0) -> Tensor:
    r"""Frobenius norm minimisation, the loss of FroSSL.

    With :math:`Z_v` the projections of a view, whose columns are scaled to the length 1,
    :math:`\bar Z` their mean over the :math:`V` views, and :math:`K_v` the matrix
    :math:`Z_v^\top Z_v` over its trace,

    .. math::
        \sum_v \log \| K_v \|_F^2 + w \sum_v \frac{V}{n} \| Z_v - \bar Z \|_F^2

    The first term is least when all eigenvalues of :math:`K_v` are equal, and needs no
    eigenvalues: it is the negative entropy of the second order. As in the authors' code for any
    number of views, columns are not centred.

    Parameters
    ----------
    views : sequence of Tensor of shape (n, d), or Tensor of shape (v, n, d)
        Projections of two or more views of the same `n` samples, in the same order, with
        ``n >= 2``.
    invariance_weight : float
        The :math:`w` of the formula.

    Returns
    -------
    Tensor of shape ()
        At least :math:`-V \log \min(n, d)`.

    Raises
    ------
    ValueError
        If there are fewer than 2 views, or their shapes are not equal with ``n >= 2``.

    References
    ----------
    Skean, Dhakal, Jacobs and Giraldo, "FroSSL: Frobenius Norm Minimization for Efficient Multiview
    Self-Supervised Learning", ECCV 2024. https://arxiv.org/abs/2310.02903

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import frossl
    >>> z = torch.eye(4)
    >>> round(frossl([z, 2 * z]).item(), 4)  # -2 log(4)
    -2.7726
    """
    stacked = check_views(views, min_views=2, min_samples=2)
    n_views, n, d = stacked.shape
    with full_precision(stacked) as (stacked,):
        unit = F.normalize(stacked, dim=1)
        # The smaller of two matrices with the same eigenvalues, except for zeros.
        gram = unit.mT @ unit if n > d else unit @ unit.mT
        trace = unit.square().sum(dim=(1, 2))
        regularisation = torch.log(gram.square().sum(dim=(1, 2)) / trace.square()).sum()
        invariance = (unit - unit.mean(dim=0)).square().sum() * n_views / n
        return regularisation + invariance_weight * invariance


def _negative_capacity(z: Tensor, local_weight: float) -> Tensor:
    """MMCR of views (v, n, d), taken as they are."""
    capacity: Tensor = torch.linalg.svdvals(z.mean(dim=0)).sum()
    if not local_weight:
        return -capacity
    local: Tensor = torch.linalg.svdvals(z.transpose(0, 1)).sum() / z.shape[1]
    return local_weight * local - capacity
