"""Classifiers and regressors among rows without labels."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_digits, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import check_estimator

from skssl.semi_supervised import LabeledOnly, PrototypeClassifier

X, y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
known = np.random.default_rng(0).random(len(y)) < 0.3


def marked(marker, labels=y):
    """Labels with a marker in the rows that are not known."""
    return np.where(known, labels, marker)


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        Ridge(),
        LinearSVC(),
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize("unlabeled", ["auto", None])
def test_sklearn_checks(estimator, unlabeled):
    model = LabeledOnly(estimator, unlabeled=unlabeled)
    results = check_estimator(model, on_skip=None, on_fail=None)
    failed = {r["check_name"]: str(r["exception"]) for r in results if r["status"] == "failed"}
    if unlabeled == "auto" and is_classifier(estimator):
        # Its classes are -1 and 1.
        assert "unlabeled=None" in failed.pop("check_classifiers_classes")
    assert failed == {}
    assert sum(r["status"] == "passed" for r in results) >= 45


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (marked(-1), [0, 1, 2]),
        (marked(np.nan), [0.0, 1.0, 2.0]),
        (marked(None), [0, 1, 2]),
        (marked("", y.astype(str)), ["0", "1", "2"]),
        ([str(label) if k else -1 for label, k in zip(y, known, strict=True)], ["0", "1", "2"]),
        (pd.Series(y, dtype="Int64").where(known), [0, 1, 2]),
        (pd.Series(y.astype(str)).where(known).astype("category"), ["0", "1", "2"]),
    ],
    ids=["-1", "NaN", "None", "empty", "list of str and -1", "pandas NA", "categories"],
)
def test_it_is_the_estimator_of_the_labelled_rows(labels, classes):
    model = LabeledOnly(LogisticRegression()).fit(X, labels)
    alone = LogisticRegression().fit(X[known], y[known])
    assert list(model.classes_) == classes
    np.testing.assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    np.testing.assert_array_equal(model.decision_function(X), alone.decision_function(X))
    assert model.score(X, labels) == alone.score(X[known], y[known])


@pytest.mark.parametrize(
    "convert",
    [pd.DataFrame, np.ndarray.tolist, sparse.coo_matrix, sparse.csr_array],
    ids=["DataFrame", "list", "coo", "csr"],
)
def test_kinds_of_X(convert):
    model = LabeledOnly(LogisticRegression()).fit(convert(X), marked(-1))
    expected = LogisticRegression().fit(convert(X[known]), y[known])
    np.testing.assert_array_equal(model.predict(convert(X)), expected.predict(convert(X)))
    assert model.n_features_in_ == X.shape[1]
    assert model.score(convert(X), marked(-1)) == expected.score(convert(X[known]), y[known])


def test_names_of_columns_come_and_go():
    frame = pd.DataFrame(X).rename(columns="column{}".format)
    model = LabeledOnly(LogisticRegression()).fit(frame, marked(-1))
    assert list(model.feature_names_in_) == list(frame.columns)
    assert not hasattr(model.fit(X, marked(-1)), "feature_names_in_")


def test_images_and_texts():
    images = load_digits().images[:60]
    labels = np.where(np.arange(60) < 40, load_digits().target[:60], -1)
    assert LabeledOnly(DummyClassifier()).fit(images, labels).predict(images).shape == (60,)
    texts = [f"text {row}" for row in range(60)]
    assert LabeledOnly(DummyClassifier()).fit(texts, labels).predict(texts).shape == (60,)


def test_kind_and_methods_are_those_of_the_estimator():
    assert is_classifier(LabeledOnly(LinearSVC()))
    assert is_regressor(LabeledOnly(Ridge()))
    assert not hasattr(LabeledOnly(LinearSVC()), "predict_proba")
    assert not hasattr(LabeledOnly(Ridge()).fit(X, y.astype(float)), "classes_")
    assert clone(LabeledOnly(Ridge(alpha=2.0))).get_params()["estimator__alpha"] == 2.0


def test_regression():
    values = marked(np.nan, X[:, 0] - 2 * X[:, 1] - 1)
    model = LabeledOnly(Ridge()).fit(X[:, :3], values)
    expected = Ridge().fit(X[known, :3], values[known])
    np.testing.assert_array_equal(model.predict(X[:, :3]), expected.predict(X[:, :3]))
    assert model.score(X[:, :3], values) > 0.9
    with pytest.warns(sklearn.exceptions.DataConversionWarning):
        LabeledOnly(Ridge()).fit(X, values[:, None])


@pytest.mark.parametrize("routing", [False, True])
def test_weights_are_cut_to_the_labelled_rows(routing):
    weights = np.random.default_rng(1).random(len(y))
    expected = LogisticRegression().fit(X[known], y[known], sample_weight=weights[known])
    with sklearn.config_context(enable_metadata_routing=routing):
        inner = LogisticRegression()
        if routing:
            inner.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        model = LabeledOnly(inner).fit(X, marked(-1), sample_weight=weights)
        score = model.score(X, marked(-1), sample_weight=weights)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert score == expected.score(X[known], y[known], sample_weight=weights[known])


def test_rows_of_files_that_could_not_be_read_are_named():
    Z, labels = X.copy(), np.where(np.arange(len(y)) % 2, y, -1)
    Z[[3, 8]] = np.nan
    model = LabeledOnly(LogisticRegression())
    for convert in (np.asarray, pd.DataFrame):
        with pytest.raises(ValueError, match=r"row 3 of X has nothing but NaN.*ok = np.isfinite"):
            model.fit(convert(Z), labels)
    labels[3] = -1
    model.fit(Z, labels)
    for method in (model.predict, model.predict_proba, model.decision_function):
        with pytest.raises(ValueError, match="LabeledOnly: rows 3, 8 of X have nothing but NaN"):
            method(Z)
    labels[8] = 1
    with pytest.raises(ValueError, match="row 8 of X"):
        model.score(Z, labels)
    # scikit-learn says it of single values, and what takes NaN gets it.
    Z[3, 0] = Z[8, 0] = 0.0
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.predict(Z)
    Z[3] = np.nan
    forest = LabeledOnly(HistGradientBoostingClassifier(max_iter=1))
    assert len(forest.fit(Z, y).predict(Z)) == len(y)
    for use in (PrototypeClassifier().fit, PrototypeClassifier().fit(X, y).score):
        with pytest.raises(ValueError, match="PrototypeClassifier: row 3 of X"):
            use(Z, y)


def test_no_labels():
    for labels in (np.full(len(y), -1), np.full(len(y), np.nan), [""] * len(y)):
        with pytest.raises(ValueError, match=f"no row of y has a label.* all {len(y)} rows"):
            LabeledOnly(LogisticRegression()).fit(X, labels)
    model = LabeledOnly(LogisticRegression()).fit(X, y)
    with pytest.raises(ValueError, match="no row of y has a label"):
        model.score(X, np.full(len(y), -1))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X[:-1], marked(-1))


@pytest.mark.parametrize(
    ("estimator", "labels", "why"),
    [
        (DummyClassifier(), np.where(y == 0, -1, 1), "1 is the only label left"),
        (DummyClassifier(), y - 2, "other negative numbers as well, such as -2"),
        (Ridge(), y - 1, "in regression it may also be a value"),
    ],
    ids=["two classes", "negative", "regression"],
)
def test_minus_one_that_may_be_a_label(estimator, labels, why):
    with pytest.raises(ValueError, match=f"{why}.*unlabeled=-1 .*unlabeled=None"):
        LabeledOnly(estimator).fit(X, labels)
    everything = LabeledOnly(estimator, unlabeled=None).fit(X, labels)
    np.testing.assert_array_equal(everything.predict(X), clone(estimator).fit(X, labels).predict(X))
    if is_classifier(estimator):
        assert set(everything.classes_) == set(labels)
        assert -1 not in LabeledOnly(estimator, unlabeled=-1).fit(X, labels).classes_


def test_any_marker():
    labels = marked(9)
    assert list(LabeledOnly(LogisticRegression(), unlabeled=9).fit(X, labels).classes_) == [0, 1, 2]


def test_wrong_estimator():
    for wrong in (StandardScaler(), LogisticRegression):
        with pytest.raises(ValueError, match="'estimator' parameter of LabeledOnly"):
            LabeledOnly(wrong).fit(X, y)


def test_estimators_whose_methods_are_known_after_fitting():
    parts = [("lr", LogisticRegression()), ("knn", KNeighborsClassifier())]
    stack = StackingClassifier(parts, cv=2)
    search = GridSearchCV(stack, {"cv": [2]}, cv=2)
    for estimator in (stack, make_pipeline(StandardScaler(), stack), search):
        model = LabeledOnly(estimator).fit(X, marked(-1))
        alone = clone(estimator).fit(X[known], y[known])
        assert model.classes_.tolist() == [0, 1, 2]
        np.testing.assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    stack = StackingRegressor([("ridge", Ridge())], cv=2)
    values = marked(np.nan, X[:, 0])
    expected = clone(stack).fit(X[known], values[known])
    np.testing.assert_array_equal(LabeledOnly(stack).fit(X, values).predict(X), expected.predict(X))


@pytest.mark.parametrize(
    "ensemble",
    [
        VotingClassifier([("lr", LogisticRegression())]),
        BaggingClassifier(LogisticRegression(), n_estimators=3, random_state=0),
        OneVsRestClassifier(LogisticRegression()),
    ],
    ids=lambda ensemble: type(ensemble).__name__,
)
def test_around_ensembles(ensemble):
    model = LabeledOnly(ensemble).fit(X, marked(-1))
    alone = clone(ensemble).fit(X[known], y[known])
    assert model.classes_.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(model.predict(X), alone.predict(X))
