"""One training, from samples to a net that is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from skssl._interrupts import Interrupts
from skssl._warn import warn
from skssl.nn import Objective
from skssl.training._batches import place
from skssl.training._device import uses_bfloat16
from skssl.training._memory import with_memory_advice
from skssl.training._net import Net
from skssl.training._progress import Progress


def train(
    objective: Objective,
    samples: Tensor,
    *,
    title: str,
    epochs: int,
    steps_per_epoch: int,
    device: torch.device,
    precision: str,
    callbacks: Any,
    first_callbacks: Sequence[Any],
    verbose: int,
    optimizer_state: dict[str, Any] | None,
    interrupts: Interrupts,
    **net_params: Any,
) -> tuple[Net, str | None]:
    """Train an objective; return the net and, if the user interrupted it, how far it came.

    Parameters
    ----------
    objective : Objective
    samples : Tensor
        Prepared samples, on the CPU.
    title : str
        What the progress bar and a warning call the training.
    epochs, steps_per_epoch : int
    device : torch.device
    precision : {"auto", "float32", "bfloat16"}
    callbacks : skorch callback, list of them or None
        The user's own.
    first_callbacks : sequence of skorch callbacks
        Those whose measures the user's own find.
    verbose : int
    optimizer_state : dict or None
        Of a training that goes on.
    interrupts : Interrupts
        Kept from here on, until the step that is under way is done.
    **net_params : dict
        Other parameters of :class:`Net`.
    """
    all_callbacks = [*first_callbacks, *_listed(callbacks)]
    if verbose:
        all_callbacks.append(Progress(title, each_epoch=verbose > 1))
    net = Net(
        objective,
        steps=epochs * steps_per_epoch,
        autocast=uses_bfloat16(precision, device, objective),
        max_epochs=epochs,
        callbacks=all_callbacks,
        device=device,
        verbose=0,
        **net_params,
    )
    interrupts.keep()
    interrupted = with_memory_advice(
        lambda: net.train(place(samples, device), interrupts, optimizer_state),
        title=title,
        doing="training",
        batch_size=net.batch_size,
        device=device,
    )
    if net.time_is_up_ and net.steps_done_ == 1 < net.steps:
        warn(
            f"{title}: max_time was over after a single step of {net.steps}, so that hardly "
            "anything was learned.",
        )
    if not interrupted:
        return net, None
    return net, (
        f"{title}: interrupted after {net.steps_done_} of {net.steps} steps. What was learned so "
        "far is kept."
    )


def _listed(callbacks: Any) -> list[Any]:
    """Return the user's callbacks: skorch's take instances and classes, also with a name."""
    listed = callbacks if isinstance(callbacks, list) else [callbacks] if callbacks else []
    for position, callback in enumerate(listed):
        named = callback[1] if isinstance(callback, tuple) and len(callback) == 2 else callback
        if not hasattr(named, "on_train_begin"):
            raise TypeError(
                f"callbacks has {callback!r} at position {position}; allowed are callbacks of "
                "skorch, or tuples of a name and one."
            )
    return listed
