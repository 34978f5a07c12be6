"""The maps that an encoder makes on its way from a sample to an embedding."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

Size = tuple[int, int]


@dataclass(frozen=True)
class Pyramid:
    """Which submodules of an encoder make maps, one for each size; the finest first.

    The encoder stays as it is: what the submodules return is caught while it runs. Maps are what
    has the proportions of an image and comes from a submodule with parameters; of those of one
    size, the last counts. Frames that a network of clips takes for samples, and frames as an axis
    of their own, become channels. The tokens of a transformer become a map where its patches made
    one. An encoder without any has an empty pyramid.

    Parameters
    ----------
    names : tuple of str
        Submodules of the encoder.
    channels : tuple of int
        Channels of their maps.
    sizes : tuple of tuples of two ints
        Height and width of their maps for the samples that the pyramid was found with.
    """

    names: tuple[str, ...]
    channels: tuple[int, ...]
    sizes: tuple[Size, ...]

    @classmethod
    def of(cls, encoder: nn.Module, samples: Tensor) -> Pyramid:
        """Find the maps that `encoder` makes of a few samples, of shape (n, ..., height, width)."""
        last: dict[Size, tuple[str, int]] = {}

        def look(name: str, output: Tensor) -> None:
            grid = _grid(output, samples)
            # A sequence is a map only where patches of that number were cut before.
            if grid is None or (output.ndim == 3 and grid not in last):
                return
            # The latest comes last in order, too.
            last[grid] = name, _as_map(output, samples, grid).shape[1]

        names = [name for name, module in encoder.named_modules() if name and _has_weights(module)]
        was_training = encoder.training
        encoder.eval()
        try:
            with torch.no_grad(), _caught(encoder, names, look):
                encoder(samples)
        finally:
            encoder.train(was_training)
        levels = sorted(last.items(), key=lambda level: -math.prod(level[0]))
        return cls(
            tuple(name for _, (name, _) in levels),
            tuple(channels for _, (_, channels) in levels),
            tuple(size for size, _ in levels),
        )

    def __call__(self, encoder: nn.Module, samples: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the embedding of shape (n, d), and the maps of shape (n, channels, h, w)."""
        maps: dict[str, Tensor] = {}

        def keep(name: str, output: Tensor) -> None:
            grid = _grid(output, samples)
            if grid is not None:
                maps[name] = _as_map(output, samples, grid)

        with _caught(encoder, self.names, keep):
            embedding = encoder(samples)
        return embedding, [maps[name] for name in self.names]


def _has_weights(module: nn.Module) -> bool:
    return any(True for _ in module.parameters())


@contextmanager
def _caught(
    encoder: nn.Module, names: Sequence[str], see: Callable[[str, Tensor], None]
) -> Iterator[None]:
    """Call `see` with the name and the tensor that comes from each of some submodules."""

    def hook(name: str, module: nn.Module, inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            see(name, output)

    handles = []
    try:
        for name in names:
            handles.append(encoder.get_submodule(name).register_forward_hook(partial(hook, name)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _grid(output: Tensor, samples: Tensor) -> Size | None:
    """Return height and width of an output as a map of the samples; None if it is none."""
    n, (height, width) = len(samples), samples.shape[-2:]
    if not len(output) or len(output) % n:
        return None
    if output.ndim in (4, 5):
        grid = (output.shape[-2], output.shape[-1])
        return grid if _is_smaller(grid, (height, width)) else None
    if output.ndim == 3 and len(output) == n:
        # Without a class token, or with one.
        for tokens in (output.shape[1], output.shape[1] - 1):
            rows = round(math.sqrt(tokens * height / width))
            if rows and tokens % rows == 0:
                grid = (rows, tokens // rows)
                if _is_smaller(grid, (height, width)):
                    return grid
    return None


def _is_smaller(grid: Size, full: Size) -> bool:
    """Whether a grid has the proportions of the full size, give or take a row or a column."""
    scale = max(whole / part for whole, part in zip(full, grid, strict=True))
    return all(
        part <= whole + 1 and abs(part - whole / scale) <= 1
        for whole, part in zip(full, grid, strict=True)
    )


def _as_map(output: Tensor, samples: Tensor, grid: Size) -> Tensor:
    if output.ndim == 3:
        return output[:, -math.prod(grid) :].transpose(1, 2).unflatten(2, grid)
    folded = output.flatten(1, -3)
    return folded.unflatten(0, (len(samples), -1)).flatten(1, 2)
