"""Few-label tables, always made the same way.

An encoder is trained on all training rows without their labels and frozen, and the embedding is
standardised by all training rows, as far as it goes without labels. Then some labels per class are
drawn, a classifier is fitted to the embedding of these rows, and scored on the test rows, which
nothing has seen. The draws are the same for every row of a table.
"""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skssl import SimCLR
from skssl.inspection import classical_baselines, draw_labelled, takes_unlabelled
from skssl.modality import Modality

# What batch_size="auto" means.
_BATCH = 256
# The weighted vote of 200 neighbours that is customary for images (Wu et al. 2018, T = 0.1).
_KNN_NEIGHBORS, _KNN_TEMPERATURE = 200, 0.1


@dataclass(eq=False)
class Task:
    """Training rows, of which only some labels are shown, and test rows."""

    X: Any
    y: np.ndarray
    X_test: Any
    y_test: np.ndarray


Features = tuple[Any, Any]


@dataclass
class Row:
    """A line of the table: what a sample becomes, and which classifier then sees it.

    `features` gets the task and returns what the classifier is fitted to and scored on. It may
    look at all training rows, not at their labels. With `scale`, features are standardised by all
    training rows. Without a `classifier` of its own, or a function of the task that returns it, a
    row has the benchmark's probe. `own_task` is asked after `features` how well what was learned
    there does on the test rows' own task. A row with `unlabelled` fits its classifier to all
    training rows, with -1 for labels that are not shown. `draws` are fewer for rows that are slow.
    """

    name: str
    features: Callable[[Task], Features]
    classifier: BaseEstimator | Callable[[Task], BaseEstimator] | None = None
    scale: bool = True
    own_task: Callable[[Task], float] | None = None
    unlabelled: bool = False
    draws: int | None = None


@dataclass
class Benchmark:
    """The tables of one modality: data sets by name, rows, and how they are scored."""

    tasks: dict[str, Callable[[], Task]]
    rows: Sequence[Row] | Callable[[str], Sequence[Row]]  # the same for all data sets, or by name
    n_labels: tuple[int, ...]
    draws: int = 10
    probe: BaseEstimator = field(default_factory=lambda: LogisticRegression(max_iter=2000))
    scoring: str = "accuracy"
    knn: bool = False  # whether to add the accuracy of nearest neighbours with all labels
    own_task: bool = False  # whether rows have a score on a task of their own

    def rows_of(self, task: str) -> Sequence[Row]:
        """Return the rows of a data set."""
        return self.rows(task) if callable(self.rows) else self.rows


def embed_with(estimator: BaseEstimator) -> Callable[[Task], Features]:
    """Return features that a clone of `estimator`, fitted to the training rows, makes."""

    def features(task: Task) -> Features:
        fitted = clone(estimator).fit(task.X)
        return fitted.transform(task.X), fitted.transform(task.X_test)

    return features


def classical_rows(modality: Modality) -> list[Row]:
    """Return the rows of the library's classical baselines."""
    rows = []
    for name, baseline in classical_baselines(modality).items():
        if is_classifier(baseline):
            last = baseline[-1]
            features = embed_with(baseline[:-1])
            rows.append(Row(name, features, last, scale=False, unlabelled=takes_unlabelled(last)))
        else:
            rows.append(Row(f"{name} + LR", embed_with(baseline)))
    return rows


def method_rows(**params: Any) -> list[Row]:
    """Return the rows of random weights and of SimCLR, with defaults but for `params`.

    How the other methods compare, `methods.py` tells.
    """
    return [
        Row("random weights + LR", embed_with(SimCLR(max_epochs=0, random_state=0, **params))),
        Row("SimCLR + LR", embed_with(SimCLR(random_state=0, **params))),
    ]


