"""What fine-tuning trains: an encoder and a head, on labelled rows and on others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor, nn

from skssl._precision import full_precision
from skssl.losses import fixmatch, pseudo_label
from skssl.nn import DrawViews, Objective, learned_batch_norms

# Epochs 100 and 600 in the paper (equation 16), as parts of the training.
_RISE_START, _RISE_END = 0.1, 0.6


class SupervisedObjective(Objective):
    """An encoder and a head that learn from labelled rows.

    BatchNorm layers keep the statistics that they learned from all rows: those of a few labelled
    ones would ruin them. Layers that have learned none yet learn them here.

    Parameters
    ----------
    encoder, head : nn.Module
    targets : Tensor of shape (n,)
        Of the training rows with labels, which come before all others.
    weights : Tensor of shape (n,)
        How much each of them counts.
    loss : callable
        Gets what the head says of some rows and their targets; returns a loss for each.
    augment : bool
        Whether labelled rows are changed by the mild views.
    """

    head: nn.Module
    targets: Tensor
    weights: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        targets: Tensor,
        weights: Tensor,
        *,
        loss: Callable[[Tensor, Tensor], Tensor],
        augment: bool,
    ):
        super().__init__(encoder)
        self.head = head
        self.loss = loss
        self.augment = augment
        # Not persistent: they are no part of what is learned.
        self.register_buffer("targets", targets, persistent=False)
        self.register_buffer("weights", weights, persistent=False)
        self._norms = learned_batch_norms(encoder)
        self._rows: Tensor

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for norm in self._norms:
            norm.eval()
        return self

    def before_step(self, rows: Tensor) -> None:
        self._rows = rows.to(self.targets.device)

    def outputs(self, samples: Tensor) -> Tensor:
        """Return what the head says of samples."""
        with full_precision(self.encoder(samples)) as (embedding,):
            return self.head(embedding)

    def embed(self, samples: Tensor) -> tuple[Tensor, Tensor | None]:
        embedding = self.encoder(samples)
        return embedding, self.head(embedding)

    def weighted_loss(self, outputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the mean loss of rows that count by their weights."""
        return (weights * self.loss(outputs, targets)).mean()

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        rows = self._rows[: len(batch)]
        view = draw_views(batch, 1, kind="mild")[0] if self.augment else batch
        return self.weighted_loss(self.outputs(view), self.targets[rows], self.weights[rows])


class SemiSupervisedObjective(SupervisedObjective):
    """Adds a loss of other rows, which come behind the labelled ones of a batch.

    Parameters
    ----------
    n_others : int
        How many of a batch they are.
    weight : float
        Of their loss.
    """

    def __init__(self, *networks_and_targets: Any, n_others: int, weight: float, **kwargs: Any):
        super().__init__(*networks_and_targets, **kwargs)
        self.n_others = n_others
        self.weight = weight

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        labelled, others = batch.tensor_split([len(batch) - self.n_others])
        loss = super().forward(labelled, draw_views)
        return loss + self.weight * self.loss_of_others(others, draw_views)

    @abstractmethod
    def loss_of_others(self, others: Tensor, draw_views: DrawViews) -> Tensor:
        """Return the loss of rows whose labels are not looked at."""


class FixMatchObjective(SemiSupervisedObjective):
    """Ordinary views learn what mild ones are certain of.

    Parameters
    ----------
    threshold : float
        How probable the class of a mild view must be.
    """

    def __init__(self, *networks_and_targets: Any, threshold: float, **kwargs: Any):
        super().__init__(*networks_and_targets, **kwargs)
        self.threshold = threshold

    def loss_of_others(self, others: Tensor, draw_views: DrawViews) -> Tensor:
        with torch.no_grad():
            mild = self.outputs(draw_views(others, 1, kind="mild")[0])
        certain = mild.softmax(dim=1).amax(dim=1) >= self.threshold
        self.measure("certain", certain.float().mean())
        strong = self.outputs(draw_views(others, 1)[0])
        return fixmatch(mild, strong, threshold=self.threshold)


class PseudoLabelObjective(SemiSupervisedObjective):
    """Rows learn the class that they seem to have, with a weight that rises slowly."""

    _progress = 0.0

    def loss_of_others(self, others: Tensor, draw_views: DrawViews) -> Tensor:
        view = draw_views(others, 1, kind="mild")[0] if self.augment else others
        return _risen(self._progress) * pseudo_label(self.outputs(view))

    def after_step(self, progress: float) -> None:
        self._progress = progress


def _risen(progress: float) -> float:
    """Return the part of its final value that the weight of pseudo-labels has."""
    return min(1.0, max(0.0, (progress - _RISE_START) / (_RISE_END - _RISE_START)))
