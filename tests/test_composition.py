"""It composes with the rest of scikit-learn."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.stats
import sklearn
from cases import tiny_conv, tiny_mlp
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, EarlyStopping, ProgressBar

from skssl import MaskedAutoencoder, SelfSupervisedImputer, SimCLR
from skssl.inspection import few_label_report
from skssl.metrics import clid_score
from skssl.modality import Images, Text
from skssl.model_selection import lidar_scorer
from skssl.semi_supervised import FineTuneRegressor
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


@pytest.mark.workers
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


def test_ranges_that_a_distribution_draws_as_arrays():
    class Ranges(scipy.stats.rv_continuous):
        def rvs(self, random_state):
            return np.sort(random_state.uniform(0.2, 1.0, 2))

    photos = np.random.default_rng(0).integers(0, 256, (24, 12, 12, 3), dtype=np.uint8)
    ssl = tiny(encoder=tiny_conv, max_epochs=1)
    search = RandomizedSearchCV(
        ssl,
        {"views__crop_scale": Ranges(), "max_epochs": scipy.stats.randint(1, 2)},
        n_iter=2,
        cv=2,
        scoring=lidar_scorer,
        error_score="raise",
        random_state=0,
    ).fit(photos)
    chosen = search.best_params_["views__crop_scale"]
    assert isinstance(chosen, np.ndarray)
    assert "crop_scale=array" in repr(search.best_estimator_.views)
    as_tuple = tiny(encoder=tiny_conv, max_epochs=1).set_params(views__crop_scale=tuple(chosen))
    Z = clone(search.best_estimator_).fit_transform(photos)
    np.testing.assert_array_equal(as_tuple.fit_transform(photos), Z)
    for wrong in (np.array([0.5, 0.2]), np.array([[0.2, 0.5]]), np.array(0.5)):
        with pytest.raises(ValueError, match="crop_scale"):
            ssl.set_params(views__crop_scale=wrong).fit(photos)


def test_pairs_and_sizes_as_arrays():
    rows = np.random.default_rng(0).random((12, 80))
    images = tiny(modality=Images(shape=np.array([8, 10])), encoder=tiny_conv, max_epochs=0)
    assert images.fit(rows).modality_.sample_shape_ == (1, 8, 10)
    texts = ["rain and wind", "fog and sun", "hail with snow"] * 4
    words = Text(ngram_range=np.array([1, 2]))
    assert "rain and" in words.fit(words.check(texts, estimator="")).vocabulary_
    masked = MaskedAutoencoder(
        mask_ratio=np.array([0.3, 0.6]), max_epochs=1, depth=1, width=16, device="cpu"
    )
    assert np.isfinite(masked.fit(X).loss_curve_).all()


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


def rows_of(job):
    numbers = np.random.default_rng(0).normal(size=(40, 3))
    mixed = pd.DataFrame({"a": numbers[:, 0], "job": ["cook", "nurse"] * 20})
    photos = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    waves = np.sin(np.arange(30) / 3 + numbers[:, :1])[:, None]
    texts = ["rain and wind", "fog and sun", "hail with snow", "wind or sun"] * 10
    frozen = SimCLR(max_epochs=0, device="cpu", random_state=0)
    labels = np.arange(40) % 2
    if job == "numbers":
        return frozen.fit_transform(numbers)
    if job == "categories":
        return frozen.fit_transform(mixed)
    if job == "imputer":
        method = MaskedAutoencoder(max_epochs=1, depth=1, width=16, random_state=0, device="cpu")
        gaps = mixed.mask(numbers[:, :2] > 1)
        return SelfSupervisedImputer(method=method).fit_transform(gaps)["a"]
    if job == "regressor":
        return FineTuneRegressor(frozen, max_epochs=0).fit(mixed, numbers[:, 1]).predict(mixed)
    if job == "metric":
        return clid_score(numbers)
    X = {"images": photos, "series": waves, "tables": mixed, "texts": texts}[job]
    report = few_label_report(frozen, X, labels, n_labels=(1,), n_repeats=1, random_state=0)
    return list(report.scores.values())


@pytest.mark.parametrize("output", ["pandas", "polars"])
@pytest.mark.parametrize(
    "job",
    ["numbers", "categories", "imputer", "regressor", "metric"]
    + ["images", "series", "tables", "texts"],
)
def test_output_that_is_set_for_all_changes_nothing_inside(job, output):
    expected = rows_of(job)
    with sklearn.config_context(transform_output=output):
        got = rows_of(job)
    np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))


def test_changed_default_views():
    ssl = tiny(encoder=tiny_conv).set_params(views__rotation=5.0)
    ssl.set_params(views__hue=0.0)
    copied = clone(ssl).fit(np.random.default_rng(0).integers(0, 2, (4, 8, 8)))
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


def test_import_costs_no_more_than_torch_and_sklearn_and_brings_the_sub_packages():
    script = """
import sys
import torch, sklearn.linear_model
before = set(sys.modules)
import skssl
heavy = {"torchvision", "matplotlib", "pandas", "skorch", "tqdm", "polars"}
heavy |= {"sklearn.cluster", "sklearn.neighbors", "sklearn.manifold", "sklearn.decomposition"}
heavy |= {"sklearn.tree", "sklearn.ensemble", "sklearn.feature_extraction"}
print(sorted(heavy & (set(sys.modules) - before)))
skssl.extend, skssl.inspection, skssl.model_selection, skssl.nn
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
