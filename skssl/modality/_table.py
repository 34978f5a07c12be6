"""Reading tables: what the columns of DataFrames and arrays hold."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any, Self, SupportsFloat

import narwhals.stable.v2 as nw
import numpy as np

from skssl._quote import quoted
from skssl._types import Samples
from skssl.modality._containers import as_samples, is_arrow, is_categorical, is_frame

if TYPE_CHECKING:
    import pyarrow
    from narwhals import Series
    from narwhals.stable.v2.typing import IntoDataFrame

# The types of the missing values of pandas.
_MISSING = ("NAType", "NaTType")
_DATES = (date, time, timedelta, np.datetime64, np.timedelta64)
NUMBERS, STRINGS, BOOLEANS, NOTHING = "numbers", "strings", "booleans", "no value"


@dataclass
class Table:
    """Rows of a table, numbers apart from categories.

    Parameters
    ----------
    names : list
        Names of the columns, or their indices if they have none.
    kinds : list of str
        What each column holds: NUMBERS, STRINGS, BOOLEANS or NOTHING.
    categorical : ndarray of bool
        Which columns are categorical.
    declared : list of bool
        Which columns are categorical by a dtype that leaves no doubt.
    numbers : ndarray of shape (n, numeric columns), float32 or float64
        NaN is missing.
    categories : ndarray of shape (n, categorical columns), object
        None is missing.
    """

    names: list[Hashable]
    kinds: list[str]
    categorical: np.ndarray
    declared: list[bool]
    numbers: np.ndarray
    categories: np.ndarray

    @classmethod
    def of_numbers(cls, X: np.ndarray) -> Table:
        """Return the table of a checked array of floats."""
        nothing = np.isnan(X).all(axis=0)
        return cls(
            list(range(X.shape[1])),
            [NOTHING if empty else NUMBERS for empty in nothing],
            np.zeros(X.shape[1], dtype=bool),
            [False] * X.shape[1],
            X,
            np.empty((len(X), 0), dtype=object),
        )

    @classmethod
    def of_columns(cls, columns: Sequence[Column], categorical: np.ndarray, n: int) -> Table:
        """Return the table of these columns of `n` rows."""
        numbers = np.empty((n, int((~categorical).sum())), dtype=np.float64)
        categories = np.empty((n, int(categorical.sum())), dtype=object)
        places = _places(categorical)
        for column, place, is_category in zip(columns, places, categorical, strict=True):
            if is_category:
                categories[:, place] = column.as_categories()
            else:
                numbers[:, place] = column.as_numbers()
        return cls(
            [column.name for column in columns],
            [column.kind for column in columns],
            categorical,
            [column.declared for column in columns],
            numbers,
            categories,
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def places(self) -> np.ndarray:
        """Return the place of every column among the numeric or among the categorical ones."""
        return _places(self.categorical)

    def __getitem__(self, rows: slice | list[int] | np.ndarray) -> Table:
        return replace(self, numbers=self.numbers[rows], categories=self.categories[rows])

    def like(self, seen: Table) -> Table:
        """Return this table with the same columns categorical as in `seen`, the one of fit.

        A column without any value fits both.

        Raises
        ------
        ValueError
            If a column holds something else than in `seen`.
        """
        for index, (kind, before) in enumerate(zip(self.kinds, seen.kinds, strict=True)):
            was_category, is_category = seen.categorical[index], self.categorical[index]
            if kind == NOTHING or (kind == before and was_category == is_category):
                continue
            if is_category or was_category or before == STRINGS:
                raise ValueError(
                    f"Column {self.names[index]!r} of X holds "
                    f"{_role(kind, is_category)}, such as {quoted(self._example(index))}, but held "
                    f"{_role(before, was_category)} in fit. Convert the column to what it was."
                )
        if np.array_equal(self.categorical, seen.categorical):
            return self
        numbers = np.full((len(self), seen.numbers.shape[1]), np.nan, dtype=np.float64)
        categories = np.full((len(self), seen.categories.shape[1]), None, dtype=object)
        for place, before, is_category, was_category in zip(
            _places(self.categorical),
            _places(seen.categorical),
            self.categorical,
            seen.categorical,
            strict=True,
        ):
            if is_category and was_category:
                categories[:, before] = self.categories[:, place]
            elif not is_category and not was_category:
                numbers[:, before] = self.numbers[:, place]
        return replace(self, categorical=seen.categorical, numbers=numbers, categories=categories)

    def _example(self, index: int) -> object:
        place = _places(self.categorical)[index]
        if self.categorical[index]:
            return next(value for value in self.categories[:, place] if value is not None)
        values = self.numbers[:, place]
        return values[~np.isnan(values)][0].item()


def _places(categorical: np.ndarray) -> np.ndarray:
    """Return the place of every column among the numeric or among the categorical ones."""
    return np.where(categorical, categorical.cumsum(), (~categorical).cumsum()) - 1


def _role(kind: str, categorical: bool) -> str:
    return f"categories ({kind})" if categorical else kind


@dataclass
class Column:
    """One column of a table.

    Parameters
    ----------
    name : object
        Its name, or its index if it has none.
    values : ndarray of shape (n,)
        Numbers with NaN for missing, bools, or objects with None for missing.
    kind : str
        What it holds: NUMBERS, STRINGS, BOOLEANS or NOTHING.
    categorical : bool
        Whether it is categorical by its dtype.
    declared : bool
        Whether that dtype is one for categories, rather than for strings or bools.
    """

    name: Hashable
    values: np.ndarray
    kind: str
    categorical: bool
    declared: bool

    @classmethod
    def read(cls, name: Hashable, values: np.ndarray, *, declared: bool = False) -> Self:
        """Find out what `values` are; `declared` categorical by their dtype, or not.

        Declared categories that are no numbers, strings or bools, such as intervals or dates, are
        told apart by how they are written.
        """
        code = values.dtype.kind if values.ndim == 1 else "V"
        if declared and code == "O":
            values = _as_written(values)
        if code in "OU":
            values, kind = _read_objects(name, values.astype(object))
        elif code == "b":
            kind = BOOLEANS
        elif code in "iuf":
            kind = NOTHING if np.isnan(values).all() else NUMBERS
        elif code == "c":
            raise ValueError(f"Complex data not supported: column {name!r} of X is complex.")
        elif code in "mM":
            raise _no_dates(name, f"values of dtype {values.dtype}")
        else:
            raise ValueError(
                f"Column {name!r} of X has values of dtype {values.dtype}; a table has numbers, "
                "strings and bools. Spread nested values over columns."
            )
        return cls(name, values, kind, declared or kind in (STRINGS, BOOLEANS), declared)

    def as_numbers(self) -> np.ndarray:
        """Return the values as float64, NaN for missing."""
        if self.kind == STRINGS:
            example = next(value for value in self.values if value is not None)
            raise ValueError(
                f"Column {self.name!r} of X must hold numbers, got strings, such as "
                f"{quoted(example)}: categorical= lists all columns that are categories, and this "
                "one is not there. List it as well, or convert it to numbers."
            )
        try:
            numbers = self.values.astype(np.float64)
        except OverflowError:  # whole numbers of Python of any size
            numbers = np.array([_as_float(value) for value in self.values])
        infinite = np.isinf(numbers)
        if infinite.any():
            row = infinite.argmax()
            raise ValueError(
                f"Column {self.name!r} of X contains infinity or a value too large for "
                f"dtype('float64'): {numbers[row]} in row {row}."
            )
        return numbers

    def as_categories(self) -> np.ndarray:
        """Return the values as objects, None for missing."""
        values = self.values.astype(object)
        if self.values.dtype.kind == "f":
            values[np.isnan(self.values)] = None
        return values


def _as_written(values: np.ndarray) -> np.ndarray:
    """Return declared categories as strings if some of them cannot be in a table as they are."""
    missing = np.frompyfunc(_is_missing, 1, 1)(values).astype(bool)
    present = set(values[~missing])
    if all(_kind_of(type(value)) is not None for value in present):
        return values
    if len(set(map(str, present))) < len(present):  # whose error names the types that are mixed
        return values
    written = np.full(len(values), None, dtype=object)
    written[~missing] = list(map(str, values[~missing]))
    return written


def _as_float(value: SupportsFloat | None) -> float:
    try:
        return np.nan if value is None else float(value)
    except OverflowError:
        return np.inf


def is_none(values: np.ndarray) -> np.ndarray:
    """Return which values are None."""
    return np.array([value is None for value in values], dtype=bool)


def _is_missing(value: object) -> bool:
    if isinstance(value, str):  # most of what is asked for
        return False
    return value is None or type(value).__name__ in _MISSING or bool(value != value)


def _kind_of(cls: type) -> str | None:
    """Return what a cell of this type is, or None if it cannot be in a table."""
    if issubclass(cls, str):
        return STRINGS
    if issubclass(cls, (bool, np.bool_)):
        return BOOLEANS
    is_number = issubclass(cls, (Real, Decimal)) and not issubclass(cls, np.timedelta64)
    return NUMBERS if is_number else None


def _is_date(cls: type) -> bool:
    """Whether a cell of this type is a date or a time, of pandas as well."""
    return issubclass(cls, _DATES) or cls.__name__ == "Period"


def _no_dates(name: Hashable, found: str) -> ValueError:
    return ValueError(
        f"Column {name!r} of X has {found}; a table has numbers, strings and bools. Turn dates and "
        "times into these first, such as year, month and weekday, as in the section 'Dates' of "
        "the guide to tables."
    )


def _read_objects(name: Hashable, values: np.ndarray) -> tuple[np.ndarray, str]:
    """Put None for what is missing, and tell what the other values are."""
    types = list(map(type, values))
    for cls in set(types):
        if _kind_of(cls) is None and cls.__name__ not in ("NoneType", *_MISSING):
            row = types.index(cls)
            found = f"{quoted(values[row])} in row {row}"
            if _is_date(cls):
                raise _no_dates(name, found)
            raise TypeError(
                f"Column {name!r} of X has {found}. Every cell of this argument must be a string "
                "or a number or a bool, or be missing."
            )
    missing = np.frompyfunc(_is_missing, 1, 1)(values).astype(bool)
    values[missing] = None
    present = [cls for cls, absent in zip(types, missing, strict=True) if not absent]
    kinds = {str(_kind_of(cls)): cls for cls in sorted(set(present), key=str)}
    if len(kinds) > 1:
        rows = {kind: np.flatnonzero(~missing)[present.index(cls)] for kind, cls in kinds.items()}
        found = " and ".join(
            f"{kind} ({quoted(values[row])} in row {row})" for kind, row in rows.items()
        )
        raise ValueError(f"Column {name!r} of X mixes {found}; convert it to one of them.")
    return values, next(iter(kinds), NOTHING)


def read_columns(X: IntoDataFrame | np.ndarray) -> list[Column]:
    """Return the columns of a frame or of a 2-D array."""
    if isinstance(X, np.ndarray):
        return [Column.read(index, X[:, index]) for index in range(X.shape[1])]
    frame = nw.from_native(X, eager_only=True)
    columns = zip(frame.columns, frame.iter_columns(), strict=True)
    return [_read_series(name, series) for name, series in columns]


def _read_series(name: Hashable, series: Series[Any]) -> Column:
    column = series.to_native()
    declared = is_categorical(column)
    if str(getattr(column, "dtype", "")) == "category":
        # With missing values among them, NumPy would turn whole numbers and intervals into others.
        names = np.empty(len(column.cat.categories) + 1, dtype=object)
        names[:-1] = list(column.cat.categories)
        values = names[np.asarray(column.cat.codes)]
    elif declared and series.implementation.is_pyarrow():
        # Whose own conversion shows missing values as some category.
        values = column.cast(column.type.value_type).to_numpy()
    else:
        values = series.to_numpy()
    return Column.read(name, values, declared=declared)


def write_columns(X: Any, changes: dict[int, tuple[np.ndarray, np.ndarray]]) -> Samples:
    """Return a copy of a table in which some cells of some columns are other ones.

    Parameters
    ----------
    X : DataFrame, ndarray or list
        A list becomes an array.
    changes : dict
        For the index of a column, which of its cells to change, and values for all of them. Columns
        of integers get them rounded.
    """
    X = as_samples(X)
    if hasattr(X, "iloc"):
        frame = X.copy()
        for index, (changed, values) in changes.items():
            column = X.iloc[:, index].copy()
            cells = values[changed]
            if is_categorical(column):
                cells = _known(cells, column.dtype.categories)
            column.iloc[np.flatnonzero(changed)] = _fitting(cells, column.dtype)
            frame.isetitem(index, column)
        return frame
    if is_arrow(X):
        return _write_arrow(X, changes)
    if is_frame(X):
        columns = X.get_columns()
        for index, (changed, values) in changes.items():
            column, cells = columns[index], columns[index].to_list()
            whole = column.dtype.is_integer()
            for row in np.flatnonzero(changed):
                cells[row] = round(values[row]) if whole else values[row]
            columns[index] = type(column)(column.name, cells, dtype=column.dtype)
        return type(X)(columns)
    array = np.array(X)
    if isinstance(X, (list, tuple)) and array.dtype.kind == "U":
        array = np.array(X, dtype=object)
    for index, (changed, values) in changes.items():
        array[changed, index] = _fitting(values[changed], array.dtype)
    return array


def _write_arrow(
    X: pyarrow.Table, changes: dict[int, tuple[np.ndarray, np.ndarray]]
) -> pyarrow.Table:
    import pyarrow

    for index, (changed, values) in changes.items():
        field, cells = X.schema.field(index), X.column(index).to_pylist()
        whole = pyarrow.types.is_integer(field.type)
        for row in np.flatnonzero(changed):
            cells[row] = round(values[row]) if whole else values[row]
        X = X.set_column(index, field, pyarrow.array(cells, type=field.type))
    return X


def _known(values: np.ndarray, categories: Iterable[Hashable]) -> np.ndarray:
    """Return the categories of a column, by themselves or by how they are written."""
    by_name: dict[Hashable, Hashable] = {str(category): category for category in categories}
    by_name.update({category: category for category in categories})
    known = np.empty(len(values), dtype=object)
    known[:] = [by_name[value] for value in values]
    return known


def _fitting(values: np.ndarray, dtype: object) -> np.ndarray:
    """Return values as a column of this dtype takes them, rounded if it holds integers."""
    kind = getattr(dtype, "kind", "O")
    if kind in "iu":
        values = np.rint(values.astype(np.float64)).astype(np.int64)
    return values.astype(dtype) if isinstance(dtype, np.dtype) and kind in "biuf" else values
