"""Labels that were given on a page, put into those of a user."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike

from skssl._labels import as_labels, natural_labels, same_label, which_are_known
from skssl._quote import quoted, quoted_path
from skssl.inspection._read_labels import Kind, is_value, kind_of, markers_of

_FORMAT = "skssl labels"
_VERSION = 1
_HEADER = ["row", "label", "was"]
_FEW = 5
# What a page can number.
_MOST_ROWS = 2**31 - 1
_MEANT = {
    "names": "a text",
    "integers": "a whole number",
    "numbers": "a number",
    "booleans": "true or false",
    "mixed": "a text, a number, true or false",
}


def apply_labels(
    y: ArrayLike | None,
    file: str | os.PathLike[str] | IO[str],
    *,
    unlabeled: object = "auto",
) -> np.ndarray:
    r"""Return labels with those that were given on a page of :func:`explore`.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        The labels that the page was made with; None if it was made without any, which takes the
        JSON.
    file : str, path or file
        The JSON or CSV that the page has downloaded, or an open file of it, such as
        ``io.StringIO(text)`` of what was copied.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`, as in :func:`explore`. It is also what is put where
        a label was taken away; "auto" takes what `y` has in its first row without one.

    Returns
    -------
    y : ndarray of shape (n_samples,)
        A new array, in the order of `y` and of its dtype, but that texts may be longer. Without
        `y`, texts in an array of dtype object, and None where there is no label.

    Raises
    ------
    ValueError
        If the file is not such a JSON or CSV, names a row twice or one that does not exist, or is
        JSON and of another number of rows (CSV has no number); if `y` has another label in one of
        its rows than the page had, as when the order has changed, which is not seen where these
        rows had no label before; or if a label is of another kind than those of `y`, or is what
        `unlabeled` takes for none. Nothing is cast, and the message names the rows.

    Examples
    --------
    >>> import io
    >>> from skssl.inspection import apply_labels
    >>> file = io.StringIO("row,label,was\n1,2,\n3,,1\n")
    >>> apply_labels([0, -1, 2, 1], file)
    array([ 0,  2,  2, -1])
    """
    n_rows, changes = _read(file)
    if y is None:
        if n_rows is None:
            raise ValueError(
                "y=None takes the JSON of a page, which knows how many rows there are; a CSV does "
                "not."
            )
        try:
            labels = np.full(n_rows, None)
        except MemoryError as error:
            raise ValueError(f"n_rows, {n_rows:,}, is more than fits into memory.") from error
        kind: Kind = "names"
        known = np.zeros(n_rows, dtype=bool)
    else:
        labels = as_labels(y)
        known = which_are_known(labels, unlabeled, caller="apply_labels", kind="classes")
        kind = kind_of(labels, known)
    if n_rows is not None and n_rows != len(labels):
        raise ValueError(
            f"The page was made of {n_rows:,} rows, but y has {len(labels):,}; pass the y that it "
            "was made with."
        )
    _check_rows(changes, len(labels))
    natural: list[Any] = labels.tolist()
    readings: dict[str, Any] = {}
    if kind == "mixed":
        readings = {str(natural[row]): natural[row] for row in np.flatnonzero(known)}
    given = [
        (row, _value(new, kind, readings), _value(was, kind, readings)) for row, new, was in changes
    ]
    _check_kinds(given, changes, kind)
    _check_markers(given, markers_of(natural_labels(labels[known]), kind, unlabeled), unlabeled)
    _check_same(given, natural, known)
    for row, new, _ in given:
        natural[row] = _marker(labels, known, unlabeled, row) if new is None else new
    return _as_before(natural, labels, given)


def _read(file: str | os.PathLike[str] | IO[str]) -> tuple[int | None, list[tuple[Any, Any, Any]]]:
    """Return the number of rows, where it is told, and row, new and old label of each change.

    Labels of a CSV are of the class :class:`_Text`.
    """
    if hasattr(file, "read"):
        text, name = file.read(), "file"
        if not isinstance(text, str):
            raise ValueError(f"file must be open for text, got {type(text).__name__} from it.")
        text = text.removeprefix("\ufeff")
    elif isinstance(file, (str, os.PathLike)):
        text, name = _text_of(Path(file)), quoted_path(file)
    else:
        raise ValueError(f"file must be a path or an open file, got {quoted(file)}.")
    if text.lstrip().startswith("{"):
        return _read_json(text, name)
    return None, _read_csv(text, name)


def _text_of(path: Path) -> str:
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # such as a name that is too long
        is_file = False
    if not is_file:
        raise ValueError(f"file is no file: {quoted_path(path)}. For a text, io.StringIO(text).")
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            return opened.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"file cannot be read, {quoted_path(path)}: {error}.") from error


def _read_json(text: str, name: str) -> tuple[int, list[tuple[Any, Any, Any]]]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is no valid JSON: {error}") from error
    n_rows, listed = told.get("n_rows"), told.get("labels")
    if told.get("format") != _FORMAT or "version" not in told or not isinstance(listed, list):
        raise ValueError(
            f"{name} holds no labels of a page of explore: it must have format {_FORMAT!r}, "
            f"version {_VERSION}, n_rows and labels, got {quoted(sorted(told))}."
        )
    if told["version"] != _VERSION or isinstance(told["version"], bool):
        raise ValueError(
            f"{name} is of version {quoted(told['version'])} of the format of labels, but this is "
            f"read in version {_VERSION}; use the skssl that the page was made with, or a later "
            "one."
        )
    if not isinstance(n_rows, int) or isinstance(n_rows, bool) or not 0 < n_rows <= _MOST_ROWS:
        raise ValueError(
            f"n_rows in {name} must be a whole number from 1 to {_MOST_ROWS}, got {quoted(n_rows)}."
        )
    changes = []
    for place, one in enumerate(listed):
        if not isinstance(one, dict) or sorted(one) != sorted(_HEADER):
            raise ValueError(
                f"Entry {place} of the labels in {name} must have row, label and was, got "
                f"{quoted(one)}."
            )
        changes.append((one["row"], one["label"], one["was"]))
    return n_rows, changes


class _Text(str):
    """A label of a CSV, which does not tell numbers from texts."""


def _read_csv(text: str, name: str) -> list[tuple[Any, Any, Any]]:
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except csv.Error as error:
        raise ValueError(f"{name} is no valid CSV: {error}.") from error
    if not lines or lines[0] != _HEADER:
        raise ValueError(
            f"{name} holds no labels of a page of explore: a CSV must begin with "
            f"{','.join(_HEADER)!r}, got {quoted(','.join(lines[0]) if lines else '')}."
        )
    changes: list[tuple[Any, Any, Any]] = []
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(_HEADER):
            raise ValueError(f"Line {number} of {name} must have 3 cells, got {quoted(line)}.")
        row = int(line[0]) if re.fullmatch(r"\d{1,20}", line[0]) else line[0]
        new, was = (_Text(cell) if cell else None for cell in line[1:])
        changes.append((row, new, was))
    return changes


def _check_rows(changes: list[tuple[Any, Any, Any]], n_rows: int) -> None:
    seen = set()
    for row, _, _ in changes:
        if not isinstance(row, int) or isinstance(row, bool) or not 0 <= row < n_rows:
            raise ValueError(
                f"The file names row {quoted(row)}; rows of y are whole numbers from 0 to "
                f"{n_rows - 1}."
            )
        if row in seen:
            raise ValueError(f"The file names row {row} twice; each row has one label.")
        seen.add(row)


class _Wrong:
    """A label of another kind than those of `y`."""


def _value(label: Any, kind: Kind, readings: dict[str, Any]) -> Any:
    """Return a label as a value of its kind, None for none."""
    if label is None:
        return None
    if isinstance(label, _Text):
        return _parsed(str(label), kind, readings)
    is_bool, is_text = isinstance(label, bool), isinstance(label, str)
    is_number = isinstance(label, (int, float)) and not is_bool and is_value(label)
    fits = {
        "names": is_text and label != "",
        "integers": is_number and label == int(label),
        "numbers": is_number,
        "booleans": is_bool,
        "mixed": is_value(label) and label != "",
    }[kind]
    if not fits:
        return _Wrong
    return _float(label) if kind == "numbers" else int(label) if kind == "integers" else label


def _float(number: Any) -> Any:
    """Return a number as a float, if it is not too large for one."""
    try:
        value = float(number)
    except OverflowError:
        return _Wrong
    return value if math.isfinite(value) else _Wrong


def _parsed(text: str, kind: Kind, readings: dict[str, Any]) -> Any:
    """Return what a cell of a CSV says, if it is of the kind."""
    if kind == "integers":
        return int(text) if re.fullmatch(r"[+-]?\d{1,400}", text) else _Wrong
    if kind == "numbers":
        number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text)
        return _float(text) if number else _Wrong
    if kind == "booleans":
        return {"true": True, "false": False}.get(text.lower(), _Wrong)
    return readings.get(text, text) if kind == "mixed" else text


def _check_kinds(
    given: list[tuple[int, Any, Any]], changes: list[tuple[Any, Any, Any]], kind: Kind
) -> None:
    wrong = [
        f"{quoted(told)} in row {row}"
        for (row, *values), (_, *said) in zip(given, changes, strict=True)
        for value, told in zip(values, said, strict=True)
        if value is _Wrong
    ]
    if wrong:
        more = f", and {len(wrong) - _FEW} more" if len(wrong) > _FEW else ""
        raise ValueError(
            f"Labels of y are {kind}, so a label must be {_MEANT[kind]}, or none; the file has "
            f"{', '.join(wrong[:_FEW])}{more}."
        )


def _check_markers(
    given: list[tuple[int, Any, Any]], markers: list[Any], unlabeled: object
) -> None:
    """Raise an error if a label would be read as none."""
    none = [
        f"{quoted(new)} in row {row}"
        for row, new, _ in given
        if new is not None and any(same_label(new, marker) for marker in markers)
    ]
    if none:
        more = f", and {len(none) - _FEW} more" if len(none) > _FEW else ""
        raise ValueError(
            f"With unlabeled={unlabeled!r}, some labels in the file stand for none: "
            f"{', '.join(none[:_FEW])}{more}. Take labels away by an empty one, or pass "
            "unlabeled=None if these are labels."
        )


def _check_same(given: list[tuple[int, Any, Any]], natural: list[Any], known: np.ndarray) -> None:
    """Raise an error if the page had seen other labels."""
    different = [
        f"row {row} (then {quoted(was)}, now {quoted(natural[row] if known[row] else None)})"
        for row, _, was in given
        if (was is None) == known[row] or (was is not None and was != natural[row])
    ]
    if different:
        more = f", and {len(different) - _FEW} more" if len(different) > _FEW else ""
        raise ValueError(
            "y is not what the page was made with, or in another order: labels differ in "
            f"{', '.join(different[:_FEW])}{more}. None is no label."
        )


def _marker(labels: np.ndarray, known: np.ndarray, unlabeled: object, row: int) -> Any:
    """Return what stands for a missing label."""
    if labels.dtype == object and not known.any():
        return None
    if unlabeled is not None and not (isinstance(unlabeled, str) and unlabeled == "auto"):
        return unlabeled
    if unlabeled is None or known.all():
        why = (
            "with unlabeled=None all rows have one"
            if unlabeled is None
            else "no row of y is without one, so that nothing tells how to write that"
        )
        raise ValueError(
            f"The file takes the label of row {row} away, but {why}; pass unlabeled, such as -1 or "
            "np.nan."
        )
    return labels[~known].tolist()[0]


def _as_before(
    natural: list[Any], labels: np.ndarray, given: list[tuple[int, Any, Any]]
) -> np.ndarray:
    """Return labels in an array of the dtype that they had, if each of them fits."""
    if labels.dtype.kind == "U":
        return np.array(natural, dtype=str)
    if labels.dtype.kind in "OT":
        array = np.empty(len(natural), dtype=object)
        array[:] = natural
        return array if labels.dtype.kind == "O" else array.astype(labels.dtype)
    array = labels.copy()
    for row, _, _ in given:
        value = natural[row]
        try:
            array[row] = value
            fits = array[row] == value or (value != value and array[row] != array[row])
        except (OverflowError, TypeError, ValueError):
            fits = False
        if not fits:
            raise ValueError(
                f"The label {quoted(value)} of row {row} does not fit into y, of dtype "
                f"{labels.dtype}; pass a y of a wider dtype, such as y.astype(object)."
            )
    return array
