"""Pretext tasks: puzzles made of the samples themselves, whose answers are known."""

from skssl.pretext._rotation import RotationPrediction
from skssl.pretext._transform import TransformPrediction

__all__ = ["RotationPrediction", "TransformPrediction"]
