"""The state of a net between two steps, with which a training goes on in another process."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor

from skssl._trainings import unpickled
from skssl.training._batches import Batches

if TYPE_CHECKING:
    from skssl.training._net import Net


def state_of(net: Net, batches: Batches, losses: Tensor) -> dict[str, Any]:
    """Return all that the steps to come depend on, within an epoch with these losses."""
    return {
        "objective": net.module_,
        "optimizer": net.optimizer_.state_dict(),
        "schedule": net.schedule_.state_dict(),
        "steps": net.steps_done_,
        "views": net.draw_generator_.get_state(),
        "randomness": net.randomness_.state(),
        "order": batches.order_at_start,
        "losses": losses.cpu().clone(),
        "history": [dict(row) for row in net.history],
        "infinite_before": net.infinite_before_,
        "callbacks": {name: _set_by(callback, net) for name, callback in _with_state(net)},
    }


def restore(net: Net, before: Mapping[str, Any]) -> None:
    """Put a net, whose objective is the one of that state already, back into a state."""
    for name, callback in _with_state(net):
        _set_again(callback, before["callbacks"].get(name, {}), torch.device(net.device))
    # What lies between the two processes is no time of the training.
    dict(net.callbacks_)["epoch_timer"].on_epoch_begin(net)
    # After the callbacks, which may have schedules of their own.
    net.optimizer_.load_state_dict(before["optimizer"])
    net.schedule_.load_state_dict(before["schedule"])
    net.draw_generator_.set_state(before["views"])
    net.randomness_.go_on(before["randomness"])
    net.infinite_before_ = before["infinite_before"]


def _with_state(net: NeuralNet) -> Iterator[tuple[str, Callback]]:
    for name, callback in net.callbacks_:
        if getattr(callback, "in_net_state", True):
            yield f"{name} {type(callback).__qualname__}", callback


def _set_by(callback: Callback, net: NeuralNet) -> dict[str, tuple[bool, bytes]]:
    """Return what a callback has set, each attribute by itself, pickled.

    Its parameters are what the user says when the training goes on. Of what refers to the net's
    own parts, such as a schedule to the optimizer, it is the ``state_dict``. What cannot be pickled
    is left out.
    """
    parameters = inspect.signature(type(callback)).parameters
    state = {}
    for name, value in vars(callback).items():
        if name in parameters or value is net:
            continue
        is_state_dict = hasattr(value, "state_dict") and hasattr(value, "load_state_dict")
        buffer = io.BytesIO()
        try:
            torch.save(value.state_dict() if is_state_dict else value, buffer)
        # What is not to be pickled can raise anything.
        except Exception:
            continue
        state[name] = (is_state_dict, buffer.getvalue())
    return state


def _set_again(
    callback: Callback, state: Mapping[str, tuple[bool, bytes]], device: torch.device
) -> None:
    for name, (is_state_dict, data) in state.items():
        value = unpickled(data, device)
        if not is_state_dict:
            setattr(callback, name, value)
        elif hasattr(callback, name):
            getattr(callback, name).load_state_dict(value)
