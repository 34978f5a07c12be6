"""What others set for all of torch, and what this library computes under."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from skssl._warn import warn


class _Float32:
    """Makes float32 torch's default dtype, which all threads share, while any of ours needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = torch.float32

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._before = torch.get_default_dtype()
                torch.set_default_dtype(torch.float32)
            self._users += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                torch.set_default_dtype(self._before)


_float32 = _Float32()


class _Process:
    """Sees to it that a process that was forked does not wait for threads of the one before."""

    def __init__(self) -> None:
        self._id: int | None = None

    def check(self) -> None:
        here = os.getpid()
        if self._id not in (None, here) and torch.get_num_threads() > 1:
            torch.set_num_threads(1)
            warn(
                "This process was forked from one in which torch computed with several threads, "
                "and would wait for them forever; it computes with one. Start processes in another "
                "way, as joblib's 'loky' and multiprocessing's 'spawn' do.",
            )
        self._id = here


_process = _Process()


@contextmanager
def own_settings() -> Iterator[None]:
    """Compute in float32, on the device that is said, and with gradients where they are wanted.

    Whatever the default dtype and device are, and in whichever ``torch.no_grad``,
    ``inference_mode`` or ``autocast``.
    """
    _process.check()
    with ExitStack() as stack:
        stack.enter_context(_float32)
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device_type in ("cpu", "cuda", "mps"):
            if torch.is_autocast_enabled(device_type):
                stack.enter_context(torch.autocast(device_type, enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield


class OwnSettings:
    """Puts what is called with samples under :func:`own_settings`, also in subclasses."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for name, function in list(vars(cls).items()):
            if not name.startswith("_") and _gets_samples(function):
                setattr(cls, name, own_settings()(function))


def _gets_samples(function: object) -> bool:
    return inspect.isfunction(function) and "X" in [*inspect.signature(function).parameters][1:2]
