"""Loss functions: pure functions of tensors, as the authors of each method wrote them."""

from skssl.losses._clustering import sinkhorn, swav
from skssl.losses._contrastive import dcl, info_nce, nt_xent
from skssl.losses._distillation import dino, negative_cosine, relational
from skssl.losses._gaussian import lejepa, sigreg, visreg
from skssl.losses._redundancy import barlow_twins, tico, vibcreg, vicreg
from skssl.losses._semi_supervised import fixmatch, pseudo_label
from skssl.losses._spectral import frossl, mmcr
from skssl.losses._whitening import w_mse, whiten

__all__ = [
    "barlow_twins",
    "dcl",
    "dino",
    "fixmatch",
    "frossl",
    "info_nce",
    "lejepa",
    "mmcr",
    "negative_cosine",
    "nt_xent",
    "pseudo_label",
    "relational",
    "sigreg",
    "sinkhorn",
    "swav",
    "tico",
    "vibcreg",
    "vicreg",
    "visreg",
    "w_mse",
    "whiten",
]
