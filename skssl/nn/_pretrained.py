"""Networks that others have trained, with what they expect of their input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from skssl._quote import quoted
from skssl.nn._encoders import has_attention
from skssl.nn._layers import is_batch_norm

# Statistics of ImageNet's images, which most networks for images were trained with.
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


# Of GPUs with less bytes, how many samples go through a network with attention together.
_SMALL_GPU, _AT_ONCE = 12e9, 64


class Pretrained(nn.Module):
    """A network that others have trained, with what it expects of its samples.

    As ``encoder=``, it is a start that is adapted gently: see `weights` of the methods. Views stay
    what they are, images in [0, 1]; what the network expects is made of them here, on the device,
    and so it is a part of ``encoder_``.

    Parameters
    ----------
    module : nn.Module
        From a batch of samples to features ``(n, d)``. The mean is taken of maps
        ``(n, d, height, width)`` and of tokens ``(n, tokens, d)``, and for what models of
        `transformers` return, of ``last_hidden_state``.
    mean, std : float or sequence of float, default=None
        What is subtracted from the values, and what they are divided by then, as one number or one
        for each channel. None leaves them as they are: images in [0, 1], series, points and tables
        as the modality scales them. For images, both are at most 1: numbers for values from 0 to
        255 have to be divided by 255.
    size : int or tuple of int, default=None
        What samples are resized to: the side, or height and width, of images, the length of series,
        and (frames, height, width) of clips. It is done by linear interpolation, antialiased; for
        clips, whole frames are taken. None is for networks that take any size.
    crop : float, default=None
        Part of `size` in what the samples are resized to first, in (0, 1], of which the middle
        is cut out then, so that nothing is distorted: 0.875 is 256 pixels for 224. None
        brings all of an image to `size`.
    channels : int, default=None
        How many channels the network takes. Samples of one channel get as many equal ones; a
        network that takes one channel gets each channel by itself, and its features stand side by
        side. None is the length of `mean` or `std`, if that is a sequence, and any number
        otherwise.
    interpolation : {"linear", "cubic"}, default="linear"
        How images are resized.
    channel_axis : int, default=1
        Where the channels are: behind the samples, or for point clouds, 2.
    at_once : int, default=None
        How many samples of a batch go through the network together in training. What the others
        need for the gradient is computed anew then, so that the memory is that of this many
        samples, and the time a third more; the loss still sees the whole batch. For networks
        without BatchNorm. None is all, and 64 for those with attention on GPUs of less than 12 GB.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from skssl.nn import Pretrained
    >>> network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    >>> encoder = Pretrained(network, mean=(0.5, 0.4, 0.4), std=(0.2, 0.2, 0.2), size=32)
    >>> encoder(torch.rand(4, 1, 28, 28)).shape
    torch.Size([4, 8])
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        size: int | Sequence[int] | None = None,
        crop: float | None = None,
        channels: int | None = None,
        interpolation: Literal["linear", "cubic"] = "linear",
        channel_axis: int = 1,
        at_once: int | None = None,
    ):
        super().__init__()
        if not isinstance(module, nn.Module):
            raise TypeError(f"module must be an nn.Module, got {quoted(module)}.")
        if interpolation not in ("linear", "cubic"):
            raise ValueError(
                f"interpolation must be 'linear' or 'cubic', got {quoted(interpolation)}."
            )
        is_part = isinstance(crop, Real) and not isinstance(crop, bool) and 0 < crop <= 1
        if crop is not None and not is_part:
            raise ValueError(f"crop must be a number in (0, 1] or None, got {quoted(crop)}.")
        if crop is not None and size is None:
            raise ValueError(f"crop={quoted(crop)} is a part of size, which has to be given, too.")
        if channels is not None and not (_is_int(channels) and channels >= 1):
            raise ValueError(f"channels must be an int of at least 1, got {quoted(channels)}.")
        self.module = module
        self.size = _sizes(size)
        self.crop = crop
        self.interpolation = interpolation
        for name, value in (("mean", mean), ("std", std)):
            numbers = _numbers(name, value)
            self.register_buffer(name, numbers)
            n = 1 if numbers is None else len(numbers)
            if n > 1 and channels is None:
                channels = n
            if n > 1 and channels != n:
                raise ValueError(f"{name} has {n} values for channels={channels}.")
        if self.std is not None and not bool((self.std > 0).all()):
            raise ValueError(f"std must be above 0, got {quoted(std)}.")
        self.channels = channels
        if channel_axis not in (1, 2):
            raise ValueError(f"channel_axis must be 1 or 2, got {quoted(channel_axis)}.")
        if channel_axis == 2 and size is not None:
            raise ValueError("size is for samples whose channels come first (channel_axis=1).")
        self.channel_axis = channel_axis
        if at_once is not None and not (_is_int(at_once) and at_once >= 1):
            raise ValueError(f"at_once must be an int of at least 1, got {quoted(at_once)}.")
        self._has_batch_norm = any(map(is_batch_norm, module.modules()))
        if at_once is not None and self._has_batch_norm:
            raise ValueError(
                f"at_once={at_once} is for networks without BatchNorm, which looks at the batch."
            )
        self.at_once = at_once

    def forward(self, samples: Tensor) -> Tensor:
        """Return the features of samples.

        Parameters
        ----------
        samples : Tensor of shape (n, ...)
            Views, such as images in [0, 1].

        Returns
        -------
        Tensor of shape (n, d)
            Side by side for all channels, if the network takes one and the samples have more.
        """
        samples = self.prepared(samples)
        axis, n_samples = self.channel_axis, len(samples)
        by_channel = self.channels == 1 and samples.shape[axis] > 1
        if by_channel:
            samples = samples.movedim(axis, 1).flatten(0, 1).unsqueeze(axis)
        features = self._features(samples)
        return features.reshape(n_samples, -1) if by_channel else features

    def _features(self, samples: Tensor) -> Tensor:
        at_once = self._at_once(samples)
        if len(samples) <= at_once:
            return self._whole(samples)
        parts = samples.split(at_once)
        return torch.cat([checkpoint(self._whole, part, use_reentrant=False) for part in parts])

    def _whole(self, samples: Tensor) -> Tensor:
        return pooled(self.module(samples))

    def _at_once(self, samples: Tensor) -> int:
        """Return how many samples go through the network together."""
        learns = torch.is_grad_enabled() and any(p.requires_grad for p in self.module.parameters())
        if not (self.training and learns) or self._has_batch_norm:
            return len(samples)
        if self.at_once is not None:
            return self.at_once
        is_small = samples.is_cuda and has_attention(self.module)
        memory = torch.cuda.get_device_properties(samples.device).total_memory if is_small else 0
        return _AT_ONCE if 0 < memory < _SMALL_GPU else len(samples)

    def check_unit_range(self) -> None:
        """Raise an error if what is expected are images in [0, 255], which are in [0, 1] here."""
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if numbers is not None and float(numbers.max()) > 1:
                raise ValueError(
                    f"{name}={quoted(numbers.tolist())} of Pretrained has values above 1, as for "
                    "images in [0, 255], and images are in [0, 1] here: divide mean and std by 255."
                )

    def prepared(self, samples: Tensor) -> Tensor:
        """Return samples as the network expects them.

        Parameters
        ----------
        samples : Tensor of shape (n, ...)
            Views, such as images in [0, 1].

        Returns
        -------
        Tensor of shape (n, ...)
            Resized, with as many channels as the network takes, and scaled by `mean` and `std`.
        """
        samples = self._with_channels(self._resized(samples))
        shape = [1] * samples.ndim
        shape[self.channel_axis] = -1
        if self.mean is not None:
            samples = samples - self.mean.view(shape)
        return samples if self.std is None else samples / self.std.view(shape)

    def _with_channels(self, samples: Tensor) -> Tensor:
        have, want = samples.shape[self.channel_axis], self.channels
        if want is None or want in (1, have):
            return samples
        if have != 1:
            raise ValueError(f"the samples have {have} channels, and the network takes {want}.")
        return samples.repeat_interleave(want, dim=self.channel_axis)

    def _resized(self, samples: Tensor) -> Tensor:
        if self.size is None:
            return samples
        n_axes = samples.ndim - 2
        size = _size_of(self.size, n_axes)
        if n_axes == 1:
            # Of images that are one pixel high, antialiasing is known.
            return self._resized_images(samples.unsqueeze(2), (1, *size)).squeeze(2)
        if n_axes == 2:
            return self._resized_images(samples, size)
        frames = samples.shape[2]
        if size[0] not in (-1, frames):
            places = torch.linspace(0, frames - 1, size[0], device=samples.device).round().long()
            samples = samples[:, :, places]
        n, channels, frames = samples.shape[:3]
        images = self._resized_images(samples.transpose(1, 2).flatten(0, 1), size[1:])
        return images.unflatten(0, (n, frames)).transpose(1, 2)

    def _resized_images(self, images: Tensor, size: tuple[int, ...]) -> Tensor:
        full: tuple[int, ...] = size
        height, width = images.shape[2:]
        if self.crop is not None and height > 1:
            scale = max(
                math.floor(side / self.crop + 1e-6) / has
                for side, has in zip(size, (height, width), strict=True)
            )
            # The shorter one, which says the scale, gets no less by rounding.
            full = tuple(
                max(side, int(has * scale + 1e-6))
                for side, has in zip(size, (height, width), strict=True)
            )
        if full != (height, width):
            mode = "bilinear" if self.interpolation == "linear" else "bicubic"
            low, high = images.amin((1, 2, 3), True), images.amax((1, 2, 3), True)
            images = F.interpolate(images, full, mode=mode, antialias=True, align_corners=False)
            if mode == "bicubic":
                # It swings over at edges, beyond what an image has of values.
                images = images.clamp(low, high)
        if full != size:
            top, left = (int(round((has - side) / 2)) for has, side in zip(full, size, strict=True))
            images = images[..., top : top + size[0], left : left + size[1]]
        return images

    def extra_repr(self) -> str:
        """Return what `repr` tells of the parameters.

        Returns
        -------
        str
            Those that are not None.
        """
        said = {
            "mean": None if self.mean is None else [round(float(v), 4) for v in self.mean],
            "std": None if self.std is None else [round(float(v), 4) for v in self.std],
            "size": self.size,
            "crop": self.crop,
            "channels": self.channels,
        }
        return ", ".join(f"{name}={value}" for name, value in said.items() if value is not None)


