"""What adapting a pretrained network to photos without labels gains over the frozen one.

    python benchmarks/adapting.py
    python benchmarks/adapting.py --rows 2000 --method BYOL --set "max_epochs=3" --set "freeze=0.5"

EfficientNet-Lite0, which has learned the labels of ImageNet, sees CIFAR-10 at 96 pixels. It is
adapted on the first rows of the training part, and a logistic regression on standardised features
is fitted to some labels of these, once behind the frozen network and once behind the adapted one:
with the same labels in each of the draws, the same penalty (C=0.01), and the first rows of the test
part. Seconds are those on the wall, with all threads that torch has. Reads the data from the folder
that the environment variable SKSSL_DATA names.
"""

import argparse
import ast
import time

import numpy as np
import torch
import torch.nn.functional as F
from data import cifar10
from pretrained import efficientnet_start
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import skssl
from skssl.inspection import FewLabelReport

_N_LABELS = (1, 5, 10, 25)
_C = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000, help="training rows")
    parser.add_argument("--test", type=int, default=2_000, help="test rows")
    parser.add_argument("--draws", type=int, default=10, help="draws of the labels")
    parser.add_argument("--side", type=int, default=96, help="pixels of a side")
    parser.add_argument("--method", default="SimCLR")
    parser.add_argument("--set", action="append", default=[], help="a parameter of the method")
    arguments = parser.parse_args()
    task = cifar10()
    X, y = task.X[: arguments.rows], task.y[: arguments.rows]
    X_test, y_test = task.X_test[: arguments.test], task.y_test[: arguments.test]
    options = dict(setting.split("=", 1) for setting in arguments.set)
    options = {name: _value(text) for name, text in options.items()}
    method = getattr(skssl, arguments.method)(
        encoder=efficientnet_start(arguments.side), random_state=0, **options
    )
    print(f"max_epochs=0 has the bits of the network: {_has_its_bits(arguments.side, X[:64])}")
    start = time.perf_counter()
    method.fit(X)
    seconds = time.perf_counter() - start
    steps = method.n_iter_ * (len(X) // method.batch_size_)
    print(
        f"{arguments.method} {options}: {method.n_iter_} epochs, {steps} steps of "
        f"{method.batch_size_} images, {seconds:.0f} s on {torch.get_num_threads()} threads"
    )
    scores = {}
    for name, embedder in {"frozen": method.untrained(X[:2]), "adapted": method}.items():
        Z, Z_test = embedder.transform(X), embedder.transform(X_test)
        scores[name] = _scores(Z, y, Z_test, y_test, arguments.draws)
    report = FewLabelReport(
        scores,
        {"frozen": "random weights", "adapted": "model"},
        n_labels=_N_LABELS,
        scoring="accuracy",
        n_train=len(X),
        n_labelled=len(X),
        n_test=len(X_test),
    )
    print(report)


@torch.inference_mode()
def _has_its_bits(side: int, images: np.ndarray) -> bool:
    """Return whether features are those of the network with its own preparation, bit by bit."""
    start = efficientnet_start(side)
    ssl = skssl.SimCLR(encoder=start, max_epochs=0).fit(images)
    values = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    values = F.interpolate(values, (side, side), mode="bilinear", antialias=True)
    expected = start.module((values - 127 / 255) / torch.tensor(128 / 255))
    return torch.equal(ssl.encoder_.columns(ssl.modality_.prepare(images)), expected)


def _scores(
    Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray, n_draws: int
) -> np.ndarray:
    """Return the accuracies of the head, by the number of labels and the draw."""
    scaler = StandardScaler().fit(Z)
    Z, Z_test = scaler.transform(Z), scaler.transform(Z_test)
    scores = np.empty((len(_N_LABELS), n_draws))
    for row, n_labels in enumerate(_N_LABELS):
        for draw in range(n_draws):
            rng = np.random.default_rng([n_labels, draw])
            known = np.concatenate(
                [rng.choice(np.flatnonzero(y == c), n_labels, replace=False) for c in np.unique(y)]
            )
            head = LogisticRegression(C=_C, max_iter=1000)
            scores[row, draw] = head.fit(Z[known], y[known]).score(Z_test, y_test)
    return scores


def _value(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


if __name__ == "__main__":
    main()
