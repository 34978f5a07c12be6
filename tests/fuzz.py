"""A seeded search for inputs that are neither learned from rightly nor refused with a clear error.

    python tests/fuzz.py 20000
    python tests/fuzz.py 2000 --seed 7 --kinds labels,values
    python tests/fuzz.py 1 --seed 7 --first 1234

An attempt is a method on samples, or a tool on labels, that are drawn from a kind: what is unusual
about them. It is a fault unless it ends in one of two ways:

- a success: finite embeddings in float32 of the right shape, of which each is the same when the
  sample is embedded with others, and what the kind itself promises, such as no difference to the
  same samples at another place;
- a ValueError or TypeError before any training, which names the parameter or the input. A
  training that diverges, at a rate at which it may, is a NonFiniteLossError.

NumPy's and scikit-learn's warnings of what went wrong on the way are faults as well.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from cases import CASES, ESTIMATORS, Case, tiny_mlp
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from skorch.callbacks import Callback

from skssl import MaskedAutoencoder, SelfSupervisedImputer, SimCLR
from skssl.base import SelfSupervisedTransformer
from skssl.exceptions import TrainingInterrupted
from skssl.inspection import few_label_report
from skssl.modality import Images, Modality, PointCloud, Series, Tabular, Text, Video
from skssl.model_selection import StratifiedLabeledKFold, knn_scorer
from skssl.semi_supervised import (
    FineTuneClassifier,
    FineTuneRegressor,
    LabeledOnly,
    PrototypeClassifier,
)
from skssl.training import NonFiniteLossError
from skssl.views import ImageViews, SeriesViews, TabularViews

Rng = np.random.Generator


class Fault(Exception):
    """What an attempt should not have done."""


@dataclass
class Attempt:
    """What is tried, and how an error shows that it is about that.

    `run` returns nothing, or raises. `named` is a pattern that the message of an error has to have.
    """

    what: str
    run: Callable[[], None]
    named: str = r"\bX\b|\by\b|samples?\b|modality"
    may_diverge: bool = False


KINDS: dict[str, Callable[[Rng], Attempt]] = {}


def kind(function: Callable[[Rng], Attempt]) -> Callable[[Rng], Attempt]:
    KINDS[function.__name__] = function
    return function


class Began(Callback):
    """Notes that a training began."""

    def __init__(self) -> None:
        self.began = False

    def on_batch_begin(self, net: Any, **kwargs: Any) -> None:
        self.began = True


@dataclass
class Samples:
    """Samples of a modality, as drawn, and what is done to them."""

    case: Case
    X: Any
    words: list[str] = field(default_factory=list)


_MODALITIES: dict[str, Callable[[], Modality]] = {
    "images": Images,
    "colors": Images,
    "points": PointCloud,
    "series": Series,
    "tabular": Tabular,
    "video": Video,
    "text": Text,
}


def draw_samples(rng: Rng, *, only: tuple[str, ...] = ()) -> Samples:
    """Return ordinary floats of a modality, in a shape at or near its smallest."""
    names = only or ("images", "colors", "points", "series", "tabular", "video")
    name = rng.choice(names)
    case = next(case for case in CASES if case.name == name)
    n = int(rng.choice([2, 3, 5, 8, 17]))
    side = int(rng.integers(4, 10))
    shape = {
        "images": (side, int(rng.integers(4, 10))),
        "colors": (side, int(rng.integers(4, 10)), 3),
        "points": (int(rng.integers(3, 30)), 3),
        "series": (int(rng.integers(1, 4)), int(rng.integers(8, 40))),
        "tabular": (int(rng.integers(1, 7)),),
        "video": (int(rng.integers(2, 7)), side, side, 1),
        "text": (),
    }[case.name]
    X: Any = rng.normal(size=(n, *shape))
    if case.name == "text":
        words = ["sun", "rain", "wind", "fog", "hail", "snow", "ice", "storm"]
        X = [" ".join(rng.choice(words, int(rng.integers(1, 9)))) for _ in range(n)]
    return Samples(case, X, [f"{case.name} {np.shape(X)}"])


def draw_method(rng: Rng, case: Case, **params: Any) -> SelfSupervisedTransformer:
    """Return SimCLR, or now and then any method that has a meaning for the samples."""
    method = SimCLR
    if rng.random() < 0.4:
        method = rng.choice([cls for cls in ESTIMATORS if case.supports(cls)])
    settings: dict[str, Any] = {
        "modality": _MODALITIES[case.name](),
        "random_state": int(rng.integers(9)),
        "batch_size": int(rng.choice([2, 3, 4, 8])),
        **params,
    }
    # The default networks promise as much as a user's own.
    if rng.random() < 0.2 and "encoder" not in params and case.name not in ("video", "colors"):
        settings.setdefault("encoder", "auto")
    if "width" in method().get_params():
        settings.pop("encoder", None)
    return case.make_small(method, **settings)


def embed(ssl: SelfSupervisedTransformer, X: Any, *, n: int | None = None) -> np.ndarray:
    """Fit, and look at what `transform` promises; return the embedding."""
    Z = ssl.fit(X).transform(X)
    look_at(ssl, X, Z, n=n)
    return Z


def look_at(ssl: SelfSupervisedTransformer, X: Any, Z: np.ndarray, *, n: int | None = None) -> None:
    n = len(X) if n is None else n
    if not isinstance(Z, np.ndarray) or Z.dtype != np.float32:
        raise Fault(f"the embedding is {type(Z).__name__} of {getattr(Z, 'dtype', None)}")
    if Z.shape != (n, ssl._n_features_out):
        raise Fault(f"the embedding has shape {Z.shape} of {n} samples")
    if not np.isfinite(Z).all():
        raise Fault("the embedding is not finite")
    if any(module.training for module in ssl.encoder_.modules()):
        raise Fault("the encoder is in train mode")
    rows = [n - 1, 0]
    some = ssl.transform(take(X, rows))
    scale = np.abs(Z).max() or 1.0
    if not np.allclose(some, Z[rows], rtol=1e-3, atol=1e-4 * scale):
        worst = np.abs(some - Z[rows]).max() / scale
        raise Fault(f"an embedding depends on the others of its batch, by {worst:.2g} of the scale")


def take(X: Any, rows: list[int]) -> Any:
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if isinstance(X, (list, tuple)):
        return [X[row] for row in rows]
    return X[rows]


# What is unusual about numbers.
def _offset(rng: Rng, X: np.ndarray) -> np.ndarray:
    return X * 10.0 ** rng.integers(-6, 3) + 10.0 ** rng.integers(3, 12)


def _scale(rng: Rng, X: np.ndarray) -> np.ndarray:
    return X * 10.0 ** rng.integers(-320, 300)


def _one_value(rng: Rng, X: np.ndarray) -> np.ndarray:
    X = X.copy()
    X.ravel()[rng.integers(X.size)] = rng.choice([1e6, 3e38, -3e38, 1e300, 1e-310, 1e12])
    return X


def _not_a_number(rng: Rng, X: np.ndarray) -> np.ndarray:
    X = X.copy()
    part = rng.choice([0.01, 0.3, 1.0])
    X[rng.random(X.shape) <= part] = rng.choice([np.nan, np.inf, -np.inf])
    return X


def _counts(rng: Rng, X: np.ndarray) -> np.ndarray:
    return rng.poisson(rng.choice([0.2, 2.0]), X.shape).astype(float)


def _binary(rng: Rng, X: np.ndarray) -> np.ndarray:
    return (X > 0).astype(float)


def _steps(rng: Rng, X: np.ndarray) -> np.ndarray:
    return np.repeat(X[..., ::4], 4, axis=-1)[..., : X.shape[-1]]


def _constant(rng: Rng, X: np.ndarray) -> np.ndarray:
    return np.full_like(X, rng.choice([0.0, 1.0, -7.5, 1e20]))


def _same_rows(rng: Rng, X: np.ndarray) -> np.ndarray:
    return np.repeat(X[:1], len(X), axis=0)


def _denormal(rng: Rng, X: np.ndarray) -> np.ndarray:
    return X * 1e-310


def _integers(rng: Rng, X: np.ndarray) -> np.ndarray:
    dtype = rng.choice([np.uint8, np.int8, np.int16, np.uint16, np.int64, np.uint64, np.bool_])
    if dtype == np.bool_:
        return X > 0
    info = np.iinfo(dtype)
    low = max(info.min, -(2**40)) if rng.random() < 0.8 else info.min
    return rng.integers(low, min(info.max, 2**40), X.shape, dtype=dtype)


def _floats(rng: Rng, X: np.ndarray) -> np.ndarray:
    return X.astype(rng.choice([np.float16, np.float32, np.longdouble]))


def _order(rng: Rng, X: np.ndarray) -> np.ndarray:
    layouts = [np.asfortranarray(X), X[::-1], np.ascontiguousarray(X)[::-1].copy()[::-1]]
    wide = np.zeros((len(X), *X.shape[1:-1], 2 * X.shape[-1]))
    wide[..., ::2] = X
    X = [*layouts, wide[..., ::2], X.astype(X.dtype.newbyteorder())][int(rng.integers(5))]
    X.flags.writeable = bool(rng.random() < 0.5)
    return X


VALUES = [
    _offset,
    _scale,
    _one_value,
    _not_a_number,
    _counts,
    _binary,
    _steps,
    _constant,
    _same_rows,
    _denormal,
    _integers,
    _floats,
    _order,
]


@kind
def values(rng: Rng) -> Attempt:
    """Numbers at the ends of what there is, in every modality."""
    drawn = draw_samples(rng)
    change = VALUES[int(rng.integers(len(VALUES)))]
    with np.errstate(all="ignore"):
        X = change(rng, drawn.X)
    ssl = draw_method(rng, drawn.case, callbacks=[])
    what = f"{type(ssl).__name__} on {drawn.words[0]}, {change.__name__}, {X.dtype}"
    return Attempt(what, guarded(ssl, lambda: embed(ssl, X)))


@kind
def places(rng: Rng) -> Attempt:
    """Samples at another place, which does not count: nothing may be lost on the way."""
    drawn = draw_samples(rng, only=("points", "series", "tabular", "images"))
    X = drawn.X
    if drawn.case.name == "images":
        X = np.round(X * 100)
    # Exact in float64, so that the samples are the same ones.
    X = np.round(X * 2**10) / 2**10
    offset = float(rng.choice([2.0**20, 2.0**24, 2.0**30, 1.7e9]))
    params: dict[str, Any] = {"max_epochs": 0, "encoder": drawn.case.encoder}
    ssl = SimCLR(modality=_MODALITIES[drawn.case.name](), device="cpu", random_state=0, **params)

    def run() -> None:
        near, far = embed(ssl, X), embed(ssl, X + offset)
        scale = np.abs(near).max() or 1.0
        if np.abs(near - far).max() > 1e-3 * scale:
            raise Fault(f"{np.abs(near - far).max() / scale:.2g} of the scale is lost")

    return Attempt(f"{drawn.words[0]} at {offset:g}", guarded(ssl, run))


@kind
def ties(rng: Rng) -> Attempt:
    """Equal values, of which thresholds and neighbours make hard decisions, by default encoders."""
    drawn = draw_samples(rng, only=("series", "points", "images", "tabular"))
    change = [_counts, _binary, _steps][int(rng.integers(3))]
    X = change(rng, rng.normal(size=(24, *drawn.X.shape[1:])))
    ssl = SimCLR(modality=_MODALITIES[drawn.case.name](), max_epochs=0, random_state=0)

    def run() -> None:
        Z = embed(ssl, X)
        alone = np.concatenate([ssl.transform(X[row : row + 1]) for row in range(len(X))])
        if np.abs(alone - Z).max() > 1e-4 * (np.abs(Z).max() or 1.0):
            raise Fault("an embedding depends on the others of its batch")

    what = f"default encoder on {drawn.case.name} {X.shape}, {change.__name__}"
    return Attempt(what, guarded(ssl, run))


@kind
def outliers(rng: Rng) -> Attempt:
    """One value that would take all the range: the others are told apart, or somebody says so."""
    drawn = draw_samples(rng, only=("images", "tabular", "video", "colors"))
    X = np.abs(rng.normal(size=(12, *drawn.X.shape[1:]))).astype(np.float64)
    X.ravel()[rng.integers(X.size)] = 10.0 ** rng.integers(5, 30)
    case = drawn.case
    ssl = SimCLR(
        modality=_MODALITIES[case.name](),
        encoder=case.encoder,
        max_epochs=0,
        device="cpu",
        random_state=0,
    )

    def run() -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Z = embed(ssl, X)
        told = [w for w in caught if issubclass(w.category, UserWarning)]
        for warning in caught:
            if issubclass(warning.category, RuntimeWarning):
                raise Fault(f"RuntimeWarning: {warning.message}")
        spread = np.std(Z, axis=0).max() / (np.abs(Z).max() or 1.0)
        ordinary = np.sort(np.abs(Z - np.median(Z, axis=0)).max(axis=1))[:10]
        if ordinary.max() < 1e-4 * (np.abs(Z).max() or 1.0) and not told:
            raise Fault(f"one value hides the others without a word (spread {spread:.2g})")

    return Attempt(f"{drawn.words[0]} with one value of 1e5 or more", guarded(ssl, run))


class OwnArray:
    """What has samples, and no length of NumPy's."""

    def __init__(self, X: np.ndarray):
        self.X = X

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.X if dtype is None else self.X.astype(dtype)

    def __len__(self) -> int:
        return len(self.X)


