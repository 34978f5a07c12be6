"""Losses that give embeddings the shape of an isotropic Gaussian."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from skssl._precision import full_precision
from skssl.losses._checks import check_between, check_positive, check_views


def sigreg(z: Tensor, *, directions: Tensor, n_knots: int = 17, t_max: float = 3.0) -> Tensor:
    r"""Sketched isotropic Gaussian regularisation (SIGReg), the regulariser of LeJEPA.

    The test of Epps and Pulley: along random directions :math:`a`, the characteristic function of
    the projected embeddings should be that of the standard normal distribution. It is the mean
    over directions of

    .. math::
        n \int_{-t_{\max}}^{t_{\max}}
        \Bigl| \frac{1}{n} \sum_i e^{\mathrm{i} t \, a \cdot z_i} - e^{-t^2 / 2} \Bigr|^2
        e^{-t^2 / 2} \, dt

    by the trapezoidal rule. Every view is tested on its own, as in the authors' minimal code.

    Parameters
    ----------
    z : Tensor of shape (..., n, d)
        Embeddings; leading dimensions are views, whose values are averaged.
    directions : Tensor of shape (d, s)
        Columns of length 1, best drawn anew for every batch.
    n_knots : int
        Number of :math:`t` from 0 to `t_max`, at least 2. The integrand is symmetric.
    t_max : float
        Where the integral ends, above 0.

    Returns
    -------
    Tensor of shape ()

    Raises
    ------
    ValueError
        If `z` has fewer than 2 dimensions or `directions` does not match it, `n_knots` is below 2,
        or `t_max` is not above 0.

    References
    ----------
    Balestriero and LeCun, "LeJEPA: Provable and Scalable Self-Supervised Learning Without the
    Heuristics", 2025. https://arxiv.org/abs/2511.08544

    Epps and Pulley, "A test for normality based on the empirical characteristic function",
    Biometrika 70, 1983.

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import sigreg
    >>> collapsed = torch.zeros(100, 2)
    >>> spread = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    >>> sigreg(spread, directions=torch.eye(2)) < 1 < sigreg(collapsed, directions=torch.eye(2))
    tensor(True)
    """
    _check_directions(z, directions)
    if n_knots < 2:
        raise ValueError(f"n_knots={n_knots!r} must be at least 2.")
    check_positive(t_max=t_max)
    with full_precision(z) as (z,):
        t = torch.linspace(0, t_max, n_knots, dtype=z.dtype, device=z.device)
        normal = torch.exp(-t.square() / 2)
        angles = (z @ directions.to(z.dtype)).unsqueeze(-1) * t
        # The real and the imaginary part of the difference; that of the normal is real.
        error = (angles.cos().mean(dim=-3) - normal).square() + angles.sin().mean(dim=-3).square()
        integral = 2 * torch.trapezoid(error * normal, t)
        return z.shape[-2] * integral.mean()


def lejepa(
    views: Sequence[Tensor] | Tensor,
    *,
    directions: Tensor,
    n_global: int = 2,
    weight: float = 0.05,
) -> Tensor:
    r"""Joint-embedding prediction with a Gaussian regulariser, the loss of LeJEPA.

    With :math:`z_v` the projections of a view and :math:`\mu` the mean of the global ones,

    .. math::
        (1 - \lambda) \, \operatorname{mean} (z_v - \mu)^2
        + \lambda \, \operatorname{mean}_v \mathrm{SIGReg}(z_v)

    Parameters
    ----------
    views : sequence of Tensor of shape (n, d), or Tensor of shape (v, n, d)
        Projections of views of the same `n` samples, in the same order. Global views come first;
        small crops follow.
    directions : Tensor of shape (d, s)
        Columns of length 1, best drawn anew for every batch; see :func:`sigreg`.
    n_global : int
        Number of global views.
    weight : float
        The :math:`\lambda` of the formula, between 0 and 1.

    Returns
    -------
    Tensor of shape ()

    Raises
    ------
    ValueError
        If the shapes of the views are not equal, `n_global` is not between 1 and their number,
        `directions` does not match, or `weight` is not between 0 and 1.

    References
    ----------
    Balestriero and LeCun, "LeJEPA: Provable and Scalable Self-Supervised Learning Without the
    Heuristics", 2025. https://arxiv.org/abs/2511.08544

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import lejepa
    >>> z = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    >>> lejepa([z, z], directions=torch.eye(2)) < lejepa([z, -z], directions=torch.eye(2))
    tensor(True)
    """
    stacked = check_views(views)
    check_between(0, 1, weight=weight)
    with full_precision(stacked) as (stacked,):
        invariance = _distance_to_center(stacked, n_global)
        return (1 - weight) * invariance + weight * sigreg(stacked, directions=directions)


def visreg(
    views: Sequence[Tensor] | Tensor,
    *,
    directions: Tensor,
    n_global: int = 2,
    weight: float = 0.9,
    center_weight: float = 1.0,
    scale_weight: float = 1.0,
    shape_weight: float = 1.0,
) -> Tensor:
    r"""Invariance, and sketched Gaussian centre, scale and shape, the loss of VISReg.

    With :math:`z_v` the projections of a view, :math:`\mu` the mean of the global ones, and
    :math:`m_{vj}`, :math:`\sigma_{vj}` the mean and the biased standard deviation of a dimension
    over the samples,

    .. math::
        (1 - \lambda) \, \operatorname{mean} (z_v - \mu)^2 + \lambda \bigl[
        w_c \operatorname{mean} m_{vj}^2
        + w_s \operatorname{mean} (1 - \sigma_{vj})^2
        + w_h \operatorname{mean} \bigl( \operatorname{sort}_i (\hat z_{vi} \cdot a)
        - \Phi^{-1}(\tfrac{i}{n + 1}) \bigr)^2 \bigr]

    The last term, the shape, is a sliced Wasserstein distance: :math:`\hat z` are standardised
    projections, whose :math:`\sigma` lets no gradient through, :math:`a` the directions, and
    :math:`\Phi^{-1}` the quantiles of the standard normal distribution. The gradient of the scale
    does not vanish where the embedding collapses.

    Parameters
    ----------
    views : sequence of Tensor of shape (n, d), or Tensor of shape (v, n, d)
        Projections of views of the same `n` samples, in the same order, with ``n >= 2``. Global
        views come first; small crops follow.
    directions : Tensor of shape (d, s)
        Columns of length 1, best drawn anew for every batch.
    n_global : int
        Number of global views.
    weight : float
        The :math:`\lambda` of the formula, between 0 and 1. The paper recommends 0.6 for small
        data sets.
    center_weight, scale_weight, shape_weight : float
        :math:`w_c`, :math:`w_s` and :math:`w_h`.

    Returns
    -------
    Tensor of shape ()

    Raises
    ------
    ValueError
        If the shapes of the views are not equal with ``n >= 2``, `n_global` is not between 1 and
        their number, `directions` does not match, or `weight` is not between 0 and 1.

    References
    ----------
    Wu, Balestriero and Levine, "VISReg: Variance-Invariance-Sketching Regularization for JEPA
    training", 2026. https://arxiv.org/abs/2606.02572

    Examples
    --------
    >>> import torch
    >>> from skssl.losses import visreg
    >>> z = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
    >>> visreg([z, z], directions=torch.eye(2)) < visreg([0 * z, 0 * z], directions=torch.eye(2))
    tensor(True)
    """
    stacked = check_views(views, min_samples=2)
    _check_directions(stacked, directions)
    check_between(0, 1, weight=weight)
    with full_precision(stacked) as (stacked,):
        invariance = _distance_to_center(stacked, n_global)
        mean = stacked.mean(dim=1, keepdim=True)
        std = stacked.std(dim=1, correction=0, keepdim=True)
        standardised = (stacked - mean) / (std.detach() + 1e-4)
        regularisation = (
            center_weight * mean.square().mean()
            + scale_weight * (1 - std).square().mean()
            + shape_weight * _distance_to_normal(standardised @ directions.to(stacked.dtype))
        )
        return (1 - weight) * invariance + weight * regularisation


def _distance_to_center(views: Tensor, n_global: int) -> Tensor:
    """Mean squared distance of all views (v, n, d) to the mean of the first `n_global`."""
    if not 1 <= n_global <= len(views):
        raise ValueError(f"n_global={n_global!r} must be between 1 and the {len(views)} views.")
    return (views - views[:n_global].mean(dim=0)).square().mean()


def _distance_to_normal(x: Tensor) -> Tensor:
    """Mean squared Wasserstein distance of the columns of (..., n, s) to the standard normal."""
    n = x.shape[-2]
    positions = torch.arange(1, n + 1, dtype=x.dtype, device=x.device) / (n + 1)
    quantiles: Tensor = torch.special.ndtri(positions).unsqueeze(-1)
    return (x.sort(dim=-2).values - quantiles).square().mean()


def _check_directions(z: Tensor, directions: Tensor) -> None:
    if z.ndim < 2 or directions.ndim != 2 or len(directions) != z.shape[-1]:
        raise ValueError(
            "z and directions must have the shapes (..., n_samples, n_dimensions) and "
            "(n_dimensions, n_directions), "
            f"got {tuple(z.shape)} and {tuple(directions.shape)}."
        )
