"""What a network that others trained is worth, frozen, with what `no_regret.py` compares.

    python benchmarks/frozen.py --json frozen.json

The sets of texts and images of `no_regret.py`, with its draws of the labelled rows and its
``LogisticRegression()``: on what MiniLM makes of texts, and EfficientNet-Lite0 of images at 96
pixels. Features are standardised by the rows that are labelled in some draw, of which the labels
are not looked at; nothing is trained and nothing chosen. Below each modality, ``SimCLR()`` is
compared with them, by what is kept in ``benchmarks/results/no_regret.json``. Reads the data from
the folder that the environment variable SKSSL_DATA names.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from command import add_modalities
from keeping import FOLDER, Kept
from no_regret import BOTH, LABELS, draws_of, measured_sets, scores_of
from pretrained import efficientnet, minilm
from protocol import Task
from sentences import sentence
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skssl.inspection import paired_difference

NETWORKS: dict[str, tuple[str, Callable[[Sequence], np.ndarray]]] = {
    "text": ("MiniLM, frozen", minilm),
    "images": ("EfficientNet-Lite0, frozen", efficientnet),
}


def measure(task: Task, modality: str, draws: int) -> dict[str, list[list[float]]]:
    """Return balanced accuracies of the network's features by number of labels and draw."""
    name, embed = NETWORKS[modality]
    shown = np.unique(np.concatenate([rows for chosen in draws_of(task, draws) for rows in chosen]))
    some = embed(task.X[shown])
    scaler = StandardScaler().fit(some)
    Z = np.zeros((len(task.y), some.shape[1]), dtype=some.dtype)
    Z[shown] = scaler.transform(some)
    Z_test = scaler.transform(embed(task.X_test))
    return {name: scores_of(Z, Z_test, LogisticRegression(), task, draws)}


def print_comparison(
    modality: str, frozen: dict[str, dict[str, Any]], ours: dict[str, dict[str, Any]]
) -> None:
    """Print for each data set that both have whether SimCLR() is ahead of the frozen network."""
    name, _ = NETWORKS[modality]
    print()
    for task in (task for task in frozen if task in ours):
        both = (ours[task]["scores"][BOTH], frozen[task]["scores"][name])
        by_count = {
            str(n_labels): paired_difference(*pair)
            for n_labels, *pair in zip(LABELS, *both, strict=False)
        }
        other = f"frozen {name.partition(',')[0]}"
        print(f"- {sentence(f'On {task}, {BOTH}', other, by_count)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_modalities(parser, NETWORKS)
    ours = Kept(FOLDER / "results" / "no_regret.json")
    for modality, found in measured_sets(parser.parse_args(), measure):
        print_comparison(modality, found, ours.table(modality))


if __name__ == "__main__":
    main()
