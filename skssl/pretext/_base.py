"""What all pretext tasks with a right answer have in common."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skssl._declare import POSITIVE_INT, param
from skssl._precision import full_precision
from skssl._types import Samples
from skssl._warn import warn
from skssl.base import SelfSupervisedTransformer
from skssl.exceptions import PretextTaskWarning
from skssl.nn import DrawViews, Objective, PartsHead, apply_by_size, mlp_head

# Questions that each sample is asked for a score.
ROUNDS = 4
# Mean accuracy over the first epoch, in which no sample was seen before.
_TRIVIAL = 0.95
# Of fewer answers, all may be right by chance.
_FEWEST_ANSWERS = 16
_FEWEST_STEPS = 50
# Standard deviations above chance.
_SIGNIFICANT = 3.0


class Task(ABC):
    """Makes questions of samples: which of some changes was made to each.

    Its random numbers come from torch's global generator, which training and scoring seed and put
    back.
    """

    #: Number of possible answers.
    n_classes: int
    #: Number of pieces of a sample that the encoder sees.
    n_parts: int = 1

    @abstractmethod
    def pose(self, batch: Tensor, answers: Tensor) -> list[Tensor]:
        """Return what the encoder is to see of each sample so that `answers` are right.

        Parameters
        ----------
        batch : Tensor of shape (n, ...)
            Samples in the scale of the input layer.
        answers : Tensor of shape (n,), int64
            From 0 to ``n_classes - 1``.

        Returns
        -------
        list of ``n_parts`` tensors of shape (n, ...)
        """

    def show(self, batch: Tensor) -> list[Tensor]:
        """Return what the encoder is to see of samples whose answer is not known."""
        return [batch]


class TaskObjective(Objective):
    """An encoder, and a head that tells from the embeddings of all parts what the answer is.

    Parameters
    ----------
    encoder, head : nn.Module
    task : Task
    augment : bool
        Whether the samples are changed by the views first.
    n_asked : int
        Different questions that each sample of a batch is asked, up to all that there are.
    """

    def __init__(
        self, encoder: nn.Module, head: nn.Module, task: Task, *, augment: bool, n_asked: int = 1
    ):
        super().__init__(encoder)
        self.head = head
        self.task = task
        self.augment = augment
        self.n_asked = n_asked

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        if self.augment:
            (batch,) = draw_views(batch, 1)
        if self.n_asked == 1:
            answers = torch.randint(self.task.n_classes, (len(batch),), device=batch.device)
        else:
            order = torch.rand(len(batch), self.task.n_classes, device=batch.device).argsort(dim=1)
            answers = order[:, : self.n_asked].T.flatten()
            batch = torch.cat([batch] * self.n_asked)
        logits = self.answer(self.task.pose(batch, answers))
        self.measure("task_accuracy", (logits.argmax(dim=1) == answers).float().mean())
        return F.cross_entropy(logits, answers)

    def answer(self, parts: list[Tensor]) -> Tensor:
        """Return logits of shape (n, n_classes) for what was posed."""
        embedded = apply_by_size(self.encoder, parts).transpose(0, 1).flatten(1)
        with full_precision(embedded) as (embedded,):
            return self.head(embedded)


class _PretextTask(SelfSupervisedTransformer):
    """Base class of the pretext tasks that ask which of some changes was made.

    Parameters
    ----------
    views : "auto", Views or callable, default="auto"
        Random changes that are made to a sample before the task makes its own. "auto" makes none.
    head_dim : int, default=256
        Width of the hidden layers between the embeddings and the answer.

    Attributes
    ----------
    n_classes_ : int
        Number of possible answers.
    history_ : list of dict
        As for all methods, with ``task_accuracy``: the share of right answers in the epoch. In the
        first epoch no sample was seen before.
    """

    head_dim: int = param(POSITIVE_INT, default=256)

    collapse_remedy: ClassVar[str | None] = (
        "The task may be too hard or too easy for these samples; look at task_accuracy in "
        "history_, and try a smaller learning_rate."
    )

    # Different questions that each sample of a batch is asked at once.
    _most_asked: ClassVar[int] = 1

    _shortcut_remedy: ClassVar[str] = "try views that change what betrays the answer."

    @abstractmethod
    def _make_task(self, samples: Tensor) -> Task:
        """Return the questions that are asked of samples like these."""

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        task = self._make_task(samples)
        self.n_classes_ = task.n_classes
        head = self._make_head(task, embedding_dim)
        return TaskObjective(
            encoder, head, task, augment=self.augments(), n_asked=self._n_asked(task.n_classes)
        )

    def _n_asked(self, n_classes: int) -> int:
        """Return how many different questions a sample of a batch is asked."""
        return min(self._most_asked, n_classes)

    def shows_views(self) -> bool:
        return self.augments()

    def _make_head(self, task: Task, embedding_dim: int) -> nn.Module:
        """Return the network from the embeddings of all parts, side by side, to the answer."""
        if task.n_parts > 1:
            return PartsHead(embedding_dim, task.n_parts, self.head_dim, task.n_classes)
        return mlp_head(
            [embedding_dim, self.head_dim, task.n_classes], last_norm=False, last_bias=True
        )

    def score(self, X: Samples, y: ArrayLike | None = None) -> float:
        """Return the share of right answers to the task on samples, such as held-out ones.

        Every sample is asked 4 random questions, which are always the same. Chance is
        ``1 / n_classes_``.

        Parameters
        ----------
        X : array-like
            Samples.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        accuracy : float
            From 0 to 1; higher is better.
        """
        from skssl.training import resolve_device, seeded

        check_is_fitted(self)
        samples, _ = self.prepare_samples(X)
        n_classes = self.n_classes_

        def is_right(objective: Objective, batch: Tensor, answers: Tensor) -> Tensor:
            told = probabilities(objective, lambda task: task.pose(batch, answers))
            return (told.argmax(dim=1) == answers).float()

        with seeded(self._seed, resolve_device(self.device)):
            rounds = []
            for _ in range(ROUNDS):
                answers = torch.randint(n_classes, (len(samples),))
                rounds.append(self.apply_objective(is_right, samples, answers))
        return torch.stack(rounds).mean().item()

    def conclude(self) -> None:
        super().conclude()
        if not self.n_steps_:
            return
        n_classes, name = self.n_classes_, type(self).__name__
        first, last = (self.history_[epoch]["task_accuracy"] for epoch in (0, -1))
        asked = self.batch_size_ * self._n_asked(n_classes)
        answered = self.n_steps_ / len(self.history_) * asked
        if first > _TRIVIAL and answered >= _FEWEST_ANSWERS:
            warn(
                f"{name}: {first:.1%} of the answers in the first epoch were right, so the task is "
                "trivial for these samples and teaches little. Something gives it away: "
                f"{self._shortcut_remedy}",
                PretextTaskWarning,
            )
        chance = 1 / n_classes
        deviation = math.sqrt(chance * (1 - chance) / answered)
        if self.n_steps_ >= _FEWEST_STEPS and last < chance + _SIGNIFICANT * deviation:
            warn(
                f"{name}: {last:.1%} of the answers in the last epoch were right, which is no "
                f"better than guessing among {n_classes}. The samples may not have what the task "
                "asks for; if they do, try more max_epochs or an encoder that sees it.",
                PretextTaskWarning,
            )


def probabilities(objective: Objective, pose: Callable[[Task], list[Tensor]]) -> Tensor:
    """Return the probability of every answer to what is posed.

    Encoders side by side each answer a question of their own; the mean counts.
    """
    return TaskObjective.mean_over(
        objective, lambda part: part.answer(pose(part.task)).softmax(dim=1)
    )
