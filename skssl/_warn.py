"""Warnings that point to the user's own line."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from skssl._numbering import renumbered
from skssl._processes import is_first

# Through whose code a call comes here.
_INNER = {"contextlib", "joblib", "skorch", "sklearn", "skssl", "torch"}

# What was said in a block in which nothing is said twice.
_said: ContextVar[set[str] | None] = ContextVar("said", default=None)


@contextmanager
def each_once() -> Iterator[None]:
    """Give no warning twice, such as one about samples that are read for two purposes."""
    before = _said.set(set())
    try:
        yield
    finally:
        _said.reset(before)


def warn(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called this library, through whatever lies in between.

    Of several processes that train together, the first one does.
    """
    if not is_first():
        return
    if isinstance(message, str):
        message = renumbered(message)
    said = _said.get()
    if said is not None:
        if str(message) in said:
            return
        said.add(str(message))
    frame, level = inspect.currentframe(), 1
    assert frame is not None
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _INNER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
