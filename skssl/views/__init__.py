"""Views: random, label-preserving changes of a batch, one draw per sample, on its device."""

from skssl.views._base import CallableViews, Views
from skssl.views._images import ImageViews, random_affine, random_color, random_noise
from skssl.views._tabular import TabularViews, swap_cells

__all__ = [
    "CallableViews",
    "ImageViews",
    "TabularViews",
    "Views",
    "random_affine",
    "random_color",
    "random_noise",
    "swap_cells",
]
