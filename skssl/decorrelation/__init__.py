"""Methods that keep the dimensions of the embedding spread out and uncorrelated."""

from skssl.decorrelation._barlow_twins import BarlowTwins
from skssl.decorrelation._frossl import FroSSL
from skssl.decorrelation._lejepa import LeJEPA
from skssl.decorrelation._mmcr import MMCR
from skssl.decorrelation._tico import TiCo
from skssl.decorrelation._vibcreg import VIbCReg
from skssl.decorrelation._vicreg import VICReg
from skssl.decorrelation._visreg import VISReg
from skssl.decorrelation._wmse import WMSE

__all__ = ["MMCR", "WMSE", "BarlowTwins", "FroSSL", "LeJEPA", "TiCo", "VIbCReg", "VICReg", "VISReg"]
