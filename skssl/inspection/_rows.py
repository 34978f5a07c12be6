"""A row of a few-label report: what is fitted once, and what is fitted to every draw of labels."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils import check_random_state, get_tags
from threadpoolctl import threadpool_limits

from skssl._labels import quiet_about_few_labels
from skssl._lost_rows import check_nothing_lost
from skssl._numbering import numbered_as
from skssl._sklearn_compat import safe_indexing
from skssl._types import Samples
from skssl.base import SelfSupervisedTransformer
from skssl.inspection._steps import NumberedClasses
from skssl.inspection._test_rows import parts_of, score_by_parts
from skssl.semi_supervised import FineTuner

# Classifiers in here take all training rows, with a marker for those whose label is not known: -1
# beside numbers, and what they are told.
_BY_NUMBER, _BY_MARKER = "sklearn.semi_supervised.", "skssl.semi_supervised."
_MOST_FOLDS = 5

Scorer = Callable[[BaseEstimator, Samples, np.ndarray], float]


@dataclass
class Data:
    """Training and test rows, the numbers of their classes, -1 if not known, and the classes.

    And where these rows are in what was passed: that of the test rows has the name `test_name`.
    """

    X: Samples
    y: np.ndarray
    X_test: Samples
    y_test: np.ndarray
    classes: np.ndarray
    rows: np.ndarray
    rows_test: np.ndarray
    test_name: str


def draw_labelled(y: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    """Return the positions of `n_labels` rows of each class, or of all if it has fewer.

    These are the draws of :func:`few_label_report`. With the same seed, those of fewer labels are
    among those of more.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Classes.
    n_labels : int
        Rows of each class.
    seed : int
        Seed of the draw.

    Returns
    -------
    rows : ndarray of int
        The rows of the first class in sorted order, then those of the second, and so on.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.inspection import draw_labelled
    >>> y = np.array(["cat", "dog", "cat", "dog", "dog"])
    >>> y[draw_labelled(y, 2, seed=0)].tolist()
    ['cat', 'cat', 'dog', 'dog']
    """
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [rng.permutation(np.flatnonzero(y == label))[:n_labels] for label in np.unique(y)]
    )


def takes_unlabelled(classifier: BaseEstimator) -> bool:
    """Whether a classifier is fitted to all rows, with a marker where the label is not known."""
    return _is_of(_BY_NUMBER, classifier) or _is_of(_BY_MARKER, classifier)


def _is_of(package: str, estimator: BaseEstimator) -> bool:
    return any(f"{cls.__module__}.".startswith(package) for cls in type(estimator).__mro__)


def prepare_marker(
    classifier: BaseEstimator, classes: np.ndarray
) -> tuple[BaseEstimator, np.ndarray | None]:
    """Return a classifier ready for these classes, and what marks an unlabelled row for it.

    The marker, an array of no dimension, is None for a classifier that takes labelled rows only.
    """
    nan = np.array(np.nan, dtype=object)  # no class, whatever the classes are
    if _is_of(_BY_MARKER, classifier):
        return copy.copy(classifier).set_params(unlabeled=np.nan), nan
    if _is_of(_BY_NUMBER, classifier):
        if classes.dtype.kind in "iu" and classes.min() >= 0:
            return classifier, np.array(-1)
        return NumberedClasses(classifier), nan
    return classifier, None


def method_in(
    model: BaseEstimator,
) -> tuple[list[BaseEstimator], SelfSupervisedTransformer] | None:
    """Return the method that a model is, has as a step, or fine-tunes, and the steps before it.

    None if there is none that is trained without labels.
    """
    before: list[BaseEstimator] = []
    for step in _steps_of(model):
        method = _method_of(step)
        if method is not None:
            return before, method
        if get_tags(step).target_tags.required:
            return None
        before.append(step)
    return None


def _method_of(model: BaseEstimator) -> SelfSupervisedTransformer | None:
    """Return the method that an estimator is or fine-tunes, by default as well."""
    if isinstance(model, FineTuner):
        # A copy, so that asking again gives the same seed.
        rng = check_random_state(copy.deepcopy(model.random_state))
        return model.start_method(rng.randint(2**31 - 1))
    if isinstance(model, FrozenEstimator):
        model = model.estimator
    return model if isinstance(model, SelfSupervisedTransformer) else None


class FittedRow:
    """What a model makes of all rows without labels, and the classifier that then sees labels.

    The steps of a pipeline up to the first that needs labels are fitted here, once, to all training
    rows.

    Parameters
    ----------
    model : estimator
        A transformer, which gets the probe behind it, a classifier, or a pipeline.
    probe : estimator
        The classifier for transformers.
    data : Data
    """

    def __init__(self, model: BaseEstimator, probe: BaseEstimator, data: Data):
        steps = _steps_of(model)
        if not is_classifier(model):
            steps += _steps_of(probe)
        needs_labels = [get_tags(step).target_tags.required for step in steps[:-1]]
        first = [*needs_labels, True].index(True)
        self.steps = []
        self.Z, self.Z_test = data.X, data.X_test
        for step in steps[:first]:
            with numbered_as(data.rows):
                fitted = _fit_without_labels(step, self.Z)
                self.Z = fitted.transform(self.Z)
            with numbered_as(data.rows_test):
                self.Z_test = fitted.transform(self.Z_test)
            self.steps.append(fitted)
        if self.steps and not get_tags(steps[first]).input_tags.allow_nan:
            known = np.flatnonzero(data.y != -1)
            for Z, rows, name in (
                (safe_indexing(self.Z, known), data.rows[known], "X"),
                (self.Z_test, data.rows_test, data.test_name),
            ):
                check_nothing_lost(Z, caller="few_label_report", rows=rows, name=name)
        last = _with_fitted_method(steps[-1], self.Z)
        last, self.marker = prepare_marker(last, data.classes)
        tail = [*steps[first:-1], last]
        self.classifier = make_pipeline(*tail) if len(tail) > 1 else tail[0]

    def scores(
        self, data: Data, draws: Sequence[np.ndarray], scorer: Scorer, pool: Parallel
    ) -> list[list[float]]:
        """Return scores for each draw of labelled rows; of the same draw, the same ones.

        That on the test rows, and what it owes to each part of them.
        """
        # Rows whose number is -1 get a wrong label, but are in no draw.
        y, truth = data.classes[data.y], data.classes[data.y_test]
        kept = parts_of(data.y_test)
        once = {id(rows): rows for rows in draws}
        scores = pool(
            delayed(self._score_on)(self.Z_test, truth, y, rows, scorer, kept)
            for rows in once.values()
        )
        found = dict(zip(once, scores, strict=True))
        return [found[id(rows)] for rows in draws]

    def validated(
        self,
        data: Data,
        draws: Sequence[np.ndarray],
        n_labels: Sequence[int],
        scorer: Scorer,
        pool: Parallel,
    ) -> list[float]:
        """Return the mean score in cross-validation of the labelled rows of each draw.

        `n_labels` has their number in a class. Held-out rows count as rows without a label.
        """
        y = data.classes[data.y]
        return pool(
            delayed(self._validated)(y, rows, min(_MOST_FOLDS, n), scorer)
            for rows, n in zip(draws, n_labels, strict=True)
        )

    def _validated(self, y: np.ndarray, rows: np.ndarray, n_folds: int, scorer: Scorer) -> float:
        scores = []
        for train, held_out in StratifiedKFold(n_folds).split(rows, y[rows]):
            tested = rows[held_out]
            Z = safe_indexing(self.Z, tested)
            scores.append(self._score_on(Z, y[tested], y, rows[train], scorer, [])[0])
        return float(np.mean(scores))

    def _score_on(
        self,
        Z: Samples,
        truth: np.ndarray,
        y: np.ndarray,
        rows: np.ndarray,
        scorer: Scorer,
        kept: list[np.ndarray],
    ) -> list[float]:
        """Return scores on `Z` of a classifier to which the labels of `rows` are shown."""
        # Unlike a clone, a copy keeps a method inside that was fitted before.
        classifier = copy.deepcopy(self.classifier)
        # With one label of each class, labels look like the values of a regression; and rows that
        # no label reaches in a graph have no probabilities.
        with quiet_about_few_labels(), np.errstate(invalid="ignore"):
            if self.marker is not None:
                shown = np.full(len(y), self.marker, dtype=self.marker.dtype)
                shown[rows] = y[rows]
                classifier.fit(self.Z, shown)
                return score_by_parts(scorer, classifier, Z, truth, kept)
            # A few labelled rows are fitted several times as fast without threads.
            with threadpool_limits(1):
                classifier.fit(safe_indexing(self.Z, rows), y[rows])
            return score_by_parts(scorer, classifier, Z, truth, kept)


def _steps_of(model: BaseEstimator) -> list[BaseEstimator]:
    if not isinstance(model, Pipeline):
        return [model]
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    return [inner for step in steps for inner in _steps_of(step)]


def fit_in_turn(steps: Sequence[BaseEstimator], X: Samples) -> tuple[list[BaseEstimator], Samples]:
    """Fit steps without labels; return them, so that they stay fitted, and what they give."""
    fitted = []
    for step in steps:
        fitted.append(FrozenEstimator(_fit_without_labels(step, X)))
        X = fitted[-1].transform(X)
    return fitted, X


def _fit_without_labels(step: BaseEstimator, X: Samples) -> BaseEstimator:
    """Return a fitted step; a method that is fitted stays as it is."""
    if isinstance(step, SelfSupervisedTransformer) and step.__sklearn_is_fitted__():
        return step
    # A frozen estimator wants to be told that there are none.
    return clone(step).fit(X, None)


def _with_fitted_method(classifier: BaseEstimator, X: Samples) -> BaseEstimator:
    """Return a classifier whose method, if it fine-tunes one, has been trained on all rows."""
    if not isinstance(classifier, FineTuner):
        return classifier
    method = _fit_without_labels(_method_of(classifier), X)
    return copy.copy(classifier).set_params(method=method)
