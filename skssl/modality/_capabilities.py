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
        """Return prepared samples in the form and layout of `X`, which they are made from."""

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
        """


class Cuttable(Restorable):
    """Samples can be cut into pieces of one size, as for a puzzle, and put together again."""

    # Whether the default views suit puzzles: parts stay where they are in relation to each other.
    views_keep_order: ClassVar[bool] = False

    @abstractmethod
    def cutter(self, grid: int | None = None) -> Cutter:
        """Return what cuts fitted samples into pieces, `grid` along an axis.

        None is a grid that suits the modality.
        """


class Surrounded(Modality):
    """The middle of a sample has pieces around it."""

    @abstractmethod
    def surroundings(self) -> PieceCutter:
        """Return what cuts fitted samples into the piece in the middle and those around it."""


class Timed(Cuttable):
    """Samples go on in time, which is the axis of index 2 of a batch."""

    @abstractmethod
    def time_steps(self, samples: Tensor) -> Tensor:
        """Return how many steps each sample has, of shape (n,)."""

    @abstractmethod
    def clip_cutter(self, n_clips: int) -> PieceCutter:
        """Return what cuts fitted samples into pieces that follow one another in time."""


class Filmed(Timed):
    """Samples are clips, which may be shorter or longer than those that were seen in ``fit``."""

    @abstractmethod
    def prepare_frames(self, X: Any) -> Tensor:
        """Prepare checked clips that may have other numbers of frames than those seen in ``fit``.

        Returns
        -------
        Tensor of shape (n, channels, frames, height, width)
        """


class Paintable(Restorable):
    """Samples are made of pixels, which can be painted over or coloured."""

    @abstractmethod
    def pixel_mask(self, mask: ArrayLike, n_samples: int) -> Tensor:
        """Return a user's mask of the pixels of some samples, or of the same pixels of all.

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
        """


class Worded(Modality):
    """Samples are made of known words, or other tokens: rows of their numbers, 0 for none."""

    @abstractmethod
    def n_tokens(self) -> int:
        """Return how many tokens are known; their numbers go from 1 to this."""

    @abstractmethod
    def noise(self) -> Views:
        """Return views that take most of the tokens away."""

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

        Raises
        ------
        ValueError
            If the mask has no bools, or another shape.
        """

    def hide(self, samples: Tensor, cells: Tensor) -> Tensor:
        """Return prepared samples whose scale does not depend on the marked cells."""
        return samples

    def missing(self, samples: Tensor) -> Tensor:
        """Return which cells of prepared samples are missing, as far as they can be."""
        return torch.zeros_like(samples, dtype=torch.bool)


class Imputable(Fillable):
    """Cells of samples may be missing."""

    @abstractmethod
    def missing(self, samples: Tensor) -> Tensor:
        """Return which cells of prepared samples are missing and can be imputed."""

    def never_seen(self) -> dict[int, Hashable]:
        """Return which cells of prepared samples had no value in ``fit``, with names for messages.

        They cannot be filled in.
        """
        return {}


class Forecastable(Fillable):
    """Samples go on after their last step."""

    @abstractmethod
    def forecast_form(self, steps: Tensor, X: Samples) -> np.ndarray:
        """Return steps that follow those of prepared samples in the layout of `X`."""
