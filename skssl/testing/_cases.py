"""Small samples of every modality, and methods with settings that are quick to train."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits, load_wine
from sklearn.utils import InputTags
from torch import Tensor, nn

from skssl._types import Auto, Samples
from skssl.modality import Images, Modality, PointCloud, Series, Tabular, Text, Video, check_numbers
from skssl.nn import PointNet, SeriesResNet, SmallConvNet, SmallVideoNet

SMALL_HEADS = {
    "decoder_width": 16,
    "head_dim": 16,
    "hidden_dim": 32,
    "predictor_depth": 1,
    "predictor_width": 16,
    "projector_dim": 16,
    "projector_hidden_dim": 32,
}
N_FEW = 122
_BATCH = 256


def tiny_conv(shape: tuple[int, ...]) -> nn.Module:
    channels, height, width = shape
    return SmallConvNet(channels, (height, width), widths=(4, 8, 8, 16))


def tiny_mlp(shape: tuple[int, ...]) -> nn.Module:
    return nn.Sequential(nn.Linear(shape[0], 16), nn.BatchNorm1d(16), nn.ReLU())


def tiny_series(shape: tuple[int, ...]) -> nn.Module:
    return SeriesResNet(shape[0], widths=(4, 8, 8))


def tiny_video(shape: tuple[int, ...]) -> nn.Module:
    channels, _, height, width = shape
    return SmallVideoNet(channels, (height, width), widths=(8, 8, 16))


def tiny_points(shape: tuple[int, ...]) -> nn.Module:
    return PointNet(shape[1], widths=(16, 16, 32))


def tiny_text(shape: tuple[int, ...]) -> nn.Module:
    return nn.Sequential(
        nn.EmbeddingBag(500, 16, padding_idx=0), nn.Linear(16, 16, bias=False), nn.ReLU()
    )


def keep(batch: Tensor) -> Tensor:
    return batch


def mirror(batch: Tensor) -> Tensor:
    """Reverse the last axis; in rows of a table, whose columns differ, hide the first value."""
    if batch.ndim > 2 or not batch.is_floating_point():
        return batch.flip(-1)
    return torch.cat([torch.zeros_like(batch[:, :1]), batch[:, 1:]], dim=1)


# What some methods cannot do without.
REQUIRED: dict[str, dict[str, object]] = {"TransformPrediction": {"transforms": [keep, mirror]}}


def make(estimator: type[BaseEstimator], **params: object) -> BaseEstimator:
    """Return a method with the parameters that it cannot do without, and others."""
    return estimator(**{**REQUIRED.get(estimator.__name__, {}), **params})


def known_sizes(estimator: type[BaseEstimator], heads: dict[str, int]) -> dict[str, int]:
    known = inspect.signature(estimator).parameters
    # A whitened projection has to be narrower than the batch, which it adapts to by itself.
    unknown = {"projector_dim"} if "sub_batch" in known else set()
    return {name: size for name, size in heads.items() if name in known and name not in unknown}


check_rows = partial(check_numbers, dtypes=[np.float32], allow_nd=False)


def repeated(rows: np.ndarray, *shape: int) -> np.ndarray:
    """Fill samples of a shape with the values of each row, over and over, on a pattern.

    Without it, rows of a single value would make blank samples.
    """
    places = np.arange(math.prod(shape))
    values = rows[:, places % rows.shape[1]] + np.cos(places, dtype=np.float32)
    return values.reshape(len(rows), *shape)


class ReshapingImages(Images):
    """Takes 2-D rows as images, so that scikit-learn's checks can run on images."""

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        rows = check_rows(X, estimator=estimator, min_samples=min_samples)
        return super().check(repeated(rows, 8, 8), estimator=estimator, min_samples=min_samples)


class ReshapingColors(Images):
    """Takes 2-D rows as colour images."""

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        rows = check_rows(X, estimator=estimator, min_samples=min_samples)
        images = repeated(rows, 8, 8, 3)
        return super().check(images, estimator=estimator, min_samples=min_samples)


class ReshapingSeries(Series):
    """Takes 2-D rows as series that are long enough to be cut."""

    allows_nan = False

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        rows = check_rows(X, estimator=estimator, min_samples=min_samples)
        return super().check(repeated(rows, 1, 32), estimator=estimator, min_samples=min_samples)


class ReshapingVideo(Video):
    """Takes 2-D rows as clips of six frames."""

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        rows = check_rows(X, estimator=estimator, min_samples=min_samples)
        return super().check(repeated(rows, 6, 8, 8), estimator=estimator, min_samples=min_samples)


