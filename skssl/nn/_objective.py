"""What a method trains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

DrawViews = Callable[[Tensor, int], list[Tensor]]


class Objective(nn.Module):
    """Encoder and heads, and the loss of a batch.

    Parameters
    ----------
    encoder : nn.Module
        The network that stays after training.
    """

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    @abstractmethod
    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        """Return the loss of `batch`, a scalar. ``draw_views(batch, n)`` are n views of it."""

    def after_step(self, progress: float) -> None:
        """Update what no optimiser updates: teachers, queues, schedules.

        Called after every optimiser step, with the part of the training that is done, in (0, 1].
        """
