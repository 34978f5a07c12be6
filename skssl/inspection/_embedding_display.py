"""The figure of an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted

from skssl._numbering import numbered_as
from skssl._sklearn_compat import check_lengths, num_samples
from skssl._types import RandomState, Samples
from skssl.inspection._arguments import check_ax, finite_rows, modality_for
from skssl.inspection._axes import emptied, remember
from skssl.inspection._fonts import find_letters
from skssl.inspection._projection import Projection, check_projection, project
from skssl.inspection._read_labels import Labels
from skssl.inspection._sketchers import sketcher_of
from skssl.inspection._sketches import Clip, Picture, Sketch
from skssl.inspection._style import (
    FAINT,
    INK,
    PALE,
    color,
    legend_place,
    marker,
    plain_text,
    pyplot,
    shortened,
    without_ticks,
)
from skssl.modality import Images, Video, take

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of more classes, the rarest are drawn as one.
_MOST_CLASSES = 21
_NAMES = {"pca": "principal component", "tsne": "t-SNE", "auto": "t-SNE", "umap": "UMAP"}
# With fewer samples there are no neighbours that t-SNE could keep together.
_FEWEST = 4
# Numbers up to which squares are finite in single precision.
_LARGEST = 1e18
# Side of a thumbnail, as a part of the figure's width.
_THUMBNAIL = 0.045
_MOST_THUMBNAILS = 150
_LONGEST_NAME = 24
_UNLABELLED = {"color": PALE, "zorder": 1, "alpha": 0.4}


class EmbeddingDisplay:
    """An embedding as points in a plane, coloured by label.

    What is near in the plane was near in the embedding. With t-SNE and UMAP, distances between
    groups and their sizes mean little; with principal components, they mean what they say, but
    little of the whole may be in two of them. The axes have no units.

    Parameters
    ----------
    places : ndarray of shape (n_samples, 2)
        Where the samples are in the plane.
    y : array-like of shape (n_samples,), default=None
        Labels, some or all of them perhaps missing. Names, booleans and whole numbers are classes;
        numbers with a fractional part, or more than 200 different ones, are quantities.
    projection : {"auto", "pca", "tsne", "umap"} or str, default="pca"
        What made the plane, for the labels of the axes.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label, as in :class:`skssl.semi_supervised.LabeledOnly`.
    thumbnails : dict of int to sketch, default=None
        Samples that are drawn where they are.
    n_all : int, default=None
        Number of samples of which these were drawn, if these are not all.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure that this is part of.
    points_ : dict of label to matplotlib PathCollection
        The points of each class, and those that are "unlabelled" or of "10 other classes", in
        brackets if a class has this name; of quantities, those of "labelled" samples; without `y`,
        "samples".
    legend_ : matplotlib Legend, Colorbar or None
        What tells the labels.
    thumbnails_ : dict of int to matplotlib AnnotationBbox
        The pictures, by the position of their sample.

    See Also
    --------
    EmbeddingDisplay.from_estimator : Draws the embedding of your samples.
    EmbeddingDisplay.from_embedding : Draws what you have embedded.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.inspection import EmbeddingDisplay
    >>> X, y = load_digits().images[:300], load_digits().target[:300]
    >>> ssl = SimCLR(max_epochs=2, random_state=0).fit(X)
    >>> display = EmbeddingDisplay.from_estimator(ssl, X, y, projection="pca")
    >>> [text.get_text() for text in display.legend_.get_texts()][:3]
    ['0', '1', '2']
    """

    def __init__(
        self,
        *,
        places: np.ndarray,
        y: ArrayLike | None = None,
        projection: str = "pca",
        unlabeled: object = "auto",
        thumbnails: dict[int, Sketch] | None = None,
        n_all: int | None = None,
    ):
        self.places = places
        self.y = y
        self.projection = projection
        self.unlabeled = unlabeled
        self.thumbnails = thumbnails
        self.n_all = n_all

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Samples,
        y: ArrayLike | None = None,
        *,
        projection: Projection | ArrayLike | BaseEstimator = "tsne",
        max_samples: int | None = 2000,
        thumbnails: bool | int = False,
        unlabeled: object = "auto",
        random_state: RandomState = 0,
        ax: Axes | None = None,
    ) -> Self:
        """Draw what an estimator makes of samples.

        Parameters
        ----------
        estimator : estimator
            Fitted: a method, a pipeline, or any other transformer.
        X : array-like
            Samples.
        y : array-like of shape (n_samples,), default=None
            Labels, some of them perhaps missing.
        projection : {"auto", "pca", "tsne", "umap"}, array or transformer, default="tsne"
            How the plane is found. "auto" is t-SNE of at most 3000 samples, between which the
            others are put; "umap" needs umap-learn. A transformer gives two columns, and an array
            of shape (n_samples, 2) has the places.
        max_samples : int, default=2000
            If there are more, this many are drawn at random; where few have a label, half of them
            are drawn from these. None draws all: t-SNE takes a minute for some ten thousand.
        thumbnails : bool or int, default=False
            Whether to draw some images, or the middle frames of some clips, where they are; a
            number is that of pictures at most.
        unlabeled : "auto", None or a label, default="auto"
            What stands for a missing label.
        random_state : int, RandomState instance or None, default=0
            Seed of what is drawn, and of t-SNE and UMAP.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : EmbeddingDisplay
            What was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If `y` does not go with `X`, or there are no pictures for thumbnails.
        ImportError
            Without matplotlib, or UMAP without umap-learn.
        """
        pyplot(cls.__name__)
        check_is_fitted(estimator)
        labels = _labels_of(y, X, unlabeled, cls.__name__)
        given = check_projection(projection, num_samples(X))
        modality = modality_for(estimator, X) if thumbnails else None
        if modality is not None and not isinstance(modality, (Images, Video)):
            raise ValueError(
                f"thumbnails={thumbnails!r} are for images and clips, but the samples of X are "
                f"{type(modality).__name__}. NeighborsDisplay shows them."
            )
        rng = check_random_state(random_state)
        rows = _some_rows(num_samples(X), max_samples, labels, rng)
        some = take(X, rows)
        if given is None:
            Z = finite_rows(estimator.transform(some), "The embedding", numbers=rows, X=some)
            places = _plane(Z, projection, rng)
        else:
            places = given[rows]
        pictures = {}
        if modality is not None:
            chosen = _thinned(places, _MOST_THUMBNAILS if thumbnails is True else int(thumbnails))
            with numbered_as(rows[chosen]):
                sketches = sketcher_of(modality).sketch(take(some, chosen))
            pictures = dict(zip(chosen.tolist(), sketches, strict=True))
        display = cls(
            places=places,
            y=None if labels is None else _marked(labels.take(rows)),
            projection=_name_of(projection, len(rows)),
            # Said of all samples, of which some may tell less.
            unlabeled=None if labels is None or labels.known.all() else np.nan,
            thumbnails=pictures,
            n_all=num_samples(X),
        )
        return display.plot(ax=ax)

    @classmethod
    def from_embedding(
        cls,
        Z: ArrayLike,
        y: ArrayLike | None = None,
        *,
        projection: Projection | ArrayLike | BaseEstimator = "tsne",
        max_samples: int | None = 2000,
        unlabeled: object = "auto",
        random_state: RandomState = 0,
        ax: Axes | None = None,
    ) -> Self:
        """Draw an embedding that is there already.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features)
            The embedding.
        y, projection, max_samples, unlabeled, random_state, ax
            As for :meth:`from_estimator`.

        Returns
        -------
        display : EmbeddingDisplay
            What was drawn.
        """
        pyplot(cls.__name__)
        labels = _labels_of(y, Z, unlabeled, cls.__name__)
        given = check_projection(projection, num_samples(Z))
        rng = check_random_state(random_state)
        rows = _some_rows(num_samples(Z), max_samples, labels, rng)
        display = cls(
            places=_plane(finite_rows(take(Z, rows), "Z", numbers=rows), projection, rng)
            if given is None
            else given[rows],
            y=None if labels is None else _marked(labels.take(rows)),
            projection=_name_of(projection, len(rows)),
            unlabeled=None if labels is None or labels.known.all() else np.nan,
            n_all=num_samples(Z),
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the points.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : EmbeddingDisplay
            This object.
        """
        plt = pyplot("EmbeddingDisplay.plot")
        check_ax(ax)
        labels = _labels_of(self.y, self.places, self.unlabeled, type(self).__name__)
        is_own = ax is None
        if ax is None:
            _, ax = plt.subplots(figsize=(8.6, 6.4), layout="constrained")
        emptied(ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.points_: dict[object, Any] = {}
        self.legend_: Any = None
        # So many points that they hide each other are small and let others through.
        size = float(np.clip(24_000 / len(self.places), 7, 32))
        self._look = {"s": size, "alpha": 0.85 if size > 10 else 0.6, "lw": 0, "zorder": 2}
        without_ticks(ax, frame=True)
        if labels is None:
            self._scatter("samples", np.arange(len(self.places)), color=color(0))
        elif labels.classes is None:
            self._draw_quantities(plt, labels)
        else:
            self._draw_classes(labels, labels.classes, is_own=is_own)
        # Of the legend, only a colour bar lies outside of the axes.
        remember(ax, [self.legend_] if labels is not None and labels.classes is None else [])
        name = _NAMES.get(self.projection, self.projection)
        ax.set_xlabel(f"{name} 1", fontsize=10, color=INK)
        ax.set_ylabel(f"{name} 2", fontsize=10, color=INK)
        ax.margins(0.03)
        if self.n_all is not None and self.n_all > len(self.places):
            ax.set_title(f"{len(self.places):,} of {self.n_all:,} samples", fontsize=10, color=INK)
        self.thumbnails_ = {
            row: self._draw_picture(row, sketch) for row, sketch in (self.thumbnails or {}).items()
        }
        find_letters([ax])
        return self

    def _scatter(self, name: object, rows: np.ndarray, **look: Any) -> None:
        x, y = self.places[rows].T
        label = plain_text(shortened(name, _LONGEST_NAME))
        self.points_[name] = self.ax_.scatter(x, y, label=label, **{**self._look, **look})

    def _draw_quantities(self, plt: Any, labels: Labels) -> None:
        rows = np.flatnonzero(labels.known)
        if not labels.known.all():
            self._scatter("unlabelled", np.flatnonzero(~labels.known), **_UNLABELLED)
        values = labels.values[rows].astype(float)
        self._scatter("labelled", rows, c=values, cmap="viridis")
        self.legend_ = plt.colorbar(self.points_["labelled"], ax=self.ax_, label="y")
        self.legend_.outline.set_visible(False)

    def _draw_classes(self, labels: Labels, classes: np.ndarray, *, is_own: bool) -> None:
        names = classes.tolist()
        others = np.flatnonzero(labels.numbers < 0)
        if len(others):
            self._scatter(_free("unlabelled", names), others, **_UNLABELLED)
        # As many as can be told apart, the most frequent ones, and of equal ones the first.
        counts = np.bincount(labels.numbers[labels.numbers >= 0], minlength=len(names))
        n_drawn = len(names) if len(names) <= _MOST_CLASSES else _MOST_CLASSES - 1
        kept = np.sort((-counts).argsort(kind="stable")[:n_drawn])
        for index, number in enumerate(kept):
            look = {"color": color(index), "marker": marker(index)}
            self._scatter(names[number], np.flatnonzero(labels.numbers == number), **look)
        if n_drawn < len(names):
            rest = np.flatnonzero((labels.numbers >= 0) & ~np.isin(labels.numbers, kept))
            name = _free(f"{len(names) - n_drawn} other classes", names)
            self._scatter(name, rest, color=INK, marker="+", lw=0.8, zorder=1.5)
        handles = list(self.points_.values())
        if len(others):
            handles = handles[1:] + handles[:1]
        place = legend_place(is_own=is_own)
        self.legend_ = self.ax_.legend(
            handles=handles,
            markerscale=(5 * place["fontsize"] / self._look["s"]) ** 0.5,
            handletextpad=0.3,
            **place,
        )
        for handle in self.legend_.legend_handles:
            handle.set_alpha(1)

    def _draw_picture(self, row: int, sketch: Sketch) -> Any:
        from matplotlib.offsetbox import AnnotationBbox, OffsetImage

        if isinstance(sketch, Clip):
            pixels = sketch.frames[len(sketch.frames) // 2]
        else:
            assert isinstance(sketch, Picture)
            pixels = sketch.pixels
        side = _THUMBNAIL * self.ax_.get_window_extent().width * 72 / self.figure_.dpi
        image = OffsetImage(pixels, zoom=side / max(pixels.shape[:2]), interpolation="nearest")
        look: dict[str, Any] = {"pad": 0.08, "frameon": True, "bboxprops": {"ec": FAINT, "lw": 0.6}}
        return self.ax_.add_artist(AnnotationBbox(image, self.places[row], zorder=3, **look))


def _free(name: str, taken: Sequence[object]) -> str:
    """Return the name of what is no class, which no class has."""
    while name in taken:
        name = f"({name})"
    return name


def _name_of(projection: Projection | ArrayLike | BaseEstimator, n_samples: int) -> str:
    if not isinstance(projection, str):
        # Without fit_transform, it is an array of places.
        return type(projection).__name__ if hasattr(projection, "fit_transform") else "place"
    is_tsne = projection in ("auto", "tsne")
    return "pca" if is_tsne and n_samples < _FEWEST else projection


def _labels_of(
    y: ArrayLike | None, X: Samples | ArrayLike, unlabeled: object, caller: str
) -> Labels | None:
    """Return what is known of labels, after a check that they are as many as there are samples."""
    check_lengths(X=X, y=y)
    return None if y is None else Labels.of(y, num_samples(X), unlabeled, caller)


def _marked(labels: Labels) -> np.ndarray:
    """Return labels with NaN, which is no label, in rows without one."""
    if labels.known.all():
        return labels.values
    marked = labels.values.astype(object)
    marked[~labels.known] = np.nan
    return marked


def _some_rows(
    n: int, most: int | None, labels: Labels | None, rng: np.random.RandomState
) -> np.ndarray:
    """Return at most so many of `n` rows, drawn at random, in their order.

    Of few labelled rows, more are among these than chance would have, up to a half.
    """
    if most is not None and (isinstance(most, bool) or not isinstance(most, Integral) or most < 2):
        raise ValueError(f"max_samples must be None or an int of at least 2, got {most!r}.")
    if most is None or n <= most:
        return np.arange(n)
    order = rng.permutation(n)
    if labels is not None:
        known = labels.known[order]
        n_known = min(int(known.sum()), max(most // 2, round(most * known.mean())))
        order = np.concatenate([order[known][:n_known], order[~known], order[known][n_known:]])
    return np.sort(order[:most])


def _plane(
    Z: np.ndarray, projection: Projection | ArrayLike | BaseEstimator, rng: np.random.RandomState
) -> np.ndarray:
    """Return the places of an embedding in a plane, of shape (n_samples, 2)."""
    Z = check_array(Z, ensure_min_samples=2, input_name="Z", dtype=[np.float64, np.float32])
    largest = float(np.abs(Z).max())
    if largest > _LARGEST and isinstance(projection, str):
        # The plane has no units.
        Z = Z / largest
    return project(Z, projection, rng)


def _thinned(places: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many places that are not near each other."""
    span = np.ptp(places, axis=0)
    unit = places / np.where(span > 0, span, 1)
    chosen: list[int] = []
    for row, place in enumerate(unit):
        apart = np.abs(unit[chosen] - place).max(axis=1) if chosen else np.array([1.0])
        if apart.min() > 1.25 * _THUMBNAIL:
            chosen.append(row)
        if len(chosen) == most:
            break
    return np.array(chosen)
