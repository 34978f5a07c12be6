"""Images: CIFAR-10 (all 50,000 training rows without labels), Fashion-MNIST, ORL faces."""

from __future__ import annotations

import numpy as np
from data import cifar10, data_folder
from kmeans_patches import KMeansPatches
from protocol import Benchmark, Features, Row, Task, embed_with, method_rows
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skssl.inspection import Values
from skssl.modality import Images


def _fashion_mnist() -> Task:
    with np.load(data_folder() / "images" / "fashion_mnist.npz") as data:
        # The first 1000 of each class.
        train = np.concatenate([np.flatnonzero(data["y_train"] == c)[:1000] for c in range(10)])
        return Task(data["X_train"][train], data["y_train"][train], data["X_test"], data["y_test"])


def _faces() -> Task:
    with np.load(data_folder() / "images" / "orl_faces.npz") as data:
        train = data["image_number"] <= 5
        return Task(data["X"][train], data["y"][train], data["X"][~train], data["y"][~train])


def hog(task: Task) -> Features:
    """Return histograms of oriented gradients: 9 directions, 4x4 cells to a side of 32 pixels."""
    from skimage.feature import hog as skimage_hog

    def describe(image: np.ndarray) -> np.ndarray:
        cell = max(4, image.shape[0] // 8)
        return skimage_hog(
            image,
            pixels_per_cell=(cell, cell),
            cells_per_block=(2, 2),
            channel_axis=-1 if image.ndim == 3 else None,
            feature_vector=True,
        )

    return tuple(np.stack([describe(image) for image in X]) for X in (task.X, task.X_test))


BENCHMARK = Benchmark(
    tasks={"CIFAR-10": cifar10, "Fashion-MNIST": _fashion_mnist, "ORL faces": _faces},
    rows=[
        Row("raw + LR", embed_with(Values(Images()))),
        Row("PCA + LR", embed_with(make_pipeline(Values(Images()), PCA(100, random_state=0)))),
        Row("HOG + LR", hog),
        Row("k-means patches + LR", embed_with(KMeansPatches())),
        *method_rows(),
    ],
    n_labels=(1, 4, 10, 25, 100),
    # Hundreds of features and few labels want a strong penalty, the same for every row.
    probe=LogisticRegression(C=0.01, max_iter=2000),
    draws=5,
    knn=True,
)
