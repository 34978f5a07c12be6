"""Methods whose targets are the network's own outputs: for another view, or of a slow copy."""

from skssl.distillation._byol import BYOL
from skssl.distillation._dino import DINO
from skssl.distillation._ressl import ReSSL
from skssl.distillation._simsiam import SimSiam

__all__ = ["BYOL", "DINO", "ReSSL", "SimSiam"]
