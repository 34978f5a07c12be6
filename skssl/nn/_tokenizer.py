"""Samples as sequences of tokens: the pieces, and what cuts and judges them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

PositionKind = Literal["sincos", "learned"]


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

    def later(self, start: Tensor | None) -> Pieces:
        """Return the same pieces, so much later in their samples; `start` has shape (n,)."""
        if start is None:
            return self
        return replace(self, places=self.places + start[:, None, None])

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
    complete: bool = False
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

    def from_anywhere(self, batch: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return a batch of which the first piece may begin later than in the whole samples.

        Returns
        -------
        batch : Tensor
            In the scale of the input layer.
        start : Tensor of shape (n,) or None
            How many pieces later it begins; None where samples are always cut in one way.
        """
        return batch, None

    @abstractmethod
    def embed(self, pieces: Pieces) -> Tensor:
        """Return tokens of shape (n, t, width), finite also where there is no piece."""

    def as_seen(self, pieces: Pieces, hidden: Tensor) -> tuple[Pieces, Callable[[Tensor], Tensor]]:
        """Return the pieces as they are where nobody knows the hidden ones.

        Returns
        -------
        seen : Pieces
            In the scale that the visible ones have on their own, if a sample has its own scale.
        undo : callable
            Brings what a head predicted of them to the scale of `pieces`.
        """
        return pieces, lambda prediction: prediction

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


class FillingTokenizer(Tokenizer):
    """Cuts samples into pieces of which each has cells of its own, and puts them together again."""

    @abstractmethod
    def covered(self, cells: Tensor) -> Tensor:
        """Return which pieces have any of the marked cells of prepared samples."""

    @abstractmethod
    def cells(self, mask: Tensor, batch: Tensor) -> Tensor:
        """Return which cells of prepared samples the masked pieces have."""

    @abstractmethod
    def fill(self, batch: Tensor, prediction: Tensor) -> Tensor:
        """Return what the prediction of all pieces says the batch is, in its form and scale."""
