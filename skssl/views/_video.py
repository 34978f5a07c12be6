"""Views of video: frames from a random window, changed alike in all frames of a clip."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Self

import torch
from torch import Tensor

from skssl._declare import AT_LEAST_TWO, param
from skssl.views._base import PARTS, quartered, uniform
from skssl.views._images import ImageViews


def random_frames(
    clips: Tensor, *, generator: torch.Generator, window: tuple[float, float], n_frames: int
) -> Tensor:
    """Show some frames of every clip, evenly spread over a random window of time.

    Parameters
    ----------
    clips : Tensor of shape (n, channels, frames, height, width)
    generator : torch.Generator
        Source of the random numbers, on the device of `clips`.
    window : tuple of two floats
        Range of the length of the window, as a fraction of the clip. It decides the stride from
        one frame that is shown to the next.
    n_frames : int
        Frames to show, at least 2. Fewer are shown if the shortest window has fewer, so that no
        frame is shown twice.

    Returns
    -------
    Tensor of shape (n, channels, frames shown, height, width)
        Frames as they are: nothing is interpolated between them.
    """
    n, channels, length, height, width = clips.shape
    # Time is counted in steps from frame to frame, of which there is one less than frames.
    last = length - 1
    n_steps = max(1, min(n_frames - 1, math.floor(window[0] * last)))
    low, high = (max(n_steps, end * last) for end in window)
    size, place = uniform(0.0, 1.0, (2, n, 1), clips, generator)
    span = low + size * (high - low)
    start = place * (last - span)
    stride = span / n_steps
    steps = torch.arange(n_steps + 1, device=clips.device)
    frames = (start + steps * stride + 0.5).long().clamp(max=last)
    index = frames[:, None, :, None, None].expand(n, channels, n_steps + 1, height, width)
    return clips.gather(2, index)


class VideoViews(ImageViews):
    """Random views of clips: a window of time with a stride, and views of images on its frames.

    Time first: a random window of every clip is shown at a random stride. Then the geometry and
    the colours of its frames are changed as in :class:`ImageViews`, with one draw per clip, the
    same for all its frames, so that what moves still moves alike. Only noise is drawn for every
    pixel. Time is never reversed.

    What the embedding becomes indifferent to is up to these ranges. A mirror image turns left
    into right: set ``flip=0`` where the direction of a movement counts. The window changes tempo
    and beginning: set ``window=(1.0, 1.0)`` where speed counts, or when something happens. For a
    direction relative to the frame, keep `rotation` small. For movements, see also
    ``encoder="conv+change"``.

    Parameters
    ----------
    window : tuple of two floats, default=(0.5, 1.0)
        Range of the length of the window of time, as a fraction of the clip.
    n_frames : int, default=8
        Frames of a view, spread evenly over the window; fewer if the shortest window has fewer.
        The embedding of a clip is computed from all its frames.
    local_window : tuple of two floats, default=(0.3, 0.5)
        `window` of local views, which methods with multi-crop draw beside the others. Their frames
        are cropped by `local_scale` as well.

    See Also
    --------
    VideoViews.glyphs : The defaults for grey clips.

    References
    ----------
    Qian et al., "Spatiotemporal Contrastive Video Representation Learning", CVPR 2021.
    https://arxiv.org/abs/2008.03800

    Examples
    --------
    >>> import torch
    >>> from skssl.views import VideoViews
    >>> clips = torch.rand(4, 3, 16, 32, 32)
    >>> VideoViews(flip=0.0)(clips, generator=torch.Generator().manual_seed(0)).shape
    torch.Size([4, 3, 8, 32, 32])
    """

    window: tuple[float, float] = param(PARTS, default=(0.5, 1.0))
    n_frames: int = param(AT_LEAST_TWO, default=8)
    local_window: tuple[float, float] = param(PARTS, default=(0.3, 0.5))

    def local(self) -> Self:
        """Return views of smaller windows of space (`local_scale`) and time (`local_window`).

        Returns
        -------
        VideoViews
            A changed copy of these views.
        """
        return replace(super().local(), window=self.local_window)

    def mild(self) -> Self:
        """Return views with a quarter of the changes of space and time, and no others.

        Returns
        -------
        VideoViews
            A changed copy of these views.
        """
        return replace(super().mild(), window=quartered(self.window))

    def __call__(self, batch: Tensor, *, generator: torch.Generator) -> Tensor:
        clips = random_frames(
            batch, generator=generator, window=self.window, n_frames=self.n_frames
        )
        # An image whose channels are all frames is resampled by one grid, and an image of all
        # frames one below the other is coloured by one matrix.
        moved = self.change_geometry(clips.flatten(1, 2), generator=generator)
        moved = moved.view(*clips.shape[:3], *moved.shape[2:])
        colored = self.change_color(moved.flatten(2, 3), generator=generator).view_as(moved)
        return self.change_details(colored.flatten(1, 2), generator=generator).view_as(moved)
