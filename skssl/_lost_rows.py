"""Rows of an embedding in which nothing is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skssl._types import Samples

# Rows that a message names.
_NAMED = 5


def lost_rows(Z: Samples) -> NDArray[np.intp]:
    """Return the rows of an embedding in which nothing is known, as of files that are broken."""
    values: Any = Z.to_numpy() if hasattr(Z, "to_numpy") else Z
    is_floats = isinstance(values, np.ndarray) and values.dtype.kind == "f"
    if not is_floats or values.ndim != 2 or not values.size:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(np.isnan(values).all(axis=1))


def check_nothing_lost(
    Z: Samples, *, caller: str, rows: NDArray[np.intp] | None = None, name: str = "X"
) -> None:
    """Raise an error if there are rows in which nothing is known, where each is needed.

    Parameters
    ----------
    Z : array-like
        An embedding, or whatever else a classifier takes.
    caller : str
        The name that the message mentions.
    rows : ndarray of int, default=None
        The numbers of the rows, if they are not all.
    name : str, default="X"
        What they are the rows of.
    """
    lost = lost_rows(Z)
    if len(lost):
        numbers = lost if rows is None else rows[lost]
        named = ", ".join(map(str, numbers[:_NAMED]))
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        row, has = ("row", "has") if len(lost) == 1 else ("rows", "have")
        raise ValueError(
            f"{caller}: {row} {named}{more} of {name} {has} nothing but NaN, as methods return it "
            "for files that they could not read (on_error='skip'). Leave out what is not ok, "
            "of X and y: ok = np.isfinite(Z[:, 0]), where Z is what transform returns."
        )
