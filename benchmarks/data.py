"""Where the benchmarks find their data."""

import io
import os
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from protocol import Task

_CIFAR_FILES = (
    "cifar10_jpeg_train_20k.npz",
    "cifar10_jpeg_train_20k_40k.npz",
    "cifar10_jpeg_train_40k_50k_and_test_5k_10k.npz",
    "cifar10_jpeg_test_5k.npz",
)
_CIFAR_TRAIN = 50_000


def data_folder() -> Path:
    """Return the folder that SKSSL_DATA names."""
    folder = os.environ.get("SKSSL_DATA")
    if not folder:
        raise SystemExit("Set the environment variable SKSSL_DATA to the folder with the data.")
    return Path(folder)


@cache
def cifar10() -> Task:
    """Return CIFAR-10 in its official split, from files that hold the images as JPEG."""
    parts = [_decode(data_folder() / "images" / name) for name in _CIFAR_FILES]
    X, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Task(X[:_CIFAR_TRAIN], y[:_CIFAR_TRAIN], X[_CIFAR_TRAIN:], y[_CIFAR_TRAIN:])


def paths_of_series() -> dict[str, Path]:
    """Return the files of the labelled series by name: one channel first, then several."""
    return {
        path.stem: path
        for folder in ("ucr", "multivariate")
        for path in sorted((data_folder() / folder).glob("*.npz"))
    }


def labelled_series(name: str) -> Task:
    """Return a set of labelled series in its official split."""
    with np.load(paths_of_series()[name]) as stored:
        return Task(stored["X_train"], stored["y_train"], stored["X_test"], stored["y_test"])


def _decode(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if not path.exists():
        raise SystemExit(f"There is no file {path}; SKSSL_DATA may name another folder.")
    with np.load(path) as stored:
        data, offsets, y = stored["data"], stored["offsets"], stored["y"]
    files = (data[start:end].tobytes() for start, end in zip(offsets, offsets[1:], strict=False))
    return np.stack([np.array(Image.open(io.BytesIO(file))) for file in files]), y
