"""Whether the classes that were guessed for rows without a label can be right."""

from __future__ import annotations

import warnings

import numpy as np

from skssl.exceptions import CollapseWarning

# Of the classes that the labels make use of, the part that guesses at least make use of.
_FEWEST = 0.5


def warn_of_few_classes(
    guesses: np.ndarray, targets: np.ndarray, classes: np.ndarray, *, caller: str, how: str
) -> None:
    """Warn if guesses gather in far fewer classes than the labels do.

    The number of classes is the exponential of the entropy of their shares.

    Parameters
    ----------
    guesses, targets : ndarray of int
        Classes of the rows without a label, and of those with one.
    classes : ndarray
        The labels of the classes.
    caller, how : str
        The estimator and its parameter, for the message.
    """
    found, known = _shares(guesses, len(classes)), _shares(targets, len(classes))
    if _effective(found) > _FEWEST * _effective(known):
        return
    most = int(found.argmax())
    warnings.warn(
        f"{caller}: {found[most]:.0%} of the rows without a label are taken for class "
        f"{classes[most]}, as {known[most]:.0%} of the labels are. If that cannot be, "
        f"semi_supervised={how!r} has learned its own errors: use semi_supervised='none', or label "
        "more rows.",
        CollapseWarning,
        stacklevel=6,
    )


def _shares(numbers: np.ndarray, n_classes: int) -> np.ndarray:
    return np.bincount(numbers, minlength=n_classes) / max(1, len(numbers))


def _effective(shares: np.ndarray) -> float:
    some = shares[shares > 0]
    return float(np.exp(-(some * np.log(some)).sum()))
