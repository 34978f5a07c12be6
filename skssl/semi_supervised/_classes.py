"""What the estimators for partly labelled rows have in common about labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils import column_or_1d

from skssl._labels import as_labels, split_labels
from skssl._sklearn_compat import check_lengths
from skssl._types import Samples

# Rows that a message names.
_NAMED = 5


def score_labeled(
    estimator: BaseEstimator,
    metric: Callable[..., float],
    X: Samples,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
) -> float:
    """Return the score of an estimator's predictions for the rows that have a label.

    Parameters
    ----------
    estimator : estimator
        Fitted, with a parameter ``unlabeled``.
    metric : callable
        Gets labels, predictions and ``sample_weight``.
    X : array-like
    y : array-like of shape (n_samples,)
    sample_weight : array-like of shape (n_samples,) or None
    """
    labels, rows, _ = split_labels(
        y,
        estimator.unlabeled,
        caller=type(estimator).__name__,
        kind="quantities" if is_regressor(estimator) else "classes",
        classes=getattr(estimator, "classes_", None),
    )
    check_lengths(X=X, y=y, sample_weight=sample_weight)
    weights = None if sample_weight is None else as_weights(sample_weight)[rows]
    return metric(labels, estimator.predict(X)[rows], sample_weight=weights)


def lost_rows(Z: Samples) -> NDArray[np.intp]:
    """Return the rows of an embedding in which nothing is known, as of files that are broken."""
    values: Any = Z.to_numpy() if hasattr(Z, "to_numpy") else Z
    is_floats = isinstance(values, np.ndarray) and values.dtype.kind == "f"
    if not is_floats or values.ndim != 2 or not values.size:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(np.isnan(values).all(axis=1))


def check_nothing_lost(Z: Samples, *, caller: str, rows: NDArray[np.intp] | None = None) -> None:
    """Raise an error if there are rows in which nothing is known, where each is needed.

    Parameters
    ----------
    Z : array-like
        An embedding, or whatever else a classifier takes.
    caller : str
        The name that the message mentions.
    rows : ndarray of int, default=None
        The numbers of the rows, if they are not all.
    """
    lost = lost_rows(Z)
    if len(lost):
        numbers = lost if rows is None else rows[lost]
        named = ", ".join(map(str, numbers[:_NAMED]))
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        row, has = ("row", "has") if len(lost) == 1 else ("rows", "have")
        raise ValueError(
            f"{caller}: {row} {named}{more} of X {has} nothing but NaN, which is what a method "
            "returns for files that it could not read (on_error='skip'). Leave out what is not ok, "
            "of X and y as well: ok = np.isfinite(Z[:, 0]), where Z is what the method returns."
        )


def as_weights(sample_weight: ArrayLike) -> np.ndarray:
    """Return the weights of rows as a new array of float64, whatever they came in."""
    weights = as_labels(sample_weight, name="sample_weight")
    return column_or_1d(weights, dtype=np.float64, input_name="sample_weight").copy()
