"""Time series: the UCR archive's and three multivariate sets, in their official splits."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from data import data_folder
from protocol import Benchmark, Task, classical_rows, method_rows

from skssl.modality import Series


def _load(path: Path) -> Task:
    with np.load(path) as data:
        return Task(data["X_train"], data["y_train"], data["X_test"], data["y_test"])


_FOLDERS = ("ucr", "multivariate")
_CLASSICAL = classical_rows(Series())

BENCHMARK = Benchmark(
    tasks={
        path.stem: partial(_load, path)
        for folder in _FOLDERS
        for path in sorted((data_folder() / folder).glob("*.npz"))
    },
    rows=[
        *_CLASSICAL,
        *method_rows(beside_row=_CLASSICAL[-1], modality=Series()),
    ],
    n_labels=(1, 2, 5, 10, 25),
)
