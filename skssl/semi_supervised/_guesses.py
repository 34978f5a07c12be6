"""Whether the classes that were guessed for rows without a label can be right."""

from __future__ import annotations

import numpy as np
from scipy.stats import entropy

from skssl._warn import warn
from skssl.exceptions import CollapseWarning

# Of the classes that the labels make use of, the part that guesses at least make use of.
_FEWEST = 0.5


def warn_of_few_classes(
    guesses: np.ndarray, targets: np.ndarray, classes: np.ndarray, *, caller: str, how: str
) -> None:
    """Warn if guesses gather in far fewer classes than the labels do.

    Parameters
    ----------
    guesses, targets : ndarray of int
        Classes of the rows without a label, and of those with one.
    classes : ndarray
        The labels of the classes.
    caller, how : str
        The estimator and its parameter, for the message.
    """
    found, known = (
        np.bincount(numbers, minlength=len(classes)) / len(numbers)
        for numbers in (guesses, targets)
    )
    # The exponential of the entropy counts classes by how much use is made of them.
    if np.exp(entropy(found)) > _FEWEST * np.exp(entropy(known)):
        return
    most = int(found.argmax())
    warn(
        f"{caller}: {found[most]:.0%} of the rows without a label are taken for class "
        f"{classes[most]}, but {known[most]:.0%} of the labels are of it. If that cannot be, "
        f"semi_supervised={how!r} has learned its own errors: use semi_supervised='none', or label "
        "more rows.",
        CollapseWarning,
    )
