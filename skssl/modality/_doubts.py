"""What else samples may be than what ``modality="auto"`` takes them for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from skssl._quote import quoted
from skssl._types import Samples
from skssl.modality._containers import is_arrow

# Images are rarely longer than this times their width, and have at least so many pixels a side.
LONGEST_IMAGE, SMALLEST_IMAGE = 4, 4
# From so many channels on, a series may as well be an image.
MANY_CHANNELS = 16
# A recording of many steps, or of many channels in rows.
_MANY_ROWS, _MANY_COLUMNS, _FEW_ROWS = 1000, 1000, 16
_ROW_OF_STEPS = 32
# How much neighbours have in common where one goes on from the other.
_SMOOTH = 0.9
_CUT = "Cut that into windows, an array (n, channels, steps), if each is to be a sample"
# Columns of texts have hardly any value as often as this.
_REPEATED, _FEW_WORDS = 5, 3
# As ISO 8601 and as people write them, with a time behind or without.
_DATE = re.compile(r"(\d{4}([-/.])\d{1,2}\2\d{1,2}|\d{1,2}([-/.])\d{1,2}\3\d{4})([T ].*)?")
# Share of strings that are numbers or dates, or of rows that have a string of their own.
_NEARLY_ALL, _MANY_DIFFERENT = 0.9, 20


def is_oblong(height: int, width: int) -> bool:
    """Whether these are no usual proportions of an image."""
    return max(height, width) > LONGEST_IMAGE * min(height, width)


def as_series(shape: tuple[int, ...]) -> str:
    """Say how to write that samples are series, where the shorter axis holds the channels."""
    first, last = shape[1:]
    layout = "channels_last" if last < first else "channels_first"
    return f"series of {in_channels(min(first, last))}, modality=Series(layout={layout!r})"


def in_channels(number: int) -> str:
    return "1 channel" if number == 1 else f"{number} channels"


def doubts_of_text(column: Iterable[object]) -> str | None:
    """Say what a column of strings may be instead of texts."""
    values = [value for value in column if isinstance(value, str)]
    different = set(values)
    if values and all(map(is_number, different)):
        return "its values are numbers as strings: convert them with astype(float)"
    few = _REPEATED * len(different) <= len(values)
    if few and all(len(value.split()) <= _FEW_WORDS for value in different):
        return (
            f"it has {len(different)} different short strings in {len(values)} rows, which may be "
            "categories, modality=Tabular()"
        )
    return None


def doubts_of_categories(values: np.ndarray) -> str | None:
    """Say what a column of strings may hold instead of categories."""
    different = sorted(set(values))
    for what, is_such, remedy in (
        ("numbers", is_number, "Convert it to numbers, with NaN for what is none"),
        (
            "dates",
            is_date,
            "As categories, all dates that were not seen in fit are the same: take them apart, "
            "with pandas.to_datetime, into year, month and weekday, as in the section 'Dates' of "
            "the guide to tables",
        ),
    ):
        such = [value for value in different if is_such(value)]
        if such and len(such) >= _NEARLY_ALL * len(different):
            others = sorted(set(different) - set(such))
            besides = f", apart from {', '.join(map(quoted, others[:3]))}" if others else ""
            return f"{what} as strings, such as {quoted(such[0])}{besides}. {remedy}"
    if len(different) >= max(_MANY_DIFFERENT, _NEARLY_ALL * len(values)):
        return (
            f"a different string in nearly every row, such as {quoted(different[0])}. Leave ids "
            "out; texts want a step of their own with modality=Text(), for which there is "
            "sklearn.compose.ColumnTransformer"
        )
    return None


def is_number(value: str) -> bool:
    """Whether a string is how a number is written, with a point or a comma."""
    for written in (value, value.replace(",", ".")):
        try:
            float(written)
        except ValueError:
            continue
        return True
    return False


def is_date(value: str) -> bool:
    """Whether a string is how a date is written, with digits."""
    return _DATE.fullmatch(value.strip()) is not None


def doubts_of_table(X: Samples, shape: tuple[int, ...]) -> str | None:
    """Say what a table of numbers may be instead: a recording, or series or images in its rows."""
    values = some_numbers(X)
    if values is None:
        return None
    n_rows, n_columns = shape
    if n_rows >= _MANY_ROWS and _is_smooth(values, axis=0):
        return (
            "its rows go on from one another like the steps of one recording of "
            f"{in_channels(n_columns)}. {_CUT}"
        )
    if n_rows <= _FEW_ROWS and n_columns >= _MANY_COLUMNS:
        return (
            f"it has {n_rows} rows of {n_columns} values, like one recording of "
            f"{in_channels(n_rows)}. {_CUT}"
        )
    if n_columns >= _ROW_OF_STEPS and _is_smooth(values, axis=1):
        return (
            "the values of a row go on from one another, as in series, modality=Series(), or in "
            "flattened images, modality=Images(shape=(height, width))"
        )
    return None


def some_numbers(X: Any) -> np.ndarray | None:
    """Return a corner of a table of numbers, None of others."""
    if is_arrow(X):
        return None
    try:
        few = np.asarray(X[:_MANY_ROWS])
    except (ValueError, TypeError):  # rows of unequal length, or dates, which are errors later
        return None
    if few.ndim != 2 or few.dtype.kind not in "iuf":
        return None
    return few[:, :_MANY_COLUMNS].astype(np.float64)


def _is_smooth(values: np.ndarray, *, axis: int) -> bool:
    """Whether neighbours along an axis are alike, in each column or in most of the rows."""
    alike = likeness(values, axis=axis)
    if not len(alike):
        return False
    return bool((alike.min() if axis == 0 else np.median(alike)) > _SMOOTH)


def likeness(values: np.ndarray, *, axis: int) -> np.ndarray:
    """Return how much neighbours along an axis are alike, of each column or row that tells."""
    lines = values.T if axis == 0 else values
    lines = lines[np.isfinite(lines).all(axis=1)]
    if lines.shape[1] < 2:
        return np.empty(0)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        centered = lines - lines.mean(axis=1, keepdims=True)
        together = (centered[:, 1:] * centered[:, :-1]).mean(axis=1)
        alike = together / (centered**2).mean(axis=1)
    return alike[np.isfinite(alike)]
