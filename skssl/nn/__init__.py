"""Networks: default encoders, heads, and what ties them into an objective."""

from skssl.nn._encoders import MLPEncoder, SideBySide, SmallConvNet, channels_last
from skssl.nn._heads import mlp_head
from skssl.nn._objective import DrawViews, JointObjective, Objective
from skssl.nn._points import FillPoints, PointNet
from skssl.nn._series import (
    DilatedConvNet,
    FillGaps,
    KernelEncoder,
    KernelProjection,
    RandomKernels,
    SeriesResNet,
)
from skssl.nn._tabular import TableEncoder, TableStem, UnitLength
from skssl.nn._text import BagEncoder, TextTransformer
from skssl.nn._torchvision import (
    small_vit,
    torchvision_encoder,
    torchvision_names,
    torchvision_video_names,
)
from skssl.nn._video import SmallVideoNet

__all__ = [
    "BagEncoder",
    "DilatedConvNet",
    "DrawViews",
    "FillGaps",
    "FillPoints",
    "JointObjective",
    "KernelEncoder",
    "KernelProjection",
    "MLPEncoder",
    "Objective",
    "PointNet",
    "RandomKernels",
    "SeriesResNet",
    "SideBySide",
    "SmallConvNet",
    "SmallVideoNet",
    "channels_last",
    "TableEncoder",
    "TableStem",
    "UnitLength",
    "TextTransformer",
    "mlp_head",
    "small_vit",
    "torchvision_encoder",
    "torchvision_names",
    "torchvision_video_names",
]
