"""How far apart two rows of a table are, by scores of the same draws."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

# Closer ones are called level.
_ERRORS_APART = 2


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference between the scores of two rows, and how sure it is.

    What :func:`paired_difference` returns.

    Parameters
    ----------
    mean : float
        Above 0 if the first row is the better one.
    error : float
        Standard error of the mean; infinite where nothing tells it: of a single draw, or of draws
        that are all the same.
    """

    mean: float
    error: float

    @property
    def verdict(self) -> str:
        """One of "ahead", "level" and "behind"; level within two standard errors."""
        if abs(self.mean) <= _ERRORS_APART * self.error:
            return "level"
        return "ahead" if self.mean > 0 else "behind"

    def against(self, other: str) -> str:
        """Say how the first row is to the other one.

        Parameters
        ----------
        other : str
            Name of the other row.

        Returns
        -------
        words : str
            Such as "ahead of raw by 0.021 ± 0.006" or "level with raw (0.002 ± 0.004)".
        """
        size = f"{abs(self.mean):.3f} ± {self.error:.3f}"
        return {
            "ahead": f"ahead of {other} by {size}",
            "level": f"level with {other} ({self.mean:.3f} ± {self.error:.3f})",
            "behind": f"behind {other} by {size}",
        }[self.verdict]


def paired_difference(scores: ArrayLike, others: ArrayLike) -> PairedDifference:
    """Return by how much one row is ahead of another one, from scores of the same draws.

    Draws of labelled rows differ far more than two models do on the same draw, so it is the
    differences, draw by draw, that tell the models apart. Where methods were trained with several
    seeds, the seeds add to the error what they vary.

    A greater score is the better one. For errors, where less is better, pass those of the other row
    first. Draws may as well be other things that were measured alike for both rows, such as single
    test rows, if these are independent. Those that are not, such as windows of one recording that
    overlap, make the error too small: take the mean of each recording first.

    Where neither row's score changes from draw to draw, all draws were of the same samples, and
    tell as much as one.

    Parameters
    ----------
    scores, others : array-like of shape (n_draws,) or (n_seeds, n_draws)
        The same draws, in the same order. One row may have several seeds and the other one a
        single one.

    Returns
    -------
    difference : PairedDifference
        Mean and standard error of ``scores - others``.

    Examples
    --------
    >>> from skssl.inspection import paired_difference
    >>> difference = paired_difference([0.7, 0.5, 0.9, 0.6], [0.6, 0.4, 0.7, 0.5])
    >>> difference.verdict
    'ahead'
    >>> difference.against("raw pixels")
    'ahead of raw pixels by 0.125 ± 0.025'
    """
    difference = two_way_difference(np.atleast_2d(scores) - np.atleast_2d(others))
    if difference.mean and not (np.ptp(scores) or np.ptp(others)):
        return PairedDifference(difference.mean, np.inf)
    return difference


def two_way_difference(differences: np.ndarray) -> PairedDifference:
    """Return the mean of differences whose rows and whose columns were both drawn.

    Parameters
    ----------
    differences : ndarray of shape (n_seeds, n_draws) or (n_draws, n_test_rows)
    """
    variances = [
        differences.mean(axis=axis).var(ddof=1) / n
        for axis, n in enumerate(reversed(differences.shape))
        if n > 1
    ]
    error = math.sqrt(sum(variances)) if variances else math.nan
    return PairedDifference(float(differences.mean()), math.inf if math.isnan(error) else error)
