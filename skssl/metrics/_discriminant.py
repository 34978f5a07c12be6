"""How samples differ beyond what their views differ in, by linear discriminant analysis."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from skssl.metrics._checks import check_views
from skssl.metrics._rank import effective_rank


def lidar_score(Z: ArrayLike | Tensor, *, delta: float = 1e-4) -> float:
    r"""LiDAR: a smooth count of the dimensions that tell samples apart whatever the view.

    Each of `n` samples is a class of its own, whose `q` views are its members. With the mean
    :math:`\mu_i` of the views of a sample, the mean :math:`\mu` of these, and

    .. math:: S_b = \frac{1}{n - 1} \sum_i (\mu_i - \mu)(\mu_i - \mu)^\top, \qquad
              S_w = \frac{1}{n (q - 1)} \sum_{i, v} (z_{iv} - \mu_i)(z_{iv} - \mu_i)^\top
              + \delta I

    it is the effective rank of the matrix of linear discriminant analysis,
    :math:`S_w^{-1/2} S_b S_w^{-1/2}`, whose eigenvalues :math:`\lambda_k` are weighed as in
    :func:`rankme_score`:

    .. math:: \exp\left(-\sum_k p_k \log p_k\right), \qquad
              p_k = \frac{\lambda_k}{\sum_l \lambda_l} + 10^{-7}

    Higher is healthier: unlike the plain rank, it does not count directions in which the views of
    one sample differ as much as samples do, such as noise.

    It weighs directions relative to each other and not their strength: an embedding that tells
    samples apart poorly, but equally poorly in all directions, scores high, and so may random
    weights. It grows with `n`, and where there are fewer views in all, ``n (q - 1)``, than
    dimensions, `delta` decides about the rest. `delta` is absolute, so values depend on the scale
    of the embedding where the views hardly differ. Compare values for the same samples and views
    only.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n_samples, n_views, d)
        The embeddings of at least 2 views of each of at least 2 samples, such as
        :func:`skssl.model_selection.embed_views` makes. The paper has 1,000 samples with 50 views.
    delta : float, default=1e-4
        Added to the variances within the samples; above 0.

    Returns
    -------
    float
        Between 1 and ``min(n_samples - 1, d)``. An embedding that is the same for all samples
        has 1.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite, or if `delta` is not
        positive.

    References
    ----------
    Thilak, Huang, Saremi, Dinh, Goh, Nakkiran, Susskind and Littwin, "LiDAR: Sensing Linear Probing
    Performance in Joint Embedding SSL Architectures", ICLR 2024. https://arxiv.org/abs/2312.04000

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import lidar_score
    >>> samples = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> round(lidar_score(np.stack([samples, samples], axis=1)), 4)
    2.0
    """
    if not delta > 0:
        raise ValueError(f"delta must be above 0, got {delta!r}.")
    views = check_views(Z)
    between, within = _scatter(views)
    within.diagonal().add_(delta)
    # The means of n samples span no more than n - 1 directions; the others are rounding.
    rank = min(len(views) - 1, len(within))
    ratios, _ = _discriminants(between, within)
    return effective_rank(ratios[-rank:].clamp(min=0))


def view_information_score(Z: ArrayLike | Tensor, *, shrinkage: float = 0.01) -> float:
    r"""View information: how much a view tells about which sample it is of.

    With :math:`S_b` and :math:`S_w` the matrices of :func:`lidar_score`, without its
    :math:`\delta`, signal is how samples differ, free of what the views bring into their means, and
    noise how views do, shrunk towards a sphere by a part :math:`\gamma` of the whole variance:

    .. math:: S = S_b - \tfrac1q S_w, \qquad
              N = S_w + \frac{\gamma}{d} \operatorname{tr}(S_b + S_w)\, I

    The directions :math:`u_k` in which signal and noise are independent, the generalised
    eigenvectors of the two, are taken from one half of the samples (every other one), the ratios

    .. math:: \lambda_k = \frac{u_k^\top S u_k}{u_k^\top N u_k}

    from the other half, and the score is the mean over both ways of

    .. math:: \tfrac12 \sum_k \log(1 + \lambda_k)

    which estimates the mutual information, in nats, of a sample and the embedding of one of its
    views, as if both were Gaussian. Higher is better: the embedding tells samples apart in many
    directions, and in each of them clearly. Other metrics here see one of the two: how many
    directions (LiDAR, RankMe), or how clearly (the retrieval of views).

    Scale and rotation do not matter, and neither do more views but for less variance. Since no
    sample is asked about directions that were chosen by it, noise has about 0, on either side, and
    so has collapse. It knows what views leave alone and not what a task needs: methods that gather
    like samples lose what tells these apart, which may be right, and what no view changes, such as
    a background, counts.

    Values can only be compared for the same samples, in the same order, and the same views. One
    more is a factor of e, 2.7, in how many samples a view tells apart. The fewer the samples, the
    more chance there is in the score, and the higher it is: directions from a small half are not
    independent in the other half, where each counts what others have counted. Below 200 samples
    or so, compare at most trainings that are far apart.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n_samples, n_views, d)
        The embeddings of at least 2 views of each of at least 4 samples, such as
        :func:`skssl.model_selection.embed_views` makes; best some hundreds or more.
    shrinkage : float, default=0.01
        Part :math:`\gamma` of the mean variance that is added to the noise of every direction;
        above 0.

    Returns
    -------
    float
        From about 0 on. An embedding that is the same for all samples has 0.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite, or if `shrinkage` is not
        positive.

    Notes
    -----
    It is not a metric of the literature, but LiDAR's matrix, with the logarithmic determinant in
    place of the rank, by cross-fitting: the capacity of parallel Gaussian channels, one for each
    direction, of which :math:`\lambda_k` are the ratios of signal to noise.

    References
    ----------
    Thilak, Huang, Saremi, Dinh, Goh, Nakkiran, Susskind and Littwin, "LiDAR: Sensing Linear Probing
    Performance in Joint Embedding SSL Architectures", ICLR 2024. https://arxiv.org/abs/2312.04000

    Cover and Thomas, "Elements of Information Theory", 2nd edition, 2006, chapter 9.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import view_information_score
    >>> rng = np.random.default_rng(0)
    >>> samples = rng.normal(size=(1000, 1, 3))
    >>> round(view_information_score(samples + rng.normal(size=(1000, 4, 3))), 1)
    1.0
    >>> view_information_score(np.ones((1000, 2, 3)))
    0.0
    >>> for n in (20, 1000):  # how far noise is from 0
    ...     noise = [view_information_score(rng.normal(size=(n, 4, 64))) for _ in range(9)]
    ...     print(n, np.std(noise).round(1))
    20 0.4
    1000 0.0
    """
    if not shrinkage > 0:
        raise ValueError(f"shrinkage must be above 0, got {shrinkage!r}.")
    views = check_views(Z, min_samples=4)
    halves = [_signal_and_noise(half, shrinkage) for half in (views[::2], views[1::2])]
    if any(noise.trace() <= _rounding(views) for _, noise in halves):
        return 0.0
    first, second = halves
    return (_information(first, second) + _information(second, first)) / 2


def _information(fitted: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> float:
    """Return the information in the directions of some samples, as other samples have it."""
    _, directions = _discriminants(*fitted)
    signal, noise = (((matrix @ directions) * directions).sum(dim=0) for matrix in other)
    return 0.5 * float(torch.log1p(signal / noise).sum())


def _signal_and_noise(views: Tensor, shrinkage: float) -> tuple[Tensor, Tensor]:
    between, within = _scatter(views)
    signal = between - within / views.shape[1]
    within.diagonal().add_(shrinkage * (between.trace() + within.trace()) / len(within))
    return signal, within


def _scatter(views: Tensor) -> tuple[Tensor, Tensor]:
    """Return the covariance of the samples' means, and the mean covariance of views."""
    n, q, _ = views.shape
    means = views.mean(dim=1)
    deviations = means - means.mean(dim=0)
    within = (views - means[:, None]).flatten(0, 1)
    return deviations.T @ deviations / (n - 1), within.T @ within / (n * (q - 1))


def _rounding(views: Tensor) -> float:
    """Return the variance that sums over views of equal values may leave."""
    n, q, d = views.shape
    return d * float(n * q * torch.finfo(views.dtype).eps * views.abs().max()) ** 2


def _discriminants(between: Tensor, within: Tensor) -> tuple[Tensor, Tensor]:
    """Return the ratios of two covariances in ascending order, and their directions as columns."""
    root = torch.linalg.cholesky(within)
    halfway = torch.linalg.solve_triangular(root, between, upper=False)
    matrix = torch.linalg.solve_triangular(root, halfway.T, upper=False)
    ratios, vectors = torch.linalg.eigh(matrix)
    return ratios, torch.linalg.solve_triangular(root.T, vectors, upper=True)
