"""Searches and embeddings on the workers of Dask and of Ray."""

import joblib
import numpy as np
import pytest
from cases import DIGITS, tiny_conv
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skssl import SimCLR

X, y = DIGITS[:200], load_digits().target[:200]
# Rows that a worker embeds at a time.
PART = 50
# What depends on where in memory the rows lie.
ROUNDING = 1e-6

# What the clusters themselves are warned of is not ours.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def search():
    ssl = SimCLR(encoder=tiny_conv, max_epochs=2, batch_size=50, random_state=0)
    model = make_pipeline(ssl, StandardScaler(), LogisticRegression(max_iter=1000))
    return GridSearchCV(model, {"simclr__views__crop_scale": [(0.3, 1.0), (0.8, 1.0)]}, cv=2)


@pytest.fixture(scope="module")
def here(search):
    """What comes of it in this process: the scores, a method and embeddings, part by part."""
    scores = search.fit(X, y).cv_results_["mean_test_score"]
    ssl = search.best_estimator_[0]
    parts = [ssl.transform(X[start : start + PART]) for start in range(0, len(X), PART)]
    return scores, ssl, np.concatenate(parts)


@pytest.mark.slow
def test_dask(search, here):
    distributed = pytest.importorskip("dask.distributed")
    array = pytest.importorskip("dask.array")
    scores, ssl, Z = here
    how = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**how) as cluster, distributed.Client(cluster):
        with joblib.parallel_config("dask"):
            there = search.fit(X, y).cv_results_["mean_test_score"]
        stored = array.from_array(X, chunks=(PART, 8, 8))
        embedded = stored.map_blocks(
            ssl.transform,
            dtype="float32",
            drop_axis=(1, 2),
            new_axis=1,
            chunks=(stored.chunks[0], (Z.shape[1],)),
        )
        assert embedded.shape == Z.shape
        np.testing.assert_allclose(embedded.compute(), Z, atol=ROUNDING)
    assert np.array_equal(there, scores)


@pytest.mark.slow
def test_ray(search, here):
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    from ray.util.joblib import register_ray

    scores, ssl, Z = here
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        register_ray()
        with joblib.parallel_config("ray", n_jobs=2):
            there = search.fit(X, y).cv_results_["mean_test_score"]
        embedded = ray.data.from_numpy(X).map_batches(
            lambda rows: {"embedding": ssl.transform(rows["data"])}, batch_size=PART
        )
        parts = [batch["embedding"] for batch in embedded.iter_batches(batch_size=PART)]
        np.testing.assert_allclose(np.concatenate(parts), Z, atol=ROUNDING)
    finally:
        ray.shutdown()
    assert np.array_equal(there, scores)
