"""Embeddings that go to a file as they come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from numbers import Integral
from pathlib import Path
from typing import Protocol

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skssl._progress import counted
from skssl._quote import quoted, quoted_path
from skssl._sklearn_compat import num_samples
from skssl._streams import ahead
from skssl._types import Samples
from skssl.modality import Stored, take
from skssl.utils._targets import Rows, Target, target_of

# Rows by which a file is told to be of the same embedding: so many at its start and at its end,
# and so many places between them. They cost little beside what is embedded at once.
_FEW = 8
_PLACES = 16
_ROUNDING = 1e-3
_AT_ONCE = 4096


class _Transformer(Protocol):
    def transform(self, X: Samples, /) -> np.ndarray: ...


def embed(
    estimator: _Transformer,
    X: Samples,
    out: str | Path | Rows,
    *,
    batch_size: int = _AT_ONCE,
    verbose: bool = True,
) -> Rows:
    """Embed any number of samples, and write the embeddings to a file or array as they come.

    It is ``estimator.transform(X)``, of which neither the samples nor the result need fit into
    memory. What is interrupted goes on where it was when it is called again.

    One process writes a file at a time. In a script that torchrun or srun starts several times, the
    process that comes first writes it, and the others wait and open it; of processes that have
    nothing to do with each other, the second one gets an error.

    Parameters
    ----------
    estimator : estimator
        A fitted method, or a Pipeline, with ``transform``.
    X : array-like
        The samples, as for ``transform``: in memory, or in a file or store.
    out : str, Path or array
        The name of a file that ends in ``.npy`` (which ``numpy.load(out, mmap_mode="r")`` reads) or
        of a folder that ends in ``.zarr``, or an array of shape (n_samples, n_features_out) to
        write to, which is written from its start. Folders on the way are made. Until it is whole,
        an ``.npy`` has another ending, ``.npy.unfinished``. While it is written, there is a file
        ``.lock`` beside it.
    batch_size : int, default=4096
        Samples that are read, embedded and written at once.
    verbose : bool, default=True
        Whether to show a progress bar; in a log file, lines at least ten seconds apart.

    Returns
    -------
    Z : array
        What was written: the array, or the file, opened for reading.

    Raises
    ------
    ValueError
        If `out` has another shape, or is a file with the embeddings of other samples or of another
        estimator, such as one that was trained anew. Among the rows that it has, the first 8, the
        last 8 and 16 at even distances are embedded again and compared; a change that lies between
        them is not noticed. The file is left as it is. Also if another process writes it.

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
    target = target_of(out, (n_rows, few.shape[1]), rows_of_a_chunk=int(batch_size))
    with target.alone():
        done = target.open()
        if done:
            _check_same(target, done, few, lambda rows: embedded(take(X, rows)))
        starts = range(done, n_rows, int(batch_size))
        parts = [range(at, min(at + int(batch_size), n_rows)) for at in starts]
        # Who has waited for another process has nothing to do, and nothing to show.
        shown = counted(type(estimator).__name__, n_rows, done=done, unit="samples")
        with shown if verbose and parts else nullcontext(_nothing) as advance:
            for rows, samples in zip(parts, ahead(read, parts), strict=True):
                target.write(rows, embedded(samples))
                advance(len(rows))
        return target.close()


def _nothing(done: int) -> None:
    """Show nothing."""


def _check_same(
    target: Target, done: int, few: np.ndarray, embedded: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Raise an error if what a file has is not what would be written to it."""
    few = few[:done]
    places = np.linspace(0, done - 1, _PLACES + 2).astype(int)
    rows = np.unique([*range(len(few)), *places, *range(max(0, done - _FEW), done)])
    others = rows[len(few) :]
    values = np.concatenate([few, embedded(others)]) if len(others) else few
    # Products of matrices round by how many rows they have, and by device.
    near = _ROUNDING * np.nanmax(np.abs(values), initial=0.0)
    same = np.isclose(target.read(rows), values, rtol=0.0, atol=near, equal_nan=True).all(axis=1)
    if not same.all():
        raise ValueError(
            f"out={quoted_path(target)} has embeddings of other samples or of another estimator: "
            f"of {len(rows)} rows that were compared, {np.sum(~same)} differ, the first is row "
            f"{rows[~same][0]}. Pass another name, or delete it."
        )
