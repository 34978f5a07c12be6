"""What makes sketches of the samples of every modality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from scipy.special import ndtr
from torch import Tensor

from skssl._labels import is_missing
from skssl._types import Samples
from skssl.inspection._sketches import Clip, Lines, Picture, Points, Row, Sketch, Words, reaches_of
from skssl.modality import Images, Modality, PointCloud, Series, Tabular, Text, Video

_FULL_COLOR = 3


class Sketcher(ABC):
    """Makes sketches of the samples of a fitted modality.

    Parameters
    ----------
    modality : Modality
        Fitted.
    """

    def __init__(self, modality: Modality):
        self.modality = modality

    def sketch(self, X: Samples, marked: np.ndarray | None = None) -> list[Sketch]:
        """Return samples as they are.

        Parameters
        ----------
        X : array-like
            As for `fit`.
        marked : ndarray of bool, default=None
            In the form of masks of :meth:`skssl.MaskedAutoencoder.reconstruct`: what was made up.
        """
        checked = self.modality.check(
            self.modality.load_all(X), estimator=type(self.modality).__name__
        )
        return list(self._of_samples(checked, self.modality.prepare(checked), marked))

    @abstractmethod
    def _of_samples(
        self, checked: Any, samples: Tensor, marked: np.ndarray | None
    ) -> Sequence[Sketch]:
        """Return sketches of samples, which are given as checked and as prepared."""

    def sketch_views(self, X: Samples, samples: Tensor, views: Tensor) -> list[Sketch]:
        """Return views of samples.

        Parameters
        ----------
        X : array-like
            The samples, as for `fit`.
        samples : Tensor
            These, prepared.
        views : Tensor
            What became of them behind the modality's input layer.
        """
        return list(self._of_views(X, samples, views))

    @abstractmethod
    def _of_views(self, X: Samples, samples: Tensor, views: Tensor) -> Sequence[Sketch]: ...

    def _shown(self, samples: Tensor) -> Tensor:
        """Return prepared samples on the scale on which views change them."""
        with torch.no_grad():
            return self.modality.input_layer()(samples)


class _PixelSketcher(Sketcher):
    """Makes pictures of images."""

    def _of_samples(
        self, checked: Any, samples: Tensor, marked: np.ndarray | None
    ) -> Sequence[Sketch]:
        shown = self._shown(samples)
        return [
            Picture(pixels, None if marked is None else marked[row])
            for row, pixels in enumerate(self._colors(shown, shown))
        ]

    def _of_views(self, X: Samples, samples: Tensor, views: Tensor) -> Sequence[Sketch]:
        return [Picture(pixels) for pixels in self._colors(views, self._shown(samples))]

    def _colors(self, shown: Tensor, originals: Tensor) -> np.ndarray:
        """Return pixels (n, channels, ...) as (n, ..., 3), in the way that suits the originals."""
        pixels = shown.float().clamp(0, 1).nan_to_num().numpy()
        if pixels.shape[1] > _FULL_COLOR and pixels.shape[1] != _FULL_COLOR + 1:
            pixels = pixels.mean(axis=1, keepdims=True)
        if pixels.shape[1] < _FULL_COLOR:
            pixels = np.repeat(pixels.mean(axis=1, keepdims=True), _FULL_COLOR, axis=1)
            assert isinstance(self.modality, (Images, Video))
            # Ink on paper.
            if self.modality.are_glyphs_ and originals.mean() < 0.5:
                pixels = 1 - pixels
        return np.moveaxis(pixels[:, :_FULL_COLOR], 1, -1)


class _ClipSketcher(_PixelSketcher):
    """Makes strips of the frames of clips."""

    def _of_samples(
        self, checked: Any, samples: Tensor, marked: np.ndarray | None
    ) -> Sequence[Sketch]:
        shown = self._shown(samples)
        return [
            Clip(frames, None if marked is None else marked[row])
            for row, frames in enumerate(self._colors(shown, shown))
        ]

    def _of_views(self, X: Samples, samples: Tensor, views: Tensor) -> Sequence[Sketch]:
        return [Clip(frames) for frames in self._colors(views, self._shown(samples))]


class _SeriesSketcher(Sketcher):
    """Makes lines of series, in the units of `X`."""

    def _of_samples(
        self, checked: Any, samples: Tensor, marked: np.ndarray | None
    ) -> Sequence[Sketch]:
        return [Lines(_without_end(values)) for values in np.asarray(checked)]

    def _of_views(self, X: Samples, samples: Tensor, views: Tensor) -> Sequence[Sketch]:
        series = Series.of(self.modality)
        values = series.forecast_form(series.unscale(views, samples), X)
        # In the layout of X; and what is asked for is channels first.
        if np.ndim(values) == 2:
            values = values[:, None]
        elif series.layout == "channels_last":
            values = values.transpose(0, 2, 1)
        return [Lines(_without_end(one)) for one in values]


class _RowSketcher(Sketcher):
    """Makes rows of names and values of tables."""

    def _of_samples(
        self, checked: Any, samples: Tensor, marked: np.ndarray | None
    ) -> Sequence[Sketch]:
        return self._rows(checked, samples, marked)

    def _rows(self, checked: Any, samples: Tensor, marked: np.ndarray | None) -> list[Row]:
        modality = Tabular.of(self.modality)
        names = [f"column {name}" if isinstance(name, int) else str(name) for name in checked.names]
        is_number = ~modality.categorical_
        # In prepared rows, the numbers come first.
        shares = np.full((len(checked), len(names)), np.nan)
        if modality.scaler_ is not None:
            shares[:, is_number] = ndtr(samples[:, : is_number.sum()].numpy())
        # A few rows may have nothing in a column, which does not tell then what it holds.
        columns = [
            (checked.categories if is_category else checked.numbers)[:, place]
            for is_category, place in zip(checked.categorical, checked.places(), strict=True)
        ]
        if marked is None:
            marked = np.zeros((len(checked), len(names)), dtype=bool)
        return [
            Row(names, [in_words(column[row]) for column in columns], shares[row], marked[row])
            for row in range(len(checked))
        ]

    def _of_views(self, X: Samples, samples: Tensor, views: Tensor) -> Sequence[Sketch]:
        changed = views.numpy()
        is_other = (changed != samples.numpy()) & ~(np.isnan(changed) & samples.isnan().numpy())
        modality = Tabular.of(self.modality)
        order = modality.categorical_.argsort(kind="stable")
        marked, missing = np.empty_like(is_other), np.empty_like(is_other)
        marked[:, order], missing[:, order] = is_other, modality.missing(views).numpy()
        checked = modality.check(modality.restore(views, X), estimator=type(modality).__name__)
        rows = self._rows(checked, modality.prepare(checked), marked)
        for row, gaps in zip(rows, missing, strict=True):
            # What is missing is nothing that can be given back.
            row.leave_out(gaps)
        return rows


class _TextSketcher(Sketcher):
    """Makes words of texts."""

    def _of_samples(
        self, checked: Any, samples: Tensor, marked: np.ndarray | None
    ) -> Sequence[Sketch]:
        return [Words(text) for text in checked.texts]

    def _of_views(self, X: Samples, samples: Tensor, views: Tensor) -> Sequence[Sketch]:
        modality = Text.of(self.modality)
        tokens = {place: token for token, place in modality.vocabulary_.items()}
        # Tokens that share letters are told apart, since they make no text.
        between = " · " if modality.analyzer_overlaps_ else " "
        return [
            Words(between.join(tokens[place] for place in row if place)) for row in views.tolist()
        ]


class _PointSketcher(Sketcher):
    """Makes views of clouds from the side."""

    def _of_samples(
        self, checked: Any, samples: Tensor, marked: np.ndarray | None
    ) -> Sequence[Sketch]:
        return self._points(self._shown(samples))

    def _of_views(self, X: Samples, samples: Tensor, views: Tensor) -> Sequence[Sketch]:
        return self._points(views)

    def _points(self, shown: Tensor) -> Sequence[Sketch]:
        clouds = self._present(shown)
        return [Points(*one) for one in zip(clouds, reaches_of(clouds), strict=True)]

    @staticmethod
    def _present(clouds: Tensor) -> list[np.ndarray]:
        return [cloud[~np.isnan(cloud).any(axis=1)] for cloud in clouds[..., :3].numpy()]


class _AnySketcher(Sketcher):
    """Makes lines of the prepared samples of a modality of one's own."""

    def _of_samples(
        self, checked: Any, samples: Tensor, marked: np.ndarray | None
    ) -> Sequence[Sketch]:
        return self._lines(self._shown(samples))

    def _of_views(self, X: Samples, samples: Tensor, views: Tensor) -> Sequence[Sketch]:
        return self._lines(views)

    def _lines(self, shown: Tensor) -> Sequence[Sketch]:
        if shown.ndim not in (2, 3):
            raise ValueError(
                f"Samples of {type(self.modality).__name__} cannot be drawn: prepared ones have "
                f"shape {tuple(shown.shape[1:])}. Of modalities of one's own, those of shape "
                "(length,) or (channels, length) can, and those of a subclass of one of skssl."
            )
        return [Lines(np.atleast_2d(one)) for one in shown.float().numpy()]


