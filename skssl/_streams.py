"""Training samples that are read and prepared while a training needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import joblib
import numpy as np
import torch
from torch import Tensor

from skssl._numbering import numbered_as
from skssl.modality import Raw, Stored

__all__ = ["Stream", "ahead", "choose_rows", "content_of", "in_order"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# Bytes of the samples, as they lie, among which each batch is drawn.
_WINDOW_BYTES = 2**25
_MOST_ROWS_OF_A_WINDOW = 2**16
# What scales, vocabularies and networks are set up with: so many bytes and rows at the most, from
# so many places at the least.
_SAMPLE_BYTES = 2**25
_SAMPLE_ROWS = 100_000
_SAMPLE_PLACES = 64
# Prepared samples that stay in memory, for those who look at a few.
_KNOWN = 512

# Checks and prepares samples; says as well which could be loaded, None if all.
Prepare = Callable[[Raw], tuple[Tensor, np.ndarray | None]]


def choose_rows(stored: Stored) -> np.ndarray:
    """Return the rows that stand for all when scales are learned: all if they are few.

    They are the same for the same store, whatever the seed of the estimator is.
    """
    n_rows = min(stored.n_rows, _rows_of(stored, _SAMPLE_BYTES, _SAMPLE_ROWS))
    if n_rows == stored.n_rows:
        return np.arange(n_rows)
    block = max(1, min(stored.block, n_rows // _SAMPLE_PLACES))
    starts = np.arange(0, stored.n_rows - block + 1, block)
    count = min(len(starts), n_rows // block)
    chosen = np.sort(np.random.default_rng(0).choice(starts, count, replace=False))
    return (chosen[:, None] + np.arange(block)).ravel()


def _rows_of(stored: Stored, n_bytes: int, most: int) -> int:
    """Return how many rows take so many bytes."""
    per_row = max(1.0, stored.row_bytes())
    return int(min(most, max(2, n_bytes // per_row)))


class Stream:
    """Samples of a store that are read block by block, once in every epoch.

    An epoch goes through windows: blocks from random places that are read together, the next ones
    while those before are trained on. Batches are drawn from all rows of a window. What does not
    fill a last batch of it goes over to the next one.

    Parameters
    ----------
    stored : Stored
    prepare : callable
        Checks and prepares rows of it.
    known : Tensor
        Some prepared samples, a few of which stay in memory.
    """

    def __init__(self, stored: Stored, prepare: Prepare, known: Tensor):
        self.stored = stored
        self.prepare = prepare
        order = torch.randperm(len(known), generator=torch.Generator().manual_seed(0))
        self.known = known[order[:_KNOWN]]
        self.shape = (stored.n_rows, *known.shape[1:])

    def __len__(self) -> int:
        return self.stored.n_rows

    def digest(self) -> str:
        """Return what tells these samples from others; they are all read for it."""
        parts = (samples.numpy() for samples, _ in in_order(self.stored, self.prepare))
        return joblib.hash([joblib.hash(part) for part in parts])

    def windows(
        self, generator: torch.Generator, *, multiple_of: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through the windows of an epoch: rows in a random order, and the samples in them.

        All but the last window have a multiple of so many rows, unless some cannot be loaded.
        """
        read = partial(_read, self.stored, self.prepare)
        for rows, samples in ahead(read, self._plan(generator, multiple_of)):
            if len(rows):  # of which some can be loaded
                yield torch.from_numpy(rows), samples

    def _plan(self, generator: torch.Generator, multiple_of: int) -> Iterator[np.ndarray]:
        """Say which rows the windows of an epoch have, each in the order of the training."""
        block = self.stored.block
        n_blocks = -(-len(self) // block)
        order = torch.randperm(n_blocks, generator=generator).numpy()
        per_window = max(1, _rows_of(self.stored, _WINDOW_BYTES, _MOST_ROWS_OF_A_WINDOW) // block)
        waiting, to_come = np.empty(0, dtype=np.int64), len(self)
        for start in range(0, n_blocks, per_window):
            blocks = order[start : start + per_window]
            rows = (blocks[:, None] * block + np.arange(block)).ravel()
            rows = rows[rows < len(self)]
            rows = rows[torch.randperm(len(rows), generator=generator).numpy()]
            rows = np.concatenate([waiting, rows])
            whole = len(rows) // multiple_of * multiple_of
            if start + per_window >= n_blocks:
                whole = len(rows)
            elif to_come - whole == 1:  # BatchNorm takes no single sample.
                whole -= multiple_of
            waiting, to_come = rows[whole:], to_come - whole
            if whole:
                yield rows[:whole]


def content_of(samples: Tensor | Stream) -> object:
    """Return what tells training samples from others."""
    return samples.digest() if isinstance(samples, Stream) else samples.numpy()


def in_order(stored: Stored, prepare: Prepare) -> Iterator[tuple[Tensor, np.ndarray | None]]:
    """Go through all samples in their order, prepared.

    With which ones of each part could be loaded, None if all.
    """
    size = _rows_of(stored, _WINDOW_BYTES, _MOST_ROWS_OF_A_WINDOW)
    size = max(size // stored.block, 1) * stored.block
    starts = range(0, len(stored), size)
    windows = [np.arange(start, min(start + size, len(stored))) for start in starts]
    read = partial(_read, stored, prepare)
    for rows, (loaded, samples) in zip(windows, ahead(read, windows), strict=True):
        yield samples, None if len(loaded) == len(rows) else np.isin(rows, loaded)


def ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Call a function with each item, in a thread, while what it made of the one before is used."""
    with ThreadPoolExecutor(1, thread_name_prefix="skssl-read") as pool:
        coming: Future[Result] | None = None
        for item in items:
            before, coming = coming, pool.submit(function, item)
            if before is not None:
                yield before.result()
        if coming is not None:
            yield coming.result()


def _read(stored: Stored, prepare: Prepare, rows: np.ndarray) -> tuple[np.ndarray, Tensor]:
    """Return which of some rows could be loaded, and these, prepared."""
    order = np.argsort(rows, kind="stable")
    raw = stored.read(rows[order])
    try:
        with numbered_as(rows[order]):
            samples, loaded = prepare(raw)
    except ValueError as error:
        raise _where(prepare, rows[order], raw, error) from error
    kept = np.arange(len(rows)) if loaded is None else np.flatnonzero(loaded)
    # Back from the order of the store to that of the training.
    place = np.empty(len(rows), dtype=np.int64)
    place[order[kept]] = np.arange(len(kept))
    is_there = np.zeros(len(rows), dtype=bool)
    is_there[order[kept]] = True
    if np.array_equal(order, np.arange(len(rows))):
        return rows[is_there], samples
    return rows[is_there], samples[torch.from_numpy(place[is_there])]


def _where(prepare: Prepare, rows: np.ndarray, raw: Raw, error: ValueError) -> ValueError:
    """Say in which row of `X` something is wrong, as far as a single one is to blame."""
    for row, place in zip(rows, range(len(raw)), strict=True):
        try:
            prepare(raw[place : place + 1])
        except ValueError as of_one:
            text = re.sub(r"\b(in )?row 0\b,? ?", "", str(of_one))
            return ValueError(f"Row {row} of X: {text}")
    return error