def _objects(X: np.ndarray) -> np.ndarray:
    out = np.empty(len(X), dtype=object)
    out[:] = list(X)
    return out


def _structured(X: np.ndarray) -> np.ndarray:
    return np.zeros(len(X), dtype=[("a", float), ("b", float)])


CONTAINERS: dict[str, Callable[[np.ndarray], Any]] = {
    "list": lambda X: X.tolist(),
    "tuple": lambda X: tuple(X),
    "list of arrays": lambda X: list(X),
    "object array": lambda X: X.astype(object),
    "object array of arrays": _objects,
    "tensor": torch.tensor,
    "tensor with gradient": lambda X: torch.tensor(X, requires_grad=True),
    "bfloat16 tensor": lambda X: torch.tensor(X).bfloat16(),
    "masked array": lambda X: np.ma.masked_array(X, np.zeros(X.shape, dtype=bool)),
    "masked cells": lambda X: np.ma.masked_array(X, np.random.default_rng(0).random(X.shape) < 0.2),
    "matrix": lambda X: np.matrix(X) if X.ndim == 2 else X,
    "array interface": OwnArray,
    "datetimes": lambda X: X.astype("M8[s]"),
    "timedeltas": lambda X: X.astype("m8[s]"),
    "NaT": lambda X: np.full(X.shape, np.datetime64("NaT")),
    "complex": lambda X: X + 1j,
    "strings": lambda X: X.astype(str),
    "bytes": lambda X: X.astype("S8"),
    "void": lambda X: X.view("V8"),
    "structured": _structured,
    "generator": lambda X: (x for x in X),
    "dict": lambda X: {"a": X},
    "set": lambda X: {1, 2, 3},
    "None": lambda X: None,
    "number": lambda X: 3,
    "string": lambda X: "samples",
    "bytes of a file": lambda X: b"\x89PNG\r\n" * 1000,
    "one sample": lambda X: X[0],
    "no sample": lambda X: X[:0],
    "empty axis": lambda X: X[..., :0],
    "one more axis": lambda X: X[..., None],
    "ragged": lambda X: [x[: 1 + i % len(x)] for i, x in enumerate(X)],
    "nested in lists of objects": lambda X: [[x, None] for x in X],
}


