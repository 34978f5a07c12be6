"""What the estimators for partly labelled rows have in common about labels."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite

from skssl._labels import labeled_rows, natural_labels


@contextmanager
def quiet_about_few_labels() -> Iterator[None]:
    """Silence scikit-learn's doubt that few rows of each class are classes at all."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes")
        yield


def check_class_labels(labels: np.ndarray) -> None:
    """Raise an error if known labels are infinite, or quantities rather than classes."""
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
    *,
    dtype: type | None = None,
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
    dtype : type, default=None
        What labels are converted to.
    """
    y = column_or_1d(y, warn=True, dtype=dtype)
    known = labeled_rows(y, estimator.unlabeled)
    if not known.any():
        raise ValueError(f"y has no labelled row (n_samples={len(y)}) to score.")
    weights = None if sample_weight is None else np.asarray(sample_weight)[known]
    return metric(natural_labels(y[known]), estimator.predict(X)[known], sample_weight=weights)
