"""Time series."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from skssl import _scales as scales
from skssl._declare import StrOptions, param
from skssl._some_rows import some_rows
from skssl._standardize import Standardize
from skssl._types import Samples
from skssl._warn import warn
from skssl.modality import _recordings as recordings
from skssl.modality._base import Look, as_tensor, check_mask, check_numbers, check_padding
from skssl.modality._capabilities import Forecastable, Surrounded, Timed
from skssl.modality._containers import as_samples
from skssl.modality._doubts import MANY_CHANNELS, in_channels, is_oblong
from skssl.modality._pixels import LAYOUT, Layout, some_samples
from skssl.modality._spans import SegmentCutter
from skssl.nn import (
    DilatedConvNet,
    FillGaps,
    KernelComponents,
    KernelEncoders,
    NormalizeEach,
    Patches,
    RandomKernels,
    SeriesPatches,
    SeriesResNet,
    SideBySide,
)
from skssl.views import SeriesViews, Views, observed_length

# Series from which the quantiles of the random kernels are taken.
_QUANTILE_SAMPLES = 256
# Series that components of their features are learned from.
_COMPONENT_SAMPLES = 2048
_PATCHES = 16
# The share of a series, and of a channel of all series, that may be outliers, and the part of the
# range of a series in which all others lie then: a short event in a quiet series is none.
_OUTLIERS, _OUTLIERS_OF_ALL, _GLITCH = 0.05, 1e-3, 1e-4
# Series are divided before float32 only from here on: large markers in what is to be filled in must
# not make the rest of their series vanish.
_LARGEST = 2.0**124
_SAY_NORMALIZE = "Pass Series(normalize='dataset') or 'series'."


def give_scale(series: Tensor, like: Tensor) -> Tensor:
    """Give every channel of every series the mean and the standard deviation of another."""
    normalize = NormalizeEach()
    return normalize.inverse(normalize(series), like)


class Series(Timed, Surrounded, Forecastable):
    """Time series with one or more channels, of equal or unequal length.

    Accepts arrays ``(n, channels, length)``, lists of arrays ``(channels, length_i)`` or, for one
    channel, ``(length_i,)``, and 2-D rows ``(n, length)`` of one channel by request. NaN marks a
    missing value, and whatever follows the last value of a series in an array is taken for
    padding. Nothing is imputed: gaps are left out of the statistics, the pooling over time leaves
    out steps without any value, and elsewhere a gap counts as 0 after scaling. An `encoder` of
    your own gets the series with such zeros.

    With ``modality="auto"``, lists of arrays that differ in shape are series, and so are arrays of
    3 dimensions that hold floats and are neither square ``(n, side, side)`` nor have a last axis
    of 3, or integers other than ``uint8`` in samples that are more than 4 times as long as wide.
    What may as well be images gets a warning. Series of other lengths than those seen in fit are
    embedded as well.

    Parameters
    ----------
    normalize : {"series", "dataset"} or None, default="series"
        "series" gives every channel of every series mean 0 and standard deviation 1, so that only
        its form counts; "dataset" keeps differences in level and size between series and scales
        all of them alike; None leaves the values as they are. Where a few values would take all
        of the range, they are left out of it, with a warning, and count as its ends.
    layout : {"channels_first", "channels_last"}, default=None
        Order of the axes of a series. None is "channels_first", with a warning if there are more
        channels than steps, which looks as if the axes were swapped.
    concat_input : bool or "auto", default="auto"
        Whether the embedding has, before what was learned, up to 256 principal components of the
        standardised proportions of random kernels (MiniRocket). The default encoder sees such
        proportions as well, but is taught to forget what views change. "auto" is True beside the
        default encoder. Views, scores of views, and fine-tuning have to do with what was learned
        alone.

    Attributes
    ----------
    n_channels_ : int
        Number of channels.
    mean_, std_ : ndarray of shape (channels,)
        With ``normalize="dataset"``, what the values are scaled by.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl import SimCLR
    >>> from skssl.modality import Series
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(2, length)).cumsum(axis=1) for length in rng.integers(20, 60, 100)]
    >>> SimCLR(max_epochs=1, random_state=0).fit_transform(X).shape
    (100, 739)
    >>> rows = rng.normal(size=(100, 50))
    >>> ssl = SimCLR(modality=Series(), max_epochs=1, random_state=0).fit(rows)
    """

    views_class = SeriesViews
    varying_axes = (2,)
    allows_nan = True
    concatenates = True

    normalize: Literal["series", "dataset"] | None = param(
        StrOptions({"series", "dataset"}), None, default="series"
    )
    layout: Layout | None = param(LAYOUT, None, default=None)

    @classmethod
    def recognizes(cls, look: Look) -> bool:
        if look.ragged:
            # Lists of lists may be rows of a table of which one went wrong.
            return isinstance(look.first, np.ndarray) and len(look.shape) in (2, 3)
        if len(look.shape) != 3 or look.dtype.kind not in "iuf":
            return False
        return look.dtype.kind == "f" or is_oblong(*look.shape[1:])

    @classmethod
    def doubts(cls, look: Look, X: Samples) -> str | None:
        if len(look.shape) != 3 or (look.ragged and look.dtype.kind == "f"):
            return None
        if look.ragged:
            return "it may be images of several sizes, modality=Images(size=(height, width))"
        is_signal = look.dtype.kind == "f" and (
            min(look.shape[1:]) < MANY_CHANNELS or is_oblong(*look.shape[1:])
        )
        return None if is_signal else "it may be images, modality=Images()"

    def has_columns(self, X: Samples) -> bool:
        # A list of arrays of one channel may have any lengths, also if these happen to be the same.
        is_list = isinstance(X, (list, tuple)) and isinstance(X[0], np.ndarray)
        return not is_list and super().has_columns(X)

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        self.check_parameters()
        X = as_samples(X)
        look = Look.at(X)
        recordings.refuse_one(look, min_samples)
        recordings.warn_of_steps(X)
        if look.ragged:
            X = _pad(X, channels_last=self.layout == "channels_last")
            channels_last = False
        else:
            channels_last = self.layout == "channels_last"
        series = check_numbers(
            X, dtypes=[np.float32], estimator=estimator, min_samples=min_samples, allow_nan=True
        )
        if series.ndim == 2:
            series = series[:, None, :]
        elif series.ndim != 3:
            raise ValueError(
                f"X has shape {series.shape}; series have 3 dimensions, (n, channels, length), or "
                "2 for one channel, or are a list of arrays (channels, length)."
            )
        elif channels_last:
            series = series.transpose(0, 2, 1)
        n_channels, length = series.shape[1:]
        is_fitted = hasattr(self, "n_channels_")
        if self.layout is None and n_channels > length and not is_fitted:
            warn(
                f"The series of X have {n_channels} channels and {length} steps. If that is the "
                "other way round, pass modality=Series(layout='channels_last'); if not, pass "
                "layout='channels_first'."
            )
        empty = np.isnan(series).all(axis=(1, 2))
        if empty.any():
            raise ValueError(
                f"X has {empty.sum()} series without any value, the first of them in row "
                f"{empty.argmax()}. Leave them out, of an array (n, channels, length) with "
                "X[~np.isnan(X).all(axis=(1, 2))]."
            )
        return series

    def fit(self, X: np.ndarray) -> Self:
        self.n_channels_, self._length = X.shape[1:]
        low, high = scales.ranges(X, axis=(0, 2))
        if self.normalize == "dataset":
            if np.isnan(low).any():
                channel = np.isnan(low).ravel().argmax()
                raise ValueError(f"Channel {channel} of X has no value in any series.")
            self._fit_scale(X, low, high)
        elif self.normalize is None and X.dtype == np.float64:
            names = [f"channel {channel}" for channel in range(X.shape[1])]
            scales.check_resolution(low.ravel(), high.ravel(), names, _SAY_NORMALIZE)
        return self

    def _fit_scale(self, X: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        """Learn what all series are scaled by."""
        self._clipped = np.zeros(low.shape, dtype=bool)
        for channel in range(X.shape[1]):
            values = X[:, channel].reshape(1, -1)
            edges = low[:, channel, 0], high[:, channel, 0]
            for found in scales.find_outliers(values, *edges, share=_OUTLIERS_OF_ALL):
                row, step = divmod(found.first, X.shape[2])
                place = f"row {row}, channel {channel}, step {step}"
                value = X[row, channel, step]
                scales.warn_of_outliers(value, place, found.low, found.high, found.count - 1)
                low[:, channel], high[:, channel] = found.low, found.high
                self._clipped[:, channel] = True
        self._edges = low, high
        self._units = scales.Units.of_range(low, high)
        scaled = self._units.apply(self._inside(X))
        self._mean = np.nanmean(scaled, axis=(0, 2), dtype=np.float64).astype(np.float32)
        std = np.nanstd(scaled, axis=(0, 2), dtype=np.float64).astype(np.float32)

        self._std = np.where(std > NormalizeEach.smallest_std, std, np.float32(1))
        unit, shift = self._units.unit.ravel(), self._units.shift.ravel()
        plain = self._units.are_plain
        self.mean_ = self._mean if plain else self._mean * unit + shift
        self.std_ = self._std if plain else self._std * unit

    def _inside(self, X: np.ndarray) -> np.ndarray:
        """Bring values into the range of fit in channels that had outliers there."""
        return scales.clip_where(X, *self._edges, self._clipped)

    def _units_of(self, X: np.ndarray) -> tuple[scales.Units, np.ndarray]:
        """Return the units that series are prepared in, and the series without outliers."""
        if self.normalize == "dataset":
            return self._units, self._inside(X)
        if self.normalize is None:
            return scales.Units(np.zeros(1), np.ones(1)), X
        low, high = scales.ranges(X, axis=2)
        names = ("channel", "step")
        X, low, high = scales.clip_outliers(
            X, low, high, share=_OUTLIERS, window=_GLITCH, names=names
        )
        return scales.Units.of_range(low, high, largest=_LARGEST), X

    def preparation(self) -> dict[str, object]:
        told: dict[str, object] = {
            "shape": [self.n_channels_, self._length],
            "dtype": "float32",
            "missing": "NaN, as behind the end of shorter series",
        }
        if self.normalize == "series":
            told["centred_in_float64"] = "series far from 0 against their range"
        if self.normalize == "dataset":
            told |= self._units.told()
        return told

    def prepare(self, X: np.ndarray) -> Tensor:
        if X.shape[1] != self.n_channels_:
            raise ValueError(
                f"X has series of {in_channels(X.shape[1])}, but {self.n_channels_} were seen in "
                f"fit.{recordings.hint(X.shape, self.n_channels_)}"
            )
        units, inside = self._units_of(X)
        prepared = units.apply(inside)
        if self.normalize != "series":
            scales.check_size(prepared, X, _place, self._std[:, None] if self.normalize else None)
        return as_tensor(prepared)

    def unscale(self, values: Tensor, like: Tensor) -> Tensor:
        layer = self.input_layer()
        return values if isinstance(layer, nn.Identity) else layer.inverse(values, like)

    def restore(self, samples: Tensor, X: Samples) -> Samples:
        checked = self.check(X, estimator=type(self).__name__)
        units, inside = self._units_of(checked)
        series = units.give_back(samples.numpy(), units.apply(inside), checked)
        X = as_samples(X)
        if Look.at(X).ragged:
            restored = []
            for one, like in zip(series, map(np.asarray, X), strict=True):
                length = like.shape[0 if self.layout == "channels_last" else -1]
                cut = one[:, :length]
                if like.ndim == 1:
                    restored.append(cut[0])
                else:
                    restored.append(cut.T if self.layout == "channels_last" else cut)
            return restored
        if len(Look.at(X).shape) == 2:
            return series[:, 0]
        return series.transpose(0, 2, 1) if self.layout == "channels_last" else series

    def forecast_form(self, steps: Tensor, X: Samples) -> np.ndarray:
        checked = self.check(X, estimator=type(self).__name__)
        units, _ = self._units_of(checked)
        values = units.undo(steps.numpy())
        if checked.dtype == np.float32:
            values = values.astype(np.float32, copy=False)
        X = as_samples(X)
        look = Look.at(X)
        without_channels = np.ndim(X[0]) == 1 if isinstance(X, (list, tuple)) else None
        if without_channels or (without_channels is None and len(look.shape) == 2):
            return values[:, 0]
        return values.transpose(0, 2, 1) if self.layout == "channels_last" else values

    def input_layer(self) -> NormalizeEach | Standardize | nn.Identity:
        if self.normalize == "series":
            return NormalizeEach()
        if self.normalize == "dataset":
            return Standardize(*(torch.tensor(a)[:, None] for a in (self._mean, self._std)))
        return nn.Identity()

    def stem(self) -> nn.Module:
        return FillGaps(self._length)

    def cutter(self, grid: int | None = None) -> SegmentCutter:
        return self.clip_cutter((grid or 2) ** 2)

    def surroundings(self) -> SegmentCutter:
        return self.clip_cutter(5)

    def clip_cutter(self, n_clips: int) -> SegmentCutter:
        return SegmentCutter(n_clips, give_scale)

    def time_steps(self, samples: Tensor) -> Tensor:
        return observed_length(samples)

    def tokenizer(self, samples: Tensor, *, patch_size: int | str, width: int) -> Patches:
        length = samples.shape[2]
        if isinstance(patch_size, str):
            patch_size = max(1, round(length / _PATCHES))
        if patch_size > length:
            raise ValueError(
                f"patch_size={patch_size} is longer than the series, which have {length} steps."
            )
        # A scale that all series share says nothing about what is hidden of one.
        patches = SeriesPatches if self.normalize == "series" else Patches
        return patches(
            self.input_layer()(some_samples(samples)),
            (patch_size,),
            width=width,
            mask_ratio=0.5,
            mask_shapes=("random", "span"),
            complete=False,
            any_start=True,
        )

    def cells(self, mask: ArrayLike, samples: Tensor) -> Tensor:
        n, channels, length = samples.shape
        cells = check_mask(mask, (n, channels, length), (n, length), (length,))
        return as_tensor(cells if cells.ndim != 2 else cells[:, None]).expand(samples.shape)

    def hide(self, samples: Tensor, cells: Tensor) -> Tensor:
        return samples.masked_fill(cells, torch.nan)

    def missing(self, samples: Tensor) -> Tensor:
        # What follows the last value is no gap.
        steps = torch.arange(samples.shape[2])
        return samples.isnan() & (steps < observed_length(samples)[:, None])[:, None]

    def describe(self, samples: Tensor | None, views: Views | None = None) -> nn.Module | None:
        if not self.has_description():
            return None
        scale = self.input_layer()
        if samples is None:
            kernels = RandomKernels(scale(torch.zeros(1, self.n_channels_, self._length)))
            return nn.Sequential(scale, KernelComponents.blank(kernels))
        few, more = (scale(some_rows(samples, n)) for n in (_QUANTILE_SAMPLES, _COMPONENT_SAMPLES))
        return nn.Sequential(scale, KernelComponents.learn(RandomKernels(few), more))

    def description_names(self, size: int) -> list[str]:
        return [f"kernel{index}" for index in range(size)]

    def encoder_names(self) -> list[str]:
        return ["kernels+resnet", "kernels", "resnet", "ts2vec"]

    def build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        if name == "resnet":
            return SeriesResNet(self.n_channels_)
        if name == "ts2vec":
            return DilatedConvNet(self.n_channels_)
        some = samples[torch.randperm(len(samples))[:_QUANTILE_SAMPLES]]
        kernels = KernelEncoders(RandomKernels(self.input_layer()(some)))
        if name == "kernels":
            return kernels
        return SideBySide([kernels, SeriesResNet(self.n_channels_)])

    def default_views(self) -> Views:
        return SeriesViews()


def _place(index: tuple[int, ...]) -> str:
    row, channel, step = index
    return f"row {row}, channel {channel}, step {step}"


def _pad(X: Samples, *, channels_last: bool) -> np.ndarray:
    """Return a list of series as one array, with NaN after the end of shorter ones."""
    series: list[np.ndarray] = []
    for row, one in enumerate(X):
        array = np.asarray(one)
        if array.ndim == 1:
            array = array[None]
        elif array.ndim == 2 and channels_last:
            array = array.T
        if array.ndim != 2 or array.dtype.kind not in "biuf" or not array.shape[1]:
            raise ValueError(
                f"Row {row} of X has shape {np.shape(one)} and dtype {array.dtype}; a series is an "
                "array of numbers of shape (channels, length) or (length,), with at least one step."
            )
        if series and len(array) != len(series[0]):
            raise ValueError(
                f"Row {row} of X has {len(array)} channels, but row 0 has {len(series[0])}. For "
                "arrays (length, channels) pass modality=Series(layout='channels_last'), for "
                "arrays (points, 3) pass modality=PointCloud()."
            )
        series.append(array)
    check_padding([array.shape[1] for array in series], len(series[0]), "steps")
    return scales.padded(series)
