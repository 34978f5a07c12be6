"""From prepared samples to the embedding that users get."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from skssl.nn._encoders import SideBySide

# With its usual penalty, LogisticRegression() learns more from few labels with blocks of this
# spread than with hundreds of columns of unit variance.
_SPREAD = 4.0
# What hardly spreads is multiplied by no more than this: what float32 rounds, which depends on the
# other samples of a batch, would show.
_MOST = 8.0


class Embedding(nn.Module):
    """The encoder of views, applied to whole samples, and what describes them untrained before it.

    Its blocks - the description, and the encoder or each of encoders side by side - are multiplied
    with a number each, so that all spread as widely. Angles and the order of distances within a
    block are those of its network.

    Parameters
    ----------
    prepare : nn.Module
        From prepared samples to what views change.
    encoder : nn.Module
        From these to embeddings.
    description : nn.Module, default=None
        From prepared samples to columns that come before the learned ones; nothing is trained.
    share : float, default=1.0
        How widely these spread, as a part of how widely a learned block does.
    """

    scales: Tensor

    def __init__(
        self,
        prepare: nn.Module,
        encoder: nn.Module,
        description: nn.Module | None = None,
        *,
        share: float = 1.0,
    ):
        super().__init__()
        self.prepare = prepare
        self.encoder = encoder
        self.description = description
        self.share = share
        # Of every column, once they are known.
        self.register_buffer("scales", torch.ones(1))

    def learned(self) -> Embedding:
        """Return the encoder alone, on the scale that it has itself."""
        return Embedding(self.prepare, self.encoder).eval()

    def with_encoder(self, encoder: nn.Module) -> Embedding:
        """Return another encoder of the same form in the place of this one, on the same scale."""
        other = Embedding(self.prepare, encoder, self.description, share=self.share).eval()
        other.scales = self.scales
        return other

    def columns(self, samples: Tensor) -> Tensor:
        """Return what is made of samples, on its own scale."""
        learned = self.encoder(self.prepare(samples))
        if self.description is None:
            return learned
        return torch.cat([self.description(samples), learned], dim=1)

    def forward(self, samples: Tensor) -> Tensor:
        return self.columns(samples) * self.scales

    def embed_view(self, view: Tensor) -> Tensor:
        """Return the learned part of the embedding of what views show."""
        learned = self.encoder(view)
        return learned * self.scales[-learned.shape[1] :]

    def sizes(self, samples: Tensor) -> list[int]:
        """Return how many columns each block has."""
        shown = self.prepare(samples)
        encoder = self.encoder
        blocks = encoder.blocks() if isinstance(encoder, SideBySide) else [encoder]
        sizes = [block(shown).shape[1] for block in blocks]
        if self.description is not None:
            sizes.insert(0, self.description(samples).shape[1])
        return sizes

    def spread_evenly(self, columns: Tensor, sizes: list[int]) -> list[float]:
        """Set the scales by what :meth:`columns` returns of samples that stand for all.

        Parameters
        ----------
        columns : Tensor of shape (n, d)
        sizes : list of int
            What :meth:`sizes` returns.

        Returns
        -------
        list of float
            How widely each block spreads on its own scale: the root of the sum of the variances of
            its columns.
        """
        spreads = [
            float(block.double().var(dim=0, correction=0).sum().sqrt())
            for block in columns.split(sizes, dim=1)
        ]
        learned = spreads if self.description is None else spreads[1:]
        targets = [min(_SPREAD, _MOST * spread) for spread in learned]
        if self.description is not None:
            targets.insert(0, self.share * (max(targets) or _SPREAD))
        # Of samples that are all the same, there is nothing to set.
        scales = [t / s if 0 < s < math.inf else 1.0 for t, s in zip(targets, spreads, strict=True)]
        self.scales = torch.tensor(scales).repeat_interleave(torch.tensor(sizes))
        return spreads
