"""Fine-tuning: few labels among many samples."""

import copy
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from cases import CASES, tiny_mlp, tiny_text
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from skorch.callbacks import Callback
from torch import nn

from skssl import SimCLR
from skssl.exceptions import CollapseWarning
from skssl.modality import Tabular
from skssl.nn import SideBySide, layer_rates, learned_batch_norms
from skssl.semi_supervised import FineTuneClassifier, FineTuneRegressor
from skssl.semi_supervised._objectives import PseudoLabelObjective

X, y = load_wine(return_X_y=True)
KINDS = ["none", "pseudo_label", "fixmatch"]


def tiny(**params):
    settings = {"encoder": tiny_mlp, "max_epochs": 2, "device": "cpu", "random_state": 0}
    return SimCLR(**{**settings, **params})


def fine_tuned(method=None, estimator=FineTuneClassifier, **params):
    settings = {"max_epochs": 3, "random_state": 0}
    return estimator(tiny() if method is None else method, **{**settings, **params})


def with_few_labels(y, n_labels=5, unlabeled=-1):
    """Return `y` with only the first labels of each class."""
    few = np.full_like(y, unlabeled)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)[:n_labels]
        few[rows] = y[rows]
    return few


y_few = with_few_labels(y)


def weights(network):
    return [p.detach().clone() for p in network.parameters()]


def same_bits(first, second):
    return all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


