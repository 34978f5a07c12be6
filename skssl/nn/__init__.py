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
from skssl.nn._tabular import TableEncoder, TableStem, UnitLength
from skssl.nn._torchvision import torchvision_encoder, torchvision_names

__all__ = [
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
    "TableEncoder",
    "TableStem",
    "UnitLength",
    "mlp_head",
    "torchvision_encoder",
    "torchvision_names",
]
