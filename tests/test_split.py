"""Cross-validation among rows without labels."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    LeaveOneOut,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skssl.model_selection import (
    LabeledKFold,
    LabeledShuffleSplit,
    LabeledSplit,
    StratifiedLabeledKFold,
)
from skssl.semi_supervised import LabeledOnly

X, truth = load_wine(return_X_y=True)
known = np.random.default_rng(0).random(len(truth)) < 0.3
y = np.where(known, truth, -1)
groups = np.arange(len(y)) % 7

SPLITTERS = [
    (LabeledKFold(4, unlabeled=-1), KFold(4)),
    (
        LabeledKFold(4, shuffle=True, random_state=3, unlabeled=-1),
        KFold(4, shuffle=True, random_state=3),
    ),
    (StratifiedLabeledKFold(4), StratifiedKFold(4)),
    (
        LabeledShuffleSplit(6, test_size=0.3, random_state=0),
        ShuffleSplit(6, test_size=0.3, random_state=0),
    ),
    (LabeledSplit(GroupKFold(3)), GroupKFold(3)),
    (LabeledSplit(LeaveOneOut()), LeaveOneOut()),
]


@pytest.mark.parametrize(("labeled", "plain"), SPLITTERS, ids=lambda cv: type(cv).__name__)
def test_the_labelled_are_split_as_if_they_were_alone(labeled, plain):
    rows, others = np.flatnonzero(known), np.flatnonzero(~known)
    grouped = groups if isinstance(plain, GroupKFold) else None
    splits = list(labeled.split(X, y, grouped))
    of_labeled = groups[known] if isinstance(plain, GroupKFold) else None
    expected = list(plain.split(X[known], truth[known], of_labeled))
    assert len(splits) == len(expected) == labeled.get_n_splits(X, y, grouped)
    for (train, test), (train_labeled, test_labeled) in zip(splits, expected, strict=True):
        np.testing.assert_array_equal(test, rows[test_labeled])
        np.testing.assert_array_equal(train, sorted([*rows[train_labeled], *others]))


def test_number_of_splits_without_data():
    assert LabeledKFold(3).get_n_splits() == 3
    assert LabeledKFold(3).get_n_splits(X) == 3
    with pytest.raises(ValueError, match="'X' parameter should not be None"):
        LabeledSplit(LeaveOneOut()).get_n_splits(X)


@pytest.mark.parametrize(
    ("labels", "unlabeled"),
    [
        (np.where(known, truth, np.nan), "auto"),
        (np.where(known, truth.astype(str), ""), "auto"),
        (list(np.where(known, truth, None)), "auto"),
        (pd.Series(truth, dtype="Int64").where(known), "auto"),
        (np.where(known, truth, 9), 9),
    ],
    ids=["NaN", "empty", "None", "pandas NA", "9"],
)
def test_markers(labels, unlabeled):
    for cv in (
        LabeledKFold(3, unlabeled=unlabeled),
        StratifiedLabeledKFold(3, unlabeled=unlabeled),
    ):
        tested = np.concatenate([test for _, test in cv.split(X, labels)])
        np.testing.assert_array_equal(np.sort(tested), np.flatnonzero(known))


def test_scores_are_those_of_labelled_rows():
    model = make_pipeline(StandardScaler(), LabeledOnly(LogisticRegression()))
    # Held-out rows without a label count as mistakes in scikit-learn's own folds.
    wrong = cross_val_score(model, X, y, cv=StratifiedKFold(3), scoring="accuracy")
    right = cross_val_score(model, X, y, cv=StratifiedLabeledKFold(3), scoring="accuracy")
    assert wrong.mean() < 0.4
    assert right.mean() > 0.9


@pytest.mark.parametrize("kind", [GridSearchCV, HalvingGridSearchCV])
def test_searches(kind):
    values = np.where(known, X[:, 0], np.nan)
    model = make_pipeline(StandardScaler(), LabeledOnly(Ridge()))
    grid = {"labeledonly__estimator__alpha": [0.1, 1000.0]}
    budget = {"resource": "labeledonly__estimator__max_iter"} if kind is HalvingGridSearchCV else {}
    if budget:
        budget |= {"min_resources": 5, "max_resources": 10, "factor": 2}
    search = kind(model, grid, cv=LabeledKFold(3), error_score="raise", **budget)
    assert search.fit(X, values).best_params_["labeledonly__estimator__alpha"] == 0.1
    assert search.set_params(cv__n_splits=4).cv.n_splits == 4


@pytest.mark.parametrize("routing", [False, True])
def test_groups_in_a_search(routing):
    tested = []

    def note(estimator, X, y):
        tested.append(X[:, -1])
        return estimator.score(X, y)

    with_groups = np.column_stack([X, groups])
    with sklearn.config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            LabeledOnly(Ridge()),
            {"estimator__alpha": [1.0]},
            cv=LabeledSplit(GroupKFold(3)),
            scoring=note,
        )
        search.fit(with_groups, np.where(known, X[:, 0], np.nan), groups=groups)
    found = [set(part) for part in tested]
    assert len(found) == 3
    assert sum(map(len, found)) == len(set.union(*found)) == 7


def test_halving_refuses_splits_that_change():
    changing = LabeledSplit(ShuffleSplit(2))
    model = LabeledOnly(LogisticRegression(max_iter=2000))
    search = HalvingGridSearchCV(model, {"estimator__C": [1.0]}, cv=changing)
    with pytest.raises(ValueError, match="consistent folds"):
        search.fit(X, y)
    assert LabeledSplit(KFold(3)).shuffle is False
    assert LabeledSplit(StratifiedShuffleSplit(random_state=1)).random_state == 1


def test_params_and_repr():
    cv = LabeledKFold(3, shuffle=True, random_state=1)
    assert repr(cv) == "LabeledKFold(n_splits=3, random_state=1, shuffle=True)"
    assert clone(cv).get_params() == cv.get_params()
    assert LabeledSplit(GroupKFold(3)).get_params()["cv"].n_splits == 3


def test_too_few_labels():
    some = np.where(np.arange(len(y)) < 3, [*truth], -1)
    some[:3] = [0, 1, 2]
    with pytest.raises(ValueError, match="n_splits=5 is more than .* a label, 3; use at most 3"):
        next(LabeledKFold(5, unlabeled=-1).split(X, some))
    with pytest.raises(ValueError, match="no row of y has a label"):
        next(LabeledKFold(5).split(X, np.full(len(y), -1)))
    one = np.where(np.arange(len(y)) < 1, 1.0, np.nan)
    with pytest.raises(ValueError, match="need labels; 1 has"):
        next(LabeledShuffleSplit().split(X, one))
    with pytest.raises(ValueError, match="requires y"):
        next(LabeledKFold(5).split(X, None))
    with pytest.raises(ValueError, match="'n_splits' parameter of LabeledKFold"):
        next(LabeledKFold(1).split(X, y))


def test_small_classes():
    labels = np.array([0] * 5 + [1] * 2 + [-1] * 5)
    with pytest.warns(UserWarning, match="least populated class in y has only 2 members"):
        splits = list(StratifiedLabeledKFold(3).split(labels, labels))
    assert len(splits) == 3
    with pytest.raises(ValueError, match="greater than the number of members in each class"):
        next(StratifiedLabeledKFold(6).split(labels, labels))
    one_of_each = np.array(["frog", "toad", *[""] * 4])
    with pytest.raises(ValueError, match="n_splits=5 .*2; use at most 2 folds"):
        next(StratifiedLabeledKFold(5).split(one_of_each, one_of_each))
    with pytest.raises(ValueError, match="n_splits=2 .*'frog', has 1 with a label. Folds"):
        next(StratifiedLabeledKFold(2).split(one_of_each, one_of_each))
    with pytest.raises(ValueError, match="the largest one, 0, has 5 with a label. Use at most 5"):
        next(StratifiedLabeledKFold(6).split(labels, labels))
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        next(StratifiedLabeledKFold(2).split(labels, labels / 2 + 0.3))


@pytest.mark.parametrize("cv", [StratifiedLabeledKFold(2), LabeledSplit(KFold(2))])
def test_classes_minus_one_and_one(cv):
    labels = np.where(truth == 0, -1, 1)
    with pytest.raises(ValueError, match="1 is the only label left.*unlabeled=None"):
        next(cv.split(X, labels))
    tested = np.concatenate([test for _, test in cv.set_params(unlabeled=None).split(X, labels)])
    assert len(tested) == len(labels)
