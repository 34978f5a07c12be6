"""Default encoders, small enough for a laptop's CPU."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def channels_last(network: nn.Module) -> nn.Module:
    """Put the filters of `network` in the order of memory that 2-D convolutions on a CPU prefer.

    They are about a quarter faster.
    """
    # torch's types have an order of memory beside a dtype only.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def has_convolutions(network: nn.Module) -> bool:
    """Return whether `network` has 2-D convolutions."""
    return any(isinstance(module, nn.Conv2d) for module in network.modules())


def has_attention(network: nn.Module) -> bool:
    """Return whether `network` has layers of attention: torch's, or others that are called so."""
    return any("Attention" in type(module).__name__ for module in network.modules())


# Side of an image, in pixels, up to which the stem keeps its size.
_FULL_SIDE = 16
# Larger images are averaged to about this side before anything else.
_SEEN_SIDE = 64


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with BatchNorm and a shortcut (the basic block of ResNet).

    Parameters
    ----------
    in_channels, out_channels : int
    stride : int
    middle : int or None
        Channels between the two convolutions; None is `out_channels`, as in ResNet.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, middle: int | None = None
    ):
        super().__init__()
        middle = middle or out_channels
        self.conv1 = nn.Conv2d(in_channels, middle, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(out)) + self.shortcut(x), inplace=True)


def convolution(
    width_in: int, width_out: int, size: int = 3, stride: int = 1, *, padding: int = 1
) -> nn.Sequential:
    """Return a 2-D convolution with BatchNorm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, size, stride, padding=padding, bias=False),
        nn.BatchNorm2d(width_out),
        nn.ReLU(inplace=True),
    )


class SmallConvNet(nn.Sequential):
    """A residual network for images of about 8 to 64 pixels, and coarsely for larger ones.

    A stem and, twice, a convolution, pooling and a residual block; then the mean over all
    positions. The stem reduces larger images to 8 to 16 pixels a side, so that they do not cost in
    proportion to their area: what is computed at full size takes the time, and adds little. Images
    of 128 pixels and more are averaged to 64 to 127 first.

    Parameters
    ----------
    in_channels : int
    image_size : tuple of two ints
        Height and width of the images, in pixels.
    widths : tuple of four ints
        Channels of the stem, of the two convolutions, and of the last block; the last is the size
        of the embedding.
    """

    def __init__(
        self,
        in_channels: int,
        image_size: tuple[int, int],
        widths: tuple[int, int, int, int] = (32, 64, 128, 256),
    ):
        side = min(image_size)
        first, second, third, last = widths
        stem: list[nn.Module] = []
        if side >= 2 * _SEEN_SIDE:
            stem.append(nn.AvgPool2d(side // _SEEN_SIDE))
            side //= side // _SEEN_SIDE
        if side > _FULL_SIDE:
            stem.append(convolution(in_channels, first, size=4, stride=2))
        else:
            stem.append(convolution(in_channels, first))
        while side > 2 * _FULL_SIDE:
            stem.append(_pool())
            side //= 2
        super().__init__(
            *stem,
            _pooled_convolution(first, second),
            ResidualBlock(second, second),
            _pooled_convolution(second, third),
            # As wide as in ResNet, this block would take half of the time.
            ResidualBlock(third, last, middle=third),
            MeanOverPositions(),
        )


def _pooled_convolution(width_in: int, width_out: int) -> nn.Sequential:
    # The maximum of what is not negative is the same before and after a ReLU, which has less to do
    # after it.
    filters, norm, relu = convolution(width_in, width_out)
    return nn.Sequential(filters, norm, _pool(), relu)


def _pool() -> nn.Module:
    # An odd last row or column has a window of its own, so that nothing is too small.
    return nn.MaxPool2d(2, ceil_mode=True)


class MeanOverPositions(nn.Module):
    """Average maps of shape (n, channels, height, width) over their positions."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean(dim=(2, 3))


class MLPEncoder(nn.Sequential):
    """Linear layers, each with BatchNorm and ReLU, for rows of numbers.

    Parameters
    ----------
    in_features : int
    widths : sequence of int
        Width of every layer; the last is the size of the embedding.
    """

    def __init__(self, in_features: int, widths: Sequence[int] = (256, 256, 256)):
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise((in_features, *widths)):
            layers += [
                nn.Linear(width_in, width_out, bias=False),
                nn.BatchNorm1d(width_out),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*layers)


class SideBySide(nn.ModuleList):
    """Encoders of the same samples, their embeddings one after the other.

    As the encoder of a method, each that can be trained is, with a head of its own.
    """

    def blocks(self) -> list[nn.Module]:
        """Return the encoders whose embeddings are each to spread as widely as the others'."""
        return list(self)

    def branches(self) -> list[nn.Module]:
        """Return the encoders, those of encoders side by side among them one by one."""
        return [
            branch
            for encoder in self
            for branch in (encoder.branches() if isinstance(encoder, SideBySide) else [encoder])
        ]

    def forward(self, samples: Tensor) -> Tensor:
        return torch.cat([encoder(samples) for encoder in self], dim=1)
