"""Samples that leave nothing to be learned."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

_AT_A_TIME = 64
# Differences in the scale of the input layer that are none.
_ROUNDING = 1e-6


@torch.no_grad()
def nothing_to_tell(samples: Tensor, input_layer: nn.Module) -> str | None:
    """Tell why there is nothing to learn from prepared samples, None if there is.

    Samples of other kinds are told from one another at the first look.

    Parameters
    ----------
    samples : Tensor
    input_layer : nn.Module
        What brings them into the scale that the encoder sees, in which they are compared.
    """
    tolerance = 0.0 if isinstance(input_layer, nn.Identity) else _ROUNDING
    first = input_layer(samples[:1])

    def seen() -> Iterator[Tensor]:
        return map(input_layer, samples.split(_AT_A_TIME))

    if all(torch.isclose(part, first, 0, tolerance, equal_nan=True).all() for part in seen()):
        return f"all {len(samples)} samples of X look the same to an encoder"
    # Of images and clips, each channel.
    if samples.ndim > 3 and all(_is_blank(part) for part in seen()):
        return f"each of the {len(samples)} samples of X has one value, or one colour, everywhere"
    return None


def _is_blank(images: Tensor) -> bool:
    pixels = images.flatten(2)
    return bool((pixels.amax(dim=2) - pixels.amin(dim=2) <= _ROUNDING).all())
