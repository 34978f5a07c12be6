"""What a modality can do beyond the minimum: a small class for each, which it inherits.

A method names those that it needs, and works with every modality that has them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from skssl._types import Samples
from skssl.modality._base import Modality
from skssl.modality._cutters import Cutter, PieceCutter
from skssl.nn import FillingTokenizer, Tokenizer
from skssl.views import Views


class Restorable(Modality):
    """Prepared samples can be given back in the form of `X`."""

    @abstractmethod
    def restore(self, samples: Tensor, X: Samples) -> Samples:
        """Return prepared samples in the form and layout of `X`, which they are made from.

        Parameters
        ----------
        samples : Tensor
            Prepared samples, perhaps changed.
        X : array-like
            The samples that they were made from.

        Returns
        -------
        array-like
            In the units of `X`, with its container and dtype where they can hold the values.
        """

    def unscale(self, values: Tensor, like: Tensor) -> Tensor:
        """Turn what a network says in the scale of ``input_layer`` into prepared samples.

        Parameters
        ----------
        values : Tensor
            As ``input_layer`` would return them; their sizes may differ from those of `like`.
        like : Tensor
            The prepared samples that the values go with, where each has a scale of its own.

        Returns
        -------
        Tensor
            In the dtype and range of prepared samples.
        """
        return values


class Turnable(Modality):
    """Samples can be turned, and still are samples of that kind."""

    @abstractmethod
    def turns(self) -> list[Callable[[Tensor], Tensor]]:
        """Return the rotations that leave the grid of a sample as it is, the first being none.

        Each is a function of a batch in the scale of ``input_layer``.

        Returns
        -------
        list of callable
            Each gets a batch and returns one of the same shape.
        """


class Cuttable(Restorable):
    """Samples can be cut into pieces of one size, as for a puzzle, and put together again."""

    # Whether the default views suit puzzles: parts stay where they are in relation to each other.
    views_keep_order: ClassVar[bool] = False

    @abstractmethod
    def cutter(self, grid: int | None = None) -> Cutter:
        """Return what cuts fitted samples into pieces.

        Parameters
        ----------
        grid : int, default=None
            Number of pieces along an axis. None is a grid that suits the modality.

        Returns
        -------
        Cutter
            With the number of pieces as ``n_pieces``.
        """


class Surrounded(Modality):
    """The middle of a sample has pieces around it."""

    @abstractmethod
    def surroundings(self) -> PieceCutter:
        """Return what cuts fitted samples into the piece in the middle and those around it.

        Returns
        -------
        PieceCutter
            The piece with the index ``n_pieces // 2`` is the one in the middle.
        """


class Timed(Cuttable):
    """Samples go on in time, which is the axis of index 2 of a batch."""

    @abstractmethod
    def time_steps(self, samples: Tensor) -> Tensor:
        """Return how many steps each sample has.

        Parameters
        ----------
        samples : Tensor
            Prepared samples, or a batch in the scale of ``input_layer``.

        Returns
        -------
        Tensor of shape (n,), int64
            Without the padding of shorter samples.
        """

    @abstractmethod
    def clip_cutter(self, n_clips: int) -> PieceCutter:
        """Return what cuts fitted samples into pieces that follow one another in time.

        Parameters
        ----------
        n_clips : int
            Number of pieces.

        Returns
        -------
        PieceCutter
            For pieces of one length.
        """


class Filmed(Timed):
    """Samples are clips, which may be shorter or longer than those that were seen in ``fit``."""

    @abstractmethod
    def prepare_frames(self, X: Any) -> Tensor:
        """Prepare checked clips that may have other numbers of frames than those seen in ``fit``.

        Parameters
        ----------
        X : object
            Clips of one length, as ``check`` returns them.

        Returns
        -------
        Tensor of shape (n, channels, frames, height, width)
        """


class Paintable(Restorable):
    """Samples are made of pixels, which can be painted over or coloured."""

    @abstractmethod
    def pixel_mask(self, mask: ArrayLike, n_samples: int) -> Tensor:
        """Return a user's mask of the pixels of some samples, or of the same pixels of all.

        Parameters
        ----------
        mask : array-like of bool
            Of shape (height, width), or (n_samples, height, width).
        n_samples : int
            How many samples there are.

        Returns
        -------
        Tensor of shape (n_samples, 1, height, width), bool

        Raises
        ------
        ValueError
            If the mask has no bools, or another shape.
        """

    @abstractmethod
    def prepare_grey(self, X: Any) -> Tensor:
        """Prepare checked samples that may have one channel where those seen in ``fit`` have more.

        All channels of such a sample are the same.

        Parameters
        ----------
        X : object
            Samples, as ``check`` returns them.

        Returns
        -------
        Tensor of shape (n_samples, channels, ...)
            Prepared samples.
        """


class Tokenizable(Modality):
    """Samples can be cut into tokens, for transformers and masked modelling."""

    @abstractmethod
    def tokenizer(self, samples: Tensor, *, patch_size: int | str, width: int) -> Tokenizer:
        """Return what cuts samples into pieces and embeds these.

        Parameters
        ----------
        samples : Tensor
            Prepared training samples.
        patch_size : int or "auto"
            Size of a piece, where that can be chosen.
        width : int
            Size of a token.

        Returns
        -------
        Tokenizer
            A module with what it needs to embed pieces, still untrained.
        """


class Worded(Modality):
    """Samples are made of known words, or other tokens: rows of their numbers, 0 for none."""

    @abstractmethod
    def n_tokens(self) -> int:
        """Return how many tokens are known.

        Returns
        -------
        int
            Their numbers go from 1 to this.
        """

    @abstractmethod
    def noise(self) -> Views:
        """Return views that take most of the tokens away.

        Returns
        -------
        Views
            For denoising, from which the whole sample is to be told.
        """

    def go_on_from(self, prepare: nn.Module) -> None:
        """Hear before ``fit`` that the encoder of a fitted method is to go on.

        Its numbers of tokens are to stay what they are. Nothing is done here.

        Parameters
        ----------
        prepare : nn.Module
            What ``input_layer()`` returned for the samples of that method.
        """


class Fillable(Tokenizable, Restorable):
    """What is hidden of a sample, cell by cell, can be filled in."""

    @abstractmethod
    def tokenizer(
        self, samples: Tensor, *, patch_size: int | str, width: int
    ) -> FillingTokenizer: ...

    @abstractmethod
    def cells(self, mask: ArrayLike, samples: Tensor) -> Tensor:
        """Return a user's mask of the cells of `X` in the shape of the prepared samples.

        Parameters
        ----------
        mask : array-like of bool
            Of the shape of `X`, or of another one that the modality takes.
        samples : Tensor
            The prepared samples of `X`.

        Returns
        -------
        Tensor of the shape of `samples`, bool
            True where a cell is marked.

        Raises
        ------
        ValueError
            If the mask has no bools, or another shape.
        """

    def hide(self, samples: Tensor, cells: Tensor) -> Tensor:
        """Return prepared samples whose scale does not depend on the marked cells.

        Parameters
        ----------
        samples : Tensor
            Prepared samples.
        cells : Tensor of bool
            Which cells are hidden, of the same shape.

        Returns
        -------
        Tensor
            Of the same shape; by default, the samples themselves.
        """
        return samples

    def missing(self, samples: Tensor) -> Tensor:
        """Return which cells of prepared samples are missing, as far as they can be.

        Parameters
        ----------
        samples : Tensor
            Prepared samples.

        Returns
        -------
        Tensor of bool
            Of the same shape.
        """
        return torch.zeros_like(samples, dtype=torch.bool)


class Imputable(Fillable):
    """Cells of samples may be missing."""

    @abstractmethod
    def missing(self, samples: Tensor) -> Tensor:
        """Return which cells of prepared samples are missing and can be imputed.

        Parameters
        ----------
        samples : Tensor
            Prepared samples.

        Returns
        -------
        Tensor of bool
            Of the same shape.
        """

    def never_seen(self) -> dict[int, Hashable]:
        """Return which cells of prepared samples had no value in ``fit``, with names for messages.

        They cannot be filled in.

        Returns
        -------
        dict of int to str
            The name of each such column, by its index in a prepared sample.
        """
        return {}


class Forecastable(Fillable):
    """Samples go on after their last step."""

    @abstractmethod
    def forecast_form(self, steps: Tensor, X: Samples) -> np.ndarray:
        """Return steps that follow those of prepared samples in the layout of `X`.

        Parameters
        ----------
        steps : Tensor of shape (n_samples, channels, n_steps)
            Prepared values of the steps that follow.
        X : array-like
            The samples that the steps go on from.

        Returns
        -------
        ndarray
            In the units of `X`.
        """
