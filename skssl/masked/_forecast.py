"""Forecasts of series by a network that fills in hidden patches."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

# Of a window without room for more, the share that is forecast at once.
_AT_ONCE = 0.25


def forecast(
    fill: Callable[[Tensor, Tensor], Tensor],
    series: Tensor,
    horizon: int,
    *,
    window: int,
    patch: int,
) -> Tensor:
    """Predict the next steps of series, and the next ones from these.

    A series stands where it stood in the training, at the beginning of the window. Of one that has
    no room there, the last steps are kept.

    Parameters
    ----------
    fill : callable
        Gets windows (n, channels, window) and which of their cells are hidden, and returns the
        windows with these cells filled in. NaN is no value.
    series : Tensor of shape (n, channels, length)
        Padded with NaN after their last value.
    horizon : int
    window, patch : int
        Steps in a training series, and in a patch.

    Returns
    -------
    Tensor of shape (n, channels, horizon)
    """
    known = torch.cat(
        [series, series.new_full((*series.shape[:2], horizon + window), torch.nan)], 2
    )
    ends = _ends(series)
    done = torch.zeros_like(ends)
    steps = torch.arange(window)
    while done.min() < horizon:
        end = ends + done
        ahead = _first_hidden(end, window, patch)[:, None]
        source = steps - ahead + end[:, None]
        seen = (source >= 0) & (steps < ahead)
        shown = _take(known, source.clamp(0, known.shape[2] - 1))
        shown = shown.masked_fill(~seen[:, None], torch.nan)
        filled = fill(shown, (steps >= ahead)[:, None].expand_as(shown))
        # What is beyond the window is overwritten by the next ones.
        values = _take(filled, (ahead + steps).clamp(max=window - 1))
        known = known.scatter(2, (end[:, None] + steps)[:, None].expand_as(values), values)
        done = (done + window - ahead[:, 0]).clamp(max=horizon)
    return _take(known, ends[:, None] + torch.arange(horizon))


def _ends(series: Tensor) -> Tensor:
    """Return the number of steps up to the last value of each series."""
    known = (~series.isnan()).any(dim=1)
    return torch.where(known, torch.arange(1, series.shape[2] + 1), 0).amax(dim=1)


def _first_hidden(lengths: Tensor, window: int, patch: int) -> Tensor:
    """Return the step of the window where the forecast of each series begins."""
    n_patches = math.ceil(window / patch)
    at_once = max(1, int(_AT_ONCE * n_patches))
    # A patch is seen as a whole or not at all.
    return torch.where(lengths < window, lengths.clamp(min=patch), (n_patches - at_once) * patch)


def _take(series: Tensor, index: Tensor) -> Tensor:
    """Return other steps of each series."""
    return series.gather(2, index[:, None].expand(-1, series.shape[1], -1))
