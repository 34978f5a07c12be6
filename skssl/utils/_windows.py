"""Windows of one long recording."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from skssl._quote import quoted


def windows(
    recording: ArrayLike,
    length: int,
    step: int = 1,
    *,
    layout: Literal["channels_first", "channels_last"] = "channels_last",
) -> np.ndarray:
    """Cut one long recording into windows, without copying it.

    Each window is a sample of :class:`~skssl.modality.Series`. Windows that share steps share
    memory, so that the windows of a recording that is mapped into memory cost nothing, and fitting
    to more of them than the memory holds reads them when they are needed.

    Parameters
    ----------
    recording : array-like of shape (steps,), (steps, channels) or (channels, steps)
        One recording: an array, also a memory-mapped one, or a DataFrame of numbers. NaN is a
        missing value.
    length : int
        Steps in a window.
    step : int, default=1
        Steps from the start of a window to that of the next one. With `length`, windows follow one
        another without sharing any.
    layout : {"channels_last", "channels_first"}, default="channels_last"
        Where the channels of a recording of 2 dimensions are.

    Returns
    -------
    X : ndarray of shape (n, channels, length)
        A view that cannot be written to. What is left at the end belongs to no window.

    Raises
    ------
    ValueError
        If the recording has more than 2 dimensions or is shorter than a window, if `length`,
        `step` or `layout` is not allowed, or if the recording has a ``DatetimeIndex`` of pandas
        whose times are not in order or not regular.

    See Also
    --------
    split_windows : Training and test windows that share no step.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.utils import windows
    >>> recording = np.random.default_rng(0).normal(size=(1000, 7)).cumsum(axis=0)
    >>> X = windows(recording, length=128, step=32)
    >>> X.shape
    (28, 7, 128)
    >>> np.shares_memory(X, recording)
    True
    """
    for name, value in (("length", length), ("step", step)):
        _check_count(name, value)
    if layout not in ("channels_first", "channels_last"):
        raise ValueError(
            f"layout must be 'channels_last' or 'channels_first', got {quoted(layout)}."
        )
    _check_times(recording)
    # np.asarray would forget that an array is a memory-mapped one.
    steps = recording if isinstance(recording, np.ndarray) else np.asarray(recording)
    if steps.ndim not in (1, 2) or steps.dtype.kind not in "biuf":
        raise ValueError(
            "recording must hold numbers and have shape (steps,), (steps, channels) or, with "
            f"layout='channels_first', (channels, steps), got shape {steps.shape} and dtype "
            f"{steps.dtype}."
        )
    if steps.ndim == 1:
        steps = steps[:, None]
    elif layout == "channels_first":
        steps = steps.T
    if len(steps) < length:
        raise ValueError(
            f"length={length} is longer than the recording, which has {len(steps)} steps and "
            f"{steps.shape[1]} channel(s)."
        )
    return sliding_window_view(steps, int(length), axis=0)[:: int(step)]


def split_windows(
    n_windows: int, *, length: int, step: int, test_size: float = 0.25
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Split windows of a recording by time, so that training and test ones share no step.

    The last windows are for the test. Those before them that reach into the first of them are
    left out. With a random split, nearly every test window would share steps with training ones,
    and scores would be too good.

    Parameters
    ----------
    n_windows : int
        Number of windows, in the order of time, as :func:`windows` returns them.
    length, step : int
        As said to :func:`windows`.
    test_size : float, default=0.25
        The part of the windows that is for the test, above 0 and below 1.

    Returns
    -------
    train, test : ndarray of int
        Rows of the windows, and of labels that go with them. ``cv=[(train, test)]`` splits like
        this in a search.

    Raises
    ------
    ValueError
        If a parameter is not allowed, or no window is left to train on.

    Examples
    --------
    >>> from skssl.utils import split_windows
    >>> train, test = split_windows(28, length=128, step=32)
    >>> train[-1], test[0]
    (np.int64(17), np.int64(21))
    """
    if np.ndim(n_windows):
        raise ValueError(
            f"n_windows is an array of shape {np.shape(n_windows)}; pass the number of windows, "
            "len(X)."
        )
    for name, value in (("n_windows", n_windows), ("length", length), ("step", step)):
        _check_count(name, value)
    is_share = isinstance(test_size, Real) and not isinstance(test_size, bool)
    if not is_share or not 0 < test_size < 1:
        raise ValueError(f"test_size must be a float above 0 and below 1, got {quoted(test_size)}.")
    first = n_windows - math.ceil(test_size * n_windows)
    n_train = max(0, (first * step - length) // step + 1)
    if not n_train:
        raise ValueError(
            f"No window is left to train on: of n_windows={n_windows}, those from {first} on are "
            f"for the test, and all before share steps with them (length={length}, step={step})."
        )
    return np.arange(min(n_train, first)), np.arange(first, n_windows)


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be an int of at least 1, got {quoted(value)}.")


def _check_times(recording: object) -> None:
    """Raise an error if the rows of a frame of pandas do not follow each other in equal steps."""
    index: Any = getattr(recording, "index", None)
    if type(index).__name__ != "DatetimeIndex" or len(index) < 3:
        return
    gaps = np.diff(index.asi8)
    if (gaps <= 0).any():
        row = int((gaps <= 0).argmax())
        raise ValueError(
            f"The times of recording are not in order: {index[row + 1]} follows {index[row]}. "
            "Sort its rows with recording.sort_index(), and leave out those that are there twice, "
            "recording[~recording.index.duplicated()]."
        )
    # Days on which clocks are changed, and months, are regular, though not of one length.
    kinds = (gaps, np.diff(index.tz_localize(None).asi8), np.diff(12 * index.year + index.month))
    if not any((steps == steps[0]).all() and steps[0] > 0 for steps in kinds):
        usual = np.median(gaps)
        row, other = (int(pick(np.abs(gaps - usual))) for pick in (np.argmax, np.argmin))
        raise ValueError(
            f"The times of recording are not regular: after {index[row]} comes {index[row + 1]}, "
            f"while the usual step is {index[other + 1] - index[other]}. Where rows are missing, "
            "recording.asfreq('h') puts rows of NaN, with your step in place of 'h'; pass "
            "recording.to_numpy() if the rows are steps as they are, such as trading days."
        )
