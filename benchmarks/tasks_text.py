"""Texts: AG News (descriptions only) and SMS Spam, each split once, 75 to 25."""

from __future__ import annotations

import numpy as np
import pandas as pd
from data import data_folder
from protocol import Benchmark, Task, classical_rows, method_rows
from sklearn.model_selection import GroupShuffleSplit

from skssl.modality import Text


def _load(name: str, label: str) -> Task:
    data = pd.read_csv(data_folder() / "text" / f"{name}.csv.gz", keep_default_na=False)
    texts, y = data["text"].to_numpy(dtype=object), data[label].to_numpy(dtype=str)
    # The same text must not be on both sides.
    split = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=0)
    train, test = next(split.split(texts, groups=np.unique(texts, return_inverse=True)[1]))
    return Task(texts[train], y[train], texts[test], y[test])


BENCHMARK = Benchmark(
    tasks={
        "AG News": lambda: _load("ag_news_test", "label"),
        "SMS Spam": lambda: _load("sms_spam", "label"),
    },
    rows=[
        *classical_rows(Text()),
        *method_rows(),
    ],
    n_labels=(1, 5, 10, 25, 100),
    scoring="balanced_accuracy",
)