class ReshapingPoints(PointCloud):
    """Takes each value of 2-D rows as a point above or below its column, beside a ramp of points.

    Heights are sines, and the ramp has all of them, so that no value is an outlier.
    """

    allows_nan = False

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        rows = check_rows(X, estimator=estimator, min_samples=min_samples)
        n, columns = rows.shape
        ramp = 8
        clouds = np.zeros((n, ramp + columns, 3), dtype=np.float32)
        clouds[:, :ramp, 1:] = np.stack([np.arange(ramp), np.linspace(-1, 1, ramp)], axis=1)
        clouds[:, ramp:, 0] = np.arange(1, columns + 1)
        clouds[:, ramp:, 2] = np.sin(rows)
        return super().check(clouds, estimator=estimator, min_samples=min_samples)


class WritingTexts(Text):
    """Takes 2-D rows as texts of a word per number, over and over until there are eight."""

    def set_input_tags(self, tags: InputTags) -> None:
        Modality.set_input_tags(self, tags)

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> Any:
        rows = check_rows(X, estimator=estimator, min_samples=min_samples)
        texts = [
            " ".join(
                f"column{place % len(row)}is{round(float(row[place % len(row)]))}"
                for place in range(max(8, len(row)))
            )
            for row in rows
        ]
        return super().check(texts, estimator=estimator, min_samples=min_samples)


@dataclass
class Case:
    """Samples of a modality, and small methods to test with them.

    Parameters
    ----------
    name : str
        What test ids and ``check_method(cases=)`` call it.
    encoder : callable or str
        A small encoder, as for the parameter of methods, which can be pickled: scikit-learn's
        checks allow for no more rounding than some dozens of units have.
    modality_for_2d : Modality or None
        What takes rows of numbers for samples, for scikit-learn's checks; None does not run these.
    load : callable
        Returns `X` and `y`: more than 100 samples, and their classes.
    n_channels : int, default=None
        Run only methods that need this number of channels, such as 3 for colours.
    modality : Modality or "auto", default="auto"
        What the samples are, where "auto" would give a warning.
    params : dict, default={}
        Parameters of the methods that are made.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skssl import SimCLR
    >>> from skssl.modality import Tabular
    >>> from skssl.testing import CASES, Case, check_method
    >>> small = next(case.encoder for case in CASES if case.name == "tabular")
    >>> wine = Case("wine", small, Tabular(), lambda: load_wine(return_X_y=True))
    >>> passed = check_method(SimCLR, cases=[wine])
    """

    name: str
    encoder: Callable[[tuple[int, ...]], nn.Module] | str
    modality_for_2d: Modality | None
    load: Callable[[], tuple[Any, np.ndarray]]
    n_channels: int | None = None
    modality: Auto[Modality] = "auto"
    params: dict[str, object] = field(default_factory=dict)

    def supports(self, estimator: type[BaseEstimator]) -> bool:
        """Whether a method works with these samples.

        Parameters
        ----------
        estimator : type
            A method.

        Returns
        -------
        bool
            False for methods that need something else, such as colours.
        """
        modality = self.modality if self.modality_for_2d is None else self.modality_for_2d
        return estimator.needs_channels == self.n_channels and estimator.works_with(type(modality))

    def with_params(self, params: dict[str, object]) -> Case:
        """Return the case with parameters for the methods that it makes.

        Parameters
        ----------
        params : dict
            Values by name, in place of those before.

        Returns
        -------
        case : Case
            A copy.
        """
        return replace(self, params=params)

    def make(self, estimator: type[BaseEstimator], **params: object) -> BaseEstimator:
        """Return a method that trains one epoch with a small encoder on the CPU.

        Parameters
        ----------
        estimator : type
            A method.
        **params : dict
            Parameters, which go before all others.

        Returns
        -------
        estimator : estimator
            Not fitted.
        """
        # Masked methods have an encoder of their own, of a size that can be said.
        small = {"width": 16, "depth": 1, "n_heads": 2}
        own = "width" in inspect.signature(estimator).parameters
        settings = {
            **(small if own else {"encoder": self.encoder}),
            "modality": self.modality,
            "max_epochs": 1,
            "device": "cpu",
            "random_state": 0,
            **self.params,
            **params,
        }
        return make(estimator, **settings)

    def make_small(self, estimator: type[BaseEstimator], **params: object) -> BaseEstimator:
        """Return the method with small heads, for where it does not matter what it learns.

        Parameters
        ----------
        estimator : type
            A method.
        **params : dict
            Parameters, which go before all others.

        Returns
        -------
        estimator : estimator
            Not fitted.
        """
        # Counting the work of a step, for "auto", takes as long as a step of so small networks.
        sizes = known_sizes(estimator, SMALL_HEADS)
        quick = {**sizes, "optimizer": "adamw", "batch_size": _BATCH}
        return self.make(estimator, **{**quick, **params})

    def few(self) -> Any:
        """Return samples in a number that no layer and no head has.

        Returns
        -------
        X : array-like
            The first 122 samples.
        """
        return self.load()[0][:N_FEW].copy()


@cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return data.images[:400], data.target[:400]


