"""What images and video have in common: the axis of the channels, and the range of the values."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

Layout = Literal["channels_first", "channels_last"]

USUAL_CHANNELS = (1, 3, 4)
# Samples from which the scale of the patches is taken.
_SCALE_SAMPLES = 4096
# Share of equal values, the lowest or the highest, that makes a background.
_BACKGROUND = 0.2


class Rescale(nn.Module):
    """Map the values from `low` to `high` to the range from 0 to 1."""

    low: Tensor
    factor: Tensor

    def __init__(self, low: Tensor, high: Tensor):
        super().__init__()
        span = (high - low).where(high > low, torch.ones_like(high))
        self.register_buffer("low", low)
        self.register_buffer("factor", 1 / span)

    def forward(self, samples: Tensor) -> Tensor:
        return (samples.to(self.factor.dtype) - self.low) * self.factor

    def inverse(self, values: Tensor, dtype: torch.dtype) -> Tensor:
        """Map the range from 0 to 1 back; integers are rounded, and what is outside is clipped."""
        samples = values.to(self.factor.dtype).clamp(0, 1) / self.factor + self.low
        return samples.round().to(dtype) if dtype == torch.uint8 else samples


def find_channel_axis(
    shape: tuple[int, ...],
    *,
    channels: int | None,
    layout: Layout | None,
    modality: str,
    samples: str,
) -> int:
    """Return the axis that holds the channels: the last one of `shape`, or the first.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample.
    channels : int or None
        Their number; None is one of 1, 3 or 4.
    layout : {"channels_first", "channels_last"} or None
        None takes the last axis if its size is allowed, else the first.
    modality, samples : str
        What messages call the class, and its samples.
    """
    allowed = USUAL_CHANNELS if channels is None else (channels,)
    last = len(shape) - 1
    if layout is not None:
        axis = 0 if layout == "channels_first" else last
        if channels not in (None, shape[axis]):
            raise ValueError(
                f"channels={channels} and layout={layout!r} do not fit {samples} of shape {shape}."
            )
        return axis
    for axis in (last, 0):
        if shape[axis] in allowed:
            return axis
    raise ValueError(
        f"Cannot tell which axis of {samples} of shape {shape} holds the channels: neither the "
        f"first nor the last has {' or '.join(map(str, allowed))} values. Say "
        f"modality={modality}(channels=...) or {modality}(layout='channels_first') or "
        f"'channels_last'{', or modality=Video() for clips' if modality == 'Images' else ''}."
    )


def value_range(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values that become 0 and 1, each of shape (1,) or, by channel, (channels,).

    Parameters
    ----------
    samples : ndarray of shape (n, channels, ...)
        uint8 goes from 0 to 255; the range of other numbers is theirs, by channel if there are
        other than 1, 3 or 4 channels.
    """
    if samples.dtype == np.uint8:
        return np.zeros(1, np.float32), np.full(1, 255, np.float32)
    together = samples.shape[1] in USUAL_CHANNELS
    axes = None if together else (0, *range(2, samples.ndim))
    return samples.min(axis=axes).reshape(-1), samples.max(axis=axes).reshape(-1)


def are_glyphs(samples: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether samples are grey on a plain background, the lowest or the highest value.

    Parameters
    ----------
    samples : ndarray of shape (n, channels, ...)
    low, high : ndarray of shape (1,)
        What :func:`value_range` says.
    """
    if samples.shape[1] != 1:
        return False
    return any(float(np.mean(samples == value)) > _BACKGROUND for value in (low, high))


def some_samples(samples: Tensor) -> Tensor:
    """Return at most some thousands of the samples, spread evenly."""
    return samples[:: math.ceil(len(samples) / _SCALE_SAMPLES)]


def quarter_turns(height: int, width: int) -> list[Callable[[Tensor], Tensor]]:
    """Return the rotations of the last two axes: by quarters of a turn, or halves if oblong."""
    quarters = (0, 1, 2, 3) if height == width else (0, 2)
    return [partial(torch.rot90, k=quarter, dims=(-2, -1)) for quarter in quarters]


def check_like_fit(X: np.ndarray, *, shape: tuple[int, ...], is_uint8: bool) -> None:
    """Raise an error if samples have another shape or kind of numbers than those seen in fit."""
    if X.shape[1:] != shape:
        hint = " It looks like one sample: pass X[None]." if X.shape == shape else ""
        raise ValueError(
            f"X has samples of shape {X.shape[1:]}, but samples of shape {shape} were seen in fit."
            f"{hint}"
        )
    if is_uint8 and X.dtype != np.uint8:
        raise ValueError(
            "X has floating point or wider integer values, but uint8 from 0 to 255 were seen "
            "in fit. Convert it with X.astype(np.uint8) if its values go from 0 to 255."
        )
