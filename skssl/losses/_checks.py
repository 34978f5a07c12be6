"""Checks that every loss of two views shares."""

from __future__ import annotations

from torch import Tensor


def check_pair(z1: Tensor, z2: Tensor, *, min_samples: int = 1) -> None:
    """Raise ``ValueError`` unless `z1` and `z2` have one shape (n, d) with enough samples."""
    if z1.ndim != 2 or z1.shape != z2.shape:
        raise ValueError(
            "z1 and z2 must have the same shape (n_samples, n_dimensions), "
            f"got {tuple(z1.shape)} and {tuple(z2.shape)}."
        )
    if len(z1) < min_samples:
        raise ValueError(f"z1 and z2 must have at least {min_samples} samples, got {len(z1)}.")
