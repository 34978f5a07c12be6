"""Numbers with mean 0 and standard deviation 1."""

from __future__ import annotations

from torch import Tensor, nn


class Standardize(nn.Module):
    """Subtract from every dimension or channel one mean, and divide it by one standard deviation.

    Parameters
    ----------
    mean, std : Tensor
        Of a shape that goes with that of the samples.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, samples: Tensor) -> Tensor:
        return (samples - self.mean) / self.std

    def inverse(self, values: Tensor, like: Tensor | None = None) -> Tensor:
        """Undo the scaling, which is the same for all samples, whatever they are `like`."""
        return values * self.std + self.mean
