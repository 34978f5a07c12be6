"""Views: random, label-preserving changes of a batch, one draw per sample, on its device."""

from skssl.views._base import CallableViews, Views, random_noise
from skssl.views._images import ImageViews, random_affine, random_color
from skssl.views._series import (
    SeriesViews,
    permute_segments,
    random_gaps,
    random_scale_and_shift,
    random_window,
)
from skssl.views._tabular import TabularViews, swap_cells
from skssl.views._text import TextViews, drop_tokens, split_tokens

__all__ = [
    "CallableViews",
    "ImageViews",
    "SeriesViews",
    "TabularViews",
    "TextViews",
    "Views",
    "drop_tokens",
    "permute_segments",
    "random_affine",
    "random_color",
    "random_gaps",
    "random_noise",
    "random_scale_and_shift",
    "random_window",
    "split_tokens",
    "swap_cells",
]
