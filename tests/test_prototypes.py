"""A classifier that learns from rows with and without a label."""

import numpy as np
import pandas as pd
import pytest
from cases import tiny_mlp
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from skssl import SimCLR
from skssl.inspection import few_label_report
from skssl.model_selection import StratifiedLabeledKFold
from skssl.semi_supervised import LabeledOnly, PrototypeClassifier

X, y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)
known = np.arange(len(y)) % 5 == 0
y_few = np.where(known, y, -1)


def stretched_groups():
    """Two groups of directions, and one labelled row of each at the edge next to the other's."""
    angles = np.concatenate([np.linspace(0, 80, 41), np.linspace(100, 180, 41)])
    rows = np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1)
    truth = np.repeat([0, 1], 41)
    labels = np.full(82, -1)
    labels[[0, 41]] = 0, 1  # at 0 and at 100 degrees
    return rows, truth, labels


@pytest.mark.parametrize("unlabeled", ["auto", None])
def test_sklearn_checks(unlabeled):
    model = PrototypeClassifier(unlabeled=unlabeled)
    results = check_estimator(model, on_skip=None, on_fail=None)
    failed = {r["check_name"]: str(r["exception"]) for r in results if r["status"] == "failed"}
    if unlabeled == "auto":
        # Its classes are -1 and 1.
        assert "unlabeled=None" in failed.pop("check_classifiers_classes")
    assert failed == {}
    assert sum(r["status"] == "passed" for r in results) >= 53
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}


def test_without_rounds_it_is_the_nearest_mean_direction():
    model = PrototypeClassifier(n_iter=0, shrinkage=1).fit(X, y_few)
    directions = X / np.linalg.norm(X, axis=1, keepdims=True)
    means = np.stack([directions[known & (y == label)].mean(axis=0) for label in range(3)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(model.prototypes_, means, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), (directions @ means.T).argmax(axis=1))


def test_rows_are_whitened_by_the_shrunk_covariance_of_all(rng):
    rows = X @ rng.standard_normal((13, 13)) + 5
    model = PrototypeClassifier(n_iter=0, shrinkage=0.4).fit(rows, y_few)
    variances, axes = np.linalg.eigh(np.cov(rows.T, bias=True))
    typical = (variances**2).sum() / variances.sum()
    whitened = (rows - rows.mean(axis=0)) @ axes / np.sqrt(0.6 * variances + 0.4 * typical) @ axes.T
    plain = PrototypeClassifier(n_iter=0, shrinkage=1).fit(whitened, y_few)
    np.testing.assert_allclose(model.prototypes_, plain.prototypes_, rtol=1e-6)
    np.testing.assert_allclose(model.predict_proba(rows), plain.predict_proba(whitened), rtol=1e-6)
    # Far from the origin as well, and in the precision of the rows.
    far = PrototypeClassifier(n_iter=0, shrinkage=0.4).fit((rows + 50).astype(np.float32), y_few)
    np.testing.assert_allclose(far.prototypes_, model.prototypes_, atol=1e-4)


def test_more_columns_than_axes_share_the_rest(rng):
    rows, truth = rng.standard_normal((400, 150)), np.arange(400) % 2
    rows[:, 0] += 6 * truth
    model = PrototypeClassifier().fit(rows, np.where(np.arange(400) < 20, truth, -1))
    assert model.axes_.shape == (100, 150)
    assert 0 < model.gains_[0] < 0.7 < model.gains_[-1] <= 1
    assert model.score(rows, truth) > 0.9


def test_whitening_finds_groups_across_the_largest_variance(rng):
    truth = np.arange(200) % 2
    rows = rng.standard_normal((200, 2)) * [8, 1]
    rows[:, 1] += np.where(truth == 0, -4, 4)
    rows[:2] = [[3, -4], [-3, 4]]
    labels = np.where(np.arange(200) < 2, truth, -1)
    assert PrototypeClassifier().fit(rows, labels).score(rows, truth) > 0.95
    assert PrototypeClassifier(shrinkage=1).fit(rows, labels).score(rows, truth) < 0.7


def test_rows_that_are_all_equal_are_shared_out_evenly():
    labels = np.r_[0, 1, np.full(8, -1)]
    proba = PrototypeClassifier().fit(np.ones((10, 3)), labels).predict_proba(np.ones((2, 3)))
    np.testing.assert_allclose(proba, 0.5)


def test_a_round_gives_the_means_of_shared_out_rows():
    settings = {"temperature": 0.5, "shrinkage": 1}
    start = PrototypeClassifier(n_iter=0, **settings).fit(X, y_few).prototypes_
    expected = np.zeros_like(start)
    for row, label in zip(X, y_few, strict=True):
        direction = row / np.sqrt((row**2).sum())
        shares = np.exp(start @ direction / 0.5)
        shares = 3 * np.eye(3)[label] if label >= 0 else shares / shares.sum()
        for of_class, share in enumerate(shares):
            expected[of_class] += share * direction
    expected /= np.sqrt((expected**2).sum(axis=1, keepdims=True))
    model = PrototypeClassifier(n_iter=1, label_weight=3, **settings).fit(X, y_few)
    np.testing.assert_allclose(model.prototypes_, expected, rtol=1e-10)


def test_unlabelled_rows_move_prototypes_to_their_groups():
    rows, truth, labels = stretched_groups()
    at_start = PrototypeClassifier(n_iter=0).fit(rows, labels)
    model = PrototypeClassifier().fit(rows, labels)
    assert model.score(rows, truth) == 1.0
    assert at_start.score(rows, truth) < 0.9
    assert LabeledOnly(LogisticRegression()).fit(rows, labels).score(rows, truth) < 0.9
    middles = np.degrees(np.arctan2(model.prototypes_[:, 1], model.prototypes_[:, 0]))
    np.testing.assert_allclose(middles, [0, 180], atol=20)  # from the mean of all rows


def test_weight_keeps_prototypes_at_the_labelled_rows():
    rows, _, labels = stretched_groups()
    start = PrototypeClassifier(n_iter=0).fit(rows, labels).prototypes_
    moved = [
        np.linalg.norm(PrototypeClassifier(label_weight=w).fit(rows, labels).prototypes_ - start)
        for w in (0.1, 10, 1e6)
    ]
    assert moved[0] > moved[1] > moved[2]
    assert moved[2] < 1e-3


def test_probabilities_are_surer_at_lower_temperatures_and_do_not_depend_on_lengths():
    model = PrototypeClassifier().fit(X, y_few)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(proba.argmax(axis=1), model.predict(X))
    np.testing.assert_allclose(model.predict_proba(7 * X), proba, atol=1e-12)
    warmer = PrototypeClassifier(temperature=1.0).fit(X, y_few).predict_proba(X)
    assert proba.max(axis=1).mean() > warmer.max(axis=1).mean()


def test_a_row_without_a_direction_is_shared_out_evenly():
    rows, _, labels = stretched_groups()
    model = PrototypeClassifier().fit(rows, labels)
    proba = model.predict_proba([model.mean_])
    np.testing.assert_allclose(proba, [[0.5, 0.5]])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.where(known, y, np.nan), [0.0, 1.0, 2.0]),
        (np.where(known, y, None), [0, 1, 2]),
        (np.where(known, y.astype(str), ""), ["0", "1", "2"]),
        ([str(label) if k else -1 for label, k in zip(y, known, strict=True)], ["0", "1", "2"]),
        (pd.Series(y, dtype="Int64").where(known), [0, 1, 2]),
    ],
    ids=["NaN", "None", "empty", "list of str and -1", "pandas NA"],
)
def test_markers_of_a_missing_label(labels, classes):
    model = PrototypeClassifier().fit(X, labels)
    assert model.classes_.tolist() == classes
    expected = PrototypeClassifier().fit(X, y_few)
    np.testing.assert_array_equal(model.prototypes_, expected.prototypes_)
    assert model.score(X, labels) == expected.score(X[known], y[known])


