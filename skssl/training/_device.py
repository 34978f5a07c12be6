"""Devices, precision and seeds."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from skssl._torch_compat import mps_generator
from skssl.nn import has_convolutions


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the device that `device` names; "auto" is a GPU of CUDA if there is one.

    Apple's GPUs, on which nothing was tried yet, have to be named ("mps"). The result has
    the number that the device of a tensor has: "cuda" alone is not equal to "cuda:0".

    Raises
    ------
    ValueError
        If there is no such device.
    """
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    here = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        here.append("mps")
    refusal = ValueError(
        f"device={str(device)!r} is not available; this machine has {', '.join(map(repr, here))}. "
        "Use set_params(device='cpu'), or, in a Pipeline, set_params(STEP__device='cpu') with the "
        "name of its step."
    )
    try:
        found = torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise refusal from error
    if found.type not in ("cpu", "cuda", "mps"):
        raise refusal
    return found


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether the hardware computes in bfloat16; one that imitates it is slower than in float32.

    A CPU with units for it does not where torch is held to AVX2 (``ATEN_CPU_CAPABILITY=avx2``).
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX512"):
        return False
    # Of releases of torch that do not tell what the CPU can do, none is known to.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def uses_bfloat16(precision: str, device: torch.device, network: nn.Module) -> bool:
    """Whether to train in bfloat16: "auto" does so where the hardware computes in it.

    On a CPU only networks of 2-D convolutions do; small networks of other kinds do not gain.
    """
    if precision != "auto":
        return precision == "bfloat16"
    gains = device.type != "cpu" or has_convolutions(network)
    return gains and computes_in_bfloat16(device)


class OwnRandomness:
    """What torch's global generators would draw after a seed, without anybody's noticing.

    Initialisation and dropout, and what users write, know no other generators. Their states are put
    in for as long as something is drawn, and the former ones put back after; meanwhile no other
    thread of this library draws.

    Parameters
    ----------
    seed : int
    device : torch.device
    """

    def __init__(self, seed: int, device: torch.device):
        self._generators = {"cpu": torch.default_generator}
        if device.type == "cuda":
            index = torch.cuda.current_device() if device.index is None else device.index
            self._generators["cuda"] = torch.cuda.default_generators[index]
        elif device.type == "mps":
            self._generators["mps"] = mps_generator()
        self._states = {
            name: torch.Generator(device if name != "cpu" else "cpu").manual_seed(seed).get_state()
            for name in self._generators
        }

    def state(self) -> dict[str, Tensor]:
        """Return from where the next numbers will be drawn."""
        return dict(self._states)

    def go_on(self, state: dict[str, Tensor]) -> None:
        """Draw next what would have been drawn from there."""
        self._states = dict(state)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Draw from where it ended the last time."""
        with _drawing:
            before = self._exchange(self._states)
            try:
                yield
            finally:
                self._states = self._exchange(before)

    def _exchange(self, states: dict[str, Tensor]) -> dict[str, Tensor]:
        before = {name: generator.get_state() for name, generator in self._generators.items()}
        for name, generator in self._generators.items():
            generator.set_state(states[name])
        return before


# Whoever draws from torch's global generators holds it.
_drawing = threading.RLock()


def _new_lock() -> None:
    global _drawing
    _drawing = threading.RLock()


# The thread that held it may not be there in a process that was forked.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw with this seed from torch's global generators, which nobody notices."""
    with OwnRandomness(seed, device).in_use():
        yield
