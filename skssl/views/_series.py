"""Views of time series."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import torch
from torch import Tensor

from skssl._declare import BELOW_ONE, FRACTION, NOT_NEGATIVE, POSITIVE_INT, UP_TO_ONE, param
from skssl.views._base import PARTS, Views, quartered, random_noise, reduced, uniform

# Views of fewer steps would leave an encoder little to see.
_SHORTEST_VIEW = 32


def observed_length(series: Tensor) -> Tensor:
    """Return the number of steps of each series up to its last observed value.

    Parameters
    ----------
    series : Tensor of shape (n, channels, length)
        NaN where a value is missing, and after the end of a shorter series.

    Returns
    -------
    Tensor of shape (n,), int64
        At least 1, also for series without an observed value.
    """
    observed = (~series.isnan()).any(dim=1)
    steps = torch.arange(1, series.shape[2] + 1, device=series.device)
    return (observed * steps).amax(dim=1).clamp(min=1)


def random_window(
    series: Tensor,
    *,
    generator: torch.Generator,
    crop_scale: tuple[float, float],
    length: int | None = None,
) -> Tensor:
    """Show a random window of every series, resized to the series' own length or another one.

    Parameters
    ----------
    series : Tensor of shape (n, channels, length)
        NaN where a value is missing, and after the end of a shorter series.
    generator : torch.Generator
        Source of the random numbers, on the device of `series`.
    crop_scale : tuple of two floats
        Range of the length of the window, as a fraction of the series.
    length : int, default=None
        Steps of the result. Series that end before the others do so in proportion to it. None is
        as many as `series` has.

    Returns
    -------
    Tensor of shape (n, channels, length)
        Linearly interpolated. What is interpolated from a missing value is missing.
    """
    n, _, full_length = series.shape
    length = full_length if length is None else length
    last = (observed_length(series) - 1).to(series.dtype)
    window = uniform(*crop_scale, n, series, generator) * last
    start = uniform(0.0, 1.0, n, series, generator) * (last - window)
    last_shown = (last * (length / full_length)).floor()
    stride = window / last_shown.clamp(min=1)
    return resample(series, start=start, stride=stride, last=last_shown, length=length)


def resample(series: Tensor, *, start: Tensor, stride: Tensor, last: Tensor, length: int) -> Tensor:
    """Show what series have at evenly spaced places.

    Parameters
    ----------
    series : Tensor of shape (n, channels, steps)
        NaN where a value is missing.
    start, stride : Tensor of shape (n,)
        The first place of each series, and the distance to the next ones, in steps.
    last : Tensor of shape (n,)
        Index of the last place that is shown of each series; NaN comes after it, and a negative
        one shows nothing.
    length : int
        Number of places.

    Returns
    -------
    Tensor of shape (n, channels, length)
        Linearly interpolated. What is interpolated from a missing value is missing.
    """
    n, channels, full_length = series.shape
    steps = torch.arange(length, dtype=series.dtype, device=series.device)
    place = start[:, None] + steps * stride[:, None]
    left = place.floor().clamp(max=full_length - 1)
    weight = (place - left)[:, None, :]
    left_step = left.long()[:, None, :].expand(n, channels, length)
    right_step = (left_step + 1).clamp(max=full_length - 1)
    at_left, at_right = series.gather(2, left_step), series.gather(2, right_step)
    # Not lerp: 0 times a missing neighbour has to be 0.
    shown = torch.where(weight > 0, at_left + weight * (at_right - at_left), at_left)
    return shown.masked_fill((steps > last[:, None])[:, None, :], torch.nan)


def random_scale_and_shift(
    series: Tensor, *, generator: torch.Generator, amplitude: float, shift: float
) -> Tensor:
    """Multiply and shift every channel of every series by numbers of its own.

    Parameters
    ----------
    series : Tensor of shape (n, channels, length)
    generator : torch.Generator
        Source of the random numbers, on the device of `series`.
    amplitude : float
        The factor is drawn from ``[1 - amplitude, 1 + amplitude]``.
    shift : float
        The shift is drawn from ``[-shift, shift]``.

    Returns
    -------
    Tensor of shape (n, channels, length)
    """
    shape = (*series.shape[:2], 1)
    factor = uniform(1 - amplitude, 1 + amplitude, shape, series, generator)
    return series * factor + uniform(-shift, shift, shape, series, generator)


def random_gaps(series: Tensor, *, generator: torch.Generator, fraction: float) -> Tensor:
    """Take one random span away from every series; its steps become missing (NaN).

    Parameters
    ----------
    series : Tensor of shape (n, channels, length)
    generator : torch.Generator
        Source of the random numbers, on the device of `series`.
    fraction : float
        Largest length of the span, as a fraction of the series. It is drawn evenly from 0.

    Returns
    -------
    Tensor of shape (n, channels, length)
    """
    n = len(series)
    length = observed_length(series).to(series.dtype)[:, None]
    span = uniform(0.0, fraction, (n, 1), series, generator) * length
    start = uniform(0.0, 1.0, (n, 1), series, generator) * (length - span)
    steps = torch.arange(series.shape[2], dtype=series.dtype, device=series.device)
    inside = (steps >= start) & (steps < start + span)
    return series.masked_fill(inside[:, None, :], torch.nan)


def permute_segments(series: Tensor, *, generator: torch.Generator, n_segments: int) -> Tensor:
    """Cut every series into segments of equal length and put them in a random order.

    Parameters
    ----------
    series : Tensor of shape (n, channels, length)
    generator : torch.Generator
        Source of the random numbers, on the device of `series`.
    n_segments : int
        Number of segments; 1 leaves the series as they are. What is left over when the length is
        divided stays at the end.

    Returns
    -------
    Tensor of shape (n, channels, length)
    """
    n, channels, length = series.shape
    size = (observed_length(series) // n_segments)[:, None]
    order = uniform(0.0, 1.0, (n, n_segments), series, generator).argsort(dim=1)
    steps = torch.arange(length, device=series.device).expand(n, length)
    segment = (steps // size.clamp(min=1)).clamp(max=n_segments - 1)
    source = order.gather(1, segment) * size + steps % size.clamp(min=1)
    source = torch.where(steps < size * n_segments, source, steps)
    return series.gather(2, source[:, None, :].expand(n, channels, length))


class SeriesViews(Views):
    """Random views of time series: a window, amplitude, shift, noise, gaps, order of segments.

    Every series of a batch gets its own random numbers, every channel its own amplitude and shift.
    Series of unequal length keep their lengths.

    Parameters
    ----------
    crop_scale : tuple of two floats, default=(0.6, 1.0)
        Range of the length of the window that is shown, as a fraction of the series. The window
        is stretched to the length of the view.
    amplitude : float, default=0.3
        The factor of the values is drawn from ``[1 - amplitude, 1 + amplitude]``.
    shift : float, default=0.3
        Largest shift of the values either way, in standard deviations.
    noise : float, default=0.0
        Standard deviation of Gaussian noise, in standard deviations of the values. Smooth series
        lose to it what tells them apart.
    gap : float, default=0.2
        Largest span that is taken away, as a fraction of the series.
    n_segments : int, default=1
        Segments to put in a random order; 1 keeps the order.
    resolution : float, default=1.0
        Steps of a view, as a fraction of those of the series, at most 1, but not less than 32
        steps. Shorter views are quicker to train on. An encoder that knows a scale of time, as
        all encoders by name do, sees everything pass faster in them, unless the window is smaller
        in the same proportion.
    local_scale : tuple of two floats, default=(0.2, 0.5)
        `crop_scale` of local views, which methods with multi-crop draw beside the others.
    local_resolution : float, default=0.5
        `resolution` of local views. As long as the longest window, they are stretched no more
        than it takes to bring them to one length.

    References
    ----------
    Lee and Aune, "Computer Vision Self-supervised Learning Methods on Time Series", 2021.
    https://arxiv.org/abs/2109.00783

    Examples
    --------
    >>> import torch
    >>> from skssl.views import SeriesViews
    >>> series = torch.randn(4, 1, 100)
    >>> SeriesViews(gap=0.1)(series, generator=torch.Generator().manual_seed(0)).shape
    torch.Size([4, 1, 100])
    """

    crop_scale: tuple[float, float] = param(PARTS, default=(0.6, 1.0))
    amplitude: float = param(FRACTION, default=0.3)
    shift: float = param(NOT_NEGATIVE, default=0.3)
    noise: float = param(NOT_NEGATIVE, default=0.0)
    gap: float = param(BELOW_ONE, default=0.2)
    n_segments: int = param(POSITIVE_INT, default=1)
    resolution: float = param(UP_TO_ONE, default=1.0)
    local_scale: tuple[float, float] = param(PARTS, default=(0.2, 0.5))
    local_resolution: float = param(UP_TO_ONE, default=0.5)

    def local(self) -> Self:
        """Return views of shorter windows (`local_scale`), at the resolution of local views.

        Returns
        -------
        SeriesViews
            A changed copy of these views.
        """
        return replace(self, crop_scale=self.local_scale, resolution=self.local_resolution)

    def full_size(self) -> Self:
        """Return views, local ones too, at the resolution of the series.

        Returns
        -------
        SeriesViews
            A changed copy of these views.
        """
        return replace(self, resolution=1.0, local_resolution=1.0)

    def weak(self) -> Self:
        """Return windows without other changes.

        Returns
        -------
        SeriesViews
            A changed copy of these views.
        """
        return replace(self, amplitude=0.0, shift=0.0, noise=0.0, gap=0.0, n_segments=1)

    def mild(self) -> Self:
        """Return windows that leave out a quarter as much, as long as the series.

        Returns
        -------
        SeriesViews
            A changed copy of these views.
        """
        return replace(self.weak(), crop_scale=quartered(self.crop_scale), resolution=1.0)

    def __call__(self, batch: Tensor, *, generator: torch.Generator) -> Tensor:
        (length,) = reduced((batch.shape[2],), self.resolution, at_least=_SHORTEST_VIEW)
        views = random_window(batch, generator=generator, crop_scale=self.crop_scale, length=length)
        if self.n_segments > 1:
            views = permute_segments(views, generator=generator, n_segments=self.n_segments)
        views = random_scale_and_shift(
            views, generator=generator, amplitude=self.amplitude, shift=self.shift
        )
        if self.noise:
            views = random_noise(views, generator=generator, std=self.noise)
        if self.gap:
            views = random_gaps(views, generator=generator, fraction=self.gap)
        return views
