"""Views: random, label-preserving changes of a batch, one draw per sample, on its device."""

from skssl.views._base import (
    CallableViews,
    ViewKind,
    Views,
    draw_views,
    name_of_views,
    random_noise,
)
from skssl.views._changed import ChangedViews, ViewsParameter
from skssl.views._image_filters import random_blur, random_erase, random_rectangles, random_solarize
from skssl.views._images import ImageViews, random_affine, random_color
from skssl.views._points import (
    PointCloudViews,
    random_jitter,
    random_points,
    random_region,
    random_rotation,
    random_stretch,
)
from skssl.views._series import (
    SeriesViews,
    observed_length,
    permute_segments,
    random_gaps,
    random_scale_and_shift,
    random_window,
    resample,
)
from skssl.views._tabular import TabularViews, swap_cells
from skssl.views._text import TextViews, drop_tokens, split_tokens
from skssl.views._video import VideoViews, random_frames

__all__ = [
    "CallableViews",
    "ChangedViews",
    "ImageViews",
    "PointCloudViews",
    "SeriesViews",
    "TabularViews",
    "TextViews",
    "VideoViews",
    "ViewKind",
    "Views",
    "ViewsParameter",
    "draw_views",
    "drop_tokens",
    "name_of_views",
    "observed_length",
    "permute_segments",
    "random_affine",
    "random_blur",
    "random_color",
    "random_erase",
    "random_frames",
    "random_gaps",
    "random_jitter",
    "random_noise",
    "random_points",
    "random_rectangles",
    "random_region",
    "random_rotation",
    "random_scale_and_shift",
    "random_solarize",
    "random_stretch",
    "random_window",
    "resample",
    "split_tokens",
    "swap_cells",
]
