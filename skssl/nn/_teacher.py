"""Slow copies of networks, which give the targets that the networks themselves learn from."""

from __future__ import annotations

import copy
import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from skssl._torch_compat import foreach_lerp_
from skssl.nn._objective import AllBatches, DrawViews, Objective


class TeacherStays(Objective):
    """An objective whose teacher is what stays after a training, and not the student.

    The two exchange their weights when a training ends, and once more before one goes on: the
    encoder is the same module all the time, and nothing that the student has learned is lost.
    """

    teacher: Teacher
    _exchanged = False

    def before_training(self, batches: AllBatches, draw_views: DrawViews) -> None:
        self._let_stay(False)
        super().before_training(batches, draw_views)

    def after_training(self, *, goes_on: bool = False) -> None:
        super().after_training(goes_on=goes_on)
        self._let_stay(True)

    def _let_stay(self, stays: bool) -> None:
        if stays != self._exchanged:
            self.teacher.exchange(self.encoder)
            self._exchanged = stays


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
        # In a tuple, they are no part of this module.
        self._students = students
        self.networks = copy.deepcopy(nn.Sequential(*students)).requires_grad_(False)

    @torch.no_grad()
    def forward(self, samples: Tensor) -> Tensor:
        """Apply the copies one after the other, without gradient.

        Parameters
        ----------
        samples : Tensor of shape (n, ...)
            What the first of the students takes.

        Returns
        -------
        Tensor of shape (n, d)
            What the last copy returns.
        """
        return self.networks(samples)

    @torch.no_grad()
    def exchange(self, *students: nn.Module) -> None:
        """Give the students the weights and statistics that their copies have, and take theirs.

        Parameters
        ----------
        *students : nn.Module
            The first of the students, or all of them, in the order in which they were copied.
        """
        for own, student in zip(self.networks, students, strict=False):
            for mine, theirs in zip(
                own.state_dict().values(), student.state_dict().values(), strict=True
            ):
                kept = mine.clone()
                mine.copy_(theirs)
                theirs.copy_(kept)

    def copies_of(self, student: nn.Module) -> list[nn.Module]:
        """Return the copies of a network, if it is one of the students.

        Parameters
        ----------
        student : nn.Module
            The network itself, not an equal one.

        Returns
        -------
        list of nn.Module
            Empty if it is not one of the students.
        """
        pairs = zip(self._students, self.networks, strict=True)
        return [own for theirs, own in pairs if theirs is student]

    @torch.no_grad()
    def start_again(self) -> None:
        """Become a copy of the students once more."""
        for own, student in zip(self.networks, self._students, strict=True):
            own.load_state_dict(student.state_dict())

    @torch.no_grad()
    def follow(self, *students: nn.Module, momentum: float) -> None:
        """Move the weights towards those of the students.

        Parameters
        ----------
        *students : nn.Module
            All students, in the order in which they were copied.
        momentum : float
            The part of the old weights that is kept, from 0 to 1.
        """
        own: list[Tensor] = list(self.networks.parameters())
        theirs: list[Tensor] = [weight for part in students for weight in part.parameters()]
        if own:
            foreach_lerp_(own, theirs, 1 - momentum)


class TaughtObjective(Objective):
    """An encoder and a projector that learn from a teacher, which follows them after each step.

    Parameters
    ----------
    encoder, projector : nn.Module
        The projector gets the embedding.
    *more : nn.Module
        What comes behind the projector, and is followed as well.
    momentum : float
        What the teacher keeps of its weights in a step, at the start.
    """

    # Whether the momentum rises to 1 with a cosine.
    momentum_rises: ClassVar[bool] = True

    def __init__(self, encoder: nn.Module, projector: nn.Module, *more: nn.Module, momentum: float):
        super().__init__(encoder)
        self.projector = projector
        self.teacher = Teacher(encoder, projector, *more)
        self.momentum = momentum
        self._students = (encoder, projector, *more)

    def after_step(self, progress: float) -> None:
        momentum = self.momentum
        if self.momentum_rises:
            momentum = rising_momentum(momentum, progress)
        self.teacher.follow(*self._students, momentum=momentum)


def rising_momentum(start: float, progress: float) -> float:
    """Return a momentum that rises from `start` to 1 with a cosine (BYOL, equation in 3.3).

    Parameters
    ----------
    start : float
    progress : float
        The part of the training that is done, from 0 to 1.
    """
    return 1 - (1 - start) * (math.cos(math.pi * progress) + 1) / 2
