"""The precision that losses are computed in."""

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
