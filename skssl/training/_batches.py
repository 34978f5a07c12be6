"""Random batches of samples that are in memory."""

from __future__ import annotations

from collections.abc import Iterator

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

    def __iter__(self) -> Iterator[Tensor]:
        order = torch.randperm(len(self.samples), generator=self.generator)
        order = order.to(self.samples.device, non_blocking=True)
        for rows in order.split(self.batch_size)[: len(self)]:
            self.rows = rows
            batch = self.samples[rows]
            if batch.device != self.device:
                batch = batch.pin_memory().to(self.device, non_blocking=True)
            yield batch


def place(samples: Tensor, device: torch.device) -> Tensor:
    """Move `samples` to a GPU if they leave it at least half of its free memory."""
    if device.type != "cuda":
        return samples
    free, _ = torch.cuda.mem_get_info(device)
    return samples.to(device) if samples.nbytes <= free // 2 else samples