@kind
def containers(rng: Rng) -> Attempt:
    """Samples in whatever somebody has them in."""
    drawn = draw_samples(rng)
    name = str(rng.choice(list(CONTAINERS)))
    modality = _MODALITIES[drawn.case.name]() if rng.random() < 0.6 else "auto"
    ssl = draw_method(rng, drawn.case, modality=modality, encoder=_any_encoder)
    X = CONTAINERS[name](drawn.X)
    n = len(X) if hasattr(X, "__len__") else 0
    what = f"{type(ssl).__name__}(modality={modality}) on {drawn.words[0]} as {name}"

    def run() -> None:
        if name in ("array interface",):
            ssl.fit(X).transform(X)
        else:
            embed(ssl, X, n=n)

    return Attempt(what, guarded(ssl, run))


def _any_encoder(shape: tuple[int, ...]) -> torch.nn.Module:
    from skssl.nn import SmallConvNet

    if len(shape) == 3:
        return SmallConvNet(shape[0], shape[1:], widths=(4, 8, 8, 16))
    return _Mean()


class _Mean(torch.nn.Module):
    """An encoder for samples of any shape."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.float().nan_to_num().flatten(1)
        return self.layer(torch.stack([flat.mean(1), flat.amax(1)], dim=1)).relu()


@kind
def frames(rng: Rng) -> Attempt:
    """Tables with columns of every dtype and every kind of hole."""
    import pandas as pd

    n = int(rng.choice([3, 6, 12]))
    columns: dict[str, Callable[[], Any]] = {
        "floats": lambda: rng.normal(size=n),
        "holes": lambda: np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n)),
        "all holes": lambda: np.full(n, np.nan),
        "constant": lambda: np.ones(n),
        "Int64": lambda: pd.array([1, None, *range(n - 2)], dtype="Int64"),
        "boolean": lambda: pd.array([True, None, *[False] * (n - 2)], dtype="boolean"),
        "category": lambda: pd.Categorical(rng.choice(["a", "b"], n)),
        "cut": lambda: pd.cut(rng.normal(size=n), 3),
        "strings": lambda: rng.choice(["red", "green"], n).astype(object),
        "string": lambda: pd.array(rng.choice(["x", "y"], n), dtype="string"),
        "None": lambda: np.array([None, *["u"] * (n - 1)], dtype=object),
        "dates": lambda: pd.date_range("2024", periods=n),
        "spans": lambda: pd.to_timedelta(np.arange(n), unit="s"),
        "seconds": lambda: 1.7e9 + rng.normal(size=n) * 20,
        "ids": lambda: [f"id{i}" for i in range(n)],
        "numbers as strings": lambda: [str(i / 7) for i in range(n)],
        "lists": lambda: [[1, 2]] * n,
        "mixed": lambda: np.array([1, "a", None, *[2.5] * (n - 3)], dtype=object),
    }
    chosen = [str(name) for name in rng.choice(list(columns), int(rng.integers(1, 5)))]
    X = pd.concat([pd.Series(columns[name](), name=name) for name in chosen], axis=1)
    index = rng.choice(["range", "other", "multi"])
    if index == "other":
        X.index = rng.permutation(n)
    elif index == "multi":
        X.index = pd.MultiIndex.from_arrays([np.arange(n), np.arange(n)])
    if rng.random() < 0.1:
        X.columns = list(range(X.shape[1]))
    modality = Tabular() if rng.random() < 0.5 else "auto"
    ssl = SimCLR(
        modality=modality,
        encoder=_any_encoder,
        max_epochs=1,
        device="cpu",
        random_state=0,
        projector_dim=8,
    )
    what = f"frame of {chosen}, index {index}, modality={modality}"
    return Attempt(what, guarded(ssl, lambda: embed(ssl, X)), named=r"\bX\b|[Cc]olumn|samples?\b")


@kind
def texts(rng: Rng) -> Attempt:
    """Texts of any characters and lengths, with gaps."""
    pieces = [
        "",
        " ",
        "sun rain wind",
        "\ud800",
        "日本語 の テキスト",
        "हिन्दी भाषा में",
        "a" * int(rng.integers(1, 5000)),
        "\x00\x01",
        "/etc/hostname",
        "report.pdf",
        "photo.png",
        "https://example.org/a.jpg",
        "<b>1</b> & {x} $y$",
        "12.5",
        "-1",
        "nan",
        "مرحبا بالعالم",
        "e\u0301a\u0308",
        "🙂🙃",
    ]
    n = int(rng.choice([2, 4, 9]))
    X: Any = [str(rng.choice(pieces)) for _ in range(n)]
    form = str(rng.choice(["list", "objects", "array", "column", "None", "numbers"]))
    if form == "objects":
        X = np.array(X, dtype=object)
    elif form == "array":
        X = np.array(X)
    elif form == "column":
        X = np.array(X, dtype=object)[:, None]
    elif form == "None":
        X = [*X[:-1], None]
    elif form == "numbers":
        X = [*X[:-1], 3.5]
    modality = (
        Text(analyzer=str(rng.choice(["word", "char_wb"])), min_df=1, max_df=1.0)
        if rng.random() < 0.7
        else "auto"
    )
    ssl = SimCLR(modality=modality, max_epochs=1, device="cpu", random_state=0, projector_dim=8)
    what = f"texts as {form}, modality={modality}: {X!r:.200}"
    named = r"\bX\b|[Tt]exts?|modality|samples?\b|[Ff]iles?"
    return Attempt(what, guarded(ssl, lambda: embed(ssl, X)), named=named)


LIMITS: dict[str, list[Any]] = {
    "learning_rate": [1e-300, 1e-9, 1.0, 1e4, 1e30, 1e300, np.inf, np.nan, 0, -1, "fast"],
    "weight_decay": [0, 1e-300, 1.0, 1e30, 1e300, np.inf, np.nan, -1],
    "batch_size": [2, 3, 10**9, 1, 0, 2.5, "all", True],
    "max_epochs": [0, 1, 2, -1, 1.5, "many", None, True],
    "max_time": ["1s", 0.5, "0s", 0, -1, "5", "soon", np.nan, np.inf],
    "temperature": [1e-300, 1e-6, 1e6, 1e300, 0, -1, np.nan, np.inf, "warm"],
    "optimizer": ["adamw", "muon", "sgd", torch.optim.RMSprop, "adam", 3, torch.optim.LBFGS],
    "precision": ["float32", "bfloat16", "float16", 16],
    "device": ["cpu", "cuda:99", "gpu", 0, "meta"],
    "random_state": [0, 2**32 - 1, -1, "seed", 1.5, np.random.RandomState(0)],  # noqa: NPY002
    "projector_dim": [1, 2, 0, -1, 1.5],
    "modality": [Tabular, "tabular", Images(), Series(), None, Tabular],
    "views": [TabularViews, SeriesViews(), ImageViews(), "strong", None, TabularViews(swap=0.0)],
    "encoder": [torch.nn.Linear, torch.nn.Identity(), "conv", "nonsense", None, lambda s: 3],
    "callbacks": [[3], "print", [Callback], []],
    "checkpoint": ["", 3, ".", b"file", True],
    "checkpoint_every": ["3 steps", 0, -1, "0 steps", "often", None, True],
    "verbose": [-1, "yes", 3.5],
    "warm_start": [True, "", 3],
}


@kind
def parameters(rng: Rng) -> Attempt:
    """Parameters at and beyond their limits."""
    name = str(rng.choice(list(LIMITS)))
    options = LIMITS[name]
    value = options[int(rng.integers(len(options)))]
    X = rng.normal(size=(int(rng.choice([2, 5, 33])), 4))
    settings: dict[str, Any] = {
        "encoder": tiny_mlp,
        "batch_size": 4,
        "max_epochs": 2,
        "device": "cpu",
        "random_state": 0,
        name: value,
    }
    ssl = SimCLR(**settings)
    return Attempt(
        f"SimCLR({name}={value!r}) on {X.shape}",
        guarded(ssl, lambda: embed(ssl, X)),
        named=rf"{name}|\bX\b|modality|views|encoder",
        may_diverge=name in ("learning_rate", "weight_decay", "temperature", "optimizer"),
    )


@kind
def rates(rng: Rng) -> Attempt:
    """Rates of any size in trainings of a few steps: what diverges in any of them is told."""
    name = str(rng.choice(["learning_rate", "weight_decay"]))
    value = float(10.0 ** rng.uniform(-300, 300))
    X = rng.normal(size=(int(rng.integers(2, 10)), 4))
    ssl = SimCLR(
        encoder=tiny_mlp,
        batch_size=4,
        max_epochs=int(rng.integers(1, 3)),
        optimizer=str(rng.choice(["adamw", "sgd", "muon"])),
        device="cpu",
        random_state=0,
        **{name: value},
    )
    what = f"{ssl.optimizer}, {name}={value:.1g}, {ssl.max_epochs} epochs of {len(X)} rows"
    return Attempt(what, guarded(ssl, lambda: embed(ssl, X)), named=name, may_diverge=True)


@kind
def few_rows(rng: Rng) -> Attempt:
    """Every method with as few rows as it may get, in batches that do not go up."""
    case = CASES[int(rng.integers(len(CASES)))]
    method = rng.choice([cls for cls in ESTIMATORS if case.supports(cls)])
    n = int(rng.integers(2, 12))
    batch_size = int(rng.integers(2, 8))
    X = case.load()[0][:n]
    ssl = case.make_small(method, batch_size=batch_size)
    calls = str(rng.choice(["fit", "partial_fit"]))

    def run() -> None:
        if calls == "fit":
            embed(ssl, X)
        else:
            ssl.partial_fit(X).partial_fit(X)
            look_at(ssl, X, ssl.transform(X))

    what = f"{method.__name__}.{calls} on {n} {case.name}, batch_size={batch_size}"
    named = r"\bX\b|batch_size|n_\w+|samples?\b|\w+_size|projector\w*|sub_batch"
    return Attempt(what, guarded(ssl, run), named=named)


MARKERS: list[Any] = [-1, -1.0, None, np.nan, "-1", "nan", "", "pd.NA"]
CLASSES: list[list[Any]] = [
    [0, 1],
    [-1, 1],
    [1, 2, 3],
    ["a", "b"],
    [True, False],
    [0.0, 1.0],
    [-2, -1, 0],
    ["0", "1"],
]


@kind
def labels(rng: Rng) -> Attempt:
    """Labels in every container, with every marker of those that are missing."""
    import pandas as pd

    n = 24
    X = rng.normal(size=(n, 4))
    classes = CLASSES[int(rng.integers(len(CLASSES)))]
    marker = MARKERS[int(rng.integers(len(MARKERS)))]
    marker = pd.NA if marker == "pd.NA" else marker
    truth = [classes[i % len(classes)] for i in range(n)]
    y: Any = [label if i < 12 else marker for i, label in enumerate(truth)]
    form = str(
        rng.choice(["list", "array", "objects", "Series", "nullable", "column", "frame", "Index"])
    )
    with contextlib.suppress(TypeError, ValueError):
        if form == "array":
            y = np.array(y)
        elif form == "objects":
            y = np.array(y, dtype=object)
        elif form == "Series":
            y = pd.Series(y)
        elif form == "nullable":
            y = pd.Series(y).convert_dtypes()
        elif form == "column":
            y = np.array(y, dtype=object)[:, None]
        elif form == "frame":
            y = pd.DataFrame({"y": y})
        elif form == "Index":
            y = pd.Index(y)
    frozen = SimCLR(encoder=tiny_mlp, max_epochs=0, device="cpu", random_state=0)
    tools: dict[str, Callable[[], Any]] = {
        "LabeledOnly": lambda: LabeledOnly(GaussianNB()),
        "LabeledOnly around Bagging": lambda: LabeledOnly(
            BaggingClassifier(LogisticRegression(), n_estimators=2, random_state=0)
        ),
        "FineTuneClassifier": lambda: FineTuneClassifier(frozen, max_epochs=1, random_state=0),
        "PrototypeClassifier": lambda: PrototypeClassifier(),
        "StratifiedLabeledKFold": lambda: StratifiedLabeledKFold(2),
        "knn_scorer": lambda: knn_scorer,
    }
    name = str(rng.choice(list(tools)))
    tool = tools[name]()

    def run() -> None:
        if name == "StratifiedLabeledKFold":
            for train, test in tool.split(X, y):
                if set(test) & set(train) or not set(test) <= set(range(12)):
                    raise Fault("a row without a label is tested")
            return
        if name == "knn_scorer":
            scores = [tool(frozen.fit(noise), noise, y) for noise in (X, X[::-1] ** 2)]
            if not all(0 <= score <= 1 for score in scores) or min(scores) == 1:
                raise Fault(f"the scores on noise are {scores}")
            return
        with warnings.catch_warnings():
            # A column is what scikit-learn warns of, too.
            warnings.filterwarnings("ignore", message="A column-vector y")
            predicted = tool.fit(X, y).predict(X)
        # NumPy made strings of them before anybody was asked.
        strings = isinstance(y, np.ndarray) and y.dtype.kind == "U"
        expected = {str(label) for label in classes} if strings else set(classes)
        if len(tool.classes_) != len(expected) or set(np.asarray(predicted)) - expected:
            raise Fault(f"classes {tool.classes_!r} from {classes} and the marker {marker!r}")

    what = f"{name}, classes {classes}, marker {marker!r}, as {form}"
    return Attempt(what, run, named=r"\by\b|unlabeled|labels?\b|class")


@kind
def targets(rng: Rng) -> Attempt:
    """Numbers to be told, at any place and scale."""
    X = rng.normal(size=(40, 3))
    scale = 10.0 ** rng.integers(-12, 12)
    offset = scale * 10.0 ** rng.integers(0, 10)  # float64 holds 16 digits
    y = X[:, 0] * scale + offset * rng.choice([0, 1, -1])
    ssl = SimCLR(encoder=tiny_mlp, max_epochs=0, device="cpu", random_state=0)
    tool = FineTuneRegressor(ssl, max_epochs=0, random_state=0)

    def run() -> None:
        predicted = tool.fit(X, y).predict(X)
        if not np.isfinite(predicted).all():
            raise Fault("a prediction is not finite")
        error = np.mean((predicted - y) ** 2) / np.var(y)
        if error > 0.9:
            raise Fault(f"the error is {error:.2g} of the variance")

    return Attempt(f"targets times {scale:g} at {offset:g}", run)


@contextlib.contextmanager
def _ctrl_c_raises() -> Iterator[None]:
    """A process in the background may have been started to ignore it."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


