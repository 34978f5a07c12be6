"""What all tests share."""

import os

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

# Tiny networks are slower on several threads than on one.
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


@pytest.fixture(scope="session")
def digits():
    """Images as floats (n, 8, 8), and their labels."""
    data = load_digits()
    return data.images, data.target


@pytest.fixture
def rng():
    return np.random.default_rng(0)
