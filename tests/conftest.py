"""What all tests share."""

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

# Tiny networks, and small problems of linear algebra, are slower on several threads than on one.
N_THREADS = int(os.environ.get("OMP_NUM_THREADS", "1"))
torch.set_num_threads(N_THREADS)
limits = threadpool_limits(N_THREADS)


def pytest_collection_modifyitems(items):
    """Let what starts other interpreters come first, and thus in one worker, which shares them."""
    items.sort(
        key=lambda item: (
            "new_process" not in getattr(item, "fixturenames", ())
            and item.get_closest_marker("workers") is None
        )
    )


@pytest.fixture(scope="session")
def digits():
    """Images as floats (n, 8, 8), and their labels."""
    data = load_digits()
    return data.images, data.target


@pytest.fixture(scope="session")
def new_process():
    """Return what starts a process of another interpreter.

    They share their imports, which take longer than what most of them do.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["cases", "torch._dynamo"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        forkserver.ensure_running()
    return context.Process


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def reference():
    """Return the inputs that reference values of losses were computed from with other libraries."""
    rs = np.random.RandomState(0)  # noqa: NPY002 - the reference values were made with it
    a = rs.standard_normal((8, 16))
    b = a + 0.5 * rs.standard_normal((8, 16))
    assert a.sum() == pytest.approx(17.3849661216, abs=1e-9)
    assert b.sum() == pytest.approx(13.2421650676, abs=1e-9)
    prototypes = rs.standard_normal((5, 16))
    prototypes /= np.linalg.norm(prototypes, axis=1, keepdims=True)
    arrays = {
        "a": a,
        "b": b,
        "prototypes": prototypes,
        "teacher": rs.standard_normal((2, 8, 12)),
        "student": rs.standard_normal((4, 8, 12)),
    }
    return SimpleNamespace(**{name: torch.tensor(array) for name, array in arrays.items()})


@pytest.fixture
def pair(reference):
    """Two views of eight samples with 16 dimensions."""
    return reference.a, reference.b
