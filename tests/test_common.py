"""What holds for every method, on every modality."""

import math
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from cases import (
    CASES,
    CHEAP_PAIRS,
    ESTIMATORS,
    FAMILIES,
    N_FEW,
    PAIR_IDS,
    PAIRS,
    SOME_PAIRS,
    keep,
    narrow_heads,
    small_conv,
)
from torch import nn

from skssl import MaskedAutoencoder, MoCo, SimCLR, VICReg
from skssl.modality import Images, PointCloud, Series, Tabular, Text, Video
from skssl.nn import Queue
from skssl.testing import FITTED_CHECKS, METHOD_CHECKS, Fitted, found_in
from skssl.utils import all_estimators

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


def named(checks):
    return pytest.mark.parametrize("check", checks, ids=[check.__name__ for check in checks])


def slow_but_for(pairs):
    """Return a mark for each pair: nothing for these, and for all others that it is slow."""
    return [() if pair in pairs else pytest.mark.slow for pair in PAIRS]


# pytest runs all tests of a pair after one another, so that one fit at a time is kept.
@pytest.fixture(
    scope="module",
    params=[
        pytest.param(pair, marks=marks, id=name)
        for pair, marks, name in zip(PAIRS, slow_but_for(SOME_PAIRS), PAIR_IDS, strict=True)
    ],
)
def fitted(request):
    """A small fit, for tests that change nothing."""
    return Fitted.of(*request.param)


@named(FITTED_CHECKS)
def test_what_was_fitted(fitted, check):
    check(fitted)


# What is inherited, or is the same on every modality, is tried once for each method or family.
ONCE = {
    "few_rows_are_enough": ESTIMATORS,
    "labels_are_not_looked_at": FAMILIES,
    "errors_change_nothing": FAMILIES,
    "files_have_all_that_it_can_do": ESTIMATORS,
}


# Scikit-learn's checks train some fifty times. What they look at is inherited, by the methods of a
# family, and differs between modalities: every family is checked, and every modality.
CHECKED_PAIRS = [
    (method, case) for method, case in CHEAP_PAIRS.items() if method in FAMILIES or method is MoCo
]
CHECKED_PAIRS += [
    (SimCLR, case)
    for case in CASES
    if case.supports(SimCLR) and not any(case is checked for _, checked in CHECKED_PAIRS)
]
PAIRS_OF = {"scikit_learn_checks_pass": CHECKED_PAIRS}


@pytest.mark.parametrize(
    ("estimator", "case", "check"),
    [
        pytest.param(*pair, check, marks=marks, id=f"{name}-{check.__name__}")
        for check in METHOD_CHECKS
        if check.__name__ not in ONCE
        for pair, marks, name in zip(
            PAIRS, slow_but_for(PAIRS_OF.get(check.__name__, SOME_PAIRS)), PAIR_IDS, strict=True
        )
    ],
)
def test_methods(estimator, case, check):
    check(estimator, case)


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{check.__name__}-{estimator.__name__}")
        for check in METHOD_CHECKS
        for estimator in ONCE.get(check.__name__, ())
    ],
)
def test_methods_once(estimator, check):
    check(estimator, CHEAP_PAIRS[estimator])


