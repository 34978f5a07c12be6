"""Images as arrays."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from skssl._declare import Interval, Shape, StrOptions, declared, param
from skssl.modality._base import Look, Modality, as_tensor, check_numbers
from skssl.modality._pixels import (
    Layout,
    Rescale,
    check_like_fit,
    find_channel_axis,
    has_colors,
    value_range,
)
from skssl.nn import SmallConvNet, channels_last, torchvision_encoder, torchvision_names
from skssl.views import ImageViews, Views


@declared
class Images(Modality):
    """Images as arrays, grey or with any number of channels.

    Accepts ``(n, height, width)``, ``(n, height, width, channels)``,
    ``(n, channels, height, width)``, and flattened images as 2-D rows if `shape` is given.
    Values are ``uint8``, kept as they are and taken to go from 0 to 255, or any other numbers,
    computed in float32 and scaled by the smallest and largest value of the training images
    (by channel, if there are other than 1, 3 or 4 channels).

    Which axis holds the channels is decided like this: an axis of `channels` values if that is
    said, else one of 1, 3 or 4 values. If the last axis and the first after the samples both
    qualify, the last one is taken, as in NumPy, Pillow and matplotlib; say `layout` to change
    that. If none qualifies, `layout` or `channels` has to be said.

    With ``modality="auto"``, arrays of 4 dimensions are images, and so are arrays of 3 dimensions
    if they hold integers, or floats in squares ``(n, side, side)``.

    Parameters
    ----------
    shape : tuple of two or three ints, default=None
        Shape of one image, (height, width) or with channels in the order of `layout`, if `X` has
        flattened images as rows.
    channels : int, default=None
        Number of channels, where it is not 1, 3 or 4.
    layout : {"channels_first", "channels_last"}, default=None
        Where the channels are. None decides by the rule above.

    Attributes
    ----------
    sample_shape_ : tuple of three ints
        Channels, height and width.
    low_, high_ : ndarray of shape (channels,) or (1,)
        The values that become 0 and 1.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.modality import Images
    >>> X, _ = load_digits(return_X_y=True)
    >>> X.shape
    (1797, 64)
    >>> ssl = SimCLR(modality=Images(shape=(8, 8)), max_epochs=1, random_state=0).fit(X[:200])
    >>> ssl.modality_.sample_shape_
    (1, 8, 8)
    """

    shape: tuple[int, ...] | None = param(Shape(2, 3), None, default=None)
    channels: int | None = param(Interval(Integral, 1, None, closed="left"), None, default=None)
    layout: Layout | None = param(
        StrOptions({"channels_first", "channels_last"}), None, default=None
    )

    @classmethod
    def recognizes(cls, look: Look) -> bool:
        if len(look.shape) == 3:
            return not look.ragged and (look.dtype.kind in "ui" or look.shape[1] == look.shape[2])
        return len(look.shape) == 4

    def check(self, X: Any, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        self.check_parameters()
        images = check_numbers(
            X, dtypes=[np.float32, np.uint8], estimator=estimator, min_samples=min_samples
        )
        if images.ndim > 4:
            raise ValueError(
                f"X has shape {images.shape}; images have 3 or 4 dimensions, (n, height, width), "
                "(n, height, width, channels) or (n, channels, height, width)."
            )
        return images

    def fit(self, X: np.ndarray) -> Self:
        self.input_shape_ = X.shape[1:]
        self.input_is_uint8_ = X.dtype == np.uint8
        self._image_shape = self._find_image_shape()
        self._channel_axis = self._find_channel_axis()
        images = self._channels_first(X)
        self.sample_shape_ = images.shape[1:]
        self.low_, self.high_ = value_range(images)
        return self

    def prepare(self, X: np.ndarray) -> Tensor:
        check_like_fit(X, shape=self.input_shape_, is_uint8=self.input_is_uint8_)
        return as_tensor(self._channels_first(X))

    def _find_image_shape(self) -> tuple[int, ...]:
        """Return the shape of one image, as X has it or as `shape` says."""
        seen = self.input_shape_
        if self.shape is None:
            if len(seen) == 1:
                raise ValueError(
                    f"X has 2 dimensions, so each row of {seen[0]} values must be a flattened "
                    "image: say Images(shape=(height, width))."
                )
            return seen
        shape = tuple(self.shape)
        if seen not in (shape, (math.prod(shape),)):
            raise ValueError(
                f"shape={self.shape!r} does not fit samples of shape {seen}: images of that shape "
                f"have {math.prod(shape)} values."
            )
        return shape

    def _find_channel_axis(self) -> int | None:
        """Return the axis of one image that holds the channels, or None without one."""
        shape = self._image_shape
        if len(shape) == 2:
            if self.channels not in (None, 1):
                raise ValueError(
                    f"channels={self.channels} does not fit images of shape {shape}, "
                    "which have no axis for channels."
                )
            return None
        return find_channel_axis(
            shape,
            channels=self.channels,
            layout=self.layout,
            modality="Images",
            samples="images",
        )

    def _channels_first(self, X: np.ndarray) -> np.ndarray:
        images = X.reshape(len(X), *self._image_shape)
        if self._channel_axis is None:
            return images[:, None]
        return np.moveaxis(images, 1 + self._channel_axis, 1)

    def input_layer(self) -> nn.Module:
        shape = (-1, 1, 1)
        return Rescale(torch.tensor(self.low_).view(shape), torch.tensor(self.high_).view(shape))

    def encoder_names(self) -> list[str]:
        return ["conv", *torchvision_names()]

    def build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        channels, *size = self.sample_shape_
        height, width = size
        if name in ("auto", "conv"):
            encoder: nn.Module = SmallConvNet(channels, (height, width))
        else:
            encoder = torchvision_encoder(name, channels, (height, width))
        return channels_last(encoder)

    def default_views(self) -> Views:
        return ImageViews() if has_colors(self.sample_shape_[0]) else ImageViews.glyphs()
