"""How long to train, and with which learning rate."""

from __future__ import annotations

import math

_WARMUP = 0.1
# The part of a training in which only the head of an encoder learns that is known already.
HEAD_ALONE = 0.1


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


def after_head(part: float) -> float:
    """Return the factor for what waits until the head has learned, and rises and falls then."""
    return 0.0 if part < HEAD_ALONE else warmup_cosine((part - HEAD_ALONE) / (1 - HEAD_ALONE))


def auto_steps(n_samples: int) -> float:
    """Return a budget of steps: 300 for up to 1000 rows, at most 4000.

    In between it grows with the number of rows to the power of 0.6.
    """
    return min(max(300.0, 300 * (n_samples / 1000) ** 0.6), 4000.0)


def epochs_of(steps: float, n_samples: int, batch_size: int) -> int:
    """Return the epochs of batches of so many of the samples that have these steps, at least one.

    An epoch goes through batches of as many, or of all samples if there are fewer.
    """
    steps_per_epoch = n_samples // min(batch_size, n_samples)
    return max(1, math.ceil(steps / steps_per_epoch))
