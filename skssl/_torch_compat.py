"""The one place that uses torch's private names."""

import torch
from torch import _foreach_lerp_ as foreach_lerp_


def mps_generator() -> torch.Generator:
    """Return the global generator of Apple's GPUs."""
    return torch.mps._get_default_mps_generator()


__all__ = ["foreach_lerp_", "mps_generator"]
