"""How much a score owes to which rows it was tested on."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skssl._sklearn_compat import safe_indexing
from skssl._types import Samples

_N_PARTS = 10
_ANSWERS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def parts_of(y_test: np.ndarray) -> list[np.ndarray]:
    """Return the test rows without one part of them, part by part.

    Rows of a class are in different parts, and the only row of a class is in none, so that each
    class is always there: areas and balanced scores need that.

    Parameters
    ----------
    y_test : ndarray of int, of shape (n_test,)
        Numbers of classes.
    """
    by_class = np.argsort(y_test, kind="stable")
    movable = by_class[np.bincount(y_test)[y_test[by_class]] > 1]
    n_parts = min(_N_PARTS, len(movable))
    return [np.setdiff1d(by_class, movable[part::n_parts]) for part in range(n_parts)]


def score_by_parts(
    scorer: Callable[[Any, Samples, np.ndarray], Any],
    classifier: BaseEstimator,
    Z: Samples,
    truth: np.ndarray,
    kept: list[np.ndarray],
) -> list[float]:
    """Return the score on all test rows, and what it owes to each part of them.

    The latter are the pseudo-values of the jackknife, less its correction of bias: their mean is
    the score, their variance divided by their number is that of the score over test rows. Of an
    accuracy they are the accuracies of the parts.

    Parameters
    ----------
    kept : list of ndarray of int
        Of :func:`parts_of`.
    """
    told = _Told(classifier, Z)
    score = float(scorer(told.classifier, Z, truth))
    if math.isnan(score):
        raise ValueError("scoring gave NaN, which says nothing of a model; take another score.")
    if not kept:
        return [score]
    with warnings.catch_warnings():
        # That of all rows has said what there is to say.
        warnings.simplefilter("ignore")
        without = np.array([scorer(told.classifier, told.part(rows), truth[rows]) for rows in kept])
    return [score, *(score + (len(kept) - 1) * (without.mean() - without))]


class _Told:
    """A fitted classifier that is asked about samples once, and then knows about parts of them."""

    def __init__(self, classifier: BaseEstimator, samples: Samples):
        self._samples = self._part = samples
        self._rows: Any = slice(None)
        self._answers: dict[str, np.ndarray] = {}
        # A copy, which scorers and their errors take for the classifier, as it is one.
        self.classifier = copy.copy(classifier)
        for name in _ANSWERS:
            if hasattr(classifier, name):
                setattr(self.classifier, name, self._answering(name, getattr(classifier, name)))

    def part(self, rows: np.ndarray) -> Samples:
        """Return some samples, of which the next question will be."""
        self._rows, self._part = rows, safe_indexing(self._samples, rows)
        return self._part

    def _answering(self, name: str, asked: Callable[[Samples], Any]) -> Callable[[Samples], Any]:
        @wraps(asked)
        def answer(X: Samples) -> Any:
            if X is not self._part:
                return asked(X)
            if name not in self._answers:
                self._answers[name] = asked(self._samples)
            return self._answers[name][self._rows]

        return answer
