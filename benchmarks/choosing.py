"""Choosing without labels: what each metric makes of 24 trainings of SimCLR and VICReg.

    python benchmarks/choosing.py --json choosing.json --cache choosing
    python benchmarks/choosing.py --tasks digits --rows "SimCLR;VICReg"

The trainings are those of a real grid, bad ones among them: temperatures, weights of the loss,
views that are too weak and too strong, too few steps, narrow heads, two seeds. Every metric sees
the same rows, which were held out of the training, and those of views the modality's default views;
the accuracy is that of a probe with 100 labels per class on test rows. The encoder of series is the
ResNet alone: beside it, the default has random kernels, which know the answer before training.

What is printed of every data set is said above the tables. With ``--cache``, the embeddings are
kept, so that metrics can be changed without training again. Reads the data from the folder that the
environment variable SKSSL_DATA names.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from command import add_kept, add_selection, names_of
from data import labelled_series
from keeping import Kept
from protocol import Task
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from tasks_images import BENCHMARK as IMAGES
from threadpoolctl import threadpool_limits

import skssl
from skssl import SimCLR, VICReg, model_selection
from skssl.base import SelfSupervisedTransformer
from skssl.exceptions import CollapseWarning
from skssl.inspection import draw_labelled
from skssl.model_selection import EmbeddingScorer, embed_views

_STEPS, _SOME_STEPS, _FEW_STEPS = 100, 30, 10
_BATCH = 128
_LABELS, _DRAWS = 100, 3
_N_VIEWS = 10
_CONTROL = "random weights"

_COLUMNS = """
Accuracy is that of logistic regression with 100 labels per class on the embedding of test rows. Of
every metric, the tables have

- all, SimCLR, VICReg: Spearman's correlation of the metric with the accuracy, over all trainings
  and over those of one method. 1 is the same order, 0 is chance,
  -1 the opposite order;
- regret: the accuracy of the best training minus that of the training that the metric puts first;
  0 is best;
