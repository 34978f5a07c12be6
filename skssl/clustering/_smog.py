"""SMoG."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl._declare import AUTO, FRACTION, POSITIVE, POSITIVE_INT, param, resolve_auto
from skssl._precision import full_precision
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.nn import (
    AllBatches,
    DrawViews,
    Objective,
    Queue,
    TaughtObjective,
    auto_prototypes,
    mlp_head,
    spherical_kmeans,
)

# Earlier samples whose groups are found when the groups are formed anew.
_SAMPLES_PER_GROUP = 10


class _SMoGObjective(TaughtObjective):
    groups: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        predictor: nn.Module,
        *,
        dim: int,
        n_groups: int,
        group_momentum: float,
        regroup_interval: int,
        temperature: float,
        momentum: float,
    ):
        super().__init__(encoder, projector, momentum=momentum)
        self.predictor = predictor
        self.queue = Queue(_SAMPLES_PER_GROUP * n_groups, dim)
        self.register_buffer("groups", F.normalize(torch.randn(n_groups, dim), dim=1))
        self.group_momentum = group_momentum
        self.regroup_interval = regroup_interval
        self.temperature = temperature
        self.steps = 0

    def before_training(self, batches: AllBatches, draw_views: DrawViews) -> None:
        super().before_training(batches, draw_views)
        if self.steps:
            return
        with torch.no_grad():
            for _, batch in batches():
                (view,) = draw_views(batch, 1)
                self.queue.enqueue(self.projector(self.encoder(view)).float())
                if len(self.queue.seen) == self.queue.size:
                    break
        self._regroup()

    def _regroup(self) -> None:
        """Form the groups anew, from the latest samples."""
        projections = self.queue.seen
        groups = spherical_kmeans(projections, min(len(self.groups), len(projections)))[0]
        # With fewer samples than groups, the rest stays as it is.
        self.groups = torch.cat([groups, self.groups[len(groups) :]])

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        views = draw_views(batch, 2)
        # The views swap their roles with every step, as in the authors' code.
        view, other = views if self.steps % 2 == 0 else reversed(views)
        projections = self.projector(self.encoder(view))
        parts = (projections, self.predictor(projections), self.teacher(other))
        with full_precision(*parts) as (projections, predictions, slow):
            projections = F.normalize(projections, dim=1)
            predictions = F.normalize(predictions, dim=1)
            targets = (F.normalize(slow, dim=1) @ self.groups.T).argmax(dim=1)
            groups = self._updated_groups(projections)
            loss = F.cross_entropy(predictions @ groups.T / self.temperature, targets)
        self.groups = groups.detach()
        self.queue.enqueue(projections)
        return loss

    def _updated_groups(self, projections: Tensor) -> Tensor:
        """Move each group towards the mean of its samples, through which the gradient passes."""
        member = F.one_hot((projections @ self.groups.T).argmax(dim=1), len(self.groups))
        member = member.to(projections.dtype)
        count = member.sum(dim=0)[:, None]
        mean = member.T @ projections / count.clamp(min=1)
        moved = torch.lerp(mean, self.groups, self.group_momentum)
        return F.normalize(torch.where(count > 0, moved, self.groups), dim=1)

    def after_step(self, progress: float) -> None:
        super().after_step(progress)
        self.steps += 1
        # The groups are formed anew now and then, as they could otherwise become alike.
        if self.steps % self.regroup_interval == 0 and progress < 1:
            self._regroup()


class SMoG(SelfSupervisedTransformer):
    """Synchronous momentum grouping: contrast with groups, which move with every step.

    A view is to be recognised by its group: that of another view, as a slow copy of the network
    sees it. The centres of the groups move in the same step in which they are learned from, and
    the gradient passes through them, so that nothing waits for a clustering of all samples. A
    group stands for many near-duplicates, which are then no negatives of each other.

    Parameters
    ----------
    n_groups : int, default="auto"
        Number of groups. "auto" is one for ten training samples, from 10 to 300; the paper has
        3000.
    group_momentum : float, default=0.99
        What a group's centre keeps of itself in a step.
    regroup_interval : int, default=50
        Steps after which the groups are formed anew by k-means over the latest samples; the paper
        has 300.
    temperature : float, default=0.1
        Divides the cosine similarities of samples and groups.
    momentum : float, default=0.99
        What the teacher keeps of its weights in a step, at the start; it rises to 1 with a cosine.
    projector_dim : int, default=128
        Size of the projections.
    hidden_dim : int, default="auto"
        Width of the hidden layers of projector and predictor. "auto" is twice the size of the
        embedding.

    See Also
    --------
    SwAV : With assignments that spread a batch evenly over the groups.

    Notes
    -----
    Projector and predictor have two layers with BatchNorm in between.

    References
    ----------
    Pang, Zhang, Li, Cai and Lu, "Unsupervised Visual Representation Learning by Synchronous
    Momentum Grouping", ECCV 2022. https://arxiv.org/abs/2207.06167

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SMoG
    >>> X = load_digits().images[:100]
    >>> ssl = SMoG(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    n_groups: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")
    group_momentum: float = param(FRACTION, default=0.99)
    regroup_interval: int = param(POSITIVE_INT, default=50)
    temperature: float = param(POSITIVE, default=0.1)
    momentum: float = param(FRACTION, default=0.99)
    projector_dim: int = param(POSITIVE_INT, default=128)
    hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = "Try a lower group_momentum, a shorter regroup_interval or fewer groups."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        hidden = resolve_auto(self.hidden_dim, 2 * embedding_dim)
        dim = self.projector_dim
        return _SMoGObjective(
            encoder,
            mlp_head([embedding_dim, hidden, dim], last_norm=False, last_bias=True),
            mlp_head([dim, hidden, dim], last_norm=False, last_bias=True),
            dim=dim,
            n_groups=resolve_auto(self.n_groups, auto_prototypes(n_samples)),
            group_momentum=self.group_momentum,
            regroup_interval=self.regroup_interval,
            temperature=self.temperature,
            momentum=self.momentum,
        )
