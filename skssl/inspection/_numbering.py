"""The numbers of rows in messages about some of the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

_ROW = re.compile(r"\b([Rr]ow|position) (\d+)\b")


@contextmanager
def numbered_as(rows: NDArray[np.intp]) -> Iterator[None]:
    """Let the ValueError of what gets some rows of `X` name these by their positions in `X`."""
    try:
        yield
    except ValueError as error:
        said = str(error)

        def number(found: re.Match[str]) -> str:
            place = int(found[2])
            return f"{found[1]} {rows[place]}" if place < len(rows) else found[0]

        told = _ROW.sub(number, said)
        if told == said:
            raise
        raise ValueError(told) from error
