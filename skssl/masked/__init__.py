"""Masked modelling: methods that hide a part of every sample, and learn to know what it was."""

from skssl.masked._data2vec import Data2Vec
from skssl.masked._denoising import DenoisingAutoencoder
from skssl.masked._ijepa import IJEPA
from skssl.masked._imputer import SelfSupervisedImputer
from skssl.masked._mae import MaskedAutoencoder
from skssl.masked._msn import MSN
from skssl.masked._simmim import SimMIM

__all__ = [
    "IJEPA",
    "MSN",
    "Data2Vec",
    "DenoisingAutoencoder",
    "MaskedAutoencoder",
    "SelfSupervisedImputer",
    "SimMIM",
]
