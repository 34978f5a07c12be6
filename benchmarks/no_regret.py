"""Whether the embedding as it comes is ever worse than what one would try first.

    python benchmarks/no_regret.py --json no_regret.json
    python benchmarks/no_regret.py --modalities text --tasks "AG News,SMS Spam"

Every data set with labels has five rows, with the same draws of the labelled rows and the same
``LogisticRegression()``: what ``SimCLR()`` returns; the same standardised by all training rows, and
by the few labelled ones; the learned part alone; and the classical features of the modality,
standardised by all training rows. What else one would try has rows of its own: the nearest
neighbour by these features, and the baselines of `few_label_report`. Below, by modality, how much
is lost against the better of the classical features and the learned part, and where what one would
try first, classical features among it, is ahead. Reads the data from the folder that the
environment variable SKSSL_DATA names.
"""

from __future__ import annotations

import argparse
import importlib
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from command import add_modalities, names_of, print_versions
from heads import draws_differ
from keeping import Kept
from kmeans_patches import KMeansPatches
from protocol import Task, embed_with
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading

from skssl import SimCLR
from skssl.inspection import (
    NearestNeighbors,
    classical_baselines,
    draw_labelled,
    paired_difference,
)
from skssl.modality import Images, Modality, Series, Tabular, Text

LABELS = (1, 5, 25, 100)
_MODALITIES: dict[str, Modality] = {
    "text": Text(),
    "tabular": Tabular(),
    "images": Images(),
    "series": Series(),
}
# Which of the baselines has the classical features, before its classifier.
_CLASSICAL = {"text": "LSA-200 + LR", "tabular": "raw + LR", "series": "random kernels + ridge"}
BOTH, _BY_ALL, _BY_FEW = "SimCLR()", "standardised by all", "standardised by the few"
_LEARNED, _FIRST = "learned part alone", "classical, standardised"
_OURS = (BOTH, _BY_ALL, _BY_FEW, _LEARNED)
_NEAREST = "classical, standardised, 1-NN"
# A set with fewer test rows tells too little of one loss.
_TEST_ROWS = 100
_LARGE = 0.02


def _digits() -> Task:
    digits = load_digits()
    X, X_test, y, y_test = train_test_split(
        digits.images.astype(np.uint8) * 15, digits.target, stratify=digits.target, random_state=0
    )
    return Task(X, y, X_test, y_test)


def tasks_of(modality: str) -> dict[str, Callable[[], Task]]:
    """Return the data sets of a modality by name."""
    benchmark = importlib.import_module(f"tasks_{modality}").BENCHMARK
    tasks = {name: load for name, load in benchmark.tasks.items() if name not in benchmark.variants}
    return {"digits": _digits, **tasks} if modality == "images" else tasks


def measure(task: Task, modality: str, draws: int) -> dict[str, list[list[float]]]:
    """Return balanced accuracies of each row by number of labels and draw."""
    samples = _MODALITIES[modality]
    both = embed_with(SimCLR(modality=samples))(task, 0)
    learned = [part[:, -both.n_learned :] for part in both[:2]]
    by_all, first = _standardised(*both[:2]), _standardised(*_classical(task, modality))
    linear = LogisticRegression()
    rows = {
        BOTH: (both[:2], linear),
        _BY_ALL: (by_all, linear),
        _BY_FEW: (both[:2], make_pipeline(StandardScaler(), linear)),
        _LEARNED: (learned, linear),
        _FIRST: (first, linear),
        _NEAREST: (first, NearestNeighbors(1)),
    }
    for name, baseline in classical_baselines(samples).items():
        # The graph of all rows needs more than the few that are labelled.
        if is_classifier(baseline) and not isinstance(baseline[-1], LabelSpreading):
            rows[name] = (_embed_both(baseline[:-1], task), baseline[-1])
    return {name: scores_of(*sides, head, task, draws) for name, (sides, head) in rows.items()}


def draws_of(task: Task, draws: int) -> list[list[np.ndarray]]:
    """Return the training rows whose labels are shown, by number of labels and draw."""
    _, y = np.unique(task.y, return_inverse=True)
    counts = [n_labels for n_labels in LABELS if draws_differ(y, n_labels)]
    return [[draw_labelled(y, n_labels, draw) for draw in range(draws)] for n_labels in counts]


def scores_of(
    Z: Any, Z_test: Any, head: BaseEstimator, task: Task, draws: int
) -> list[list[float]]:
    """Return balanced accuracies of a classifier of features, by number of labels and draw."""
    return [
        [
            balanced_accuracy_score(
                task.y_test, clone(head).fit(Z[shown], task.y[shown]).predict(Z_test)
            )
            for shown in chosen
        ]
        for chosen in draws_of(task, draws)
    ]


