"""Methods that tell the other view of a sample from other samples."""

from skssl.contrastive._dcl import DCL
from skssl.contrastive._moco import MoCo
from skssl.contrastive._nnclr import NNCLR
from skssl.contrastive._simclr import SimCLR

__all__ = ["DCL", "NNCLR", "MoCo", "SimCLR"]
