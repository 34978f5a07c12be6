"""What one to a hundred labels per class are worth, by what is done with the rows without any.

    python benchmarks/label_efficiency.py --json label_efficiency.json
    python benchmarks/label_efficiency.py --tasks digits --rows "PCA;SimSiam"
    python benchmarks/label_efficiency.py --method SimCLR --cache label_efficiency

A method is trained once, with one seed, on all training rows of a data set. Then it is frozen, or
fine-tuned for every draw of labels; "from scratch" is the same encoder, trained on the labelled
rows alone. `LabeledOnly` behind a frozen method is the same as a logistic regression, so it has no
row. The seconds are those of the processor before the first label. Fine-tuning has its defaults,
which are not validated, so it is not among what is chosen. With ``--cache``, trained methods are
kept, so that rows can be added without training again. Reads the data from the folder that the
environment variable SKSSL_DATA names.
"""

import argparse
from functools import cache, partial
from pathlib import Path
from typing import Any

from clock import StepClock
from command import add_arguments, run
from heads import Head
from joblib import Memory
from methods import BENCHMARK as METHODS
from protocol import CONTROL, OURS, Benchmark, Features, Row, Task, classical_rows
from sklearn.base import BaseEstimator
from tasks_images import BENCHMARK as IMAGES
from tasks_images import DESCRIPTORS, EFFICIENTNET
from tasks_series import BENCHMARK as SERIES
from tasks_text import PRETRAINED_ROWS

from skssl.base import SelfSupervisedTransformer
from skssl.modality import Images, Modality, Series, Text
from skssl.semi_supervised import FineTuneClassifier
from skssl.utils import all_estimators

TASKS: dict[str, Modality] = {
    "digits": Images(),
    "Fashion-MNIST": Images(),
    "CIFAR-10": Images(),
    "TwoPatterns": Series(),
    "AG News": Text(),
}


def _train(method: SelfSupervisedTransformer, X: Any) -> tuple[SelfSupervisedTransformer, int]:
    """Return the method, trained, and the number of steps."""
    clock = StepClock(None)
    method.set_params(callbacks=[clock]).fit(X)
    # What is fine-tuned later is no part of this training.
    return method.set_params(callbacks=None), len(clock.ends)


class _Learner:
    """A method that is trained once for all rows of a data set."""

    def __init__(self, name: str, modality: Modality, memory: Memory):
        self.name = name
        self.modality = modality
        self.train = memory.cache(_train)
        self.fitted = cache(self._fit)

    def _fit(self, task: Task, trained: bool) -> tuple[SelfSupervisedTransformer, int]:
        method = dict(all_estimators())[self.name](modality=self.modality, random_state=0)
        return self.train(method.set_params(**({} if trained else {"max_epochs": 0})), task.X)

    def embedding(self, task: Task, seed: int, *, trained: bool) -> Features:
        """Return the embeddings of the frozen method."""
        method, steps = self.fitted(task, trained)
        return Features(method.transform(task.X), method.transform(task.X_test), steps)

    def rows(self) -> list[Row]:
        """Return what can be done with the method and some labels."""
        tuned = _Tuned(self, trained=True), _Tuned(self, trained=False)
        return [
            Row(CONTROL, partial(self.embedding, trained=False), CONTROL),
            Row("from scratch", tuned[1].samples, CONTROL, heads=tuned[1].heads("none")),
            Row(self.name, partial(self.embedding, trained=True), OURS),
            Row(
                f"{self.name}, fine-tuned",
                tuned[0].samples,
                OURS,
                heads=tuned[0].heads("none", "fixmatch"),
            ),
        ]


class _Tuned:
    """Fine-tuning of a method, which begins with the samples themselves."""

    def __init__(self, learner: _Learner, *, trained: bool):
        self.learner = learner
        self.trained = trained

    def samples(self, task: Task, seed: int) -> Features:
        """Return the samples, and remember what is trained on them without labels."""
        self.method, steps = self.learner.fitted(task, self.trained)
        return Features(task.X, task.X_test, steps)

    def heads(self, *ways: str) -> dict[str, Head]:
        """Return what trains the encoder on from where it is, with the other rows or without."""
        names = {"none": "labels alone", "fixmatch": "fixmatch"}
        return {
            names[way]: Head(partial(self._classifier, way), unlabelled=True, validated=False)
            for way in ways
        }

    def _classifier(self, way: str, setting: None) -> BaseEstimator:
        return FineTuneClassifier(method=self.method, semi_supervised=way, random_state=0)


def _rows(task: str, method: str, memory: Memory) -> list[Row]:
    modality = TASKS[task]
    if isinstance(modality, Text):
        others = PRETRAINED_ROWS
    elif task in ("Fashion-MNIST", "CIFAR-10"):
        # Patches of 6 pixels are nearly as large as digits of 8.
        others = [*DESCRIPTORS, EFFICIENTNET]
    else:
        others = []
    return [*classical_rows(modality), *others, *_Learner(method, modality, memory).rows()]


def _benchmark(method: str, memory: Memory) -> Benchmark:
    loaders = {**METHODS.tasks, **IMAGES.tasks, **SERIES.tasks}
    return Benchmark(
        tasks={name: loaders[name] for name in TASKS},
        rows=partial(_rows, method=method, memory=memory),
        n_labels=(1, 5, 25),
        draws=5,
        lead=f"{method} + LR",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="SimSiam", help="what is trained without labels")
    add_arguments(parser)
    parser.add_argument("--cache", type=Path, help="folder to keep trained methods in")
    arguments = parser.parse_args()
    run(_benchmark(arguments.method, Memory(arguments.cache, verbose=0)), arguments)


if __name__ == "__main__":
    main()
