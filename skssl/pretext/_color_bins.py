"""Colours as classes: bins of the two colour axes of CIE Lab."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl.pretext._lab import colors_of, rgb_to_lab

# The paper's constants: size of a bin in a and b, standard deviation that the shares of the bins
# are smoothed with, share of the even distribution in the weights, temperature of the mean.
_SIZE, _SMOOTHING, _EVEN, _TEMPERATURE = 10, 5, 0.5, 0.38
# Bins from the middle to the end of what sRGB has.
_REACH = 11


class ColorBins(nn.Module):
    """The bins that sRGB has colours in, and how much each counts.

    A weight is one over the mean of the smoothed share of a bin in the pixels and of an even
    share; over all pixels, the weights have the mean 1.

    Parameters
    ----------
    images : Tensor of shape (n, 3, height, width)
        Images whose pixels say how often colours are, in sRGB from 0 to 1.

    Attributes
    ----------
    centers : Tensor of shape (n_bins, 2)
    weights : Tensor of shape (n_bins,)
    """

    centers: Tensor
    weights: Tensor
    nearest: Tensor

    def __init__(self, images: Tensor):
        super().__init__()
        axis = torch.linspace(0, 1, 33)
        every = rgb_to_lab(torch.cartesian_prod(axis, axis, axis))[:, 1:]
        centers = (every / _SIZE).round().unique(dim=0) * _SIZE
        ticks = torch.arange(-_REACH, _REACH + 1.0) * _SIZE
        nearest = torch.cdist(torch.cartesian_prod(ticks, ticks), centers).argmin(dim=1)
        self.register_buffer("centers", centers)
        self.register_buffer("nearest", nearest)
        shares = torch.bincount(self(rgb_to_lab(images)).flatten(), minlength=len(centers))
        smooth = torch.exp(-0.5 * (torch.cdist(centers, centers) / _SMOOTHING) ** 2)
        smoothed = (shares / shares.sum()) @ (smooth / smooth.sum(dim=1, keepdim=True))
        weights = 1 / ((1 - _EVEN) * smoothed + _EVEN / len(centers))
        self.register_buffer("weights", weights / (weights * smoothed).sum())

    def __len__(self) -> int:
        return len(self.centers)

    def forward(self, lab: Tensor) -> Tensor:
        """Return the bin of every pixel, of shape (n, ...), for Lab of shape (n, 3, ...)."""
        a, b = (lab[:, 1:] / _SIZE).round().long().clamp(-_REACH, _REACH).unbind(dim=1)
        return self.nearest[(a + _REACH) * (2 * _REACH + 1) + b + _REACH]

    def loss(self, logits: Tensor, lab: Tensor) -> Tensor:
        """Return the weighted cross-entropy of scores of shape (n, n_bins, height, width)."""
        return F.cross_entropy(logits, self(lab), weight=self.weights)

    def shares(self, logits: Tensor) -> Tensor:
        """Return the annealed distribution, of shape (n, n_bins, height, width)."""
        return (logits.float() / _TEMPERATURE).softmax(dim=1)

    def color(self, shares: Tensor) -> Tensor:
        """Return the annealed mean, between mean and mode, of shape (n, 2, height, width)."""
        with torch.autocast(shares.device.type, enabled=False):
            return torch.einsum("nqhw,qc->nchw", shares, self.centers)


# Ranges of each axis, steps within each, and pixels to find them from.
_RANGES, _FINER, _PIXELS = 16, 16, 2**20


class ColorRanges(nn.Module):
    """Ranges of each of the two colour axes that have equally many pixels in them.

    Scores for the ranges of an axis are a distribution, and its median is the answer with the
    smallest absolute error.

    Parameters
    ----------
    images : Tensor of shape (n, 3, height, width)
        Images whose pixels say how often colours are, in sRGB from 0 to 1.

    Attributes
    ----------
    quantiles : Tensor of shape (2, 16 * n_ranges + 1)
        Of the colours of `images`; within a range, too, colours are not equally frequent.
    edges : Tensor of shape (2, n_ranges + 1)
        Where the ranges begin and end: every sixteenth of them.
    """

    quantiles: Tensor
    edges: Tensor

    def __init__(self, images: Tensor):
        super().__init__()
        colors = colors_of(rgb_to_lab(images)).transpose(0, 1).flatten(1)
        some = colors[:, :: math.ceil(colors.shape[1] / _PIXELS)]
        shares = torch.linspace(0, 1, _FINER * _RANGES + 1, dtype=torch.float64)
        quantiles = some.double().quantile(shares, dim=1).T.float()
        self.register_buffer("quantiles", quantiles.contiguous())
        self.register_buffer("edges", quantiles[:, ::_FINER].contiguous())

    def __len__(self) -> int:
        return 2 * _RANGES

    def forward(self, lab: Tensor) -> Tensor:
        """Return the ranges of every pixel, of shape (n, 2, ...), for Lab of shape (n, 3, ...)."""
        ranges = []
        for edges, color in zip(self.edges[:, 1:-1], colors_of(lab).unbind(dim=1), strict=True):
            # A colour so frequent that several ranges have nothing else, such as the grey of a
            # background, belongs to the one in the middle, where its neighbours do not blur it.
            first, last = (
                torch.bucketize(color.contiguous(), edges.contiguous(), right=right)
                for right in (False, True)
            )
            ranges.append((first + last) // 2)
        return torch.stack(ranges, dim=1)

    def loss(self, logits: Tensor, lab: Tensor) -> Tensor:
        """Return the cross-entropy of scores of shape (n, 2 * n_ranges, height, width)."""
        ranges = self(lab).movedim(1, -1)
        return F.cross_entropy(_by_axis(logits).flatten(0, -2), ranges.flatten())

    def shares(self, logits: Tensor) -> Tensor:
        """Return the distributions of the axes, of shape (n, 2, n_ranges, height, width)."""
        return _by_axis(logits).softmax(dim=-1).movedim((-2, -1), (1, 2))

    def color(self, shares: Tensor) -> Tensor:
        """Return the medians of distributions, of shape (n, 2, height, width)."""
        upto = shares.cumsum(dim=2)
        at = (upto < 0.5).sum(dim=2, keepdim=True).clamp(max=_RANGES - 1)
        share = shares.gather(2, at)
        within = ((0.5 - upto.gather(2, at) + share) / share).clamp(0, 1)
        finely = _FINER * (at + within)[:, :, 0]
        low = finely.long().clamp(max=_FINER * _RANGES - 1)
        medians = []
        for axis, quantiles in enumerate(self.quantiles):
            first, second = quantiles[low[:, axis]], quantiles[low[:, axis] + 1]
            medians.append(torch.lerp(first, second, finely[:, axis] - low[:, axis]))
        return torch.stack(medians, dim=1)


def _by_axis(logits: Tensor) -> Tensor:
    """Return scores of shape (n, height, width, 2, n_ranges), the last side by side in memory."""
    return logits.movedim(1, -1).unflatten(-1, (2, _RANGES))
