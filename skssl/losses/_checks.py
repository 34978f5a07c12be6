"""Checks that losses share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def check_pair(
    z1: Tensor, z2: Tensor, *, min_samples: int = 1, names: tuple[str, str] = ("z1", "z2")
) -> None:
    """Raise ``ValueError`` unless `z1` and `z2` have one shape (n, d) with enough samples."""
    both = " and ".join(names)
    if z1.ndim != 2 or z1.shape != z2.shape:
        raise ValueError(
            f"{both} must have the same shape (n_samples, n_dimensions), "
            f"got {tuple(z1.shape)} and {tuple(z2.shape)}."
        )
    if len(z1) < min_samples:
        raise ValueError(f"{both} must have at least {min_samples} samples, got {len(z1)}.")


def check_views(
    views: Sequence[Tensor] | Tensor,
    *,
    min_views: int = 1,
    min_samples: int = 1,
    name: str = "views",
) -> Tensor:
    """Stack `views` to (v, n, d); ``ValueError`` unless they have one shape and are enough."""
    shapes = [tuple(view.shape) for view in views]
    if len(shapes) < min_views:
        raise ValueError(f"{name} must hold at least {min_views} tensors, got {len(shapes)}.")
    if len(set(shapes)) > 1 or len(shapes[0]) != 2:
        raise ValueError(
            f"{name} must all have the same shape (n_samples, n_dimensions), "
            f"got {sorted(set(shapes))}."
        )
    if shapes[0][0] < min_samples:
        raise ValueError(f"{name} must have at least {min_samples} samples, got {shapes[0][0]}.")
    return views if isinstance(views, Tensor) else torch.stack(list(views))


def check_rows(rows: Tensor, n_dimensions: int, *, name: str) -> None:
    """Raise ``ValueError`` unless `rows` has the shape (m, n_dimensions) with ``m >= 1``."""
    if rows.ndim != 2 or rows.shape[1] != n_dimensions or not len(rows):
        raise ValueError(
            f"{name} must have the shape (n_rows, {n_dimensions}), got {tuple(rows.shape)}."
        )


def check_positive(**values: float) -> None:
    """Raise ``ValueError`` unless every value is above 0."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name}={value!r} must be above 0.")


def check_between(low: float, high: float, **values: float) -> None:
    """Raise ``ValueError`` unless every value is in [low, high]."""
    for name, value in values.items():
        if not low <= value <= high:
            raise ValueError(f"{name}={value!r} must be between {low} and {high}.")