@pytest.mark.parametrize("estimator", [FineTuneClassifier, FineTuneRegressor])
def test_sklearn_checks(estimator):
    # scikit-learn's labels are -1 and 1 in places.
    reason = "The pretraining does not look at weights, and the order of batches is random."
    results = check_estimator(
        fine_tuned(tiny(modality=Tabular(), max_epochs=1), estimator, max_epochs=1, unlabeled=None),
        expected_failed_checks={"check_sample_weight_equivalence_on_dense_data": reason},
        on_skip=None,
        on_fail=None,
    )
    failures = [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"]
    assert not failures
    assert sum(r["status"] == "xfail" for r in results) == 1
    assert sum(r["status"] == "passed" for r in results) >= 56
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.parametrize("kind", KINDS)
def test_every_modality(case, kind):
    X, y = case.load()
    clf = FineTuneClassifier(
        case.make(SimCLR),
        semi_supervised=kind,
        max_epochs=2,
        learning_rate=3e-4,
        unlabeled_ratio=1,
        random_state=0,
    ).fit(X, with_few_labels(y))
    proba = clf.predict_proba(X)
    assert proba.shape == (len(X), len(np.unique(y)))
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    assert clf.score(X, y) > 1.2 / len(np.unique(y))
    assert clf.n_iter_ == len(clf.loss_curve_) == len(clf.history_) == 2


def test_lists_of_texts_and_labels_as_words():
    texts = [f"{'good fine nice' if i % 2 else 'bad poor sad'} film {i % 7}" for i in range(40)]
    labels = np.array(["pos" if i % 2 else "neg" for i in range(40)], dtype=object)
    labels[10:] = None
    clf = fine_tuned(tiny(encoder=tiny_text)).fit(texts, labels)
    assert clf.classes_.tolist() == ["neg", "pos"]
    assert clf.predict(texts[10:]).tolist() == ["pos" if i % 2 else "neg" for i in range(10, 40)]


def test_numbers_as_labels_among_none():
    labels = np.where(y_few == -1, None, y_few)
    clf, expected = fine_tuned().fit(X, labels), fine_tuned().fit(X, y_few)
    np.testing.assert_array_equal(clf.predict(X), expected.predict(X))
    assert clf.classes_.dtype.kind == "i"
    assert clf.score(X, labels) == expected.score(X, y_few)


def test_without_epochs_it_is_logistic_regression_on_frozen_embeddings():
    ssl = tiny().fit(X)
    scaler = StandardScaler().fit(ssl.transform(X))
    known = y_few != -1
    probe = make_pipeline(FrozenEstimator(ssl), FrozenEstimator(scaler), LogisticRegression())
    probe.fit(X[known], y[known])
    clf = fine_tuned(ssl, max_epochs=0).fit(X, y_few)
    np.testing.assert_allclose(clf.predict_proba(X), probe.predict_proba(X), atol=1e-3)
    two = y < 2
    probe.fit(X[known & two], y[known & two])
    clf.fit(X, np.where(two, y_few, -1))
    np.testing.assert_allclose(clf.predict_proba(X), probe.predict_proba(X), atol=1e-3)
    np.testing.assert_allclose(clf.decision_function(X), probe.decision_function(X), atol=1e-2)


def test_without_epochs_it_is_ridge_regression_on_frozen_embeddings():
    ssl = tiny().fit(X)
    Z = StandardScaler().fit_transform(ssl.transform(X))
    target = X[:, 0].copy()
    expected = RidgeCV(alphas=np.logspace(-2, 4, 13)).fit(Z[::4], target[::4]).predict(Z)
    target[np.arange(len(X)) % 4 > 0] = np.nan
    reg = fine_tuned(ssl, FineTuneRegressor, max_epochs=0).fit(X, target)
    np.testing.assert_allclose(reg.predict(X), expected, rtol=1e-3)


def test_learning_from_scratch_starts_from_knowing_nothing():
    settings = {"max_epochs": 1, "batch_size": len(X), "learning_rate": 1e-9}
    clf = fine_tuned(tiny(max_epochs=0), **settings).fit(X, y_few)
    assert clf.loss_curve_[0] == pytest.approx(np.log(len(clf.classes_)), abs=1e-3)
    reg = fine_tuned(tiny(max_epochs=0), FineTuneRegressor, **settings).fit(X, X[:, 0])
    assert reg.loss_curve_[0] == pytest.approx(1.0, abs=1e-3)


def test_fine_tuning_lowers_the_loss():
    clf = fine_tuned(max_epochs=60, learning_rate=0.01, augment=False).fit(X, y_few)
    assert clf.loss_curve_[-1] < 0.5 * clf.loss_curve_[0]
    diabetes, target = load_diabetes(return_X_y=True)
    reg = fine_tuned(
        estimator=FineTuneRegressor,
        max_epochs=60,
        batch_size=100,
        learning_rate=0.01,
        augment=False,
    )
    reg.fit(diabetes, np.where(np.arange(len(target)) < 100, target, np.nan))
    assert reg.loss_curve_[-1] < 0.9 * reg.loss_curve_[0]
    assert reg.score(diabetes, target) > 0.2


@pytest.mark.parametrize("wrap", [lambda ssl: ssl, FrozenEstimator])
def test_a_fitted_method_is_copied_and_not_pretrained_again(wrap):
    ssl = tiny().fit(X)
    before, history = weights(ssl.encoder_), list(ssl.history_)
    few = y_few != -1
    clf = fine_tuned(wrap(ssl)).fit(X[few], y_few[few])
    assert all(torch.equal(a, b) for a, b in zip(before, weights(ssl.encoder_), strict=True))
    assert ssl.history_ == history
    assert same_bits(clf.method_.encoder_, ssl.encoder_)
    assert not same_bits(clf.encoder_, ssl.encoder_)


def test_an_unfitted_method_is_cloned_and_pretrained_on_all_rows():
    method = tiny()
    clf = fine_tuned(method).fit(X, y_few)
    assert not hasattr(method, "encoder_")
    assert same_bits(clf.method_.encoder_, tiny().fit(X).encoder_)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bits(kind):
    def fit(seed):
        return fine_tuned(
            tiny(random_state=None), semi_supervised=kind, unlabeled_ratio=1, random_state=seed
        ).fit(X, y_few)

    np.random.seed(0)  # noqa: NPY002 - the global state is what is tested
    torch.manual_seed(0)
    before_numpy, before_torch = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    first, second, other = fit(0), fit(0), fit(1)
    after_numpy = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(before_numpy, after_numpy, strict=True))
    assert torch.equal(before_torch, torch.get_rng_state())
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))


def test_copies_predict_alike_and_hold_no_data():
    clf = fine_tuned().fit(np.tile(X, (6, 1)), np.tile(y, 6))
    for copied in (pickle.loads(pickle.dumps(clf)), copy.deepcopy(clf)):
        np.testing.assert_array_equal(copied.predict_proba(X), clf.predict_proba(X))
    often = fine_tuned().fit(np.tile(X, (12, 1)), np.tile(y, 12))
    assert abs(len(pickle.dumps(often)) - len(pickle.dumps(clf))) < 4000
    assert not hasattr(clone(clf), "encoder_")


