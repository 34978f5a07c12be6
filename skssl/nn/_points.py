"""The encoder of point clouds that may differ in size (NaN where a point is absent)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl.nn._encoders import MLPEncoder


def fill_points(clouds: Tensor) -> tuple[Tensor, Tensor]:
    """Put a copy of a cloud's first present point in the place of its absent ones.

    Parameters
    ----------
    clouds : Tensor of shape (n, points, 3 + features)
        Absent points are NaN.

    Returns
    -------
    filled : Tensor of shape (n, points, 3 + features)
    present : Tensor of shape (n, points, 1)
        1 where there is a point, 0 elsewhere.
    """
    absent = clouds.isnan().any(dim=2, keepdim=True)
    present = (~absent).to(clouds.dtype)
    first = present.argmax(dim=1, keepdim=True).expand(-1, 1, clouds.shape[2])
    return torch.where(absent, clouds.gather(1, first), clouds), present


class FillPoints(nn.Module):
    """Repeat a present point in the place of absent ones, for networks that cannot take NaN.

    In eval mode there are as many points as in fit, so that what such a network makes of a cloud
    does not depend on which others are in the batch.

    Parameters
    ----------
    n_points : int
        Of the clouds in fit.
    """

    def __init__(self, n_points: int):
        super().__init__()
        self.n_points = n_points

    def forward(self, clouds: Tensor) -> Tensor:
        missing = self.n_points - clouds.shape[1]
        if not self.training and missing > 0:
            clouds = F.pad(clouds, (0, 0, 0, missing), value=torch.nan)
        return fill_points(clouds)[0]


class PointNet(nn.Module):
    """The same small network for every point, then the maximum and the mean over all points.

    Neither the order of the points nor the padding of smaller clouds changes the embedding.

    Parameters
    ----------
    in_features : int
        Coordinates and features of a point.
    widths : sequence of int, default=(64, 128, 256)
        Widths of the layers that every point goes through. The embedding has the maximum of the
        last one and the mean of the one before, side by side.

    References
    ----------
    Qi, Su, Mo and Guibas, "PointNet: Deep Learning on Point Sets for 3D Classification and
    Segmentation", CVPR 2017. https://arxiv.org/abs/1612.00593
    """

    def __init__(self, in_features: int, widths: Sequence[int] = (64, 128, 256)):
        super().__init__()
        *hidden, last = widths
        self.points = MLPEncoder(in_features, hidden)
        self.lift = nn.Linear(hidden[-1], last, bias=False)
        self.norm = nn.BatchNorm1d(last)

    def forward(self, clouds: Tensor) -> Tensor:
        filled, present = fill_points(clouds)
        x = self.points(filled.flatten(0, 1)).unflatten(0, filled.shape[:2])
        mean = (x * present).sum(dim=1) / present.sum(dim=1)
        # BatchNorm and ReLU of the last layer come after the maximum: they hardly change which
        # point is the largest, and cost a hundredth of what they would for every point.
        largest = F.relu(self.norm(self.lift(x).amax(dim=1)), inplace=True)
        return torch.cat([largest, mean], dim=1)
