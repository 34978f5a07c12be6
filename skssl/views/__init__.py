"""Views: random, label-preserving changes of a batch, one draw per sample, on its device."""

from skssl.views._base import CallableViews, Views, random_noise
from skssl.views._image_filters import random_blur, random_erase, random_solarize
from skssl.views._images import ImageViews, random_affine, random_color
from skssl.views._series import (
    SeriesViews,
    permute_segments,
    random_gaps,
    random_scale_and_shift,
    random_window,
)
from skssl.views._tabular import TabularViews, swap_cells

__all__ = [
    "CallableViews",
    "ImageViews",
    "SeriesViews",
    "TabularViews",
    "Views",
    "permute_segments",
    "random_affine",
    "random_blur",
    "random_color",
    "random_erase",
    "random_gaps",
    "random_noise",
    "random_scale_and_shift",
    "random_solarize",
    "random_window",
    "swap_cells",
]
