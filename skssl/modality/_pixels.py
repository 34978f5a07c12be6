"""What images and video have in common: the axis of the channels, and the range of the values."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from skssl._declare import POSITIVE_INT, StrOptions, param
from skssl._scales import Units, check_size, clip_where, find_outliers, warn_of_outliers
from skssl._some_rows import some_rows
from skssl._types import Samples
from skssl.modality._base import as_tensor
from skssl.modality._capabilities import Cuttable, Fillable, Turnable
from skssl.modality._vision_networks import VisionNetwork, read_vision_network
from skssl.views import ImageViews, Views

Layout = Literal["channels_first", "channels_last"]
LAYOUT = StrOptions({"channels_first", "channels_last"})

USUAL_CHANNELS = (1, 3, 4)
# Samples from which the scale of the patches is taken.
_SCALE_SAMPLES = 4096
# Below, what is left of a range is the rounding of a constant.
_SMALLEST_SPAN = 1e-8
# Share of values that may be those of broken pixels.
_BROKEN_PIXELS = 0.01
# Share of equal values, the lowest or the highest, that makes a background.
_BACKGROUND = 0.2


class Rescale(nn.Module):
    """Map the values from `low` to `high` to the range from 0 to 1."""

    low: Tensor
    span: Tensor

    def __init__(self, low: Tensor, high: Tensor):
        super().__init__()
        self.register_buffer("low", low)
        self.register_buffer("span", (high - low).where(high > low, torch.ones_like(high)))

    def forward(self, samples: Tensor) -> Tensor:
        # Divided, as those do it whose networks one may start from.
        return (samples.to(self.span.dtype) - self.low) / self.span

    def inverse(self, values: Tensor, dtype: torch.dtype) -> Tensor:
        """Map the range from 0 to 1 back; integers are rounded, and what is outside is clipped."""
        samples = values.to(self.span.dtype).clamp(0, 1) * self.span + self.low
        return samples.round().to(dtype) if dtype == torch.uint8 else samples


class PixelScale:
    """The range of the values of training samples, which becomes that from 0 to 1.

    A few values that would take all of the range, such as those of broken pixels, are left out
    with a warning; from then on, what is outside of the range of the others counts as its end.

    Parameters
    ----------
    samples : ndarray of shape (n, channels, ...)
        uint8 goes from 0 to 255; the range of other numbers is theirs, by channel if there are
        other than 1, 3 or 4 channels.
    keep_unit : bool
        Whether numbers that are all in [0, 1] stay as they are.

    Attributes
    ----------
    low, high : ndarray of shape (channels,) or (1,)
        The values that become 0 and 1.
    """

    def __init__(self, samples: np.ndarray, *, keep_unit: bool = False):
        if keep_unit and samples.dtype != np.uint8 and 0 <= samples.min() <= samples.max() <= 1:
            self.low, self.high = np.zeros(1, samples.dtype), np.ones(1, samples.dtype)
            self.clipped = np.zeros(1, dtype=bool)
        elif samples.dtype == np.uint8:
            self.low, self.high = np.zeros(1, np.float32), np.full(1, 255, np.float32)
            self.clipped = np.zeros(1, dtype=bool)
        else:
            together = samples.shape[1] in USUAL_CHANNELS
            axes = None if together else (0, *range(2, samples.ndim))
            self.low = samples.min(axis=axes).reshape(-1)
            self.high = samples.max(axis=axes).reshape(-1)
            self.clipped = np.zeros(len(self.low), dtype=bool)
            for channel in range(len(self.low)):
                self._leave_out(samples if together else samples[:, channel : channel + 1], channel)
        shape = (1, -1, *[1] * (samples.ndim - 2))
        self._edges = self.low.reshape(shape), self.high.reshape(shape)
        self.units = Units.of_range(*self._edges)

    def _leave_out(self, samples: np.ndarray, channel: int) -> None:
        """Take the range of a channel, or of all, from all values but outliers."""
        edges = self.low[channel : channel + 1], self.high[channel : channel + 1]
        # In the order of the memory, which needs no copy.
        rows = samples.ravel(order="K")[None]
        for found in find_outliers(rows, *edges, share=_BROKEN_PIXELS):
            value = rows[0, found.first]
            index = tuple(map(int, np.argwhere(samples == value)[0]))
            index = (index[0], channel + index[1], *index[2:])
            warn_of_outliers(value, self.place(index), found.low, found.high, found.count - 1)
            self.low[channel], self.high[channel] = found.low, found.high
            self.clipped[channel] = True

    @staticmethod
    def place(index: tuple[int, ...]) -> str:
        """Name the place of a value."""
        row, channel, *inside = index
        return f"row {row}, channel {channel}, at {tuple(inside)}"

    def prepare(self, samples: np.ndarray) -> np.ndarray:
        """Return samples as uint8 or float32, in which :meth:`layer` takes them."""
        if samples.dtype == np.uint8:
            if self.units.are_plain and not self.clipped.any():
                return samples
            samples = samples.astype(np.float32)
        clipped = self.clipped.reshape(self._edges[0].shape)
        prepared = self.units.apply(clip_where(samples, *self._edges, clipped))
        low, high = self._in_units()
        span = np.where(high > low, high - low, 1.0)
        check_size(prepared, samples, self.place, span)
        return prepared

    def told(self) -> dict[str, object]:
        """Return what :meth:`prepare` does, in what JSON can say."""
        low, high = (np.where(self.clipped, edge, np.nan) for edge in (self.low, self.high))
        ends = [[None if np.isnan(end) else float(end) for end in edge] for edge in (low, high)]
        return {"clip_to": ends, **self.units.told()}

    def give_back(self, prepared: np.ndarray, samples: np.ndarray | None) -> np.ndarray:
        """Undo :meth:`prepare`; with the very bits of `samples` where nothing changed."""
        if prepared.dtype == np.uint8:
            return prepared
        if samples is None or samples.shape != prepared.shape or samples.dtype.kind != "f":
            return self.units.undo(prepared)
        return self.units.give_back(prepared, self.prepare(samples), samples)

    def _in_units(self) -> tuple[np.ndarray, np.ndarray]:
        low, high = (self.units.apply(edge) for edge in self._edges)
        return low, np.where(high - low > _SMALLEST_SPAN, high, low)

    def layer(self) -> Rescale:
        """Return the module that maps prepared samples to the range from 0 to 1."""
        low, high = (torch.tensor(edge[0]) for edge in self._in_units())
        return Rescale(low, high)


def are_glyphs(samples: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    """Whether samples are grey on a plain background, the lowest or the highest value.

    Parameters
    ----------
    samples : ndarray of shape (n, channels, ...)
    low, high : ndarray of shape (1,)
        The range of the values.
    """
    if samples.shape[1] != 1:
        return False
    return any(float(np.mean(samples == value)) > _BACKGROUND for value in (low, high))


def some_samples(samples: Tensor) -> Tensor:
    """Return at most some thousands of the samples."""
    return some_rows(samples, _SCALE_SAMPLES)


class PixelModality(Turnable, Cuttable, Fillable):
    """Samples made of pixels, with or without an axis for channels, in the range of those of fit.

    Parameters
    ----------
    channels : int, default=None
        Number of channels, where it is not 1, 3 or 4.
    layout : {"channels_first", "channels_last"}, default=None
        Whether the channels are the first axis of a sample or the last. None takes the last one if
        its size is allowed, else the first.
    """

    views_class: ClassVar[type[ImageViews]] = ImageViews
    # What messages call the class and its samples, and how many axes one has beside the channels.
    _names: ClassVar[tuple[str, str]]
    _n_axes: ClassVar[int]

    # What is known of the network by others that the samples are for, if they are.
    _network = cast("VisionNetwork | None", None)
    # Whether the encoder knows images in [0, 1].
    _keeps_unit = False

    channels: int | None = param(POSITIVE_INT, None, default=None)
    layout: Layout | None = param(LAYOUT, None, default=None)

    @classmethod
    def _either_axis(cls, first: int, last: int) -> str:
        """Say that two axes of these sizes may hold the channels."""
        modality, _ = cls._names
        return (
            f"either axis, of {first} or of {last} values, may hold the channels; the last one is "
            f"taken. Pass modality={modality}(layout='channels_first') or "
            f"{modality}(layout='channels_last')"
        )

    def expect_encoder(self, name: str) -> None:
        is_folder = name.startswith("transformers/")
        for_clips = self._n_axes == 3
        self._network = read_vision_network(name, for_clips=for_clips) if is_folder else None

    def expect_known(self, is_known: bool) -> None:
        self._keeps_unit = is_known

    def fit(self, X: np.ndarray) -> Self:
        self.input_shape_ = X.shape[1:]
        self.input_is_uint8_ = X.dtype == np.uint8
        self._shape = self._find_shape()
        self._channel_axis = self._find_channel_axis()
        samples = self._channels_first(X)
        self.sample_shape_ = samples.shape[1:]
        self._scale = PixelScale(samples, keep_unit=self._keeps_unit)
        self.low_, self.high_ = self._scale.low, self._scale.high
        self.are_glyphs_ = are_glyphs(samples, self.low_, self.high_)
        return self

    def _find_shape(self) -> tuple[int, ...]:
        """Return the shape of one sample, as `X` has it or as parameters say."""
        return self.input_shape_

    def _find_channel_axis(self) -> int | None:
        """Return the axis of one sample that holds the channels, or None without one."""
        shape, (modality, samples) = self._shape, self._names
        if len(shape) == self._n_axes:
            if self.channels not in (None, 1):
                raise ValueError(
                    f"channels={self.channels} does not fit {samples} of shape {shape}, which have "
                    "no axis for channels."
                )
            return None
        allowed = USUAL_CHANNELS if self.channels is None else (self.channels,)
        last = len(shape) - 1
        if self.layout is not None:
            axis = 0 if self.layout == "channels_first" else last
            if self.channels not in (None, shape[axis]):
                raise ValueError(
                    f"channels={self.channels} and layout={self.layout!r} do not fit {samples} of "
                    f"shape {shape}."
                )
            return axis
        for axis in (last, 0):
            if shape[axis] in allowed:
                return axis
        raise ValueError(
            f"Cannot tell which axis of {samples} of shape {shape} holds the channels: neither the "
            f"first nor the last has {' or '.join(map(str, allowed))} values. Pass "
            f"modality={modality}(channels=...) or {modality}(layout='channels_first') or "
            f"'channels_last'{', or modality=Video() for clips' if modality == 'Images' else ''}."
        )

    def preparation(self) -> dict[str, object]:
        return {
            "shape": self.sample_shape_,
            "axes": ", ".join(("channels", *("frames", "height", "width")[-self._n_axes :])),
            "dtype": "uint8" if self.input_is_uint8_ else "float32",
        } | self._scale.told()

    @abstractmethod
    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> np.ndarray: ...

    def prepare(self, X: np.ndarray) -> Tensor:
        return self._prepare(X, self.input_shape_)

    def _prepare(self, X: np.ndarray, shape: tuple[int, ...]) -> Tensor:
        """Prepare samples of this shape, and of the kind of numbers that was seen in fit."""
        if X.shape[1:] != shape:
            hint = " It looks like one sample: pass X[None]." if X.shape == shape else ""
            raise ValueError(
                f"X has samples of shape {X.shape[1:]}, but samples of shape {shape} were seen in "
                f"fit.{hint}"
            )
        if self.input_is_uint8_ and X.dtype != np.uint8:
            raise ValueError(
                "X has floating point or wider integer values, but uint8 from 0 to 255 were seen "
                "in fit. Convert it with X.astype(np.uint8) if its values go from 0 to 255."
            )
        return as_tensor(self._scale.prepare(self._channels_first(X)))

    def _channels_first(self, X: np.ndarray) -> np.ndarray:
        if self._channel_axis is None:
            return X[:, None]
        return np.moveaxis(X, 1 + self._channel_axis, 1)

    def restore(self, samples: Tensor, X: Samples | None = None) -> np.ndarray:
        original = None if X is None or samples.dtype == torch.uint8 else self._original(X)
        return self._as_seen(self._scale.give_back(samples.numpy(), original))

    def _original(self, X: Samples) -> np.ndarray | None:
        """Return `X` with the channels first, None if it is nothing to compare samples with."""
        return self._channels_first(self.check(X, estimator=type(self).__name__))

    def _as_seen(self, samples: np.ndarray) -> np.ndarray:
        """Return samples in the layout that was seen in fit."""
        if self._channel_axis is None:
            return samples[:, 0]
        return np.ascontiguousarray(np.moveaxis(samples, 1, 1 + self._channel_axis))

    def unscale(self, values: Tensor, like: Tensor) -> Tensor:
        return self.input_layer().inverse(values, like.dtype)

    def input_layer(self) -> Rescale:
        return self._scale.layer()

    def turns(self) -> list[Callable[[Tensor], Tensor]]:
        height, width = self.sample_shape_[-2:]
        # By quarters of a turn, or halves if oblong.
        quarters = (0, 1, 2, 3) if height == width else (0, 2)
        return [partial(torch.rot90, k=quarter, dims=(-2, -1)) for quarter in quarters]

    def default_views(self) -> Views:
        height, width = self.sample_shape_[-2:]
        views = self.views_class
        return views.glyphs() if self.are_glyphs_ else views.photos((height, width))