class Raise(Callback):
    """Raises an error in a step, or presses Ctrl-C."""

    def __init__(self, step: int, error: str):
        self.step, self.error = step, error

    def on_batch_begin(self, net: Any, **kwargs: Any) -> None:
        if net.steps_done_ == self.step:
            if self.error == "ctrl-c":
                os.kill(os.getpid(), signal.SIGINT)
            else:
                raise OSError("a fault of the user's own")


@kind
def faults(rng: Rng) -> Attempt:
    """A training that ends in an error or with Ctrl-C: the estimator is whole."""
    drawn = draw_samples(rng, only=("tabular", "series", "points", "images"))
    step, error = int(rng.integers(0, 4)), str(rng.choice(["error", "ctrl-c"]))
    call = str(rng.choice(["fit", "partial_fit", "bad samples", "bad views"]))
    ssl = draw_method(rng, drawn.case, batch_size=2, max_epochs=4)
    X = np.concatenate([drawn.X] * 4)[:8]
    if rng.random() < 0.3:
        ssl.set_params(warm_start=True)

    def run() -> None:
        with _ctrl_c_raises():
            interrupted()

    def interrupted() -> None:
        ssl.fit(X)
        before, n_before = ssl.transform(X), ssl.n_iter_
        changed = False
        try:
            if call == "bad samples":
                ssl.fit(np.full_like(X, np.inf))
            elif call == "bad views":
                ssl.set_params(views=TabularViews(swap=3.0)).fit(X * 100)
            else:
                ssl.set_params(callbacks=[Raise(step, error)], max_epochs=6)
                getattr(ssl, call)(X * 3 + 1)
            changed = True
        except TrainingInterrupted:
            changed = True
        except (OSError, KeyboardInterrupt, ValueError, TypeError):
            pass
        after = ssl.transform(X)
        look_at(ssl, X, after)
        if not changed and not (np.array_equal(before, after) and ssl.n_iter_ == n_before):
            raise Fault("after an error the estimator is another one")

    what = f"{type(ssl).__name__}.{call} on {drawn.words[0]}: {error} in step {step}"
    return Attempt(what, run)


