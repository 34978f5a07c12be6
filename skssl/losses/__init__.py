"""Loss functions: pure functions of tensors, as the authors of each method wrote them."""

from skssl.losses._contrastive import dcl, info_nce, nt_xent
from skssl.losses._redundancy import barlow_twins, tico, vibcreg, vicreg

__all__ = [
    "barlow_twins",
    "dcl",
    "info_nce",
    "nt_xent",
    "tico",
    "vibcreg",
    "vicreg",
]
