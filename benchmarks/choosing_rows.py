"""What choosing among blocks of the embedding and heads by the few labels is worth.

    python benchmarks/choosing_rows.py --json choosing_rows.json
    python benchmarks/choosing_rows.py --modalities series --tasks "CBF,ECG200"

There are nine rows: the classical block of the embedding, the learned part and both, each with
``LogisticRegression()``, ``PrototypeClassifier()`` and ``LabelSpreading`` on the graph of seven
neighbours, all as they come. ``few_label_report(choose=True)`` chooses one of them in every draw,
by cross-validation of the labelled rows of this draw. Printed are, by modality and number of labels
per class, the mean balanced accuracies of the rows, of what was chosen and of the row that is best
on the test rows of each set, and what the choice costs against that and against the first row.
The first row is what one has without choosing, but of tables: their default is the learned part
alone. No setting is chosen here; those of the classifiers are
their defaults. The shrinkage of prototypes was chosen on digits, ORL faces, covertype_6k, adult, AG
News, CBF, DistalPhalanxTW, GunPoint and JapaneseVowels, which flatters them there: `--kept-back`
leaves these out. Errors are over the data sets. ``SimCLR()`` is trained on all training rows, with
``concat_input=True`` where that is not the default; the heads see at most 1,000 of them. Series
with more are left out. Reads the data from the folder that the environment variable SKSSL_DATA
names.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
from command import add_modalities, names_of, print_versions
from keeping import Kept
from no_regret import tasks_of
from protocol import Features, Task, embed_with
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.semi_supervised import LabelSpreading

from skssl import SimCLR
from skssl.inspection import few_label_report, graph_kernel, paired_difference
from skssl.modality import Images, Modality, Series, Tabular, Text
from skssl.semi_supervised import PrototypeClassifier

_LABELS = (1, 5, 25, 100)
_MOST_ROWS = 1000
_MODALITIES: dict[str, Modality] = {
    "series": Series(),
    "tabular": Tabular(concat_input=True),
    "text": Text(),
    "images": Images(),
}
_CHOSEN, _BEST = "chosen by cross-validation", "best afterwards"
_FIRST = "both, LR"
# On these the shrinkage of PrototypeClassifier was chosen.
_LOOKED_AT = {
    *("digits", "ORL faces", "covertype_6k", "adult", "AG News"),
    *("CBF", "DistalPhalanxTW", "GunPoint", "JapaneseVowels"),
}


def rows_of(n_learned: int) -> dict[str, Pipeline]:
    """Return the nine classifiers of embeddings; the first takes all columns."""
    columns = {
        "both": "passthrough",
        "learned": ColumnTransformer([("learned", "passthrough", slice(-n_learned, None))]),
        "classical": ColumnTransformer([("classical", "passthrough", slice(0, -n_learned))]),
    }
    neighbors = KNeighborsTransformer(mode="connectivity", n_neighbors=7)
    heads = {
        "LR": [LogisticRegression()],
        "prototypes": [PrototypeClassifier()],
        "LabelSpreading": [neighbors, LabelSpreading(kernel=graph_kernel, max_iter=100)],
    }
    return {
        f"{block}, {head}": make_pipeline(of_block, *steps)
        for head, steps in heads.items()
        for block, of_block in columns.items()
    }


def measure(task: Task, embedding: Features, draws: int) -> dict[str, Any]:
    """Return balanced accuracies by row, number of labels and draw, and what was chosen."""
    y, Z = task.y, embedding.train
    if len(Z) > _MOST_ROWS:
        Z, _, y, _ = train_test_split(Z, y, train_size=_MOST_ROWS, stratify=y, random_state=0)
    fewest = np.unique(y, return_counts=True)[1].min()
    report = few_label_report(
        rows_of(embedding.n_learned),
        Z,
        y,
        X_test=embedding.test,
        y_test=task.y_test,
        n_labels=[n for n in _LABELS if n <= fewest],
        n_repeats=draws,
        baselines=None,
        choose=True,
        scoring="balanced_accuracy",
        unlabeled=None,
        random_state=0,
    )
    return {
        "n_labels": report.n_labels,
        "scores": {name: scores.tolist() for name, scores in report.scores.items()},
        "chosen": report.chosen,
    }


def by_count(results: dict[str, dict[str, Any]], n_labels: int) -> dict[str, np.ndarray]:
    """Return the means of each row over the draws, one for each data set with so many labels."""
    means: dict[str, list[float]] = {}
    for result in results.values():
        if n_labels in result["n_labels"]:
            column = result["n_labels"].index(n_labels)
            here = {row: float(np.mean(cells[column])) for row, cells in result["scores"].items()}
            here[_BEST] = max(score for row, score in here.items() if row != _CHOSEN)
            for row, score in here.items():
                means.setdefault(row, []).append(score)
    return {row: np.array(values) for row, values in means.items()}


def print_table(title: str, results: dict[str, dict[str, Any]]) -> None:
    """Print the means over data sets, what the choice costs, and from when on it pays."""
    means = {n: found for n in _LABELS if (found := by_count(results, n))}
    sets = [f"{n} ({len(found[_FIRST])} sets)" for n, found in means.items()]
    print(f"\n{title}: {', '.join(results)}\n")
    print(f"| labels per class | {' | '.join(sets)} |\n|---|{'---|' * len(sets)}")
    for row in next(iter(means.values())):
        print(
            f"| {row} | "
            + " | ".join(f"{found[row].mean():.3f}" for found in means.values())
            + " |"
        )
    for words, other in (("best afterwards", _BEST), ("first row", _FIRST)):
        costs = [paired_difference(found[other], found[_CHOSEN]) for found in means.values()]
        cells = " | ".join(f"{cost.mean:+.3f} ± {cost.error:.3f}" for cost in costs)
        print(f"| how much lower the chosen row is than the {words} | {cells} |")
    print(f"\n{title}: {from_when(means)}", flush=True)


def from_when(means: dict[int, dict[str, np.ndarray]]) -> str:
    """Say from how many labels per class on the choice is ahead of the first row."""
    if len(next(iter(means.values()))[_FIRST]) < 2:
        return "one data set does not tell from how many labels on choosing pays."
    pays: int | None = None
    behind: list[str] = []
    for n, found in means.items():
        verdict = paired_difference(found[_CHOSEN], found[_FIRST]).verdict
        pays = (pays or n) if verdict == "ahead" else None
        behind += [str(n)] * (verdict == "behind")
    if pays is None:
        with_labels = f", and behind it with {' and '.join(behind)}" if behind else ""
        return f"choosing is not ahead of {_FIRST} by more than two standard errors{with_labels}."
    return f"from {pays} labels per class on choosing pays: it is ahead of {_FIRST}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_modalities(parser, _MODALITIES)
    parser.add_argument(
        "--kept-back", action="store_true", help="leave out sets on which a default was chosen"
    )
    arguments = parser.parse_args()
    print_versions(arguments.draws)
    warnings.simplefilter("ignore", ConvergenceWarning)
    # Few held-out rows may be without a class.
    warnings.filterwarnings("ignore", message="y_pred contains classes not in y_true")
    kept, everything = Kept(arguments.json), {}
    for modality in arguments.modalities.split(","):
        tasks, done, found = tasks_of(modality), kept.table(modality), {}
        for name in names_of(arguments, tasks, done):
            if arguments.kept_back and name in _LOOKED_AT:
                continue
            if name not in done:
                task = tasks[name]()
                if modality == "series" and len(task.X) > _MOST_ROWS:
                    continue
                embedding = embed_with(SimCLR(modality=_MODALITIES[modality]))(task, 0)
                kept.put(modality, name, measure(task, embedding, arguments.draws))
            found[name] = done[name]
        if found:
            print_table(modality, found)
        everything.update({f"{name} ({modality})": result for name, result in found.items()})
    if "," in arguments.modalities:
        print_table("all", everything)


if __name__ == "__main__":
    main()
