"""The k-means features of Coates and Ng, the strongest classical rival for small photos.

6x6 patches, contrast-normalised and ZCA-whitened; 400 centroids; the "triangle" activation, summed
over the four quadrants of an image.

Coates, Lee and Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning",
AISTATS 2011.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor

_VALUES_AT_ONCE = 600_000


class KMeansPatches(TransformerMixin, BaseEstimator):
    """Learns a dictionary of patches of ``uint8`` images, grey or with channels last."""

    def __init__(
        self,
        n_clusters: int = 400,
        patch: int = 6,
        n_patches: int = 200_000,
        whitening: float = 0.1,
        random_state: int = 0,
    ):
        self.n_clusters = n_clusters
        self.patch = patch
        self.n_patches = n_patches
        self.whitening = whitening
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: None = None) -> KMeansPatches:
        """Learn the whitening and the centroids from random patches."""
        rng = np.random.default_rng(self.random_state)
        height, width = X.shape[1:3]
        rows = rng.integers(0, len(X), self.n_patches)
        tops = rng.integers(0, height - self.patch + 1, self.n_patches)
        lefts = rng.integers(0, width - self.patch + 1, self.n_patches)
        images = _images(X).numpy()
        patches = np.stack(
            [
                images[i, :, top : top + self.patch, left : left + self.patch]
                for i, top, left in zip(rows, tops, lefts, strict=True)
            ]
        ).reshape(self.n_patches, -1)
        patches = _normalize(torch.from_numpy(patches), dim=1).numpy()
        self.mean_ = patches.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(patches.T))
        self.zca_ = (vectors / np.sqrt(values + self.whitening)) @ vectors.T
        kmeans = MiniBatchKMeans(
            self.n_clusters, batch_size=4096, n_init=1, random_state=self.random_state
        )
        self.centroids_ = kmeans.fit((patches - self.mean_) @ self.zca_).cluster_centers_
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the sums over the quadrants, of shape (n, 4 * n_clusters)."""
        centroids = torch.tensor(self.centroids_, dtype=torch.float32)
        zca = torch.tensor(self.zca_, dtype=torch.float32)
        mean = torch.tensor(self.mean_, dtype=torch.float32)
        with torch.inference_mode():
            batches = [
                self._encode(_images(batch), centroids, zca, mean)
                for batch in np.array_split(X, max(1, X.size // _VALUES_AT_ONCE))
            ]
        return torch.cat(batches).numpy()

    def _encode(self, images: Tensor, centroids: Tensor, zca: Tensor, mean: Tensor) -> Tensor:
        columns = F.unfold(images, self.patch).transpose(1, 2)
        whitened = (_normalize(columns, dim=2) - mean) @ zca
        distance = torch.cdist(whitened, centroids[None])
        triangle = F.relu(distance.mean(dim=2, keepdim=True) - distance)
        side = (images.shape[2] - self.patch + 1, images.shape[3] - self.patch + 1)
        maps = triangle.transpose(1, 2).unflatten(2, side)
        return (F.adaptive_avg_pool2d(maps, 2) * (side[0] * side[1] / 4)).flatten(1)


def _images(X: np.ndarray) -> Tensor:
    images = torch.from_numpy(np.ascontiguousarray(X)).float()
    return images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)


def _normalize(patches: Tensor, dim: int) -> Tensor:
    centered = patches - patches.mean(dim=dim, keepdim=True)
    # 10 is the authors' constant for values from 0 to 255.
    return centered / (centered.var(dim=dim, keepdim=True) + 10).sqrt()
