"""Point clouds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import partial
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from skssl._declare import param
from skssl._precision import widened
from skssl._scales import Units, check_resolution, check_size, clip_outliers, padded, ranges
from skssl._types import Samples
from skssl._warn import warn
from skssl.modality._base import Look, as_tensor, check_numbers, check_padding
from skssl.modality._capabilities import Cuttable, Tokenizable, Turnable
from skssl.modality._containers import as_samples
from skssl.modality._cutters import VoxelCutter
from skssl.modality._doubts import as_series
from skssl.modality._pixels import some_samples
from skssl.nn import FillPoints, PointNet, PointPatches, Tokenizer
from skssl.views import PointCloudViews, Views

_SMALLEST_RADIUS = 1e-12
_MOST_PATCHES, _MOST_PATCH_POINTS = 64, 32
_POINTS_A_PATCH = 8
# Share of the points of a cloud that may be outliers.
_OUTLIERS = 0.05


class UnitSphere(nn.Module):
    """Move the mean of every cloud to the origin and scale its farthest point to distance 1."""

    def forward(self, clouds: Tensor) -> Tensor:
        center, radius = self._scale(clouds)
        return torch.cat([(clouds[..., :3] - center) / radius, clouds[..., 3:]], dim=2)

    def inverse(self, values: Tensor, like: Tensor) -> Tensor:
        """Move and scale `values` to where the clouds `like` are."""
        center, radius = self._scale(like)
        return torch.cat([values[..., :3] * radius + center, values[..., 3:]], dim=2)

    @staticmethod
    def _scale(clouds: Tensor) -> tuple[Tensor, Tensor]:
        center = widened(clouds[..., :3]).nanmean(dim=1, keepdim=True).to(clouds.dtype)
        distance = (clouds[..., :3] - center).nan_to_num().norm(dim=2, keepdim=True)
        radius = distance.amax(dim=1, keepdim=True)
        # Points that are all at one place stay at the origin.
        return center, torch.where(radius > _SMALLEST_RADIUS, radius, torch.ones_like(radius))


class PointCloud(Turnable, Cuttable, Tokenizable):
    """Clouds of points in space, with or without features of every point.

    Accepts arrays ``(n, points, 3 + features)`` whose first three columns are coordinates, and
    lists of arrays ``(points_i, 3 + features)`` of different sizes, with at least 2 points each.
    In an array, a point whose values are all NaN is absent; smaller clouds of a list are padded
    like that. The named encoders leave absent points out, so neither padding nor the order of the
    points changes an embedding. An `encoder` of your own gets a copy of a present point in the
    place of an absent one: a maximum over the points is not changed by that, a mean is.

    With ``modality="auto"``, arrays of 3 dimensions are point clouds if they hold floats and their
    last axis has 3 values, except ``(n, 3, 3)``, which are images; as windows of a series look the
    same, there is a warning. ``modality=PointCloud()`` ends it, and is needed for points with
    features and for lists of arrays that differ in shape. Clouds with other
    numbers of points than those seen in fit are embedded as well.

    Parameters
    ----------
    normalize : bool, default=True
        Whether to move the mean of every cloud to the origin and to scale it so that its farthest
        point is at distance 1. Its place and size then do not count. A few points that are so far
        out that all others would be at one place are moved to the others, with a warning. Features
        are never changed:
        bring them to a similar range, for example with a :class:`~sklearn.preprocessing.\
StandardScaler` on all points.

    Attributes
    ----------
    n_columns_ : int
        Coordinates and features of a point.

    See Also
    --------
    skssl.views.PointCloudViews : The default views. They turn clouds about the third axis only.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl import SimCLR
    >>> from skssl.modality import PointCloud
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(size, 3)) for size in rng.integers(20, 60, 100)]
    >>> ssl = SimCLR(modality=PointCloud(), max_epochs=1, random_state=0).fit(X)
    >>> ssl.transform(X).shape
    (100, 384)
    """

    views_class = PointCloudViews
    varying_axes = (1,)
    allows_nan = True

    normalize: bool = param("boolean", default=True)

    @classmethod
    def recognizes(cls, look: Look) -> bool:
        return (
            len(look.shape) == 3
            and not look.ragged
            and look.dtype.kind == "f"
            and look.shape[2] == 3
        )

    @classmethod
    def doubts(cls, look: Look, X: Samples) -> str | None:
        # Points and steps of three values look alike.
        return f"it may be {as_series(look.shape)}"

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        self.check_parameters()
        X = as_samples(X)
        clouds = check_numbers(
            _pad(X) if Look.at(X).ragged else X,
            dtypes=[np.float32],
            estimator=estimator,
            min_samples=min_samples,
            allow_nan=True,
        )
        if clouds.ndim != 3 or clouds.shape[2] < 3:
            hint = " If X is one cloud, pass X[None]." if clouds.ndim == 2 else ""
            raise ValueError(
                f"X has shape {clouds.shape}; point clouds have 3 dimensions, (n, points, 3 + "
                "features), of which the last has at least 3 coordinates, or are a list of arrays "
                f"(points, 3 + features).{hint}"
            )
        n_points, columns = clouds.shape[1:]
        if n_points == 3 < columns:
            warn(
                f"The clouds of X have 3 points of {columns} values. If that is the other way "
                "round, pass X.transpose(0, 2, 1)."
            )
        missing = np.isnan(clouds)
        absent = missing.all(axis=2)
        half = missing.any(axis=2) & ~absent
        if half.any():
            row, point = np.argwhere(half)[0]
            raise ValueError(
                f"Point {point} in row {row} of X has NaN in some of its values, "
                f"{clouds[row, point].tolist()}. A point is absent if all its values are NaN; it "
                "cannot be known in part."
            )
        present = (~absent).sum(axis=1)
        if len(clouds) and present.min() < 2:
            row = present.argmin()
            raise ValueError(
                f"Row {row} of X has a cloud of {present[row]} point(s); at least 2 are needed."
            )
        return clouds

    def fit(self, X: np.ndarray) -> Self:
        self._n_points, self.n_columns_ = X.shape[1:]
        if X.dtype != np.float64:
            return self
        low, high = (edge.ravel() for edge in ranges(X, axis=(0, 1)))
        first = 3 if self.normalize else 0
        names = [f"column {column} of the points" for column in range(first, X.shape[2])]
        remedy = "Subtract their mean, for all clouds alike"
        remedy += "." if self.normalize else ", or pass PointCloud(normalize=True)."
        check_resolution(low[first:], high[first:], names, remedy)
        return self

    def _units_of(self, X: np.ndarray) -> tuple[Units, np.ndarray]:
        """Return the units that clouds are prepared in, and the clouds without outliers."""
        if not self.normalize:
            return Units(np.zeros(1), np.ones(1)), X
        low, high = ranges(X[..., :3], axis=1)
        places, low, high = (part.transpose(0, 2, 1) for part in (X[..., :3], low, high))
        names = ("axis", "point")
        inside, low, high = clip_outliers(
            places, low, high, share=_OUTLIERS, window=1e-3, names=names
        )
        low, high = low.transpose(0, 2, 1), high.transpose(0, 2, 1)
        units = Units.of_range(low, high, together=2)
        if inside is not places:
            X = np.concatenate([inside.transpose(0, 2, 1), X[..., 3:]], axis=2)
        if units.are_plain or X.shape[2] == 3:
            return units, X
        padding = ((0, 0), (0, 0), (0, X.shape[2] - 3))
        unit = np.broadcast_to(units.unit, units.shift.shape)
        return Units(np.pad(units.shift, padding), np.pad(unit, padding, constant_values=1.0)), X

    def preparation(self) -> dict[str, object]:
        return {
            "shape": [self._n_points, self.n_columns_],
            "dtype": "float32",
            "absent_points": "NaN, behind the others",
            "centred_in_float64": "clouds far from 0 against their size",
        }

    def prepare(self, X: np.ndarray) -> Tensor:
        if X.shape[2] != self.n_columns_:
            raise ValueError(
                f"X has points of {X.shape[2]} values, but points of {self.n_columns_} were seen "
                "in fit."
            )
        units, inside = self._units_of(X)
        prepared = units.apply(inside)
        check_size(prepared, X, _place)
        return as_tensor(prepared)

    def unscale(self, values: Tensor, like: Tensor) -> Tensor:
        return UnitSphere().inverse(values, like) if self.normalize else values

    def restore(self, samples: Tensor, X: Samples) -> Samples:
        checked = self.check(X, estimator=type(self).__name__)
        units, inside = self._units_of(checked)
        clouds = units.give_back(samples.numpy(), units.apply(inside), checked)
        X = as_samples(X)
        if Look.at(X).ragged:
            return [cloud[: len(like)] for cloud, like in zip(clouds, X, strict=True)]
        return clouds

    def input_layer(self) -> nn.Module:
        return UnitSphere() if self.normalize else nn.Identity()

    def stem(self) -> nn.Module:
        return FillPoints(self._n_points)

    def turns(self) -> list[Callable[[Tensor], Tensor]]:
        mirrored_or_turned = itertools.product(
            itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)
        )
        return [
            partial(_turn, axes=axes, signs=signs)
            for axes, signs in mirrored_or_turned
            if _is_even(axes) == (math.prod(signs) > 0)
        ]

    def cutter(self, grid: int | None = None) -> VoxelCutter:
        return VoxelCutter(grid or 3, self.input_layer())

    def tokenizer(self, samples: Tensor, *, patch_size: int | str, width: int) -> Tokenizer:
        clouds = self.input_layer()(some_samples(samples))
        points = clouds.shape[1]
        if isinstance(patch_size, str):
            n_patches = min(max(2, points // _POINTS_A_PATCH), _MOST_PATCHES)
            n_points = min(max(2, 2 * points // n_patches), _MOST_PATCH_POINTS, points)
        elif 2 <= patch_size <= points:
            n_points = patch_size
            n_patches = min(max(2, 2 * points // n_points), _MOST_PATCHES)
        else:
            raise ValueError(
                f"patch_size={patch_size} is the number of points of a patch; allowed are 2 to "
                f"{points}, as many as the clouds have."
            )
        return PointPatches(clouds, n_patches, n_points, width=width)

    def encoder_names(self) -> list[str]:
        return ["pointnet"]

    def build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        return PointNet(self.n_columns_)

    def default_views(self) -> Views:
        return PointCloudViews()


def _turn(clouds: Tensor, axes: tuple[int, ...], signs: tuple[int, ...]) -> Tensor:
    """Make coordinates of others, some with the other sign; features stay as they are."""
    turned = clouds[..., list(axes)] * clouds.new_tensor(signs)
    return torch.cat([turned, clouds[..., 3:]], dim=2)


def _is_even(axes: tuple[int, ...]) -> bool:
    """Whether a permutation is made of an even number of swaps."""
    return sum(first > second for first, second in itertools.combinations(axes, 2)) % 2 == 0


def _place(index: tuple[int, ...]) -> str:
    row, point, column = index
    return f"row {row}, point {point}, column {column}"


def _pad(X: Samples) -> np.ndarray:
    """Return a list of clouds as one array, with NaN after the last point of smaller ones."""
    clouds = [np.asarray(one) for one in X]
    for row, cloud in enumerate(clouds):
        if cloud.ndim != 2 or cloud.dtype.kind not in "biuf":
            raise ValueError(
                f"Row {row} of X has shape {cloud.shape} and dtype {cloud.dtype}; a point cloud is "
                "an array of numbers of shape (points, 3 + features)."
            )
        if cloud.shape[1] != clouds[0].shape[1]:
            raise ValueError(
                f"Row {row} of X has points of {cloud.shape[1]} values, but row 0 has points of "
                f"{clouds[0].shape[1]}."
            )
    check_padding([len(cloud) for cloud in clouds], clouds[0].shape[1], "points")
    return padded(clouds)
