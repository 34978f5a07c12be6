"""What every modality has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils import check_array
from torch import Tensor, nn

from skssl._declare import Declared
from skssl.views import Views


class Modality(Declared, ABC):
    """What kind of thing a sample is: how it is checked, prepared, encoded and varied.

    A method never asks what a sample is; it goes through these steps:
    ``check`` -> ``fit`` (once) -> ``prepare`` -> ``input_layer`` -> views -> encoder.
    Attributes that end in an underscore are what ``fit`` learned from the training rows.
    """

    @classmethod
    @abstractmethod
    def recognizes(cls, shape: tuple[int, ...], dtype: np.dtype) -> bool:
        """Whether ``modality="auto"`` takes an array of this kind to be of this modality."""

    @abstractmethod
    def check(self, X: Any, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        """Return `X` as an array, or raise an error that says what is wrong with it.

        What is found here does not depend on the training rows. `estimator` is the name that
        messages mention.
        """

    @abstractmethod
    def fit(self, X: np.ndarray) -> Self:
        """Learn what preparing needs (shape, scales) from checked training rows."""

    @abstractmethod
    def prepare(self, X: np.ndarray) -> Tensor:
        """Return checked rows as a tensor on the CPU, in the dtype in which they are to be kept.

        Raises
        ------
        ValueError
            If the rows do not fit those seen in ``fit``.
        """

    def input_layer(self) -> nn.Module:
        """Return the module that turns a prepared batch, on the device, into floats."""
        return nn.Identity()

    @abstractmethod
    def encoder_names(self) -> list[str]:
        """Return the names that ``build_encoder`` knows."""

    @abstractmethod
    def build_encoder(self, name: str) -> nn.Module:
        """Return a new, untrained encoder for the fitted samples; "auto" is the default one."""

    @abstractmethod
    def default_views(self) -> Views:
        """Return the views that suit the fitted samples."""


def check_numbers(
    X: Any, *, dtypes: list[type], estimator: str, min_samples: int, allow_nd: bool = True
) -> np.ndarray:
    """Return `X` as a finite array of one of `dtypes`, or raise with scikit-learn's messages."""
    kind = getattr(getattr(X, "dtype", None), "kind", None)
    if kind is None and isinstance(X, (list, tuple)) and len(X):
        kind = np.asarray(X[0]).dtype.kind
    if kind in ("U", "S"):
        raise ValueError(f"X must hold numbers, got strings: {X[0]!r} is its first sample.")
    # Values too large for float32 become infinite, which check_array reports as an error.
    with np.errstate(over="ignore", invalid="ignore"):
        return check_array(
            X,
            dtype=dtypes,
            allow_nd=allow_nd,
            ensure_min_samples=min_samples,
            estimator=estimator,
            input_name="X",
        )


def as_tensor(array: np.ndarray) -> Tensor:
    """Return `array` as a tensor, sharing its memory where torch can.

    Nothing in skssl writes to prepared samples, so read-only arrays are shared as well.
    """
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if any(stride < 0 for stride in array.strides):
        array = np.ascontiguousarray(array)
    # Unlike torch.from_numpy, this does not warn about memory that must not be written to.
    return torch.from_dlpack(array)
