"""Pretext tasks: puzzles made of the samples themselves, whose answers are known."""

from skssl.pretext._colorization import Colorization
from skssl.pretext._context_encoder import ContextEncoder
from skssl.pretext._jigsaw import JigsawPuzzle
from skssl.pretext._motion import MotionPrediction
from skssl.pretext._relative import RelativePosition
from skssl.pretext._rotation import RotationPrediction
from skssl.pretext._time import ArrowOfTime, ClipOrder, PacePrediction
from skssl.pretext._transform import TransformPrediction

__all__ = [
    "ArrowOfTime",
    "ClipOrder",
    "Colorization",
    "ContextEncoder",
    "JigsawPuzzle",
    "MotionPrediction",
    "PacePrediction",
    "RelativePosition",
    "RotationPrediction",
    "TransformPrediction",
]
