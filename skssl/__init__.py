"""Self-supervised learning for scikit-learn."""

from skssl import exceptions, losses, metrics, modality, views
from skssl.contrastive import SimCLR
from skssl.decorrelation import VICReg

__version__ = "0.1.0"

__all__ = [
    "SimCLR",
    "VICReg",
    "__version__",
    "exceptions",
    "losses",
    "metrics",
    "modality",
    "views",
]
