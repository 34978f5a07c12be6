"""Embeddings that go to a file as they come."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Integral
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from sklearn.utils.validation import check_is_fitted
from tqdm import tqdm

from skssl._quote import quoted
from skssl._sklearn_compat import num_samples
from skssl._streams import ahead
from skssl._types import Samples
from skssl.modality import Stored, take

# Rows by which a file is told to be of the same embedding.
_FEW = 8
_ROUNDING = 1e-3
_AT_ONCE = 4096
# Seconds between two states of a bar in what is no terminal.
_BETWEEN_LINES = 10.0


class _Transformer(Protocol):
    def transform(self, X: Samples, /) -> np.ndarray: ...


class _Rows(Protocol):
    """An array that rows are written to."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> np.ndarray: ...

    def __setitem__(self, rows: slice, values: np.ndarray, /) -> None: ...


def embed(
    estimator: _Transformer,
    X: Samples,
    out: str | Path | _Rows,
    *,
    batch_size: int = _AT_ONCE,
    verbose: bool = True,
) -> _Rows:
    """Embed any number of samples, and write the embeddings to a file or array as they come.

    It is ``estimator.transform(X)``, of which neither the samples nor the result need fit into
    memory. What is interrupted goes on where it was when it is called again.

    Parameters
    ----------
    estimator : estimator
        A fitted method, or a Pipeline, with ``transform``.
    X : array-like
        The samples, as for ``transform``: in memory, or in a file or store.
    out : str, Path or array
        The name of a file that ends in ``.npy`` (which ``numpy.load(out, mmap_mode="r")`` reads) or
        of a folder that ends in ``.zarr``, or an array of shape (n_samples, n_features_out) to
        write to, which is written from its start. Until it is whole, an ``.npy`` has another
        ending, ``.npy.unfinished``.
    batch_size : int, default=4096
        Samples that are read, embedded and written at once.
    verbose : bool, default=True
        Whether to show a progress bar.

    Returns
    -------
    Z : array
        What was written: the array, or the file, opened for reading.

    Raises
    ------
    ValueError
        If `out` has another shape, or is a file with the embeddings of other samples or of another
        estimator, as far as the first and the last rows that it has tell. It is left as it is.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.utils import embed
    >>> X = load_digits().images
    >>> ssl = SimCLR(max_epochs=1, random_state=0).fit(X[:200])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Z = embed(ssl, X, Path(folder) / "Z.npy", verbose=False)
    ...     print(Z.shape, Z.dtype)
    (1797, 320) float32
    """
    check_is_fitted(estimator)
    if not isinstance(batch_size, Integral) or isinstance(batch_size, bool) or batch_size < 1:
        raise ValueError(f"batch_size must be an int of at least 1, got {quoted(batch_size)}.")
    stored = Stored.of(X)
    n_rows = num_samples(X) if stored is None else len(stored)

    def read(rows: range) -> Samples:
        return take(X, np.arange(rows.start, rows.stop))

    def embedded(samples: Samples) -> np.ndarray:
        return np.asarray(estimator.transform(samples), dtype=np.float32)

    few = embedded(read(range(min(_FEW, n_rows))))
    target = _target_of(out, (n_rows, few.shape[1]), rows_of_a_chunk=int(batch_size))
    done = target.open()
    if done:
        _check_same(target, done, few, lambda rows: embedded(read(rows)))
    parts = [range(at, min(at + int(batch_size), n_rows)) for at in range(done, n_rows, batch_size)]
    with tqdm(
        total=n_rows,
        initial=done,
        desc=type(estimator).__name__,
        unit=" samples",
        mininterval=0.1 if sys.stderr.isatty() else _BETWEEN_LINES,
        disable=not verbose,
    ) as bar:
        for rows, samples in zip(parts, ahead(read, parts), strict=True):
            target.write(rows, embedded(samples))
            bar.update(len(rows))
    return target.close()


def _check_same(
    target: _Target, done: int, few: np.ndarray, embedded: Callable[[range], np.ndarray]
) -> None:
    """Raise an error if what a file has is not what would be written to it."""
    last = range(max(0, done - _FEW), done)
    for start, values in ((0, few[:done]), (last.start, embedded(last))):
        stop = start + len(values)
        # Products of matrices round by how many rows they have, and by device.
        near = _ROUNDING * np.nanmax(np.abs(values), initial=0.0)
        written = target.read(range(start, stop))
        if not np.allclose(written, values, rtol=0.0, atol=near, equal_nan=True):
            raise ValueError(
                f"out={quoted(str(target))} has embeddings of other samples or of another "
                f"estimator: its rows {start} to {stop - 1} differ. Say another name, or delete it."
            )


