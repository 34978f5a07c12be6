"""Self-supervised learning for scikit-learn."""

from importlib import import_module
from types import ModuleType

from skssl import exceptions, losses, metrics, modality, semi_supervised, views
from skssl.clustering import DeepCluster, SMoG, SwAV
from skssl.contrastive import DCL, NNCLR, MoCo, SimCLR
from skssl.decorrelation import (
    MMCR,
    WMSE,
    BarlowTwins,
    FroSSL,
    LeJEPA,
    TiCo,
    VIbCReg,
    VICReg,
    VISReg,
)
from skssl.distillation import BYOL, DINO, ReSSL, SimSiam
from skssl.masked import (
    IJEPA,
    MSN,
    Data2Vec,
    DenoisingAutoencoder,
    MaskedAutoencoder,
    SelfSupervisedImputer,
    SimMIM,
)
from skssl.pretext import (
    ArrowOfTime,
    ClipOrder,
    Colorization,
    ContextEncoder,
    JigsawPuzzle,
    MotionPrediction,
    PacePrediction,
    RelativePosition,
    RotationPrediction,
    TransformPrediction,
)

__version__ = "0.1.0"

# Imported when they are asked for: scikit-learn's searches and classifiers cost time.
_LATER = ("extend", "inspection", "model_selection", "nn", "testing", "utils")


def __getattr__(name: str) -> ModuleType:
    if name in _LATER:
        return import_module(f"skssl.{name}")
    raise AttributeError(f"module 'skssl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


__all__ = [
    "ArrowOfTime",
    "BYOL",
    "BarlowTwins",
    "ClipOrder",
    "Colorization",
    "ContextEncoder",
    "DCL",
    "DINO",
    "Data2Vec",
    "DenoisingAutoencoder",
    "DeepCluster",
    "FroSSL",
    "JigsawPuzzle",
    "IJEPA",
    "LeJEPA",
    "MMCR",
    "MSN",
    "MaskedAutoencoder",
    "MoCo",
    "MotionPrediction",
    "NNCLR",
    "PacePrediction",
    "ReSSL",
    "RelativePosition",
    "RotationPrediction",
    "SMoG",
    "SelfSupervisedImputer",
    "SimCLR",
    "SimMIM",
    "SimSiam",
    "SwAV",
    "TiCo",
    "TransformPrediction",
    "VIbCReg",
    "VICReg",
    "VISReg",
    "WMSE",
    "__version__",
    "exceptions",
    "extend",
    "inspection",
    "losses",
    "metrics",
    "modality",
    "model_selection",
    "nn",
    "semi_supervised",
    "testing",
    "utils",
    "views",
]
