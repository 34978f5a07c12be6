"""SwAV."""

from __future__ import annotations

from functools import partial
from typing import cast

from torch import Tensor, nn

from skssl._declare import AUTO, NOT_NEGATIVE_INT, POSITIVE, POSITIVE_INT, param, resolve_auto
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.losses import swav
from skssl.nn import (
    DrawViews,
    Objective,
    Prototypes,
    Queue,
    apply_by_size,
    auto_prototypes,
    mlp_head,
)

_GLOBAL_VIEWS = 2
# The authors' share of a training in which the prototypes stand still, and the one from which on
# samples are put into the queue, so that it does not hold what the first steps made.
_FROZEN, _QUEUE_START = 0.01, 0.15


class _SwAVObjective(Objective):
    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        prototypes: Prototypes,
        queues: list[Queue],
        *,
        n_local_views: int,
        temperature: float,
        epsilon: float,
        n_iterations: int,
    ):
        super().__init__(encoder)
        self.projector = projector
        self.prototypes = prototypes
        self.queues = nn.ModuleList(queues)
        self.n_local_views = n_local_views
        self.loss = partial(
            swav,
            n_assign=_GLOBAL_VIEWS,
            temperature=temperature,
            epsilon=epsilon,
            n_iterations=n_iterations,
        )
        self.progress = 0.0

    @property
    def _view_queues(self) -> list[Queue]:
        return cast(list[Queue], list(self.queues))

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        views = draw_views(batch, _GLOBAL_VIEWS)
        local = draw_views(batch, self.n_local_views, kind="local")
        z = apply_by_size(lambda view: self.projector(self.encoder(view)), views, local)
        scores = [self.prototypes(view, frozen=self.progress < _FROZEN) for view in z]
        if not self._view_queues or self.progress < _QUEUE_START:
            return self.loss(scores)
        queued = [
            self.prototypes(queue.seen).detach() for queue in self._view_queues if queue.n_seen
        ]
        loss = self.loss(scores, queue_scores=queued or None)
        for queue, projections in zip(self._view_queues, z, strict=False):
            queue.enqueue(projections)
        return loss

    def after_step(self, progress: float) -> None:
        self.progress = progress


class SwAV(SelfSupervisedTransformer):
    """Swapping assignments between views: sort a batch into groups, find them from other views.

    Projections are scored against prototypes. The samples of a batch are spread evenly over the
    prototypes, as their scores suggest (the Sinkhorn-Knopp algorithm), and each view learns to
    predict the assignment of another. Even groups cannot collapse. Local views, which show a small
    part, predict those of the large ones.

    Parameters
    ----------
    n_prototypes : int, default="auto"
        Number of groups. "auto" is one for ten training samples, from 10 to 300; the paper has
        3000.
    n_local_views : int, default=2
        Views of a small part of each sample, beside the two large ones; the paper has 6. More cost
        more and help.
    temperature : float, default=0.1
        Divides the scores.
    epsilon : float, default=0.05
        Softness of the assignments. Lower values make them more certain; too low ones unstable.
    n_iterations : int, default=3
        Iterations of Sinkhorn-Knopp.
    queue_size : int, default=0
        Earlier samples that are sorted together with the batch, at most: it fills up from 15 % of
        the training on. For batches that are small against the number of prototypes.
    projector_dim : int, default=128
        Size of the projections.
    projector_hidden_dim : int, default="auto"
        Width of the projector's hidden layer. "auto" is twice the size of the embedding.

    See Also
    --------
    DeepCluster : With k-means over all samples.
    DINO : With a teacher in place of assignments.

    Notes
    -----
    As in the authors' code, the projector has two layers with BatchNorm in between, projections
    and prototypes are normalised, assignments get no gradient, and the prototypes stand still in
    the first hundredth of the training. Views of one size go through BatchNorm together.

    References
    ----------
    Caron, Misra, Mairal, Goyal, Bojanowski and Joulin, "Unsupervised Learning of Visual Features by
    Contrasting Cluster Assignments", NeurIPS 2020. https://arxiv.org/abs/2006.09882

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SwAV
    >>> X = load_digits().images[:100]
    >>> ssl = SwAV(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    n_prototypes: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")
    n_local_views: int = param(NOT_NEGATIVE_INT, default=2)
    temperature: float = param(POSITIVE, default=0.1)
    epsilon: float = param(POSITIVE, default=0.05)
    n_iterations: int = param(POSITIVE_INT, default=3)
    queue_size: int = param(NOT_NEGATIVE_INT, default=0)
    projector_dim: int = param(POSITIVE_INT, default=128)
    projector_hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = "Try fewer prototypes, a lower epsilon, or a queue for small batches."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        n_prototypes = resolve_auto(self.n_prototypes, auto_prototypes(n_samples))
        hidden = resolve_auto(self.projector_hidden_dim, 2 * embedding_dim)
        dim = self.projector_dim
        queues = [Queue(self.queue_size, dim) for _ in range(_GLOBAL_VIEWS) if self.queue_size]
        return _SwAVObjective(
            encoder,
            mlp_head([embedding_dim, hidden, dim], last_norm=False, last_bias=True),
            Prototypes(dim, n_prototypes),
            queues,
            n_local_views=self.n_local_views,
            temperature=self.temperature,
            epsilon=self.epsilon,
            n_iterations=self.n_iterations,
        )
