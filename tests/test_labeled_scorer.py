"""Scores of labelled rows, where others are among those that are scored."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import GridSearchCV, KFold, cross_validate, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skssl.model_selection import LabeledKFold, StratifiedLabeledKFold, labeled_scorer
from skssl.semi_supervised import LabeledOnly

X, truth = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)[:, :3]
known = np.random.default_rng(0).random(len(truth)) < 0.3
y = np.where(known, truth, -1)
names = np.where(known, np.array(["a", "b", "c"])[truth], None)
values = np.where(known, X[:, 0] + X[:, 1], np.nan)
model = LabeledOnly(LogisticRegression())


@pytest.mark.parametrize("labels", [y, names, np.where(known, truth, np.nan)])
@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc_ovr", "neg_log_loss"])
def test_it_is_the_score_of_the_labelled_rows(scoring, labels):
    fitted = clone(model).fit(X, labels)
    labels_known = labels[known].astype(str) if labels is names else truth[known]
    expected = get_scorer(scoring)(fitted, X[known], labels_known)
    assert labeled_scorer(scoring)(fitted, X, labels) == pytest.approx(expected, rel=1e-12)
    copied = pickle.loads(pickle.dumps(labeled_scorer(scoring)))
    assert copied(fitted, X, labels) == labeled_scorer(scoring)(fitted, X, labels)


def test_training_folds():
    scoring = {"auc": labeled_scorer("roc_auc_ovr"), "accuracy": labeled_scorer("accuracy")}
    settings = {"cv": StratifiedLabeledKFold(3), "return_train_score": True}
    scores = cross_validate(model, X, y, scoring=scoring, **settings)
    plain = cross_validate(model, X, y, scoring="accuracy", **settings)
    np.testing.assert_array_equal(scores["test_accuracy"], plain["test_score"])
    assert scores["train_accuracy"].min() > 0.8 > 0.4 > plain["train_score"].max()
    assert scores["train_auc"].min() > 0.8
    _, train, test = learning_curve(
        model, X, y, train_sizes=[0.5, 1.0], scoring=labeled_scorer("accuracy"),
        cv=StratifiedLabeledKFold(3),
    )  # fmt: skip
    assert train.min() > 0.5
    assert np.isfinite(test).all()


def test_plain_folds_and_regression():
    scores = cross_validate(
        model, X, y, scoring=labeled_scorer("accuracy"), cv=KFold(2, shuffle=True, random_state=0)
    )
    assert scores["test_score"].min() > 0.7
    for scoring in ("r2", "neg_mean_absolute_error"):
        search = GridSearchCV(
            make_pipeline(StandardScaler(), LabeledOnly(Ridge())),
            {"labeledonly__estimator__alpha": [0.1, 1e4]},
            scoring=labeled_scorer(scoring),
            cv=LabeledKFold(3),
            return_train_score=True,
        ).fit(X, values)
        assert search.best_params_ == {"labeledonly__estimator__alpha": 0.1}
        assert np.isfinite(search.cv_results_["mean_train_score"]).all()


@pytest.mark.parametrize("routing", [False, True])
def test_weights_are_cut_and_passed_on(routing):
    weights = np.random.default_rng(1).random(len(y))
    fitted = clone(model).fit(X, y)
    expected = accuracy_score(y[known], fitted.predict(X[known]), sample_weight=weights[known])
    with sklearn.config_context(enable_metadata_routing=routing):
        inner = get_scorer("accuracy")
        scorer = labeled_scorer(inner.set_score_request(sample_weight=True) if routing else inner)
        assert scorer(fitted, X, y, sample_weight=weights) == pytest.approx(expected, rel=1e-12)
        if routing:
            weighted = cross_validate(
                LabeledOnly(LogisticRegression().set_fit_request(sample_weight=False)),
                X, y, scoring=scorer, cv=StratifiedLabeledKFold(3),
                params={"sample_weight": weights},
            )  # fmt: skip
            plain = cross_validate(
                LabeledOnly(LogisticRegression()), X, y, cv=StratifiedLabeledKFold(3),
                scoring=labeled_scorer("accuracy"),
            )  # fmt: skip
            assert not np.array_equal(weighted["test_score"], plain["test_score"])


def test_estimators_that_learned_the_marker():
    # It takes -1 for one more class, and is wrong wherever it says so.
    fitted = LogisticRegression().fit(X, y)
    expected = np.mean(fitted.predict(X[known]) == truth[known])
    assert labeled_scorer("accuracy")(fitted, X, y) == expected < 0.9
    one = np.where(truth == 0, 1, -1)
    fitted = LogisticRegression().fit(X, one)
    with pytest.raises(ValueError, match="labeled_scorer: .*1 is the only label left"):
        labeled_scorer("accuracy")(fitted, X, one)
    everything = labeled_scorer("accuracy", unlabeled=None)
    assert everything(fitted, X, one) == fitted.score(X, one)


def test_wrong_scores():
    with pytest.raises(ValueError, match="scoring must be the name of a score or a callable"):
        labeled_scorer(3)
    with pytest.raises(ValueError, match="'accurate' is not a valid scoring|parameter of"):
        labeled_scorer("accurate")
    with pytest.raises(ValueError, match="metric function"):
        labeled_scorer(accuracy_score)
    with pytest.raises(ValueError, match="requires y"):
        labeled_scorer("accuracy")(clone(model).fit(X, y), X, None)
    assert repr(labeled_scorer("r2", unlabeled=-1)) == "labeled_scorer('r2', unlabeled=-1)"