def test_encoder_and_head_are_modules_in_eval_mode():
    clf = fine_tuned().fit(X, y_few)
    network = nn.Sequential(clf.encoder_, clf.head_)
    assert not any(part.training for child in network for part in child.modules())
    modality = clf.method_.modality_
    with torch.no_grad():
        logits = network(modality.prepare(modality.check(X, estimator="")))
    np.testing.assert_allclose(logits, clf.decision_function(X), rtol=1e-4, atol=1e-5)


def test_batch_norms_keep_what_they_learned_from_all_rows():
    clf = fine_tuned().fit(X, y_few)
    (before,), (after,) = (
        [m for m in encoder.modules() if isinstance(m, nn.BatchNorm1d)]
        for encoder in (clf.method_.encoder_, clf.encoder_)
    )
    assert torch.equal(before.running_mean, after.running_mean)
    assert not torch.equal(before.weight, after.weight)
    scratch = fine_tuned(tiny(max_epochs=0)).fit(X, y_few)
    assert not learned_batch_norms(scratch.method_.encoder_)
    assert learned_batch_norms(scratch.encoder_)


def test_rates_fall_with_the_distance_from_the_head():
    encoder = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2))
    head = nn.Linear(2, 2)
    rates = layer_rates(encoder, head, 0.25)
    assert rates == {
        **dict.fromkeys([*encoder[0].parameters(), *encoder[1].parameters()], 0.25),
        **dict.fromkeys(encoder[3].parameters(), 0.5),
        **dict.fromkeys(head.parameters(), 1.0),
    }
    other = nn.Linear(2, 2)
    rates = layer_rates(SideBySide([encoder, other]), head, 0.25)
    assert rates[other.weight] == rates[encoder[0].weight] == 0.25


class Rates(Callback):
    def on_train_end(self, net, X=None, y=None, **kwargs):
        Rates.seen = sorted({group["initial_lr"] for group in net.optimizer_.param_groups})


def test_rates_reach_the_optimizer():
    fine_tuned(learning_rate=0.1, layer_decay=0.5, callbacks=[Rates()]).fit(X, y_few)
    assert Rates.seen == pytest.approx([0.05, 0.1])


@pytest.mark.parametrize(
    ("method", "n_labels", "rates"),
    [
        ({}, 5, [3e-4 * 15 / 250 * 0.3, 3e-4 * 15 / 250]),
        ({"max_epochs": 0}, 5, [2e-3]),
        # A module of the user's own comes trained.
        ({"max_epochs": 0, "encoder": tiny_mlp((13,))}, 5, [1.8e-5 * 0.3, 1.8e-5]),
    ],
)
def test_what_auto_means_for_rates(method, n_labels, rates):
    fine_tuned(tiny(**method), callbacks=[Rates()]).fit(X, with_few_labels(y, n_labels))
    assert Rates.seen == pytest.approx(rates)


def test_class_and_sample_weights():
    known = y_few != -1
    heavy = np.where(y_few == 0, 1000.0, 0.001)
    by_sample = fine_tuned().fit(X, y_few, sample_weight=heavy)
    by_class = fine_tuned(class_weight={0: 1000.0, 1: 0.001, 2: 0.001}).fit(X, y_few)
    assert (by_sample.predict(X) == 0).mean() > 0.9
    np.testing.assert_array_equal(by_sample.predict_proba(X), by_class.predict_proba(X))
    # Labels are equally frequent, so that balancing them changes nothing.
    balanced = fine_tuned(class_weight="balanced").fit(X, y_few)
    np.testing.assert_allclose(balanced.predict(X), fine_tuned().fit(X, y_few).predict(X))
    with pytest.raises(ValueError, match="weights of labelled rows not all zero"):
        fine_tuned().fit(X, y_few, sample_weight=~known)


@pytest.mark.parametrize("max_epochs", [0, 2])
def test_weights_are_relative(max_epochs):
    weights = np.linspace(1, 2, len(y))
    for estimator, labels in ((FineTuneClassifier, y_few), (FineTuneRegressor, X[:, 0])):
        model = fine_tuned(estimator=estimator, max_epochs=max_epochs)
        expected = model.fit(X, labels, sample_weight=weights).predict(X)
        again = model.fit(X, labels, sample_weight=2.0**10 * weights)
        np.testing.assert_array_equal(again.predict(X), expected)
        flat = model.fit(X, labels, sample_weight=np.full(len(y), 8.0)).predict(X)
        np.testing.assert_array_equal(flat, model.fit(X, labels).predict(X))


