"""How many directions tell samples apart, beyond what their views differ in."""

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
    n, q, d = views.shape
    means = views.mean(dim=1)
    between = (means - means.mean(dim=0)) / (n - 1) ** 0.5
    within = (views - means[:, None]).flatten(0, 1) / (n * (q - 1)) ** 0.5
    scatter = within.T @ within + delta * torch.eye(d, dtype=views.dtype, device=views.device)
    root = torch.linalg.cholesky(scatter)
    # The matrix of the paper has the singular values of this one, squared.
    discriminants = torch.linalg.solve_triangular(root, between.T, upper=False)
    gram = discriminants @ discriminants.T if d < n else discriminants.T @ discriminants
    return effective_rank(torch.linalg.eigvalsh(gram).clamp(min=0))
