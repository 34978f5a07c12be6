"""Tables: five sets of numbers and categories, at most 12,000 rows, a quarter of them to test.

The raw rows see numbers mapped to a normal distribution and one-hot categories. Standardising
them blows up rare categories, which helps on some tables and harms on others: both have a row.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from data import data_folder
from protocol import Benchmark, Features, Row, Task, embed_with, method_rows
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer

from skssl import SimCLR
from skssl.modality import Tabular

_ROWS = 12_000


def _load(name: str, target: str, drop: list[str]) -> Task:
    table = pd.read_csv(data_folder() / "tabular" / f"{name}.csv.gz")
    if len(table) > _ROWS:
        table = table.sample(_ROWS, random_state=0)
    _, y = np.unique(table[target], return_inverse=True)
    X = table.drop(columns=[target, *drop])
    train, test = train_test_split(np.arange(len(X)), test_size=0.25, random_state=0, stratify=y)
    return Task(X.iloc[train], y[train], X.iloc[test], y[test])


def raw(task: Task) -> Features:
    """Return numbers mapped to a normal distribution by quantiles, and one-hot categories."""
    columns = make_column_transformer(
        (
            QuantileTransformer(output_distribution="normal", random_state=0),
            make_column_selector(dtype_include="number"),
        ),
        (
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    return columns.fit_transform(task.X), columns.transform(task.X_test)


class NearestNeighbors(KNeighborsClassifier):
    """Takes all rows for neighbours if there are fewer than asked for."""

    def fit(self, X, y):
        """Remember the labelled rows."""
        self.n_neighbors = min(self.n_neighbors, len(X))
        return super().fit(X, y)


_TREES = ExtraTreesClassifier(random_state=0)
_BOOSTING = HistGradientBoostingClassifier(random_state=0)

BENCHMARK = Benchmark(
    tasks={
        "adult": partial(_load, "adult", "income", ["split"]),
        "bank_marketing": partial(_load, "bank_marketing", "y", ["duration"]),
        "credit_default": partial(_load, "credit_default", "default.payment.next.month", ["ID"]),
        "covertype_6k": partial(_load, "covertype_6k", "Cover_Type", []),
        "diamonds": partial(_load, "diamonds", "cut", []),
    },
    rows=[
        Row("raw + LR", raw, scale=False),
        Row("raw, standardised + LR", raw),
        Row("raw, 5-NN", raw, NearestNeighbors(weights="distance"), scale=False),
        Row("raw, ExtraTrees", raw, _TREES, scale=False),
        Row("raw, HistGradientBoosting", raw, _BOOSTING, scale=False),
        *method_rows(modality=Tabular()),
        Row(
            "SimCLR beside its input + LR",
            embed_with(SimCLR(modality=Tabular(concat_input=True), random_state=0)),
            scale=False,
        ),
    ],
    n_labels=(1, 5, 25),
    scoring="balanced_accuracy",
)
