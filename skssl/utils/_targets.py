"""Where embeddings are written to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from skssl._processes import has_others
from skssl._quote import quoted, quoted_path
from skssl.utils._lock import locked

__all__ = ["Rows", "Target", "target_of"]


class Rows(Protocol):
    """An array that rows are written to."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> np.ndarray: ...

    def __setitem__(self, rows: slice, values: np.ndarray, /) -> None: ...


class Target(ABC):
    """Where embeddings go to.

    Parameters
    ----------
    shape : tuple of int
        Of all of them.
    """

    def __init__(self, shape: tuple[int, int]):
        self.shape = shape

    def alone(self) -> AbstractContextManager[None]:
        """See to it that no other process writes meanwhile."""
        return nullcontext()

    @abstractmethod
    def open(self) -> int:
        """Get ready; return how many rows are there already."""

    @abstractmethod
    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return rows that are there already, in ascending order."""

    @abstractmethod
    def write(self, rows: range, values: np.ndarray) -> None:
        """Write rows, which follow those before."""

    @abstractmethod
    def close(self) -> Rows:
        """Return all rows."""

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise an error unless a file or array has the right shape."""
        if tuple(shape) != self.shape:
            raise ValueError(
                f"out={quoted_path(self)} has shape {tuple(shape)}, but the embedding has shape "
                f"{self.shape}. {self._remedy(shape)}"
            )

    @abstractmethod
    def _remedy(self, shape: tuple[int, ...]) -> str:
        """Say what to do where there is another shape."""


class _Array(Target):
    """An array of the user's."""

    def __init__(self, shape: tuple[int, int], out: Rows):
        super().__init__(shape)
        self.out = out

    def __str__(self) -> str:
        return type(self.out).__name__

    def open(self) -> int:
        self.check(self.out.shape)
        return 0

    def read(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.out[:])[rows]

    def write(self, rows: range, values: np.ndarray) -> None:
        self.out[rows.start : rows.stop] = values

    def close(self) -> Rows:
        return self.out

    def _remedy(self, shape: tuple[int, ...]) -> str:
        return "Pass an array of that shape."


class _File(Target):
    """A file or folder that goes on to be written when `embed` is called again."""

    def __init__(self, shape: tuple[int, int], path: Path):
        super().__init__(shape)
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def alone(self) -> AbstractContextManager[None]:
        return self._locked()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with ExitStack() as stack:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(self.path, waits=has_others()))
            except BlockingIOError:
                raise ValueError(
                    f"out={quoted_path(self)} is being written by another process. Wait until it "
                    "is done, or pass another name."
                ) from None
            except OSError as error:
                raise ValueError(
                    f"out must be a file that can be written, and {str(self)!r} is none: {error}"
                ) from error
            yield

    def _remedy(self, shape: tuple[int, ...]) -> str:
        remedy = "Pass another name, or delete it."
        if shape[1:] == self.shape[1:] and shape[0] < self.shape[0]:
            remedy += f" Rows that came later can have a file of their own: X[{shape[0]}:]."
        return remedy


class _Npy(_File):
    """A file in NumPy's format, whose rows are added one after the other.

    How long it is says how many there are. A file that is mapped into memory would end the process
    where the disk is full.
    """

    def __init__(self, shape: tuple[int, int], path: Path):
        super().__init__(shape, path)
        self.unfinished = path.with_name(f"{path.name}.unfinished")
        self._start = 0

    def alone(self) -> AbstractContextManager[None]:
        # What is whole may lie where nothing can be written.
        return nullcontext() if self.path.exists() else super().alone()

    def open(self) -> int:
        if self.path.exists():
            self.check(np.load(self.path, mmap_mode="r").shape)
            return self.shape[0]
        if not self.unfinished.exists():
            with self.unfinished.open("xb") as file:
                header = {"descr": "<f4", "fortran_order": False, "shape": self.shape}
                np.lib.format.write_array_header_1_0(file, header)
        with self.unfinished.open("rb") as file:
            np.lib.format.read_magic(file)
            self.check(np.lib.format.read_array_header_1_0(file)[0])
            self._start = file.tell()
        return self._done()

    def _done(self) -> int:
        """Return how many rows the unfinished file has; of one more it may have a part."""
        return (self.unfinished.stat().st_size - self._start) // (4 * self.shape[1])

    def read(self, rows: np.ndarray) -> np.ndarray:
        if self.path.exists():
            return np.load(self.path, mmap_mode="r")[rows]
        there = (self._done(), self.shape[1])
        return np.memmap(self.unfinished, "<f4", "r", offset=self._start, shape=there)[rows]

    def write(self, rows: range, values: np.ndarray) -> None:
        with self.unfinished.open("r+b") as file:
            # Each row has its place, whatever is there already.
            file.seek(self._start + rows.start * 4 * self.shape[1])
            file.write(values.astype("<f4", order="C").tobytes())

    def close(self) -> Rows:
        if not self.path.exists():
            self.unfinished.replace(self.path)
        return np.load(self.path, mmap_mode="r")


class _Zarr(_File):
    """A folder of zarr, which notes how many rows it has."""

    _NOTE = "rows_done"

    array: Any

    def __init__(self, shape: tuple[int, int], path: Path, rows_of_a_chunk: int):
        super().__init__(shape, path)
        self.rows_of_a_chunk = rows_of_a_chunk

    def open(self) -> int:
        try:
            import zarr
        except ImportError as error:
            raise ImportError(
                f"out={quoted_path(self)} needs the zarr library: pip install zarr."
            ) from error
        if not self.path.exists():
            zarr.create_array(
                self.path,
                shape=self.shape,
                dtype="float32",
                chunks=(min(self.rows_of_a_chunk, self.shape[0]), self.shape[1]),
                attributes={self._NOTE: 0},
            )
        self.array = zarr.open_array(self.path, mode="r+")
        self.check(self.array.shape)
        # One that somebody else has written says nothing, and counts as whole.
        note = self.array.attrs.get(self._NOTE, self.shape[0])
        assert isinstance(note, int)
        return note

    def read(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.array.oindex[rows])

    def write(self, rows: range, values: np.ndarray) -> None:
        self.array[rows.start : rows.stop] = values
        self.array.attrs[self._NOTE] = rows.stop

    def close(self) -> Rows:
        return cast(Rows, self.array)


def target_of(out: str | Path | Rows, shape: tuple[int, int], *, rows_of_a_chunk: int) -> Target:
    """Return where `out` says that embeddings of some shape go to."""
    if isinstance(out, (str, Path)):
        path = Path(out).expanduser()
        if path.suffix == ".npy":
            return _Npy(shape, path)
        if path.suffix == ".zarr":
            return _Zarr(shape, path, rows_of_a_chunk)
    elif hasattr(out, "shape") and hasattr(out, "__setitem__"):
        return _Array(shape, out)
    raise ValueError(
        f"out must be a name that ends in '.npy' or '.zarr', or an array to write to, got "
        f"{quoted(out)}."
    )
