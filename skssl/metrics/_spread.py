"""How far an embedding is spread out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from skssl.metrics._checks import check_embedding

# What float32 leaves of a column that is constant, in proportion to its largest value.
_ROUNDING = 1e-6


def embedding_std(Z: ArrayLike | Tensor) -> float:
    r"""Measure how widely the directions of the embedding are spread, by their standard deviation.

    With :math:`u_i = z_i / \|z_i\|` and :math:`\sigma_j` the (biased) standard deviation of the
    :math:`j`-th column of :math:`u`,

    .. math:: \frac{1}{\sqrt d} \sum_{j=1}^d \sigma_j
              \;\le\; \sqrt{1 - \left\|\tfrac1n \sum_i u_i\right\|^2}

    It is 0 if all samples have the same direction, which is collapse, and 1 if they are spread
    evenly in all directions: higher is healthier, up to a point.

    Embeddings that end in a ReLU share a direction, which alone keeps healthy ones below 1; values
    can only be compared for the same encoder and data. A low rank is hardly seen: points on a
    circle in a plane of many dimensions reach a high value if the plane is askew. Use
    :func:`rankme_score` for that.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples, with ``n >= 2``. It need not be normalised.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite.

    References
    ----------
    Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021, section 4.1.
    https://arxiv.org/abs/2011.10566

    Examples
    --------
    >>> from skssl.metrics import embedding_std
    >>> embedding_std([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    1.0
    >>> embedding_std([[1.0, 2.0], [2.0, 4.0]])
    0.0
    """
    directions = F.normalize(check_embedding(Z, min_samples=2), dim=1)
    d = directions.shape[1]
    # Rounding must not leave [0, 1].
    return float(min(1.0, directions.std(dim=0, correction=0).mean().item() * d**0.5))


def mean_correlation(Z: ArrayLike | Tensor) -> float:
    r"""Average the absolute correlation of every two dimensions of the embedding.

    With :math:`r_{jk}` the correlation of columns :math:`j` and :math:`k`, over the :math:`m`
    columns that are not constant,

    .. math:: \frac{1}{m (m - 1)} \sum_{j \ne k} |r_{jk}|

    It is 0 if no dimension repeats another, and 1 if all say the same, which is dimensional
    collapse: lower is healthier.

    Constant columns, such as those of units that never fire, have no correlation and are left
    out: an embedding that collapsed to a few varying columns can look healthy. Of `n` samples,
    even independent columns have a mean near :math:`\sqrt{2 / (\pi n)}`, so values can only be
    compared for the same number of samples.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples, with ``n >= 2``.

    Returns
    -------
    float
        Between 0 and 1; NaN if fewer than two columns vary.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite.

    References
    ----------
    Zbontar, Jing, Misra, LeCun and Deny, "Barlow Twins: Self-Supervised Learning via Redundancy
    Reduction", ICML 2021. https://arxiv.org/abs/2103.03230

    Examples
    --------
    >>> from skssl.metrics import mean_correlation
    >>> mean_correlation([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    0.0
    """
    columns = check_embedding(Z, min_samples=2)
    std = columns.std(dim=0, correction=0)
    varying = std > _ROUNDING * columns.abs().amax(dim=0)
    m = int(varying.sum())
    if m < 2:
        return float("nan")
    columns = (columns[:, varying] - columns[:, varying].mean(dim=0)) / std[varying]
    correlation = (columns.T @ columns / len(columns)).abs()
    # The diagonal of ones is taken off exactly, so that rounding cannot leave [0, 1].
    mean = (correlation.sum() - correlation.diagonal().sum()) / (m * (m - 1))
    return float(torch.clamp(mean, 0.0, 1.0))
