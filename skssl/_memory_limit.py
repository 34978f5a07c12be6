"""How much of the samples is held in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from numbers import Integral, Real

from skssl._quote import quoted

__all__ = ["memory_limit", "set_memory_limit"]

# What "auto" is at the most. Reading on demand costs little, memory that is not there a lot.
_MOST = 2**30
_SHARE = 1 / 8

_limit: int | float | str = "auto"


def set_memory_limit(limit: int | float | str) -> AbstractContextManager[None]:
    """Say how much memory samples may take that are not in memory yet.

    Samples that lie on a disk (memory-mapped and zarr arrays, h5py data sets, lists of files, ...)
    are read as a whole if what is made of them fits into the limit, and otherwise block by block
    while they are needed. Arrays that are in memory are taken as they are.

    The limit holds from now on for all threads of this process, or within a ``with`` block.

    Parameters
    ----------
    limit : "auto", int or float
        An int is a number of bytes: ``2**30`` is a GiB, 1 a single byte, and 0 reads on demand
        whatever can be. A float is a fraction of the machine's memory, above 0 and below 1. "auto"
        is an eighth of that memory, at most 1 GiB.

    Returns
    -------
    context manager
        For a ``with`` block, at whose end the limit is again what it was before the call. It can be
        ignored.

    Raises
    ------
    ValueError
        If the limit is something else.

    Examples
    --------
    >>> from skssl.utils import set_memory_limit
    >>> with set_memory_limit(2**20):
    ...     pass  # ssl.fit(np.load("windows.npy", mmap_mode="r"))
    >>> _ = set_memory_limit("auto")
    """
    global _limit
    is_auto = isinstance(limit, str) and limit == "auto"
    is_bytes = isinstance(limit, Integral) and not isinstance(limit, bool) and limit >= 0
    is_share = isinstance(limit, Real) and not isinstance(limit, Integral) and 0 < limit < 1
    if not (is_auto or is_bytes or is_share):
        raise ValueError(
            f"limit must be 'auto', a number of bytes (an int of at least 0; a GiB is 2**30) or a "
            f"fraction of the memory (a float above 0 and below 1), got {quoted(limit)}."
        )
    before, _limit = _limit, limit
    return _back_to(before)


@contextmanager
def _back_to(before: int | float | str) -> Iterator[None]:
    global _limit
    try:
        yield
    finally:
        _limit = before


def memory_limit() -> float:
    """Return the limit in bytes."""
    if isinstance(_limit, str):
        return min(_MOST, _SHARE * _memory())
    return _limit if isinstance(_limit, Integral) else _limit * _memory()


def _memory() -> float:
    """Return how many bytes of memory the machine has; that of "auto" if it does not say."""
    if not hasattr(os, "sysconf"):
        return _MOST / _SHARE
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
