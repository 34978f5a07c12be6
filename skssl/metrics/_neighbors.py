"""Whether like samples are near each other, by their labels."""

from __future__ import annotations

from functools import partial
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from skssl._labels import as_labels, is_missing
from skssl.metrics._checks import check_embedding


def knn_score(
    Z: ArrayLike | Tensor, y: ArrayLike, *, n_neighbors: int = 20, temperature: float = 0.1
) -> float:
    r"""Accuracy of the nearest neighbours: whether like samples are near each other.

    The one score here that needs labels. Every sample is labelled by the vote of its
    `n_neighbors` nearest of all *other* samples (leave-one-out), by cosine similarity :math:`s`
    and with weight :math:`e^{s / T}`. Higher is better.

    It has nothing to train and nothing to tune, and so is a fair first look. It undervalues what
    only a classifier can weigh: where a few of many dimensions matter, as with random features, a
    probe is well ahead of it. If classes differ in size, compare it with the share of the largest
    one.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples, with ``n >= 2``.
    y : array-like of shape (n,)
        Their classes. Leave rows without a label out.
    n_neighbors : int, default=20
        Number of neighbours that vote, at least 1; all others if there are fewer.
    temperature : float, default=0.1
        Temperature :math:`T` of the votes, above 0. The lower, the more the nearest count.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If `Z` or `y` has another shape, if `Z` has values that are NaN or infinite, or if
        `n_neighbors` or `temperature` is not allowed.

    Notes
    -----
    To score held-out rows, fit scikit-learn's ``KNeighborsClassifier(metric="cosine")`` to the
    others.

    References
    ----------
    Wu, Xiong, Yu and Lin, "Unsupervised Feature Learning via Non-Parametric Instance
    Discrimination", CVPR 2018. https://arxiv.org/abs/1805.01978

    Examples
    --------
    >>> from skssl.metrics import knn_score
    >>> knn_score([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]], [0, 0, 1, 1], n_neighbors=1)
    1.0
    """
    from sklearn.neighbors import KNeighborsClassifier

    rows = check_embedding(Z, min_samples=2).cpu().numpy()
    # Without a marker: every row has to have a label.
    labels = as_labels(y)
    if labels.shape != (len(rows),):
        raise ValueError(
            f"y must have shape (n_samples,), here ({len(rows)},), got {labels.shape}."
        )
    missing = sum(map(is_missing, labels.tolist()))
    if missing:
        raise ValueError(f"y must have a label in every row, {missing} have none.")
    if not isinstance(n_neighbors, Integral) or n_neighbors < 1:
        raise ValueError(f"n_neighbors must be an integer of at least 1, got {n_neighbors!r}.")
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature!r}.")
    voters = KNeighborsClassifier(
        n_neighbors=min(n_neighbors, len(rows) - 1),
        metric="cosine",
        weights=partial(_votes, temperature=temperature),
    )
    return float(voters.fit(rows, labels).score(None, labels))


def _votes(distances: NDArray[np.float64], *, temperature: float) -> NDArray[np.float64]:
    # Up to a factor, which no vote is changed by, and without overflow.
    nearest: NDArray[np.float64] = distances.min(axis=1, keepdims=True)
    return np.exp((nearest - distances) / temperature)
