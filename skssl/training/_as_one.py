"""A training that several processes do as one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from skssl._processes import Processes, current_processes
from skssl._some_rows import some_rows
from skssl._streams import Stream
from skssl.nn import Objective, Teacher, shared_among
from skssl.training._batches import known_samples
from skssl.training._device import seeded

if TYPE_CHECKING:
    from skssl.training._net import Net

# Samples that are compared between the processes.
_COMPARED = 64
# What rounding on machines of different kinds may make of a number, in parts of the largest.
_ROUNDING = 1e-2


def average_gradients(module: nn.Module) -> None:
    """Give all processes the mean of the gradients that they have.

    Behind the encoders all have the same; an encoder has seen the own samples, with as many times
    the gradient.
    """
    processes = current_processes()
    if processes is None:
        return
    by_dtype: dict[torch.dtype, list[Tensor]] = {}
    for p in module.parameters():
        if p.grad is not None:
            by_dtype.setdefault(p.grad.dtype, []).append(p.grad)
    # One long message takes less time than many short ones.
    for gradients in by_dtype.values():
        mean = processes.total(torch.cat([g.flatten() for g in gradients])) / processes.n
        parts = mean.split([g.numel() for g in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))


@contextmanager
def as_one(net: Net, samples: Tensor | Stream) -> Iterator[None]:
    """Train with the other processes, if there are any, each of which has all samples.

    All draw the same batches and views. The encoders are shared: each process embeds its part of
    every batch. What comes behind is the same everywhere, and so are the weights in the end.

    Parameters
    ----------
    net : Net
        Not yet trained.
    samples : Tensor or Stream

    Raises
    ------
    ValueError
        If a batch has less samples than there are processes, or if they do not do the same.
    """
    processes = current_processes()
    if processes is None:
        yield
        return
    if net.batch_size < processes.n:
        raise ValueError(
            f"batch_size={net.batch_size} is the number of samples in a batch of all processes "
            f"together, and must not be smaller than their number, {processes.n}."
        )
    objective: Objective = net.module
    _check_alike(processes, net, samples)
    device = torch.device(net.device)
    # Where the training is, as a checkpoint knows it, and how often an encoder was called there.
    place, times = (0, 0, 0), 0

    def own_randomness() -> AbstractContextManager[None]:
        nonlocal place, times
        of_all = zlib.crc32(torch.get_rng_state().numpy().data)
        before, place = place, (net.steps_done_, int(objective.training), of_all)
        times = times + 1 if place == before else 0
        sequence = np.random.SeedSequence([net.seed, *place, times, processes.rank])
        return seeded(int(sequence.generate_state(1)[0]), device)

    with shared_among(processes, objective, _encoders(objective), own_randomness):
        yield
    are_same = _take_from_first(processes, [p for p in objective.parameters() if p.requires_grad])
    # Rounding may tip samples into other groups; that is no reason to lose a training.
    _take_from_first(processes, _state(objective))
    if not are_same:
        raise RuntimeError(
            f"The {processes.n} processes were to train the same weights, and did not. What "
            "callbacks, views, an encoder or an optimizer of your own do has to be the same in all "
            "of them; random numbers come from torch's global generator."
        )


def _encoders(objective: Objective) -> list[nn.Module]:
    """Return the encoders, with those of teachers."""
    found = []
    for module in objective.modules():
        if isinstance(module, Objective):
            found.append(module.encoder)
        elif isinstance(module, Teacher):
            found.append(module.networks[0])
    return found


def _check_alike(processes: Processes, net: Net, samples: Tensor | Stream) -> None:
    """Raise an error if the processes do not train the same."""
    some = known_samples(samples)
    some = some_rows(some, _COMPARED).clone()
    shapes = [tuple(tensor.shape) for tensor in _state(net.module)]
    settings = (net.seed, net.batch_size, net.steps, net.max_epochs)
    told = {
        "shape of the samples": tuple(samples.shape),
        "networks": shapes,
        "random_state, batch_size or number of epochs": settings,
    }
    alike = processes.are_alike([zlib.crc32(str(value).encode()) for value in told.values()])
    different = [name for name, same in zip(told, alike, strict=True) if not same]
    if not different:
        state = _state(net.module)
        contents = {"samples": [some], "weights to start from": state}
        different = [
            name for name, parts in contents.items() if not _take_from_first(processes, parts)
        ]
    if different:
        raise ValueError(
            f"The {processes.n} processes train together, but do not have the same: "
            f"{', '.join(different)}. Each needs all samples, in the same order, and the same "
            "parameters; each takes its part of every batch by itself. To train apart, start them "
            "without torchrun, srun or a process group."
        )


def _state(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


@torch.no_grad()
def _take_from_first(processes: Processes, tensors: list[Tensor]) -> bool:
    """Give all processes the bits of the first; return whether that changed rounding at most."""
    changed = False
    for tensor in tensors:
        own = tensor.clone()
        processes.take_from_first(tensor)
        if not changed and tensor.numel():
            close = torch.isclose(
                own.double(),
                tensor.double(),
                rtol=0,
                equal_nan=True,
                atol=_ROUNDING * _largest(tensor),
            )
            changed = not bool(close.all())
    (changed_anywhere,) = processes.any(changed)
    return not changed_anywhere


def _largest(tensor: Tensor) -> float:
    """Return the largest finite absolute value."""
    return tensor.double().abs().nan_to_num(nan=0, posinf=0, neginf=0).max().item()
