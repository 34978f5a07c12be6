"""The one place that uses torch's private names."""

from collections.abc import Callable

import torch
from torch import _foreach_lerp_ as foreach_lerp_
from torch import nn


def mps_generator() -> torch.Generator:
    """Return the global generator of Apple's GPUs."""
    return torch.mps._get_default_mps_generator()


def remove_pre_hook(module: nn.Module, hook: Callable[..., object]) -> None:
    """Take a function away from those that are called before `module`, wherever it is from."""
    hooks = module._forward_pre_hooks
    for key in [key for key, known in hooks.items() if known is hook]:
        del hooks[key]


def newest_form() -> int:
    """Return the newest form in which layers of torch write their weights."""
    return max(kind._version for kind in (nn.Module, nn.BatchNorm2d, nn.MultiheadAttention))


__all__ = ["foreach_lerp_", "mps_generator", "newest_form", "remove_pre_hook"]
