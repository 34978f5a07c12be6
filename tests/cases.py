"""Every method, on every modality it supports, with settings that are quick to train."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from torch import Tensor, nn

from skssl.base import SelfSupervisedTransformer
from skssl.modality import MODALITIES
from skssl.nn import Pieces, SmallConvNet
from skssl.testing import CASES, N_FEW, Case, make
from skssl.testing._cases import (
    colored_digits,
    keep,
    known_sizes,
    mirror,
    tiny_conv,
    tiny_mlp,
    tiny_points,
    tiny_series,
    tiny_text,
    tiny_video,
)
from skssl.utils import all_estimators

TINY_TRANSFORMER = {
    "width": 16,
    "depth": 1,
    "n_heads": 2,
    "device": "cpu",
    "random_state": 0,
}
DIGITS = load_digits().images[:300]
# For what is learned: heads as wide as they are by default take most of a step on small images.
NARROW_HEADS = {
    "head_dim": 64,
    "hidden_dim": 128,
    "predictor_depth": 1,
    "predictor_hidden_dim": 64,
    "projector_dim": 64,
    "projector_hidden_dim": 128,
}


def waves(n: int = 200, length: int = 60) -> np.ndarray:
    """Return sine waves with a period of 12 steps."""
    start = np.random.default_rng(0).random((n, 1))
    return np.sin(2 * np.pi * (np.arange(length) / 12 + start)).astype(np.float32)


def pieces_on_grid(*steps: int, n: int = 50, present: Tensor | None = None) -> Pieces:
    """Return pieces of samples, empty, at all places of a grid of this size."""
    places = torch.cartesian_prod(*(torch.arange(s) for s in steps)).view(-1, len(steps)).float()
    if present is None:
        present = torch.ones(n, len(places), dtype=torch.bool)
    return Pieces(torch.zeros(len(present), len(places), 1), present, places[None], steps)


def small_conv(shape: tuple[int, ...]) -> nn.Module:
    channels, height, width = shape
    return SmallConvNet(channels, (height, width), widths=(16, 32, 32, 64))


def narrow_heads(estimator: type[BaseEstimator]) -> dict[str, int]:
    """Return settings with which a method learns about as much in less time."""
    return known_sizes(estimator, NARROW_HEADS)


ESTIMATORS = [estimator for _, estimator in all_estimators()]
PAIRS = [
    (estimator, case) for estimator in ESTIMATORS for case in CASES if case.supports(estimator)
]
FIRST_PAIRS = dict(reversed(PAIRS))
PAIR_IDS = [f"{estimator.__name__}-{case.name}" for estimator, case in PAIRS]


def _some_pairs() -> list[tuple[type[BaseEstimator], Case]]:
    """Every method once, on modalities that take turns, and two of them on all they have.

    One of the two has a teacher and a queue, the other one has neither.
    """
    quick = ["text", "points", "tabular"]
    chosen = []
    for turn, estimator in enumerate(ESTIMATORS):
        cases = {case.name: case for method, case in PAIRS if method is estimator}
        if estimator.__name__ in ("MoCo", "SimCLR"):
            chosen += [(estimator, case) for case in cases.values()]
        else:
            order = [*quick[turn % 3 :], *quick[: turn % 3], *cases]
            chosen.append((estimator, cases[next(name for name in order if name in cases)]))
    return chosen


# For what hardly depends on both, method and modality; `pytest -m slow` tries the others.
SOME_PAIRS = _some_pairs()
# Every method once, on modalities that take turns.
CHEAP_PAIRS = dict(SOME_PAIRS)


def _families() -> list[type[BaseEstimator]]:
    """Every family, and every method that replaces a part of what fits and embeds.

    For what is inherited.
    """
    ours = [cls for cls in SelfSupervisedTransformer.__mro__ if cls.__module__.startswith("skssl")]
    parts = {
        name: None
        for cls in ours
        for name, part in vars(cls).items()
        if callable(part) and name not in ("__init__", "__init_subclass__", "make_objective")
    }
    found = {}
    for method in sorted(ESTIMATORS, key=lambda method: sum(map(method.works_with, MODALITIES))):
        family = method.__module__.split(".")[1]
        found[family, *(getattr(method, name) for name in parts)] = method
    return list(found.values())


FAMILIES = _families()

__all__ = [
    "CASES",
    "CHEAP_PAIRS",
    "ESTIMATORS",
    "FAMILIES",
    "FIRST_PAIRS",
    "N_FEW",
    "PAIRS",
    "PAIR_IDS",
    "SOME_PAIRS",
    "Case",
    "colored_digits",
    "keep",
    "make",
    "mirror",
    "narrow_heads",
    "small_conv",
    "tiny_conv",
    "tiny_mlp",
    "tiny_points",
    "tiny_series",
    "tiny_text",
    "tiny_video",
]
