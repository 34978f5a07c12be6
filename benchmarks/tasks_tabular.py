"""Tables: five sets of numbers and categories, at most 12,000 rows, a quarter of them to test.

The raw rows see numbers mapped to a normal distribution and one-hot categories.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from data import data_folder
from protocol import OURS, SEEDS, Benchmark, Row, Task, classical_rows, embed_with, method_rows
from sklearn.model_selection import train_test_split

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


BENCHMARK = Benchmark(
    tasks={
        "adult": partial(_load, "adult", "income", ["split"]),
        "bank_marketing": partial(_load, "bank_marketing", "y", ["duration"]),
        "credit_default": partial(_load, "credit_default", "default.payment.next.month", ["ID"]),
        "covertype_6k": partial(_load, "covertype_6k", "Cover_Type", []),
        "diamonds": partial(_load, "diamonds", "cut", []),
    },
    rows=[
        *classical_rows(Tabular()),
        *method_rows(modality=Tabular()),
        Row(
            "SimCLR beside its input",
            embed_with(SimCLR(modality=Tabular(concat_input=True))),
            OURS,
            seeds=SEEDS,
        ),
    ],
    n_labels=(1, 5, 25),
    scoring="balanced_accuracy",
)
