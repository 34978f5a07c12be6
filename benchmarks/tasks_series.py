"""Time series: the UCR archive's and three multivariate sets, in their official splits."""

from __future__ import annotations

from functools import partial

from data import labelled_series, paths_of_series
from protocol import Benchmark, Row, classical_rows, method_rows

from skssl.modality import Series

_TASKS = {name: partial(labelled_series, name) for name in paths_of_series()}
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
