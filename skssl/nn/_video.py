"""The default encoder of video."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl.nn._encoders import ResidualBlock, convolution


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
    """A small network for clips on a CPU, with convolutions over space and over time in turn.

    A convolution of every frame, then twice: a convolution over time that halves the number of
    frames, and a residual block over space. The embedding is the mean over all that is left. The
    stem reduces the frames such that about 8 pixels a side are left for the first convolution over
    time, so a larger clip does not cost in proportion to its area.

    Parameters
    ----------
    in_channels : int
    image_size : tuple of two ints
        Height and width of the frames, in pixels.
    widths : tuple of three ints
        Channels of the stem and of the two blocks; the last is the size of the embedding.
    change : bool, default=False
        Whether the embedding has, beside the mean, how it changes from the first half of the clip
        to the second. The mean alone hardly knows the order of things.
    """

    def __init__(
        self,
        in_channels: int,
        image_size: tuple[int, int],
        widths: tuple[int, int, int] = (16, 48, 128),
        *,
        change: bool = False,
    ):
        super().__init__()
        self.change = change
        halvings = max(0, min(image_size).bit_length() - 2)
        stride = 2 ** max(0, halvings - 2)
        # Windows overlap by three pixels.
        kernel = stride + 3
        self.stem = convolution(in_channels, widths[0], kernel, stride, padding=kernel // 2)
        self.time = nn.ModuleList([TemporalBlock(width, 2) for width in widths[:2]])
        self.space = nn.ModuleList(
            [
                ResidualBlock(widths[0], widths[1], 2 if halvings > 1 else 1),
                ResidualBlock(widths[1], widths[2], 2 if halvings > 0 else 1),
            ]
        )

    def forward(self, clips: Tensor) -> Tensor:
        n = clips.shape[0]
        # Frames are samples to what looks at space, positions are columns to what looks at time.
        x = self.stem(clips.transpose(1, 2).flatten(0, 1))
        for time, space in zip(self.time, self.space, strict=True):
            size = x.shape[2:]
            x = x.unflatten(0, (n, -1)).transpose(1, 2).flatten(3)
            x = space(time(x).unflatten(3, size).transpose(1, 2).flatten(0, 1))
        moments = x.mean(dim=(2, 3)).unflatten(0, (n, -1))
        if not self.change:
            return moments.mean(dim=1)
        half = max(1, moments.shape[1] // 2)
        change = moments[:, -half:].mean(dim=1) - moments[:, :half].mean(dim=1)
        return torch.cat([moments.mean(dim=1), change], dim=1)
