"""How many dimensions an embedding fills."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from skssl.metrics._checks import check_embedding

_EPSILON = 1e-7


def rankme_score(Z: ArrayLike | Tensor) -> float:
    r"""RankMe: a smooth count of the dimensions that an embedding fills.

    With :math:`\sigma_1, \dots, \sigma_m` the singular values of `Z`, which is not centred, and
    :math:`m = \min(n, d)`,

    .. math:: \exp\left(-\sum_k p_k \log p_k\right), \qquad
              p_k = \frac{\sigma_k}{\sum_l \sigma_l} + 10^{-7}

    It lies between 1, where all samples are on one line, and :math:`m`, where all directions
    weigh the same: higher is healthier, and goes with accuracy among the runs of one method on
    the same data.

    It grows with the number of samples, so it can only be compared for the same `n` (the paper has
    25,600). Noise has full rank, and an encoder with random weights can outrank a trained one.
    What all samples share counts as one heavy direction, since nothing is centred, so embeddings
    that end in a ReLU get low values. Where classes are few and clear, a lower rank may be the
    better one.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples.

    Returns
    -------
    float
        Between 1 and ``min(n, d)``; but for the small constant, at most ``min(n - 1, d)`` where the
        columns have a mean of zero, as their rank is. An embedding of nothing but zeros has 1.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite.

    Notes
    -----
    The small constant is added to the shares, as the paper writes it, and not within the logarithm
    or before normalising, as some implementations do.

    References
    ----------
    Garrido, Balestriero, Najman and LeCun, "RankMe: Assessing the Downstream Performance of
    Pretrained Self-Supervised Representations by Their Rank", ICML 2023.
    https://arxiv.org/abs/2210.02885

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import rankme_score
    >>> round(rankme_score(np.eye(4)), 4)
    4.0
    """
    checked = check_embedding(Z)
    n, d = checked.shape
    # Eigenvalues of the smaller Gram matrix take a third of the time of singular values. What
    # float64 loses by it, 1e-8 of the largest one, is below the constant.
    gram = checked.T @ checked if d < n else checked @ checked.T
    singular_values = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
    return effective_rank(singular_values)


def effective_rank(weights: Tensor) -> float:
    """Return the exponential of the entropy of the shares of `weights`; 1 if all are 0.

    At most their number, which the constant would exceed where all weigh the same.
    """
    total = weights.sum()
    if not total > 0:
        return 1.0
    p = weights / total + _EPSILON
    return min(float(len(weights)), float(torch.exp(-(p * p.log()).sum())))
