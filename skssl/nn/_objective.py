"""What a method trains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import cast

import torch
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

    def embed(self, samples: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the embedding of `samples`, and what the `projector`, if any, makes of it.

        For looks at what is being learned, without gradient and in eval mode.
        """
        embedding = self.encoder(samples)
        projector = getattr(self, "projector", None)
        return embedding, None if projector is None else projector(embedding)

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

    def embed(self, samples: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return those of the parts, one after the other.

        What is not trained is left out: beside it, a collapse would hardly show.
        """
        parts = [cast(Objective, part).embed(samples) for part in self.objectives]
        embeddings, projections = zip(*parts, strict=True)
        projected = [projection for projection in projections if projection is not None]
        return torch.cat(embeddings, dim=1), torch.cat(projected, dim=1) if projected else None

    def after_step(self, progress: float) -> None:
        for part in self.objectives:
            cast(Objective, part).after_step(progress)
