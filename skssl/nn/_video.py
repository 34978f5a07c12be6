"""The default encoder of video."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from skssl.nn._encoders import ResidualBlock


class TemporalBlock(nn.Module):
    """A convolution over three frames with BatchNorm and a shortcut, at every position alike.

    Parameters
    ----------
    width : int
    stride : int
        1, or 2 to halve the number of frames.
    """

    def __init__(self, width: int, stride: int):
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(width, width, (3, 1), (stride, 1), padding=(1, 0), bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` of shape (n, width, frames, positions) to (n, width, fewer frames, positions)."""
        return F.relu(self.norm(self.conv(x)) + x[:, :, :: self.stride], inplace=True)


class SmallVideoNet(nn.Module):
    """A small network for clips, with convolutions over space and over time in turn.

    Parameters
    ----------
    in_channels : int
    image_size : tuple of two ints
        Height and width of the frames, in pixels.
    widths : tuple of three ints
    """

    def __init__(
        self,
        in_channels: int,
        image_size: tuple[int, int],
        widths: tuple[int, int, int] = (32, 64, 128),
    ):
        super().__init__()
        halvings = min(5, max(0, min(image_size).bit_length() - 2))
        stem = 2 ** max(0, halvings - 2)
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, widths[0], stem + 3, stem, padding=(stem + 3) // 2, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        self.time1 = TemporalBlock(widths[0], 2)
        self.space1 = ResidualBlock(widths[0], widths[1], 2 if halvings > 1 else 1)
        self.time2 = TemporalBlock(widths[1], 2)
        self.space2 = ResidualBlock(widths[1], widths[2], 2 if halvings > 0 else 1)

    def forward(self, clips: Tensor) -> Tensor:
        n = len(clips)
        x = self.stem(clips.transpose(1, 2).flatten(0, 1))
        for time, space in ((self.time1, self.space1), (self.time2, self.space2)):
            x = x.unflatten(0, (n, -1)).transpose(1, 2)
            size = x.shape[3:]
            x = time(x.flatten(3)).unflatten(3, size)
            x = space(x.transpose(1, 2).flatten(0, 1))
        return x.mean(dim=(2, 3)).unflatten(0, (n, -1)).mean(dim=1)
