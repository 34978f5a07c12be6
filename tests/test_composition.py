"""It composes with the rest of scikit-learn."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from cases import tiny_conv, tiny_mlp
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EarlyStopping, ProgressBar

from skssl import SimCLR
from skssl.views import ImageViews, TabularViews

X, y = load_wine(return_X_y=True)


def tiny(**params):
    settings = {"encoder": tiny_mlp, "max_epochs": 2, "device": "cpu", "random_state": 0}
    return SimCLR(**{**settings, **params})


class CountFits(Callback):
    """Counts trainings, in a file, so that copies count as well."""

    def __init__(self, path):
        self.path = path

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        with open(self.path, "a") as file:
            file.write("x")


def test_pipeline_and_cross_val_score():
    pipe = make_pipeline(tiny(), StandardScaler(), LogisticRegression())
    assert cross_val_score(pipe, X, y, cv=3).mean() > 0.5


def test_frozen_is_not_trained_again():
    ssl = tiny().fit(X)
    Z = ssl.transform(X)
    probe = make_pipeline(FrozenEstimator(ssl), LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(probe[0].transform(X), Z)


def test_grid_search_in_two_processes():
    pipe = Pipeline([("ssl", tiny()), ("clf", LogisticRegression())])
    grid = {
        "ssl__temperature": [0.2, 0.5],
        "ssl__views__swap": [0.1, 0.4],
        "ssl__projector_dim": [8],
        "clf__C": [1.0],
    }
    search = GridSearchCV(pipe, grid, cv=2, n_jobs=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_estimator_[0].views_.swap == search.best_params_["ssl__views__swap"]


def test_halving_search_over_the_budget():
    pipe = Pipeline([("ssl", tiny()), ("clf", LogisticRegression())])
    search = HalvingGridSearchCV(
        pipe,
        {"ssl__temperature": [0.1, 0.3, 0.5, 1.0]},
        resource="ssl__max_epochs",
        min_resources=1,
        max_resources=4,
        factor=2,
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert search.n_resources_ == [1, 2, 4]
    assert search.best_estimator_[0].n_iter_ == 4


def test_memory_trains_once(tmp_path):
    counter = tmp_path / "count"
    ssl = tiny(callbacks=[CountFits(str(counter))])
    pipe = Pipeline([("ssl", ssl), ("clf", LogisticRegression())], memory=str(tmp_path / "cache"))
    pipe.fit(X, y)
    clone(pipe).set_params(clf__C=0.1).fit(X, y)
    assert counter.read_text() == "x"


@pytest.mark.parametrize(("library", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame)])
def test_set_output_and_feature_names(library, frame):
    names = [f"column{i}" for i in range(X.shape[1])]
    table = pd.DataFrame(X, columns=names) if library == "pandas" else pl.DataFrame(X, names)
    ssl = tiny().set_output(transform=library).fit(table)
    Z = ssl.transform(table)
    assert isinstance(Z, frame)
    assert list(Z.columns) == list(ssl.get_feature_names_out())
    assert Z.columns[0] == "simclr0"
    assert list(ssl.feature_names_in_) == names
    assert ssl.n_features_in_ == X.shape[1]
    with pytest.raises(ValueError, match="feature names should match"):
        ssl.transform(pd.DataFrame(X, columns=names[::-1]))


def test_changed_default_views():
    ssl = tiny(encoder=tiny_conv).set_params(views__rotation=5.0)
    ssl.set_params(views__hue=0.0)
    copied = clone(ssl).fit(np.zeros((4, 8, 8)))
    assert copied.views_.rotation == 5.0
    assert copied.views_.shear == ImageViews.glyphs().shear
    named = tiny(views=TabularViews()).set_params(views__swap=0.7)
    assert named.fit(X).views_.swap == 0.7


def test_callbacks(capfd):
    ssl = tiny(
        max_epochs=50,
        callbacks=[EarlyStopping(monitor="train_loss", patience=1, threshold=10), ProgressBar()],
        verbose=1,
    )
    ssl.fit(X)
    assert ssl.n_iter_ == 2
    assert "SimCLR" in capfd.readouterr().err


def test_html_view_links_to_the_documentation():
    assert "skssl.contrastive.SimCLR.html" in tiny()._repr_html_()


def test_import_costs_no_more_than_torch_and_sklearn():
    script = """
import sys
import torch, sklearn.linear_model
before = set(sys.modules)
import skssl
heavy = {"torchvision", "matplotlib", "pandas", "skorch", "tqdm", "polars"}
heavy |= {"sklearn.cluster", "sklearn.neighbors", "sklearn.manifold", "sklearn.decomposition"}
heavy |= {"sklearn.tree", "sklearn.ensemble", "sklearn.feature_extraction"}
print(sorted(heavy & (set(sys.modules) - before)))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
