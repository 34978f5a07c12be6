"""One rule says which rows have a label, for every tool that takes labels."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from cases import tiny_mlp
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, cross_val_score
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from skssl import SimCLR
from skssl.inspection import few_label_report
from skssl.metrics import knn_score
from skssl.model_selection import (
    EmbeddingScorer,
    LabeledKFold,
    LabeledShuffleSplit,
    LabeledSplit,
    StratifiedLabeledKFold,
    knn_scorer,
    labeled_scorer,
)
from skssl.semi_supervised import (
    FineTuneClassifier,
    FineTuneRegressor,
    LabeledOnly,
    PrototypeClassifier,
)

n, n_known = 60, 20
X = np.random.default_rng(0).normal(size=(n, 4))
# Labelled rows are spread out, and those of one class do not come first.
known = np.arange(n) % 3 == 0
first = np.arange(n) % 2 == 0
ssl = SimCLR(encoder=tiny_mlp, max_epochs=0, device="cpu", random_state=0).fit(X)


def of(one, other, marker):
    """Labels as a list, with a marker in rows that are not known."""
    return [(one if a else other) if k else marker for a, k in zip(first, known, strict=True)]


def seen_by_labeled_only(y, **params):
    labels = []

    class Noting(DummyClassifier):
        def fit(self, X, y):
            labels.extend(y.tolist())
            return super().fit(X, y)

    LabeledOnly(Noting(), **params).fit(X, y)
    return labels


def classes_of(estimator):
    def classes(y, **params):
        return estimator.set_params(unlabeled="auto").set_params(**params).fit(X, y).classes_

    return classes


def seen_by_a_scorer(y, **params):
    labels = []
    EmbeddingScorer(lambda Z, y: labels.extend(y.tolist()) or 0.0, needs_labels=True, **params)(
        ssl, X, y
    )
    return labels


def seen_by_labeled_scorer(y, **params):
    labels = []

    def note(estimator, X, y):
        labels.extend(y.tolist())
        return 0.0

    labeled_scorer(note, **params)(StandardScaler(), X, y)
    return labels


def rows_of_folds(y, **params):
    splits = StratifiedLabeledKFold(2, **params).split(X, y)
    tested = np.concatenate([test for _, test in splits])
    np.testing.assert_array_equal(np.sort(tested), np.flatnonzero(known))


def counted_by_a_report(y, **params):
    report = few_label_report(
        ssl, X, y, n_labels=1, n_repeats=1, baselines=None, random_state=0, **params
    )
    assert report.n_labelled + report.n_test == n_known


TOOLS = {
    "LabeledOnly": seen_by_labeled_only,
    "PrototypeClassifier": classes_of(PrototypeClassifier()),
    "FineTuneClassifier": classes_of(FineTuneClassifier(ssl, max_epochs=0, random_state=0)),
    "EmbeddingScorer": seen_by_a_scorer,
    "labeled_scorer": seen_by_labeled_scorer,
    "folds": rows_of_folds,
    "report": counted_by_a_report,
}

FORMS = {
    "-1": (np.array(of(3, 5, -1)), [3, 5]),
    "-1 in a list": (of(3, 5, -1), [3, 5]),
    "-1.0": (pd.Series(of(3, 5, None)).fillna(-1), [3.0, 5.0]),
    "NaN": (np.array(of(3.0, 5.0, np.nan)), [3.0, 5.0]),
    "NaN in a list": (of(3, 5, np.nan), [3, 5]),
    "None": (np.array(of(3, 5, None), dtype=object), [3, 5]),
    "-1 among names": (of("cat", "dog", -1), ["cat", "dog"]),
    "NaN among names": (of("cat", "dog", np.nan), ["cat", "dog"]),
    "empty": (np.array(of("cat", "dog", "")), ["cat", "dog"]),
    "-1 among booleans": (of(True, False, -1), [False, True]),
    "Int64": (pd.Series(of(3, 5, None), dtype="Int64"), [3, 5]),
    "boolean": (pd.Series(of(True, False, None), dtype="boolean"), [False, True]),
    "array of string": (pd.array(of("cat", "dog", None), dtype="string"), ["cat", "dog"]),
    "str": (pd.Series(of("cat", "dog", None)), ["cat", "dog"]),
    "category": (pd.Series(of("cat", "dog", None), dtype="category"), ["cat", "dog"]),
    "category of int": (pd.Series(pd.Categorical(of(3, 5, None), [3, 5])), [3, 5]),
    "Categorical": (pd.Categorical(of(3, 5, None), [3, 5]), [3, 5]),
    "int64[pyarrow]": (pd.Series(of(3, 5, None), dtype="int64[pyarrow]"), [3, 5]),
    "frame": (pd.DataFrame({"label": of(3, 5, -1)}), [3, 5]),
    "column": (np.array(of(3, 5, -1))[:, None], [3, 5]),
    "polars": (pl.Series(of(3, 5, None)), [3, 5]),
    "polars frame": (pl.DataFrame({"label": of("cat", "dog", None)}), ["cat", "dog"]),
    "masked": (np.ma.masked_array(np.array(of(3, 5, 0)), ~known), [3, 5]),
    "tensor": (torch.tensor(of(3, 5, -1)), [3, 5]),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("form", FORMS)
def test_all_tools_read_labels_alike(form, tool):
    y, expected = FORMS[form]
    found = TOOLS[tool](y)
    if found is not None:
        classes = sorted(set(np.asarray(found).tolist()))
        assert classes == expected
        assert [type(label) for label in classes] == [type(label) for label in expected]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("form", ["array", "chunked array", "dictionary", "table"])
def test_labels_in_arrow(form):
    pa = pytest.importorskip("pyarrow")
    names = of("cat", "dog", None)
    y = {
        "array": lambda: pa.array(of(3, 5, None)),
        "chunked array": lambda: pa.chunked_array([of(True, False, None)]),
        "dictionary": lambda: pa.array(names).dictionary_encode(),
        "table": lambda: pa.table({"label": names}),
    }[form]()
    expected = {"array": [3, 5], "chunked array": [False, True]}.get(form, ["cat", "dog"])
    assert PrototypeClassifier().fit(X, y).classes_.tolist() == expected
    assert sorted(set(seen_by_labeled_only(y))) == expected


def test_minus_one_is_unlabelled_where_it_is_for_sklearn():
    for y in (np.array(of(3, 5, -1)), np.array(of(3.0, 5.0, -1.0))):
        theirs = SelfTrainingClassifier(LogisticRegression()).fit(X, y)
        assert PrototypeClassifier().fit(X, y).classes_.tolist() == theirs.classes_.tolist()


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("marker", [-1, -1.0])
def test_two_classes_of_which_one_is_minus_one(tool, marker):
    y = np.where(first, 1, marker)
    with pytest.raises(ValueError, match=r"1(\.0)? is the only label left.*unlabeled=-1 .*=None"):
        TOOLS[tool](y)
    if tool in ("folds", "report"):
        return
    everything = TOOLS[tool](y, unlabeled=None)
    assert sorted(set(np.asarray(everything).tolist())) == [-1, 1]


@pytest.mark.parametrize("tool", TOOLS)
def test_markers_that_numpy_made_strings(tool):
    for marker in (-1, np.nan, None, pd.NaT, pd.NA):
        y = np.array(of("cat", "dog", marker), dtype=str)
        with pytest.raises(ValueError, match=f"the string '{marker}'.*unlabeled='{marker}'"):
            TOOLS[tool](y)
        found = TOOLS[tool](y, unlabeled=str(marker))
        assert found is None or set(found) == {"cat", "dog"}


@pytest.mark.parametrize("tool", TOOLS)
def test_one_label_per_row(tool):
    with pytest.raises(ValueError, match=r"y must have shape \(n_samples,\), got \(60, 2\)"):
        TOOLS[tool](np.zeros((n, 2), dtype=int))
    lists = np.empty(n, dtype=object)
    lists[:] = [[0]] * 59 + [[1, 2]]
    with pytest.raises(ValueError, match="one label per row, got a list in row 0"):
        TOOLS[tool](lists)
    with pytest.raises(ValueError, match="unlabeled must be 'auto', None or one label, got"):
        TOOLS[tool](np.array(of(3, 5, -1)), unlabeled=[-1, 5])
    with pytest.raises(ValueError, match="Complex data not supported: y must hold names"):
        TOOLS[tool](np.array(of(3, 5, -1)) * 1j)
    with pytest.raises(ValueError, match=r"y must hold .*, got 2j in row 1"):
        TOOLS[tool](np.array([0, 2j, "a"] * 20, dtype=object))


@pytest.mark.parametrize("marker", [None, np.nan, pd.NA])
def test_a_missing_value_is_a_marker_by_any_name(marker):
    y = pd.Series(of(-1, 1, None), dtype="Int64")
    assert LabeledOnly(DummyClassifier(), unlabeled=np.nan).fit(X, y).classes_.tolist() == [-1, 1]
    if marker is not None:
        model = PrototypeClassifier(unlabeled=marker).fit(X, of(-1, 1, marker))
        assert model.classes_.tolist() == [-1, 1]


def test_quantities_are_numbers():
    with pytest.raises(ValueError, match="y must hold numbers, got 'red' in row 1"):
        FineTuneRegressor(ssl, max_epochs=0).fit(X, [None, *["red"] * 59])


def test_minus_one_among_quantities():
    whole = np.where(first, np.arange(n), -1)
    for reg in (LabeledOnly(Ridge()), FineTuneRegressor(ssl, max_epochs=0)):
        with pytest.raises(ValueError, match="in regression it may also be a value"):
            reg.fit(X, whole)
        # Floats are values, whole or not.
        assert reg.fit(X, whole.astype(float)).score(X, whole.astype(float)) < 1
        with pytest.raises(ValueError, match="in regression it may also be a value"):
            reg.score(X, whole)


FOLDS = [LabeledKFold(3), LabeledShuffleSplit(3), LabeledSplit(KFold(3))]


@pytest.mark.parametrize("cv", FOLDS, ids=lambda cv: type(cv).__name__)
def test_folds_that_cannot_know_a_regression(cv):
    different = np.arange(n) - 1
    for y in (different, different.astype(float)):
        with pytest.raises(ValueError, match="y may hold quantities.*unlabeled=-1.*unlabeled=None"):
            next(cv.split(X, y))
    fractions = different / 2
    assert -1 in fractions - 0.5
    tested = np.concatenate([test for _, test in LabeledKFold(3).split(X, fractions - 0.5)])
    assert len(tested) == n


def test_folds_of_classes():
    y = np.array(of(0, 1, -1))
    groups = pl.Series([f"group {row % 5}" for row in range(n)])
    for cv, of_rows in (
        (LabeledShuffleSplit(2), None),
        (LabeledSplit(GroupKFold(2)), groups),
        (LabeledSplit(StratifiedKFold(2)), None),
    ):
        tested = np.concatenate([test for _, test in cv.split(X, y, of_rows)])
        assert known[tested].all()
    # Made for regression, it asks.
    with pytest.raises(ValueError, match="y may hold quantities"):
        next(LabeledKFold(2).split(X, y))
    tested = np.concatenate([t for _, t in LabeledKFold(2, unlabeled=-1).split(X, y)])
    assert len(tested) == n_known


def test_later_labels_are_those_of_the_classes_that_are_known():
    y = np.array(of(3, 5, -1))
    one = np.where(y == 3, 3, -1)
    for clf in (
        LabeledOnly(LogisticRegression()),
        PrototypeClassifier(),
        FineTuneClassifier(ssl, max_epochs=0, random_state=0),
    ):
        clf.fit(X, y)
        expected = np.mean(clf.predict(X[y == 3]) == 3)
        assert clf.score(X, one) == labeled_scorer("accuracy")(clf, X, one) == expected
        with pytest.raises(ValueError, match="no row of y has a label"):
            clf.score(X, np.full(n, -1))
    tuned = FineTuneClassifier(ssl, random_state=0)
    tuned.partial_fit(X, y, classes=[3, 5]).partial_fit(X, one)
    declared = FineTuneClassifier(ssl, random_state=0)
    assert declared.partial_fit(X, np.where(first, -1, 1), classes=[-1, 1]).classes_[0] == -1


def test_weights_come_in_any_form():
    y, weights = np.array(of(3, 5, -1)), np.linspace(0.1, 1, n)
    pa = pytest.importorskip("pyarrow")
    for clf in (LabeledOnly(LogisticRegression()), FineTuneClassifier(ssl, max_epochs=0)):
        expected = clf.fit(X, y, sample_weight=weights).predict_proba(X)
        score = clf.score(X, y, sample_weight=weights)
        for form in (pd.Series(weights, dtype="Float64"), pl.Series(weights), pa.array(weights)):
            again = clf.fit(X, y, sample_weight=form)
            np.testing.assert_array_equal(again.predict_proba(X), expected)
            assert again.score(X, y, sample_weight=form) == score


def test_booleans_beside_none_in_cross_validation():
    y = np.array(of(True, False, None), dtype=object)
    model, cv = LabeledOnly(LogisticRegression()), StratifiedLabeledKFold(2)
    scores = cross_val_score(model, X, y, cv=cv, scoring=labeled_scorer("roc_auc"))
    as_pandas = pd.Series(y, dtype="boolean")
    np.testing.assert_array_equal(
        cross_val_score(model, X, as_pandas, cv=cv, scoring="roc_auc"), scores
    )
    assert np.isfinite(scores).all()


def test_labels_that_are_no_classes():
    intervals = pd.cut(pd.Series(X[:, 0]), 3)
    with pytest.raises(ValueError, match="labels of type Interval; classes must be numbers"):
        PrototypeClassifier().fit(X, intervals)


def test_the_vote_of_neighbours_wants_all_labels():
    assert knn_score(X, pd.Series(first, dtype="boolean")) == knn_score(X, first)
    with pytest.raises(ValueError, match="y must have a label in every row, 40 have none"):
        knn_score(X, of("cat", "dog", None))
    with pytest.raises(ValueError, match="knn_score: .*1 is the only label left"):
        knn_scorer(ssl, X, np.where(first, -1, 1))
