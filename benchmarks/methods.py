"""All methods with their defaults, on four data sets, with the same number of steps and one seed.

    python benchmarks/methods.py --json methods.json
    python benchmarks/methods.py --tasks digits --rows "SimCLR;BYOL"

Reads the data from the folder that the environment variable SKSSL_DATA names.
"""

import argparse
from collections.abc import Callable
from functools import partial

from command import add_arguments, run
from data import labelled_series
from heads import HEADS
from protocol import (
    CONTROL,
    OURS,
    Benchmark,
    Features,
    Row,
    Task,
    classical_rows,
    embed_with,
    epochs_of,
)
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tasks_tabular import BENCHMARK as TABLES
from tasks_text import BENCHMARK as TEXTS

from skssl import MoCo, SimCLR
from skssl.modality import Images, Modality, Series, Tabular, Text
from skssl.utils import all_estimators

_STEPS = 300
# These are compared by `pretext.py`.
OTHER_FAMILIES = ("skssl.pretext", "skssl.masked")


def _digits() -> Task:
    images, y = load_digits().images, load_digits().target
    X, X_test, y, y_test = train_test_split(images, y, test_size=500, random_state=0, stratify=y)
    return Task(X, y, X_test, y_test)


def _in_steps(estimator: BaseEstimator) -> Callable[[Task, int], Features]:
    """Return features of `estimator`, trained for the common number of steps."""

    def features(task: Task, seed: int) -> Features:
        return embed_with(estimator.set_params(max_epochs=epochs_of(_STEPS, task)))(task, seed)

    return features


def _rows(task: str) -> list[Row]:
    variants = {
        name: cls()
        for name, cls in all_estimators()
        if not cls.__module__.startswith(OTHER_FAMILIES)
    }
    variants["MoCo v3"] = MoCo(queue_size=0)
    methods = sorted(variants.items())
    return [
        *classical_rows(TASKS[task][1]),
        Row(CONTROL, embed_with(SimCLR(max_epochs=0)), CONTROL),
        *(Row(name, _in_steps(estimator), OURS) for name, estimator in methods),
    ]


# Small enough for all methods to be trained in two hours of two cores.
TASKS: dict[str, tuple[Callable[[], Task], Modality]] = {
    "digits": (_digits, Images()),
    "MelbournePedestrian": (partial(labelled_series, "MelbournePedestrian"), Series()),
    "AG News": (TEXTS.tasks["AG News"], Text()),
    "covertype": (TABLES.tasks["covertype_6k"], Tabular()),
}

BENCHMARK = Benchmark(
    tasks={name: load for name, (load, _) in TASKS.items()},
    rows=_rows,
    n_labels=(1, 5, 10),
    heads={name: HEADS[name] for name in ("LR", "k-NN")},
    all_labels=True,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    run(BENCHMARK, parser.parse_args())


if __name__ == "__main__":
    main()
