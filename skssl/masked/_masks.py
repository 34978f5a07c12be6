"""Which tokens of a sample are hidden."""

from __future__ import annotations

import math
from copy import copy
from numbers import Real

import torch
from torch import Tensor

from skssl.nn import Pieces, Tokenizer

# Blocks that a mask is made of, and the range of their height to width.
_N_BLOCKS = 4
_ASPECTS = (0.75, 1.5)


class Masks:
    """Draws random masks, an equal share of the tokens of every sample.

    "random" hides single tokens, "block" what lies in a few rectangles, "span" a few stretches of
    a sequence, and "tube" the same places in all frames. Only tokens that are present are hidden.
    Of two or more, at least one is hidden and one stays.

    Parameters
    ----------
    tokenizer : Tokenizer
    ratio : float or pair of floats
        The share of the tokens; from a pair, each sample draws its own.
    shape : {"random", "block", "span", "tube"}
    """

    def __init__(self, tokenizer: Tokenizer, ratio: float | tuple[float, float], shape: str):
        self.low, self.high = (ratio, ratio) if isinstance(ratio, (Real, float)) else ratio
        self.shape = shape
        self.ordered = tokenizer.ordered

    def of_one_ratio(self) -> Masks:
        """Return masks that hide the same share of every sample, drawn from the range.

        As many tokens then stay in all samples of a batch, and none are carried along to fill up.
        """
        if self.low == self.high:
            return self
        # Drawn on the CPU, so that sizes are known without waiting for the device.
        ratio = self.low + (self.high - self.low) * torch.rand(()).item()
        masks = copy(self)
        masks.low = masks.high = ratio
        return masks

    def most_hidden(self, pieces: Pieces) -> int:
        """Return how many tokens of a sample are hidden at most."""
        times, n_tokens = self._repeats(pieces)
        return times * _clamp(math.ceil(self.high * n_tokens), n_tokens)

    def most_visible(self, pieces: Pieces) -> int:
        """Return how many tokens of a sample stay at most."""
        times, n_tokens = self._repeats(pieces)
        return times * (n_tokens - _clamp(int(self.low * n_tokens), n_tokens))

    def _repeats(self, pieces: Pieces) -> tuple[int, int]:
        """Return how often a mask is repeated, and for how many tokens it is drawn."""
        n_tokens = pieces.present.shape[1]
        frames = pieces.steps[0] if self.shape == "tube" else 1
        return frames, n_tokens // frames

    def draw(self, pieces: Pieces) -> Tensor:
        """Return a mask of shape (n, t), True for what is hidden."""
        # The tokens of the first frame come first.
        frames, n_tokens = self._repeats(pieces)
        present = pieces.present[:, :n_tokens]
        if self.shape in ("random", "tube"):
            score = torch.rand(present.shape, device=present.device)
        else:
            score = block_scores(pieces.places, present, n_blocks=_N_BLOCKS)
        return self._lowest(score, present).repeat(1, frames)

    def _lowest(self, score: Tensor, present: Tensor) -> Tensor:
        n_present = present.sum(dim=1)
        ratio = torch.rand(len(present), device=present.device) * (self.high - self.low) + self.low
        count = (ratio * n_present).round().long()
        count = torch.minimum(count.clamp(min=1), (n_present - 1).clamp(min=0))
        return lowest(score, present, count)


def _clamp(count: int, n_tokens: int) -> int:
    return min(max(1, count), max(0, n_tokens - 1))


def lowest(score: Tensor, present: Tensor, count: Tensor | int) -> Tensor:
    """Return a mask of the `count` present tokens of each sample with the lowest scores."""
    order = score.masked_fill(~present, torch.inf).argsort(dim=1, stable=True)
    count = torch.as_tensor(count, device=score.device)
    rank = torch.arange(score.shape[1], device=score.device).expand(len(score), -1)
    chosen = torch.empty_like(present).scatter(1, order, rank < count.view(-1, 1))
    return chosen & present


def block_scores(places: Tensor, present: Tensor, *, n_blocks: int) -> Tensor:
    """Return scores of which the lowest lie in rectangles, or in balls where places are in space.

    Parameters
    ----------
    places : Tensor of shape (1 or n, t, k)
    present : Tensor of shape (n, t), bool
        The rectangles lie around present tokens.
    n_blocks : int
        Number of rectangles.
    """
    n, device = len(present), present.device
    places = places.expand(n, -1, -1)
    chance = present.to(torch.float32) + 1e-9
    centers = torch.multinomial(chance, n_blocks, replacement=True)
    around = places.gather(1, centers[..., None].expand(-1, -1, places.shape[2]))
    low, high = _ASPECTS
    aspect = low + (high - low) * torch.rand(n, n_blocks, 1, 1, device=device)
    difference = (places[:, None] - around[:, :, None]).abs()
    difference[..., -1:] = difference[..., -1:] * aspect
    distance = difference.amax(dim=3).amin(dim=1)
    # What is equally far is cut off at random.
    return distance + 1e-3 * torch.rand_like(distance)