class CtrlC(Callback):
    """Presses Ctrl-C in one step of all trainings, and counts those that begin afterwards."""

    steps_left = 0
    steps_after = 0

    def on_batch_begin(self, net: Any, **kwargs: Any) -> None:
        CtrlC.steps_left -= 1
        if CtrlC.steps_left == 0:
            os.kill(os.getpid(), signal.SIGINT)
        elif CtrlC.steps_left < 0:
            CtrlC.steps_after += 1


@kind
def interrupted_tools(rng: Rng) -> Attempt:
    """Ctrl-C in what trains several times: nothing goes on, and nothing half trained is kept."""
    n, n_steps = 24, int(rng.integers(1, 40))
    X, y = rng.normal(size=(n, 4)), np.arange(n) % 2
    ssl = SimCLR(
        encoder=tiny_mlp,
        batch_size=int(rng.choice([8, 24])),
        max_epochs=3,
        device="cpu",
        random_state=0,
        callbacks=[CtrlC()],
    )
    pipe = make_pipeline(ssl, GaussianNB())
    masked = MaskedAutoencoder(
        width=8, depth=1, n_heads=2, max_epochs=9, device="cpu", callbacks=[CtrlC()]
    )
    gaps = np.where(rng.random(X.shape) < 0.1, np.nan, X)
    tools: dict[str, Callable[[], Any]] = {
        "search": lambda: GridSearchCV(pipe, {"simclr__temperature": [0.1, 1.0]}, cv=2).fit(X, y),
        "search without labels": lambda: GridSearchCV(ssl, {"temperature": [0.1, 1]}, cv=2).fit(X),
        "cross-validation": lambda: cross_validate(pipe, X, y, cv=3),
        "ensemble": lambda: BaggingClassifier(pipe, n_estimators=4).fit(X, y),
        "fine-tuning": lambda: FineTuneClassifier(ssl, max_epochs=4).fit(X, y),
        "labelled only": lambda: make_pipeline(ssl, LabeledOnly(GaussianNB())).fit(X, y),
        "imputer": lambda: SelfSupervisedImputer(method=masked).fit_transform(gaps),
        "report": lambda: few_label_report(
            {"ssl": ssl}, X, y, n_labels=(1,), n_repeats=1, baselines=None
        ),
    }
    name = str(rng.choice([*tools, "cache"]))

    def cached() -> None:
        with tempfile.TemporaryDirectory() as folder:
            cached_pipe = Pipeline(pipe.steps, memory=folder)
            try:
                cached_pipe.fit(X, y)
            finally:
                pressed, CtrlC.steps_left = CtrlC.steps_left <= 0, 0
                if cached_pipe.fit(X, y)[0].n_iter_ != 3:
                    raise Fault("a training that was ended is in the cache")
                CtrlC.steps_left, CtrlC.steps_after = 0 if pressed else 1, 0

    def run() -> None:
        CtrlC.steps_left, CtrlC.steps_after = n_steps, 0
        try:
            with _ctrl_c_raises():
                (cached if name == "cache" else tools[name])()
        except KeyboardInterrupt:
            if CtrlC.steps_after:
                raise Fault(f"{CtrlC.steps_after} steps after Ctrl-C") from None
            return
        finally:
            pressed, CtrlC.steps_left = CtrlC.steps_left <= 0, 0
        if pressed:
            raise Fault("Ctrl-C is lost")

    return Attempt(f"{name}: Ctrl-C in step {n_steps}", run)


