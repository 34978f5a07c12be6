"""What figures and pages check before any work."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from skssl._labels import is_missing
from skssl._quote import quoted, quoted_path
from skssl._sklearn_compat import num_samples
from skssl._types import Samples
from skssl.base import SelfSupervisedTransformer
from skssl.modality import Modality, as_samples, infer_modality, only_column, take

# Samples that are drawn if nobody says which.
USUAL_ROWS = 4
# Rows that a message names.
_FEW = 5


def check_rows(
    rows: int | Sequence[int] | ArrayLike | None, X: Samples, *, usual: int = USUAL_ROWS
) -> np.ndarray:
    """Return which rows of `X` are to be drawn; None is the first ones.

    Raises
    ------
    ValueError
        If they are no integers, none, or out of range.
    """
    n = num_samples(X)
    if rows is None:
        return np.arange(min(n, usual))
    places = np.atleast_1d(np.asarray(rows))
    if places.ndim != 1 or not len(places) or places.dtype.kind not in "iu":
        raise ValueError(f"rows must be the positions of samples in X, got {quoted(rows)}.")
    outside = places[(places < -n) | (places >= n)]
    if len(outside):
        raise ValueError(
            f"rows has {int(outside[0])}, but X has {n} samples: allowed are -{n} to {n - 1}."
        )
    return places % n


def check_method(estimator: Any, caller: str) -> SelfSupervisedTransformer:
    """Return an estimator, which has to be a method of skssl, or made like one."""
    if isinstance(estimator, SelfSupervisedTransformer):
        return estimator
    raise TypeError(
        f"{caller} needs a method of skssl, such as SimCLR(), got {quoted(estimator)}. Of a "
        "pipeline, pass the step, and X as it comes there."
    )


def check_ax(ax: object) -> None:
    """Raise an error if `ax` is more, or something else, than one Axes or None."""
    from matplotlib.axes import Axes

    if ax is not None and not isinstance(ax, Axes):
        raise ValueError(f"ax must be None or one matplotlib Axes, got {quoted(ax)}.")


def modality_for(estimator: BaseEstimator, X: Samples) -> Modality:
    """Return the modality that a fitted estimator takes samples for.

    That of a method, or of the one that a pipeline begins with; of others, what `X` looks like.
    """
    known = known_modality(estimator)
    return fitted_to(infer_modality(X), X) if known is None else known


def known_modality(estimator: BaseEstimator) -> Modality | None:
    """Return the modality of a method, or of the one that a pipeline begins with, if it has one."""
    first = estimator.steps[0][1] if isinstance(estimator, Pipeline) else estimator
    known = getattr(first, "modality_", None)
    return known if isinstance(known, Modality) else None


def fitted_to(modality: Modality, X: Samples) -> Modality:
    """Return a copy of a modality, fitted to samples."""
    fitted = copy.deepcopy(modality)
    return fitted.fit(fitted.check(fitted.load_all(X), estimator=type(modality).__name__))


def finite_rows(
    rows: object,
    name: str,
    must: str = "",
    numbers: NDArray[np.intp] | None = None,
    X: Samples | None = None,
) -> NDArray[np.floating]:
    """Return an array of rows of finite numbers, or raise an error that names other rows.

    `must` begins a message about what is no such array; `numbers` are those of the rows, and `X`
    has the samples in these, of which files are named.
    """
    must = must or f"{name} must be an array of numbers of shape (n_samples, n_features)"
    try:
        array = _numbers(np.asarray(as_samples(rows) if hasattr(rows, "detach") else rows))
    except ValueError:  # rows of several lengths
        array = np.empty(0, dtype=object)
    if array.ndim != 2 or array.dtype.kind not in "biuf" or not array.shape[1]:
        is_array = array.ndim > 0 and hasattr(rows, "shape")
        raise ValueError(
            f"{must}, got "
            f"{f'shape {array.shape}, dtype {array.dtype}' if is_array else quoted(rows)}."
        )
    is_single = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    with np.errstate(over="ignore"):
        array = array.astype(np.float32 if is_single else np.float64, copy=False)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(bad):
        numbers = np.arange(len(array)) if numbers is None else numbers
        files = [_file_at(X, row) for row in bad[:_FEW]]
        named = [f"{numbers[row]}{file}" for row, file in zip(bad, files, strict=False)]
        more = f" and {len(bad) - _FEW} more" if len(bad) > _FEW else ""
        row, these = ("row", "this row") if len(bad) == 1 else ("rows", "these rows")
        how = ": skssl.modality.readable_images(X) says which files can be read" if files[0] else ""
        raise ValueError(
            f"{name} has NaN or infinity in {row} {', '.join(named)}{more}; leave {these} out, of "
            f"X and y as well{how}."
        )
    return array


def sample_at(X: Samples, row: int) -> object:
    """Return a sample, whatever rows are called."""
    few = take(X, np.array([row]))
    column = only_column(few)
    return next(iter(few if column is None else column))


def _file_at(X: Samples | None, row: int) -> str:
    """Return the name of a file that is a sample, in parentheses."""
    sample = None if X is None else sample_at(X, row)
    if isinstance(sample, os.PathLike) or (isinstance(sample, str) and os.path.isfile(sample)):
        return f" ({quoted_path(sample)})"
    return ""


def _numbers(array: np.ndarray) -> np.ndarray:
    """Return objects as numbers if they are these or missing, as those of nullable dtypes."""
    if array.dtype.kind != "O" or array.ndim != 2:
        return array
    values = [np.nan if is_missing(value) else value for value in array.ravel().tolist()]
    if not all(isinstance(value, Real) for value in values):
        return array
    return np.array(values, dtype=np.float64).reshape(array.shape)