def pooled(output: Any) -> Tensor:
    """Return features (n, d) of what a network returns: these, maps, or tokens."""
    output = getattr(output, "last_hidden_state", output)
    if not isinstance(output, Tensor):
        raise ValueError(f"The network must return a tensor, got {type(output).__name__}.")
    if output.ndim == 3:
        return output.mean(dim=1)
    if output.ndim > 3:
        return output.mean(dim=tuple(range(2, output.ndim)))
    return output


def _numbers(name: str, value: float | Sequence[float] | None) -> Tensor | None:
    if value is None:
        return None
    try:
        numbers = torch.as_tensor(value, dtype=torch.float32).reshape(-1).clone()
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} must be numbers, got {quoted(value)}.") from error
    if not len(numbers) or not bool(numbers.isfinite().all()):
        raise ValueError(f"{name} must be finite numbers, got {quoted(value)}.")
    return numbers


def _is_int(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _sizes(size: int | Sequence[int] | None) -> tuple[int, ...] | None:
    if size is None:
        return None
    size = size.reshape(-1).tolist() if isinstance(size, np.ndarray) else size
    sizes = list(size) if isinstance(size, Sequence) else [size]
    if not 1 <= len(sizes) <= 3 or not all(map(_is_int, sizes)):
        raise ValueError(f"size must be an int, or up to three of them, got {quoted(size)}.")
    if min(sizes) < 1:
        raise ValueError(f"size must be at least 1, got {quoted(size)}.")
    return tuple(map(int, sizes))


def _size_of(size: tuple[int, ...], n_axes: int) -> tuple[int, ...]:
    """Return the size of samples with so many axes; -1 leaves one as it is."""
    if len(size) == n_axes:
        return size
    if len(size) == 1 and n_axes == 2:
        return size * 2
    if len(size) == 1 and n_axes == 3:
        return (-1, *size * 2)
    if len(size) == 2 and n_axes == 3:
        return (-1, *size)
    raise ValueError(f"size={size} does not fit samples that have {n_axes} axes to resize.")
