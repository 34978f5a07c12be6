"""Samples cut into pieces: tiles of images and video, voxels of point clouds."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# What "auto" leaves out of a side, and the shortest side of which it leaves out anything.
_GAP = 1 / 8
_SHORTEST_WITH_GAP = 6
# Both show something that changes, in space or in time.
_SMALLEST_SIDE = 2
# Pieces that vary less are constant but for rounding.
_SMALLEST_STD = 1e-4


class Cutter(ABC):
    """Cuts samples into pieces of one size, and moves the pieces to each other's places.

    All of it holds for prepared samples as well as for batches in the scale of the input layer.
    What is left over where a sample cannot be divided stays where it is.
    """

    n_pieces: int

    @abstractmethod
    def check(self, samples: Tensor, cause: str) -> None:
        """Raise an error that names the `cause` if prepared samples are too small to be cut."""

    @abstractmethod
    def rearrange(self, samples: Tensor, order: Tensor) -> Tensor:
        """Return samples in which place `i` has the piece that was at place ``order[:, i]``.

        Parameters
        ----------
        samples : Tensor of shape (n, ...)
        order : Tensor of shape (n, n_pieces), int64
            A permutation for each sample.
        """

    def settle(self, batch: Tensor) -> Tensor:
        """Return what an encoder is to see of rearranged samples."""
        return batch


class PieceCutter(Cutter):
    """Cuts samples into pieces that an encoder can see one at a time."""

    @abstractmethod
    def show(
        self, batch: Tensor, *, gap: float | str, normalize: bool, full_size: bool
    ) -> list[Tensor]:
        """Return what an encoder is to see of every piece, in their order.

        Parameters
        ----------
        batch : Tensor of shape (n, ...)
        gap : "auto" or float from 0 to 1
            The part of each side of a piece that is left out, along the axes that are cut. What
            is shown is at a random place.
        normalize : bool
            Whether all pieces get the mean and the standard deviation of their sample, so that
            neither tells where a piece is from. They are in the range of whole samples then.
        full_size : bool
            Whether the pieces are made as large as the samples.

        Returns
        -------
        list of ``n_pieces`` tensors of shape (n, ...)
        """


def margin(side: int, gap: float | str) -> int:
    """Return how much of a side to leave out; at least 2 of it, or all, are shown."""
    if gap == "auto" and side < _SHORTEST_WITH_GAP:
        return 0
    least = 1 if gap == "auto" else 0
    wanted = max(least, round(side * (_GAP if gap == "auto" else float(gap))))
    return max(0, min(wanted, side - _SMALLEST_SIDE))


class TileCutter(PieceCutter):
    """Cuts the last axes of images or clips into a grid of tiles.

    If the grid does not divide a sample, its last rows, columns and frames belong to no tile.

    Parameters
    ----------
    counts : sequence of int
        Tiles along each of the last axes.
    size : sequence of int
        Size of a sample along each of them.
    """

    def __init__(self, counts: Sequence[int], size: Sequence[int]):
        self.counts = tuple(counts)
        self.size = tuple(size)
        self.n_pieces = math.prod(counts)

    def check(self, samples: Tensor, cause: str) -> None:
        if min(self._tile_of(samples)) < _SMALLEST_SIDE:
            size, counts = (" x ".join(map(str, sides)) for sides in (self.size, self.counts))
            raise ValueError(
                f"{cause} needs samples that can be cut into {counts} pieces of at least "
                f"{_SMALLEST_SIDE} along every side, but they are {size}."
            )

    def rearrange(self, samples: Tensor, order: Tensor) -> Tensor:
        rows = torch.arange(len(samples), device=samples.device)[:, None]
        tiles = self._in_a_row(samples)[rows, order]
        moved = samples.clone()
        self._tiles(moved).copy_(tiles.movedim(1, 2).unflatten(2, self.counts))
        return moved

    def _tiles(self, samples: Tensor) -> Tensor:
        """Return a view of shape (n, channels, *counts, *tile)."""
        n_axes = len(self.counts)
        first = samples.ndim - n_axes
        for axis, (count, side) in enumerate(zip(self.counts, self._tile_of(samples), strict=True)):
            place = first + 2 * axis
            samples = samples.narrow(place, 0, count * side).unflatten(place, (count, side))
        places = [first + 2 * axis for axis in range(n_axes)]
        return samples.permute(*range(first), *places, *(place + 1 for place in places))

    def _tile_of(self, samples: Tensor) -> tuple[int, ...]:
        """Return the size of a tile; views may have made the samples smaller than they were."""
        size = samples.shape[samples.ndim - len(self.counts) :]
        return tuple(side // count for side, count in zip(size, self.counts, strict=True))

    def _in_a_row(self, samples: Tensor) -> Tensor:
        """Return the tiles, of shape (n, n_pieces, channels, *tile)."""
        return self._tiles(samples).flatten(2, 1 + len(self.counts)).movedim(2, 1)

    def show(
        self, batch: Tensor, *, gap: float | str, normalize: bool, full_size: bool
    ) -> list[Tensor]:
        n_axes = len(self.counts)
        tile = self._tile_of(batch)
        if min(tile) < 1:
            counts = " x ".join(map(str, self.counts))
            raise ValueError(
                f"The views made samples of shape {tuple(batch.shape[1:])}, which are too small to "
                f"be cut into {counts} pieces. Choose views that keep their size."
            )
        tiles = self._in_a_row(batch).flatten(0, 1)
        for axis, (count, side) in enumerate(zip(self.counts, tile, strict=True)):
            # There are no edges in common where nothing is cut.
            left_out = margin(side, gap) if count > 1 else 0
            tiles = _random_crop(tiles, tiles.ndim - n_axes + axis, side - left_out)
        if normalize:
            tiles = _like_samples(tiles.unflatten(0, (-1, self.n_pieces)), batch).flatten(0, 1)
        if full_size:
            mode = "bilinear" if n_axes == 2 else "trilinear"
            tiles = F.interpolate(tiles, self.size, mode=mode)
        return list(tiles.unflatten(0, (-1, self.n_pieces)).unbind(1))


def _random_crop(pieces: Tensor, axis: int, size: int) -> Tensor:
    """Show `size` of each piece along an axis, at a random place."""
    room = pieces.shape[axis] - size
    if not room:
        return pieces
    start = torch.randint(room + 1, (len(pieces), 1), device=pieces.device)
    index = start + torch.arange(size, device=pieces.device)
    shape = [1] * pieces.ndim
    shape[0], shape[axis] = index.shape
    return pieces.take_along_dim(index.view(shape), axis)


def _like_samples(pieces: Tensor, samples: Tensor) -> Tensor:
    """Give pieces of shape (n, n_pieces, ...) the means and standard deviations of the samples."""
    axes = tuple(range(2, pieces.ndim))
    std, mean = torch.std_mean(pieces, dim=axes, keepdim=True, correction=0)
    wanted_std, wanted_mean = torch.std_mean(samples[:, None], dim=axes, keepdim=True, correction=0)
    # A constant piece stays constant.
    scale = torch.where(std > _SMALLEST_STD, wanted_std / std, torch.zeros_like(std))
    return (pieces - mean) * scale + wanted_mean


class VoxelCutter(Cutter):
    """Cuts the bounding cube of every point cloud into voxels, which move with their points.

    A part of a cloud cannot be embedded like a whole one, so the pieces stay together.

    Parameters
    ----------
    grid : int
        Voxels along each axis.
    input_layer : nn.Module
        Brings clouds to the place and size at which encoders see them.
    """

    def __init__(self, grid: int, input_layer: nn.Module):
        self.grid = grid
        self.input_layer = input_layer
        self.n_pieces = grid**3

    def check(self, samples: Tensor, cause: str) -> None:
        """Every cloud has a bounding cube."""

    def rearrange(self, samples: Tensor, order: Tensor) -> Tensor:
        places = samples[..., :3]
        absent = places.isnan()
        low = places.masked_fill(absent, torch.inf).amin(dim=1, keepdim=True)
        high = places.masked_fill(absent, -torch.inf).amax(dim=1, keepdim=True)
        side = (high - low).amax(dim=2, keepdim=True) / self.grid
        corner = (low + high) / 2 - side * self.grid / 2
        # Points that are all at one place are in one voxel, and go nowhere.
        inside = ((places - corner) / side.clamp(min=torch.finfo(side.dtype).tiny)).nan_to_num()
        cell = inside.floor().clamp(0, self.grid - 1).long()
        factors = torch.tensor([self.grid**2, self.grid, 1], device=samples.device)
        voxel = (cell * factors).sum(dim=2)
        goal = order.argsort(dim=1).gather(1, voxel)[..., None] // factors % self.grid
        return torch.cat([places + (goal - cell) * side, samples[..., 3:]], dim=2)

    def settle(self, batch: Tensor) -> Tensor:
        return self.input_layer(batch)
