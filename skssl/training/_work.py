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
# Seconds of passes through the encoder, and back, for up to so many samples; from there on they
# grow with the number of samples to a power.
_SECONDS, _SAMPLES, _POWER = 170.0, 1000, 0.4


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
    """Return the batch size for samples of which a pass through the encoder takes so long.

    256, and down to 64 where that many would be more work than a training is to be.
    """
    size = _BATCH
    most = _limit(n_samples) / auto_steps(n_samples)
    while size > _SMALLEST_BATCH and min(size, n_samples) * seconds > most:
        size //= 2
    return size


def affordable_steps(n_samples: int, batch_size: int, seconds: float) -> float:
    """Return :func:`auto_steps`, or as many as the work of a training may be, but 50 at least."""
    steps = auto_steps(n_samples)
    work = min(batch_size, n_samples) * seconds
    if steps * work <= _limit(n_samples):
        return steps
    return max(_FEWEST_STEPS, _limit(n_samples) / work)


def _limit(n_samples: int) -> float:
    """Return the seconds that all passes of a training may take together."""
    return _SECONDS * max(1.0, n_samples / _SAMPLES) ** _POWER
