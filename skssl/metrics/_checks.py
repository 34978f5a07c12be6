"""Checks that every measure of an embedding shares."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


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
    checked = _check(Z, name, ("n_samples", "n_views", "n_dimensions"), min_samples)
    if checked.shape[1] < 2:
        raise ValueError(f"{name} must have at least 2 views of each sample, got 1.")
    return checked


def _check(Z: ArrayLike | Tensor, name: str, axes: tuple[str, ...], min_samples: int) -> Tensor:
    checked = Z.detach() if isinstance(Z, Tensor) else torch.from_numpy(np.array(Z, np.float64))
    if checked.ndim != len(axes) or 0 in checked.shape:
        raise ValueError(
            f"{name} must have the shape ({', '.join(axes)}), got {tuple(checked.shape)}."
        )
    if len(checked) < min_samples:
        raise ValueError(f"{name} must have at least {min_samples} samples, got {len(checked)}.")
    if not checked.isfinite().all():
        raise ValueError(f"{name} contains NaN or infinite values.")
    # Some devices have no float64.
    device = "cpu" if checked.device.type == "mps" else checked.device
    return checked.to(device).double()
