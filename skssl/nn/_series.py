"""Encoders of time series that may differ in length and have gaps (NaN)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl._precision import full_precision
from skssl.nn._encoders import SideBySide

_KERNEL_LENGTH = 9
# Few enough to stay in a processor's cache.
_RESPONSES_AT_ONCE = 2**20
# A proportion of so many steps is precise enough, so that long series need not cost more.
_STEPS_LOOKED_AT = 256
# Deviations of proportions, and parts of the largest component, that are rounding.
_SMALLEST_STD = 1e-6
_SMALLEST_COMPONENT = 1e-6
# Up to here, float32 holds every whole number.
_LARGEST_EXACT = 2**24


def fill_gaps(series: Tensor) -> tuple[Tensor, Tensor]:
    """Put 0 where a value is missing.

    Parameters
    ----------
    series : Tensor of shape (n, channels, length)
        Missing values, and the padding of shorter series, are NaN.

    Returns
    -------
    filled : Tensor of shape (n, channels, length)
    observed : Tensor of shape (n, 1, length)
        1 where at least one channel has a value, 0 elsewhere.
    """
    missing = series.isnan()
    observed = (~missing).any(dim=1, keepdim=True).to(series.dtype)
    return series.masked_fill(missing, 0.0), observed


class FillGaps(nn.Module):
    """Put 0 where a value of a series is missing, for networks that cannot take NaN.

    In eval mode shorter series are made as long as those of fit, so that what such a network makes
    of the end of a series does not depend on which others are in the batch.

    Parameters
    ----------
    length : int
        Of the series in fit.
    """

    def __init__(self, length: int):
        super().__init__()
        self.length = length

    def forward(self, series: Tensor) -> Tensor:
        filled = fill_gaps(series)[0]
        missing = self.length - series.shape[2]
        return filled if self.training or missing <= 0 else F.pad(filled, (0, missing))


class RandomKernels(nn.Module):
    """The fixed dilated kernels of MiniRocket, pooled to proportions of positive values.

    The 84 kernels of length 9 with weights -1 and 2 that sum to 0, at several dilations. What a
    kernel gives is compared with quantiles of what it gives on training series; the share of
    steps above each is one feature (PPV). Kernels on several channels see a random subset of them.
    Of series longer than 256 steps, every second, third, ... step is looked at. Nothing here is
    trained.

    Sums of steps are exact, whatever the order in which they are added up, which a batch of another
    size may change: before them, each series is rounded to some hundred thousand levels. Otherwise
    rounding would decide on which side of a threshold equal responses are, of which counts and
    other repeated values have many.

    Parameters
    ----------
    series : Tensor of shape (n, channels, length)
        Training series, from which the quantiles are taken.
    n_dilations : int, default=6
        Largest number of dilations, spread evenly on a logarithmic scale up to the longest that
        fits in the series.
    n_quantiles : int, default=4
        Features for each kernel and dilation.

    References
    ----------
    Dempster, Schmidt and Webb, "MiniRocket: A Very Fast (Almost) Deterministic Transform for Time
    Series Classification", KDD 2021. https://arxiv.org/abs/2012.08791
    """

    weights: Tensor
    biases: Tensor

    def __init__(self, series: Tensor, *, n_dilations: int = 6, n_quantiles: int = 4):
        super().__init__()
        channels, length = series.shape[1:]
        longest = max(1.0, (length - 1) / (_KERNEL_LENGTH - 1))
        exponents = torch.linspace(0, math.log2(longest), n_dilations)
        self.dilations = sorted({int(2.0**exponent) for exponent in exponents})
        self.register_buffer("weights", self._draw_weights(channels))
        self.stride = math.ceil(length / _STEPS_LOOKED_AT)
        levels, unit, observed = self._levels(series)
        # Each quantile is taken at a place of its own within its share of the range, so that no
        # two kernels look at the same ones.
        biases = []
        for index in range(len(self.dilations)):
            seen = observed.expand(-1, self.n_kernels, -1).bool()
            responses = (self._responses(levels, index) * unit).masked_fill(~seen, torch.nan)
            by_kernel = responses.transpose(0, 1).flatten(1)
            order = torch.rand(self.n_kernels, n_quantiles)
            places = (torch.arange(n_quantiles) + order) / n_quantiles
            biases.append(_quantiles(by_kernel, places))
        self.register_buffer("biases", torch.stack(biases)[..., None])

    @property
    def n_kernels(self) -> int:
        return self.weights.shape[1]

    @property
    def n_features(self) -> int:
        return self.biases.numel()

    def _draw_weights(self, channels: int) -> Tensor:
        """Return the weights, of shape (dilations, kernels, channels, 9)."""
        places = list(itertools.combinations(range(_KERNEL_LENGTH), 3))
        kernels = torch.full((len(places), _KERNEL_LENGTH), -1.0)
        kernels[torch.arange(len(places))[:, None], torch.tensor(places)] = 2.0
        shape = (len(self.dilations), len(places), channels)
        # Between 1 and all channels, up to 9, with the number spread evenly on a logarithmic scale.
        most = math.log2(min(channels, _KERNEL_LENGTH) + 1)
        size = (2.0 ** (torch.rand(shape[:2]) * most)).long().clamp(1, channels)
        rank = torch.rand(shape).argsort(dim=2).argsort(dim=2)
        chosen = (rank < size[..., None]).to(kernels.dtype)
        return chosen[..., None] * kernels[None, :, None, :]

    def _levels(self, series: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return series as whole numbers, whose weighted sums float32 holds exactly.

        Returns
        -------
        levels : Tensor of shape (n, channels, length)
        unit : Tensor of shape (n, 1, 1)
            What to multiply the levels of a series with.
        observed : Tensor of shape (n, 1, steps)
            1 where a step that is looked at has a value, 0 elsewhere.
        """
        filled, observed = fill_gaps(series)
        # Three weights of 2 and six of -1, in each of the channels that a kernel may see.
        largest_sum = 12 * min(series.shape[1], _KERNEL_LENGTH)
        most = _LARGEST_EXACT // largest_sum
        unit = filled.abs().amax(dim=(1, 2), keepdim=True) / most
        unit = torch.where(unit > 0, unit, torch.ones_like(unit))
        return (filled / unit).round(), unit, observed[:, :, :: self.stride]

    def _responses(self, levels: Tensor, index: int) -> Tensor:
        dilation = self.dilations[index]
        padding = dilation * (_KERNEL_LENGTH // 2)
        return F.conv1d(
            levels, self.weights[index], stride=self.stride, padding=padding, dilation=dilation
        )

    @torch.no_grad()
    def forward(self, series: Tensor) -> Tensor:
        # What bfloat16 rounds is neither exact nor what the thresholds were taken from.
        with full_precision(series) as (series,):
            levels, unit, observed = self._levels(series)
            if torch.compiler.is_exporting():
                # A graph for batches of any size cannot have them in parts.
                return self._proportions(levels, unit, observed)
            few = max(1, _RESPONSES_AT_ONCE // (self.n_kernels * observed.shape[2]))
            parts = zip(*(part.split(few) for part in (levels, unit, observed)), strict=True)
            return torch.cat([self._proportions(*part) for part in parts])

    def _proportions(self, levels: Tensor, unit: Tensor, observed: Tensor) -> Tensor:
        """Return the features of some series."""
        steps = observed.transpose(1, 2)
        features = []
        for index in range(len(self.dilations)):
            responses = self._responses(levels, index)
            above = torch.empty_like(responses)
            # The few thresholds are divided instead of all responses being multiplied.
            for bias in (self.biases[index] / unit[..., None]).unbind(dim=2):
                # Compared into floats and averaged by a matrix product, which is much faster than
                # multiplying booleans.
                features.append(torch.bmm(torch.gt(responses, bias, out=above), steps))
        # Steps are counted, which is exact, before they become a part of all.
        return torch.cat(features, dim=1).squeeze(2) / observed.sum(dim=2).clamp(min=1)


def _quantiles(rows: Tensor, places: Tensor) -> Tensor:
    """Return for every row its quantiles at `places`, of shape (rows, quantiles), without NaN.

    They lie halfway between two values of the row: a threshold at a value itself would let the
    rounding decide on which side of it the value is.
    """
    ordered = rows.sort(dim=1).values  # NaN comes last
    last = (~rows.isnan()).sum(dim=1, keepdim=True) - 1
    below = (places * last).long()
    above = torch.minimum(below + 1, last)
    return (ordered.gather(1, below) + ordered.gather(1, above)) / 2


class KernelComponents(nn.Module):
    """Principal components of the standardised features of :class:`RandomKernels`.

    What scikit-learn's users would try first on series, in fewer columns; nothing is trained.

    Parameters
    ----------
    kernels : RandomKernels
    center : Tensor of shape (n_features,)
        Mean of each feature.
    components : Tensor of shape (dim, n_features)
        Directions, each number of which is divided by the standard deviation of its feature.
    """

    center: Tensor
    components: Tensor

    def __init__(self, kernels: RandomKernels, center: Tensor, components: Tensor):
        super().__init__()
        self.kernels = kernels
        self.register_buffer("center", center)
        self.register_buffer("components", components)

    @classmethod
    def blank(cls, kernels: RandomKernels) -> KernelComponents:
        """Return one whose buffers are to be filled."""
        return cls(kernels, torch.zeros(1), torch.zeros(1, 1))

    @classmethod
    def learn(cls, kernels: RandomKernels, series: Tensor, *, dim: int = 256) -> KernelComponents:
        """Learn at most `dim` components from training series."""
        features = kernels(series).double()
        center = features.mean(dim=0)
        # A feature that is the same for all is left as it is, which is 0.
        std = features.std(dim=0, correction=0)
        std[std < _SMALLEST_STD] = 1.0
        _, sizes, directions = torch.linalg.svd((features - center) / std, full_matrices=False)
        # Series that are all the same leave one component, of zeros.
        kept = max(1, min(dim, int((sizes > _SMALLEST_COMPONENT * sizes[0]).sum())))
        components = directions[:kept] * (sizes[:kept, None] > 0) / std
        return cls(kernels, center.float(), components.float().contiguous())

    def forward(self, series: Tensor) -> Tensor:
        # Small deviations are made as large as others, so that what float32 rounds would show.
        features = self.kernels(series).double()
        return ((features - self.center) @ self.components.T.double()).float()


class KernelEncoder(nn.Module):
    """A learned linear map of the features of :class:`RandomKernels`.

    Parameters
    ----------
    kernels : RandomKernels
    dim : int, default=256
        Size of the embedding.
    """

    def __init__(self, kernels: RandomKernels, *, dim: int = 256):
        super().__init__()
        self.kernels = kernels
        self.norm = nn.BatchNorm1d(kernels.n_features, affine=False)
        self.linear = nn.Linear(kernels.n_features, dim)

    def forward(self, series: Tensor) -> Tensor:
        return self.embed_features(self.kernels(series))

    def embed_features(self, features: Tensor) -> Tensor:
        """Return the embedding of series by the features that the kernels give."""
        return self.linear(self.norm(features))


class KernelProjection(nn.Module):
    """A fixed random projection of the features of :class:`RandomKernels`; nothing is trained.

    It keeps some of what a method learns to be indifferent to.

    Parameters
    ----------
    kernels : RandomKernels
    dim : int, default=128
        Size of the embedding.
    """

    directions: Tensor

    def __init__(self, kernels: RandomKernels, *, dim: int = 128):
        super().__init__()
        self.kernels = kernels
        directions = torch.randn(kernels.n_features, dim) / kernels.n_features**0.5
        self.register_buffer("directions", directions)

    def forward(self, series: Tensor) -> Tensor:
        return self.embed_features(self.kernels(series))

    def embed_features(self, features: Tensor) -> Tensor:
        """Return the embedding of series by the features that the kernels give."""
        return features @ self.directions


class KernelEncoders(SideBySide):
    """The fixed and the learned map of the same kernels side by side, which see them once.

    The kernels take nearly all of the time of either map.

    Parameters
    ----------
    kernels : RandomKernels
    """

    def __init__(self, kernels: RandomKernels):
        super().__init__([KernelProjection(kernels), KernelEncoder(kernels)])

    def blocks(self) -> list[nn.Module]:
        # What is fixed spreads much less, and is not to have more of a say.
        return [self]

    def forward(self, series: Tensor) -> Tensor:
        fixed, learned = cast(tuple[KernelProjection, KernelEncoder], tuple(self))
        features = learned.kernels(series)
        return torch.cat([fixed.embed_features(features), learned.embed_features(features)], dim=1)


class _Block(nn.Module):
    """Two convolutions with BatchNorm and a shortcut, which keep padding at zero."""

    def __init__(self, width_in: int, width_out: int, stride: int):
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv1d(width_in, width_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm1d(width_out)
        self.conv2 = nn.Conv1d(width_out, width_out, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm1d(width_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or width_in != width_out:
            self.shortcut = nn.Sequential(
                nn.Conv1d(width_in, width_out, 1, stride, bias=False), nn.BatchNorm1d(width_out)
            )

    def forward(self, x: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        seen = observed[:, :, :: self.stride]
        out = F.relu(self.norm1(self.conv1(x)), inplace=True) * seen
        return F.relu(self.norm2(self.conv2(out)) + self.shortcut(x), inplace=True) * seen, seen


class SeriesResNet(nn.Module):
    """A residual network over time: the 1-D ResNet of the VIbCReg paper at a CPU's width.

    Parameters
    ----------
    in_channels : int
    widths : sequence of int
        Width of the stem and of the blocks. The embedding is the mean and the maximum over time
        of the last one, side by side.
    """

    def __init__(self, in_channels: int, widths: Sequence[int] = (32, 32, 64, 128)):
        super().__init__()
        stem, *blocks = widths
        self.conv = nn.Conv1d(in_channels, stem, 7, 2, padding=3, bias=False)
        self.norm = nn.BatchNorm1d(stem)
        self.blocks = nn.ModuleList(
            _Block(width_in, width_out, stride=1 if index == 0 else 2)
            for index, (width_in, width_out) in enumerate(itertools.pairwise(widths))
        )

    def forward(self, series: Tensor) -> Tensor:
        x, observed = fill_gaps(series)
        observed = observed[:, :, ::2]
        x = F.relu(self.norm(self.conv(x)), inplace=True) * observed
        for block in self.blocks:
            x, observed = block(x, observed)
        # The activations are not negative, so that zeros of the padding do not change the maximum.
        mean = (x * observed).sum(dim=2) / observed.sum(dim=2).clamp(min=1)
        return torch.cat([mean, x.amax(dim=2)], dim=1)


class DilatedConvNet(nn.Module):
    """The dilated convolutions of TS2Vec: residual blocks whose reach doubles with each.

    Parameters
    ----------
    in_channels : int
    width : int, default=64
    dim : int, default=320
        Size of the embedding, the maximum over time of the last block.
    depth : int, default=10
        Number of blocks before the last one.

    References
    ----------
    Yue et al., "TS2Vec: Towards Universal Representation of Time Series", AAAI 2022.
    https://arxiv.org/abs/2106.10466
    """

    def __init__(self, in_channels: int, *, width: int = 64, dim: int = 320, depth: int = 10):
        super().__init__()
        self.lift = nn.Conv1d(in_channels, width, 1)
        widths = [width] * depth + [dim]
        self.first = nn.ModuleList()
        self.second = nn.ModuleList()
        for index, (width_in, width_out) in enumerate(itertools.pairwise([width, *widths])):
            reach = {"padding": 2**index, "dilation": 2**index}
            self.first.append(nn.Conv1d(width_in, width_out, 3, **reach))
            self.second.append(nn.Conv1d(width_out, width_out, 3, **reach))
        self.widen = nn.Conv1d(width, dim, 1)

    def forward(self, series: Tensor) -> Tensor:
        x, observed = fill_gaps(series)
        x = self.lift(x) * observed
        last = len(self.first) - 1
        for index, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            shortcut = self.widen(x) if index == last else x
            out = first(F.gelu(x)) * observed
            x = (second(F.gelu(out)) + shortcut) * observed
        # The maximum over nothing is not finite, so what has no value at all keeps its zeros.
        hidden = (observed == 0) & observed.any(dim=2, keepdim=True)
        return x.masked_fill(hidden, -torch.inf).amax(dim=2)
