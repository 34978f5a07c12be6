"""Heads: networks that serve training only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def mlp_head(sizes: Sequence[int], *, last_norm: bool) -> nn.Sequential:
    """Build linear layers with BatchNorm and ReLU between them.

    Parameters
    ----------
    sizes : sequence of int
        Width of the input and of every layer.
    last_norm : bool
        Whether BatchNorm follows the last layer, too. ReLU never does, and the last layer has no
        bias.
    """
    *hidden, out = sizes
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(hidden):
        layers += [
            nn.Linear(width_in, width_out, bias=False),
            nn.BatchNorm1d(width_out),
            nn.ReLU(inplace=True),
        ]
    layers.append(nn.Linear(hidden[-1], out, bias=False))
    if last_norm:
        layers.append(nn.BatchNorm1d(out))
    return nn.Sequential(*layers)
