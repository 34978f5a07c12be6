"""Numbers of any level and size in float32: units for them, outliers, and what cannot be held."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from skssl._warn import warn

# A level of so many times the range costs float32 digits that the values need.
_LEVEL = 16.0
# Sizes between these lose nothing in float32, nor do their squares, and are no rounding.
_SMALL, _LARGE = 2.0**-10, 2.0**40
# A range that is smaller than this part of the level is the rounding of a constant.
_ROUNDING = 1e-13
# Part of a range that float32 has to tell apart.
_RESOLUTION = 1e-3
# Scaled values beyond this overflow when a network squares sums of them.
LARGEST = 1e15
_NUMBERS_AT_ONCE = 2**20
# Of a row of values, some that tell whether most are alike; the part of them that is, and how much
# farther than these an outlier lies.
_LOOKED_AT, _MOST, _GAP = 31, 0.5, 10.0

Place = Callable[[tuple[int, ...]], str]


def float_of(dtype: object) -> type[np.floating]:
    """Return the float that holds numbers of this dtype: float32 if that can, or float64."""
    exact = isinstance(dtype, np.dtype) and np.can_cast(dtype, np.float32)
    return np.float32 if exact else np.float64


def padded(samples: Sequence[np.ndarray]) -> np.ndarray:
    """Return matrices that differ in one of their sides as one array, with NaN at their ends."""
    shape = np.max([sample.shape for sample in samples], axis=0)
    dtype = float_of(np.result_type(*{sample.dtype for sample in samples}))
    array = np.full((len(samples), *shape), np.nan, dtype=dtype)
    for row, sample in zip(array, samples, strict=True):
        row[: sample.shape[0], : sample.shape[1]] = sample
    return array


def clip_where(X: np.ndarray, low: np.ndarray, high: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Bring values into the range from `low` to `high`, where that is chosen."""
    if not chosen.any():
        return X
    below, above = np.where(chosen, low, -np.inf), np.where(chosen, high, np.inf)
    return X.clip(below.astype(X.dtype), above.astype(X.dtype))


