"""What holds for every method, on every modality."""

import copy
import pickle

import joblib
import numpy as np
import pytest
import torch
from cases import CASES, PAIR_IDS, PAIRS, small_conv
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from skssl.utils import all_estimators

pairs = pytest.mark.parametrize(("estimator", "case"), PAIRS, ids=PAIR_IDS)

MIN_CHECKS = 45


def weights(ssl):
    return [p.detach().clone() for p in ssl.encoder_.parameters()]


def same_bits(first, second):
    return all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


# Methods whose loss compares with something that moves: what they learn makes it no smaller.
MOVING_TARGETS = {
    "BYOL",
    "DINO",
    "Data2Vec",
    "DeepCluster",
    "IJEPA",
    "MSN",
    "MoCo",
    "NNCLR",
    "ReSSL",
    "SMoG",
    "SwAV",
    "TiCo",
}


def test_every_method_is_discovered():
    names = [name for name, _ in all_estimators()]
    assert {"SimCLR", "VICReg", *MOVING_TARGETS} <= set(names)


def test_every_method_and_every_case_is_tested():
    assert {estimator for estimator, _ in PAIRS} == {cls for _, cls in all_estimators()}
    assert {case.name for _, case in PAIRS} == {case.name for case in CASES}


@pairs
def test_sklearn_checks(estimator, case):
    ssl = case.make(estimator, modality=case.modality_for_2d)
    results = check_estimator(ssl, on_skip=None, on_fail=None)
    by_status = {
        status: [r["check_name"] for r in results if r["status"] == status]
        for status in ("passed", "failed", "skipped", "xfail")
    }
    failures = [(r["check_name"], r["exception"]) for r in results if r["status"] == "failed"]
    assert not failures
    assert not by_status["xfail"]
    assert len(by_status["passed"]) >= MIN_CHECKS
    # Needs scipy's array API switched on before the first import.
    assert set(by_status["skipped"]) <= {"check_array_api_input"}


@pairs
def test_copies_embed_alike(estimator, case, tmp_path):
    X, _ = case.load()
    ssl = case.make(estimator).fit(X)
    Z = ssl.transform(X)
    path = tmp_path / "ssl.joblib"
    joblib.dump(ssl, path)
    for copied in (pickle.loads(pickle.dumps(ssl)), joblib.load(path), copy.deepcopy(ssl)):
        np.testing.assert_array_equal(copied.transform(X), Z)
    assert not hasattr(clone(ssl), "encoder_")


@pairs
def test_same_seed_same_bits(estimator, case):
    X, _ = case.load()
    first = case.make(estimator).fit(X)
    assert same_bits(first, case.make(estimator).fit(X))
    assert same_bits(first, clone(first).fit(X))
    assert not same_bits(first, case.make(estimator, random_state=1).fit(X))


@pairs
def test_global_random_state_is_untouched(estimator, case):
    X, _ = case.load()
    np.random.seed(0)  # noqa: NPY002 - the global state is what is tested
    torch.manual_seed(0)
    before_numpy, before_torch = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    case.make(estimator).fit(X).transform(X)
    after_numpy = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(before_numpy, after_numpy, strict=True))
    assert torch.equal(before_torch, torch.get_rng_state())


@pairs
def test_embedding_of_a_sample_does_not_depend_on_the_others(estimator, case):
    X, _ = case.load()
    ssl = case.make(estimator).fit(X)
    Z = ssl.transform(X)
    assert Z.dtype == np.float32
    assert Z.shape == (len(X), ssl._n_features_out)
    for rows in ([0], slice(0, 7), np.arange(len(X))[::-1], slice(3, None, 5)):
        np.testing.assert_allclose(ssl.transform(X[rows]), Z[rows], rtol=1e-4, atol=1e-6)