def test_other_markers():
    model = PrototypeClassifier(unlabeled=9).fit(X, np.where(known, y, 9))
    assert model.classes_.tolist() == [0, 1, 2]
    everything = PrototypeClassifier(unlabeled=None).fit(X, y_few)
    assert everything.classes_.tolist() == [-1, 0, 1, 2]


def test_dtype_and_names_of_columns_are_kept():
    frame = pd.DataFrame(X.astype(np.float32)).rename(columns="column{}".format)
    model = PrototypeClassifier().fit(frame, y_few)
    assert model.prototypes_.dtype == model.predict_proba(frame).dtype == np.float32
    assert list(model.feature_names_in_) == list(frame.columns)


def test_score_leaves_unlabelled_rows_out():
    model = PrototypeClassifier().fit(X, y_few)
    weights = np.linspace(0, 1, len(y))
    assert model.score(X, y_few) == np.mean(model.predict(X[known]) == y[known])
    right = (model.predict(X) == y)[known]
    expected = np.average(right, weights=weights[known])
    assert model.score(X, y_few, sample_weight=weights) == pytest.approx(expected)
    with pytest.raises(ValueError, match="no row of y has a label"):
        model.score(X, np.full(len(y), -1))


def test_in_a_search_behind_a_method():
    ssl = SimCLR(encoder=tiny_mlp, max_epochs=2, device="cpu", random_state=0)
    model = make_pipeline(ssl, StandardScaler(), PrototypeClassifier())
    grid = {"prototypeclassifier__temperature": [0.1, 1.0]}
    search = GridSearchCV(model, grid, cv=StratifiedLabeledKFold(2), error_score="raise")
    search.fit(X, y_few)
    assert search.classes_.tolist() == [0, 1, 2]
    assert search.best_score_ > 0.6
    assert search.score(X[~known], y[~known]) > 0.6


def test_in_a_report_it_sees_all_rows():
    rows, truth, _ = stretched_groups()
    report = few_label_report(
        {"start": PrototypeClassifier(n_iter=0), "moved": PrototypeClassifier()},
        rows, truth, n_labels=1, n_repeats=10, baselines=None, random_state=0,
    )  # fmt: skip
    assert report.scores["moved"].mean() == 1.0 > report.scores["start"].mean()


@pytest.mark.parametrize(
    ("params", "labels", "message"),
    [
        ({"shrinkage": 0}, y_few, "'shrinkage' parameter .* Got 0"),
        ({"temperature": 0}, y_few, "'temperature' parameter .* Got 0"),
        ({"n_iter": -1}, y_few, "'n_iter' parameter .* Got -1"),
        ({"label_weight": 0.0}, y_few, "'label_weight' parameter .* Got 0.0"),
        ({}, np.full(len(y), -1), "no row of y has a label"),
        ({}, np.where(y == 0, -1, 1), "1 is the only label left"),
        ({}, np.ones(len(y)), "at least 2 classes among its labelled rows, got 1 class: .*1.0"),
        ({}, y - 2, "other negative numbers as well"),
        ({}, np.where(known, y, np.inf), "Input y contains infinity"),
        ({}, X[:, 0], "Unknown label type"),
        ({}, y_few[1:], "inconsistent numbers of samples"),
    ],
)
def test_errors(params, labels, message):
    with pytest.raises(ValueError, match=message):
        PrototypeClassifier(**params).fit(X, labels)
