"""What a method trains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn


class DrawViews(Protocol):
    """What gives an objective random views of a batch."""

    def __call__(self, batch: Tensor, n_views: int, *, local: bool = False) -> list[Tensor]:
        """Return `n_views` views of every sample of `batch`.

        With `local`, they show smaller parts of the samples, and may be smaller tensors.
        """


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
        """Return the loss of `batch`, a scalar.

        ``draw_views(batch, n)`` are n views of it, ``draw_views(batch, n, local=True)`` n views of
        smaller parts of its samples.
        """

    def after_step(self, progress: float) -> None:
        """Update what no optimiser updates: teachers, queues, schedules.

        Called after every optimiser step, with the part of the training that is done, in (0, 1].
        """


class JointObjective(Objective):
    """Several objectives on the same batches, each with an encoder of its own.

    Networks side by side are trained like this: behind one head, the one that solves the task
    first would leave nothing for the others to learn. The loss is the mean of theirs.

    Parameters
    ----------
    encoder : nn.Module
        The encoder that holds those of the `objectives`.
    objectives : sequence of Objective
    """

    def __init__(self, encoder: nn.Module, objectives: Sequence[Objective]):
        super().__init__(encoder)
        self.objectives = nn.ModuleList(objectives)

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        return torch.stack([part(batch, draw_views) for part in self.objectives]).mean()

    def after_step(self, progress: float) -> None:
        for part in self.objectives:
            cast(Objective, part).after_step(progress)