def _classical(task: Task, modality: str) -> tuple[Any, Any]:
    """Return the classical features of both sides."""
    if modality == "images":
        return _embed_both(KMeansPatches(), task)
    return _embed_both(classical_baselines(_MODALITIES[modality])[_CLASSICAL[modality]][:-1], task)


def _embed_both(transformer: BaseEstimator, task: Task) -> tuple[Any, Any]:
    fitted = clone(transformer).fit(task.X)
    return fitted.transform(task.X), fitted.transform(task.X_test)


def _standardised(Z: Any, Z_test: Any) -> tuple[np.ndarray, np.ndarray]:
    scaler = StandardScaler().fit(Z)
    return scaler.transform(Z), scaler.transform(Z_test)


def print_task(name: str, scores: dict[str, list[list[float]]], *, first: bool) -> None:
    """Print the lines of a data set, one for each number of labels; the first with the heading."""
    if first:
        print("\n| set | labels per class | " + " | ".join(scores) + " |")
        print("|---|---|" + "---|" * len(scores))
    for n_labels, *cells in zip(LABELS, *scores.values(), strict=False):
        means = " | ".join(f"{np.mean(draws):.3f}" for draws in cells)
        print(f"| {name} | {n_labels} | {means} |", flush=True)


def print_losses(modality: str, by_task: dict[str, dict[str, Any]]) -> None:
    """Print what is lost against the better of the two, on average and at the most.

    And where what one would try first is ahead.
    """
    losses, means = [], {name: [] for name in (BOTH, _LEARNED, _FIRST)}
    worst: tuple[float, str] = (-math.inf, "nothing")
    large, others = [], []
    for name, kept in by_task.items():
        scores = kept["scores"]
        for row in means:
            means[row].append(np.mean(scores[row]))
        for column, here in enumerate(scores[BOTH]):
            cell = f"{name} at {LABELS[column]}"
            better = max((_LEARNED, _FIRST), key=lambda row, at=column: np.mean(scores[row][at]))
            difference = paired_difference(here, scores[better][column])
            losses.append(-difference.mean)
            said = f"{cell} {difference.against(better)}"
            worst = max(worst, (-difference.mean, said))
            over = -difference.mean - _LARGE
            if over > 0 and kept["n_test"] >= _TEST_ROWS:
                surely = f", over {_LARGE} by more than two standard errors" * (
                    over > 2 * difference.error
                )
                large.append(f"{said}{surely}")
            others_of_set = [row for row in scores if row not in _OURS]
            best = max(others_of_set, key=lambda row, at=column: np.mean(scores[row][at]))
            difference = paired_difference(here, scores[best][column])
            if difference.verdict == "behind":
                others.append(f"{cell} {difference.against(best)}")
    ahead = f": {'; '.join(others)}" if others else ""
    print(
        f"\n{modality}, {len(by_task)} sets: mean loss against the better of learned part and "
        f"classical features {np.mean(losses):+.4f}; the largest: {worst[1]}. Over {_LARGE} with "
        f"at least {_TEST_ROWS} test rows: {'; '.join(large) or 'none'}. Means: "
        + ", ".join(f"{name} {np.mean(values):.4f}" for name, values in means.items())
        + f". In {len(others)} of {len(losses)} cells, each a set and a number of labels, the best "
        f"of what one would try first is ahead of SimCLR(){ahead}."
    )


def measured_sets(
    arguments: argparse.Namespace,
    measure: Callable[[Task, str, int], dict[str, list[list[float]]]],
) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """Measure the data sets that are not kept yet and print all; yield each modality's."""
    print_versions(arguments.draws)
    warnings.simplefilter("ignore", ConvergenceWarning)
    # With one label of each class, scikit-learn takes the labels for values of a regression.
    warnings.filterwarnings("ignore", message="The number of unique classes")
    kept = Kept(arguments.json)
    for modality in arguments.modalities.split(","):
        tasks, done, found = tasks_of(modality), kept.table(modality), {}
        for name in names_of(arguments, tasks, done):
            if name not in done:
                task = tasks[name]()
                scores = measure(task, modality, arguments.draws)
                kept.put(modality, name, {"n_test": len(task.y_test), "scores": scores})
            found[name] = done[name]
            print_task(name, found[name]["scores"], first=len(found) == 1)
        yield modality, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_modalities(parser, _MODALITIES)
    for modality, found in measured_sets(parser.parse_args(), measure):
        if found:
            print_losses(modality, found)


if __name__ == "__main__":
    main()
