"""The precision that losses and statistics are computed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def full_precision(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield `tensors` in float32 or better, and keep autocast from undoing it.

    A loss is a small part of a training step, and bfloat16 knows less than three digits: too few
    for covariances, their decompositions, and similarities that are divided by a temperature.
    """
    with torch.autocast(tensors[0].device.type, enabled=False):
        yield tuple(t.to(torch.promote_types(t.dtype, torch.float32)) for t in tensors)


def widened(tensor: Tensor) -> Tensor:
    """Return `tensor` in float64, or as it is on Apple's GPUs, which do not have it.

    A mean in float64 that becomes float32 has the same bits in whatever order its values were
    added up, which depends on the sizes of a batch and on its padding.
    """
    return tensor if tensor.device.type == "mps" else tensor.double()
