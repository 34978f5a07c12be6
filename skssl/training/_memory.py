"""Errors of memory that has run out, with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, TypeVar

import torch

from skssl._quote import size_in_words

Result = TypeVar("Result")

# What torch and the libraries below it say where they have no error of their own for it.
_SIGNS = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|bad_alloc|STATUS_ALLOC_FAILED"
    r"|STATUS_NOT_ENOUGH_WORKSPACE|not enough memory",
    re.IGNORECASE,
)
_ASKED = re.compile(r"tried to allocate ([\d.]+) ?(bytes|[KMG]i?B)", re.IGNORECASE)
_UNITS = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch, NumPy or Python says that there is no memory left."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and _SIGNS.search(str(error)) is not None


def with_memory_advice(
    run: Callable[[], Result],
    *,
    title: str,
    doing: Literal["training", "embedding", "building"],
    batch_size: int = 0,
    device: torch.device,
) -> Result:
    """Return what `run` does; if memory runs out in it, say what would fit.

    Nothing keeps what `run` had in memory: the error is a new one, without the old one behind it,
    whose traceback holds tensors.

    Parameters
    ----------
    run : callable
    title : str
        What the error calls the estimator.
    doing : {"training", "embedding", "building"}
        The last is for what comes before the training: samples are prepared, networks tried.
    batch_size : int
        Samples in a batch, where that can be chosen.
    device : torch.device

    Raises
    ------
    MemoryError
        In the place of all errors that tell of memory.
    """
    before = _in_use(device)
    try:
        return run()
    except (MemoryError, RuntimeError) as error:
        if not ran_out_of_memory(error):
            raise
        advice = _advice(error, title, doing, batch_size, device, before)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    raise MemoryError(advice)


def _advice(
    error: BaseException,
    title: str,
    doing: str,
    batch_size: int,
    device: torch.device,
    before: int,
) -> str:
    asked = _asked_for(error)
    told = f"; {size_in_words(asked)} more were asked for" if asked else ""
    if doing == "building":
        return (
            f"{title}: memory on {str(device)!r} ran out before the training, while X was prepared "
            f"and the encoder tried{told}. Smaller samples, fewer of them, or a smaller encoder "
            "need less."
        )
    happened = (
        f"{title}: memory on {str(device)!r} ran out while {doing} with {batch_size} samples in a "
        f"batch{told}."
    )
    fits = _that_fits(batch_size, asked, device, before)
    elsewhere = "" if device.type == "cpu" else ", or device='cpu'"
    smaller = f"smaller samples or a smaller encoder need less as well{elsewhere}."
    if fits < (2 if doing == "training" else 1):
        return f"{happened} No smaller batch_size would help: {smaller[:1].upper()}{smaller[1:]}"
    if doing == "training":
        return f"{happened} Set batch_size={fits}, which should fit, or less; {smaller}"
    return (
        f"{happened} Pass at most {fits} samples at a time, which should fit (batch_size is for "
        f"the training only); {smaller}"
    )


def _that_fits(batch_size: int, asked: int, device: torch.device, before: int) -> int:
    """Return a power of two, at most half of the batch, whose part of the memory is free."""
    fits = batch_size // 2
    if device.type == "cuda" and asked:
        # The error's traceback still holds what the batch had taken until then.
        taken = _in_use(device) - before + asked
        cached = torch.cuda.memory_reserved(device) - _in_use(device)
        free = torch.cuda.mem_get_info(device)[0] + cached + _in_use(device) - before
        fits = min(fits, int(batch_size * free / max(taken, 1)))
    return 2 ** (fits.bit_length() - 1) if fits > 0 else 0


def _in_use(device: torch.device) -> int:
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else 0


def _asked_for(error: BaseException) -> int:
    """Return the bytes that were asked for in vain, 0 if the error does not tell."""
    found = _ASKED.search(str(error))
    return round(float(found[1]) * _UNITS[found[2][0].lower()]) if found else 0
