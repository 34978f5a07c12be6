"""The containers that samples come in: tensors, masked arrays, Arrow, frames, lists of these."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Hashable
from itertools import islice
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import torch
from torch import Tensor

from skssl._quote import quoted
from skssl._sklearn_compat import refuse_iterator
from skssl._types import Samples
from skssl.modality._stored import in_memory

__all__ = ["as_samples", "is_arrow", "is_categorical", "is_frame", "only_column"]

# Files by which the others are told.
_MANY_FILES = 1000

_STRINGS = ("string", "large_string", "string_view")
_LISTS = ("list<", "large_list<", "fixed_size_list<", "list_view<", "large_list_view<")


def as_samples(X: Any) -> Any:
    """Return `X` in one of the forms that modalities take, with the same values.

    Tensors, on any device, become arrays, and so do masked arrays, whose hidden values become NaN,
    or None among objects. Arrays of dtype object, Series and Arrow arrays whose elements are arrays
    become lists of arrays; a list of tensors or masked arrays becomes one of arrays. What lies in a
    store (arrays of zarr, h5py and dask, columns of Hugging Face's data sets, Datasets of torch) is
    read. Everything else is returned as it is.

    Parameters
    ----------
    X : array-like
        Samples, in any container.

    Returns
    -------
    X : ndarray, list or DataFrame
        The samples in memory, with as many rows.

    Raises
    ------
    TypeError
        If `X` is a generator, or another iterator.
    ValueError
        If `X` is a single text, image, path or folder, a sparse tensor, or a DataFrame that has two
        columns of one name.
    """
    if isinstance(X, (str, os.PathLike)):
        _refuse_path(X)
    refuse_iterator(X)
    X = in_memory(X)
    if type(X).__module__.partition(".")[0] == "PIL":
        raise ValueError(f"X is a single image, {quoted(X)}; pass a list of images, [X].")
    if isinstance(X, Tensor):
        return _of_tensor(X)
    if isinstance(X, np.ma.MaskedArray):
        return _of_masked(X)
    if is_arrow(X):
        return _of_arrow(X)
    if is_frame(X):
        _check_names(X)
        return X
    if hasattr(X, "__array__") and not hasattr(X, "__getitem__"):
        return np.asarray(X)
    if isinstance(X, (list, tuple)):
        is_any = any(issubclass(kind, (Tensor, np.ma.MaskedArray)) for kind in set(map(type, X)))
        return [as_samples(one) for one in X] if is_any else X
    # A 1-D array, or a Series of pandas or polars.
    is_sequence = isinstance(X, np.ndarray) or hasattr(X, "to_numpy")
    if is_sequence and len(X.shape) == 1 and len(X) and _is_array(next(iter(X))):
        return [as_samples(one) if isinstance(one, Tensor) else np.asarray(one) for one in X]
    return X


# How one opens what holds many samples.
_OPENED = {
    ".csv": "pandas.read_csv(X)",
    ".npy": "numpy.load(X, mmap_mode='r')",
    ".parquet": "pandas.read_parquet(X)",
    ".zarr": "zarr.open_array(X, mode='r')",
}


def _refuse_path(X: str | os.PathLike[str]) -> None:
    """Raise an error if `X` is no list of texts or files, but one of them, or a folder."""
    try:
        is_folder, is_file = os.path.isdir(X), os.path.isfile(X)
    except ValueError:  # a text with characters that no path has
        is_folder = is_file = False
    name = quoted(os.fspath(X))
    suffix = os.path.splitext(os.fspath(X))[1].lower()
    if (is_folder or is_file) and suffix in _OPENED:
        raise ValueError(f"X is a single path, {name}; pass what it holds, {_OPENED[suffix]}.")
    if is_folder:
        raise ValueError(
            f"X is a folder, {name}; pass a list of its files, such as "
            f"sorted(pathlib.Path(X).glob({_files_in(X)!r}))."
        )
    if is_file or isinstance(X, os.PathLike):
        raise ValueError(f"X is a single path, {name}; pass a list of paths, [X].")
    if len(X.split()) == 1 and (glob.has_magic(X) or Path(X).suffix):
        raise ValueError(
            f"X is a single str, {name}; pass a list: sorted(glob.glob(X)) for a pattern of files, "
            "[X] for a path or a text."
        )
    raise ValueError(f"X is a single text, {name}; pass a list of texts, [X].")


def _files_in(folder: str | os.PathLike[str]) -> str:
    """Return a pattern for what most files in a folder, or in those in it, end like."""
    for where in ("*", "*/*"):
        files = (path for path in Path(folder).glob(where) if path.suffix and path.is_file())
        endings = Counter(path.suffix for path in islice(files, _MANY_FILES))
        if endings:
            return where + endings.most_common(1)[0][0]
    return "*.png"


def _is_array(one: object) -> bool:
    """Whether an element of a sequence has elements itself."""
    if isinstance(one, (list, tuple, Tensor)):
        return True
    return hasattr(one, "__array__") and np.ndim(one) > 0


def _of_tensor(X: Tensor) -> Samples:
    if X.is_nested:
        return [_of_tensor(one) for one in X.unbind()]
    if X.layout != torch.strided or X.is_meta:
        raise ValueError(
            f"X is a tensor without values in memory (layout {X.layout}, device {X.device}); "
            "pass a dense one, such as X.to_dense()."
        )
    if X.is_floating_point() and X.element_size() < 4 and X.dtype != torch.float16:
        X = X.float()  # NumPy has no bfloat16
    return X.numpy(force=True)


def _of_masked(X: np.ma.MaskedArray) -> np.ndarray:
    hidden = np.ma.getmaskarray(X)
    if X.dtype.names is not None or X.dtype.kind not in "biufOUS" or not hidden.any():
        return X.data
    if X.dtype.kind in "OUS":
        objects = X.data.astype(object)
        objects[hidden] = None
        return objects
    values = X.data.astype(X.dtype if X.dtype.kind == "f" else np.float64)
    values[hidden] = np.nan
    return values


def is_arrow(X: object) -> bool:
    """Whether `X` is of pyarrow, which is not imported for it."""
    return type(X).__module__.partition(".")[0] == "pyarrow"


def _of_arrow(X: Any) -> Any:
    if hasattr(X, "column_names"):
        if type(X).__name__ == "RecordBatch":
            from pyarrow import Table

            X = Table.from_batches([X])
        _check_names(X)
        return X
    kind = str(X.type)
    if kind.startswith("dictionary"):
        return _of_arrow(X.cast(X.type.value_type))
    if kind in _STRINGS:
        return np.array(X.to_pylist(), dtype=object)
    if hasattr(X, "to_numpy_ndarray"):  # tensors of one shape
        return X.to_numpy_ndarray()
    if kind.startswith(_LISTS):
        return [np.asarray(one) for one in X.to_pylist()]
    return np.asarray(X)


def is_frame(X: object) -> bool:
    """Whether `X` is a DataFrame of pandas, polars and the like, or a table of Arrow."""
    return nw.dependencies.is_into_dataframe(X)


def _names(X: Any) -> list[Hashable]:
    return list(X.column_names if is_arrow(X) else X.columns)


def _check_names(X: Samples) -> None:
    twice = [name for name, count in Counter(_names(X)).items() if count > 1]
    if twice:
        raise ValueError(
            f"X has {_names(X).count(twice[0])} columns named {twice[0]!r}; every column needs a "
            "name of its own."
        )


def only_column(X: Any) -> Samples | None:
    """Return the column of a frame that has one, or of an array (n, 1), None for all else."""
    if is_frame(X):
        names = _names(X)
        return X[names[0]] if len(names) == 1 else None
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] == 1:
        return X[:, 0]
    return None


def is_categorical(column: object) -> bool:
    """Whether a column of a frame is declared to hold categories by its dtype."""
    dtype = getattr(column, "dtype", getattr(column, "type", None))
    return str(dtype).partition("(")[0].partition("<")[0] in (
        "category",
        "Categorical",
        "Enum",
        "dictionary",
    )
