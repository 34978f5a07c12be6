"""Methods without negatives that keep the dimensions of an embedding uncorrelated."""

from skssl.decorrelation._vicreg import VICReg

__all__ = ["VICReg"]
