"""Self-supervised learning for scikit-learn."""

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
from skssl.masked import IJEPA, MSN, Data2Vec, MaskedAutoencoder, SelfSupervisedImputer, SimMIM
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
    "losses",
    "metrics",
    "modality",
    "semi_supervised",
    "views",
]
