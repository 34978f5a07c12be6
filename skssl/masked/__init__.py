"""Masked modelling: methods that hide a part of every sample, and learn to know what it was."""

from skssl.masked._mae import MaskedAutoencoder

__all__ = ["MaskedAutoencoder"]
