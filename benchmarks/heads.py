"""The classifiers that every kind of features gets, and how their settings are chosen.

Features come as they are or standardised by all training rows, and a classifier has a penalty, a
number of neighbours or the like. Both are chosen for each kind of features and number of labels,
from the same grid for all, on validation rows: a quarter of each class of the training part, which
is kept from the labelled rows of five draws. No test row is looked at.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.semi_supervised import LabelSpreading
from threadpoolctl import threadpool_limits

from skssl.inspection import NearestNeighbors, draw_labelled, graph_kernel
from skssl.semi_supervised import PrototypeClassifier

# Draws by which settings are chosen, and validation rows that each of them is scored on at most.
_CHOICES, _VALIDATION_ROWS = 5, 1000
_HELD_OUT = 4  # one row in so many
_GRAPH_NEIGHBORS = 7
ALL_LABELS = "all"

_AS_THEY_ARE = "as they are"
_SCALINGS: dict[str, Callable[[], BaseEstimator]] = {
    "standardised": StandardScaler,
    "standardised, length 1": lambda: make_pipeline(StandardScaler(), Normalizer()),
}


@dataclass(frozen=True)
class Head:
    """A classifier and what is chosen of it.

    `make` gets a setting and returns the classifier. With `unlabelled`, it is fitted to all
    training rows, with -1 for labels that are not shown; with a `graph`, what it sees of a row is
    which training rows are its neighbours; `sparse` tells whether it takes sparse features. With
    `all_labels`, it is also fitted to all labels, where a benchmark asks for this. A head with one
    setting can do without validation, and is then never chosen among others.
    """

    make: Callable[[Any], BaseEstimator]
    settings: tuple[Any, ...] = (None,)
    scalings: tuple[str, ...] = (_AS_THEY_ARE,)
    unlabelled: bool = False
    graph: bool = False
    sparse: bool = True
    all_labels: bool = False
    validated: bool = True


HEADS = {
    "LR": Head(
        lambda C: LogisticRegression(C=C, max_iter=2000),
        settings=(1.0, 0.01, 100.0),
        scalings=(_AS_THEY_ARE, "standardised"),
    ),
    "k-NN": Head(
        NearestNeighbors,
        settings=(1, 3, 10),
        scalings=(_AS_THEY_ARE, "standardised", "standardised, length 1"),
        all_labels=True,
    ),
    "LabelSpreading": Head(
        lambda alpha: LabelSpreading(kernel=graph_kernel, alpha=alpha, max_iter=100),
        settings=(0.2, 0.8),
        scalings=(_AS_THEY_ARE, "standardised, length 1"),
        unlabelled=True,
        graph=True,
    ),
    "prototypes": Head(
        lambda temperature: PrototypeClassifier(temperature=temperature, unlabeled=-1),
        settings=(0.1, 0.03),
        scalings=(_AS_THEY_ARE, "standardised"),
        unlabelled=True,
        sparse=False,
    ),
}


@dataclass
class Prepared:
    """Features of both sides as a head sees them, scaled, and as a graph if it wants one."""

    Z: Any
    Z_test: Any

    @cached_property
    def graph(self) -> Prepared:
        """The nearest training rows of every row."""
        nearest = KNeighborsTransformer(mode="connectivity", n_neighbors=_GRAPH_NEIGHBORS)
        return Prepared(nearest.fit_transform(self.Z), nearest.transform(self.Z_test))


def draws_differ(y: np.ndarray, n_labels: int) -> bool:
    """Whether classes have so many rows, and one of them more: else all draws are the same rows."""
    rows = np.bincount(y)
    return bool(rows.min() >= n_labels and rows.max() > n_labels)


class Pool:
    """The rows of a task, with their features, to which heads are fitted and on which they score.

    Parameters
    ----------
    Z, Z_test : arrays
        Features. Scalings learn from all training rows.
    y, y_test : arrays of int
        Numbers of the classes.
    scorer : callable
        A scorer of scikit-learn.
    """

    def __init__(
        self, Z: Any, Z_test: Any, y: np.ndarray, y_test: np.ndarray, scorer: Callable[..., float]
    ):
        self.y, self.y_test, self.scorer = y, y_test, scorer
        self._scaled = {_AS_THEY_ARE: Prepared(Z, Z_test)}

    def takes(self, head: Head, n_labels: int | str) -> bool:
        """Whether features are of a kind that a head can do with, and draws of so many differ."""
        if issparse(self._scaled[_AS_THEY_ARE].Z) and not head.sparse:
            return False
        return n_labels == ALL_LABELS or draws_differ(self.y, int(n_labels))

    def score(self, head: Head, n_labels: int | str, n_draws: int) -> dict[str, Any]:
        """Return the scores of draws on the test rows, with the setting that is best in validation.

        Its score in validation comes with them, and the setting in words.
        """
        candidates = list(product(self._scalings_of(head), head.settings))
        validation = None
        if head.validated:
            by_candidate = [self._validate(head, *chosen, n_labels) for chosen in candidates]
            # Of those that are level the first, which is what one would take without choosing.
            best = int(np.argmax(by_candidate))
            candidates, validation = [candidates[best]], by_candidate[best]
        ((scaling, setting),) = candidates
        prepared = self._prepared(head, scaling)
        scores = []
        for draw in range(1 if n_labels == ALL_LABELS else n_draws):
            fitted = self._fitted(head, setting, prepared.Z, _draw(self.y, n_labels, draw))
            scores.append(self._score(fitted, prepared.Z_test, self.y_test))
        words = scaling if setting is None else f"{setting:g}, {scaling}"
        return {"scores": scores, "validation": validation, "setting": words}

    def _scalings_of(self, head: Head) -> Sequence[str]:
        # Sparse features would be dense if they were centred.
        return head.scalings[:1] if issparse(self._scaled[_AS_THEY_ARE].Z) else head.scalings

    def _prepared(self, head: Head, scaling: str) -> Prepared:
        if scaling not in self._scaled:
            plain, scaler = self._scaled[_AS_THEY_ARE], _SCALINGS[scaling]()
            Z = scaler.fit_transform(plain.Z)
            self._scaled[scaling] = Prepared(Z, scaler.transform(plain.Z_test))
        prepared = self._scaled[scaling]
        return prepared.graph if head.graph else prepared

    def _validate(self, head: Head, scaling: str, setting: Any, n_labels: int | str) -> float:
        """Return the mean score on training rows that are held out, over some draws."""
        Z = self._prepared(head, scaling).Z
        scores = []
        # With all labels, one draw is many rows.
        for seed in range(1 if n_labels == ALL_LABELS else _CHOICES):
            held_out, rest = _split(self.y, seed)
            labelled = rest[_draw(self.y[rest], n_labels, seed)]
            fitted = self._fitted(head, setting, Z, labelled)
            scores.append(self._score(fitted, Z[held_out], self.y[held_out]))
        return float(np.mean(scores))

    def _fitted(self, head: Head, setting: Any, Z: Any, labelled: np.ndarray) -> BaseEstimator:
        # Unlike a clone, a copy keeps a method inside that was fitted before.
        classifier = copy.deepcopy(head.make(setting))
        with _quiet():
            if head.unlabelled:
                shown = np.full(len(self.y), -1)
                shown[labelled] = self.y[labelled]
                return classifier.fit(Z, shown)
            # A few labelled rows are fitted several times as fast without threads.
            with threadpool_limits(1):
                return classifier.fit(Z[labelled], self.y[labelled])

    def _score(self, fitted: BaseEstimator, Z: Any, y: np.ndarray) -> float:
        with _quiet():
            return float(self.scorer(fitted, Z, y))


def _draw(y: np.ndarray, n_labels: int | str, seed: int) -> np.ndarray:
    return draw_labelled(y, len(y) if n_labels == ALL_LABELS else int(n_labels), seed)


def _split(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return validation rows, of a quarter of each class, and the rest of the training rows."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(y == label)) for label in np.unique(y)]
    held_out = np.concatenate([of_class[: len(of_class) // _HELD_OUT] for of_class in rows])
    rest = np.concatenate([of_class[len(of_class) // _HELD_OUT :] for of_class in rows])
    return rng.permutation(held_out)[:_VALIDATION_ROWS], rest


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # With one label of each class, scikit-learn takes the labels for values of a regression;
        # few validation rows may be without a class; a part of a graph may be without any label.
        warnings.filterwarnings("ignore", message="The number of unique classes")
        warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
        yield
