"""Time series: the UCR archive's and three multivariate sets, in their official splits."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from data import data_folder
from protocol import Benchmark, Row, Task, classical_rows, method_rows

from skssl.modality import Series


def _load(path: Path) -> Task:
    with np.load(path) as data:
        return Task(data["X_train"], data["y_train"], data["X_test"], data["y_test"])


_TASKS = {
    path.stem: partial(_load, path)
    for folder in ("ucr", "multivariate")
    for path in sorted((data_folder() / folder).glob("*.npz"))
}
# Training rows of sets where other methods than SimCLR are trained as well: enough to learn from,
# and few enough for three seeds of each.
_FEWEST, _MOST = 300, 1200


def _rows(name: str) -> list[Row]:
    classical = classical_rows(Series())
    simclr_only = not _FEWEST <= len(_TASKS[name]().X) <= _MOST
    return [
        *classical,
        *method_rows(beside_row=classical[-1], simclr_only=simclr_only, modality=Series()),
    ]


BENCHMARK = Benchmark(tasks=_TASKS, rows=_rows, n_labels=(1, 5, 25))
