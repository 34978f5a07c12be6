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
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with BatchNorm and a shortcut (the basic block of ResNet)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
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


class SmallConvNet(nn.Module):
    """A residual network for images of about 8 to 64 pixels on a CPU.

    A 3x3 stem, then three residual blocks of growing width, then the mean over all positions.
    The image is halved as early as its size allows, until 2 or 3 pixels a side are left for the
    last block, so a larger image does not cost in proportion to its area.

    Parameters
    ----------
    in_channels : int
    image_size : tuple of two ints
        Height and width of the images, in pixels.
    widths : tuple of four ints
        Channels of the stem and of the three blocks; the last is the size of the embedding.
    """

    def __init__(
        self,
        in_channels: int,
        image_size: tuple[int, int],
        widths: tuple[int, int, int, int] = (24, 48, 96, 192),
    ):
        super().__init__()
        halvings = min(5, max(0, min(image_size).bit_length() - 2))
        # Blocks first, from the first one on; then pooling after the stem; then the stem itself.
        strides = [2 if halvings > block else 1 for block in range(3)]
        stem = widths[0]
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, stem, 3, 2 if halvings > 4 else 1, padding=1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2) if halvings > 3 else nn.Identity(),
        )
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(width_in, width_out, stride)
                for (width_in, width_out), stride in zip(pairwise(widths), strides, strict=True)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.stem(x)).mean(dim=(2, 3))


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

    As the encoder of a method, each is trained with a head of its own.
    """

    def forward(self, samples: Tensor) -> Tensor:
        return torch.cat([encoder(samples) for encoder in self], dim=1)