class _Target(ABC):
    """Where embeddings go to.

    Parameters
    ----------
    shape : tuple of int
        Of all of them.
    """

    def __init__(self, shape: tuple[int, int]):
        self.shape = shape

    @abstractmethod
    def open(self) -> int:
        """Get ready; return how many rows are there already."""

    @abstractmethod
    def read(self, rows: range) -> np.ndarray:
        """Return rows that were written."""

    @abstractmethod
    def write(self, rows: range, values: np.ndarray) -> None:
        """Write rows, which follow those before."""

    @abstractmethod
    def close(self) -> _Rows:
        """Return all rows."""

    def check(self, shape: tuple[int, ...]) -> None:
        """Raise an error unless a file or array has the right shape."""
        if tuple(shape) != self.shape:
            raise ValueError(
                f"out={quoted(str(self))} has shape {tuple(shape)}, but the embedding has shape "
                f"{self.shape}."
            )


class _Array(_Target):
    """An array of the user's."""

    def __init__(self, shape: tuple[int, int], out: _Rows):
        super().__init__(shape)
        self.out = out

    def __str__(self) -> str:
        return type(self.out).__name__

    def open(self) -> int:
        self.check(self.out.shape)
        return 0

    def read(self, rows: range) -> np.ndarray:
        return np.asarray(self.out[rows.start : rows.stop])

    def write(self, rows: range, values: np.ndarray) -> None:
        self.out[rows.start : rows.stop] = values

    def close(self) -> _Rows:
        return self.out


class _Npy(_Target):
    """A file in NumPy's format, whose rows are added one after the other.

    How long it is says how many there are. A file that is mapped into memory would end the process
    where the disk is full.
    """

    def __init__(self, shape: tuple[int, int], path: Path):
        super().__init__(shape)
        self.path = path
        self.unfinished = path.with_name(f"{path.name}.unfinished")
        self._start = 0

    def __str__(self) -> str:
        return str(self.path)

    def open(self) -> int:
        if self.path.exists():
            self.check(np.load(self.path, mmap_mode="r").shape)
            return self.shape[0]
        if not self.unfinished.exists():
            with self.unfinished.open("xb") as file:
                header = {"descr": "<f4", "fortran_order": False, "shape": self.shape}
                np.lib.format.write_array_header_1_0(file, header)
        with self.unfinished.open("r+b") as file:
            np.lib.format.read_magic(file)
            self.check(np.lib.format.read_array_header_1_0(file)[0])
            self._start = file.tell()
            done = (self.unfinished.stat().st_size - self._start) // self._row_bytes
            file.truncate(self._start + done * self._row_bytes)
        return done

    @property
    def _row_bytes(self) -> int:
        return 4 * self.shape[1]

    def read(self, rows: range) -> np.ndarray:
        if self.path.exists():
            return np.load(self.path, mmap_mode="r")[rows.start : rows.stop]
        with self.unfinished.open("rb") as file:
            file.seek(self._start + rows.start * self._row_bytes)
            values = np.frombuffer(file.read(len(rows) * self._row_bytes), dtype="<f4")
        return values.reshape(len(rows), -1)

    def write(self, rows: range, values: np.ndarray) -> None:
        with self.unfinished.open("ab") as file:
            file.write(values.astype("<f4", order="C").tobytes())

    def close(self) -> _Rows:
        if not self.path.exists():
            self.unfinished.replace(self.path)
        return np.load(self.path, mmap_mode="r")


class _Zarr(_Target):
    """A folder of zarr, which notes how many rows it has."""

    _NOTE = "rows_done"

    def __init__(self, shape: tuple[int, int], path: Path, rows_of_a_chunk: int):
        super().__init__(shape)
        try:
            import zarr
        except ImportError as error:
            raise ImportError(
                f"out={quoted(str(path))} needs the zarr library: pip install zarr."
            ) from error
        self.path = path
        if not path.exists():
            zarr.create_array(
                path,
                shape=shape,
                dtype="float32",
                chunks=(min(rows_of_a_chunk, shape[0]), shape[1]),
                attributes={self._NOTE: 0},
            )
        self.array = zarr.open_array(path, mode="r+")

    def __str__(self) -> str:
        return str(self.path)

    def open(self) -> int:
        self.check(self.array.shape)
        # One that somebody else has written says nothing, and counts as whole.
        note = self.array.attrs.get(self._NOTE, self.shape[0])
        assert isinstance(note, int)
        return note

    def read(self, rows: range) -> np.ndarray:
        return np.asarray(self.array[rows.start : rows.stop])

    def write(self, rows: range, values: np.ndarray) -> None:
        self.array[rows.start : rows.stop] = values
        self.array.attrs[self._NOTE] = rows.stop

    def close(self) -> _Rows:
        return cast(_Rows, self.array)


def _target_of(out: str | Path | _Rows, shape: tuple[int, int], *, rows_of_a_chunk: int) -> _Target:
    if isinstance(out, (str, Path)):
        path = Path(out)
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
