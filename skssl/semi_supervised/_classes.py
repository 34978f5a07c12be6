"""What the estimators for partly labelled rows have in common about labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils import column_or_1d

from skssl._labels import as_labels, split_labels
from skssl._sklearn_compat import check_lengths
from skssl._types import Samples


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


def as_weights(sample_weight: ArrayLike) -> np.ndarray:
    """Return the weights of rows as a new array of float64, whatever they came in."""
    weights = as_labels(sample_weight, name="sample_weight")
    return column_or_1d(weights, dtype=np.float64, input_name="sample_weight").copy()
