"""Texts: AG News (descriptions only) and SMS Spam, each split once, 75 to 25."""

from __future__ import annotations

import numpy as np
import pandas as pd
from data import data_folder
from protocol import Benchmark, Features, Row, Task, method_rows
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer


def _load(name: str, label: str) -> Task:
    data = pd.read_csv(data_folder() / "text" / f"{name}.csv.gz", keep_default_na=False)
    texts, y = data["text"].to_numpy(dtype=object), data[label].to_numpy(dtype=str)
    # The same text must not be on both sides.
    split = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=0)
    train, test = next(split.split(texts, groups=np.unique(texts, return_inverse=True)[1]))
    return Task(texts[train], y[train], texts[test], y[test])


def tfidf(task: Task) -> Features:
    """Return the weights of words and pairs of words."""
    vectorizer = _vectorizer().fit(task.X)
    return vectorizer.transform(task.X), vectorizer.transform(task.X_test)


def lsa(task: Task) -> Features:
    """Return 200 singular components of these weights, at unit length."""
    steps = make_pipeline(_vectorizer(), TruncatedSVD(200, random_state=0), Normalizer())
    steps.fit(task.X)
    return steps.transform(task.X), steps.transform(task.X_test)


def _vectorizer() -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)


_PROBE_OF_UNIT_VECTORS = LogisticRegression(C=10, max_iter=2000)

BENCHMARK = Benchmark(
    tasks={
        "AG News": lambda: _load("ag_news_test", "label"),
        "SMS Spam": lambda: _load("sms_spam", "label"),
    },
    rows=[
        Row("TF-IDF + LR", tfidf, _PROBE_OF_UNIT_VECTORS, scale=False),
        Row("LSA-200 + LR", lsa, _PROBE_OF_UNIT_VECTORS, scale=False),
        *method_rows(),
    ],
    n_labels=(1, 5, 10, 25, 100),
    scoring="balanced_accuracy",
)
