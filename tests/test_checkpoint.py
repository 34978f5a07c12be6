"""A training goes on from its file when it was ended, with the bits of one that never was."""

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from cases import FIRST_PAIRS, tiny_mlp
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from torch import nn

from skssl import BYOL, SimCLR
from skssl.exceptions import TrainingInterrupted
from skssl.semi_supervised import FineTuneClassifier, FineTuneRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
TINY = {"encoder": tiny_mlp, "batch_size": 20, "max_epochs": 4, "device": "cpu", "random_state": 0}
N_STEPS = 12
# Processes that are killed, at moments that are drawn; `pytest -m slow` has many.
N_KILLED = 3


@pytest.fixture(autouse=True)
def signals_are_python_s():
    before = {
        number: signal.signal(number, handler)
        for number, handler in [
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
        ]
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "training"


class Fault(Callback):
    """Raises an error, or sends a signal, when a step ends."""

    def __init__(self, step, number=None):
        self.step, self.number = step, number

    def on_batch_end(self, net, **kwargs):
        if net.steps_done_ == self.step:
            if self.number is None:
                raise ZeroDivisionError("a fault of the user's own")
            os.kill(os.getpid(), self.number)


class FirstStep(Callback):
    """Notes which step is the first one."""

    def __init__(self):
        self.steps = []

    def on_batch_end(self, net, **kwargs):
        self.steps.append(net.steps_done_)


def simclr(**params):
    return SimCLR(**{**TINY, **params})


def each_step(estimator, path, *callbacks):
    return clone(estimator).set_params(
        checkpoint=path, checkpoint_every="1 step", callbacks=[*callbacks]
    )


def weights(estimator):
    return torch.cat([p.detach().flatten() for p in estimator.encoder_.parameters()])


def rows_of(estimator):
    """Return the history without durations; NaN is equal to NaN."""
    rows = [{k: v for k, v in row.items() if k != "dur"} for row in estimator.history_]
    return json.dumps(rows, sort_keys=True)


def assert_same(found, whole, samples):
    assert found.n_iter_ == whole.n_iter_
    assert found.loss_curve_ == whole.loss_curve_
    assert rows_of(found) == rows_of(whole)
    for name in ("encoder_", "_objective", "head_"):
        if hasattr(whole, name):
            before, after = (getattr(e, name).state_dict() for e in (whole, found))
            assert before.keys() == after.keys()
            for key, value in before.items():
                torch.testing.assert_close(after[key], value, rtol=0, atol=0, equal_nan=True)
    embed = "transform" if hasattr(whole, "transform") else "predict"
    np.testing.assert_array_equal(getattr(found, embed)(samples), getattr(whole, embed)(samples))


def go_on(estimator, path, step, *args):
    """Fit until an error in a step, and again; return the latter, and the first step of it."""
    with pytest.raises(ZeroDivisionError):
        each_step(estimator, path, Fault(step)).fit(*args)
    first = FirstStep()
    found = each_step(estimator, path, first).fit(*args)
    assert first.steps[0] == step
    assert list(path.parent.iterdir()) == [path]
    return found


@pytest.mark.parametrize("estimator", FIRST_PAIRS, ids=lambda estimator: estimator.__name__)
def test_every_method_goes_on(estimator, path):
    case = FIRST_PAIRS[estimator]
    samples = case.few()
    ssl = case.make_small(estimator, batch_size=40, max_epochs=4)
    whole = clone(ssl).fit(samples)
    step = random.Random(estimator.__name__).randint(1, whole._steps)
    found = go_on(ssl, path, step, samples)
    assert_same(found, whole, samples)
    # It goes on from there as well.
    for each in (found, whole):
        each.set_params(callbacks=None).partial_fit(samples)
    assert_same(found, whole, samples)
