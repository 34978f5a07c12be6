"""What is checked of a comparison with few labels before anything is trained."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import train_test_split

from skssl._labels import check_class_labels, split_labels
from skssl._sklearn_compat import check_lengths
from skssl._types import Samples
from skssl.inspection._rows import Data, Scorer
from skssl.modality import take

Models = dict[str, BaseEstimator]

_CALLER = "few_label_report"
_USUAL_N_LABELS = (1, 2, 5, 10, 25)


def named_models(
    models: BaseEstimator | Sequence[BaseEstimator] | Mapping[str, BaseEstimator], parameter: str
) -> Models:
    """Return models by name; those of a list are named by their class, and numbered if need be."""
    if isinstance(models, Mapping):
        named = dict(models)
    else:
        listed = list(models) if isinstance(models, (list, tuple)) else [models]
        names = [type(model).__name__ for model in listed]
        twice, seen = Counter(names), Counter[str]()
        named = {}
        for name, model in zip(names, listed, strict=True):
            seen[name] += 1
            named[f"{name} {seen[name]}" if twice[name] > 1 else name] = model
    for name, model in named.items():
        usable = isinstance(model, BaseEstimator) and hasattr(model, "fit")
        if not usable or not (is_classifier(model) or hasattr(model, "transform")):
            raise ValueError(
                f"{parameter} must hold transformers, classifiers or pipelines of them, got "
                f"{model!r} as {name!r}."
            )
    return named


def check_n_labels(n_labels: int | Sequence[int] | Literal["auto"]) -> list[int] | None:
    """Return the numbers of labels per class, in ascending order, None for "auto"."""
    if isinstance(n_labels, str):
        return None
    counts = list(np.ravel(n_labels))
    allowed = all(isinstance(n, np.integer) and n > 0 for n in counts)
    if not counts or not allowed:
        raise ValueError(f"n_labels must be positive integers, at least one, got {n_labels!r}.")
    return sorted({int(n) for n in counts})


def split(
    X: Samples,
    y: ArrayLike,
    X_test: Samples | None,
    y_test: ArrayLike | None,
    unlabeled: object,
    test_size: float | int,
    rng: np.random.RandomState,
) -> Data:
    """Return training and test rows with the classes as numbers."""
    found, labelled, others = split_labels(y, unlabeled, caller=_CALLER)
    check_lengths(X=X, y=y)
    check_class_labels(found)
    classes, of_found = np.unique(found, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y must have at least 2 classes, got {classes.tolist()}.")
    numbers = np.full(len(labelled) + len(others), -1)
    numbers[labelled] = of_found
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test go together: pass both or none of them.")
    if X_test is not None and y_test is not None:
        of_test = _test_numbers(X_test, y_test, unlabeled, classes)
        rows, rows_test = np.arange(len(numbers)), np.arange(len(of_test))
        return Data(X, numbers, X_test, of_test, classes, rows, rows_test, "X_test")
    rarest = int(np.bincount(of_found).argmin())
    if (of_found == rarest).sum() < 2:
        raise ValueError(
            f"Class {classes.tolist()[rarest]!r} has 1 labelled row, and each class needs 2, one "
            "to train on and one for the test. Label more rows of it, leave it out, or pass X_test "
            "and y_test."
        )
    kept, test = train_test_split(
        labelled, test_size=test_size, stratify=numbers[labelled], random_state=rng
    )
    train = np.sort(np.concatenate([kept, others]))
    cut = take(X, train), numbers[train], take(X, test), numbers[test]
    return Data(*cut, classes, train, test, "X")


def _test_numbers(
    X_test: Samples, y_test: ArrayLike, unlabeled: object, classes: np.ndarray
) -> np.ndarray:
    found, _, others = split_labels(y_test, unlabeled, caller=_CALLER, classes=classes)
    check_lengths(X_test=X_test, y_test=y_test)
    if len(others):
        raise ValueError(f"y_test must have a label in every row, {len(others)} have none.")
    number_of = {label: number for number, label in enumerate(classes.tolist())}
    unseen = [label for label in dict.fromkeys(found.tolist()) if label not in number_of]
    if unseen:
        raise ValueError(f"y_test has classes that y does not have: {unseen}.")
    return np.array([number_of[label] for label in found.tolist()])


def check_scoring_of_classes(scorer: Scorer, classes: np.ndarray) -> None:
    """Raise an error if a score of scikit-learn cannot be told for classes like these."""
    guessing = DummyClassifier().fit(np.zeros((len(classes), 1)), classes)
    with warnings.catch_warnings():
        # What is constant has no precision, and the like.
        warnings.simplefilter("ignore")
        scorer(guessing, np.zeros((len(classes), 1)), classes)


def check_enough_rows(counts: Sequence[int] | None, data: Data) -> list[int]:
    """Return how many rows of each class are to be drawn, or raise an error if they are not there.

    None are the usual numbers of which there are enough.
    """
    available = np.bincount(data.y[data.y != -1], minlength=len(data.classes))
    scarce, n = int(available.argmin()), int(available.min())
    if counts is None:
        counts = [count for count in _USUAL_N_LABELS if count <= max(n, 1)]
    if n < max(counts):
        raise ValueError(
            f"n_labels={list(counts)} asks for {max(counts)} of each class, but class "
            f"{data.classes.tolist()[scarce]!r} has {n} labelled training row{'s' * (n != 1)}. "
            "Ask for fewer, or keep fewer rows for the test with test_size."
        )
    return list(counts)


def check_names(*groups: Mapping[str, object]) -> None:
    """Raise an error if two groups of models share a name."""
    names = Counter(name for group in groups for name in group)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ValueError(
            f"Every row needs a name of its own, but these are used twice: {', '.join(twice)}. "
            "Rename them in the dicts models or baselines."
        )
