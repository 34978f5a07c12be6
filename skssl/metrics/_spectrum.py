"""How evenly an embedding spreads over its dimensions, by its spectrum."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from skssl.metrics._checks import check_embedding

# The first and the last eigenvalue that the power law is fitted to, those of the authors, and the
# largest part of the rank.
_FIRST, _LAST, _PART = 4, 100, 0.5
_FEWEST = 3


def eigenspectrum_decay(Z: ArrayLike | Tensor) -> float:
    r"""Exponent of the power law by which the variances of the principal components decay.

    With :math:`\lambda_1 \ge \lambda_2 \ge \dots` the eigenvalues of the covariance of `Z`, it is
    the :math:`\alpha` of a least-squares fit of
    :math:`\log \lambda_j = -\alpha \log j + c` with weights :math:`1 / j`, so that each octave of
    places counts about the same. The fit is over :math:`j = 4, \dots, 100`, or to half of the
    numerical rank if that is less, since the ends of a spectrum seldom follow the law; over all of
    it where that leaves fewer than three.

    0 is a flat spectrum, which has noise in it; values far above 1 belong to embeddings with few
    dimensions. :func:`alpha_req_score` makes a score of it.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples, with ``n >= 2``.

    Returns
    -------
    float
        Not negative; infinite if there is no more than one direction.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite.

    Notes
    -----
    Weights and places are those of the authors' code (``stringer_get_powerlaw`` with
    ``np.arange(3, 100)``, which counts from 0), which has the fit from Stringer et al. It knows no
    spectra of fewer than 100 directions; half of the rank is ours.

    References
    ----------
    Agrawal, Mondal, Ghosh and Richards, "α-ReQ: Assessing Representation Quality in
    Self-Supervised Learning by measuring eigenspectrum decay", NeurIPS 2022.

    Stringer, Pachitariu, Steinmetz, Carandini and Harris, "High-dimensional geometry of population
    responses in visual cortex", Nature 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import eigenspectrum_decay
    >>> steps = np.concatenate([np.eye(8), -np.eye(8)])
    >>> round(abs(eigenspectrum_decay(steps)), 6)
    0.0
    >>> round(eigenspectrum_decay(steps * np.arange(1, 9) ** -0.75), 6)
    1.5
    """
    variances = _covariance_spectrum(Z)
    rank = int((variances > variances[0] * len(variances) * torch.finfo(torch.double).eps).sum())
    if rank < 2:
        return float("inf")
    last = min(_LAST, int(_PART * rank))
    first = _FIRST if last - _FIRST + 1 >= _FEWEST else 1
    last = last if first == _FIRST else rank
    places = torch.arange(first, last + 1, dtype=torch.double, device=variances.device)
    along, height = places.log(), variances[first - 1 : last].log()
    weights = 1 / places
    weighted = weights * (along - (weights @ along) / weights.sum())
    # Descending values have no negative slope but by rounding.
    return max(0.0, -float((weighted @ height) / (weighted @ along)))


def alpha_req_score(Z: ArrayLike | Tensor) -> float:
    r"""α-ReQ: how near the decay of the spectrum is to the one that is best in theory.

    :math:`-|\alpha - 1|`, with the exponent :math:`\alpha` of :func:`eigenspectrum_decay`. Higher
    is better: a slower decay than :math:`1 / j` is that of noise, a faster one leaves dimensions
    unused.

    The law has to hold for the value to mean much, which it does for large networks and many
    samples; spectra with few dimensions have no middle to fit it to. That 1 is best comes from the
    theory of wide networks and from images; here, too, noise of the right colour scores well, and
    random weights can.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples, with ``n >= 2``.

    Returns
    -------
    float
        At most 0; minus infinity if there is no more than one direction.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite.

    References
    ----------
    Agrawal, Mondal, Ghosh and Richards, "α-ReQ: Assessing Representation Quality in
    Self-Supervised Learning by measuring eigenspectrum decay", NeurIPS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import alpha_req_score
    >>> steps = np.concatenate([np.eye(8), -np.eye(8)])
    >>> round(alpha_req_score(steps * np.arange(1, 9) ** -0.75), 6)
    -0.5
    """
    return -abs(eigenspectrum_decay(Z) - 1)


def nesum_score(Z: ArrayLike | Tensor) -> float:
    r"""NESum: the sum of the eigenvalues of the covariance, in units of the largest.

    .. math:: \sum_j \frac{\lambda_j}{\lambda_1}

    Higher is healthier: it is 1 if all variance is in one direction, and ``min(n - 1, d)`` if the
    embedding is white.

    It looks at the first direction above all: one that is strong, such as brightness, makes it low
    however many others there are. Noise is white, so it scores high, and random weights may.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples, with ``n >= 2``.

    Returns
    -------
    float
        Between 1 and ``min(n - 1, d)``. An embedding that is the same for all samples has 1.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite.

    References
    ----------
    He and Ozay, "Exploring the Gap between Collapsed & Whitened Features in Self-Supervised
    Learning", ICML 2022. https://proceedings.mlr.press/v162/he22c.html

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import nesum_score
    >>> round(nesum_score([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), 6)
    1.25
    """
    return _in_units_of_the_first(_covariance_spectrum(Z))


def stable_rank_score(Z: ArrayLike | Tensor) -> float:
    r"""Stable rank: the squared Frobenius norm in units of the squared spectral norm.

    With :math:`\sigma_j` the singular values of `Z`, which is not centred,

    .. math:: \frac{\|Z\|_F^2}{\|Z\|_2^2} = \sum_j \frac{\sigma_j^2}{\sigma_1^2}

    Higher is healthier: from 1, where all samples are on one line through zero, to ``min(n, d)``.

    What all samples share is one heavy direction, since nothing is centred, which keeps embeddings
    that end in a ReLU near 1. It shares the failure modes of :func:`nesum_score` otherwise, which
    centres.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples.

    Returns
    -------
    float
        Between 1 and ``min(n, d)``. An embedding of nothing but zeros has 1.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite.

    References
    ----------
    Tsitsulin, Munkhoeva and Perozzi, "Unsupervised Embedding Quality Evaluation", 2023.
    https://arxiv.org/abs/2305.16562

    Examples
    --------
    >>> from skssl.metrics import stable_rank_score
    >>> round(stable_rank_score([[2.0, 0.0], [0.0, 1.0]]), 6)
    1.25
    """
    return _in_units_of_the_first(_squared_singular_values(check_embedding(Z)))


def _squared_singular_values(matrix: Tensor) -> Tensor:
    """Return them in descending order."""
    n, d = matrix.shape
    gram = matrix.T @ matrix if d < n else matrix @ matrix.T
    ascending: Tensor = torch.linalg.eigvalsh(gram)
    return ascending.clamp(min=0).flip(0)


def _covariance_spectrum(Z: ArrayLike | Tensor) -> Tensor:
    """Return the eigenvalues of the covariance in descending order; zeros if nothing varies."""
    checked = check_embedding(Z, min_samples=2)
    centred = checked - checked.mean(dim=0)
    # A column that is constant may differ from its mean by rounding.
    rounding = checked.abs().amax(dim=0) * len(checked) * torch.finfo(torch.double).eps
    centred = torch.where(centred.abs().amax(dim=0) > rounding, centred, 0.0)
    return _squared_singular_values(centred) / (len(checked) - 1)


def _in_units_of_the_first(squares: Tensor) -> float:
    if not squares[0] > 0:
        return 1.0
    return max(1.0, float(squares.sum() / squares[0]))
