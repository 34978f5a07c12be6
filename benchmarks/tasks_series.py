"""Time series: the UCR archive's and three multivariate sets, in their official splits."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from data import data_folder
from protocol import Benchmark, Features, Row, Task, method_rows
from sklearn.linear_model import RidgeClassifierCV
from sklearn.neighbors import KNeighborsClassifier

from skssl.modality import Series
from skssl.nn import RandomKernels
from skssl.training import seeded

_KERNEL_FEATURES = 10_000


def _load(path: Path) -> Task:
    with np.load(path) as data:
        return Task(data["X_train"], data["y_train"], data["X_test"], data["y_test"])


def _normalized(task: Task) -> tuple[torch.Tensor, torch.Tensor]:
    modality = Series()
    modality.fit(modality.check(task.X, estimator="benchmark"))
    layer = modality.input_layer()
    return layer(torch.from_numpy(task.X)), layer(torch.from_numpy(task.X_test))


def raw(task: Task) -> Features:
    """Return the values of each series, scaled by series, missing ones as 0."""
    train, test = _normalized(task)
    return tuple(part.nan_to_num().flatten(1).numpy() for part in (train, test))


def random_kernels(task: Task) -> Features:
    """Return MiniRocket's features: about 10,000 proportions of positive values."""
    train, test = _normalized(task)
    with seeded(0, torch.device("cpu")):
        few = RandomKernels(train[:256], n_dilations=32, n_quantiles=1)
        n_quantiles = max(1, _KERNEL_FEATURES // few.n_features)
        kernels = RandomKernels(train[:256], n_dilations=32, n_quantiles=n_quantiles)
    kernels.stride = 1  # as in MiniRocket, every step of long series
    return tuple(
        torch.cat([kernels(batch) for batch in part.split(64)]).numpy() for part in (train, test)
    )


_RIDGE = RidgeClassifierCV(alphas=np.logspace(-3, 3, 10))
_FOLDERS = ("ucr", "multivariate")

BENCHMARK = Benchmark(
    tasks={
        path.stem: partial(_load, path)
        for folder in _FOLDERS
        for path in sorted((data_folder() / folder).glob("*.npz"))
    },
    rows=[
        Row("raw + LR", raw),
        Row("raw, 1-NN", raw, KNeighborsClassifier(n_neighbors=1), scale=False),
        Row("random kernels + ridge", random_kernels, _RIDGE),
        *method_rows(modality=Series()),
    ],
    n_labels=(1, 2, 5, 10, 25),
)