def test_label_smoothing_makes_less_certain():
    ssl = tiny().fit(X)

    def certainty(**params):
        clf = fine_tuned(ssl, max_epochs=60, learning_rate=0.01, **params).fit(X, y_few)
        return clf.predict_proba(X[y_few != -1]).max(axis=1).mean()

    assert certainty(label_smoothing=0.3) < certainty() - 0.05


def test_early_stopping_waits_and_keeps_the_best_epoch():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 3, len(y))
    clf = fine_tuned(max_epochs=200, learning_rate=0.03, early_stopping=True, augment=False)
    clf.fit(X, noise)
    losses = [row["valid_loss"] for row in clf.history_]
    # Longer than the tenth of the training in which the rate rises.
    assert len(losses) - 1 - np.argmin(losses) == 200 // 5
    shorter = fine_tuned(
        max_epochs=200,
        learning_rate=0.03,
        early_stopping=True,
        augment=False,
        callbacks=[StopAt(int(np.argmin(losses)) + 1)],
    ).fit(X, noise)
    np.testing.assert_array_equal(clf.predict_proba(X), shorter.predict_proba(X))


class StopAt(Callback):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epoch:
            raise KeyboardInterrupt


class Planned(StopAt):
    def on_train_begin(self, net, X=None, y=None, **kwargs):
        Planned.seen = net.max_epochs


@pytest.mark.parametrize(("semi_supervised", "steps"), [("none", 300), ("fixmatch", 910)])
def test_rows_that_are_learned_from_count_in_the_budget(semi_supervised, steps):
    X_many, y_many = np.resize(X, (2000, 13)), np.full(2000, -1)
    y_many[: len(y)] = y_few
    fine_tuned(max_epochs="auto", semi_supervised=semi_supervised, callbacks=[Planned(1)]).fit(
        X_many, y_many
    )
    # One step in an epoch.
    assert Planned.seen == steps


def test_early_stopping_is_for_enough_labels():
    X_many, y_many = np.tile(X, (2, 1)), np.tile(y, 2)
    assert "valid_loss" not in fine_tuned().fit(X, y).history_[0]
    assert "valid_loss" in fine_tuned().fit(X_many, y_many).history_[0]
    assert "valid_loss" not in fine_tuned(early_stopping=False).fit(X_many, y_many).history_[0]


def test_partial_fit_continues():
    ssl = tiny().fit(X)
    clf = fine_tuned(ssl).partial_fit(X[:100], y_few[:100], classes=[0, 1, 2])
    before = weights(clf.encoder_)
    again = copy.deepcopy(clf).partial_fit(X, y_few)
    clf.partial_fit(X, y_few)
    assert clf.n_iter_ == len(clf.loss_curve_) == len(clf.history_) == 2
    assert not all(torch.equal(a, b) for a, b in zip(before, weights(clf.encoder_), strict=True))
    assert same_bits(clf.encoder_, again.encoder_)
    assert clf.classes_.tolist() == [0, 1, 2]
    assert same_bits(clf.method_.encoder_, ssl.encoder_)
    reg = fine_tuned(ssl, FineTuneRegressor).partial_fit(X, X[:, 0]).partial_fit(X[:9], X[:9, 0])
    assert reg.n_iter_ == 2


def test_fixmatch_notes_how_many_are_certain():
    clf = fine_tuned(semi_supervised="fixmatch", unlabeled_ratio=2, threshold=0.0).fit(X, y_few)
    assert [row["certain"] for row in clf.history_] == [1.0] * 3


@pytest.mark.parametrize("semi_supervised", KINDS)
def test_guesses_of_one_class_are_warned_of(semi_supervised):
    mostly_one = np.concatenate([X, np.tile(X[-1:], (3000, 1))])
    few = np.concatenate([y_few, np.full(len(mostly_one) - len(X), -1)])
    clf = fine_tuned(semi_supervised=semi_supervised, max_epochs=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CollapseWarning)
        clf.fit(mostly_one, few)
    if semi_supervised == "none":
        assert not caught
        return
    (warning,) = caught
    assert warning.filename == __file__
    share = r"9\d% of the rows .* taken for class \d, but 33% of the labels are of it"
    assert re.search(rf"{share}.*semi_supervised='{semi_supervised}'", str(warning.message))


