"""Few-label tables, always made the same way.

Samples become features, by something that looks at all training rows but not at their labels. Then
some labels per class are drawn, classifiers are fitted to the features of these rows, and scored on
the test rows, which nothing has seen. Classical features, those of networks that others trained
and ours get the same classifiers, with settings chosen in the same way (`heads.py`). The draws are
the same for every line of a table.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from clock import StepClock
from heads import ALL_LABELS, HEADS, Head, Pool
from joblib import Memory
from keeping import FOLDER, library_state
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading

from skssl import MaskedAutoencoder, SimCLR, SimSiam, VICReg
from skssl.base import SelfSupervisedTransformer
from skssl.inspection import NearestNeighbors, classical_baselines
from skssl.modality import Modality

# What batch_size="auto" means.
_BATCH = 256
CLASSICAL, PRETRAINED, CONTROL, OURS = "classical", "pretrained", "random weights", "ours"
SEEDS = 3


@dataclass(eq=False)
class Task:
    """Training rows, of which only some labels are shown, and test rows."""

    X: Any
    y: np.ndarray
    X_test: Any
    y_test: np.ndarray

    def imbalanced(self, ratio: float = 10.0) -> Task:
        """Return the task with fewer training rows of each class than of the one before.

        The first class keeps all, the last one a `ratio`-th of its rows. The test rows stay.
        """
        classes, counts = np.unique(self.y, return_counts=True)
        shares = ratio ** -np.linspace(0, 1, len(classes))
        kept = np.sort(
            np.concatenate(
                [
                    np.flatnonzero(self.y == label)[: round(count * share)]
                    for label, count, share in zip(classes, counts, shares, strict=True)
                ]
            )
        )
        return Task(self.X[kept], self.y[kept], self.X_test, self.y_test)


class Features(NamedTuple):
    """What the rows of both sides became, and how many steps of training and seconds it took.

    Seconds are those of the processor, which other work beside it does not change; they are there
    where features are kept for a second use. `n_learned` is the number of
    columns, the last ones, that training made; None where all are.
    """

    train: Any
    test: Any
    steps: int = 0
    seconds: float = 0.0
    n_learned: int | None = None


@dataclass
class Row:
    """What samples become, and which classifiers then see it: some lines of a table.

    `features` gets a task and a seed, and may look at all training rows, not at their labels; it is
    called for every seed below `seeds`. Without `heads` of its own, a row has those of the
    benchmark; `more` come beside them. `control` names the row whose encoder was not trained.
    `own_task` is asked after `features` how well what was learned there does on the test rows' own
    task.
    """

    name: str
    features: Callable[[Task, int], Features]
    kind: str = CLASSICAL
    heads: Mapping[str, Head] | None = None
    more: Mapping[str, Head] = field(default_factory=dict)
    seeds: int = 1
    control: str = CONTROL
    own_task: Callable[[Task], float] | None = None


@dataclass
class Benchmark:
    """The tables of one modality: data sets by name, rows, and how they are scored."""

    tasks: dict[str, Callable[[], Task]]
    rows: Sequence[Row] | Callable[[str], Sequence[Row]]  # the same for all data sets, or by name
    n_labels: tuple[int, ...]
    draws: int = 10
    heads: Mapping[str, Head] = field(default_factory=lambda: HEADS)
    scoring: str = "accuracy"
    variants: tuple[str, ...] = ()  # tasks that count in no mean: others have their rows
    all_labels: bool = False  # whether nearest neighbours also see all labels
    own_task: bool = False  # whether rows have a score on a task of their own
    lead: str = "SimCLR + LR"  # the line that is compared with what was chosen of the others
    # On which data sets the defaults of our methods were chosen.
    defaults: str = (
        "when they were chosen, data sets of this table were looked at, which flatters our lines"
    )

    def rows_of(self, task: str) -> Sequence[Row]:
        """Return the rows of a data set."""
        return self.rows(task) if callable(self.rows) else self.rows

    @property
    def columns(self) -> list[str]:
        """Numbers of labels, as they are kept and shown."""
        return [*map(str, self.n_labels), *([ALL_LABELS] if self.all_labels else [])]

    def cells(self, row: Row) -> list[tuple[str, str]]:
        """Return the names of the heads and the numbers of labels that a row is scored with."""
        return [
            (name, column)
            for name, head in self.heads_of(row).items()
            for column in self.columns
            if column != ALL_LABELS or head.all_labels
        ]

    def heads_of(self, row: Row) -> dict[str, Head]:
        """Return the heads of a row."""
        return {**(self.heads if row.heads is None else row.heads), **row.more}


def embed_with(estimator: BaseEstimator) -> Callable[[Task, int], Features]:
    """Return features that a clone of `estimator`, fitted to the training rows, makes.

    One that is self-supervised gets the seed, and is trained once for all benchmarks: what it makes
    of a task is kept in the folder ``.cache`` until the library changes.
    """

    def features(task: Task, seed: int) -> Features:
        fitted = clone(estimator)
        if not isinstance(fitted, SelfSupervisedTransformer):
            return _embed(fitted, task.X, task.X_test)
        fitted.set_params(random_state=seed)
        state = library_state()
        if state is None:
            return _train_and_embed(fitted, task.X, task.X_test)
        return _kept_embedding(fitted, task.X, task.X_test, state)

    return features


def _embed(estimator: BaseEstimator, X: Any, X_test: Any) -> Features:
    start = time.process_time()
    estimator.fit(X)
    both = estimator.transform(X), estimator.transform(X_test)
    return Features(*both, seconds=time.process_time() - start)


def _train_and_embed(estimator: SelfSupervisedTransformer, X: Any, X_test: Any) -> Features:
    clock = StepClock(None)
    features = _embed(estimator.set_params(callbacks=[clock]), X, X_test)
    return features._replace(steps=len(clock.ends), n_learned=estimator.n_learned())


def _embed_in_state(
    estimator: SelfSupervisedTransformer, X: Any, X_test: Any, state: str
) -> Features:
    """Return the features; `state` tells apart what other versions of the library make."""
    return _train_and_embed(estimator, X, X_test)


_kept_embedding = Memory(FOLDER / ".cache", verbose=0).cache(_embed_in_state)


def beside(
    learned: Callable[[Task, int], Features], classical: Callable[[Task, int], Features]
) -> Callable[[Task, int], Features]:
    """Return both features of every row, each standardised and of the same weight as a whole."""

    def features(task: Task, seed: int) -> Features:
        parts = [learned(task, seed), classical(task, 0)]
        scaled = []
        for part in parts:
            scaler, width = StandardScaler().fit(part.train), part.train.shape[1]
            scaled.append([scaler.transform(rows) / width**0.5 for rows in part[:2]])
        seconds = sum(part.seconds for part in parts)
        return Features(*map(np.hstack, zip(*scaled, strict=True)), parts[0].steps, seconds)

    return features


def classical_rows(modality: Modality) -> list[Row]:
    """Return the features of the library's classical baselines, and the heads that only they have.

    Baselines are named by features and classifier, such as "raw + LR" or "raw, ExtraTrees".
    """
    rows: dict[str, Row] = {}
    for name, baseline in classical_baselines(modality).items():
        words, _, ending = name.replace(" + ", ", ").partition(", ")
        steps = baseline[:-1] if is_classifier(baseline) else baseline
        row = rows.setdefault(words, Row(words, embed_with(steps)))
        # The other classifiers are among the heads.
        if is_classifier(baseline) and not isinstance(
            baseline[-1], LogisticRegression | LabelSpreading | NearestNeighbors
        ):
            row.more[ending] = Head(lambda _, last=baseline[-1]: last)
    return list(rows.values())


def method_rows(
    beside_row: Row | None = None, *, simclr_only: bool = False, **params: Any
) -> list[Row]:
    """Return rows of random weights and of four methods, with defaults but for `params`.

    How the other methods compare, `methods.py` tells. With `beside_row`, there is also SimCLR
    beside the features of that row.
    """
    simclr = embed_with(SimCLR(**params))
    others = [] if simclr_only else [SimSiam, VICReg, MaskedAutoencoder]
    rows = [
        Row(CONTROL, embed_with(SimCLR(max_epochs=0, **params)), CONTROL, seeds=SEEDS),
        Row("SimCLR", simclr, OURS, seeds=SEEDS),
    ]
    if beside_row is not None:
        both = beside(simclr, beside_row.features)
        rows.append(Row(f"SimCLR beside {beside_row.name}", both, OURS, seeds=SEEDS))
    return rows + [Row(m.__name__, embed_with(m(**params)), OURS, seeds=SEEDS) for m in others]


def epochs_of(n_steps: int, task: Task) -> int:
    """Return how many epochs of default batches have at least so many steps."""
    return math.ceil(n_steps / max(1, len(task.X) // _BATCH))


def score_row(
    row: Row, task: Task, seed: int, cells: Sequence[tuple[str, str]], benchmark: Benchmark
) -> dict[str, Any]:
    """Return the scores of heads by number of labels, and the seconds and steps before them."""
    start = time.process_time()
    features = row.features(task, seed)
    result: dict[str, Any] = {
        "seconds": max(time.process_time() - start, features.seconds),
        "steps": features.steps,
        "heads": {},
    }
    classes, y = np.unique(task.y, return_inverse=True)
    y_test = np.searchsorted(classes, task.y_test)
    pool = Pool(*features[:2], y, y_test, get_scorer(benchmark.scoring))
    heads = benchmark.heads_of(row)
    for name, n_labels in cells:
        takes = pool.takes(heads[name], n_labels)
        scored = pool.score(heads[name], n_labels, benchmark.draws) if takes else None
        result["heads"].setdefault(name, {})[n_labels] = scored
    if row.own_task is not None:
        result["own task"] = row.own_task(task)
    return result
