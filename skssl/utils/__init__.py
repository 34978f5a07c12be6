"""Utilities."""

from skssl._memory_limit import set_memory_limit
from skssl.utils._discovery import all_estimators
from skssl.utils._embed import embed
from skssl.utils._windows import split_windows, windows

__all__ = ["all_estimators", "embed", "set_memory_limit", "split_windows", "windows"]