def test_the_weight_of_pseudo_labels_rises():
    objective = PseudoLabelObjective(
        nn.Identity(),
        nn.Identity(),
        torch.zeros(1, dtype=torch.int64),
        torch.ones(1),
        loss=lambda outputs, targets: 0 * outputs[:, 0],
        augment=False,
        n_others=1,
        weight=3.0,
    )
    objective.before_step(torch.tensor([0]))
    losses = []
    for progress in (0.0, 0.1, 0.35, 0.6, 1.0):
        objective.after_step(progress)
        losses.append(objective(torch.zeros(2, 2), None).item())
    assert losses == pytest.approx(np.log(2) * np.array([0, 0, 1.5, 3, 3]))


def test_grid_search_over_the_method():
    search = GridSearchCV(
        FineTuneClassifier(tiny(), max_epochs=1, random_state=0),
        {"method__temperature": [0.1, 0.5], "label_smoothing": [0.1]},
        cv=2,
    ).fit(X, y)
    assert search.best_estimator_.method_.temperature_ in (0.1, 0.5)


def test_score_ignores_rows_without_a_label():
    clf = fine_tuned().fit(X, y_few)
    known = y_few != -1
    assert clf.score(X, y_few) == clf.score(X[known], y_few[known])
    reg = fine_tuned(estimator=FineTuneRegressor).fit(X, X[:, 0])
    target = np.where(known, X[:, 0], np.nan)
    assert reg.score(X, target) == pytest.approx(reg.score(X[known], X[known, 0]))


def test_names_of_columns():
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    clf = fine_tuned().fit(frame, y_few)
    assert clf.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names should match"):
        clf.predict(frame[["b", "a", "c"]])
    assert not hasattr(clf.fit(X, y_few), "feature_names_in_")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fine_tuned().fit(X, np.full(len(X), -1)), "no row of y has a label"),
        (lambda: fine_tuned().fit(X, np.where(y == 0, 0, -1)), "0 is the only label left"),
        (lambda: fine_tuned(unlabeled=None).fit(X, 0 * y), "at least 2 classes .* got 1"),
        (lambda: fine_tuned().fit(X, y[:-1]), "inconsistent numbers of samples"),
        (lambda: fine_tuned(StandardScaler()).fit(X, y), r"method=StandardScaler\(\) must be"),
        (lambda: fine_tuned(layer_decay=0).fit(X, y), "'layer_decay' parameter"),
        (lambda: fine_tuned(semi_supervised="mixmatch").fit(X, y), "'semi_supervised'"),
        (lambda: fine_tuned(label_smoothing=1.0).fit(X, y), "'label_smoothing'"),
        (lambda: fine_tuned().partial_fit(X, y), "classes must be passed on the first call"),
        (lambda: fine_tuned().partial_fit(X, y, classes=[0, 1]), "previously unseen labels"),
        (
            lambda: fine_tuned().partial_fit(X, y, [0, 1, 2]).partial_fit(X, y, [0, 1, 3]),
            r"classes=\[0, 1, 3\] are not those of the first call",
        ),
        (
            # The last of them is the only one of its class.
            lambda: fine_tuned(early_stopping=True).fit(X[:131], y[:131]),
            "early_stopping=True .* class 2 has one label only",
        ),
        (
            lambda: fine_tuned(estimator=FineTuneRegressor, unlabeled=0.0).fit(
                X, np.where(y == 0, np.nan, 1.0)
            ),
            "Input y contains NaN",
        ),
        (lambda: fine_tuned().fit(X, y_few).score(X, 0 * y - 1), "no row of y has a label"),
        (
            lambda: fine_tuned(tiny(max_epochs=0), batch_size=1).fit(X, y_few),
            r"batch_size=1 and \d+ labelled row\(s\) .* batches of a single one",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_errors_come_before_the_pretraining():
    with pytest.raises(ValueError, match="no row of y has a label"):
        fine_tuned(tiny(callbacks=[Unwanted()])).fit(X, np.full(len(X), -1))


class Unwanted(Callback):
    def on_train_begin(self, net, X=None, y=None, **kwargs):
        raise AssertionError("It trains.")


def test_a_label_that_looks_like_a_marker_is_an_error():
    y = np.where(np.arange(len(X)) % 2, 1, -1)
    with pytest.raises(ValueError, match="then 1 is the only label left"):
        fine_tuned().fit(X, y)
    assert set(fine_tuned(unlabeled=None).fit(X, y).classes_) == {-1, 1}
    with pytest.raises(ValueError, match="in regression it may also be a value"):
        fine_tuned(estimator=FineTuneRegressor).fit(X, y)
