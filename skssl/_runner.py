"""Applying trained networks."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from itertools import chain
from typing import TypeVar

import torch
from torch import Tensor, nn

# Numbers in one batch; small enough for a laptop, large enough to keep a GPU busy.
_BATCH_NUMBERS = 2**22
_BATCH_SAMPLES = 1024

Network = TypeVar("Network", bound=nn.Module)


def apply_network(
    network: nn.Module,
    function: Callable[..., Tensor],
    *samples: Tensor,
    device: str | torch.device,
    title: str,
) -> Tensor:
    """Apply a function of a network and of samples batch by batch, without gradients.

    Nothing changes in the network, so that several threads may use it at once.

    Parameters
    ----------
    network : nn.Module
        In eval mode; it is copied to the device if it is not there.
    function : callable
        Gets the network on the device and a batch of each of the `samples`; returns a tensor with
        a row for each.
    *samples : Tensor
        Of the same length.
    device : str or torch.device
    title : str
        What an error calls the estimator.

    Returns
    -------
    Tensor
        Of all rows, on the CPU.

    Raises
    ------
    MemoryError
        If the memory is not enough.
    """
    from skssl.training import resolve_device, with_memory_advice

    if not len(samples[0]):
        # What is made of none has the form of what is made of one.
        one = [part.new_zeros((1, *part.shape[1:])) for part in samples]
        return apply_network(network, function, *one, device=device, title=title)[:0]
    device = resolve_device(device)
    per_sample = max(1, math.prod(samples[0].shape[1:]))
    size = max(1, min(_BATCH_SAMPLES, _BATCH_NUMBERS // per_sample))

    @torch.inference_mode()
    def run() -> Tensor:
        placed = network if device.type == "cpu" else copy.deepcopy(network).to(device)
        batches = zip(*(part.split(size) for part in samples), strict=True)
        return torch.cat(
            [function(placed, *(part.to(device) for part in batch)).cpu() for batch in batches]
        )

    return with_memory_advice(
        run, title=title, doing="embedding", batch_size=min(size, len(samples[0])), device=device
    )


def with_same_weights(network: Network) -> Network:
    """Copy a network, but for its parameters and buffers, which both have.

    What looks into one of the two while it runs sees nothing of the other.
    """
    tensors = chain(network.parameters(), network.buffers())
    return copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})
