"""Equal parameters and data are trained once."""

import copy
import pickle
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from cases import keep, tiny_mlp
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from skorch.callbacks import Callback, EarlyStopping

from skssl import MaskedAutoencoder, SelfSupervisedImputer, SimCLR
from skssl.modality import Tabular
from skssl.model_selection import StratifiedLabeledKFold
from skssl.semi_supervised import LabeledOnly
from skssl.views import TabularViews

X, truth = load_wine(return_X_y=True)
y = np.where(np.arange(len(truth)) % 3, -1, truth)


class CountTrainings(Callback):
    """Counts trainings in a file, so that those of clones and other processes count as well."""

    def __init__(self, path):
        self.path = str(path)

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        with open(self.path, "a") as file:
            file.write("x")

    def count(self):
        with open(self.path) as file:
            return len(file.read())


@pytest.fixture
def counter(tmp_path):
    return CountTrainings(tmp_path / "count")


def tiny(counter, **params):
    settings = {"encoder": tiny_mlp, "max_epochs": 1, "device": "cpu", "random_state": 0}
    return SimCLR(**{**settings, "callbacks": [counter], **params})


def module():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Linear(13, 8), torch.nn.BatchNorm1d(8))


PARAMS = {
    "integer seed": {},
    "no seed": {"random_state": None},
    "RandomState": {"random_state": np.random.RandomState(0)},  # noqa: NPY002
    "module": {"encoder": module()},
    "partial": {"encoder": partial(tiny_mlp)},
    "views": {"views": TabularViews(swap=0.2)},
    "function as views": {"views": keep},
    "modality": {"modality": Tabular(concat_input=True)},
    "optimizer and device": {
        "optimizer": torch.optim.RMSprop,
        "learning_rate": 1e-3,
        "device": torch.device("cpu"),
    },
}


@pytest.mark.parametrize("params", PARAMS.values(), ids=PARAMS)
def test_a_pipeline_with_memory_trains_once(params, counter, tmp_path):
    ssl = tiny(counter, **params)
    pipe = Pipeline([("ssl", ssl), ("clf", LogisticRegression())], memory=str(tmp_path / "cache"))
    clone(pipe).fit(X, truth)
    clone(pipe).set_params(clf__C=0.1).fit(X.copy(), truth)
    pickle.loads(pickle.dumps(pipe)).fit(X, truth)
    assert counter.count() == 1
    clone(pipe).set_params(ssl__temperature=0.3).fit(X, truth)
    clone(pipe).fit(X[1:], truth[1:])
    assert counter.count() == 3


def test_a_random_state_that_moved_on_trains_again(counter, tmp_path):
    ssl = tiny(counter, random_state=np.random.RandomState(0))  # noqa: NPY002
    pipe = Pipeline([("ssl", ssl), ("clf", LogisticRegression())], memory=str(tmp_path / "cache"))
    pipe.fit(X, truth)
    pipe.fit(X, truth)
    assert counter.count() == 2


def test_callbacks_of_skorch_do_not_keep_from_hits(counter, tmp_path):
    callbacks = [counter, EarlyStopping(monitor="train_loss", patience=1)]
    ssl = tiny(counter, callbacks=callbacks)
    pipe = Pipeline([("ssl", ssl), ("clf", LogisticRegression())], memory=str(tmp_path / "cache"))
    clone(pipe.fit(X, truth)).fit(X, truth)
    assert counter.count() == 1


def test_what_cannot_be_pickled_is_no_silent_miss(counter, tmp_path):
    ssl = tiny(counter, encoder=lambda shape: tiny_mlp(shape))
    pipe = Pipeline([("ssl", ssl), ("clf", LogisticRegression())], memory=str(tmp_path / "cache"))
    with pytest.raises(pickle.PicklingError, match="SimCLR.*lambda"):
        pipe.fit(X, truth)


def test_a_search_over_the_head_trains_once_per_fold(counter, tmp_path):
    head = LabeledOnly(LogisticRegression(max_iter=1000))
    pipe = Pipeline(
        [("ssl", tiny(counter, encoder=module())), ("head", head)],
        memory=str(tmp_path / "cache"),
    )
    grid = {"head__estimator__C": [0.01, 0.1, 1.0, 10.0]}
    search = GridSearchCV(pipe, grid, cv=StratifiedLabeledKFold(3), error_score="raise")
    search.fit(X, y)
    # Three folds, and all rows at the end.
    assert counter.count() == 4
    search.set_params(param_grid={"head__estimator__C": [0.5]}).fit(X, y)
    assert counter.count() == 4


def test_frozen_trains_once_in_all(counter):
    ssl = tiny(counter).fit(X)
    rows = np.flatnonzero(y != -1)
    model = make_pipeline(FrozenEstimator(ssl), LogisticRegression(max_iter=1000))
    cross_val_score(model, X[rows], y[rows], cv=3)
    grid = {"logisticregression__C": [0.1, 1.0]}
    GridSearchCV(clone(model), grid, cv=3, error_score="raise").fit(X[rows], y[rows])
    assert counter.count() == 1


def test_copies_of_modules_are_the_same_to_joblib():
    ssl = SimCLR(encoder=module())
    expected = joblib.hash(ssl)
    assert joblib.hash(clone(ssl)) == expected
    assert joblib.hash(SimCLR(encoder=module())) == expected
    with torch.no_grad():
        ssl.encoder[0].weight[0, 0] += 1
    assert joblib.hash(ssl) != expected
    imputers = [SelfSupervisedImputer(method=MaskedAutoencoder(encoder=module())) for _ in range(2)]
    assert joblib.hash(imputers[0]) == joblib.hash(imputers[1])


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda ssl: pickle.loads(pickle.dumps(ssl))], ids=["copy", "pickle"]
)
def test_modules_come_back(copied):
    ssl = SimCLR(encoder=module())
    other = copied(ssl)
    assert other.encoder is not ssl.encoder
    assert torch.equal(other.encoder[0].weight, ssl.encoder[0].weight)
    assert isinstance(ssl.encoder, torch.nn.Sequential)
