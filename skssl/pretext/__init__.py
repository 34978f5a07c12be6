"""Pretext tasks: puzzles made of the samples themselves, whose answers are known."""

from skssl.pretext._colorization import Colorization
from skssl.pretext._context_encoder import ContextEncoder
from skssl.pretext._motion import MotionPrediction
from skssl.pretext._rotation import RotationPrediction

__all__ = ["Colorization", "ContextEncoder", "MotionPrediction", "RotationPrediction"]
