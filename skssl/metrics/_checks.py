"""Checks that every measure of an embedding shares."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

# Squares of more are infinite in float64, which all measures compute in.
_LARGEST = 1e150


def check_embedding(Z: ArrayLike | Tensor, *, name: str = "Z", min_samples: int = 1) -> Tensor:
    """Return `Z` as a float64 tensor of shape (n, d).

    Raises
    ------
    ValueError
        If it has another shape, too few samples, or values that are NaN or infinite.
    """
    return _check(Z, name, ("n_samples", "n_dimensions"), min_samples)


def check_views(Z: ArrayLike | Tensor, *, name: str = "Z", min_samples: int = 2) -> Tensor:
    """Return `Z` as a float64 tensor of shape (n, n_views, d), with at least two views.

    Raises
    ------
    ValueError
        If it has another shape, too few samples or views, or values that are NaN or infinite.
    """
    axes = ("n_samples", "n_views", "n_dimensions")
    checked = _check(Z, name, axes, min_samples, ". Set n_views=4 of a scorer, or use embed_views")
    if checked.shape[1] < 2:
        raise ValueError(f"{name} must have at least 2 views of each sample, got 1.")
    return checked


def _numbers(Z: ArrayLike | Tensor, name: str) -> Tensor:
    """Return `Z` as a tensor, of float64 unless it is one already."""
    if isinstance(Z, Tensor):
        if Z.is_complex():
            raise ValueError(f"{name} must hold real numbers, got dtype {Z.dtype}.")
        return Z.detach()
    try:
        if isinstance(Z, np.ma.MaskedArray):
            Z = np.where(np.ma.getmaskarray(Z), np.nan, Z.data)
        array = np.asarray(Z)
        if array.dtype.kind in "biufO":
            return torch.from_numpy(array.astype(np.float64))
        found = f"dtype {array.dtype}"
    except (ValueError, TypeError) as error:
        found = f"{type(Z).__name__}: {error}"
    raise ValueError(f"{name} must be an array of real numbers, got {found}")


def _check(
    Z: ArrayLike | Tensor, name: str, axes: tuple[str, ...], min_samples: int, remedy: str = ""
) -> Tensor:
    checked = _numbers(Z, name)
    if checked.ndim != len(axes) or 0 in checked.shape:
        raise ValueError(
            f"{name} must have the shape ({', '.join(axes)}), got {tuple(checked.shape)}{remedy}."
        )
    if len(checked) < min_samples:
        raise ValueError(f"{name} must have at least {min_samples} samples, got {len(checked)}.")
    if not checked.isfinite().all():
        raise ValueError(f"{name} contains NaN or infinite values.")
    if checked.abs().max() > _LARGEST:
        raise ValueError(
            f"{name} has values beyond {_LARGEST:.0e}, whose squares are infinite; divide it first."
        )
    # Some devices have no float64.
    device = "cpu" if checked.device.type == "mps" else checked.device
    return checked.to(device).double()
