"""The numbers of rows in messages about some of the rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from numpy.typing import NDArray

# In quotes there is a name of a file, or what a user wrote.
_ROW = re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*")|\b([Rr]ow|position) (\d+)\b""")

# Which rows of `X` were taken, and which of these, and so on.
_taken: ContextVar[tuple[NDArray[np.intp], ...]] = ContextVar("taken", default=())


@contextmanager
def numbered_as(rows: NDArray[np.intp]) -> Iterator[None]:
    """Name rows by their positions in `X` in ValueErrors and warnings of what gets some of them."""
    before = _taken.set((*_taken.get(), rows))
    try:
        yield
    except ValueError as error:
        told = _numbered(str(error), rows)
        if told == str(error):
            raise
        raise ValueError(told) from error
    finally:
        _taken.reset(before)


def renumbered(message: str) -> str:
    """Return a message with the positions in `X` of the rows that it names."""
    for rows in reversed(_taken.get()):
        message = _numbered(message, rows)
    return message


def _numbered(message: str, rows: NDArray[np.intp]) -> str:
    def number(found: re.Match[str]) -> str:
        place = int(found[2] or -1)
        return f"{found[1]} {rows[place]}" if 0 <= place < len(rows) else found[0]

    return _ROW.sub(number, message)
