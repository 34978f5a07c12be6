"""One long recording, where series are expected."""

from __future__ import annotations

from typing import Any

import numpy as np

from skssl._warn import warn
from skssl.modality._base import Look
from skssl.modality._doubts import in_channels, likeness, some_numbers

# Rows with times that are alike by this, and more so than columns, are steps rather than series.
_GOES_ON = 0.5
_FEWEST = 32


def refuse_one(look: Look, min_samples: int) -> None:
    """Raise an error, which says how to cut it, if `X` is one series where more are needed."""
    if len(look.shape) == 1 and look.dtype.kind in "biuf" and not look.ragged:
        raise ValueError(
            f"X has shape {look.shape}: the steps of one series, or one step each of many. Reshape "
            "your data: series are arrays (n, channels, length). skssl.utils.windows(X, length) "
            f"cuts one recording into such series, and windows(X, {look.shape[0]}) is it as one."
        )
    if look.shape[0] == 1 < min_samples and len(look.shape) > 1:
        raise ValueError(
            f"X has 1 sample, a series of shape {look.shape[1:]}, and at least {min_samples} are "
            "needed. If it is a recording of shape (steps, channels), cut it into windows: "
            "skssl.utils.windows(recording, length)."
        )


def warn_of_steps(X: Any) -> None:
    """Warn if the rows of a frame, which are taken for series, look like steps of a recording."""
    if type(getattr(X, "index", None)).__name__ != "DatetimeIndex" or not hasattr(X, "columns"):
        return
    values = some_numbers(X)
    # Frames whose rows are series have numbers or times as columns.
    named = all(isinstance(name, str) and any(map(str.isalpha, name)) for name in X.columns)
    if values is None or len(values) < _FEWEST or not named:
        return
    down, along = (likeness(values, axis=axis) for axis in (0, 1))
    if len(down) and np.median(down) >= max(_GOES_ON, np.median(along) if len(along) else 0):
        warn(
            "X is a frame whose rows have times and go on from one another, like the steps of one "
            f"recording of {in_channels(values.shape[1])}, but each row is taken for a series. Cut "
            "it into windows, skssl.utils.windows(X, length). If its rows are series, pass "
            "X.to_numpy()."
        )


def hint(shape: tuple[int, ...], n_channels: int) -> str:
    """Say what series of another number of channels than in `fit` may be."""
    n, n_of_these, length = shape
    if n_of_these == 1 and n == n_channels:
        return " If X is one series, pass X[None]."
    if n_of_these == 1 and length == n_channels:
        return (
            " If the rows of X are the steps of one recording, pass "
            f"skssl.utils.windows(X, {n}), or that of its last steps."
        )
    if length == n_channels:
        return " If its axes are steps and channels, pass X.swapaxes(1, 2)."
    return ""
