"""Whether the embedding as it comes is ever worse than what one would try first.

    python benchmarks/no_regret.py --json no_regret.json
    python benchmarks/no_regret.py --modalities text --tasks "AG News,SMS Spam"

Every data set with labels has five rows, with the same draws of the labelled rows and the same
``LogisticRegression()``: what ``SimCLR()`` returns; the same standardised by all training rows, and
by the few labelled ones; the learned part alone; and the classical features of the modality,
standardised by all training rows. Below, by modality, how much is lost against the better of the
last two. Reads the data from the folder that the environment variable SKSSL_DATA names.
"""

from __future__ import annotations

import argparse
import importlib
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from keeping import Kept
from kmeans_patches import KMeansPatches
from protocol import Task
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skssl
from skssl import SimCLR
from skssl.inspection import classical_baselines, draw_labelled
from skssl.modality import Images, Modality, Series, Tabular, Text

_LABELS = (1, 5, 25, 100)
_MODALITIES: dict[str, Modality] = {
    "text": Text(),
    "tabular": Tabular(),
    "images": Images(),
    "series": Series(),
}
_CLASSICAL: dict[str, Callable[[], BaseEstimator]] = {
    "text": lambda: classical_baselines(Text())["LSA-200 + LR"][:-1],
    "tabular": lambda: classical_baselines(Tabular())["raw + LR"][:-1],
    "images": KMeansPatches,
    "series": lambda: classical_baselines(Series())["random kernels + ridge"][:1],
}
_BOTH, _BY_ALL, _BY_FEW = "SimCLR()", "standardised by all", "standardised by the few"
_LEARNED, _FIRST = "learned part alone", "classical, standardised"


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
    ssl = SimCLR(modality=_MODALITIES[modality], random_state=0).fit(task.X)
    Z, Z_test = ssl.transform(task.X), ssl.transform(task.X_test)
    n_learned = ssl.n_learned()
    first = _CLASSICAL[modality]().fit(task.X)
    scaler = StandardScaler()
    rows = {
        _BOTH: (Z, Z_test),
        _BY_ALL: (scaler.fit_transform(Z), scaler.transform(Z_test)),
        _BY_FEW: (Z, Z_test),
        _LEARNED: (Z[:, -n_learned:], Z_test[:, -n_learned:]),
        _FIRST: (
            scaler.fit_transform(first.transform(task.X)),
            scaler.transform(first.transform(task.X_test)),
        ),
    }
    _, y = np.unique(task.y, return_inverse=True)
    _, y_test = np.unique(task.y_test, return_inverse=True)
    scores: dict[str, list[list[float]]] = {name: [] for name in rows}
    for n_labels in _LABELS:
        if np.bincount(y).min() < n_labels:
            break
        chosen = [draw_labelled(y, n_labels, draw) for draw in range(draws)]
        for name, (features, of_test) in rows.items():
            head = LogisticRegression()
            model = make_pipeline(StandardScaler(), head) if name == _BY_FEW else head
            scores[name].append(
                [
                    balanced_accuracy_score(
                        y_test, model.fit(features[rows_], y[rows_]).predict(of_test)
                    )
                    for rows_ in chosen
                ]
            )
    return scores


def print_task(name: str, scores: dict[str, list[list[float]]]) -> None:
    """Print the table of a data set."""
    counts = _LABELS[: len(scores[_BOTH])]
    print(f"\n{name}\n\n| labels per class | " + " | ".join(map(str, counts)) + " |")
    print("|---|" + "---|" * len(counts))
    for row, by_count in scores.items():
        cells = " | ".join(f"{np.mean(draws):.3f}" for draws in by_count)
        print(f"| {row} | {cells} |", flush=True)


def print_losses(modality: str, by_task: dict[str, dict[str, list[list[float]]]]) -> None:
    """Print what is lost against the better of the two, on average and at the most."""
    losses, means = [], {name: [] for name in (_BOTH, _LEARNED, _FIRST)}
    worst: tuple[float, float, str] = (-1.0, 0.0, "")
    for name, scores in by_task.items():
        both, learned, first = (np.array(scores[row]) for row in means)
        for row in means:
            means[row].append(np.mean(scores[row]))
        for count, here, *others in zip(_LABELS, both, learned, first, strict=False):
            better = max(others, key=np.mean)
            difference = better - here
            losses.append(difference.mean())
            error = difference.std(ddof=1) / len(difference) ** 0.5
            worst = max(worst, (difference.mean(), error, f"{name} at {count} labels"))
    print(
        f"\n{modality}, {len(by_task)} sets: mean loss against the better of the two "
        f"{np.mean(losses):+.4f}; the largest {worst[0]:+.3f} ± {worst[1]:.3f}, {worst[2]}. Means: "
        + ", ".join(f"{name} {np.mean(values):.4f}" for name, values in means.items())
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modalities", default=",".join(_MODALITIES), help="by comma")
    parser.add_argument("--tasks", help="names of data sets, by comma; all if not given")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--json", type=Path, help="file to keep the results in")
    arguments = parser.parse_args()
    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads; "
        f"balanced accuracy, means of {arguments.draws} draws"
    )
    warnings.simplefilter("ignore", ConvergenceWarning)
    # With one label of each class, scikit-learn takes the labels for values of a regression.
    warnings.filterwarnings("ignore", message="The number of unique classes")
    kept = Kept(arguments.json)
    for modality in arguments.modalities.split(","):
        names = arguments.tasks.split(",") if arguments.tasks else list(tasks_of(modality))
        found = {}
        for name in names:
            if name not in kept.table(modality):
                scores = measure(tasks_of(modality)[name](), modality, arguments.draws)
                kept.put(modality, name, {"scores": scores})
            found[name] = kept.table(modality)[name]["scores"]
            print_task(name, found[name])
        print_losses(modality, found)


if __name__ == "__main__":
    main()
