"""Views of texts, as token ids with 0 where there is no token."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import torch
from torch import Tensor

from skssl._declare import BELOW_ONE, POSITIVE_INT, param
from skssl.views._base import Views, uniform


def _random(shape: tuple[int, ...], tokens: Tensor, generator: torch.Generator) -> Tensor:
    return uniform(0.0, 1.0, shape, torch.empty(0, device=tokens.device), generator)


def _keep_only(tokens: Tensor, kept: Tensor, width: int) -> Tensor:
    """Move the kept tokens of every text to the front, in their order, and drop the others."""
    place = torch.where(kept, kept.cumsum(dim=1) - 1, width)
    # What is dropped lands in a last column of its own.
    packed = tokens.new_zeros(len(tokens), width + 1).scatter_(1, place, tokens)
    return packed[:, :width]


def split_tokens(
    tokens: Tensor, *, generator: torch.Generator, span: int = 1
) -> tuple[Tensor, Tensor]:
    """Deal the tokens of every text out at random, half to the one view and half to the other.

    Parameters
    ----------
    tokens : Tensor of shape (n, length)
        Token ids, 0 where there is none.
    generator : torch.Generator
        Source of the random numbers, on the device of `tokens`.
    span : int
        Number of neighbouring tokens that go to the same half, except where it would not be
        a half.

    Returns
    -------
    first, second : Tensor of shape (n, (length + 1) // 2)
        The tokens of each half in their order, then 0. Of an odd number of tokens, the first half
        has one more. A text of one token shows it in both.
    """
    n, length = tokens.shape
    present = tokens != 0
    count = present.sum(dim=1, keepdim=True)
    places = torch.arange(length, device=tokens.device)
    phase = (_random((n, 1), tokens, generator) * span).long()
    keys = _random((n, length // span + 2), tokens, generator).gather(1, (places + phase) // span)
    order = keys.masked_fill(~present, 2.0).argsort(dim=1, stable=True)
    rank = torch.empty_like(order).scatter_(1, order, places.expand(n, length))
    half = (count + 1) // 2
    first = present & (rank < half)
    second = present & ((rank >= half) | (count == 1))
    width = (length + 1) // 2
    return _keep_only(tokens, first, width), _keep_only(tokens, second, width)


def drop_tokens(tokens: Tensor, *, generator: torch.Generator, probability: float) -> Tensor:
    """Take away random tokens of every text, but never all of them.

    Parameters
    ----------
    tokens : Tensor of shape (n, length)
        Token ids, 0 where there is none.
    generator : torch.Generator
        Source of the random numbers, on the device of `tokens`.
    probability : float
        Chance of a token to be taken away.

    Returns
    -------
    Tensor of shape (n, length)
        With 0 where a token was taken away.
    """
    drawn = _random(tuple(tokens.shape), tokens, generator).masked_fill(tokens == 0, -1.0)
    kept = (drawn >= probability) | (drawn == drawn.amax(dim=1, keepdim=True))
    return tokens.masked_fill(~kept, 0)


class TextViews(Views):
    """Random views of texts: disjoint halves of the tokens, and of these a part.

    Two views of a text have no token place in common: what one half says about the other is what
    the text is about. With more than two views, each pair of them is such a split, drawn anew.
    Tokens keep their order.

    Parameters
    ----------
    halves : bool, default=True
        Whether a view shows a random half of the tokens. False shows all of them, so that only
        `dropout` makes two views differ.
    span : int, default=1
        Number of neighbouring tokens that stay together in one half. Raise it for encoders that
        look at the order of the tokens, and for character n-grams, whose neighbours overlap.
    dropout : float, default=0.4
        Probability of a token to be taken away. At least one token stays.
    local_dropout : float, default=0.7
        `dropout` of local views, which show fewer of the tokens. Methods with multi-crop draw them
        beside the others.

    References
    ----------
    Giorgi, Nitski, Wang and Bader, "DeCLUTR: Deep Contrastive Learning for Unsupervised Textual
    Representations", ACL 2021, whose views are spans of a document.
    https://arxiv.org/abs/2006.03659

    Examples
    --------
    >>> import torch
    >>> from skssl.views import TextViews
    >>> tokens = torch.tensor([[5, 2, 7, 3, 0, 0]])
    >>> views = TextViews(dropout=0.0)
    >>> first, second = views.draw(tokens, 2, generator=torch.Generator().manual_seed(0))
    >>> first.shape
    torch.Size([1, 3])
    >>> sorted(torch.cat([first, second], dim=1)[0].tolist())
    [0, 0, 2, 3, 5, 7]
    """

    halves: bool = param("boolean", default=True)
    span: int = param(POSITIVE_INT, default=1)
    dropout: float = param(BELOW_ONE, default=0.4)
    local_dropout: float = param(BELOW_ONE, default=0.7)

    def local(self) -> Self:
        """Return views that show fewer of the tokens (`local_dropout`).

        Returns
        -------
        TextViews
            A changed copy of these views.
        """
        return replace(self, dropout=self.local_dropout)

    def weak(self) -> Self:
        """Return halves without tokens taken away.

        Returns
        -------
        TextViews
            A changed copy of these views.
        """
        return replace(self, dropout=0.0)

    def mild(self) -> Self:
        """Return the texts as they are.

        Returns
        -------
        TextViews
            Views that change nothing.
        """
        return replace(self, halves=False, dropout=0.0)

    def __call__(self, batch: Tensor, *, generator: torch.Generator) -> Tensor:
        return self.draw(batch, 1, generator=generator)[0]

    def draw(self, batch: Tensor, n_views: int, *, generator: torch.Generator) -> list[Tensor]:
        views: list[Tensor] = []
        while len(views) < n_views:
            if self.halves:
                views += split_tokens(batch, generator=generator, span=self.span)
            else:
                views.append(batch)
        views = views[:n_views]
        if self.dropout:
            views = [
                drop_tokens(view, generator=generator, probability=self.dropout) for view in views
            ]
        return views
