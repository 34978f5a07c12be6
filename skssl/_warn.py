"""Warnings that point to the user's own line."""

from __future__ import annotations

import inspect
import warnings

from skssl._processes import is_first

# Through whose code a call comes here.
_INNER = {"contextlib", "joblib", "skorch", "sklearn", "skssl", "torch"}


def warn(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called this library, through whatever lies in between.

    Of several processes that train together, the first one does.
    """
    if not is_first():
        return
    frame, level = inspect.currentframe(), 1
    assert frame is not None
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _INNER:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
