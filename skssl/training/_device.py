"""Devices, precision and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

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
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        here = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        if torch.backends.mps.is_available():
            here.append("mps")
        raise ValueError(
            f"device={str(device)!r} is not available; this machine has "
            f"{', '.join(map(repr, here))}."
        ) from error


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


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's global generators, which initialisation and dropout use; put them back after."""
    devices = [] if device.type == "cpu" else [device]
    kind = "cuda" if device.type == "cpu" else device.type
    with torch.random.fork_rng(devices=devices, device_type=kind):
        # Not torch.manual_seed, which formats a stack trace for each GPU library not in use.
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.manual_seed_all(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        yield