def tied():
    """Return samples of every modality, with many equal values, and of unequal size if they can."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(8, 40, 24)
    words = [rng.choice(["red", "green", "blue"], size) for size in sizes]
    text = Text(min_df=1, max_df=1.0, analyzer=str.split)
    return {
        "counts": (Series(), rng.poisson(2, (24, 3, 30)).astype(float)),
        "on and off": (Series(), [rng.integers(0, 2, (2, size)).astype(float) for size in sizes]),
        "points": (PointCloud(), [rng.integers(0, 3, (size, 3)).astype(float) for size in sizes]),
        "strokes": (Images(), 255 * rng.integers(0, 2, (24, 8, 8), dtype=np.uint8)),
        "levels": (Images(), rng.integers(0, 3, (24, 8, 8)).astype(float)),
        "clips": (Video(), 255 * rng.integers(0, 2, (24, 4, 8, 8), dtype=np.uint8)),
        "cells": (Tabular(), rng.integers(0, 3, (24, 5)).astype(float)),
        "words": (text, [" ".join(one) for one in words]),
    }


@pytest.mark.parametrize(
    "method",
    [SimCLR(), MaskedAutoencoder(width=16, depth=1, n_heads=2)],
    ids=["default encoder", "transformer"],
)
@pytest.mark.parametrize("kind", tied())
def test_equal_values_are_embedded_alone_as_in_a_batch(kind, method):
    modality, X = tied()[kind]
    ssl = method.set_params(modality=modality, max_epochs=1, device="cpu", random_state=0).fit(X)
    Z = ssl.transform(X)
    alone = np.concatenate([ssl.transform(X[row : row + 1]) for row in range(len(X))])
    np.testing.assert_allclose(alone, Z, rtol=0, atol=1e-5 * np.abs(Z).max())


class Holder:
    """Holds something in one of the ways in which a fitted object could."""

    def __init__(self, **held):
        self.__dict__.update(held)


def test_samples_that_are_held_are_found():
    X = np.zeros((N_FEW, 3))
    samples = torch.tensor(X)
    queue = Queue(7, 3)
    queue.fill()
    for held in (
        X,
        X[:1],
        X[: N_FEW // 2].copy(),
        np.concatenate([X, X]),
        samples,
        samples[:1],
        X.tolist(),
        [str(row) for row in X],
        set(range(N_FEW)),
        pickle.dumps(X)[:N_FEW],
        {"rows": [None, (samples,)]},
        partial(np.dot, X),
        lambda: samples,
        np.array([None, X], dtype=object),
        nn.ParameterList([nn.Parameter(samples)]),
        Holder(bank=samples),
        queue,
    ):
        assert found_in(Holder(deep=[Holder(held=held)]), n_samples=N_FEW), held
    some = Holder(row=X[0].copy(), width=np.zeros((16, 5)), name="name", queue=Queue(N_FEW, 3))
    assert found_in(some, n_samples=N_FEW) == []


@pytest.mark.parametrize("case", [CASES[0], CASES[4]], ids=["muon", "adamw"])
def test_what_a_training_needs_is_found(case):
    # More calls of partial_fit may follow: all is there that fit forgets.
    X = case.few()
    found = found_in(case.make_small(MoCo).partial_fit(X), n_samples=N_FEW)
    assert {line.split(":")[0] for line in found} == {"data", "state of an optimizer"}
    ssl = case.make_small(MoCo).fit(X)
    assert found_in(ssl, n_samples=N_FEW) == []
    optimizer = torch.optim.SGD(ssl.encoder_.parameters(), lr=0.1, momentum=0.9)
    for state in (optimizer, optimizer.state_dict(), [w + 1 for w in ssl.encoder_.parameters()]):
        ssl._state = state
        assert found_in(ssl, n_samples=N_FEW)


# It is the encoder that is exported, one of tokens of every modality or one of the user's, whatever
# trained it; default encoders are exported to ONNX.
EXPORTED = [
    (estimator, case)
    for estimator, case in PAIRS
    if estimator is MaskedAutoencoder
    or (estimator.__name__, case.name) in (("Colorization", "colors"), ("SimCLR", "images"))
]


@pytest.mark.parametrize(
    ("estimator", "case"), EXPORTED, ids=[f"{e.__name__}-{c.name}" for e, c in EXPORTED]
)
def test_encoder_is_exported(estimator, case):
    X = case.few()
    ssl = case.make_small(estimator).fit(X)
    few = ssl.modality_.prepare(ssl.modality_.check(X[:4], estimator=""))
    exported = torch.export.export(ssl.encoder_, (few,))
    torch.testing.assert_close(exported.module()(few), torch.tensor(ssl.transform(X)[:4]))


# In the few steps of a test, the simplest method learns on every modality, and on images, in colour
# where that is what they are about, one of each family; `pytest -m slow` trains all on images, and
# the simplest method without negatives on every modality.
# What takes long beside another one of its family; Colorization learns in a test of its own.
TAKE_LONG = ("Colorization", "IJEPA", "SimMIM", "WMSE")
# Transformers learn tables in a third of the time.
QUICK = {(MaskedAutoencoder, "tabular"), (VICReg, "images")} | {
    (estimator, name)
    for estimator in FAMILIES
    for name in ("images", "colors")
    if estimator.__name__ not in ("MaskedAutoencoder", *TAKE_LONG)
}
LEARNING = [
    pytest.param(
        estimator,
        case,
        id=f"{estimator.__name__}-{case.name}",
        marks=[] if estimator is SimCLR or (estimator, case.name) in QUICK else pytest.mark.slow,
    )
    for estimator, case in PAIRS
    if (
        case.name in ("images", "colors")
        or estimator in (SimCLR, VICReg)
        or (estimator, case.name) in QUICK
    )
    # It needs more steps, and a larger network, than a test has time for.
    if estimator.__name__ != "MSN"
]


def on_its_side(images):
    return images.rot90(dims=(2, 3))


@pytest.mark.parametrize(("estimator", "case"), LEARNING)
def test_it_learns(estimator, case):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = case.load()
    known = estimator().get_params()
    budget = {"max_epochs": 40, "batch_size": 128}
    size = narrow_heads(estimator)
    if "width" in known:
        # The mean over a few narrow tokens holds hardly more than the mean over pixels.
        size |= {"width": 64, "depth": 2}
        budget = {"max_epochs": 40, "batch_size": 64}
        if case.name == "tabular":
            size["width"], budget["max_epochs"] = 32, 20
    elif case.name in ("images", "colors"):
        budget = {"max_epochs": 16, "batch_size": 64}
        if estimator.__name__ == "TransformPrediction":
            # Many digits look like others in a mirror; on its side, none does.
            size |= {"transforms": [keep, on_its_side]}
            budget["max_epochs"] = 24
        elif estimator.__name__ == "RotationPrediction":
            # Each sample is there in four turns.
            budget = {"max_epochs": 8, "batch_size": 16}
        elif estimator.__name__ == "SwAV":
            # Groups take longer to be learned.
            budget |= {"max_epochs": 24, "n_local_views": 0}
        if not estimator.__module__.startswith("skssl.pretext"):
            # A few maps cannot see through the changes of the default views, which pretext tasks
            # do not make.
            size |= {"encoder": small_conv}
            if estimator is SimCLR or (estimator, case.name) in QUICK:
                # Those that are always tried learn enough in half of the time.
                budget["max_epochs"] //= 2
    trained = case.make(estimator, **budget, **size).fit(X)
    untrained = case.make(estimator, max_epochs=0, **size).fit(X)
    assert untrained.n_iter_ == 0
    if estimator.__name__ not in MOVING_TARGETS:
        assert np.mean(trained.loss_curve_[-3:]) < trained.loss_curve_[0]

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))

    def accuracy(ssl):
        few = [np.random.default_rng(i).permutation(len(X)) for i in range(10)]
        Z = ssl.transform(X)
        train = len(np.unique(y)) * 2
        return np.mean(
            [probe.fit(Z[p[:train]], y[p[:train]]).score(Z[p[train:]], y[p[train:]]) for p in few]
        )

    assert cross_val_score(probe, trained.transform(X), y).mean() > 0.5
    assert accuracy(trained) > accuracy(untrained)


class Flat(nn.Module):
    """An encoder for samples of one size."""

    def __init__(self, shape):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 8))

    def forward(self, samples):
        return self.layers(samples)


@pytest.mark.parametrize(
    ("modality", "width"), [(Series(), ()), (PointCloud(), (3,))], ids=["series", "points"]
)
def test_encoders_of_the_users_own_see_samples_of_one_length(modality, width):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, *width)) for length in rng.integers(5, 30, 12)]
    ssl = SimCLR(modality=modality, encoder=Flat, max_epochs=1, device="cpu", random_state=0)
    Z = ssl.fit(X).transform(X)
    alone = np.concatenate([ssl.transform([one]) for one in X])
    np.testing.assert_allclose(alone, Z, rtol=1e-4, atol=1e-6)
