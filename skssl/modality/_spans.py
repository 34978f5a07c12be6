"""Sequences cut into spans: segments of series, neighbouring tokens of texts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from skssl.modality._cutters import PieceCutter, margin
from skssl.views import observed_length, resample


class SpanCutter(PieceCutter):
    """Cuts each sequence, from its start to its own end, into spans of equal length.

    The last steps belong to no span if they cannot be divided. A sequence with fewer steps than
    spans has empty ones.

    Parameters
    ----------
    n_pieces : int
    """

    #: Steps that a span must have, and what they are called.
    shortest: int
    unit: str

    def __init__(self, n_pieces: int):
        self.n_pieces = n_pieces

    @abstractmethod
    def lengths(self, samples: Tensor) -> Tensor:
        """Return the number of steps of each sample, of shape (n,)."""

    def check(self, samples: Tensor, cause: str) -> None:
        longest = int(self.lengths(samples).max())
        if longest // self.n_pieces < self.shortest:
            raise ValueError(
                f"{cause} needs samples that can be cut into {self.n_pieces} pieces of at least "
                f"{self.shortest} {self.unit}, but the longest of them has {longest} {self.unit}."
            )

    def rearrange(self, samples: Tensor, order: Tensor) -> Tensor:
        length = samples.shape[-1]
        steps = torch.arange(length, device=samples.device)
        size = (self.lengths(samples) // self.n_pieces)[:, None]
        span = size.clamp(min=1)
        place = (steps // span).clamp(max=self.n_pieces - 1)
        source = order.gather(1, place) * size + steps % span
        index = torch.where(steps < size * self.n_pieces, source, steps)
        return samples.take_along_dim(index.view(len(index), *[1] * (samples.ndim - 2), -1), -1)

    def windows(self, samples: Tensor, gap: float | str) -> tuple[Tensor, Tensor]:
        """Return start and length of what is shown of every span, each of shape (n, n_pieces)."""
        size = self.lengths(samples) // self.n_pieces
        # Lengths are few, so that their margins can be looked up.
        margins = [margin(side, gap) for side in range(samples.shape[-1] // self.n_pieces + 1)]
        left_out = torch.tensor(margins, device=samples.device)[size][:, None]
        place = torch.rand(len(size), self.n_pieces, device=samples.device)
        jitter = (place * (left_out + 1)).long().clamp(max=left_out)
        starts = torch.arange(self.n_pieces, device=samples.device) * size[:, None]
        return starts + jitter, (size[:, None] - left_out).expand_as(starts)


class SegmentCutter(SpanCutter):
    """Cuts series of shape (n, channels, length) along time.

    Parameters
    ----------
    n_pieces : int
    give_scale : callable
        Gives series, its first argument, the means and standard deviations of the second.
    """

    shortest = 2
    unit = "steps"

    def __init__(self, n_pieces: int, give_scale: Callable[[Tensor, Tensor], Tensor]):
        super().__init__(n_pieces)
        self.give_scale = give_scale

    def lengths(self, samples: Tensor) -> Tensor:
        return observed_length(samples)

    def show(
        self, batch: Tensor, *, gap: float | str, normalize: bool, full_size: bool
    ) -> list[Tensor]:
        starts, shown = self.windows(batch, gap)
        # Series that end before the others do so at full size, too.
        ends = self.lengths(batch)[:, None].expand_as(shown) if full_size else shown
        length = batch.shape[2] if full_size else max(1, batch.shape[2] // self.n_pieces)
        pieces = []
        for start, n_steps, end in zip(starts.T, shown.T, ends.T, strict=True):
            last = torch.where(n_steps > 0, end - 1, -1)
            stride = (n_steps - 1).clamp(min=0).to(batch.dtype) / last.clamp(min=1)
            piece = resample(batch, start=start, stride=stride, last=last, length=length)
            pieces.append(self.give_scale(piece, batch) if normalize else piece)
        return pieces


class TokenCutter(SpanCutter):
    """Cuts texts as token ids of shape (n, length), with 0 where there is no token."""

    shortest = 1
    unit = "known tokens"

    def lengths(self, samples: Tensor) -> Tensor:
        # Prepared texts may have their terms behind their tokens.
        tokens = samples[:, 0] if samples.ndim == 3 else samples
        return (tokens != 0).sum(dim=1)

    def show(
        self, batch: Tensor, *, gap: float | str, normalize: bool, full_size: bool
    ) -> list[Tensor]:
        starts, shown = self.windows(batch, gap)
        length = batch.shape[1] if full_size else max(1, batch.shape[1] // self.n_pieces)
        steps = torch.arange(length, device=batch.device)
        last = batch.shape[1] - 1
        return [
            batch.gather(1, (start + steps).clamp(max=last)).masked_fill(steps >= n_tokens, 0)
            for start, n_tokens in zip(starts.T[..., None], shown.T[..., None], strict=True)
        ]