- control: the share of the trainings that the metric puts above random weights;
- worse, not noticed: the same share, of those trainings alone that are less accurate than random
  weights. 0 is best; where there are none, it is 0, too."""

SCORERS: dict[str, EmbeddingScorer] = {
    name.removesuffix("_scorer"): scorer
    for name, scorer in vars(model_selection).items()
    if isinstance(scorer, EmbeddingScorer) and not scorer.needs_labels and name != "default_scorer"
}
_DEFAULT = next(n for n, scorer in SCORERS.items() if scorer is model_selection.default_scorer)


@dataclass
class Candidate:
    """A training: the method, its parameters, its views and its number of steps."""

    method: type[SelfSupervisedTransformer]
    params: dict[str, Any]
    views: str = "default"
    steps: int = _STEPS


@dataclass
class Choice:
    """A data set: rows to train on, rows for the metrics, and test rows for the probe."""

    task: Task
    X_held_out: np.ndarray
    y_held_out: np.ndarray
    views: dict[str, dict[str, Any]]
    encoder: str = "auto"


_IMAGE_VIEWS = {
    "default": {},
    "weak": {
        "views__crop_scale": (0.95, 1.05),
        "views__rotation": 0.0,
        "views__shear": 0.0,
        "views__translation": 0.0,
        "views__jitter": 0.0,
        "views__erase": 0.0,
    },
    "strong": {
        "views__crop_scale": (0.05, 0.2),
        "views__rotation": 180.0,
        "views__noise": 0.5,
        "views__erase": 0.8,
    },
}
_SERIES_VIEWS = {
    "default": {},
    "weak": {
        "views__crop_scale": (0.95, 1.0),
        "views__amplitude": 0.0,
        "views__shift": 0.0,
        "views__gap": 0.0,
    },
    "strong": {"views__crop_scale": (0.05, 0.2), "views__noise": 1.0, "views__n_segments": 8},
}

CANDIDATES = {
    "SimCLR": Candidate(SimCLR, {"temperature": 0.5}),
    "SimCLR, seed 1": Candidate(SimCLR, {"temperature": 0.5, "random_state": 1}),
    "SimCLR, temperature .1": Candidate(SimCLR, {"temperature": 0.1}),
    "SimCLR, temperature .2, seed 1": Candidate(SimCLR, {"temperature": 0.2, "random_state": 1}),
    "SimCLR, temperature 1": Candidate(SimCLR, {"temperature": 1.0}),
    "SimCLR, temperature 10": Candidate(SimCLR, {"temperature": 10.0}),
    "SimCLR, some steps": Candidate(SimCLR, {}, steps=_SOME_STEPS),
    "SimCLR, few steps, seed 1": Candidate(SimCLR, {"random_state": 1}, steps=_FEW_STEPS),
    "SimCLR, weak views": Candidate(SimCLR, {}, views="weak"),
    "SimCLR, strong views, seed 1": Candidate(SimCLR, {"random_state": 1}, views="strong"),
    "SimCLR, head of 8": Candidate(SimCLR, {"projector_dim": 8}),
    "SimCLR, head of 512, seed 1": Candidate(SimCLR, {"projector_dim": 512, "random_state": 1}),
    "VICReg": Candidate(VICReg, {}),
    "VICReg, seed 1": Candidate(VICReg, {"random_state": 1}),
    "VICReg, invariance 1": Candidate(VICReg, {"invariance_weight": 1.0}),
    "VICReg, variance 1, seed 1": Candidate(VICReg, {"variance_weight": 1.0, "random_state": 1}),
    "VICReg, covariance 0": Candidate(VICReg, {"covariance_weight": 0.0}),
    "VICReg, covariance 25, seed 1": Candidate(
        VICReg, {"covariance_weight": 25.0, "random_state": 1}
    ),
    "VICReg, some steps": Candidate(VICReg, {}, steps=_SOME_STEPS),
    "VICReg, few steps, seed 1": Candidate(VICReg, {"random_state": 1}, steps=_FEW_STEPS),
    "VICReg, weak views": Candidate(VICReg, {}, views="weak"),
    "VICReg, strong views, seed 1": Candidate(VICReg, {"random_state": 1}, views="strong"),
    "VICReg, head of 32": Candidate(VICReg, {"projector_dim": 32}),
    "VICReg, head of 128, seed 1": Candidate(VICReg, {"projector_dim": 128, "random_state": 1}),
    _CONTROL: Candidate(SimCLR, {}, steps=0),
}


def _choice(task: Task, n_train: int, n_held_out: int, n_test: int, **settings: Any) -> Choice:
    """Cut a task, whose rows may be sorted by class, to a few thousand rows."""
    X, y = np.concatenate([task.X, task.X_test]), np.concatenate([task.y, task.y_test])
    X, X_test, y, y_test = train_test_split(
        X, y, train_size=n_train + n_held_out, test_size=n_test, random_state=0, stratify=y
    )
    X, held_out, y, y_held_out = train_test_split(
        X, y, test_size=n_held_out, random_state=0, stratify=y
    )
    return Choice(Task(X, y, X_test, y_test), held_out, y_held_out, **settings)


def _digits() -> Choice:
    X, y = load_digits().images, load_digits().target
    return _choice(Task(X[:1000], y[:1000], X[1000:], y[1000:]), 750, 350, 697, views=_IMAGE_VIEWS)


def _fashion_mnist() -> Choice:
    return _choice(IMAGES.tasks["Fashion-MNIST"](), 1500, 500, 3000, views=_IMAGE_VIEWS)


def _two_patterns() -> Choice:
    task = labelled_series("TwoPatterns")
    return _choice(task, 1500, 500, 2999, views=_SERIES_VIEWS, encoder="resnet")


CHOICES: dict[str, Callable[[], Choice]] = {
    "digits": _digits,
    "Fashion-MNIST": _fashion_mnist,
    "TwoPatterns": _two_patterns,
}


def train(candidate: Candidate, choice: Choice) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Return the accuracy and the seconds of a training, and embeddings of the held-out rows."""
    start = time.perf_counter()
    epochs = math.ceil(candidate.steps / (len(choice.task.X) // _BATCH))
    method = candidate.method(
        **{"random_state": 0, **candidate.params},
        encoder=choice.encoder,
        max_epochs=epochs,
        batch_size=_BATCH,
    )
    method.set_params(**choice.views[candidate.views])
    with warnings.catch_warnings():
        # Some are meant to.
        warnings.simplefilter("ignore", CollapseWarning)
        method.fit(choice.task.X)
    result = {"accuracy": _probe(method, choice), "seconds": time.perf_counter() - start}
    held_out = choice.X_held_out
    views = embed_views(method, held_out, n_views=_N_VIEWS)
    return result, {"samples": method.transform(held_out), "views": views}


def _probe(method: SelfSupervisedTransformer, choice: Choice) -> float:
    """Return the mean accuracy of a probe over some draws of the labelled rows."""
    Z = method.transform(np.concatenate([choice.task.X, choice.X_held_out]))
    y = np.concatenate([choice.task.y, choice.y_held_out])
    Z_test, y_test = method.transform(choice.task.X_test), choice.task.y_test
    accuracies = []
    for draw in range(_DRAWS):
        labelled = draw_labelled(y, _LABELS, draw)
        with threadpool_limits(1):
            probe = LogisticRegression(max_iter=2000).fit(Z[labelled], y[labelled])
        accuracies.append(probe.score(Z_test, y_test))
    return float(np.mean(accuracies))


def score(embeddings: dict[str, np.ndarray]) -> dict[str, float]:
    """Return what every scorer says of the embeddings of held-out rows."""
    return {
        name: float(
            scorer.metric(
                embeddings["samples"]
                if scorer.n_views is None
                else embeddings["views"][:, : scorer.n_views]
            )
        )
        for name, scorer in SCORERS.items()
    }


def compute(name: str, row: str, kept: dict[str, Any], cache: Path | None) -> dict[str, Any]:
    """Return accuracy, seconds and scores of a training, as far as possible from what is kept."""
    stored = cache and cache / f"{name}, {row}.npz"
    if row in kept and stored and stored.exists():
        with np.load(stored) as embeddings:
            return {**kept[row], "scores": score(dict(embeddings))}
    if row in kept and set(kept[row]["scores"]) == set(SCORERS):
        return kept[row]
    result, embeddings = train(CANDIDATES[row], CHOICES[name]())
    if stored:
        stored.parent.mkdir(parents=True, exist_ok=True)
        np.savez(stored, **embeddings)
    return {**result, "scores": score(embeddings)}


def summarize(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return correlations and regret of every scorer, over the trainings but for the control."""
    names = [row for row in results if row != _CONTROL]
    accuracies = np.array([results[row]["accuracy"] for row in names])
    groups = {
        "all": np.ones(len(names), dtype=bool),
        **{
            method: np.array([row.startswith(method) for row in names])
            for method in ("SimCLR", "VICReg")
        },
    }
    summary = {}
    for scorer in SCORERS:
        scores = np.array([results[row]["scores"][scorer] for row in names])
        cells = {
            group: float(spearmanr(scores[chosen], accuracies[chosen]).statistic)
            for group, chosen in groups.items()
            if chosen.sum() > 2
        }
        cells["regret"] = float(accuracies.max() - accuracies[scores.argmax()])
        if _CONTROL in results:
            above = scores > results[_CONTROL]["scores"][scorer]
            cells["control"] = float(np.mean(above))
            worse = accuracies < results[_CONTROL]["accuracy"]
            cells["worse, not noticed"] = float(np.mean(above[worse])) if worse.any() else 0.0
        summary[scorer] = cells
    return summary


def print_choice(name: str, results: dict[str, dict[str, Any]]) -> None:
    """Print the table of a data set."""
    summary = summarize(results)
    accuracies = [result["accuracy"] for row, result in results.items() if row != _CONTROL]
    control = ""
    if _CONTROL in results:
        random = results[_CONTROL]["accuracy"]
        n_worse = sum(accuracy < random for accuracy in accuracies)
        control = f", random weights {random:.3f}, {n_worse} trainings worse than these"
    print(
        f"\n{name}: accuracy {min(accuracies):.3f} to {max(accuracies):.3f}, median "
        f"{np.median(accuracies):.3f}{control}; "
        f"{sum(result['seconds'] for result in results.values()):.0f} s for all trainings\n"
    )
    columns = list(next(iter(summary.values())))
    print("| metric | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    for scorer, cells in summary.items():
        values = [f"{cells[c]:.3f}" if c == "regret" else f"{cells[c]:.2f}" for c in columns]
        print(f"| {scorer} | " + " | ".join(values) + " |", flush=True)


def print_means(by_task: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Print the mean correlation and the largest regret over the data sets."""
    summaries = [summarize(results) for results in by_task.values()]
    print("\n| metric | mean correlation | largest regret |\n|---|---|---|")
    means = {s: np.mean([summary[s]["all"] for summary in summaries]) for s in SCORERS}
    for scorer in sorted(means, key=means.__getitem__, reverse=True):
        regret = max(summary[scorer]["regret"] for summary in summaries)
        print(f"| {scorer} | {means[scorer]:.2f} | {regret:.3f} |")


def print_warnings(by_task: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Print how often the default scorer is right about random weights."""
    warned, worse = [], []
    for results in by_task.values():
        control = results[_CONTROL]
        for row, result in results.items():
            if row != _CONTROL:
                warned.append(result["scores"][_DEFAULT] <= control["scores"][_DEFAULT])
                worse.append(result["accuracy"] < control["accuracy"])
    both = sum(map(all, zip(warned, worse, strict=True)))
    print(
        f"\nOf all {len(worse)} trainings, {sum(worse)} are less accurate than random weights. By "
        f"the default scorer, `check_against_random_weights` warns of {sum(warned)}, "
        f"{both or 'none'} of them among these."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_selection(parser)
    add_kept(parser)
    parser.add_argument("--cache", type=Path, help="folder to keep the embeddings in")
    arguments = parser.parse_args()
    rows = arguments.rows.split(";") if arguments.rows else list(CANDIDATES)
    kept = Kept(arguments.json)
    names = names_of(arguments, CHOICES, kept.tables)
    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    print(_COLUMNS)
    by_task = {}
    for name in names:
        done = kept.table(name)
        for row in rows if not arguments.kept else []:
            result = compute(name, row, done, arguments.cache)
            if result is not done.get(row):
                kept.put(name, row, result)
        by_task[name] = {row: done[row] for row in rows if row in done}
        print_choice(name, by_task[name])
    if len(names) > 1:
        print_means(by_task)
        print(
            f"\nThe default scorer, {_DEFAULT}, was made while digits and TwoPatterns were "
            "looked at."
        )
    if by_task and all(_CONTROL in results for results in by_task.values()):
        print_warnings(by_task)


if __name__ == "__main__":
    main()
