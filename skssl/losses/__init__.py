"""Loss functions: pure functions of tensors, as the authors of each method wrote them."""

from skssl.losses._contrastive import nt_xent
from skssl.losses._decorrelation import vicreg

__all__ = ["nt_xent", "vicreg"]