@cache
def colored_digits() -> tuple[np.ndarray, np.ndarray]:
    """Digits whose colour tells which they are."""
    X, y = _digits()
    color = np.random.default_rng(0).uniform(0.2, 1, (10, 3))[y]
    return (15 * X[..., None] * color[:, None, None]).astype(np.uint8), y


@cache
def _wine() -> tuple[np.ndarray, np.ndarray]:
    return load_wine(return_X_y=True)


@cache
def _mixed_table() -> tuple[np.ndarray, np.ndarray]:
    """Numbers and categories of three groups, with noise, gaps and a column that says nothing."""
    rng = np.random.default_rng(0)
    y = np.arange(240) % 3
    numbers = rng.normal([[0, 0, 2], [0, 2, 0], [2, 0, 0]], 1)[y] + rng.normal(0, 1, (240, 3))
    names = np.array(["red", "green", "blue"])
    colors = np.where(rng.random((240, 3)) < 0.6, names[y][:, None], rng.choice(names, (240, 3)))
    X = np.concatenate([numbers, colors, np.full((240, 1), "same")], axis=1, dtype=object)
    X[rng.random(X.shape) < 0.05] = None
    return X, y


@cache
def _waves() -> tuple[np.ndarray, np.ndarray]:
    """Sines, square waves and sawtooths of random phase and frequency, in noise."""
    rng = np.random.default_rng(0)
    phase = rng.uniform(0, 1, (240, 1)) + rng.uniform(2, 4, (240, 1)) * np.linspace(0, 1, 60)
    y = np.arange(240) % 3
    forms = np.stack([np.sin(2 * np.pi * phase), np.sign(phase % 1 - 0.5), phase % 1 * 2 - 1])
    X = forms[y, np.arange(240)] + rng.normal(0, 0.3, (240, 60))
    return X[:, None], y


@cache
def _moving_dots() -> tuple[np.ndarray, np.ndarray]:
    """Dots of two sizes that cross the frame, rightwards or downwards, in noise."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 4
    clips = rng.integers(0, 60, (200, 6, 8, 8, 1), dtype=np.uint8)
    start = rng.integers(0, 2, 200)
    place = rng.integers(0, 6, 200)
    for row in range(200):
        for frame in range(6):
            along = slice(start[row] + frame, start[row] + frame + 1 + y[row] // 2)
            across = slice(place[row], place[row] + 1 + y[row] // 2)
            at = (across, along) if y[row] % 2 else (along, across)
            clips[row, frame][at] = 255
    return clips, y


@cache
def _shapes() -> tuple[np.ndarray, np.ndarray]:
    """Points on discs, rings and standing rings, stretched and turned about the third axis."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 3
    around, zero = rng.uniform(0, 2 * np.pi, (200, 24)), np.zeros((200, 24))
    ring = np.stack([np.cos(around), np.sin(around), zero], axis=2)
    standing = ring[..., [0, 2, 1]]
    disc = ring * np.sqrt(rng.uniform(0, 1, (200, 24, 1)))
    clouds = np.stack([disc, ring, standing])[y, np.arange(200)]
    clouds = clouds * rng.uniform(0.6, 1.4, (200, 1, 3)) + rng.normal(0, 0.1, clouds.shape)
    turn = rng.uniform(0, 2 * np.pi, (200, 1))
    x = clouds[..., 0] * np.cos(turn) - clouds[..., 1] * np.sin(turn)
    z = clouds[..., 0] * np.sin(turn) + clouds[..., 1] * np.cos(turn)
    return np.stack([x, z, clouds[..., 2]], axis=2), y


@cache
def _topics() -> tuple[np.ndarray, np.ndarray]:
    """Texts of words that belong to one of three topics, among words that belong to none."""
    rng = np.random.default_rng(0)
    y = np.arange(240) % 3
    topical = y[:, None] * 40 + rng.integers(0, 40, (240, 8))
    words = np.concatenate([topical, rng.integers(120, 160, (240, 4))], axis=1)
    texts = [" ".join(f"word{word}" for word in rng.permutation(row)) for row in words]
    return np.array(texts, dtype=object), y


CASES = [
    Case("images", tiny_conv, ReshapingImages(), _digits),
    Case("colors", tiny_conv, ReshapingColors(), colored_digits, n_channels=3),
    Case("points", tiny_points, ReshapingPoints(), _shapes, modality=PointCloud()),
    Case("series", tiny_series, ReshapingSeries(), _waves),
    Case("tabular", tiny_mlp, Tabular(), _wine),
    Case("video", tiny_video, ReshapingVideo(), _moving_dots),
    Case("categories", tiny_mlp, Tabular(categorical=[0], concat_input=True), _mixed_table),
    Case(
        "text",
        tiny_text,
        WritingTexts(min_df=1, max_df=1.0),
        _topics,
        modality=Text(min_df=1, max_df=1.0),
    ),
]
