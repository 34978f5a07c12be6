"""Clusters of directions."""

from __future__ import annotations

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from skssl._precision import full_precision

_ITERATIONS = 10


def spherical_kmeans(rows: Tensor, n_clusters: int) -> tuple[Tensor, Tensor]:
    """Sort unit vectors into clusters by k-means, whose means are normalised at the end.

    Parameters
    ----------
    rows : Tensor of shape (n, d)
        Unit vectors.
    n_clusters : int
        At most n.

    Returns
    -------
    centroids : Tensor of shape (n_clusters, d)
        Unit vectors.
    clusters : Tensor of shape (n,)
        The nearest centroid of each row, by cosine.
    """
    from sklearn.cluster import KMeans

    seed = int(torch.randint(2**31 - 1, ()))
    kmeans = KMeans(n_clusters, init="random", n_init=1, max_iter=_ITERATIONS, random_state=seed)
    with warnings.catch_warnings():
        # Fewer different rows than clusters, at the start of a training: some stay empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        centroids = kmeans.fit(rows.cpu().numpy().astype(np.float32)).cluster_centers_
    directions = F.normalize(torch.from_numpy(centroids), dim=1).to(rows)
    with full_precision(rows, directions) as (rows, directions):
        return directions, (rows @ directions.T).argmax(dim=1)
