"""Colorization."""

from __future__ import annotations

import math
from collections import OrderedDict
from itertools import product
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skssl._declare import StrOptions, param
from skssl._types import Samples
from skssl.base import SelfSupervisedTransformer
from skssl.modality import Paintable, Restorable
from skssl.nn import DrawViews, Objective, Pyramid, in_shares
from skssl.pretext._color_bins import ColorBins, ColorRanges
from skssl.pretext._dense import DenseObjective, _DenseTask, predicted, some_of
from skssl.pretext._lab import colors_of, lab_to_rgb, rgb_to_lab, to_gamut, to_grey
from skssl.views import ImageViews, Views

# Mean distance from grey below which nobody sees a colour.
_INVISIBLE = 0.1
# Images at a time in which colours are looked for; most often, the first ones have some.
_LOOKED_AT = 64
# Area of the window that an image is zoomed in on, and how much larger it is looked at as well.
_WINDOW = (0.6, 1.0)
_ZOOMS = (1.125, 1.25)
# Weights that are moved by as much in every step reach sure answers as much faster.
_STEEPNESS = 8.0
# Channels of the decoder at the size of its answers.
_WIDTH = 32
# One of so many images of a batch is measured.
_MEASURED = 4
# Shares at a time.
_CHUNK = 2**24


class ToGrey(nn.Module):
    """Take the colours from images in the range from 0 to 1."""

    def forward(self, images: Tensor) -> Tensor:
        return to_grey(images)


