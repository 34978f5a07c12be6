"""Random batches of samples."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
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
    order_at_start : dict
        What the order of the epoch that is under way followed from.
    """

    rows: Tensor
    order_at_start: dict[str, Tensor]

    def __init__(
        self, samples: Tensor, *, batch_size: int, generator: torch.Generator, device: torch.device
    ):
        self.samples = samples
        self.batch_size = min(batch_size, len(samples))
        self.generator = generator
        self.device = device
        self._n_left_out = 0

    def __len__(self) -> int:
        return len(self.samples) // self.batch_size

    def go_on(self, order_at_start: dict[str, Tensor], n_done: int) -> None:
        """Make the next epoch the rest of one that began like this, after so many batches."""
        self._set_order(order_at_start)
        self._n_left_out = n_done

    def _order(self) -> dict[str, Tensor]:
        """Return what the order of the next epoch follows from."""
        return {"generator": self.generator.get_state()}

    def _set_order(self, order: dict[str, Tensor]) -> None:
        self.generator.set_state(order["generator"])

    def _epoch(self) -> Iterator[Tensor]:
        """Go through the rows of the batches of an epoch."""
        order = torch.randperm(len(self.samples), generator=self.generator)
        order = order.to(self.samples.device, non_blocking=self.samples.is_cuda)
        yield from order.split(self.batch_size)[: len(self)]

    def _batches(self, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through the batches of an epoch from the one at place `first` on: rows, samples."""
        for rows in islice(self._epoch(), first, None):
            here = rows.to(self.samples.device, non_blocking=self.samples.is_cuda)
            yield here, self.samples[here]

    def __iter__(self) -> Iterator[Tensor]:
        self.order_at_start = self._order()
        n_left_out, self._n_left_out = self._n_left_out, 0
        for rows, batch in self._batches(n_left_out):
            self.rows = rows
            if batch.device == self.device:
                yield batch
            elif self.device.type == "cuda":
                yield batch.pin_memory().to(self.device, non_blocking=True)
            else:
                yield batch.to(self.device)


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

    def _order(self) -> dict[str, Tensor]:
        return {**super()._order(), "waiting": self._waiting.clone()}

    def _set_order(self, order: dict[str, Tensor]) -> None:
        super()._set_order(order)
        self._waiting = order["waiting"]

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


class StreamedBatches(Batches):
    """Random batches of samples that are read while they are needed, on `device`.

    Parameters
    ----------
    samples : Stream
    **kwargs
        As for :class:`Batches`.
    """

    def __init__(self, samples: Stream, **kwargs: Any):
        super().__init__(samples.known, **kwargs)
        self.stream = samples
        self.batch_size = min(kwargs["batch_size"], len(samples))

    def __len__(self) -> int:
        return len(self.stream) // self.batch_size

    def _batches(self, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        # How many batches a window has is known when it is read: some samples may be left out.
        return islice(self._all_batches(), first, None)

    def _all_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        size = self.batch_size
        for rows, samples in self.stream.windows(self.generator, multiple_of=size):
            for start in range(0, len(samples) - size + 1, size):
                yield rows[start : start + size], samples[start : start + size]


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
