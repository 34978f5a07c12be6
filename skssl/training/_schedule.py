"""How long to train, and with which learning rate."""

from __future__ import annotations

import math

_WARMUP = 0.1


def constant(part: float) -> float:
    """Return the factor of a learning rate that stays as it is."""
    return 1.0


def warmup_cosine(part: float) -> float:
    """Return the factor of the learning rate: a linear rise, then half a cosine to zero.

    Parameters
    ----------
    part : float
        The part of the training that is over, from 0 to 1.
    """
    if part < _WARMUP:
        return part / _WARMUP
    return 0.5 * (1 + math.cos(math.pi * (part - _WARMUP) / (1 - _WARMUP)))


def auto_epochs(n_samples: int, batch_size: int, *, n_others: int = 0, times: float = 1.0) -> int:
    """Return the epochs of a budget counted in steps: 300 for up to 1000 rows, at most 4000.

    In between it grows with the number of rows to the power of 0.6. At least one epoch.

    Parameters
    ----------
    n_samples : int
        Rows that an epoch goes through.
    batch_size : int
        How many of them are in a batch.
    n_others : int
        Rows beside them that are learned from as well.
    times : float
        What these numbers of steps are multiplied by.
    """
    steps = times * min(max(300.0, 300 * ((n_samples + n_others) / 1000) ** 0.6), 4000.0)
    steps_per_epoch = n_samples // min(batch_size, n_samples)
    return max(1, math.ceil(steps / steps_per_epoch))
