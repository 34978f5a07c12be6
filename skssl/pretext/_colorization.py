"""Colorization."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Literal

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skssl._declare import StrOptions, declared, param
from skssl.base import SelfSupervisedTransformer
from skssl.nn import DrawViews, Objective
from skssl.pretext._color_bins import ColorBins, ColorRanges
from skssl.pretext._dense import DenseObjective, _DenseTask, predicted, some_of
from skssl.pretext._lab import colors_of, lab_to_rgb, rgb_to_lab, to_gamut, to_grey
from skssl.views import ImageViews, Views

# Mean distance from grey below which nobody sees a colour.
_INVISIBLE = 0.1
# Area of the window that an image is zoomed in on.
_WINDOW = (0.6, 1.0)
# Weights that are moved by as much in every step reach sure answers as much faster.
_STEEPNESS = 8.0
# Scores at a time.
_CHUNK = 2**24


class ToGrey(nn.Module):
    """Take the colours from images in the range from 0 to 1."""

    def forward(self, images: Tensor) -> Tensor:
        return to_grey(images)


class _ColorObjective(DenseObjective):
    """Tells among bins of colours which one a pixel has.

    Its encoder begins with :class:`ToGrey`.
    """

    def __init__(
        self, encoder: nn.Module, images: Tensor, bins: ColorBins | ColorRanges, *, mirrored: bool
    ):
        few = images[:2]
        super().__init__(encoder, few, few[:, :1], len(bins), augment=True)
        self.bins = bins
        self.mirrored = mirrored

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        (batch,) = draw_views(batch, 1)
        # A quarter of the pixels, other ones each time: the scores of all would take the time.
        step = 2 if min(batch.shape[2:]) > 1 else 1
        down, across = (slice(start, None, step) for start in torch.randint(step, (2,)).tolist())
        lab = rgb_to_lab(batch[..., down, across])
        logits = self._logits(self._features(batch)[..., down, across])
        colors = colors_of(lab)
        error = (self.bins.color(logits.detach()) - colors).abs().mean()
        self.measure("relative_error", error / colors.abs().mean().clamp(min=_INVISIBLE))
        return self.bins.loss(logits, lab)

    def _logits(self, features: Tensor) -> Tensor:
        return _STEEPNESS * self.decoder.out(features).float()

    def _features(self, batch: Tensor) -> Tensor:
        return self.decoder.features(*self.pyramid(self.encoder, batch), to_grey(batch)[:, :1])

    def predict(self, batch: Tensor, *given: Tensor) -> Tensor:
        colors = self._colors(batch)
        if self.mirrored:
            # What a mirror shows has been learned as well, and its errors are other ones.
            colors = (colors + self._colors(batch.flip(3)).flip(3)) / 2
        return colors

    def _colors(self, batch: Tensor) -> Tensor:
        features = self._features(batch)
        # There may be hundreds of scores for every pixel.
        parts = features.split(max(1, _CHUNK // (features[0, 0].numel() * len(self.bins))))
        return torch.cat([self.bins.color(self._logits(part)) for part in parts])

    def compare(self, batch: Tensor, prediction: Tensor, *given: Tensor) -> Tensor:
        colors = colors_of(rgb_to_lab(batch))
        both = torch.stack([prediction - colors, colors], dim=1)
        return both.abs().sum(dim=(2, 3, 4))


def _colored(objective: Objective, batch: Tensor) -> Tensor:
    lightness = rgb_to_lab(batch)[:, :1]
    lab = torch.cat([lightness, predicted(objective, batch)], dim=1)
    return lab_to_rgb(to_gamut(lab))


@declared
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
        easily learned by heart. With views that do the latter, the answer is the mean of those for
        an image and for its mirror image.
    mode : {"regress", "classify"}, default="regress"
        "regress" predicts each of the two colour axes of CIE Lab by its median, which has the
        smallest absolute error, but is careful: where several colours may be right, it becomes
        grey. "classify" is the paper's: it tells among about 260 bins of 10 by 10 in these axes,
        with rare colours weighed up, and takes the annealed mean of them. Its colours are lively
        and its errors larger.

    Attributes
    ----------
    history_ : list of dict
        As for all methods, with ``relative_error``: the mean absolute error of the two colour axes,
        divided by that of grey. 1 is as wrong as grey.

    Notes
    -----
    Colours are computed for sRGB and the white point D65, with the range of the modality taken to
    go from black to white. A random quarter of the pixels are trained on in each step, at full
    size. In "regress", an axis is cut into 16 ranges that are equally frequent in the training
    images; the loss is the cross-entropy of telling among them, by which a network learns more in
    the same time than by the absolute error itself (a histogram loss, as in Imani and White, with
    the median for their mean). In "classify", a pixel belongs to the nearest bin rather than to
    five, and the weights are those of the paper: one over the mean of the smoothed share of a bin
    and of an even share.

    References
    ----------
    Zhang, Isola and Efros, "Colorful Image Colorization", ECCV 2016.
    https://arxiv.org/abs/1603.08511

    Imani and White, "Improving Regression Performance with Distributional Losses", ICML 2018.
    https://arxiv.org/abs/1806.04613

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import Colorization
    >>> grey = load_digits().images[:400] / 16
    >>> X = grey[..., None] * [1.0, 0.6, 0.2]
    >>> ssl = Colorization(batch_size=32, max_epochs=8, random_state=0).fit(X)
    >>> ssl.score(X) > 0.5
    True
    >>> ssl.colorize(grey).shape
    (400, 8, 8, 3)
    """

    mode: Literal["regress", "classify"] = param(
        StrOptions({"regress", "classify"}), default="regress"
    )

    _needs = ("prepare_grey", "unscale", "restore")
    # Methods for samples with any number of channels have none here.
    _n_channels = 3
    _trivial_answer = "grey"
    _nothing_to_score = "X has no colours."

    def _resolve_encoder(self, samples: Tensor) -> nn.Module:
        if samples.shape[1] != self._n_channels:
            channels = f"{samples.shape[1]} channel{'s' if samples.shape[1] > 1 else ''}"
            raise ValueError(f"Colorization needs colour images of 3 channels; got {channels}.")
        return nn.Sequential(OrderedDict(grey=ToGrey(), body=super()._resolve_encoder(samples)))

    def _make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int
    ) -> Objective:
        images = self._input_layer(some_of(samples))
        bins = ColorBins(images) if self.mode == "classify" else ColorRanges(images)
        mirrored = isinstance(self.views_, ImageViews) and self.views_.flip > 0
        return _ColorObjective(encoder, images, bins, mirrored=mirrored)

    def _default_views(self) -> Views:
        return ImageViews(crop_scale=_WINDOW, jitter=0.0, grayscale=0.0)

    def _conclude(self) -> None:
        if self.mode == "regress":
            super()._conclude()
        else:
            # What is weighed up is wrong more often than grey.
            SelfSupervisedTransformer._conclude(self)

    def score(self, X: Any, y: Any = None) -> float:
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

    def colorize(self, X: Any) -> np.ndarray:
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
        X, _ = self.modality_.load(X)
        checked = self.modality_.check(X, estimator=type(self).__name__)
        samples = self.modality_.prepare_grey(checked)
        colored = self._apply_objective(_colored, samples)
        return self.modality_.restore(self.modality_.unscale(colored, samples), X)
