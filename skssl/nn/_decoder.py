"""A decoder from the maps of an encoder to pixels."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl.nn._encoders import convolution
from skssl.nn._pyramid import Pyramid, Size

# Side of the grid that an embedding is spread on where the encoder has no maps.
_GRID = 4
# Pixels to a side that are folded into the channels of a coarse map; more are averaged first.
_LARGEST_FOLD = 8


class _Stage(nn.Module):
    """Brings features to a size, and adds what the encoder and the image have to say there.

    The pixels of the image are folded into channels, so that nothing of them is lost.
    """

    def __init__(
        self, width_in: int, map_channels: int, image_channels: int, *, fold: int, width: int
    ):
        super().__init__()
        self.fold = fold
        # Narrowed before they are enlarged: at full size every channel costs.
        self.narrow = nn.Identity() if width_in == width else nn.Conv2d(width_in, width, 1)
        side_channels = map_channels + image_channels * fold**2
        is_narrow = side_channels <= width
        self.side = nn.Identity() if is_narrow else nn.Conv2d(side_channels, width, 1)
        self.mix = convolution(width + (side_channels if is_narrow else width), width)

    def forward(self, features: Tensor, maps: Tensor | None, image: Tensor, size: Size) -> Tensor:
        fine = (size[0] * self.fold, size[1] * self.fold)
        if image.shape[2:] != fine:
            image = F.adaptive_avg_pool2d(image, fine)
        folded = F.pixel_unshuffle(image, self.fold)
        if maps is not None:
            # At full size, where an encoder brings all images to one size of its own.
            maps = _resized(maps, size)
        side = self.side(folded if maps is None else torch.cat([maps, folded.to(maps)], dim=1))
        features = _resized(self.narrow(features), size)
        return self.mix(torch.cat([features, side.to(features)], dim=1))


def _resized(features: Tensor, size: Size) -> Tensor:
    if features.shape[2:] == size:
        return features
    return F.interpolate(features, size, mode="bilinear", align_corners=False)


class MapDecoder(nn.Module):
    """Turns the embedding and the maps of an encoder into values for every pixel (a U-Net).

    It starts with the embedding, the same everywhere, at the coarsest map, and goes from map to map
    up to the full size, doubling the size in between where it more than doubles. At every size it
    also sees an image that goes with the samples, such as what is known of the pixels. Before any
    training, all values are 0.

    Parameters
    ----------
    pyramid : Pyramid
        The maps of the encoder. Without any, all has to go through the embedding.
    embedding_dim : int
    image_channels : int
        Channels of the image.
    image_size : tuple of two ints
        Height and width of the samples. Others will do, too.
    out_channels : int
    width : int
        Channels of all sizes but the full one.
    full_width : int
        Channels at full size, where they cost most.
    """

    def __init__(
        self,
        pyramid: Pyramid,
        embedding_dim: int,
        *,
        image_channels: int,
        image_size: Size,
        out_channels: int,
        width: int = 32,
        full_width: int = 16,
    ):
        super().__init__()
        plan = _plan(pyramid.sizes, image_size)
        # Without maps, the embedding alone has to tell what is where.
        self.start: Size = (1, 1) if pyramid.sizes else plan[0][0]
        self.spread = nn.Linear(embedding_dim, width * self.start[0] * self.start[1])
        self.levels = [level for _, level in plan]
        self.n_maps = len(pyramid.sizes)
        stages = []
        for number, (size, level) in enumerate(plan):
            is_full = number == len(plan) - 1
            longest = max(whole / part for whole, part in zip(image_size, size, strict=True))
            stages.append(
                _Stage(
                    width,
                    0 if level is None else pyramid.channels[level],
                    image_channels,
                    fold=1 if is_full else min(_LARGEST_FOLD, max(1, round(longest))),
                    width=full_width if is_full else width,
                )
            )
        self.stages = nn.ModuleList(stages)
        self.refine = convolution(full_width, full_width)
        self.out = nn.Conv2d(full_width, out_channels, 1)
        # Zero is what the tasks take for the trivial answer, and a better start than noise.
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(cast(Tensor, self.out.bias))

    def features(self, embedding: Tensor, maps: list[Tensor], image: Tensor) -> Tensor:
        """Return what `out` makes the values of, of shape (n, full_width, height, width)."""
        full = (image.shape[2], image.shape[3])
        x = self.spread(embedding).unflatten(1, (-1, *self.start))
        size = self.start
        for number, (stage, level) in enumerate(zip(self.stages, self.levels, strict=True)):
            here = None if level is None else maps[level]
            if number == len(self.stages) - 1:
                size = full
            elif here is not None:
                size = (here.shape[2], here.shape[3])
            elif number:
                size = (min(2 * size[0], full[0]), min(2 * size[1], full[1]))
            x = stage(x, here, image, size)
        return self.refine(x)

    def forward(self, embedding: Tensor, maps: list[Tensor], image: Tensor) -> Tensor:
        """Return values of shape (n, out_channels, height, width).

        Parameters
        ----------
        embedding : Tensor of shape (n, embedding_dim)
        maps : list of Tensor
            As the pyramid returns them.
        image : Tensor of shape (n, image_channels, height, width)
        """
        return self.out(self.features(embedding, maps, image))


def _plan(sizes: tuple[Size, ...], full: Size) -> list[tuple[Size, int | None]]:
    """Return the sizes from the coarsest to the full one, and which map each has, if any."""
    goals: list[tuple[Size, int | None]] = [
        (size, level) for level, size in reversed(list(enumerate(sizes)))
    ]
    if not goals:
        goals.append(((min(_GRID, full[0]), min(_GRID, full[1])), None))
    if goals[-1][0] != full:
        goals.append((full, None))
    plan = goals[:1]
    for goal in goals[1:]:
        while max(end / now for end, now in zip(goal[0], plan[-1][0], strict=True)) > 2:
            height, width = plan[-1][0]
            plan.append(((min(2 * height, full[0]), min(2 * width, full[1])), None))
        plan.append(goal)
    return plan