@pairs
def test_encoder_is_a_module_in_eval_mode(estimator, case):
    X, _ = case.load()
    ssl = case.make(estimator).fit(X)
    assert not any(module.training for module in ssl.encoder_.modules())
    checked = ssl.modality_.check(X, estimator="")
    with torch.no_grad():
        Z = ssl.encoder_(ssl.modality_.prepare(checked))
    np.testing.assert_allclose(Z.numpy(), ssl.transform(X), rtol=1e-4, atol=1e-6)
    exported = torch.export.export(ssl.encoder_, (ssl.modality_.prepare(checked[:4]),))
    torch.testing.assert_close(exported.module()(ssl.modality_.prepare(checked[:4])), Z[:4])


@pairs
def test_fitted_object_has_no_data_and_no_optimizer_state(estimator, case):
    X, _ = case.load()
    # Numbers of rows from which on no head grows with them.
    times = -(-3000 // len(X))
    rows, more_rows = np.concatenate([X] * times), np.concatenate([X] * 2 * times)
    ssl = case.make(estimator).fit(rows)
    once = len(pickle.dumps(ssl))
    often = len(pickle.dumps(case.make(estimator).fit(more_rows)))
    # More rows add no rows.
    assert abs(often - once) < 4000
    ssl._optimizer_state = copy.deepcopy(ssl).partial_fit(rows)._optimizer_state
    assert len(pickle.dumps(ssl)) > once + 4000


@pairs
def test_y_is_not_looked_at(estimator, case):
    X, y = case.load()
    assert same_bits(case.make(estimator).fit(X), case.make(estimator).fit(X, y))


@pairs
def test_partial_fit_continues(estimator, case):
    X, _ = case.load()
    ssl = case.make(estimator).partial_fit(X)
    before = weights(ssl)
    again = copy.deepcopy(ssl).partial_fit(X)
    ssl.partial_fit(X)
    assert ssl.n_iter_ == len(ssl.loss_curve_) == len(ssl.history_) == 2
    assert not all(torch.equal(a, b) for a, b in zip(before, weights(ssl), strict=True))
    assert same_bits(ssl, again)


# In the few steps of a test, the simplest methods learn on every modality, all of them on images,
# in colour where that is what they are about.
LEARNING = [
    (estimator, case)
    for estimator, case in PAIRS
    if case.name in ("images", "colors") or estimator.__name__ in ("SimCLR", "VICReg")
    # It needs more steps, and a larger network, than a test has time for.
    if estimator.__name__ != "MSN"
]


@pytest.mark.parametrize(
    ("estimator", "case"), LEARNING, ids=[f"{e.__name__}-{c.name}" for e, c in LEARNING]
)
def test_it_learns(estimator, case):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = case.load()
    simplest = estimator.__name__ in ("SimCLR", "VICReg")
    epochs = 40 if simplest else 100
    size = {}
    if "width" in estimator().get_params():
        # The mean over a few narrow tokens holds hardly more than the mean over pixels.
        size = {"width": 64, "depth": 2}
    elif case.name == "images" and not estimator.__module__.startswith("skssl.pretext"):
        # A few maps cannot see through the changes of the default views, which pretext tasks
        # do not make.
        size = {"encoder": small_conv}
    trained = case.make(estimator, max_epochs=epochs, batch_size=128, **size).fit(X)
    untrained = case.make(estimator, max_epochs=0, **size).fit(X)
    assert untrained.n_iter_ == 0
    if estimator.__name__ not in MOVING_TARGETS:
        assert np.mean(trained.loss_curve_[-3:]) < trained.loss_curve_[0]

    def accuracy(ssl):
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        few = [np.random.default_rng(i).permutation(len(X)) for i in range(10)]
        Z = ssl.transform(X)
        train = len(np.unique(y)) * 2
        return np.mean(
            [probe.fit(Z[p[:train]], y[p[:train]]).score(Z[p[train:]], y[p[train:]]) for p in few]
        )

    assert cross_val_score(LogisticRegression(max_iter=1000), trained.transform(X), y).mean() > 0.5
    assert accuracy(trained) > accuracy(untrained)
