"""Tokens of series that have a mean and a standard deviation of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from skssl._precision import widened
from skssl.nn._patches import Patches
from skssl.nn._tokenizer import Pieces


class NormalizeEach(nn.Module):
    """Give every channel of every series mean 0 and standard deviation 1, gaps left out."""

    #: Below, a channel counts as constant, and becomes 0.
    smallest_std: ClassVar[float] = 1e-8

    def forward(self, series: Tensor) -> Tensor:
        mean, std = self.scale(series)
        return (series - mean) / std

    def inverse(self, values: Tensor, like: Tensor) -> Tensor:
        """Give `values` the means and standard deviations of the series `like`."""
        mean, std = self.scale(like)
        return values * std + mean

    @classmethod
    def scale(cls, series: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of every channel of every series."""
        count = (~series.isnan()).sum(dim=2, keepdim=True).clamp(min=1)
        wide = widened(series)
        center = wide.nansum(dim=2, keepdim=True) / count
        spread = (((wide - center) ** 2).nansum(dim=2, keepdim=True) / count).sqrt()
        mean, std = center.to(series.dtype), spread.to(series.dtype)
        return mean, torch.where(std > cls.smallest_std, std, torch.ones_like(std))


class SeriesPatches(Patches):
    """Patches of series that are scaled by their own mean and standard deviation.

    What is hidden has no part in that scale, as it has none when a series is filled in or
    continued; predictions are brought back to the scale of the whole series, as in RevIN.

    References
    ----------
    Kim et al., "Reversible Instance Normalization for Accurate Time-Series Forecasting against
    Distribution Shift", ICLR 2022.
    """

    def as_seen(self, pieces: Pieces, hidden: Tensor) -> tuple[Pieces, Callable[[Tensor], Tensor]]:
        values = pieces.values
        visible = values.masked_fill(hidden[..., None], torch.nan)
        by_channel = visible.unflatten(2, (-1, *self.patch)).transpose(1, 2).flatten(2)
        mean, std = (
            part.expand(-1, -1, *self.patch).flatten(1)[:, None]
            for part in NormalizeEach.scale(by_channel)
        )

        def undo(prediction: Tensor) -> Tensor:
            if self.normalized:
                return prediction
            return ((prediction * self.std + self.mean) * std + mean - self.mean) / self.std

        return replace(pieces, values=(values - mean) / std), undo
