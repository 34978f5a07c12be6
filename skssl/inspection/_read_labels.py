"""Labels of all kinds, as they are drawn, put on a page and read from one again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skssl._labels import (
    MARKERS_AS_STRINGS,
    as_labels,
    is_missing,
    natural_labels,
    quiet_about_few_labels,
    which_are_known,
)
from skssl._quote import quoted

# More whole numbers are quantities.
_MOST_CLASSES = 200
# Beyond, JavaScript's numbers are no whole ones.
_LARGEST = 2**53

Kind = Literal["names", "integers", "numbers", "booleans", "mixed"]


@dataclass(frozen=True)
class Labels:
    """What `y` says of each row.

    Attributes
    ----------
    kind : {"names", "integers", "numbers", "booleans", "mixed"}
        What labels are.
    values : ndarray of shape (n_samples,)
        The labels, in the rows that have one.
    known : ndarray of bool of shape (n_samples,)
        Which rows have a label.
    classes : ndarray or None
        The different labels, None if they are quantities.
    numbers : ndarray of int of shape (n_samples,)
        The positions of the labels among the classes, -1 for none.
    markers : list
        What would not be read as a label.
    """

    kind: Kind
    values: np.ndarray
    known: NDArray[np.bool_]
    classes: np.ndarray | None
    numbers: NDArray[np.intp]
    markers: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, y: ArrayLike | None, n_rows: int, unlabeled: object, caller: str) -> Labels:
        """Read labels; without any, those that will be given are names."""
        nothing = np.full(n_rows, -1)
        if y is None:
            known = np.zeros(n_rows, dtype=bool)
            empty = np.array([], dtype=str)
            markers = markers_of(empty, "names", unlabeled)
            return cls("names", np.full(n_rows, None), known, empty, nothing, markers)
        labels = as_labels(y)
        with quiet_about_few_labels():
            known = which_are_known(labels, unlabeled, caller=caller, kind="classes")
        kind = kind_of(labels, known)
        found = natural_labels(labels[known])
        markers = markers_of(found, kind, unlabeled)
        if found.dtype.kind in "iuf" and not (np.abs(found) < _LARGEST).all():
            raise ValueError(f"y must hold labels from -2**53 to 2**53, got {np.abs(found).max()}.")
        if kind == "mixed":
            found = np.array(found, dtype=object)
            classes: Any = _in_order(list(dict.fromkeys(found.tolist())))
        else:
            classes = np.unique(found)
        is_number = found.dtype.kind in "iuf"
        fractions = is_number and bool((found != np.floor(found)).any())
        if fractions or (is_number and len(classes) > _MOST_CLASSES):
            return cls(kind, labels, known, None, nothing, markers)
        index = {label: number for number, label in enumerate(classes.tolist())}
        numbers = nothing.copy()
        numbers[known] = [index[label] for label in found.tolist()]
        return cls(kind, labels, known, classes, numbers, markers)

    def take(self, rows: NDArray[np.intp]) -> Labels:
        """Return the labels of some rows."""
        return replace(
            self, values=self.values[rows], known=self.known[rows], numbers=self.numbers[rows]
        )

    def as_list(self) -> list[object]:
        """Return the labels as values of Python, None in rows without one."""
        values = self.values.tolist()
        return [
            value if known else None
            for value, known in zip(values, self.known.tolist(), strict=True)
        ]


def kind_of(labels: np.ndarray, known: NDArray[np.bool_]) -> Kind:
    """Return what labels are, as far as those that are known tell, and otherwise their dtype.

    Raises
    ------
    ValueError
        If they are nothing that can be written as text and read again.
    """
    missing = np.flatnonzero(known)[[is_missing(label) for label in labels[known].tolist()]]
    if len(missing):
        raise ValueError(
            f"y has {quoted(labels[missing[0]])} in row {missing[0]}, which is no label, though "
            "unlabeled counts it as one; pass unlabeled='auto' or unlabeled=np.nan."
        )
    found = natural_labels(labels[known])
    dtype = found.dtype if len(found) else labels.dtype
    if dtype.kind in "iu":
        return "integers"
    if dtype.kind == "f":
        return "numbers"
    if dtype.kind == "b":
        return "booleans"
    if dtype.kind in "UT":
        return "names"
    if dtype.kind != "O":
        raise ValueError(f"y must hold names, real numbers or booleans, got dtype {dtype}.")
    for row in np.flatnonzero(known):
        if not isinstance(labels[row], (str, bool, int, float, np.number, np.bool_)):
            raise ValueError(
                f"y must hold names, real numbers or booleans, got {quoted(labels[row])} of type "
                f"{type(labels[row]).__name__} in row {row}."
            )
    if all(isinstance(label, str) for label in found):
        return "names"
    texts: dict[str, object] = {}
    for label in found.tolist():
        if texts.setdefault(str(label), label) != label:
            raise ValueError(
                f"y holds labels that look alike, {texts[str(label)]!r} and {label!r}; write them "
                "in one way."
            )
    return "mixed"


def markers_of(labels: np.ndarray, kind: Kind, unlabeled: object) -> list[Any]:
    """Return what is no label among others of a kind, since it stands for a missing one.

    `labels` are those that are known.
    """
    if unlabeled is None:
        return []
    if not (isinstance(unlabeled, str) and unlabeled == "auto"):
        marker = unlabeled.item() if isinstance(unlabeled, np.generic) else unlabeled
        return [] if is_missing(marker) else [marker]
    if kind == "numbers" and bool((labels != np.floor(labels)).any()):
        return []
    return [*MARKERS_AS_STRINGS, -1] if kind in ("names", "mixed") else [-1]


def is_value(label: object) -> bool:
    """Whether a label can be written as text and read again: a text, a finite number, a boolean."""
    return isinstance(label, (str, int)) or (isinstance(label, float) and math.isfinite(label))


def _in_order(labels: list[object]) -> np.ndarray:
    ordered = np.empty(len(labels), dtype=object)
    ordered[:] = sorted(labels, key=str)
    return ordered
