"""What the estimators for partly labelled rows have in common about labels."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite

from skssl._labels import as_labels, split_labels
from skssl._sklearn_compat import check_lengths


@contextmanager
def quiet_about_few_labels() -> Iterator[None]:
    """Silence scikit-learn's doubt that few rows of each class are classes at all."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes")
        yield


def check_class_labels(labels: np.ndarray) -> None:
    """Raise an error if known labels are infinite, or quantities rather than classes."""
    for label in labels if labels.dtype.kind == "O" else ():
        if not isinstance(label, (str, Real, np.generic)):
            raise ValueError(
                f"y holds labels of type {type(label).__name__}; classes must be numbers, booleans "
                "or strings, such as those that str() makes of them."
            )
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
    with quiet_about_few_labels():
        check_classification_targets(labels)


def score_labeled(
    estimator: BaseEstimator,
    metric: Callable[..., float],
    X: Any,
    y: Any,
    sample_weight: Any,
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


def as_weights(sample_weight: Any) -> np.ndarray:
    """Return the weights of rows as a new array of float64, whatever they came in."""
    weights = as_labels(sample_weight, name="sample_weight")
    return column_or_1d(weights, dtype=np.float64, input_name="sample_weight").copy()
