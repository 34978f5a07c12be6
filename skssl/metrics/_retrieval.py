"""Whether an embedding recognises the samples of which it sees views."""

from __future__ import annotations

import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from skssl.metrics._checks import check_embedding

# Differences of cosines that are rounding.
_TIE = 1e-9


def view_retrieval_score(Z1: ArrayLike | Tensor, Z2: ArrayLike | Tensor) -> float:
    """Share of samples whose other view is the nearest of all other views.

    Each row of `Z1` looks for the row of `Z2` with the highest cosine similarity, and the other
    way round; found is who finds the row of its own number. The score is the mean of both
    directions. Where several rows are equally near, one of them is taken to be picked at random,
    so an embedding that is the same for all samples has ``1 / n``, and not 1.

    It lies between 0 and 1, where every sample is recognised: higher is healthier. Weak views make
    the task easy even for an encoder with random weights, more samples make it harder, and
    near-duplicates in the data keep it low: values can only be compared for the same samples and
    views. It says nothing about whether like samples are near each other, and a method that gathers
    them, by clusters or otherwise, may rightly have a low score.

    Parameters
    ----------
    Z1, Z2 : array-like or Tensor of shape (n, d)
        The embeddings of two views of the same `n` samples, in the same order.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the shapes are not two equal shapes (n, d), or if there are values that are NaN or
        infinite.

    References
    ----------
    Wu, Xiong, Yu and Lin, "Unsupervised Feature Learning via Non-Parametric Instance
    Discrimination", CVPR 2018. https://arxiv.org/abs/1805.01978

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import view_retrieval_score
    >>> view_retrieval_score(np.eye(4), np.eye(4))
    1.0
    >>> view_retrieval_score(np.ones((4, 2)), np.ones((4, 2)))
    0.25
    """
    cosines = _cosines(Z1, Z2)
    return (_share_found(cosines) + _share_found(cosines.T)) / 2


def view_ranking_score(Z1: ArrayLike | Tensor, Z2: ArrayLike | Tensor) -> float:
    r"""Chance that the other view of a sample is nearer than a view of some other sample.

    With :math:`s_{ij}` the cosine similarity of row :math:`i` of `Z1` and row :math:`j` of `Z2`,

    .. math:: \frac{1}{n (n - 1)} \sum_{i \ne j} \tfrac12 \left([s_{ii} > s_{ij}]
              + [s_{ii} > s_{ji}]\right)

    where a tie counts one half: the area under the ROC curve of telling one's own view from
    others, by sample. It is 0.5 by chance, and 1 where every sample is recognised: higher is
    healthier.

    It asks less than :func:`view_retrieval_score`, hardly depends on `n`, and varies less from one
    draw of views to the next, which makes it a better sign of whether anything was learned about
    the views. It shares the failure modes: weak views make it high from the start, and it says
    nothing about whether like samples are near each other.

    Parameters
    ----------
    Z1, Z2 : array-like or Tensor of shape (n, d)
        The embeddings of two views of the same `n` samples, with ``n >= 2``, in the same order.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If the shapes are not two equal shapes (n, d), or if there are values that are NaN or
        infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import view_ranking_score
    >>> view_ranking_score(np.eye(4), np.eye(4))
    1.0
    >>> view_ranking_score(np.ones((4, 2)), np.ones((4, 2)))
    0.5
    """
    cosines = _cosines(Z1, Z2, min_samples=2)
    return (_share_farther(cosines) + _share_farther(cosines.T)) / 2


def _cosines(Z1: ArrayLike | Tensor, Z2: ArrayLike | Tensor, *, min_samples: int = 1) -> Tensor:
    first = F.normalize(check_embedding(Z1, name="Z1", min_samples=min_samples), dim=1)
    second = F.normalize(check_embedding(Z2, name="Z2", min_samples=min_samples), dim=1)
    if first.shape != second.shape:
        raise ValueError(
            "Z1 and Z2 must have the same shape (n_samples, n_dimensions), "
            f"got {tuple(first.shape)} and {tuple(second.shape)}."
        )
    return first @ second.T


def _share_found(cosines: Tensor) -> float:
    """Share of rows whose largest value is on the diagonal."""
    nearest = cosines >= cosines.amax(dim=1, keepdim=True) - _TIE
    return (nearest.diagonal().double() / nearest.sum(dim=1)).mean().item()


def _share_farther(cosines: Tensor) -> float:
    """Share of values off the diagonal that are below that of their row on it."""
    n = len(cosines)
    lead = cosines.diagonal()[:, None] - cosines
    farther = (lead > _TIE).double() + 0.5 * (lead.abs() <= _TIE)
    return (farther.sum().item() - n / 2) / (n * (n - 1))