@kind
def memory(rng: Rng) -> Attempt:
    """Memory that runs out in any layer: the error says what would fit, the estimator is whole."""
    drawn = draw_samples(rng, only=("tabular", "series", "points", "images"))
    ssl = draw_method(rng, drawn.case, batch_size=4, max_epochs=2)
    X = np.concatenate([drawn.X] * 4)[:8]
    call = str(rng.choice(["fit", "partial_fit", "transform"]))
    whose = str(rng.choice(["torch", "numpy", "python"]))
    layers_left = int(rng.integers(0, 80))

    def take_all() -> None:
        if whose == "torch":
            torch.empty(2**60, dtype=torch.uint8)
        elif whose == "numpy":
            np.empty(2**60, dtype=np.uint8)
        raise MemoryError

    def before_layer(module: torch.nn.Module, inputs: Any) -> None:
        nonlocal layers_left
        layers_left -= 1
        if layers_left < 0:
            take_all()

    def run() -> None:
        ssl.fit(X)
        before, n_before = ssl.transform(X), ssl.n_iter_
        hook = torch.nn.modules.module.register_module_forward_pre_hook(before_layer)
        try:
            getattr(ssl, call)(X * 3 + 1)
        except MemoryError as error:
            if not re.search("batch_size|at a time|[Ss]maller samples", str(error)):
                raise Fault(f"an error without advice: {error}") from error
        else:
            return
        finally:
            hook.remove()
        after = ssl.transform(X)
        look_at(ssl, X, after)
        if not (np.array_equal(before, after) and ssl.n_iter_ == n_before):
            raise Fault("without memory, the estimator is another one")

    what = f"{type(ssl).__name__}.{call} on {drawn.words[0]}: {whose}, after {layers_left} layers"
    return Attempt(what, run)