class _ColorObjective(DenseObjective):
    """Tells among bins of colours which one a pixel has.

    Its encoder begins with :class:`ToGrey`. Where its finest map has at most half the size
    of the image, the answer has half, and is for every second pixel of every second row. The others
    are asked for by shifting the image by a pixel (shift and stitch): nothing is computed at full
    size.
    """

    def __init__(
        self,
        encoder: nn.Module,
        images: Tensor,
        bins: ColorBins | ColorRanges,
        *,
        mirrored: bool,
        largest: float,
    ):
        few = images[:2]
        pyramid = Pyramid.of(encoder, few)
        stride = _stride(pyramid, few)
        super().__init__(
            encoder, pyramid, few, _folded(few, stride), len(bins), augment=True, full_width=_WIDTH
        )
        self.stride = stride
        self.bins = bins
        self.mirrored = mirrored
        # The few pixels of images that an encoder does not halve first make no better larger ones.
        self.zooms = [
            zoom
            for zoom in (_ZOOMS if stride > 1 else ())
            if zoom <= largest and _takes(encoder, _enlarged(few, zoom, stride))
        ]

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        (batch,) = draw_views(batch, 1)
        features = self._features(batch)
        # A quarter of the pixels: the scores of all would take the time.
        step = 2 // self.stride
        down, across = torch.randint(min(step, *batch.shape[2:]), (2,)).tolist()
        logits = self._logits(features[..., down::step, across::step])
        lab = rgb_to_lab(batch[..., down::2, across::2])
        # Of a few images: it takes time as well.
        colors = colors_of(lab[::_MEASURED])
        told = self.bins.color(self.bins.shares(logits.detach()[::_MEASURED]))
        error = (told - colors).abs().mean()
        self.measure("relative_error", error / colors.abs().mean().clamp(min=_INVISIBLE))
        return self.bins.loss(logits, lab)

    def _features(self, batch: Tensor) -> Tensor:
        """Return what the answers are made of, for every pixel that the stride leaves."""

        def features(batch: Tensor) -> Tensor:
            maps = self.pyramid(self.encoder, batch)
            return self.decoder.features(*maps, _folded(batch, self.stride))

        return in_shares(features, batch)

    def _logits(self, features: Tensor) -> Tensor:
        return _STEEPNESS * self.decoder.out(features).float()

    def predict(self, batch: Tensor, *given: Tensor) -> Tensor:
        # There may be hundreds of bins for every pixel.
        chunk = max(1, _CHUNK // (batch[0, 0].numel() * len(self.bins)))
        return torch.cat([self.bins.color(self._shares(part)) for part in batch.split(chunk)])

    def _shares(self, batch: Tensor) -> Tensor:
        """Return the mean of what is told of the images, of larger ones and of their mirror images.

        Both have been learned as well, and their errors are other ones.
        """
        told = self._of_all_sizes(batch)
        if self.mirrored:
            told = (told + self._of_all_sizes(batch.flip(3)).flip(-1)) / 2
        return told

    def _of_all_sizes(self, batch: Tensor) -> Tensor:
        told = [self._stitched(batch)]
        for zoom in self.zooms:
            answer = self._told(_enlarged(batch, zoom, self.stride))
            flat = F.interpolate(answer.flatten(1, -3), batch.shape[2:], mode="bilinear")
            told.append(flat.unflatten(1, answer.shape[1:-2]))
        return torch.stack(told).mean(dim=0)

    def _stitched(self, batch: Tensor) -> Tensor:
        """Return the shares of the bins for every pixel."""
        parts = [
            self._told(F.pad(batch, (0, across, 0, down), mode="replicate")[..., down:, across:])
            for down, across in product(range(self.stride), repeat=2)
        ]
        pixels = F.pixel_shuffle(torch.stack(parts, dim=-3).flatten(1, -3), self.stride)
        height, width = batch.shape[2:]
        return pixels[..., :height, :width].unflatten(1, parts[0].shape[1:-2])

    def _told(self, batch: Tensor) -> Tensor:
        """Return the shares of the bins for every pixel that the stride leaves."""
        return self.bins.shares(self._logits(self._features(batch)))

    def compare(self, batch: Tensor, prediction: Tensor, *given: Tensor) -> Tensor:
        colors = colors_of(rgb_to_lab(batch))
        both = torch.stack([prediction - colors, colors], dim=1)
        return both.abs().sum(dim=(2, 3, 4))


def _stride(pyramid: Pyramid, images: Tensor) -> int:
    """Return 2 if the finest map of an encoder has at most half the size of the images, else 1."""
    if not pyramid.sizes:
        return 1
    halves = zip(pyramid.sizes[0], images.shape[2:], strict=True)
    return 2 if all(part <= math.ceil(whole / 2) for part, whole in halves) else 1


def _folded(images: Tensor, stride: int) -> Tensor:
    """Return the grey of all pixels of a cell of `stride` by `stride` as its channels."""
    missing = [-side % stride for side in images.shape[2:]]
    whole = F.pad(images, (0, missing[1], 0, missing[0]), mode="replicate")
    return F.pixel_unshuffle(to_grey(whole)[:, :1], stride)


def _enlarged(images: Tensor, zoom: float, stride: int) -> Tensor:
    """Enlarge images so that the pixels that a stride leaves lie evenly over them."""
    size = [stride * round(zoom * side / stride) for side in images.shape[2:]]
    down, across = ((stride - 1) / side for side in size)
    theta = images.new_tensor([[1, 0, across], [0, 1, down]]).expand(len(images), 2, 3)
    grid = F.affine_grid(theta, [*images.shape[:2], *size], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _takes(encoder: nn.Module, images: Tensor) -> bool:
    """Whether an encoder takes images of this size; there is no other way to know than to try."""
    try:
        Pyramid.of(encoder, images)
    except (AssertionError, RuntimeError, ValueError):
        return False
    return True


def _colored(objective: Objective, batch: Tensor) -> Tensor:
    lightness = rgb_to_lab(batch)[:, :1]
    lab = torch.cat([lightness, predicted(objective, batch)], dim=1)
    return lab_to_rgb(to_gamut(lab))


class Colorization(_DenseTask):
    """Tell the colours of an image from its lightness.

    To know what is green and what is blue, the encoder has to learn what things are. The learned
    network gives colours to grey images, see :meth:`colorize`. It is for images with three
    channels, red, green and blue, whose colours have to do with what is in them.

    The encoder sees no colours, neither in training nor in `transform`: ``encoder_`` begins by
    taking them away. A decoder predicts the colour of every pixel from the encoder's embedding and
    from the maps that it makes on its way, if any. An encoder without maps, such as a multilayer
    perceptron, has to tell all through its embedding, and does worse.

    Parameters
    ----------
    views : "auto", Views or callable, default="auto"
        Random changes that are made to an image before its colours are asked for. "auto" zooms in
        on a window and turns left into right in half of the images, so that the colours are less
        easily learned by heart. The answer is the mean of what is told of an image and of its
        mirror image, with views that have those; and of both enlarged by an eighth and by a
        quarter, with views that zoom in so far and an encoder that begins by halving the size and
        takes images of other sizes.
    mode : {"regress", "classify"}, default="regress"
        "regress" predicts each of the two colour axes of CIE Lab by its median, which has the
        smallest absolute error, but is careful: where several colours may be right, it becomes
        grey. "classify" is the paper's: it tells among about 260 bins of 10 by 10 in these axes,
        with rare colours weighed up, and takes the annealed mean of them. Its colours are lively
        and its errors larger.

    Attributes
    ----------
    history_ : list of dict
        As for all methods, with ``relative_error``: the mean absolute error of the two colour axes
        in a quarter of the images, divided by that of grey. 1 is as wrong as grey.

    Raises
    ------
    ValueError
        In `fit`, if no image has a colour.

    Notes
    -----
    Colours are computed for sRGB and the white point D65, with the range of the modality taken to
    go from black to white. A quarter of the pixels are trained on in each step: where the encoder
    begins by halving the size, as the default one does with more than 16 pixels a side, one pixel
    of every 2 by 2. The others are told by shifting the image by a pixel (shift and stitch, Long et
    al.), so that nothing is computed at full size. In "regress", an axis is cut into 16 ranges that
    are equally frequent in the training images, with colours distributed in each as in these; the
    loss is the cross-entropy of telling among them, by which a network learns more in the same time
    than by the absolute error itself (a histogram loss, as in Imani and White, with the median for
    their mean). In "classify", a pixel belongs to the nearest bin rather than to five, and the
    weights are those of the paper: one over the mean of the smoothed share of a bin and of an even
    share.

    References
    ----------
    Zhang, Isola and Efros, "Colorful Image Colorization", ECCV 2016.
    https://arxiv.org/abs/1603.08511

    Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR
    2015, section 3.2. https://arxiv.org/abs/1411.4038

    Imani and White, "Improving Regression Performance with Distributional Losses", ICML 2018.
    https://arxiv.org/abs/1806.04613

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import Colorization
    >>> from skssl.nn import SmallConvNet
    >>> def narrow(shape):
    ...     return SmallConvNet(shape[0], shape[1:], widths=(16, 32, 32, 64))
    >>> grey = load_digits().images[:400] / 16
    >>> X = grey[..., None] * [1.0, 0.6, 0.2]
    >>> ssl = Colorization(encoder=narrow, batch_size=32, max_epochs=8, random_state=0).fit(X)
    >>> ssl.score(X) > 0.5
    True
    >>> ssl.colorize(grey).shape
    (400, 8, 8, 3)
    """

    mode: Literal["regress", "classify"] = param(
        StrOptions({"regress", "classify"}), default="regress"
    )

    needs = (Paintable,)
    needs_channels = 3
    _trivial_answer = "grey"
    _nothing_to_score = "X has no colours."

    def _resolve_encoder(self, samples: Tensor) -> nn.Module:
        if samples.shape[1] != self.needs_channels:
            channels = f"{samples.shape[1]} channel{'s' if samples.shape[1] > 1 else ''}"
            raise ValueError(f"Colorization needs colour images of 3 channels; X has {channels}.")
        if not any(self._are_colored(part) for part in samples.split(_LOOKED_AT)):
            raise ValueError(
                "Colorization needs images with colours to learn from, but X is grey: the three "
                "channels of its images are the same, or nearly so."
            )
        return nn.Sequential(OrderedDict(grey=ToGrey(), body=super()._resolve_encoder(samples)))

    @torch.no_grad()
    def _are_colored(self, samples: Tensor) -> bool:
        """Whether any of the images has colours that can be seen."""
        colors = colors_of(rgb_to_lab(self.modality_.input_layer()(samples)))
        return bool((colors.abs().mean(dim=(1, 2, 3)) >= _INVISIBLE).any())

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        images = self._input_layer(some_of(samples))
        bins = ColorBins(images) if self.mode == "classify" else ColorRanges(images)
        views = self.views_ if isinstance(self.views_, ImageViews) else None
        # Things of that size have to be among what is learned.
        largest = 1.0 if views is None else views.crop_scale[0] ** -0.5
        mirrored = views is not None and views.flip > 0
        return _ColorObjective(encoder, images, bins, mirrored=mirrored, largest=largest)

    def shows_views(self) -> bool:
        return True

    def default_views(self) -> Views:
        return ImageViews(crop_scale=_WINDOW, jitter=0.0, grayscale=0.0)

    def conclude(self) -> None:
        if self.mode == "regress":
            super().conclude()
        else:
            # What is weighed up is wrong more often than grey.
            SelfSupervisedTransformer.conclude(self)

    def score(self, X: Samples, y: ArrayLike | None = None) -> float:
        """Return how well the colours are told: one minus the relative absolute error.

        Parameters
        ----------
        X : array-like
            Colour images.
        y : Ignored
            Not looked at; present for API consistency.

        Returns
        -------
        score : float
            ``1 - mean(abs(ab - predicted ab)) / mean(abs(ab))`` with the two colour axes of CIE
            Lab. 1 is perfect, 0 is as wrong as grey.
        """
        return self._score(X)

    def colorize(self, X: Samples) -> np.ndarray:
        """Give colours to images.

        Parameters
        ----------
        X : array-like
            Grey images of shape (n, height, width), (n, height, width, 1), (n, 1, height, width)
            or flattened, or images of the shape seen in `fit`, whose colours are not looked at.
            Their values have the range that those in `fit` had.

        Returns
        -------
        colored : ndarray
            Images in the form, the layout and the kind of numbers of those seen in `fit`, of the
            same lightness as `X`. Colours that sRGB does not have are made greyer.
        """
        check_is_fitted(self)
        X, loaded = self.modality_.load(X)
        checked = self.modality_.check(X, estimator=type(self).__name__)
        samples = Paintable.of(self.modality_).prepare_grey(checked)
        colored = self.apply_objective(_colored, samples)
        return self.give_back(Restorable.of(self.modality_).unscale(colored, samples), X, loaded)
