"""The transformer that reads samples as sequences of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from skssl.nn._shares import in_shares
from skssl.nn._tokenizer import Pieces, PositionKind, Tokenizer, first_of, take

Pooling = Literal["mean", "max"]

_SLOWEST_WAVE = 10_000.0
# Groups of samples of like length, and samples from which on they are worth it.
_LENGTH_GROUPS, _WORTH_GROUPS = 8, 64


class Positions(nn.Module):
    """What is added to a token to tell where it is.

    Parameters
    ----------
    tokenizer : Tokenizer
    width : int
        Size of a token.
    kind : {"sincos", "learned"}
        Sines and cosines of the place, which need no training and suit any number of tokens; or
        one learned vector for each token of a training sample. For places in space, the latter is
        a learned function of the coordinates.
    """

    def __init__(self, tokenizer: Tokenizer, width: int, kind: PositionKind):
        super().__init__()
        self.width = width
        self.n_tokens = tokenizer.n_tokens
        self.function: nn.Module | None = None
        self.table: nn.Parameter | None = None
        if kind == "learned" and tokenizer.continuous:
            self.function = nn.Sequential(
                nn.Linear(tokenizer.n_axes, width), nn.GELU(), nn.Linear(width, width)
            )
        elif kind == "learned":
            self.table = nn.Parameter(0.02 * torch.randn(tokenizer.n_tokens, width))

    def forward(self, places: Tensor) -> Tensor:
        if self.function is not None:
            return self.function(places)
        if self.table is None:
            return sine_cosine(places, self.width)
        if places.shape[1] > self.n_tokens:
            raise ValueError(
                f"X has samples of {places.shape[1]} tokens, but positions were learned for "
                f"{self.n_tokens} in fit; positions='sincos' suits any number."
            )
        return self.table[: places.shape[1]]


def sine_cosine(places: Tensor, width: int) -> Tensor:
    """Return sines and cosines of every coordinate, at wavelengths from 2 pi to 20,000 pi.

    Parameters
    ----------
    places : Tensor of shape (n, t, k)
    width : int
        Size of the result; what cannot be divided among the coordinates is 0.
    """
    axes = places.shape[2]
    waves = max(1, width // (2 * axes))
    rates = _SLOWEST_WAVE ** (-torch.arange(waves, device=places.device) / waves)
    angles = (places[..., None] * rates).flatten(2)
    both = torch.cat([angles.sin(), angles.cos()], dim=2)[..., :width]
    return nn.functional.pad(both, (0, width - both.shape[2]))


class TransformerLayers(nn.Module):
    """Transformer layers with LayerNorm before attention and perceptron, and one at the end.

    Parameters
    ----------
    width, depth, n_heads : int
    """

    def __init__(self, width: int, depth: int, n_heads: int):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width,
                n_heads,
                dim_feedforward=2 * width,
                dropout=0.0,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, attended: Tensor | None = None) -> Tensor:
        """Return the tokens after all layers.

        Parameters
        ----------
        tokens : Tensor of shape (n, t, width)
        attended : Tensor of shape (n, t), bool
            Which of them are looked at; None is all. A sample without any looks at all of them.
        """
        return in_shares(self._last, tokens, attended)

    def outputs(self, tokens: Tensor, attended: Tensor | None = None) -> list[Tensor]:
        """Return what each layer returns; it means nothing for tokens that are not attended."""
        return in_shares(lambda *given: list(self._outputs(*given)), tokens, attended)

    def _last(self, tokens: Tensor, attended: Tensor | None) -> Tensor:
        *_, last = self._outputs(tokens, attended)
        return self.norm(last)

    def _outputs(self, tokens: Tensor, attended: Tensor | None) -> Iterator[Tensor]:
        hidden = None
        if attended is not None:
            # Attention over nothing is NaN.
            attended = attended | ~attended.any(dim=1, keepdim=True)
            if _are_worth_sorting(attended):
                yield from self._outputs_by_length(tokens, attended)
                return
            hidden = ~attended
        for layer in self.layers:
            tokens = layer(tokens, src_key_padding_mask=hidden)
            yield tokens

    def _outputs_by_length(self, tokens: Tensor, attended: Tensor) -> Iterator[Tensor]:
        groups = _of_like_length(attended)
        parts = [take(tokens[group.rows], group.places) for group in groups]
        for layer in self.layers:
            parts = [
                layer(part, src_key_padding_mask=group.padding)
                for part, group in zip(parts, groups, strict=True)
            ]
            whole = torch.zeros_like(tokens, dtype=parts[0].dtype)
            for group, part in zip(groups, parts, strict=True):
                whole[group.rows[:, None], group.places] = part
            yield whole


@dataclass
class _Group:
    """Samples that have about as many tokens, and where these are.

    Parameters
    ----------
    rows : Tensor of shape (n,), int64
        The samples.
    places : Tensor of shape (n, m), int64
        Their tokens, and others to fill up the rows.
    padding : Tensor of shape (n, m), bool
        Which of these are such others.
    """

    rows: Tensor
    places: Tensor
    padding: Tensor


def _are_worth_sorting(attended: Tensor) -> bool:
    """Whether it saves time to sort samples by their number of tokens."""
    # Many small launches are slower than padding on a GPU, and no graph knows the lengths.
    if attended.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    return len(attended) >= _WORTH_GROUPS and not bool(attended.all())


def _of_like_length(attended: Tensor) -> list[_Group]:
    """Sort samples into groups, so that those with few tokens are not padded to those with many.

    Parameters
    ----------
    attended : Tensor of shape (n, t), bool
        Which tokens count; of each sample, one at least.
    """
    counts = attended.sum(dim=1)
    groups = []
    for rows in counts.argsort(stable=True).tensor_split(_LENGTH_GROUPS):
        places, valid = first_of(attended[rows], int(counts[rows[-1]]))
        groups.append(_Group(rows, places, ~valid))
    return groups


class TokenEncoder(nn.Module):
    """A transformer over the tokens of a sample; the embedding is their mean or maximum.

    Pieces that are not there, such as missing cells and padding, are left out.

    Parameters
    ----------
    tokenizer : Tokenizer
        Of a modality, with tokens of the width of the encoder.
    depth : int, default=4
        Number of layers.
    n_heads : int, default=4
        Heads of attention in each; they divide the width.
    positions : {"sincos", "learned"} or None, default=None
        See :class:`Positions`. None is what suits the tokenizer.
    pooling : {"mean", "max"}, default="mean"
        How the tokens after the last layer make an embedding.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        depth: int = 4,
        n_heads: int = 4,
        positions: PositionKind | None = None,
        pooling: Pooling = "mean",
    ):
        super().__init__()
        self.width = tokenizer.width
        self.tokenizer = tokenizer
        self.position_kind: PositionKind = positions or tokenizer.positions
        self.positions = Positions(tokenizer, self.width, self.position_kind)
        self.body = TransformerLayers(self.width, depth, n_heads)
        self.pooling = pooling

    def forward(self, batch: Tensor) -> Tensor:
        pieces = self.tokenizer.split(batch)
        return self.pool(self.encode(pieces), pieces.present)

    def embed(self, pieces: Pieces) -> Tensor:
        """Return the tokens that the first layer gets."""
        return self.tokenizer.embed(pieces) + self.positions(pieces.places)

    def encode(
        self, pieces: Pieces, mask: Tensor | None = None, mask_token: Tensor | None = None
    ) -> Tensor:
        """Return all tokens after the last layer, those under `mask` replaced before the first."""
        return self.body(*self._first(pieces, mask, mask_token))

    def layer_outputs(self, pieces: Pieces) -> list[Tensor]:
        """Return what each layer returns, of shape (n, t, width)."""
        return self.body.outputs(*self._first(pieces))

    def _first(
        self, pieces: Pieces, mask: Tensor | None = None, mask_token: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return the tokens that the first layer gets, and which of them are looked at."""
        tokens, attended = self.tokenizer.embed(pieces), pieces.present
        if mask is not None and mask_token is not None:
            tokens = torch.where(mask[..., None], mask_token.to(tokens.dtype), tokens)
            attended = attended | mask
        tokens = tokens + self.positions(pieces.places)
        return tokens, None if self.tokenizer.complete else attended

    def encode_some(self, pieces: Pieces, index: Tensor, valid: Tensor) -> Tensor:
        """Return the tokens at `index` after the last layer, as if the others did not exist.

        Parameters
        ----------
        pieces : Pieces
        index : Tensor of shape (n, m), int64
        valid : Tensor of shape (n, m), bool
            Which of them are looked at.
        """
        return self.body(take(self.embed(pieces), index), valid)

    def pool(self, tokens: Tensor, present: Tensor) -> Tensor:
        """Return one embedding per sample: zeros if none of its tokens is present."""
        kept = present[..., None]
        if self.pooling == "max":
            largest = tokens.masked_fill(~kept, -torch.inf).amax(dim=1)
            return torch.where(present.any(dim=1, keepdim=True), largest, 0.0)
        total = torch.where(kept, tokens, 0.0).sum(dim=1)
        return total / kept.sum(dim=1).clamp(min=1)
