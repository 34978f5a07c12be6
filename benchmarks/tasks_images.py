"""Images: CIFAR-10 and Fashion-MNIST, with 10,000 training rows each, and ORL faces.

Fashion-MNIST also with a training part in which each class has fewer rows than the one before, down
to a tenth, and CIFAR-10 with all 50,000, where SimCLR has one seed. Other methods than SimCLR, with
three seeds each, are trained on faces alone: on 10,000 images they would take hours. `methods.py`
has them on digits.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from data import cifar10, data_folder
from kmeans_patches import KMeansPatches
from pretrained import efficientnet, frozen
from protocol import (
    PRETRAINED,
    Benchmark,
    Features,
    Row,
    Task,
    classical_rows,
    embed_with,
    method_rows,
)

from skssl.modality import Images

_TRAIN = 10_000
_WHOLE = "CIFAR-10 of 50000"


def _some_of_cifar10() -> Task:
    task = cifar10()
    return replace(task, X=task.X[:_TRAIN], y=task.y[:_TRAIN])


def _fashion_mnist() -> Task:
    with np.load(data_folder() / "images" / "fashion_mnist.npz") as data:
        # The first of each class.
        of_each = _TRAIN // 10
        train = np.concatenate([np.flatnonzero(data["y_train"] == c)[:of_each] for c in range(10)])
        return Task(data["X_train"][train], data["y_train"][train], data["X_test"], data["y_test"])


def _faces() -> Task:
    with np.load(data_folder() / "images" / "orl_faces.npz") as data:
        train = data["image_number"] <= 5
        return Task(data["X"][train], data["y"][train], data["X"][~train], data["y"][~train])


def hog(task: Task, seed: int = 0) -> Features:
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

    return Features(*(np.stack([describe(image) for image in X]) for X in (task.X, task.X_test)))


DESCRIPTORS = [Row("HOG", hog), Row("k-means patches", embed_with(KMeansPatches()))]
EFFICIENTNET = Row("EfficientNet-Lite0", frozen(efficientnet), PRETRAINED)


def _rows(name: str) -> list[Row]:
    if name == _WHOLE:
        rows = [DESCRIPTORS[-1], *method_rows(simclr_only=True, modality=Images())]
        return [*classical_rows(Images()), *(replace(row, seeds=1) for row in rows)]
    ours = method_rows(
        beside_row=DESCRIPTORS[-1], simclr_only=name != "ORL faces", modality=Images()
    )
    return [*classical_rows(Images()), *DESCRIPTORS, EFFICIENTNET, *ours]


BENCHMARK = Benchmark(
    tasks={
        "CIFAR-10": _some_of_cifar10,
        "Fashion-MNIST": _fashion_mnist,
        "ORL faces": _faces,
        "Fashion-MNIST 1:10": lambda: _fashion_mnist().imbalanced(),
        _WHOLE: cifar10,
    },
    rows=_rows,
    n_labels=(1, 4, 10, 25, 100),
    variants=("Fashion-MNIST 1:10", _WHOLE),
    all_labels=True,
)
