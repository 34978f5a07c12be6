"""Pretext tasks: puzzles made of the samples themselves, whose answers are known."""

from skssl.pretext._rotation import RotationPrediction

__all__ = ["RotationPrediction"]
