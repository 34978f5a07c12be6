"""What adapting word vectors, or a sentence encoder, to news without labels gains over them frozen.

    python benchmarks/adapting_texts.py --json adapting_texts.json
    python benchmarks/adapting_texts.py --rows "GloVe start, frozen;SimCLR from GloVe"

The texts are those of the table of AG News in ``few_labels.py``. GloVe starts the default encoder,
which has components of LSA beside it, as the one that starts at random has, "SimCLR". A step of
MiniLM takes as long as a hundred of a bag of words: it sees the first 48 pieces of the words of a
text; half of its layers learn, from every text once. Each training has one seed. A second table
has 1,500 of the training and 1,000 of the test rows. Reads the data from the folder that the
environment variable SKSSL_DATA names.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace

from command import add_arguments, run
from heads import HEADS
from pretrained import minilm_start
from protocol import OURS, PRETRAINED, Features, Row, Task, embed_with
from sklearn.base import clone
from tasks_text import BENCHMARK as TEXTS

from skssl import DenoisingAutoencoder, SimCLR
from skssl.base import SelfSupervisedTransformer
from skssl.modality import Text
from skssl.views import TextViews

_TASK, _SMALL = "AG News", "AG News of 1500"
_N_TRAIN, _N_TEST = 1_500, 1_000
_FROM_BAGS = ("GloVe start, frozen", "SimCLR", "SimCLR from GloVe")
_FROZEN = "MiniLM start, frozen"
_PIECES = 48


def _from_minilm(method: SelfSupervisedTransformer) -> Callable[[Task, int], Features]:
    """Return features that a method makes which starts from MiniLM."""

    def features(task: Task, seed: int) -> Features:
        text = Text(max_length=_PIECES)
        starting = clone(method).set_params(encoder=minilm_start(), modality=text)
        return embed_with(starting)(task, seed)

    return features


def _small() -> Task:
    task = TEXTS.tasks[_TASK]()
    train, test = slice(_N_TRAIN), slice(_N_TEST)
    return Task(task.X[train], task.y[train], task.X_test[test], task.y_test[test])


def _rows(name: str) -> list[Row]:
    rows = [row for row in TEXTS.rows_of(_TASK) if row.name in _FROM_BAGS]
    rows.append(Row(_FROZEN, _from_minilm(SimCLR(max_epochs=0)), PRETRAINED))
    # SimCSE sees the same text twice, with the dropout of the network as the only difference.
    simcse = SimCLR(views=TextViews(halves=False, dropout=0.0))
    methods = {"SimCLR": SimCLR(), "SimCSE": simcse, "DenoisingAutoencoder": DenoisingAutoencoder()}
    for kind, method in methods.items():
        if name == _SMALL or kind == "SimCLR":
            method.set_params(max_epochs=1, batch_size=64, freeze=0.5)
            features = _from_minilm(method)
            rows.append(Row(f"{kind} from MiniLM", features, OURS, control=_FROZEN))
    return [replace(row, seeds=1) for row in rows]


BENCHMARK = replace(
    TEXTS,
    tasks={_TASK: TEXTS.tasks[_TASK], _SMALL: _small},
    rows=_rows,
    n_labels=(1, 5, 10, 25),
    draws=20,
    heads={name: HEADS[name] for name in ("LR", "prototypes")},
    variants=(_SMALL,),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    run(BENCHMARK, parser.parse_args())


if __name__ == "__main__":
    main()
