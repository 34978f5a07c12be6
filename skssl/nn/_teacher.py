"""Slow copies of networks, which give the targets that the networks themselves learn from."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn


class Teacher(nn.Module):
    """An exponential moving average of networks that are applied one after the other.

    Its weights get no gradient and are no optimiser's. In training mode its BatchNorm layers look
    at the batch, as in the authors' code of MoCo, BYOL and DINO.

    Parameters
    ----------
    *students : nn.Module
        The networks to copy and to follow.
    """

    def __init__(self, *students: nn.Module):
        super().__init__()
        self.networks = copy.deepcopy(nn.Sequential(*students)).requires_grad_(False)

    @torch.no_grad()
    def forward(self, samples: Tensor) -> Tensor:
        return self.networks(samples)

    @torch.no_grad()
    def follow(self, *students: nn.Module, momentum: float) -> None:
        """Move the weights towards those of the students, keeping `momentum` of the old ones."""
        own: list[Tensor] = list(self.networks.parameters())
        theirs: list[Tensor] = [weight for part in students for weight in part.parameters()]
        if own:
            torch._foreach_lerp_(own, theirs, 1 - momentum)


def rising_momentum(start: float, progress: float) -> float:
    """Return a momentum that rises from `start` to 1 with a cosine (BYOL, equation in 3.3).

    Parameters
    ----------
    start : float
    progress : float
        The part of the training that is done, from 0 to 1.
    """
    return 1 - (1 - start) * (math.cos(math.pi * progress) + 1) / 2
