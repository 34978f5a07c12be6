"""From prepared samples to the embedding that users get."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from skssl.nn._encoders import SideBySide

# With its usual penalty, LogisticRegression() learns more from few labels with blocks of this
# spread than with hundreds of columns of unit variance.
_SPREAD = 4.0
# What hardly spreads is multiplied by no more than this. It may be far from 0 by many times its
# spread, and the solver of LogisticRegression() would not get there; what float32 rounds, which
# depends on the other samples of a batch, would show.
_MOST = 8.0
# Of what is centred, rounding alone sets a limit, as a part of the size of rows.
_HARDLY = 0.01


class _OneLength(nn.Module):
    """Centre rows by the mean of known ones, and bring them to one length.

    So a head sees directions alone: how an image differs from the others, not how much. Rows that
    are near the mean stay shorter than others, since there is little but rounding to be seen.
    """

    centre: Tensor
    length: Tensor
    shortest: Tensor

    def __init__(self):
        super().__init__()
        # Before rows are known, whatever is longer than 1 is brought to this length.
        self.register_buffer("centre", torch.zeros(1))
        self.register_buffer("length", torch.ones(1))
        self.register_buffer("shortest", torch.ones(1))

    def learn(self, rows: Tensor) -> None:
        """Learn the mean and the length with which rows spread as widely as they do now."""
        rows = rows.double()
        spread = _spread(rows)
        self.centre = rows.mean(dim=0).float()
        # Of rows that are all the same, there is nothing to learn.
        self.shortest = torch.tensor([spread / _MOST or 1.0])
        self.length = torch.ones(1)
        directions = self(rows)
        self.length = torch.tensor([spread / (_spread(directions) or 1.0)])

    def forward(self, rows: Tensor) -> Tensor:
        centred = rows - self.centre
        norms = torch.linalg.vector_norm(centred, dim=1, keepdim=True)
        return centred * (self.length / norms.clamp(min=self.shortest))


class Embedding(nn.Module):
    """The encoder of views, applied to whole samples, and what describes them untrained before it.

    Its blocks - the description, and the encoder or each of encoders side by side - are multiplied
    with a number each, so that all spread as widely. Angles and the order of distances within a
    block are those of its network, unless rows are brought to one length.

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
    one_length : bool, default=False
        Whether the description and what is learned are each centred, and their rows brought to one
        length.
    """

    scales: Tensor
    # Also that of embeddings in older files.
    one_length: bool = False

    def __init__(
        self,
        prepare: nn.Module,
        encoder: nn.Module,
        description: nn.Module | None = None,
        *,
        share: float = 1.0,
        one_length: bool = False,
    ):
        super().__init__()
        self.prepare = prepare
        self.encoder = encoder
        self.description = description
        self.share = share
        # Of every column, once they are known.
        self.register_buffer("scales", torch.ones(1))
        self.one_length = one_length
        if one_length:
            n_parts = 1 if description is None else 2
            self.lengths = nn.ModuleList(_OneLength() for _ in range(n_parts))

    def learned(self) -> Embedding:
        """Return the encoder alone, on the scale that it has itself."""
        return Embedding(self.prepare, self.encoder).eval()

    def with_encoder(self, encoder: nn.Module) -> Embedding:
        """Return another encoder of the same form in the place of this one, on the same scale."""
        other = Embedding(
            self.prepare, encoder, self.description, share=self.share, one_length=self.one_length
        ).eval()
        other.set_scale(self.scale())
        return other

    def scale(self) -> dict[str, Tensor]:
        """Return what :meth:`spread_evenly` has found, by name."""
        return {
            name: buffer
            for name, buffer in self.named_buffers()
            if name.startswith(("scales", "lengths."))
        }

    def set_scale(self, scale: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`scale` has returned."""
        for name, buffer in scale.items():
            path, _, last = name.rpartition(".")
            setattr(self.get_submodule(path), last, buffer)

    def columns(self, samples: Tensor) -> Tensor:
        """Return what is made of samples, on its own scale."""
        return torch.cat(self._parts(samples), dim=1)

    def _parts(self, samples: Tensor) -> list[Tensor]:
        learned = self.encoder(self.prepare(samples))
        return [learned] if self.description is None else [self.description(samples), learned]

    def _split(self, columns: Tensor, n_described: int) -> list[Tensor]:
        """Return columns in the parts that they came in."""
        if self.description is None:
            return [columns]
        return [columns[:, :n_described], columns[:, n_described:]]

    def forward(self, samples: Tensor) -> Tensor:
        parts = self._parts(samples)
        columns = torch.cat(parts, dim=1) * self.scales
        if not self.one_length:
            return columns
        parts = self._split(columns, parts[0].shape[1])
        return torch.cat([to(part) for to, part in zip(self.lengths, parts, strict=True)], dim=1)

    def embed_view(self, view: Tensor) -> Tensor:
        """Return the learned part of the embedding of what views show, with its own angles."""
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
        """Set the scale by what :meth:`columns` returns of samples that stand for all.

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
        blocks = columns.double().split(sizes, dim=1)
        spreads = [_spread(block) for block in blocks]
        learned = spreads if self.description is None else spreads[1:]
        most = [_MOST] * len(learned)
        if self.one_length:
            most = [_SPREAD / (_HARDLY * _size(block) or 1.0) for block in blocks[-len(learned) :]]
        targets = [min(_SPREAD, m * spread) for m, spread in zip(most, learned, strict=True)]
        if self.description is not None:
            targets.insert(0, self.share * (max(targets) or _SPREAD))
        # Of samples that are all the same, there is nothing to set.
        scales = [t / s if 0 < s < math.inf else 1.0 for t, s in zip(targets, spreads, strict=True)]
        self.scales = torch.tensor(scales).repeat_interleave(torch.tensor(sizes))
        if self.one_length:
            parts = self._split(columns * self.scales, sizes[0])
            for length, part in zip(self.lengths, parts, strict=True):
                cast(_OneLength, length).learn(part)
        return spreads


def _spread(columns: Tensor) -> float:
    """Return the root of the sum of the variances of columns."""
    return float(columns.var(dim=0, correction=0).sum().sqrt())


def _size(columns: Tensor) -> float:
    """Return the root of the mean squared length of rows."""
    return float(columns.square().sum(dim=1).mean().sqrt())
