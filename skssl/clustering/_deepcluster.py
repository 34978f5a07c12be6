"""DeepCluster, version 2."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl._declare import AUTO, NOT_NEGATIVE_INT, POSITIVE, POSITIVE_INT, param, resolve_auto
from skssl._precision import full_precision
from skssl._types import Auto
from skssl.base import SelfSupervisedTransformer
from skssl.nn import (
    AllBatches,
    DrawViews,
    Objective,
    apply_by_size,
    auto_prototypes,
    mlp_head,
    spherical_kmeans,
)

_GLOBAL_VIEWS = 2
# Steps between two clusterings, at least: of few samples, an epoch is no time to learn anything.
_LEAST_STEPS = 20


class _DeepClusterObjective(Objective):
    def __init__(
        self,
        encoder: nn.Module,
        projector: nn.Module,
        *,
        n_clusters: int,
        n_clusterings: int,
        n_local_views: int,
        temperature: float,
    ):
        super().__init__(encoder)
        self.projector = projector
        self.n_clusters = n_clusters
        self.n_clusterings = n_clusterings
        self.n_local_views = n_local_views
        self.temperature = temperature

    def before_training(self, batches: AllBatches, draw_views: DrawViews) -> None:
        with torch.no_grad():
            rows, projections = zip(
                *(
                    (rows, self._project(draw_views(batch, _GLOBAL_VIEWS), []))
                    for rows, batch in batches()
                ),
                strict=True,
            )
        # The projections of all samples, for each of the large views.
        self.bank = torch.cat(projections, dim=1)[:, torch.cat(rows).argsort()]
        self._cluster()

    def _project(self, views: list[Tensor], local: list[Tensor]) -> Tensor:
        z = apply_by_size(lambda view: self.projector(self.encoder(view)), views, local)
        return F.normalize(z, dim=2)

    def _cluster(self) -> None:
        """Sort all samples into clusters, several times, by the one and by the other view."""
        # Later calls of partial_fit may have fewer samples than the first one.
        n_clusters = min(self.n_clusters, self.bank.shape[1])
        found = [
            spherical_kmeans(self.bank[index % _GLOBAL_VIEWS], n_clusters)
            for index in range(self.n_clusterings)
        ]
        self.centroids = [centroids for centroids, _ in found]
        self.clusters = [clusters for _, clusters in found]
        self.seen = self.steps = 0

    def before_step(self, rows: Tensor) -> None:
        if self.seen >= self.bank.shape[1] and self.steps >= _LEAST_STEPS:
            self._cluster()
        self.rows = rows.to(self.bank.device)

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        views = draw_views(batch, _GLOBAL_VIEWS)
        local = draw_views(batch, self.n_local_views, kind="local")
        z = self._project(views, local)
        with full_precision(z) as (z,):
            losses = [
                F.cross_entropy(
                    (z @ centroids.T / self.temperature).flatten(0, 1),
                    clusters[self.rows].repeat(len(z)),
                )
                for centroids, clusters in zip(self.centroids, self.clusters, strict=True)
            ]
        self.bank[:, self.rows] = z[:_GLOBAL_VIEWS].detach()
        self.seen += len(batch)
        self.steps += 1
        return torch.stack(losses).mean()

    def after_training(self, *, goes_on: bool = False) -> None:
        super().after_training(goes_on=goes_on)
        # A training that goes on gets its samples anew.
        for name in ("bank", "centroids", "clusters", "rows"):
            self.__dict__.pop(name, None)


class DeepCluster(SelfSupervisedTransformer):
    """Cluster all samples, learn to tell the clusters, and cluster again (version 2).

    The projections of all training samples, remembered from the last time each was seen, are
    sorted by spherical k-means. The network learns to classify views into these clusters, whose
    centres are the weights of the classifier; then everything is clustered again. It finds the
    large groups of a data set, and wants enough samples for them.

    Parameters
    ----------
    n_clusters : int, default="auto"
        Number of clusters. "auto" is one for ten training samples, from 10 to 300; the paper has
        3000.
    n_clusterings : int, default=3
        Independent clusterings to learn at the same time.
    n_local_views : int, default=2
        Views of a small part of each sample, beside the two large ones; the paper has 6.
    temperature : float, default=0.1
        Divides the cosine similarities of projections and centres.
    projector_dim : int, default=128
        Size of the projections.
    projector_hidden_dim : int, default="auto"
        Width of the projector's hidden layer. "auto" is twice the size of the embedding.

    See Also
    --------
    SwAV : With assignments that are computed for each batch.

    Notes
    -----
    As in the authors' code, the centres are not trained, and the clusterings take turns in which
    view's projections they look at. Clustering takes place after each pass over the samples, but
    not before 20 steps. During the training, all samples' projections are in memory. `partial_fit`
    clusters the samples of each call by themselves, into fewer clusters if there are fewer samples.

    References
    ----------
    Caron, Misra, Mairal, Goyal, Bojanowski and Joulin, "Unsupervised Learning of Visual Features by
    Contrasting Cluster Assignments", NeurIPS 2020, appendix. https://arxiv.org/abs/2006.09882

    Caron, Bojanowski, Joulin and Douze, "Deep Clustering for Unsupervised Learning of Visual
    Features", ECCV 2018. https://arxiv.org/abs/1807.05520

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import DeepCluster
    >>> X = load_digits().images[:100]
    >>> ssl = DeepCluster(max_epochs=2, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 320)
    """

    n_clusters: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")
    n_clusterings: int = param(POSITIVE_INT, default=3)
    n_local_views: int = param(NOT_NEGATIVE_INT, default=2)
    temperature: float = param(POSITIVE, default=0.1)
    projector_dim: int = param(POSITIVE_INT, default=128)
    projector_hidden_dim: Auto[int] = param(AUTO, POSITIVE_INT, default="auto")

    collapse_remedy = "Try fewer clusters, a higher temperature or stronger views."

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        n_clusters = resolve_auto(self.n_clusters, auto_prototypes(n_samples))
        if n_clusters > n_samples:
            if self.n_clusters != "auto":
                raise ValueError(
                    f"n_clusters={n_clusters} must not be larger than the number of training "
                    f"samples, here {n_samples}."
                )
            n_clusters = n_samples
        hidden = resolve_auto(self.projector_hidden_dim, 2 * embedding_dim)
        sizes = [embedding_dim, hidden, self.projector_dim]
        return _DeepClusterObjective(
            encoder,
            mlp_head(sizes, last_norm=False, last_bias=True),
            n_clusters=n_clusters,
            n_clusterings=self.n_clusterings,
            n_local_views=self.n_local_views,
            temperature=self.temperature,
        )
