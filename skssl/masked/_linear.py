"""Forecasts by ridge regression, from any step of a window on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from skssl._some_rows import some_rows
from skssl.views import observed_length

# Numbers of training windows that are looked at, and that are kept, at most.
_MOST_LOOKED_AT, _MOST_KEPT = 2**23, 2**21
# A window weighs no more than one that is so many times as loud as the usual one.
_LOUDEST = 4.0
# In units of the mean square of the steps that are known; the last leaves next to no regression.
_PENALTIES = torch.logspace(-4, 2, 13, dtype=torch.float64)
# Of each patch of steps to come, as many are looked at when its penalty is chosen.
_LOOKED_AT = 4
# How trust in a value fades over a patch of steps. What has changed of late and what was always so
# is told by one each, and their mean is better than either.
_FADING = (0.0, 3.0)
# What is added of a regression that has learned from all channels as if they were one.
_TOGETHER = 0.25
# The part of the error that a course of all windows has to take away.
_WORTH = 0.1


@dataclass
class _Windows:
    """What a ridge regression needs to know of some windows.

    Parameters
    ----------
    count : int
    mean : Tensor of shape (channels, length)
    factor : Tensor of shape (channels, r, length)
        Its products are the sums of those of the windows less their mean.
    """

    count: int
    mean: Tensor
    factor: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> _Windows:
        """Summarise windows (n, channels, length)."""
        mean = rows.mean(dim=0)
        return cls(len(rows), mean, _triangular((rows - mean).transpose(0, 1)))

    def about(self, origin: Tensor) -> Tensor:
        """Return rows with the same products as the windows less `origin`."""
        offset = math.sqrt(self.count) * (self.mean - origin)
        return torch.cat([self.factor, offset[:, None]], dim=1)


class _Regression:
    """Ridge regressions of the steps after the first `n_known` ones on these, for any penalty.

    All are relative to the last known step. Where trust fades, weights of older steps cost more.

    Parameters
    ----------
    rows : Tensor of shape (channels, r, length)
    n_known : int
    fading : float
        1 over the steps after which a value is trusted half as much as the last one; 0 is for ever.
    """

    def __init__(self, rows: Tensor, n_known: int, fading: float):
        self.trust = 1 / (1 + fading * torch.arange(n_known - 1, 0, -1, dtype=rows.dtype))
        known, self.answers = _relative(rows, n_known)
        known = known * self.trust
        is_tall = known.shape[1] > known.shape[2]
        self.values, basis = torch.linalg.eigh(known.mT @ known if is_tall else known @ known.mT)
        self.right = basis if is_tall else known.mT @ basis
        self.left = known @ basis if is_tall else basis
        self.unit = known.square().sum(dim=(1, 2)) / max(1, n_known - 1)

    def weights(self, penalty: Tensor, steps: Tensor) -> Tensor:
        """Return what the chosen steps of the answers are made of, (channels, known, steps).

        `penalty` is that of each channel and step, of shape (channels or 1, steps or 1).
        """
        penalties = penalty[:, None] * self.unit[:, None, None].clamp(min=1e-30)
        answers = self.left.mT @ self.answers[..., steps]
        weights = self.right @ (answers / (self.values.clamp(min=0)[..., None] + penalties))
        return weights * self.trust[:, None]


def _relative(rows: Tensor, n_known: int) -> tuple[Tensor, Tensor]:
    """Return the steps before the last of the known ones and those after it, relative to it."""
    before, last, after = rows.tensor_split([n_known - 1, n_known], dim=2)
    return before - last, after - last


class _Ridges(nn.Module):
    """For each channel the mean of ridge regressions, whose trust fades as `_FADING` says.

    Parameters
    ----------
    n_channels, n_rows, length : int
        Of the windows that are learned from.
    patch : int
        Steps that share a penalty, and over which trust fades.
    """

    factor: Tensor
    penalty: Tensor

    def __init__(self, n_channels: int, n_rows: int, length: int, patch: int):
        super().__init__()
        self.patch = patch
        self.register_buffer("factor", torch.zeros(n_channels, min(n_rows, length), length))
        shape = len(_FADING), n_channels, math.ceil(length / patch)
        self.register_buffer("penalty", torch.ones(shape))

    def errors(self, halves: list[_Windows], *, with_course: bool = False) -> Tensor:
        """Return how well each half continues the other, with and without its mean taken off.

        Returns
        -------
        Tensor of shape (fadings, penalties, channels, patches of steps to come)
        """
        n_channels, window = halves[0].mean.shape
        n_known = window // 2
        steps = torch.arange(0, window - n_known, max(1, self.patch // _LOOKED_AT))
        shape = len(_FADING), len(_PENALTIES), n_channels, len(steps)
        by_step = torch.zeros(shape, dtype=torch.float64)
        for one, other in (halves, halves[::-1]):
            origin = one.mean if with_course else torch.zeros_like(one.mean)
            known, answers = _relative(other.about(origin), n_known)
            for fading, of_fading in zip(_FADING, by_step, strict=True):
                regression = _Regression(one.about(origin), n_known, fading / self.patch)
                for penalty, errors in zip(_PENALTIES, of_fading, strict=True):
                    told = known @ regression.weights(penalty.view(1, 1), steps)
                    errors += (told - answers[..., steps]).square().sum(dim=1)
        patches = steps // self.patch
        by_patch = by_step.new_zeros(*shape[:3], int(patches[-1]) + 1)
        return by_patch.index_add(3, patches, by_step)

    def keep(self, rows: Tensor, best: Tensor) -> None:
        """Learn from windows, with the best penalties of each fading, channel and patch."""
        factor = _triangular(rows.transpose(0, 1))
        self.factor[:, : factor.shape[1], : factor.shape[2]] = factor
        # What was not looked at is as far as the last that was.
        ahead = torch.arange(self.penalty.shape[2]).clamp(max=best.shape[2] - 1)
        self.penalty.copy_(_PENALTIES[best[..., ahead]])

    def weights(self, n_known: int, window: int) -> Tensor:
        """Return what steps are made of, of shape (channels, known but the last one, others)."""
        factor = self.factor[..., :window].double()
        steps = torch.arange(window - n_known)
        penalties = self.penalty[..., steps // self.patch].double()
        regressions = [_Regression(factor, n_known, fading / self.patch) for fading in _FADING]
        weights = [r.weights(p, steps) for r, p in zip(regressions, penalties, strict=True)]
        return torch.stack(weights).mean(dim=0)


class LinearForecast(nn.Module):
    """Continues series by ridge regressions: those of a channel, and a little of those of all.

    What is kept of the training windows are sums of products, so that any step may be the last
    known one. Each half of the windows chooses penalties by what the other half says; a course that
    all windows share, such as that of heartbeats, counts where it takes away enough of the error.

    Parameters
    ----------
    samples : Tensor of shape (n, channels, length)
        Training series, NaN where a value is missing.
    patch : int
        Steps that share a penalty, and over which trust fades.
    """

    window: Tensor
    course: Tensor

    def __init__(self, samples: Tensor, patch: int):
        super().__init__()
        n_channels, length = samples.shape[1:]
        size = n_channels * length
        # As many rows are kept as there are windows, or steps if these are fewer.
        most = _MOST_LOOKED_AT if size * length <= _MOST_KEPT else _MOST_KEPT
        n_rows = max(2, min(len(samples), most // size))
        # Where a file is read, one sample stands in for all, and there is nothing to learn.
        is_read = samples.stride(0) == 0
        samples = some_rows(samples, n_rows)
        self.most_together = max(2, _MOST_KEPT // length)
        # One channel has nothing to learn from others.
        n_together = min(len(samples) * n_channels, self.most_together) if n_channels > 1 else 0
        self.register_buffer("window", torch.tensor(length))
        self.register_buffer("course", torch.zeros(n_channels, length))
        self.own = _Ridges(n_channels, len(samples), length, patch)
        self.together = _Ridges(1, n_together, length, patch)
        if not is_read:
            self._learn(samples)

    def _learn(self, samples: Tensor) -> None:
        # Longer series than most have are continued step by step.
        window = max(2, int(observed_length(samples).median()))
        self.window.fill_(window)
        rows = _gaps_filled(samples[..., :window].double())
        rows = (rows - rows.mean(dim=2, keepdim=True)) * _quieting(rows)
        scale = rows.square().mean(dim=(0, 2), keepdim=True).sqrt()[0]
        rows = rows / torch.where(scale > 0, scale, 1.0)
        halves = [_Windows.of(half) for half in rows.tensor_split(2)]
        plain, shared = (self.own.errors(halves, with_course=chosen) for chosen in (False, True))
        least, least_shared = (errors.amin(dim=1).sum(dim=(0, 2)) for errors in (plain, shared))
        has_course = (least_shared < (1 - _WORTH) * least)[:, None]
        course = torch.where(has_course, rows.mean(dim=0), 0.0)
        self.course[:, :window] = course * scale
        self.own.keep(
            rows - course, torch.where(has_course, shared.argmin(dim=1), plain.argmin(dim=1))
        )
        if len(course) > 1:
            parts = [self._as_one_channel(half) for half in (rows - course).tensor_split(2)]
            errors = self.together.errors([_Windows.of(part) for part in parts])
            self.together.keep(torch.cat(parts), errors.argmin(dim=1))

    def _as_one_channel(self, rows: Tensor) -> Tensor:
        """Return windows of one channel from all channels, not more than can be kept of a half."""
        rows = rows.transpose(0, 1).flatten(0, 1)[:, None]
        return some_rows(rows, self.most_together // 2)

    def continued(self, shown: Tensor, lengths: Tensor) -> Tensor:
        """Return windows with all steps after the first `lengths` ones, of shape (n,), filled in.

        Gaps among the known steps stay, and so do channels without any value. A channel that ends
        before the others is continued from its own last value.
        """
        window = int(self.window)
        course = self.course[:, :window].double()
        steps = torch.arange(window)
        ends = torch.where(shown.isnan(), 0, steps + 1).amax(dim=2)
        future = torch.full_like(shown, torch.nan)
        for end in ends[ends > 0].unique().tolist():
            weights = self.own.weights(end, window)
            if len(course) > 1:
                weights = weights.lerp(self.together.weights(end, window), _TOGETHER)
            for channel, of_channel in enumerate(weights):
                rows = ends[:, channel] == end
                known = _gaps_filled(shown[rows, channel, :end].double()) - course[channel, :end]
                last = known[:, -1:]
                told = (known[:, :-1] - last) @ of_channel + last + course[channel, end:]
                future[rows, channel, end:] = told.to(shown)
        return torch.where((steps >= lengths[:, None])[:, None], future, shown)


def _gaps_filled(series: Tensor) -> Tensor:
    """Return series whose missing values lie between their neighbours, or are as the next one."""
    is_gap = series.isnan()
    if not is_gap.any():
        return series
    length = series.shape[-1]
    steps = torch.arange(length).expand_as(series)
    before = steps.masked_fill(is_gap, -1).cummax(dim=-1).values
    after = steps.masked_fill(is_gap, length).flip(-1).cummin(dim=-1).values.flip(-1)
    before, after = (
        torch.where(before < 0, after, before),
        torch.where(after == length, before, after),
    )
    # A channel without any value is 0.
    values = series.nan_to_num()
    low, high = (values.gather(-1, at.clamp(0, length - 1)) for at in (before, after))
    part = (steps - before) / (after - before).clamp(min=1)
    return torch.where(is_gap, low + part * (high - low), series)


def _quieting(series: Tensor) -> Tensor:
    """Return what makes those of the series (n, channels, length) quieter that are far too loud."""
    loud = series.std(dim=2, keepdim=True, correction=0)
    most = _LOUDEST * loud.median(dim=0).values
    return torch.where((loud > most) & (most > 0), most / loud, 1.0)


def _triangular(rows: Tensor) -> Tensor:
    """Return at most as many rows as there are columns, with the same products."""
    return torch.linalg.qr(rows, mode="r").R