@kind
def forks(rng: Rng) -> Attempt:
    """A process that is forked after torch has computed with several threads: it ends."""
    n, call = int(rng.choice([4, 40, 1000])), str(rng.choice(["transform", "fit", "score"]))
    X = rng.normal(size=(n, 64))
    ssl = SimCLR(encoder=tiny_mlp, max_epochs=int(rng.integers(0, 2)), device="cpu", random_state=0)

    def use(connection: Any) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if call == "fit":
                ssl.fit(X)
            elif call == "score":
                ssl.score(X)
            connection.send(ssl.transform(X))

    def run() -> None:
        threads = torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            Z = ssl.fit(X).transform(X)
            ours, theirs = multiprocessing.Pipe()
            child = multiprocessing.get_context("fork").Process(target=use, args=(theirs,))
            child.start()
            theirs.close()
            try:
                if not ours.poll(60):
                    raise Fault("the child hangs")
                embedded = ours.recv()
            except EOFError:
                raise Fault("the child failed") from None
            finally:
                child.kill()
                child.join()
        finally:
            torch.set_num_threads(threads)
        # A training of another number of threads has other bits.
        close = np.allclose(embedded, Z, rtol=1e-3, atol=1e-4 * np.abs(Z).max())
        if not (close or call == "fit") or not np.isfinite(embedded).all():
            raise Fault("the child has other embeddings")

    return Attempt(f"{call} of {n} rows in a child", run)


@kind
def settings(rng: Rng) -> Attempt:
    """What others have set for all of torch and of scikit-learn."""
    drawn = draw_samples(rng, only=("tabular", "series", "points", "images", "video"))
    name = str(rng.choice(["float64", "no_grad", "inference", "autocast", "device", "pandas"]))
    ssl = draw_method(rng, drawn.case)

    def run() -> None:
        expected = embed(ssl, drawn.X)
        with _setting(name):
            Z = np.asarray(ssl.fit(drawn.X).transform(drawn.X))
        # Under a default device, torch takes another path through transformers.
        close = np.allclose(Z, expected, rtol=1e-3, atol=1e-4) if name == "device" else False
        if not (close or np.array_equal(expected, Z)):
            raise Fault("other bits")

    return Attempt(f"{type(ssl).__name__} on {drawn.words[0]} under {name}", guarded(ssl, run))


@contextlib.contextmanager
def _setting(name: str) -> Iterator[None]:
    import sklearn

    with contextlib.ExitStack() as stack:
        if name == "float64":
            torch.set_default_dtype(torch.float64)
            stack.callback(torch.set_default_dtype, torch.float32)
        elif name == "pandas":
            stack.enter_context(sklearn.config_context(transform_output="pandas"))
        else:
            contexts: dict[str, Callable[[], Any]] = {
                "no_grad": torch.no_grad,
                "inference": torch.inference_mode,
                "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
                "device": lambda: torch.device("meta"),
            }
            stack.enter_context(contexts[name]())
        yield


@kind
def threads(rng: Rng) -> Attempt:
    """Trainings and uses in threads, which have the bits that they have alone."""
    drawn = draw_samples(rng, only=("tabular", "series", "points", "images"))
    methods = [draw_method(rng, drawn.case, batch_size=4) for _ in range(3)]

    def use(ssl: SelfSupervisedTransformer) -> np.ndarray:
        return clone(ssl).fit(drawn.X).transform(drawn.X)

    def run() -> None:
        alone = [use(ssl) for ssl in methods]
        state = torch.get_rng_state()
        with ThreadPoolExecutor(3) as pool:
            together = list(pool.map(use, methods))
        # Sums depend on where in memory numbers lie, in a process of one thread as well.
        close = [
            np.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(alone, together, strict=True)
        ]
        if not all(close):
            raise Fault("other embeddings than alone")
        if not torch.equal(state, torch.get_rng_state()):
            raise Fault("torch's global generator is another one")

    names = [type(ssl).__name__ for ssl in methods]
    return Attempt(f"{names} on {drawn.words[0]} in threads", run)


@kind
def unequal(rng: Rng) -> Attempt:
    """Samples of unequal sizes, one of which may be far larger than the others."""
    name = str(rng.choice(["series", "points", "text"]))
    sizes = rng.integers(3, 30, int(rng.integers(2, 9)))
    if rng.random() < 0.5:
        sizes[int(rng.integers(len(sizes)))] = int(10 ** rng.uniform(2, 5))
    X: list[Any]
    if name == "series":
        X = [rng.normal(size=size) for size in sizes]
    elif name == "points":
        X = [rng.normal(size=(size, 3)) for size in sizes]
    else:
        words = np.array(["sun", "rain", "wind", "fog", "hail"])
        X = [" ".join(rng.choice(words, size)) for size in sizes]
    case = next(case for case in CASES if case.name == name)
    modality = Text(min_df=1, max_df=1.0) if name == "text" else _MODALITIES[name]()
    ssl = SimCLR(
        modality=modality,
        encoder=case.encoder,
        max_epochs=int(rng.integers(0, 2)),
        device="cpu",
        random_state=0,
    )
    what = f"{name} of sizes {sizes.tolist()}"
    return Attempt(what, guarded(ssl, lambda: embed(ssl, X)))


@kind
def gaps(rng: Rng) -> Attempt:
    """What fills gaps, on tables with gaps and on what is none."""
    drawn = draw_samples(rng)
    X = np.array(drawn.X)
    X[rng.random(X.shape) < 0.2] = np.nan
    method = MaskedAutoencoder(
        width=8, depth=1, n_heads=2, max_epochs=1, device="cpu", random_state=0
    )
    imputer = SelfSupervisedImputer(method=method)

    def run() -> None:
        filled = imputer.fit(X).transform(X)
        known = ~np.isnan(X)
        if not np.array_equal(np.asarray(filled)[known], X[known]):
            raise Fault("what was there is another value")
        if np.isnan(np.asarray(filled, dtype=float)[:, ~np.isnan(X).all(axis=0)]).any():
            raise Fault("a gap is left")

    return Attempt(f"imputing {drawn.words[0]}", run, named=r"\bX\b|modality|[Tt]able|impute")


