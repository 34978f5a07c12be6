"""Video: a digit of MNIST that bounces within the frame; which digit, and where it first moves."""

from __future__ import annotations

from functools import partial

import numpy as np
from data import data_folder
from protocol import OURS, SEEDS, Benchmark, Features, Row, Task, embed_with, method_rows
from sklearn.decomposition import PCA

from skssl import SimCLR
from skssl.modality import Video
from skssl.views import VideoViews

_CELL = 8
_N_ORIENTATIONS = 9


def _load(label: str) -> Task:
    with np.load(data_folder() / "video" / "moving_mnist_made.npz") as data:
        return Task(data["X_train"], data[f"{label}_train"], data["X_test"], data[f"{label}_test"])


def _rows(clips: np.ndarray) -> np.ndarray:
    return clips.reshape(len(clips), -1).astype(np.float32)


def raw(task: Task, seed: int) -> Features:
    return Features(_rows(task.X), _rows(task.X_test))


def components(task: Task, seed: int) -> Features:
    """Return the first 50 principal components of whole clips."""
    pca = PCA(50, svd_solver="randomized", random_state=0).fit(_rows(task.X))
    return Features(pca.transform(_rows(task.X)), pca.transform(_rows(task.X_test)))


def frame_components(task: Task, seed: int) -> Features:
    """Return the mean over time of the first 50 principal components of the frames."""
    frames = task.X.reshape(-1, *task.X.shape[2:])
    pca = PCA(50, svd_solver="randomized", random_state=0).fit(_rows(frames[::8]))

    def mean(clips: np.ndarray) -> np.ndarray:
        embedded = pca.transform(_rows(clips.reshape(-1, *clips.shape[2:])))
        return embedded.reshape(*clips.shape[:2], -1).mean(axis=1)

    return Features(mean(task.X), mean(task.X_test))


def frame_gradients(task: Task, seed: int) -> Features:
    """Return the mean over time of histograms of oriented gradients (HOG) of the frames.

    Cells of 8 x 8 pixels, 9 orientations without sign, each frame scaled to length 1.
    """

    def mean(clips: np.ndarray) -> np.ndarray:
        down, across = np.gradient(clips.astype(np.float32), axis=(2, 3))
        strength = np.hypot(down, across)
        bins = (np.arctan2(down, across) % np.pi / np.pi * _N_ORIENTATIONS).astype(int)
        by_bin = [strength * (bins % _N_ORIENTATIONS == b) for b in range(_N_ORIENTATIONS)]
        n, length, height, width = clips.shape
        cells = np.stack(by_bin).reshape(
            _N_ORIENTATIONS, n, length, height // _CELL, _CELL, width // _CELL, _CELL
        )
        frames = cells.sum(axis=(4, 6)).transpose(1, 2, 0, 3, 4).reshape(n, length, -1)
        return (frames / np.linalg.norm(frames, axis=2, keepdims=True)).mean(axis=1)

    return Features(mean(task.X), mean(task.X_test))


def differences(task: Task, seed: int) -> Features:
    """Return the differences between successive frames."""
    parts = (task.X, task.X_test)
    return Features(*(_rows(np.diff(part.astype(np.float32), axis=1)) for part in parts))


# Time as it is and little rotation, for movements that differ in speed, order and direction.
_KEEP_TIME = VideoViews.glyphs().set_params(window=(1.0, 1.0), rotation=5.0)

BENCHMARK = Benchmark(
    tasks={"digit": partial(_load, "y_digit"), "motion": partial(_load, "y_motion")},
    rows=[
        Row("raw", raw),
        Row("PCA", components),
        Row("mean frame PCA", frame_components),
        Row("mean frame HOG", frame_gradients),
        Row("frame differences", differences),
        *method_rows(modality=Video()),
        Row(
            "SimCLR for movements",
            embed_with(SimCLR(modality=Video(), encoder="conv+change", views=_KEEP_TIME)),
            OURS,
            seeds=SEEDS,
        ),
    ],
    n_labels=(1, 2, 5, 10, 25),
)
