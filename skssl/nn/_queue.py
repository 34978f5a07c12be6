"""Projections of earlier batches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl._precision import full_precision

_LARGEST_QUEUE = 4096


class Queue(nn.Module):
    """The L2-normalised projections of the latest samples, first in, first out.

    It is empty until a training fills it, with random directions at first, as in the authors' code
    of MoCo. What compares with no more than samples looks at :attr:`seen`.

    Parameters
    ----------
    size : int
        Number of projections that are kept.
    dim : int
        Size of a projection.
    """

    rows: Tensor

    def __init__(self, size: int, dim: int):
        super().__init__()
        self.size = size
        self.register_buffer("rows", torch.empty(0, dim))
        self.oldest = 0
        self.n_seen = 0

    def fill(self) -> None:
        """Fill an empty queue with random directions."""
        if not len(self.rows):
            drawn = torch.randn(self.size, self.rows.shape[1], device=self.rows.device)
            self.rows = F.normalize(drawn, dim=1)

    def clear(self) -> None:
        """Forget all projections."""
        self.rows = self.rows[:0].clone()
        self.oldest = self.n_seen = 0

    @property
    def seen(self) -> Tensor:
        """The rows that are projections of samples, and not the random directions of the start."""
        return self.rows[: self.n_seen]

    @torch.no_grad()
    def enqueue(self, projections: Tensor) -> None:
        """Replace the oldest rows. Losses and searches that use the queue come before this.

        Parameters
        ----------
        projections : Tensor of shape (n, dim)
            Projections of the latest batch, which are normalised here. Of more than `size`, the
            last ones are taken.
        """
        with full_precision(projections.detach()[-self.size :]) as (newest,):
            newest = F.normalize(newest, dim=1).to(self.rows.dtype)
        places = (self.oldest + torch.arange(len(newest), device=newest.device)) % self.size
        # A loss of this step may still need the old rows for its gradient.
        self.rows = self.rows.index_copy(0, places, newest)
        self.oldest = (self.oldest + len(newest)) % self.size
        self.n_seen = min(self.n_seen + len(newest), self.size)

    @torch.no_grad()
    def nearest(self, projections: Tensor) -> Tensor:
        """Return for each projection the row with the largest cosine.

        Parameters
        ----------
        projections : Tensor of shape (n, dim)
            They need not be normalised.

        Returns
        -------
        Tensor of shape (n, dim)
            Rows of the queue, which are normalised.
        """
        with full_precision(projections, self.rows) as (projections, rows):
            return self.rows[(F.normalize(projections, dim=1) @ rows.T).argmax(dim=1)]


def auto_queue_size(n_samples: int) -> int:
    """Return half the number of samples, so that few are in the queue themselves; at most 4096."""
    return max(1, min(n_samples // 2, _LARGEST_QUEUE))
