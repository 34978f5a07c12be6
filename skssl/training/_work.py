"""How much work a training is, known beforehand and from shapes alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from skssl.training._schedule import auto_steps

# Of one core of a CPU with AVX2. What matters is their ratio: many a network waits for memory.
_FLOPS_PER_SECOND, _NUMBERS_PER_SECOND = 6e10, 1e9
_BATCH, _SMALLEST_BATCH = 256, 64
_FEWEST_STEPS = 50
# What a step may take, in seconds of passes through the encoder and back, before batches become
# smaller and then steps fewer.
_SECONDS_OF_STEP = 1 / 3


class _Work(TorchDispatchMode):
    """Adds up the seconds that operations would take, by their FLOPs and the numbers they write."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self._formulas = FlopCounterMode(display=False).flop_registry

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        formula = self._formulas.get(func.overloadpacket)
        if formula is not None:
            self.seconds += formula(*args, **kwargs, out_val=out) / _FLOPS_PER_SECOND
        if not func.is_view:
            written = sum(part.numel() for part in tree_leaves(out) if isinstance(part, Tensor))
            self.seconds += written / _NUMBERS_PER_SECOND
        return out


def count_work(function: Callable[[Tensor], Tensor], samples: Tensor) -> float:
    """Return the seconds per sample that a function and its gradient would take on one core.

    They are counted, not measured: the same shapes give the same number on every machine.
    """
    # With gradients for transformers, too, which take another path without.
    with _Work() as work, torch.enable_grad():
        out = function(samples)
        if out.requires_grad:
            out.sum().backward()
    return work.seconds / len(samples)


def auto_batch_size(n_samples: int, seconds: float) -> int:
    """Return the batch size for samples that take so long to go through the encoder and back.

    256, and down to 64 where a step of that many would be too much work.
    """
    size = _BATCH
    while size > _SMALLEST_BATCH and min(size, n_samples) * seconds > _SECONDS_OF_STEP:
        size //= 2
    return size


def affordable_steps(n_samples: int, batch_size: int, seconds: float) -> float:
    """Return :func:`auto_steps`, or at least 50 that are as much work where steps are costly."""
    too_costly = min(batch_size, n_samples) * seconds / _SECONDS_OF_STEP
    return max(_FEWEST_STEPS, auto_steps(n_samples) / max(1.0, too_costly))
