"""What one to a hundred labels per class are worth, by what is done with the rows without any.

    python benchmarks/label_efficiency.py --json label_efficiency.json
    python benchmarks/label_efficiency.py --tasks digits --rows "SimSiam + LR;SimSiam + prototypes"
    python benchmarks/label_efficiency.py --method SimCLR --cache label_efficiency

A method is trained once on all training rows of a data set. Then it is frozen, or fine-tuned for
every draw of labels; "from scratch" is the same encoder, trained on the labelled rows alone.
`LabeledOnly` behind a frozen method is the same as the probe, so it has no row. Fine-tuning has
fewer draws, as its rows say, and its seconds are those before the first label. With ``--cache``,
trained methods are kept, so that rows can be added without training again. Reads the data from the
folder that the environment variable SKSSL_DATA names.
"""

import argparse
from functools import cache, partial
from pathlib import Path
from typing import Any

from command import add_arguments, run
from joblib import Memory
from methods import BENCHMARK as METHODS
from pretext import TASKS as PRETEXT
from protocol import Benchmark, Features, Row, Task, classical_rows
from sklearn.base import BaseEstimator
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.semi_supervised import LabelSpreading
from tasks_images import BENCHMARK as IMAGES

from skssl.base import SelfSupervisedTransformer
from skssl.inspection import graph_kernel
from skssl.modality import Images, Modality, Series, Text
from skssl.semi_supervised import FineTuneClassifier, PrototypeClassifier
from skssl.utils import all_estimators

# Fewer than for a probe, by what is done with the rows without labels.
_DRAWS = {"none": 3, "fixmatch": 1}
TASKS: dict[str, Modality] = {
    "digits": Images(),
    "Fashion-MNIST": Images(),
    "CIFAR-10": Images(),
    "TwoPatterns": Series(),
    "AG News": Text(),
}


def _train(method: SelfSupervisedTransformer, X: Any) -> SelfSupervisedTransformer:
    return method.fit(X)


class _Learner:
    """A method that is trained once for all rows of a data set."""

    def __init__(self, name: str, modality: Modality, memory: Memory):
        self.name = name
        self.modality = modality
        self.train = memory.cache(_train)
        self.fitted = cache(self._fit)
        self.embedding = cache(self._embed)

    def _fit(self, task: Task, trained: bool) -> SelfSupervisedTransformer:
        method = dict(all_estimators())[self.name](modality=self.modality, random_state=0)
        return self.train(method.set_params(**({} if trained else {"max_epochs": 0})), task.X)

    def _embed(self, task: Task, trained: bool) -> Features:
        """Return the embeddings, standardised by all training rows."""
        method = self.fitted(task, trained)
        Z, Z_test = method.transform(task.X), method.transform(task.X_test)
        scaler = StandardScaler().fit(Z)
        return scaler.transform(Z), scaler.transform(Z_test)

    def graph(self, task: Task) -> Features:
        """Return which training rows are the neighbours of a row by cosine."""
        Z, Z_test = self.embedding(task, True)
        # A number that was looked at on digits only.
        nearest = KNeighborsTransformer(mode="connectivity", n_neighbors=20)
        steps = make_pipeline(Normalizer(), nearest).fit(Z)
        return steps.transform(Z), steps.transform(Z_test)

    def fine_tune(self, task: Task, *, trained: bool, semi_supervised: str) -> BaseEstimator:
        """Return what trains the encoder on from where it is."""
        method = self.fitted(task, trained)
        return FineTuneClassifier(method=method, semi_supervised=semi_supervised, random_state=0)

    def rows(self) -> list[Row]:
        """Return what can be done with the method and some labels."""
        name, trained = self.name, partial(self.embedding, trained=True)
        # The part that neighbours have in a label was looked at on digits only as well.
        spreading = LabelSpreading(kernel=graph_kernel, alpha=0.8, max_iter=100)
        return [
            Row("random weights + LR", partial(self.embedding, trained=False), scale=False),
            self._tuned_row("from scratch", trained=False, semi_supervised="none"),
            Row(f"{name} + LR", trained, scale=False),
            Row(f"{name} + LabelSpreading", self.graph, spreading, scale=False, unlabelled=True),
            Row(
                f"{name} + prototypes", trained, PrototypeClassifier(), scale=False, unlabelled=True
            ),
            self._tuned_row(f"{name}, fine-tuned", trained=True, semi_supervised="none"),
            self._tuned_row(
                f"{name}, fine-tuned, fixmatch", trained=True, semi_supervised="fixmatch"
            ),
        ]

    def _tuned_row(self, name: str, *, trained: bool, semi_supervised: str) -> Row:
        draws = _DRAWS[semi_supervised]
        return Row(
            f"{name} ({draws} draw{'s' if draws > 1 else ''})",
            lambda task: (task.X, task.X_test),
            partial(self.fine_tune, trained=trained, semi_supervised=semi_supervised),
            scale=False,
            unlabelled=True,
            draws=draws,
        )


def _rows(task: str, method: str, memory: Memory) -> list[Row]:
    modality = TASKS[task]
    photos = [row for row in IMAGES.rows if row.name in ("HOG + LR", "k-means patches + LR")]
    # Patches of 6 pixels are nearly as large as digits of 8.
    more = photos if task in ("Fashion-MNIST", "CIFAR-10") else []
    return [*classical_rows(modality), *more, *_Learner(method, modality, memory).rows()]


def _benchmark(method: str, memory: Memory) -> Benchmark:
    loaders = {**METHODS.tasks, "CIFAR-10": PRETEXT["CIFAR-10"][0]}
    return Benchmark(
        tasks={name: loaders[name] for name in TASKS},
        rows=partial(_rows, method=method, memory=memory),
        n_labels=(1, 2, 5, 10, 25, 100),
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
