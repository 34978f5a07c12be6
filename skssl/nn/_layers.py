"""What fine-tuning has to know of the layers of a network."""

from __future__ import annotations

from torch import Tensor, nn

from skssl.nn._encoders import SideBySide

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def layer_rates(encoder: nn.Module, head: nn.Module, decay: float) -> dict[nn.Parameter, float]:
    """Return what to multiply the learning rate of every parameter with, by the depth of its layer.

    It is 1 for the head, `decay` for the first layer, and falls geometrically in between. A layer
    is what has weights of its own, in the order in which the network registered them, together
    with the norms and biases that follow it. Encoders side by side begin with a first layer each.

    Parameters
    ----------
    encoder, head : nn.Module
    decay : float
        Above 0.
    """
    factors: dict[nn.Parameter, float] = {}
    for branch in encoder.branches() if isinstance(encoder, SideBySide) else [encoder]:
        depths, depth = layer_depths(branch)
        factors |= {p: decay ** (1 - (of_p - 1) / max(depth, 1)) for p, of_p in depths.items()}
    return factors | dict.fromkeys(head.parameters(), 1.0)


def layer_depths(network: nn.Module) -> tuple[dict[nn.Parameter, int], int]:
    """Return the number of the layer of every parameter, from 1 on, and that of the last layer."""
    of_modules = module_depths(network)
    depths: dict[nn.Parameter, int] = {}
    for module, depth in of_modules.items():
        depths |= dict.fromkeys(module.parameters(recurse=False), max(depth, 1))
    return depths, max(of_modules.values())


def module_depths(network: nn.Module) -> dict[nn.Module, int]:
    """Return the number of the layer that every module is, or follows; 0 is before the first."""
    depths: dict[nn.Module, int] = {}
    depth = 0
    for module in network.modules():
        depth += any(p.ndim > 1 for p in module.parameters(recurse=False))
        depths[module] = depth
    return depths


def is_batch_norm(module: nn.Module) -> bool:
    """Return whether `module` is a BatchNorm layer."""
    return isinstance(module, _BATCH_NORMS)


def has_statistics(module: nn.Module) -> bool:
    """Return whether `module` is a norm that keeps statistics of what it has seen in training."""
    return isinstance(getattr(module, "running_mean", None), Tensor)


def learned_batch_norms(network: nn.Module) -> list[nn.Module]:
    """Return the BatchNorm layers whose statistics come from a training."""
    return [
        module
        for module in network.modules()
        if isinstance(module, _BATCH_NORMS)
        and module.running_mean is not None
        and module.running_var is not None
        and not (bool((module.running_mean == 0).all()) and bool((module.running_var == 1).all()))
    ]