# Subclasses are drawn as these are.
_SKETCHERS: dict[type[Modality], type[Sketcher]] = {
    Images: _PixelSketcher,
    Video: _ClipSketcher,
    Series: _SeriesSketcher,
    Tabular: _RowSketcher,
    Text: _TextSketcher,
    PointCloud: _PointSketcher,
}


def sketcher_of(modality: Modality) -> Sketcher:
    """Return what makes sketches of the samples of a fitted modality."""
    kinds = (kind for kind in _SKETCHERS if isinstance(modality, kind))
    return _SKETCHERS.get(next(kinds, Modality), _AnySketcher)(modality)


def length_of(values: np.ndarray) -> int:
    """Return the length of a series (channels, length) up to its last value, without padding."""
    known = np.flatnonzero(~np.isnan(values).all(axis=0))
    return int(known[-1]) + 1 if len(known) else 1


def _without_end(values: np.ndarray) -> np.ndarray:
    return values[:, : length_of(values)]


def in_words(value: Any) -> str:
    """Return a value of a table as a short text, "" for what is missing."""
    if is_missing(value):
        return ""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        # Of a day, without the time.
        return str(value).removesuffix(" 00:00:00")
    if float(value).is_integer() and abs(float(value)) < 1e9:
        return f"{value:.0f}"
    return f"{value:.4g}"