def _half_and_size(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return half of each range, as all of it could overflow, and the size of its values."""
    low, high = low.astype(np.float64), high.astype(np.float64)
    return high / 2 - low / 2, np.maximum(np.abs(low), np.abs(high))


def ranges(X: np.ndarray, axis: int | tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and the largest value along some axes, NaN if there is none."""
    return np.fmin.reduce(X, axis=axis, keepdims=True), np.fmax.reduce(X, axis=axis, keepdims=True)


def are_constant(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return which ranges hold one value, or none, apart from its rounding in float64."""
    half, size = _half_and_size(low, high)
    return ~(half > _ROUNDING * size)


@dataclass(frozen=True)
class Units:
    """What is subtracted from numbers, and what they are then divided by, before float32.

    Most numbers have 0 and 1, and keep their bits. Those at a level that is high against their
    range, such as times since 1970, are centred; very large and very small ones are divided by a
    power of 2, which is exact.

    Parameters
    ----------
    shift, unit : ndarray, float64
        They fit the numbers by NumPy's broadcasting.
    """

    shift: np.ndarray
    unit: np.ndarray

    @classmethod
    def of_range(
        cls,
        low: np.ndarray,
        high: np.ndarray,
        *,
        together: int | None = None,
        largest: float = _LARGE,
    ) -> Self:
        """Return the units of numbers that go from `low` to `high`.

        Parameters
        ----------
        low, high : ndarray
            NaN where there is no number.
        together : int or None
            An axis whose parts have one unit, and are centred together or not at all.
        largest : float, default=2**40
            The size from which on numbers are divided.
        """
        low, high = (np.nan_to_num(edge.astype(np.float64)) for edge in (low, high))
        half, size = _half_and_size(low, high)
        if together is not None:
            half, size = (part.max(axis=together, keepdims=True) for part in (half, size))
        rounding = (half > 0) & (half <= _ROUNDING * size)
        extreme = (size < _SMALL) | (size > largest)
        with np.errstate(over="ignore"):
            centred = (size > 2 * _LEVEL * half) & ((half > 0) | extreme)
        extent = np.where(centred & (half > 0) & ~rounding, half, size)
        divided = (extent > 0) & (rounding | (extent < _SMALL) | (extent > largest))
        exponent = np.where(divided, np.minimum(np.frexp(extent)[1], 1023), 0)
        return cls(np.where(centred, low / 2 + high / 2, 0.0), np.ldexp(1.0, exponent))

    @property
    def are_plain(self) -> bool:
        """Whether they leave all numbers as they are."""
        return not self.shift.any() and bool((self.unit == 1).all())

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Return numbers in these units, as float32; block by block in float64 where needed."""
        # What float32 cannot hold becomes infinite, for `check_size` to find.
        with np.errstate(over="ignore"):
            if self.are_plain:
                return X.astype(np.float32, copy=False)
            out = np.empty(X.shape, np.float32)
            step = max(1, _NUMBERS_AT_ONCE // max(1, math.prod(X.shape[1:])))
            for rows in (slice(start, start + step) for start in range(0, len(X), step)):
                shift, unit = (part[rows] if len(part) > 1 else part for part in self._both)
                out[rows] = (X[rows].astype(np.float64) - shift) / unit
        return out

    def told(self) -> dict[str, list[float]]:
        """Return them by name, as lists that fit the numbers by broadcasting."""
        return {"shift": self.shift.tolist(), "unit": self.unit.tolist()}

    def undo(self, values: np.ndarray) -> np.ndarray:
        """Return numbers in these units as what they were before."""
        return values if self.are_plain else values.astype(np.float64) * self.unit + self.shift

    @property
    def _both(self) -> tuple[np.ndarray, np.ndarray]:
        return self.shift, self.unit

    def give_back(self, values: np.ndarray, before: np.ndarray, original: np.ndarray) -> np.ndarray:
        """Return numbers in these units as what they were before, bit by bit where they still are.

        Plain units keep them as they are, in float32.

        Parameters
        ----------
        values : ndarray, float32
            In these units.
        before : ndarray, float32
            What `original` was in these units.
        original : ndarray
        """
        with np.errstate(over="ignore"):
            if (
                self.are_plain
                and (before.dtype == values.dtype)
                and np.array_equal(before, original.astype(np.float32, copy=False), equal_nan=True)
            ):
                return values
        same = (values == before) | (np.isnan(values) & np.isnan(before))
        return np.where(same, original, self.undo(values)).astype(original.dtype, copy=False)


def check_size(
    scaled: np.ndarray,
    X: np.ndarray,
    place: Place,
    unit: np.ndarray | None = None,
    *,
    name: str = "X",
) -> None:
    """Raise an error if scaled numbers are too large to be computed with in float32.

    Parameters
    ----------
    scaled : ndarray
    X : ndarray of the same shape
        What they were before.
    place : callable
        Names the place of an index in `X`.
    unit : ndarray or None
        What `scaled` will still be divided by.
    name : str, default="X"
        What messages call it.
    """
    if not scaled.size:
        return
    most = LARGEST if unit is None else LARGEST * float(unit.min())
    if not (np.fmax.reduce(scaled, axis=None) > most or np.fmin.reduce(scaled, axis=None) < -most):
        return
    with np.errstate(over="ignore"):
        size = np.abs(scaled.astype(np.float64) / (1.0 if unit is None else unit))
    index = tuple(map(int, np.unravel_index(np.nanargmax(size), size.shape)))
    if size[index] <= LARGEST:
        return
    raise ValueError(
        f"{name} has the value {X[index]:.6g} in {place(index)}, which is {size[index]:.3g} after "
        f"scaling: too large to be computed with in float32, where up to {LARGEST:g} is allowed. "
        "Values as far from those of fit, or from the others, are mostly errors or markers of what "
        f"is missing; replace them, or scale {name}."
    )


def check_resolution(low: np.ndarray, high: np.ndarray, names: Sequence[str], remedy: str) -> None:
    """Raise an error if float32 cannot tell numbers apart that are left as they are.

    Parameters
    ----------
    low, high : ndarray of shape (k,)
    names : sequence of k str
        What has these ranges.
    remedy : str
        What to do about it.
    """
    half, size = _half_and_size(low, high)
    step = size * np.finfo(np.float32).eps
    lost = ~are_constant(low, high) & (step > 2 * _RESOLUTION * half)
    if lost.any():
        index = int(lost.argmax())
        raise ValueError(
            f"X goes from {float(low[index])!r} to {float(high[index])!r} in {names[index]}: left "
            f"as they are, such values become float32, whose steps are {step[index]:.2g} there. "
            f"{remedy}"
        )


@dataclass
class Outliers:
    """A few values beside which all others of a row would look the same.

    Parameters
    ----------
    row : int
    first, count : int
        The place of the first of them, and how many there are.
    low, high : float
        The range of the other values.
    """

    row: int
    first: int
    count: int
    low: float
    high: float


def find_outliers(
    rows: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    share: float,
    window: float = 1e-3,
    markers: bool = True,
) -> list[Outliers]:
    """Find the rows whose range a few values take.

    All other values are different, lie within a small part of the range, and are far from these.
    Rows of a value and rare others are none of them: there, the others are what there is to see.

    Parameters
    ----------
    rows : ndarray of shape (m, n)
        NaN is missing.
    low, high : ndarray of shape (m,)
        The smallest and the largest value of each row.
    share : float
        The largest part of a row that may be outliers; one value may always be.
    window : float, default=1e-3
        The part of the range that all other values take at most, to either side.
    markers : bool, default=True
        Whether equal values may be up to half of a row, such as -9999 for what is missing.
    """
    half, _ = _half_and_size(low, high)
    places = np.linspace(0, rows.shape[1] - 1, min(rows.shape[1], _LOOKED_AT)).astype(int)
    some = np.sort(rows[:, places].astype(np.float64), axis=1)  # NaN comes last
    n_known = (~np.isnan(some)).sum(axis=1)
    middle = some[np.arange(len(some)), np.maximum(n_known - 1, 0) // 2]
    near = np.abs(some / 2 - middle[:, None] / 2) <= window * half[:, None]
    candidates = (half > 0) & (near.sum(axis=1) >= _MOST * n_known)
    found = []
    for row in np.flatnonzero(candidates):
        values = rows[row]
        kind = values.dtype.type
        center = middle[row] if n_known[row] else np.fmin.reduce(values)
        distance = np.abs(values * kind(0.5) - kind(center / 2))
        far = distance > window * half[row]
        n_far, n_values = int(far.sum()), int((~np.isnan(values)).sum())
        if not 0 < n_far < n_values / 2:
            continue
        is_marker = markers and values[far].min() == values[far].max()
        if n_far > max(1.0, share * n_values) and not is_marker:
            continue
        spread = np.fmax.reduce(distance[~far])
        if 0 < spread and distance[far].min() > _GAP * spread:
            others = values[~far]
            edges = float(np.fmin.reduce(others)), float(np.fmax.reduce(others))
            found.append(Outliers(int(row), int(far.argmax()), n_far, *edges))
    return found


def clip_outliers(
    X: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    *,
    share: float,
    window: float,
    names: tuple[str, str],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bring outliers of every row of every sample into the range of its other values, and warn.

    Parameters
    ----------
    X : ndarray of shape (n, k, length)
        It is not changed.
    low, high : ndarray of shape (n, k, 1)
        The smallest and the largest value of each row.
    share, window : float
        See :func:`find_outliers`.
    names : tuple of two str
        What the second and the third axis hold.

    Returns
    -------
    X, low, high : ndarray
        Without outliers; the very same `X` if there are none.
    """
    n, k, length = X.shape
    rows = X.reshape(n * k, length)
    # What is equal in one sample is a state of it rather than a marker.
    found = find_outliers(
        rows, low.ravel(), high.ravel(), share=share, window=window, markers=False
    )
    if not found:
        return X, low, high
    rows, low, high = rows.copy(), low.copy(), high.copy()
    for one in found:
        low.flat[one.row], high.flat[one.row] = one.low, one.high
        rows[one.row] = rows[one.row].clip(one.low, one.high)
    first = found[0]
    sample, part = divmod(first.row, k)
    place = f"row {sample}, {names[0]} {part}, {names[1]} {first.first}"
    n_more = sum(one.count for one in found) - 1
    value = X[sample, part, first.first]
    warn_of_outliers(value, place, first.low, first.high, n_more)
    return rows.reshape(X.shape), low, high


def warn_of_outliers(value: float, place: str, low: float, high: float, n_more: int) -> None:
    """Say which value would have taken all of the range."""
    more = f", and {n_more} more like it" if n_more else ""
    warn(
        f"X has the value {value:.6g} in {place}{more}, beside which all others, from {low:.6g} to "
        f"{high:.6g}, would look the same. The scale is that of the others, and it counts as the "
        "nearest of them. Replace it if it is an error or a marker of what is missing."
    )
