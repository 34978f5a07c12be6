"""How much work a training is, known beforehand and from shapes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from skssl.training._schedule import auto_steps

# Of one core of a CPU with AVX2. What matters is their ratio: many a network waits for memory.
_FLOPS_PER_SECOND, _NUMBERS_PER_SECOND = 6e10, 1e9
_COUNTED_SAMPLES = 8
_FEWEST_STEPS = 50
# What a step may take, in seconds of passes through the encoder and back, for up to so many
# samples. Of more samples there are more steps, so that each may take less.
_SECONDS_OF_STEP, _SAMPLES, _POWER = 1 / 3, 1000, -0.08
# Batches are of so many samples, or of a smaller multiple.
_LARGEST, _UNIT = 256, 16


class _Work(TorchDispatchMode):
    """Adds up the seconds that operations would take, by their FLOPs and the numbers they write."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self._formulas = FlopCounterMode(display=False).flop_registry

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
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

    They are counted, not measured, with a few of the samples: the same shapes give the same number
    on every machine.
    """
    samples = samples[:_COUNTED_SAMPLES]
    # With gradients for transformers, too, which take another path without.
    with _Work() as work, torch.enable_grad():
        out = function(samples)
        if out.requires_grad:
            out.sum().backward()
    return work.seconds / len(samples)


def auto_batch_size(
    n_samples: int, seconds: float, *, smallest: int, largest: int = _LARGEST
) -> int:
    """Return the batch size for samples that take so long to go through the encoder and back.

    It is `largest`, and down to `smallest` where a step of that many would be too much work.
    """
    limit = _limit(n_samples)
    if min(largest, n_samples) * seconds <= limit:
        return largest
    return max(smallest, int(limit / seconds) // _UNIT * _UNIT)


def affordable_steps(n_samples: int, batch_size: int, seconds: float) -> float:
    """Return :func:`auto_steps`, or at least 50 that are as much work where steps are costly."""
    too_costly = min(batch_size, n_samples) * seconds / _limit(n_samples)
    return max(_FEWEST_STEPS, auto_steps(n_samples) / max(1.0, too_costly))


def _limit(n_samples: int) -> float:
    """Return the work that a step may be."""
    return _SECONDS_OF_STEP * max(1.0, n_samples / _SAMPLES) ** _POWER