def epochs_of(n_steps: int, task: Task) -> int:
    """Return how many epochs of default batches have at least so many steps."""
    return math.ceil(n_steps / max(1, len(task.X) // _BATCH))


def knn_accuracy(Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray) -> float:
    """Return the accuracy of weighted nearest neighbours by cosine, with all labels."""
    voters = KNeighborsClassifier(
        n_neighbors=min(_KNN_NEIGHBORS, len(Z)),
        metric="cosine",
        weights=lambda distance: np.exp(-distance / _KNN_TEMPERATURE),
    )
    return voters.fit(Z, y).score(Z_test, y_test)


def score_row(row: Row, task: Task, benchmark: Benchmark) -> dict[str, Any]:
    """Return means and standard deviations over the draws, by number of labels, and seconds."""
    start = time.perf_counter()
    Z, Z_test = row.features(task)
    if row.scale:
        scaler = StandardScaler().fit(Z)
        Z, Z_test = scaler.transform(Z), scaler.transform(Z_test)
    seconds = time.perf_counter() - start
    scorer = get_scorer(benchmark.scoring)
    # Ensembles that are not fitted have no truth value.
    classifier = benchmark.probe if row.classifier is None else row.classifier
    classifier = classifier(task) if callable(classifier) else classifier
    _, y = np.unique(task.y, return_inverse=True)
    _, y_test = np.unique(task.y_test, return_inverse=True)
    n_draws = row.draws or benchmark.draws
    cells = {}
    # With one label of each class, scikit-learn takes the labels for values of a regression.
    warnings.filterwarnings("ignore", message="The number of unique classes")
    for n_labels in benchmark.n_labels:
        scores = []
        for draw in range(n_draws):
            labelled = draw_labelled(y, n_labels, draw)
            # Unlike a clone, a copy keeps a method inside that was fitted before.
            fitted = copy.deepcopy(classifier)
            # A part of a graph may be without any label.
            with np.errstate(invalid="ignore"):
                _fit(fitted, Z, y, labelled, unlabelled=row.unlabelled)
                scores.append(scorer(fitted, Z_test, y_test))
        cells[str(n_labels)] = (float(np.mean(scores)), float(np.std(scores)))
    result: dict[str, Any] = {"seconds": seconds, "cells": cells}
    if benchmark.knn:
        result["knn"] = knn_accuracy(np.asarray(Z), task.y, np.asarray(Z_test), task.y_test)
    if row.own_task is not None:
        result["own task"] = row.own_task(task)
    return result


def _fit(
    classifier: BaseEstimator, Z: Any, y: np.ndarray, labelled: np.ndarray, *, unlabelled: bool
) -> None:
    if unlabelled:
        shown = np.full(len(y), -1)
        shown[labelled] = y[labelled]
        classifier.fit(Z, shown)
    else:
        # A few labelled rows are fitted several times as fast without threads.
        with threadpool_limits(1):
            classifier.fit(Z[labelled], y[labelled])


def print_table(name: str, results: dict[str, dict[str, Any]], benchmark: Benchmark) -> None:
    """Print one data set's table in Markdown."""
    columns = [*map(str, benchmark.n_labels), *(["k-NN, all"] if benchmark.knn else [])]
    columns += [*(["own task"] if benchmark.own_task else []), "seconds"]
    print(f"\n{name}, {benchmark.scoring}, mean ± standard deviation of {benchmark.draws} draws\n")
    print("| labels per class | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for row, result in results.items():
        found = [result["cells"].get(str(n)) for n in benchmark.n_labels]
        cells = ["{:.3f} ± {:.3f}".format(*cell) if cell else "" for cell in found]
        if benchmark.knn:
            cells.append(f"{result['knn']:.3f}")
        if benchmark.own_task:
            cells.append(f"{result['own task']:.3f}" if "own task" in result else "")
        print(f"| {row} | " + " | ".join([*cells, f"{result['seconds']:.0f}"]) + " |", flush=True)


def print_ranks(
    by_task: dict[str, dict[str, dict[str, Any]]], benchmark: Benchmark, n_labels: Sequence[int]
) -> None:
    """Print every row's mean rank and mean score over the data sets."""
    from scipy.stats import rankdata

    # Rows may have been chosen by name, and not for every data set.
    first, *others = by_task.values()
    rows = [row for row in first if all(row in results for results in others)]
    scores = np.array(
        [
            [[results[row]["cells"][str(n)][0] for row in rows] for n in n_labels]
            for results in by_task.values()
        ]
    )
    ranks = rankdata(-scores, axis=2).mean(axis=0)
    print(f"\nMean rank (and mean {benchmark.scoring}) over {len(by_task)} data sets\n")
    print("| labels per class | " + " | ".join(map(str, n_labels)) + " | together |")
    print("|---|" + "---|" * (len(n_labels) + 1))
    for index, row in enumerate(rows):
        cells = [
            f"{ranks[column, index]:.2f} ({scores[:, column, index].mean():.3f})"
            for column in range(len(n_labels))
        ]
        print(f"| {row} | " + " | ".join(cells) + f" | {ranks[:, index].mean():.2f} |")
