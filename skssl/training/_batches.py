"""Random batches of samples that are in memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor


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

    def __iter__(self) -> Iterator[Tensor]:
        self.order_at_start = self._order()
        n_left_out, self._n_left_out = self._n_left_out, 0
        for rows in islice(self._epoch(), n_left_out, None):
            self.rows = rows.to(self.samples.device, non_blocking=self.samples.is_cuda)
            batch = self.samples[self.rows]
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


def place(samples: Tensor, device: torch.device) -> Tensor:
    """Move `samples` to a GPU of CUDA if they leave it at least half of its free memory."""
    if device.type != "cuda":
        return samples
    free, _ = torch.cuda.mem_get_info(device)
    return samples.to(device) if samples.nbytes <= free // 2 else samples
