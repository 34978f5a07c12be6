"""Random batches of samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from skssl._streams import Stream


class Batches:
    """Random batches of a tensor, on `device`.

    Slicing a tensor costs a tenth of what a DataLoader does for small networks. Every epoch goes
    through the samples in a new order. Batches have `batch_size` samples, or all of them if there
    are fewer; what does not fill a last batch is left out of that epoch.

    Parameters
    ----------
    samples : Tensor
        All samples, on `device` or on the CPU.
    batch_size : int
    generator : torch.Generator
        For the order, on the CPU.
    device : torch.device

    Attributes
    ----------
    rows : Tensor
        Which samples the latest batch holds.
    """

    rows: Tensor

    def __init__(
        self, samples: Tensor, *, batch_size: int, generator: torch.Generator, device: torch.device
    ):
        self.samples = samples
        self.batch_size = min(batch_size, len(samples))
        self.generator = generator
        self.device = device

    def __len__(self) -> int:
        return len(self.samples) // self.batch_size

    def _epoch(self) -> Iterator[Tensor]:
        """Go through the rows of the batches of an epoch."""
        order = torch.randperm(len(self.samples), generator=self.generator)
        order = order.to(self.samples.device, non_blocking=self.samples.is_cuda)
        yield from order.split(self.batch_size)[: len(self)]

    def __iter__(self) -> Iterator[Tensor]:
        for rows in self._epoch():
            self.rows = rows.to(self.samples.device, non_blocking=self.samples.is_cuda)
            yield _moved(self.samples[self.rows], self.device)


class BatchesWithOthers(Batches):
    """Random batches of the first samples, each with some of all samples behind them.

    An epoch goes through the first samples, as :class:`Batches` does. Those behind them come from
    an order of their own, which begins anew when it is through, and goes on from epoch to epoch.

    Parameters
    ----------
    samples, batch_size, generator, device
        As for :class:`Batches`; the batch size is that of the first samples.
    n_first : int
        How many samples are the first ones.
    n_others : int
        How many samples come behind them in every batch.
    """

    def __init__(self, samples: Tensor, *, n_first: int, n_others: int, **kwargs: Any):
        super().__init__(samples, **kwargs)
        self.n_first = n_first
        self.n_others = n_others
        self.batch_size = min(self.batch_size, n_first)
        self._waiting = torch.empty(0, dtype=torch.int64)

    def __len__(self) -> int:
        return self.n_first // self.batch_size

    def _epoch(self) -> Iterator[Tensor]:
        order = torch.randperm(self.n_first, generator=self.generator)
        for rows in order.split(self.batch_size)[: len(self)]:
            yield torch.cat([rows, self._next_others()])

    def _next_others(self) -> Tensor:
        while len(self._waiting) < self.n_others:
            order = torch.randperm(len(self.samples), generator=self.generator)
            self._waiting = torch.cat([self._waiting, order])
        rows, self._waiting = self._waiting.tensor_split([self.n_others])
        return rows


class StreamedBatches:
    """Random batches of samples that are read while they are needed, on `device`.

    Parameters and attributes are those of :class:`Batches`.
    """

    rows: Tensor

    def __init__(
        self, samples: Stream, *, batch_size: int, generator: torch.Generator, device: torch.device
    ):
        self.samples = samples
        self.batch_size = min(batch_size, len(samples))
        self.generator = generator
        self.device = device

    def __len__(self) -> int:
        return len(self.samples) // self.batch_size

    def __iter__(self) -> Iterator[Tensor]:
        windows = self.samples.windows(self.generator, multiple_of=self.batch_size)
        for all_rows, samples in windows:
            for start in range(0, len(samples) - self.batch_size + 1, self.batch_size):
                self.rows = all_rows[start : start + self.batch_size]
                yield _moved(samples[start : start + self.batch_size], self.device)


def _moved(batch: Tensor, device: torch.device) -> Tensor:
    if batch.device == device:
        return batch
    if device.type == "cuda":
        return batch.pin_memory().to(device, non_blocking=True)
    return batch.to(device)


def all_batches(
    samples: Tensor | Stream, *, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Go through all samples in a random order: rows and samples, at least 2 if there are."""
    if isinstance(samples, Stream):
        for rows, window in samples.windows(generator, multiple_of=batch_size):
            n_batches = max(1, len(window) // batch_size)
            yield from zip(
                rows.tensor_split(n_batches), window.tensor_split(n_batches), strict=True
            )
        return
    order = torch.randperm(len(samples), generator=generator).to(samples.device)
    for rows in order.tensor_split(max(1, len(samples) // batch_size)):
        yield rows, samples[rows]


def known_samples(samples: Tensor | Stream) -> Tensor:
    """Return samples that are in memory: all of them, or a few."""
    return samples.known if isinstance(samples, Stream) else samples


def place(samples: Tensor | Stream, device: torch.device) -> Tensor | Stream:
    """Move `samples` to a GPU of CUDA if they leave it at least half of its free memory."""
    if device.type != "cuda" or isinstance(samples, Stream):
        return samples
    free, _ = torch.cuda.mem_get_info(device)
    return samples.to(device) if samples.nbytes <= free // 2 else samples
