"""Views of point clouds."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real
from typing import Literal, Self

import torch
from torch import Tensor

from skssl._declare import (
    AT_LEAST_TWO,
    BELOW_ONE,
    NOT_NEGATIVE,
    POSITIVE,
    Interval,
    Range,
    StrOptions,
    param,
)
from skssl.views._base import PARTS, Views, uniform

Rotation = Literal["x", "y", "z", "so3"]


def random_rotation(clouds: Tensor, *, generator: torch.Generator, rotation: Rotation) -> Tensor:
    """Turn every cloud about the origin; the features of its points stay as they are.

    Parameters
    ----------
    clouds : Tensor of shape (n, points, 3 + features)
    generator : torch.Generator
        Source of the random numbers, on the device of `clouds`.
    rotation : {"x", "y", "z", "so3"}
        The axis to turn about, by any angle, or "so3" for any rotation, all equally likely.

    Returns
    -------
    Tensor of shape (n, points, 3 + features)
    """
    n = len(clouds)
    if rotation == "so3":
        # A normal vector in 4 dimensions has any direction alike, and so has its quaternion.
        quaternion = clouds.new_empty(n, 4).normal_(generator=generator)
    else:
        half = uniform(0.0, math.pi, n, clouds, generator)
        quaternion = clouds.new_zeros(n, 4)
        quaternion[:, 0] = half.cos()
        quaternion[:, 1 + "xyz".index(rotation)] = half.sin()
    turned = clouds[..., :3] @ _rotation_matrix(quaternion).mT
    return torch.cat([turned, clouds[..., 3:]], dim=2)


def _rotation_matrix(quaternion: Tensor) -> Tensor:
    """Matrices of quaternions (w, x, y, z) of any length."""
    w, x, y, z = (quaternion / quaternion.norm(dim=1, keepdim=True)).unbind(dim=1)
    entries = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(entries, dim=1).view(-1, 3, 3)


def random_stretch(
    clouds: Tensor, *, generator: torch.Generator, scale: tuple[float, float]
) -> Tensor:
    """Multiply every axis of every cloud by a factor of its own.

    Parameters
    ----------
    clouds : Tensor of shape (n, points, 3 + features)
    generator : torch.Generator
        Source of the random numbers, on the device of `clouds`.
    scale : tuple of two floats
        Range of the factors.

    Returns
    -------
    Tensor of shape (n, points, 3 + features)
    """
    factor = uniform(*scale, (len(clouds), 1, 3), clouds, generator)
    return torch.cat([clouds[..., :3] * factor, clouds[..., 3:]], dim=2)


def random_jitter(clouds: Tensor, *, generator: torch.Generator, std: float, clip: float) -> Tensor:
    """Add Gaussian noise to the coordinates of every point.

    Parameters
    ----------
    clouds : Tensor of shape (n, points, 3 + features)
    generator : torch.Generator
        Source of the random numbers, on the device of `clouds`.
    std : float
        Standard deviation of the noise.
    clip : float
        Largest shift either way.

    Returns
    -------
    Tensor of shape (n, points, 3 + features)
    """
    noise = torch.empty_like(clouds[..., :3]).normal_(0.0, std, generator=generator)
    return torch.cat([clouds[..., :3] + noise.clamp_(-clip, clip), clouds[..., 3:]], dim=2)


def random_points(
    clouds: Tensor, *, generator: torch.Generator, drop: tuple[float, float], n_points: int
) -> Tensor:
    """Keep a random part of the points of every cloud, in random order.

    Parameters
    ----------
    clouds : Tensor of shape (n, points, 3 + features)
        Absent points are NaN.
    generator : torch.Generator
        Source of the random numbers, on the device of `clouds`.
    drop : tuple of two floats
        Range of the part of its points that a cloud loses. At least one stays.
    n_points : int
        Points to keep at most, from which `drop` takes away.

    Returns
    -------
    Tensor of shape (n, min(points, n_points), 3 + features)
        The points that are left come first; the rest is NaN.
    """
    n, size, _ = clouds.shape
    absent = clouds.isnan().any(dim=2)
    order = uniform(0.0, 1.0, (n, size), clouds, generator).masked_fill(absent, 2.0).argsort(dim=1)
    order = order[:, :n_points]
    counted = (size - absent.sum(dim=1, keepdim=True)).clamp(max=n_points)
    kept = counted * (1 - uniform(*drop, (n, 1), clouds, generator))
    return _first_of(clouds, order, kept)


def random_region(
    clouds: Tensor, *, generator: torch.Generator, crop_scale: tuple[float, float]
) -> Tensor:
    """Show the surroundings of a random point of every cloud: the points that are nearest to it.

    Parameters
    ----------
    clouds : Tensor of shape (n, points, 3 + features)
        Absent points are NaN.
    generator : torch.Generator
        Source of the random numbers, on the device of `clouds`.
    crop_scale : tuple of two floats
        Range of the part of its points that is shown of a cloud, at most 1. At least one is.

    Returns
    -------
    Tensor of shape (n, ceil(crop_scale[1] * points), 3 + features)
        The points that are shown come first, the nearest one first of all; the rest is NaN. They
        are at the places where they were.
    """
    n, size, _ = clouds.shape
    absent = clouds.isnan().any(dim=2)
    center = uniform(0.0, 1.0, (n, size), clouds, generator).masked_fill(absent, -1.0).argmax(dim=1)
    places = clouds[..., :3]
    origin = places.gather(1, center[:, None, None].expand(n, 1, 3))
    distance = (places - origin).norm(dim=2).masked_fill(absent, torch.inf)
    order = distance.argsort(dim=1)[:, : math.ceil(crop_scale[1] * size)]
    counted = size - absent.sum(dim=1, keepdim=True)
    kept = counted * uniform(*crop_scale, (n, 1), clouds, generator)
    return _first_of(clouds, order, kept)


def _first_of(clouds: Tensor, order: Tensor, kept: Tensor) -> Tensor:
    """Show points in an order, of each cloud as many as are `kept`, at least one."""
    ranks = torch.arange(order.shape[1], device=clouds.device)
    shown = clouds.gather(1, order[..., None].expand(-1, -1, clouds.shape[2]))
    return shown.masked_fill((ranks >= kept.round().clamp(min=1))[..., None], torch.nan)


class PointCloudViews(Views):
    """Random views of point clouds: some of the points, turned, stretched and jittered.

    Every cloud of a batch gets its own random numbers. Features of the points stay as they are and
    follow their points; a feature that is a direction, such as a normal, is not turned.

    Parameters
    ----------
    rotation : {"x", "y", "z", "so3"}, default="z"
        The axis to turn about, by any angle: the vertical one, if things stand upright. "so3" is
        any rotation in space, for things that lie about in any way. None does not turn, for
        things whose orientation tells what they are.
    scale : tuple of two floats, default=(0.8, 1.25)
        Range of the factor of every axis.
    jitter : float, default=0.01
        Standard deviation of Gaussian noise on the coordinates of every point, where the radius
        of a cloud is 1.
    jitter_clip : float, default=0.05
        Largest shift by the noise either way.
    drop : tuple of two floats, default=(0.0, 0.5)
        Range of the part of the points that is left out.
    n_points : int, default=64
        Points of a view at most, before some are left out; the training time is in proportion to
        it. The embedding of a cloud is computed from all its points.
    crop_scale : tuple of two floats, default=(1.0, 1.0)
        Range of the part of these points that is shown in the end: those nearest to a random one.
        They stay at their places.
    local_scale : tuple of two floats, default=(0.2, 0.5)
        `crop_scale` of local views, which methods with multi-crop draw beside the others.

    References
    ----------
    Qi, Yi, Su and Guibas, "PointNet++: Deep Hierarchical Feature Learning on Point Sets in a
    Metric Space", NeurIPS 2017. https://arxiv.org/abs/1706.02413

    Examples
    --------
    >>> import torch
    >>> from skssl.views import PointCloudViews
    >>> clouds = torch.randn(4, 200, 3)
    >>> views = PointCloudViews(rotation="so3")
    >>> views(clouds, generator=torch.Generator().manual_seed(0)).shape
    torch.Size([4, 64, 3])
    """

    rotation: Rotation | None = param(StrOptions({"x", "y", "z", "so3"}), None, default="z")
    scale: tuple[float, float] = param(
        Range(Interval(Real, 0.01, 100, closed="both")), default=(0.8, 1.25)
    )
    jitter: float = param(NOT_NEGATIVE, default=0.01)
    jitter_clip: float = param(POSITIVE, default=0.05)
    drop: tuple[float, float] = param(Range(BELOW_ONE), default=(0.0, 0.5))
    n_points: int = param(AT_LEAST_TWO, default=64)
    crop_scale: tuple[float, float] = param(PARTS, default=(1.0, 1.0))
    local_scale: tuple[float, float] = param(PARTS, default=(0.2, 0.5))

    def local(self) -> Self:
        """Return views of regions of the clouds (`local_scale`).

        Returns
        -------
        PointCloudViews
            A changed copy of these views.
        """
        return replace(self, crop_scale=self.local_scale)

    def weak(self) -> Self:
        """Return views of all points, turned and stretched only.

        Returns
        -------
        PointCloudViews
            A changed copy of these views.
        """
        return replace(self, drop=(0.0, 0.0), jitter=0.0)

    def mild(self) -> Self:
        """Return views of whole clouds, turned and stretched only.

        Returns
        -------
        PointCloudViews
            A changed copy of these views.
        """
        return replace(self.weak(), crop_scale=(1.0, 1.0))

    def __call__(self, batch: Tensor, *, generator: torch.Generator) -> Tensor:
        views = random_points(batch, generator=generator, drop=self.drop, n_points=self.n_points)
        # Of the points that are shown, so that a region is as dense as a whole cloud.
        if self.crop_scale[0] < 1:
            views = random_region(views, generator=generator, crop_scale=self.crop_scale)
        if self.rotation is not None:
            views = random_rotation(views, generator=generator, rotation=self.rotation)
        views = random_stretch(views, generator=generator, scale=self.scale)
        if self.jitter:
            views = random_jitter(
                views, generator=generator, std=self.jitter, clip=self.jitter_clip
            )
        return views
