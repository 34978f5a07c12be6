"""Networks: default encoders, heads, and what ties them into an objective."""

from skssl.nn._encoders import MLPEncoder, SmallConvNet
from skssl.nn._heads import mlp_head
from skssl.nn._objective import DrawViews, Objective
from skssl.nn._series import (
    DilatedConvNet,
    FillGaps,
    KernelEncoder,
    RandomKernels,
    SeriesResNet,
    SideBySide,
)
from skssl.nn._text import BagEncoder, TextTransformer
from skssl.nn._torchvision import torchvision_encoder, torchvision_names

__all__ = [
    "BagEncoder",
    "DilatedConvNet",
    "DrawViews",
    "FillGaps",
    "KernelEncoder",
    "MLPEncoder",
    "Objective",
    "RandomKernels",
    "SeriesResNet",
    "SideBySide",
    "SmallConvNet",
    "TextTransformer",
    "mlp_head",
    "torchvision_encoder",
    "torchvision_names",
]
