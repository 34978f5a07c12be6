"""Pretext tasks and masked modelling: the defaults, the same number of steps, one seed.

    python benchmarks/pretext.py --json pretext.json
    python benchmarks/pretext.py --tasks digits --rows "random weights;JigsawPuzzle" --whole

Beside the accuracy of a probe, the score that a method has on its own task, with test rows: the
share of right answers where there is one, else one minus the relative error. The control of masked
methods is a transformer with random weights. What the methods give back is measured by
`giving_back.py`. With ``--whole``, methods train as long as they do by default. Reads the data
from the folder that the environment variable SKSSL_DATA names.
"""

import argparse
from functools import partial

from clock import StepClock
from command import add_arguments, run
from heads import HEADS
from methods import OTHER_FAMILIES
from methods import TASKS as METHODS
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
from sklearn.base import BaseEstimator, clone
from tasks_images import BENCHMARK as IMAGES
from tasks_video import BENCHMARK as VIDEO

from skssl import MaskedAutoencoder, SimCLR
from skssl.modality import Images, Modality, Video
from skssl.utils import all_estimators

_STEPS = 300
_TRANSFORMER = "random transformer"


TASKS = {
    **METHODS,
    "moving digits": (VIDEO.tasks["digit"], Video()),
    "CIFAR-10": (IMAGES.tasks["CIFAR-10"], Images()),
}
# Methods that some data sets have nothing for, and those that need to be told more.
_ONLY_FOR = {"Colorization": ["CIFAR-10"], "TransformPrediction": []}


class _Learner:
    """Fits a method once, for its embedding and for its own task."""

    def __init__(self, estimator: BaseEstimator, *, whole: bool):
        self.estimator = estimator
        self.whole = whole

    def features(self, task: Task, seed: int) -> Features:
        epochs, clock = "auto" if self.whole else epochs_of(_STEPS, task), StepClock(None)
        self.fitted = clone(self.estimator).set_params(
            max_epochs=epochs, random_state=seed, callbacks=[clock]
        )
        self.fitted.fit(task.X)
        both = (self.fitted.transform(X) for X in (task.X, task.X_test))
        return Features(*both, len(clock.ends))

    def score(self, task: Task) -> float:
        return self.fitted.score(task.X_test)


def _rows(name: str, *, whole: bool) -> list[Row]:
    modality: Modality = TASKS[name][1]
    simclr = SimCLR(modality=modality)
    transformer = MaskedAutoencoder(modality=modality, max_epochs=0)
    rows = [
        *classical_rows(modality),
        Row(CONTROL, embed_with(clone(simclr).set_params(max_epochs=0)), CONTROL),
        Row(_TRANSFORMER, embed_with(transformer), CONTROL),
        Row("SimCLR", _Learner(simclr, whole=whole).features, OURS),
    ]
    for method, cls in all_estimators():
        if not cls.__module__.startswith(OTHER_FAMILIES) or not cls.works_with(type(modality)):
            continue
        if name in _ONLY_FOR.get(method, [name]):
            learner = _Learner(cls(modality=modality), whole=whole)
            own_task = learner.score if hasattr(cls, "score") else None
            control = _TRANSFORMER if cls.__module__.startswith("skssl.masked") else CONTROL
            rows.append(Row(method, learner.features, OURS, control=control, own_task=own_task))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--whole", action="store_true", help="train for the default of steps")
    add_arguments(parser)
    arguments = parser.parse_args()
    benchmark = Benchmark(
        tasks={name: load for name, (load, _) in TASKS.items()},
        rows=partial(_rows, whole=arguments.whole),
        n_labels=(5, 25),
        heads={"LR": HEADS["LR"]},
        own_task=True,
    )
    run(benchmark, arguments)


if __name__ == "__main__":
    main()
