"""Whether the classes that were guessed for rows without a label can be right."""

from __future__ import annotations

import numpy as np
import torch

from skssl._warn import warn
from skssl.exceptions import CollapseWarning
from skssl.metrics._rank import effective_rank

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
        torch.from_numpy(np.bincount(numbers, minlength=len(classes)) / len(numbers))
        for numbers in (guesses, targets)
    )
    if effective_rank(found) > _FEWEST * effective_rank(known):
        return
    most = int(found.argmax())
    warn(
        f"{caller}: {found[most]:.0%} of the rows without a label are taken for class "
        f"{classes[most]}, but {known[most]:.0%} of the labels are of it. If that cannot be, "
        f"semi_supervised={how!r} has learned its own errors: use semi_supervised='none', or label "
        "more rows.",
        CollapseWarning,
    )
