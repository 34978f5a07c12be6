"""Forecasts of series, window by window."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from skssl.views import observed_length

# Of a window without room for more, the shares that are forecast at once, at least, if so much is
# asked for, and at most.
_AT_ONCE, _MOST_AT_ONCE = 0.25, 0.75
# Correlations that count as equal, and the standard errors by which they are taken to be lower.
_ALIKE, _CAUTION = 0.02, 2.0


def forecast(
    go_on: Callable[[Tensor, Tensor], Tensor], series: Tensor, horizon: int, *, window: int
) -> Tensor:
    """Predict the next steps of series, and the next ones from these.

    A series stands where it stood in the training, at the beginning of the window. One that has no
    room there is moved by as many steps as make it look most like its own beginning, so that what
    is known of a place still holds there: by a whole number of days, if there are days.

    Parameters
    ----------
    go_on : callable
        Gets windows (n, channels, window), NaN after the known steps, and the number (n,) of these,
        and returns the windows with all others filled in. NaN is no value.
    series : Tensor of shape (n, channels, length)
        Padded with NaN after their last value.
    horizon : int
    window : int
        Steps in a training series.

    Returns
    -------
    Tensor of shape (n, channels, horizon)
    """
    known = torch.cat(
        [series, series.new_full((*series.shape[:2], horizon + window), torch.nan)], 2
    )
    ends = observed_length(series)
    done = torch.zeros_like(ends)
    steps = torch.arange(window)
    while done.min() < horizon:
        end = ends + done
        length = end - _shift(known, end, window, horizon)
        shown = _take(known, steps + (end - length)[:, None])
        shown = shown.masked_fill((steps >= length[:, None])[:, None], torch.nan)
        filled = go_on(shown, length)
        # What is beyond the window is overwritten by the next ones.
        values = _take(filled, (length[:, None] + steps).clamp(max=window - 1))
        known = known.scatter(2, (end[:, None] + steps)[:, None].expand_as(values), values)
        done = (done + window - length).clamp(max=horizon)
    return _take(known, ends[:, None] + torch.arange(horizon))


def _shift(known: Tensor, ends: Tensor, window: int, horizon: int) -> Tensor:
    """Return by how many steps each series is moved to leave room for a forecast in the window."""
    # What takes room that nothing needs is lost, such as that of a week before.
    longest = window - max(1, min(horizon, int(_AT_ONCE * window)))
    shortest = min(longest, max(1, math.ceil((1 - _MOST_AT_ONCE) * window)))
    shift = torch.zeros_like(ends)
    full = ends >= window
    if full.any():
        tried = torch.arange(longest - shortest + 1)
        lags = (ends[full] - longest)[:, None] + tried
        likeness = _likeness(known[full], ends[full], lags)
        # Of those that are as good, the shortest one, which leaves the most to predict from.
        best = likeness >= likeness.amax(dim=1, keepdim=True) - _ALIKE
        shift[full] = lags.gather(1, best.to(torch.uint8).argmax(dim=1, keepdim=True))[:, 0]
    return shift


def _likeness(series: Tensor, ends: Tensor, lags: Tensor) -> Tensor:
    """Return the correlation of each series with itself, so many steps later, of shape (n, lags).

    The mean over channels, less what it may be by chance where few steps are compared. Steps
    without a value count as the mean.
    """
    values = series[..., : int(ends.max())].double()
    values = values.masked_fill(torch.arange(values.shape[2]) >= ends[:, None, None], torch.nan)
    values = (values - values.nanmean(dim=2, keepdim=True)).nan_to_num()
    spectrum = torch.fft.rfft(values, n=2 * values.shape[2])
    lags = lags[:, None].expand(-1, values.shape[1], -1)
    products = torch.fft.irfft(spectrum.abs().square(), n=2 * values.shape[2]).gather(2, lags)
    count = ends[:, None, None] - lags
    sums, squares = (torch.nn.functional.pad(v.cumsum(2), (1, 0)) for v in (values, values**2))
    first, last = sums.gather(2, count), sums[..., -1:] - sums.gather(2, lags)
    covariance = products - first * last / count
    first = squares.gather(2, count) - first**2 / count
    last = squares[..., -1:] - squares.gather(2, lags) - last**2 / count
    spread = (first.clamp(min=0) * last.clamp(min=0)).sqrt()
    flat = spread <= 1e-9 * squares[..., -1:]
    likeness = torch.where(flat, 0.0, covariance / spread.where(~flat, 1.0)).mean(dim=1)
    # In Fisher's scale, where the standard error depends on the number of steps alone.
    error = (count[:, 0] - 3).clamp(min=1).rsqrt()
    return (likeness.clamp(-0.999, 0.999).atanh() - _CAUTION * error).tanh()


def _take(series: Tensor, index: Tensor) -> Tensor:
    """Return other steps of each series."""
    return series.gather(2, index[:, None].expand(-1, series.shape[1], -1))
