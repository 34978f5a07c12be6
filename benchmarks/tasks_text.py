"""Texts: AG News (descriptions only), SMS Spam and sentences of film reviews, split 75 to 25.

Of the sentences, those with a score above .5 are to be told from those below -.5.

AG News also with a training part in which each class has fewer rows than the one before, down to a
tenth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from data import data_folder
from pretrained import frozen, glove, glove_table, minilm
from protocol import (
    OURS,
    PRETRAINED,
    SEEDS,
    Benchmark,
    Features,
    Row,
    Task,
    classical_rows,
    embed_with,
    method_rows,
)
from sklearn.base import clone
from sklearn.model_selection import GroupShuffleSplit

from skssl import SimCLR
from skssl.base import SelfSupervisedTransformer
from skssl.modality import Text


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(data_folder() / "text" / f"{name}.csv.gz", keep_default_na=False)


def _load(name: str, label: str) -> Task:
    return _split(_read(name), label)


def _sentences() -> Task:
    data = _read("review_sentences")
    clear = data[data["score"].abs() > 0.5]
    return _split(clear.assign(label=clear["score"] > 0), "label")


def _split(data: pd.DataFrame, label: str) -> Task:
    texts, y = data["text"].to_numpy(dtype=object), data[label].to_numpy(dtype=str)
    # The same text must not be on both sides.
    split = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=0)
    train, test = next(split.split(texts, groups=np.unique(texts, return_inverse=True)[1]))
    return Task(texts[train], y[train], texts[test], y[test])


def _ag_news() -> Task:
    return _load("ag_news_test", "label")


def _from_glove(method: SelfSupervisedTransformer) -> Callable[[Task, int], Features]:
    """Return features that a method makes which starts from GloVe."""

    def features(task: Task, seed: int) -> Features:
        text = Text(vectors=glove_table())
        return embed_with(clone(method).set_params(modality=text))(task, seed)

    return features


# What is frozen of ours: means weighted by IDF, beside LSA.
FROZEN_GLOVE = "GloVe start, frozen"
PRETRAINED_ROWS = [
    Row("GloVe means", frozen(glove), PRETRAINED),
    Row("MiniLM", frozen(minilm), PRETRAINED),
    Row(FROZEN_GLOVE, _from_glove(SimCLR(max_epochs=0)), PRETRAINED),
]
ADAPTED_ROWS = [
    Row(
        "SimCLR from GloVe",
        _from_glove(SimCLR(temperature=0.2)),
        OURS,
        seeds=SEEDS,
        control=FROZEN_GLOVE,
    ),
]
_IMBALANCED = "AG News 1:10"


def _rows(name: str) -> list[Row]:
    classical = classical_rows(Text())
    ours = method_rows(beside_row=classical[-1], simclr_only=name == _IMBALANCED, modality=Text())
    return [*classical, *PRETRAINED_ROWS, *ours, *ADAPTED_ROWS]


BENCHMARK = Benchmark(
    tasks={
        "AG News": _ag_news,
        "SMS Spam": lambda: _load("sms_spam", "label"),
        "review sentences": _sentences,
        _IMBALANCED: lambda: _ag_news().imbalanced(),
    },
    rows=_rows,
    n_labels=(1, 5, 10, 25, 100),
    variants=(_IMBALANCED,),
    scoring="balanced_accuracy",
)
