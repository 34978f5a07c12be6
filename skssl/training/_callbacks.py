"""What callbacks know when a training is interrupted, for the one that goes on with it."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback


def callback_states(net: NeuralNet) -> dict[str, dict[str, Any]]:
    """Return what the callbacks have set, each attribute by itself, pickled.

    Their parameters are what the user says when the training goes on. Of what refers to the net's
    own parts, such as a schedule to the optimizer, it is the ``state_dict``. What cannot be pickled
    is left out.
    """
    return {name: _state_of(callback, net) for name, callback in _with_state(net)}


def restore_callbacks(
    net: NeuralNet, states: Mapping[str, dict[str, Any]], device: torch.device
) -> None:
    """Give the callbacks that are still there what those of the same name had set."""
    for name, callback in _with_state(net):
        for attribute, (is_state_dict, data) in states.get(name, {}).items():
            value = torch.load(io.BytesIO(data), map_location=device, weights_only=False)
            if not is_state_dict:
                setattr(callback, attribute, value)
            elif hasattr(callback, attribute):
                getattr(callback, attribute).load_state_dict(value)


def _with_state(net: NeuralNet) -> Iterator[tuple[str, Callback]]:
    for name, callback in net.callbacks_:
        if getattr(callback, "in_net_state", True):
            yield f"{name} {type(callback).__qualname__}", callback


def _state_of(callback: Callback, net: NeuralNet) -> dict[str, tuple[bool, bytes]]:
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
