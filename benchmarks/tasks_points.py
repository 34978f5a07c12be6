"""Point clouds of ten shapes, stretched, turned and noisy, upright or lying in any way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from protocol import OURS, SEEDS, Benchmark, Row, Task, classical_rows, embed_with, method_rows
from scipy.spatial.transform import Rotation

from skssl import SimCLR
from skssl.modality import PointCloud
from skssl.views import PointCloudViews

_N_POINTS = 256
_NOISE = 0.03

Surface = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]
_TURN = 2 * np.pi


def _prism(sides: int, taper: float) -> Surface:
    """Return the side of a pyramid (taper 1) or a prism (taper 0) with a regular base."""

    def surface(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        height = 1 - np.sqrt(1 - v) if taper else v
        within = (u * sides % 1 - 0.5) * _TURN / sides
        middle = (np.floor(u * sides) + 0.5) * _TURN / sides
        radius = (1 - taper * height) * np.cos(np.pi / sides) / np.cos(within)
        angle = middle + within
        return radius * np.cos(angle), radius * np.sin(angle), 2 * height - 1

    return surface


def _sphere(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z = 2 * v - 1
    radius = np.sqrt(1 - z**2)
    return radius * np.cos(_TURN * u), radius * np.sin(_TURN * u), z


def _half_sphere(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    radius = np.sqrt(1 - v**2)
    return radius * np.cos(_TURN * u), radius * np.sin(_TURN * u), 2 * v - 1


def _torus(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    radius = 0.7 + 0.3 * np.cos(_TURN * v)
    return radius * np.cos(_TURN * u), radius * np.sin(_TURN * u), np.sin(_TURN * v)


def _helix(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.cos(2 * _TURN * u), np.sin(2 * _TURN * u), 2 * u - 1


def _saddle(u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = 2 * u - 1, 2 * v - 1
    return x, y, x**2 - y**2


_SURFACES: tuple[Surface, ...] = (
    _sphere,
    _half_sphere,
    _prism(4, taper=0),
    _prism(64, taper=0),
    _prism(3, taper=0),
    _prism(64, taper=1),
    _prism(4, taper=1),
    _torus,
    _helix,
    _saddle,
)


def make_shapes(n: int, *, upright: bool, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return clouds (n, 256, 3) and their shapes: stretched by axis, turned, with noise.

    Upright ones are turned about the third axis, others in any way.
    """
    rng = np.random.default_rng(seed)
    y = np.arange(n) % len(_SURFACES)
    X = np.empty((n, _N_POINTS, 3))
    for row, shape in enumerate(y):
        X[row] = np.stack(_SURFACES[shape](*rng.random((2, _N_POINTS))), axis=1)
    X *= rng.uniform(0.6, 1.4, (n, 1, 3))
    if upright:
        turns = Rotation.from_rotvec(rng.uniform(0, _TURN, (n, 1)) * [0, 0, 1])
    else:
        turns = Rotation.random(n, rng=rng)
    X = X @ turns.as_matrix().transpose(0, 2, 1)
    X += rng.normal(0, _NOISE, X.shape)
    return X.astype(np.float32), y


def _make(upright: bool) -> Task:
    train = make_shapes(2000, upright=upright, seed=0)
    return Task(*train, *make_shapes(1000, upright=upright, seed=1))


_ANY_ROTATION = SimCLR(modality=PointCloud(), views=PointCloudViews(rotation="so3"))

BENCHMARK = Benchmark(
    tasks={
        "shapes, upright": partial(_make, upright=True),
        "shapes, turned in any way": partial(_make, upright=False),
    },
    rows=[
        *classical_rows(PointCloud()),
        *method_rows(modality=PointCloud()),
        Row("SimCLR, rotation='so3'", embed_with(_ANY_ROTATION), OURS, seeds=SEEDS),
    ],
    n_labels=(1, 2, 5, 10, 25),
)
