"""The general form of a pretext task: which of some transforms was applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from skssl.pretext._base import Task


class WhichTransform(Task):
    """Asks which of some transforms was applied to a sample.

    Parameters
    ----------
    transforms : sequence of callable
        Each gets a batch and returns it changed, in the same shape.
    """

    def __init__(self, transforms: Sequence[Callable[[Tensor], Tensor]]):
        self.transforms = list(transforms)
        self.n_classes = len(self.transforms)

    def pose(self, batch: Tensor, answers: Tensor) -> list[Tensor]:
        posed = torch.empty_like(batch)
        for answer, transform in enumerate(self.transforms):
            chosen = (answers == answer).nonzero()[:, 0]
            posed[chosen] = transform(batch[chosen])
        return [posed]
