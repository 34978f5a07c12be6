"""A file that one process has to itself while it writes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EAGAIN, EDEADLK
from pathlib import Path

from skssl._warn import warn

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["locked"]

_TAKEN = {EACCES, EAGAIN, EDEADLK}
_BETWEEN_TRIES = 0.1


@contextmanager
def locked(path: Path, *, waits: bool) -> Iterator[None]:
    """Have a file to oneself, among all that ask for it in this way.

    What is locked is a file beside it, as the file itself may get another name meanwhile. The
    system gives a lock back when its process ends, in whatever way, so that none is left over.
    Linux has locks on NFS that other machines see; disks without any give a warning.

    Parameters
    ----------
    path : Path
    waits : bool
        Whether to wait for a process that has it, or to raise a `BlockingIOError`.
    """
    lock = path.with_name(f"{path.name}.lock")
    while (handle := _locked(lock)) is None:
        if not waits:
            raise BlockingIOError(EAGAIN, "another process has it", str(path))
        time.sleep(_BETWEEN_TRIES)
    try:
        yield
    finally:
        # Windows removes nothing that is open. Elsewhere, what was closed first could be another's.
        if sys.platform == "win32":
            os.close(handle)
            with suppress(OSError):
                lock.unlink()
        else:
            lock.unlink(missing_ok=True)
            os.close(handle)


def _locked(lock: Path) -> int | None:
    """Return the handle of a file that this process has locked; None if another one has."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if sys.platform == "win32":
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                os.close(handle)
                return None
            warn(
                f"{lock.parent} is on a disk without locks ({error.strerror}): see to it that no "
                f"other process writes to {lock.stem} at the same time."
            )
            return handle
        # Who had it before may have removed it meanwhile.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), lock.stat()):
                return handle
        os.close(handle)
