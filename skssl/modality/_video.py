"""Video as arrays."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from skssl._types import Samples
from skssl.modality._base import Look, as_tensor, check_mask, check_numbers
from skssl.modality._capabilities import Filmed
from skssl.modality._containers import as_samples
from skssl.modality._cutters import TileCutter
from skssl.modality._pixels import USUAL_CHANNELS, PixelModality, some_samples
from skssl.nn import (
    Patches,
    SmallVideoNet,
    Weights,
    channels_last,
    patch_sizes,
    torchvision_encoder,
    torchvision_start,
    torchvision_video_names,
)
from skssl.views import VideoViews

# Frames of a tube, as in VideoMAE.
_TUBE_FRAMES = 2
# Half as many as for images: there are frames to go with them, and time grows with all tokens.
_PATCHES_A_SIDE = 4


class Video(PixelModality, Filmed):
    """Clips of video as arrays, grey or with any number of channels.

    Accepts ``(n, frames, height, width)``, ``(n, frames, height, width, channels)`` and
    ``(n, channels, frames, height, width)``, with at least 2 frames. All clips have the same shape.
    Values are ``uint8``, kept as they are until they are on the device and taken to go from 0 to
    255, or any other numbers, scaled by the smallest and largest value of the training clips (by
    channel, if there are other than 1, 3 or 4 channels) and computed in float32. If up to a
    hundredth of the values, or a marker such as -9999, would take all of that range, they are left
    out of it, with a warning.

    Which axis holds the channels is decided by the rule of :class:`Images`: an axis of `channels`
    values if that is given, else one of 1, 3 or 4 values. If the last axis and the first after the
    samples both qualify, the last one is taken; set `layout` to change that. If none qualifies,
    `layout` or `channels` has to be given. For ``(n, frames, channels, height, width)``, as
    torchvision decodes it, pass ``X.swapaxes(1, 2)``.

    With ``modality="auto"``, arrays of 5 dimensions are video. Those of 4 dimensions are images:
    pass ``modality=Video()`` for grey clips. As for :class:`Images`, the default views are those
    for glyphs where grey clips have a plain background.

    Parameters
    ----------
    channels : int, default=None
        Number of channels, where it is not 1, 3 or 4.
    layout : {"channels_first", "channels_last"}, default=None
        Whether the channels come before the frames or last. None decides by the rule above.

    Attributes
    ----------
    sample_shape_ : tuple of four ints
        Channels, frames, height and width.
    low_, high_ : ndarray of shape (channels,) or (1,)
        The values that become 0 and 1.
    are_glyphs_ : bool
        Whether the clips are grey with a plain background.

    See Also
    --------
    skssl.views.VideoViews : The default views, and what they make the embedding indifferent to.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl import SimCLR
    >>> from skssl.modality import Video
    >>> X = np.random.default_rng(0).integers(0, 256, (40, 6, 16, 16), dtype=np.uint8)
    >>> ssl = SimCLR(modality=Video(), max_epochs=1, random_state=0).fit(X)
    >>> ssl.modality_.sample_shape_
    (1, 6, 16, 16)
    """

    views_class = VideoViews
    _names = ("Video", "clips")
    _n_axes = 3
    hubs = ("transformers",)

    @classmethod
    def recognizes(cls, look: Look) -> bool:
        return len(look.shape) == 5

    @classmethod
    def doubts(cls, look: Look, X: Samples) -> str | None:
        first, second, third, last = look.shape[1:]
        if first not in USUAL_CHANNELS:
            return None
        if last in USUAL_CHANNELS:
            # Frames are no narrower in the other reading.
            is_either = min(third, last) >= min(second, third)
            return cls._either_axis(first, last) if is_either else None
        if second in USUAL_CHANNELS and second < first:
            return (
                f"the axis of {second} values may hold the channels, but that of {first} is taken. "
                "Pass X.swapaxes(1, 2), or pass modality=Video(layout='channels_first')"
            )
        return None

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        self.check_parameters()
        X = as_samples(X)
        if Look.at(X).ragged:
            row = next(row for row, clip in enumerate(X) if np.shape(clip) != np.shape(X[0]))
            raise ValueError(
                f"Row {row} of X has a clip of shape {np.shape(X[row])}, but row 0 has "
                f"{np.shape(X[0])}; all clips must have the same number of frames and size."
            )
        clips = check_numbers(
            X, dtypes=[np.float32, np.uint8], estimator=estimator, min_samples=min_samples
        )
        if clips.ndim not in (4, 5):
            raise ValueError(
                f"X has shape {clips.shape}; video has 4 or 5 dimensions, (n, frames, height, "
                "width), (n, frames, height, width, channels) or (n, channels, frames, height, "
                "width)."
            )
        return clips

    def prepare_frames(self, X: np.ndarray) -> Tensor:
        # The shape that clips of as many frames would have had in fit.
        shape = list(self.input_shape_)
        axis = _axis_of_frames(self._channel_axis)
        if X.ndim == len(shape) + 1 and X.shape[1 + axis]:
            shape[axis] = X.shape[1 + axis]
        return self._prepare(X, tuple(shape))

    def _find_channel_axis(self) -> int | None:
        channel_axis = super()._find_channel_axis()
        if self.input_shape_[_axis_of_frames(channel_axis)] < 2:
            raise ValueError(
                f"X has clips of shape {self.input_shape_} with 1 frame; video needs at least 2 "
                "frames. For single images pass modality=Images()."
            )
        return channel_axis

    def cutter(self, grid: int | None = None) -> TileCutter:
        return TileCutter([2, grid or 2, grid or 2], self.sample_shape_[1:])

    def clip_cutter(self, n_clips: int) -> TileCutter:
        return TileCutter([n_clips, 1, 1], self.sample_shape_[1:])

    def time_steps(self, samples: Tensor) -> Tensor:
        return torch.full((len(samples),), samples.shape[2], device=samples.device)

    def tokenizer(self, samples: Tensor, *, patch_size: int | str, width: int) -> Patches:
        size = self.sample_shape_[2:]
        sides = patch_sizes(size, patch_size, patches=_PATCHES_A_SIDE, what="video")
        return Patches(
            self.input_layer()(some_samples(samples)),
            (_TUBE_FRAMES, *sides),
            width=width,
            mask_ratio=0.9,
            mask_shapes=("tube", "random", "block"),
            complete=True,
        )

    def cells(self, mask: ArrayLike, samples: Tensor) -> Tensor:
        n, _, *sizes = samples.shape
        return as_tensor(check_mask(mask, (n, *sizes)))[:, None].expand(samples.shape)

    def encoder_names(self) -> list[str]:
        return ["conv", "conv+change", *torchvision_video_names()]

    def build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        channels, _, height, width = self.sample_shape_
        if name in ("auto", "conv", "conv+change"):
            network = SmallVideoNet(channels, (height, width), change=name == "conv+change")
            return channels_last(network)
        return torchvision_encoder(name, channels, (height, width))

    def start_encoder(
        self, name: str, weights: Weights | None, samples: Tensor
    ) -> nn.Module | None:
        if self._network is not None:
            return self._network.build(name, weights, frames=self.sample_shape_[1])
        is_ours = name in ("auto", "conv", "conv+change")
        return None if weights is None or is_ours else torchvision_start(name, weights)


def _axis_of_frames(channel_axis: int | None) -> int:
    return 1 if channel_axis == 0 else 0
