"""Tokens of point clouds: patches of near points."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl._precision import full_precision, widened
from skssl.nn._heads import PieceHead
from skssl.nn._tokenizer import Pieces, Tokenizer, take

_SMALLEST_SPREAD = 1e-12


class PointPatches(Tokenizer):
    """Patches of the nearest points around centres that lie far from each other.

    The first centre is the point farthest from the mean, and each next one the point farthest from
    the centres so far, so neither the order of the points nor absent ones matter. The coordinates
    in a patch are relative to its centre. Only they are predicted, not the features of the points.

    Parameters
    ----------
    clouds : Tensor of shape (n, points, 3 + features)
        Training clouds in the scale of the input layer; a point of NaN is absent.
    n_patches : int
    n_points : int
        Points of a patch.
    width : int
    """

    positions = "learned"
    continuous = True
    mask_ratio = 0.6
    mask_shapes = ("random", "block")
    n_axes = 3
    spread: Tensor

    def __init__(self, clouds: Tensor, n_patches: int, n_points: int, *, width: int):
        super().__init__(n_patches, width)
        self.n_points = n_points
        columns = clouds.shape[2]
        self.columns = columns
        pieces = self.split(clouds)
        squares = self._coordinates(pieces).square().sum(dim=3).mean(dim=2)
        spread = squares[pieces.present].mean().clamp(min=_SMALLEST_SPREAD)
        self.register_buffer("spread", spread)
        self.first = nn.Sequential(nn.Linear(columns, width), nn.GELU(), nn.Linear(width, width))
        self.second = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def split(self, batch: Tensor) -> Pieces:
        absent = batch.isnan().any(dim=2)
        clouds = batch.nan_to_num()
        points = clouds[..., :3]
        index, present = _farthest_points(points, ~absent, self.n_tokens)
        centers = take(points, index)
        near = _nearest(centers, points, absent, min(self.n_points, points.shape[1]))
        # Where a cloud has too few points, its centres stand in for more.
        near = torch.where(absent.gather(1, near.flatten(1)).view_as(near), -1, near)
        places = F.pad(near, (0, self.n_points - near.shape[2]), value=-1)
        places = torch.where(places < 0, index[..., None], places)
        patches = take(clouds, places.flatten(1)).unflatten(1, places.shape[1:])
        patches = torch.cat([patches[..., :3] - centers[:, :, None], patches[..., 3:]], dim=3)
        return Pieces(patches.flatten(2), present, centers)

    def _patches(self, pieces: Pieces) -> Tensor:
        return pieces.values.unflatten(2, (self.n_points, self.columns))

    def _coordinates(self, pieces: Pieces) -> Tensor:
        return self._patches(pieces)[..., :3]

    def embed(self, pieces: Pieces) -> Tensor:
        patches = self._patches(pieces)
        scale = (self.spread / 3).sqrt()
        patches = torch.cat([patches[..., :3] / scale, patches[..., 3:]], dim=3)
        return self.second(self.first(patches).amax(dim=2))

    def make_head(self, width: int) -> PieceHead:
        return PieceHead(width, 3 * self.n_points)

    def errors(self, prediction: Tensor, pieces: Pieces, *, absolute: bool = False) -> Tensor:
        predicted = prediction.float().unflatten(2, (self.n_points, 3)) * self.spread.sqrt()
        return chamfer(predicted, self._coordinates(pieces)) / self.spread


def chamfer(first: Tensor, second: Tensor) -> Tensor:
    """Return the Chamfer distance between sets of points, with squared distances.

    The mean over the points of each set of the squared distance to the nearest one of the other.

    Parameters
    ----------
    first, second : Tensor of shape (..., points, 3)

    Returns
    -------
    Tensor of shape (...)
    """
    with full_precision(first, second) as (first, second):
        distance = _square_distances(first, second)
    return distance.min(dim=-1).values.mean(dim=-1) + distance.min(dim=-2).values.mean(dim=-1)


def _square_distances(first: Tensor, second: Tensor) -> Tensor:
    squares = first.square().sum(dim=-1)[..., None] + second.square().sum(dim=-1)[..., None, :]
    return (squares - 2 * first @ second.transpose(-1, -2)).clamp(min=0)


def _nearest(centers: Tensor, points: Tensor, absent: Tensor, count: int) -> Tensor:
    """Return the index of the points nearest to every centre, of shape (n, centers, count).

    The first of several points at the same distance comes first, whatever the padding.

    Parameters
    ----------
    centers : Tensor of shape (n, centers, 3)
    points : Tensor of shape (n, points, 3)
    absent : Tensor of shape (n, points), bool
    count : int
    """
    # One axis after the other: a matrix product rounds otherwise in a batch of another size.
    distance = sum(
        (center[:, :, None] - point[:, None]).square_()
        for center, point in zip(centers.unbind(dim=2), points.unbind(dim=2), strict=True)
    )
    distance = cast(Tensor, distance).masked_fill_(absent[:, None], torch.inf)
    # Of floats that are not negative, the bits rise with the value; the place breaks the ties.
    place = torch.arange(points.shape[1], device=points.device)
    rank = distance.float().view(torch.int32).long() * points.shape[1] + place
    return rank.topk(count, dim=2, largest=False).indices


def _farthest_points(points: Tensor, present: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Choose points that are far from each other.

    Parameters
    ----------
    points : Tensor of shape (n, points, 3)
    present : Tensor of shape (n, points), bool
    count : int

    Returns
    -------
    index : Tensor of shape (n, count), int64
    new : Tensor of shape (n, count), bool
        False for points that lie where one was chosen before.
    """
    weight = present[..., None].to(points.dtype)
    total = widened(points * weight).sum(dim=1, keepdim=True)
    mean = (total / weight.sum(dim=1, keepdim=True)).to(points.dtype)
    distance = (points - mean).square().sum(dim=2).masked_fill(~present, -1.0)
    chosen, new = [], []
    nearest = torch.full_like(distance, torch.inf).masked_fill(~present, -1.0)
    for step in range(count):
        far = (distance if step == 0 else nearest).max(dim=1, keepdim=True)
        chosen.append(far.indices)
        new.append(torch.ones_like(far.indices, dtype=torch.bool) if step == 0 else far.values > 0)
        center = take(points, far.indices)
        nearest = torch.minimum(nearest, (points - center).square().sum(dim=2))
    return torch.cat(chosen, dim=1), torch.cat(new, dim=1)
