"""Samples as sequences of tokens, and the transformer that reads them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

PositionKind = Literal["sincos", "learned"]
Pooling = Literal["mean", "max"]

_SLOWEST_WAVE = 10_000.0
# Groups of samples of like length, and samples from which on they are worth it.
_LENGTH_GROUPS, _WORTH_GROUPS = 8, 64


@dataclass
class Pieces:
    """A batch of samples, cut into pieces of which each becomes a token.

    Parameters
    ----------
    values : Tensor of shape (n, t, d)
        What each piece holds.
    present : Tensor of shape (n, t), bool
        Which pieces exist; only these can be masked and predicted.
    places : Tensor of shape (1 or n, t, k)
        Where each piece is in its sample.
    steps : tuple of int
        Number of pieces along each axis, where they make up a grid.
    """

    values: Tensor
    present: Tensor
    places: Tensor
    steps: tuple[int, ...] = ()

    def at(self, index: Tensor) -> Pieces:
        """Return the pieces at `index`, of shape (n, m), of each sample."""
        return Pieces(
            take(self.values, index),
            self.present.gather(1, index),
            take(self.places.expand(len(index), -1, -1), index),
        )


def take(tokens: Tensor, index: Tensor) -> Tensor:
    """Return the tokens at `index`, of shape (n, m), of each sample in (n, t, d)."""
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[2]))


def first_of(chosen: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return where the first `count` chosen tokens of each sample are, in their order.

    Parameters
    ----------
    chosen : Tensor of shape (n, t), bool
    count : int

    Returns
    -------
    index : Tensor of shape (n, count), int64
        Tokens that were not chosen fill up the rows of samples with fewer.
    valid : Tensor of shape (n, count), bool
        Which of them were chosen.
    """
    index = torch.argsort((~chosen).to(torch.uint8), dim=1, stable=True)[:, :count]
    return index, chosen.gather(1, index)


class Tokenizer(nn.Module):
    """Cuts samples of one modality into pieces, embeds these, and says how well they are predicted.

    Parameters
    ----------
    n_tokens : int
        Largest number of pieces of a training sample.
    width : int
        Size of a token.
    """

    #: Whether all pieces of all samples exist.
    complete: ClassVar[bool] = False
    #: Whether neighbours have neighbouring places; the places of others are but names.
    ordered: ClassVar[bool] = True
    #: Default of the encoder's parameter.
    positions: ClassVar[PositionKind] = "sincos"
    #: Whether places are points in space instead of steps on a grid.
    continuous: ClassVar[bool] = False
    #: The share of the pieces, or the range of it, that is masked by default.
    mask_ratio: float | tuple[float, float]
    #: Shapes of masks that have a meaning, the default one first.
    mask_shapes: tuple[str, ...] = ("random",)
    #: Number of coordinates of a place.
    n_axes: int = 1

    def __init__(self, n_tokens: int, width: int):
        super().__init__()
        self.n_tokens = n_tokens
        self.width = width

    @abstractmethod
    def split(self, batch: Tensor) -> Pieces:
        """Cut samples in the scale of the input layer into pieces."""

    @abstractmethod
    def embed(self, pieces: Pieces) -> Tensor:
        """Return tokens of shape (n, t, width), finite also where there is no piece."""

    @abstractmethod
    def make_head(self, width: int) -> nn.Module:
        """Return a module that predicts from tokens (n, t, width) and pieces what these hold."""

    @abstractmethod
    def errors(self, prediction: Tensor, pieces: Pieces, *, absolute: bool = False) -> Tensor:
        """Return how wrong the prediction of each piece is, of shape (n, t).

        The mean over pieces is 1.0 for what is best without looking at a sample: the mean for
        numbers, the frequencies for categories.

        Parameters
        ----------
        prediction : Tensor of shape (n, t, d)
            What a head returned.
        pieces : Pieces
        absolute : bool
            Whether the error of numbers is the absolute one instead of the squared one.
        """

    def normalize_pieces(self) -> None:
        """From now on predict each piece relative to its own mean and standard deviation."""
        raise ValueError(
            "normalize_patches=True has no meaning here: it is for patches of numbers, of images, "
            "video and series."
        )

    def covered(self, cells: Tensor) -> Tensor:
        """Return which pieces have any of the marked cells of prepared samples."""
        raise NotImplementedError

    def cells(self, mask: Tensor, batch: Tensor) -> Tensor:
        """Return which cells of prepared samples the masked pieces have."""
        raise NotImplementedError

    def fill(self, batch: Tensor, prediction: Tensor) -> Tensor:
        """Return what the prediction of all pieces says the batch is, in its form and scale."""
        raise NotImplementedError


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
        *_, last = self.outputs(tokens, attended)
        return self.norm(last)

    def outputs(self, tokens: Tensor, attended: Tensor | None = None) -> Iterator[Tensor]:
        """Go through what each layer returns; 0 for tokens behind the last that is looked at."""
        if attended is None:
            for layer in self.layers:
                tokens = layer(tokens)
                yield tokens
            return
        # Attention over nothing is NaN.
        attended = attended | ~attended.any(dim=1, keepdim=True)
        groups = _of_like_length(attended)
        parts = [tokens[rows, :length] for rows, length in groups]
        hidden = [~attended[rows, :length] for rows, length in groups]
        for layer in self.layers:
            parts = [
                layer(part, src_key_padding_mask=mask)
                for part, mask in zip(parts, hidden, strict=True)
            ]
            whole = torch.zeros_like(tokens, dtype=parts[0].dtype)
            for (rows, length), part in zip(groups, parts, strict=True):
                whole[rows, :length] = part
            yield whole


def _of_like_length(attended: Tensor) -> list[tuple[Tensor, int]]:
    """Sort samples into groups by their length, so that short ones are not padded to the longest.

    Parameters
    ----------
    attended : Tensor of shape (n, t), bool

    Returns
    -------
    list of tuples
        Indices of the samples of a group, and up to which token it has to be looked at.
    """
    places = torch.arange(1, attended.shape[1] + 1, device=attended.device)
    lengths = (attended * places).amax(dim=1)
    # Many small launches are slower than padding on a GPU.
    is_worth_it = attended.device.type == "cpu" and len(attended) >= _WORTH_GROUPS
    n_groups = _LENGTH_GROUPS if is_worth_it else 1
    by_length = lengths.argsort(stable=True).tensor_split(n_groups)
    return [(rows, int(lengths[rows[-1]])) for rows in by_length]


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
        *_, last = self.layer_outputs(pieces, mask, mask_token)
        return self.body.norm(last)

    def layer_outputs(
        self, pieces: Pieces, mask: Tensor | None = None, mask_token: Tensor | None = None
    ) -> Iterator[Tensor]:
        """Go through what each layer returns, of shape (n, t, width)."""
        tokens, attended = self.tokenizer.embed(pieces), pieces.present
        if mask is not None and mask_token is not None:
            tokens = torch.where(mask[..., None], mask_token.to(tokens.dtype), tokens)
            attended = attended | mask
        tokens = tokens + self.positions(pieces.places)
        return self.body.outputs(tokens, None if self.tokenizer.complete else attended)

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
