"""Samples that are not in memory, and are read when they are needed."""

from __future__ import annotations

import math
import mmap
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike
from torch.utils.data import Dataset

from skssl._memory_limit import memory_limit
from skssl._quote import quoted, size_in_words
from skssl._sklearn_compat import safe_indexing
from skssl._types import Samples

__all__ = ["Raw", "Stored", "in_memory", "take"]

# What is read of a store: arrays, or lists of samples.
Raw: TypeAlias = np.ndarray | list[object]

# Bytes that are read at once of what lies side by side, unless a chunk has more: few enough that
# rows from many places are mixed, enough for a disk.
_BLOCK_BYTES = 2**18
# What is made of a number: float32 and copies of it; bytes are kept as they are.
_BYTES_PER_NUMBER = 12
# Samples whose size stands for that of all.
_FEW = 8


class _Chunked(Protocol):
    """An array in a file, or in pieces: of zarr, h5py, dask or NumPy's memmap."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __getitem__(self, rows: slice, /) -> object: ...


class Stored(ABC):
    """Samples that are read when they are needed.

    Attributes
    ----------
    n_rows : int
        How many there are.
    block : int
        How many neighbouring rows are best read together; 1 where each is as good as any other.
    """

    n_rows: int
    block: int

    @staticmethod
    def of(X: object) -> Stored | None:
        """Return samples that lie in a store or file, None for what is in memory."""
        if isinstance(X, np.ndarray):
            if X.dtype.kind not in "biuf" or X.ndim < 2 or not len(X):
                return None
            mapped, held = _owner(X)
            if mapped is not None:
                return MappedArray(X, mapped)
            return ChunkedArray(X) if held < X.nbytes else None
        if _is_chunked(X):
            return ChunkedArray(cast(_Chunked, X))
        if isinstance(X, Dataset):
            return DatasetRows(X)
        if _is_column(X):
            return ColumnRows(cast("Sequence[object]", X))
        return None

    def __len__(self) -> int:
        return self.n_rows

    def cost(self) -> float:
        """Return how many bytes all samples would take, prepared, with what is made on the way.

        The first few stand for all where the store does not tell.
        """
        few = self.head()
        return self.n_rows * sum(map(_size, few)) / max(1, len(few))

    @abstractmethod
    def read(self, rows: np.ndarray) -> Raw:
        """Return the samples in some rows, in ascending order, in a form that modalities take.

        Raises
        ------
        ValueError
            If they cannot be read.
        """

    def fits(self) -> bool:
        """Whether all samples are to be read into memory."""
        return self.cost() <= memory_limit()

    def row_bytes(self) -> float:
        """Return how many bytes a row takes, read."""
        return self.cost() / max(1, self.n_rows)

    def name(self) -> str:
        """Return what messages call it."""
        return f"X, {self.n_rows:,} samples"

    def head(self) -> Raw:
        """Return the first samples."""
        return self.read(np.arange(min(_FEW, self.n_rows)))

    def all(self) -> Raw:
        """Return all samples."""
        return self.read(np.arange(self.n_rows))


class ChunkedArray(Stored):
    """An array of zarr, h5py or dask: anything with a shape, a dtype and chunks."""

    def __init__(self, X: _Chunked):
        self.X = X
        if not X.shape or any(math.isnan(size) for size in X.shape):
            hint = "; call its compute_chunk_sizes() first" if X.shape else ""
            raise ValueError(
                f"X is {_kind(X)} of shape {tuple(X.shape)}; samples are its first axis, and all "
                f"sizes have to be known{hint}."
            )
        self.n_rows = X.shape[0]
        row_bytes = max(1, math.prod(X.shape[1:]) * X.dtype.itemsize)
        self.block = max(1, min(self.n_rows, _BLOCK_BYTES // row_bytes))
        chunk = self._rows_of_a_chunk()
        if chunk:
            self.block = chunk * max(1, round(self.block / chunk))

    def _rows_of_a_chunk(self) -> int | None:
        chunks = getattr(self.X, "shards", None) or getattr(self.X, "chunks", None)
        if not chunks:
            return None
        first = chunks[0]
        return int(first if isinstance(first, int) else first[0])

    def cost(self) -> float:
        size = math.prod(self.X.shape)
        return size if self.X.dtype == np.uint8 else _BYTES_PER_NUMBER * size

    def read(self, rows: np.ndarray) -> np.ndarray:
        try:
            parts = [self._slice(run.start, run.stop) for run in _runs(rows)]
        # Stores raise whatever their files lead them to.
        except Exception as error:
            raise ValueError(
                f"Rows {rows[0]} to {rows[-1]} of X, {_kind(self.X)}, could not be read: "
                f"{type(error).__name__}: {error}"
            ) from error
        return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else self.none()

    def row_bytes(self) -> float:
        return math.prod(self.X.shape[1:]) * self.X.dtype.itemsize

    def none(self) -> np.ndarray:
        """Return an array without rows."""
        return np.empty((0, *self.X.shape[1:]), self.X.dtype)

    def _slice(self, start: int, stop: int) -> np.ndarray:
        return np.asarray(self.X[start:stop])

    def name(self) -> str:
        return f"X, {_kind(self.X)} of {size_in_words(self.n_rows * self.row_bytes())}"


class MappedArray(ChunkedArray):
    """An array whose file is mapped into memory."""

    def __init__(self, X: np.ndarray, mapped: mmap.mmap):
        super().__init__(X)
        self._mapped = mapped

    def _slice(self, start: int, stop: int) -> np.ndarray:
        self._check_file()
        return super()._slice(start, stop)

    def _check_file(self) -> None:
        """Raise an error if the file has become shorter, for reading it would end the process."""
        mapped = self._mapped
        first = getattr(self.X, "offset", 0)
        first -= first % mmap.ALLOCATIONGRANULARITY
        if mapped.size() < first + len(mapped):
            raise OSError(
                f"its file has {mapped.size():,} bytes now, but had at least "
                f"{first + len(mapped):,} when it was opened"
            )


class ColumnRows(Stored):
    """A column of a data set of Hugging Face."""

    block = 64

    def __init__(self, X: Sequence[object]):
        self.X = X
        self.n_rows = len(X)

    def read(self, rows: np.ndarray) -> list[object]:
        read: list[object] = []
        for run in _runs(rows):
            read.extend(cast("Sequence[object]", self.X[run]))
        return read


class DatasetRows(Stored):
    """A map-style Dataset of torch, whose samples are what it returns or the first of a tuple."""

    block = 1

    def __init__(self, X: Dataset):
        if not hasattr(X, "__len__"):
            raise TypeError(
                f"X is {quoted(X)}, which has no length; a Dataset of torch must be a map-style "
                "one, with __len__ and __getitem__."
            )
        self.X = X
        self.n_rows = len(X)

    def read(self, rows: np.ndarray) -> list[object]:
        return [self._one(row) for row in rows.tolist()]

    def _one(self, row: int) -> object:
        try:
            sample = self.X[row]
        # The Dataset is the user's.
        except Exception as error:
            raise ValueError(
                f"Row {row} of X, a {type(self.X).__name__}, could not be read: "
                f"{type(error).__name__}: {error}"
            ) from error
        return sample[0] if isinstance(sample, (tuple, list)) else sample


class FileRows(Stored):
    """A list of the names of images, which modalities read.

    Parameters
    ----------
    names : sequence of str or path
    bytes_per_file : int
        What an image takes, decoded.
    """

    block = 1

    def __init__(self, names: Sequence[str | os.PathLike[str]], bytes_per_file: int):
        self.names = names
        self.n_rows = len(names)
        self.bytes_per_file = bytes_per_file

    def cost(self) -> float:
        # Decoded, and then put together.
        return 2.0 * self.bytes_per_file * self.n_rows

    def read(self, rows: np.ndarray) -> list[object]:
        return [self.names[row] for row in rows.tolist()]

    def name(self) -> str:
        return f"X, {self.n_rows:,} files of {size_in_words(self.bytes_per_file * self.n_rows)}"


def in_memory(X: Samples) -> Samples:
    """Return `X`, read as a whole if it lies in a store."""
    if isinstance(X, np.ndarray):
        return X
    stored = Stored.of(X)
    return X if stored is None else stored.all()


def take(X: Samples | ArrayLike, rows: np.ndarray) -> Samples:
    """Return the samples in some rows, in their order, in a form like that of `X`.

    What lies in a store is read, and no other rows of it.
    """
    stored = Stored.of(X)
    if stored is None:
        return safe_indexing(X, rows)
    different, place = np.unique(rows, return_inverse=True)
    read = stored.read(different)
    return read[place] if isinstance(read, np.ndarray) else [read[at] for at in place]


def _runs(rows: np.ndarray) -> list[slice]:
    """Return ascending rows as slices of those that follow one another."""
    runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)
    return [slice(int(run[0]), int(run[-1]) + 1) for run in runs if len(run)]


def _owner(X: np.ndarray) -> tuple[mmap.mmap | None, int]:
    """Return the mapped file that an array is a view of, if any, and how many bytes are there.

    There are fewer than the view has where its samples share some, as windows of a series do.
    """
    base: object = X
    held = X.nbytes
    while base is not None and not isinstance(base, mmap.mmap):
        if isinstance(base, np.ndarray):
            held = base.nbytes
        base = getattr(base, "base", None)
    return base, held


def _is_chunked(X: object) -> bool:
    """Whether `X` is an array that says how it is divided into chunks, even if it is not."""
    return all(hasattr(X, name) for name in ("chunks", "shape", "dtype", "__getitem__"))


def _is_column(X: object) -> bool:
    """Whether `X` is a column of a data set of Hugging Face, which is not imported for it."""
    module = sys.modules.get("datasets.arrow_dataset")
    return module is not None and isinstance(X, getattr(module, "Column", ()))


def _kind(X: object) -> str:
    root = type(X).__module__.partition(".")[0]
    return "an array that is read from its file" if root == "numpy" else f"an array of {root}"


def _size(sample: object) -> float:
    """Return how many bytes a sample takes, prepared."""
    if isinstance(sample, (str, bytes)):
        # A token is an int32, and has some characters.
        return 2.0 * len(sample)
    if isinstance(sample, os.PathLike):
        return 0.0
    array = np.asarray(sample)
    return float(array.nbytes if array.dtype == np.uint8 else _BYTES_PER_NUMBER * array.size)