@kind
def files(rng: Rng) -> Attempt:
    """Image files of which some are damaged, and what only looks like files."""
    from pathlib import Path

    from PIL import Image

    mode = str(rng.choice(["L", "RGB", "RGBA", "P", "1", "CMYK", "I;16", "LA"]))
    suffix = str(rng.choice(["png", "jpg", "bmp", "gif", "tiff", "webp"]))
    damage = str(rng.choice(["none", "cut", "flipped", "empty", "text", "folder", "missing"]))
    on_error = str(rng.choice(["skip", "raise"]))
    numbers = rng.integers(0, 256, (6, 12, 12), dtype=np.uint8)
    position = int(rng.integers(1, 12 * 12))

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for index, pixels in enumerate(numbers):
                path = Path(folder) / f"{index}.{suffix}"
                image = Image.fromarray(pixels)
                try:
                    image.convert(mode).save(path)
                except (OSError, ValueError, KeyError):
                    image.save(path)  # not every format has every mode
                paths.append(path)
            _damage(paths[2], damage, position)
            ssl = SimCLR(
                modality=Images(size=8, on_error=on_error),
                encoder=_any_encoder,
                max_epochs=1,
                batch_size=2,
                device="cpu",
                random_state=0,
                projector_dim=8,
            )
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", category=UserWarning)
                Z = ssl.fit(paths).transform(paths)
            lost = ~np.isfinite(Z).all(axis=1)
            if Z.shape[0] != 6 or (lost.any() and on_error == "raise") or lost[[0, 1, 3]].any():
                raise Fault(f"rows {np.flatnonzero(lost)} of {Z.shape} are lost")

    return Attempt(
        f"{mode} {suffix} {damage}, on_error={on_error}", run, named=r"\bX\b|[Ff]ile|images?\b"
    )


def _damage(path: Any, how: str, position: int) -> None:
    data = bytearray(path.read_bytes())
    if how == "cut":
        path.write_bytes(data[: position % len(data)])
    elif how == "flipped":
        for offset in range(position % 50, len(data), 97):
            data[offset] ^= 0xFF
        path.write_bytes(data)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("no image")
    elif how in ("folder", "missing"):
        path.unlink()
        if how == "folder":
            path.mkdir()


def guarded(ssl: SelfSupervisedTransformer, run: Callable[[], Any]) -> Callable[[], None]:
    """Return `run`, which raises a fault where an error comes after the training began."""

    def guard() -> None:
        began = Began()
        if ssl.callbacks is None or ssl.callbacks == []:
            ssl.set_params(callbacks=[began])
        try:
            run()
        except (ValueError, TypeError) as error:
            if began.began and not isinstance(error, NonFiniteLossError):
                raise Fault(f"{type(error).__name__} after the training began: {error}") from error
            raise

    return guard


# Of what went wrong on the way, and of what no user can do anything about.
_LEAKS = (RuntimeWarning, DeprecationWarning, FutureWarning)
_LONGEST_MESSAGE = 3000


def outcome(attempt: Attempt) -> str:
    """Run an attempt; return "success" or "error", or "fault: ..."."""
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            attempt.run()
            ended = "success"
        except NonFiniteLossError as error:
            return "error" if attempt.may_diverge else f"fault: diverged: {error}"
        except MemoryError as error:
            return f"fault: {error}"
        except (ValueError, TypeError) as error:
            said = str(error)
            if not re.search(attempt.named, said):
                return f"fault: names nothing: {type(error).__name__}: {said[:300]}"
            if len(said) > _LONGEST_MESSAGE:
                return f"fault: a message of {len(said)} characters"
            ended = "error"
        except Fault as fault:
            return f"fault: {fault}"
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{os.path.basename(where.filename)}:{where.lineno}"
            return f"fault: {type(error).__name__} in {place}: {str(error)[:300]}"
    for warning in caught:
        if issubclass(warning.category, _LEAKS):
            return f"fault: {warning.category.__name__} leaked: {str(warning.message)[:200]}"
    return ended


def draw(seed: int, number: int, kinds: list[str]) -> Attempt:
    """Return an attempt, the same one for the same seed, number and kinds."""
    rng = np.random.default_rng([seed, number])
    return KINDS[kinds[number % len(kinds)]](rng)


def search(
    n: int, *, seed: int = 0, first: int = 0, kinds: list[str] | None = None
) -> Iterator[tuple[int, str, Attempt, str]]:
    """Run attempts; yield the number, the kind, the attempt and its outcome."""
    kinds = kinds or list(KINDS)
    for number in range(first, first + n):
        attempt = draw(seed, number, kinds)
        yield number, kinds[number % len(kinds)], attempt, outcome(attempt)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("n", type=int, help="how many inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--kinds", help=f"by comma, of {', '.join(KINDS)}")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kinds = arguments.kinds.split(",") if arguments.kinds else list(KINDS)
    counts: collections.Counter[tuple[str, str]] = collections.Counter()
    start = time.monotonic()
    found = search(arguments.n, seed=arguments.seed, first=arguments.first, kinds=kinds)
    for number, name, attempt, ended in found:
        counts[name, ended.partition(":")[0]] += 1
        if ended.startswith("fault"):
            print(f"{number} {name}: {attempt.what}\n    {ended}", flush=True)
    print(f"\n{arguments.n} inputs, seed {arguments.seed}, {time.monotonic() - start:.0f} s")
    print(f"{'':<12}{'success':>9}{'error':>9}{'fault':>9}")
    for name in kinds:
        cells = [counts[name, ended] for ended in ("success", "error", "fault")]
        print(f"{name:<12}" + "".join(f"{cell:>9}" for cell in cells))
    total = [sum(counts[name, ended] for name in kinds) for ended in ("success", "error", "fault")]
    print(f"{'all':<12}" + "".join(f"{cell:>9}" for cell in total))
    sys.exit(bool(total[2]))


if __name__ == "__main__":
    main()
