"""The figure of samples and those that are nearest to them."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skssl._declare import POSITIVE_INT
from skssl._labels import as_labels, is_missing
from skssl._sklearn_compat import check_lengths, num_samples, validate_params
from skssl._types import Samples
from skssl.inspection._arguments import check_rows, fitted_to, known_modality
from skssl.inspection._axes import make_grid
from skssl.inspection._shown import columns_of
from skssl.inspection._sketches import Row, Sketch, Words, in_words, share_limits, sketcher_of
from skssl.inspection._style import INK, plain_text, pyplot, shortened
from skssl.modality import Modality, Tabular, Text, infer_modality, take

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CHECKS = {"n_neighbors": [POSITIVE_INT], "metric": [str, callable]}


class NeighborsDisplay:
    """Samples and those that are nearest to them in an embedding, each drawn as what it is.

    Above each neighbour stands its distance, and its label where labels are known. The quickest
    way to see what an embedding takes for the same: if neighbours have in common what you do not
    care for, such as the background or the brightness, the views should change that.

    Parameters
    ----------
    sketches : list of list of sketches
        For each row, the sample and its neighbours, the nearest first.
    rows : sequence of int
        Where the samples are in `X`.
    neighbors : ndarray of shape (len(rows), n_neighbors)
        Where their neighbours are.
    distances : ndarray of shape (len(rows), n_neighbors)
        How far these are.
    y : array-like of shape (n_samples,), default=None
        Labels of all samples.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (len(rows), 1 + n_neighbors)
        Where they are drawn.
    bounding_ax_ : matplotlib Axes or None
        The axes that were divided, if such were passed.
    figure_ : matplotlib Figure
        The figure that this is part of.
    artists_ : list of list of artists
        What shows the samples and their neighbours.

    See Also
    --------
    NeighborsDisplay.from_estimator : Draws neighbours of your samples.
    NeighborsDisplay.from_embedding : Draws them of what you have embedded.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.inspection import NeighborsDisplay
    >>> X = load_digits().images[:300]
    >>> ssl = SimCLR(max_epochs=2, random_state=0).fit(X)
    >>> display = NeighborsDisplay.from_estimator(ssl, X, rows=[0, 1], n_neighbors=3)
    >>> display.neighbors.shape
    (2, 3)
    """

    def __init__(
        self,
        *,
        sketches: Sequence[Sequence[Sketch]],
        rows: ArrayLike,
        neighbors: np.ndarray,
        distances: np.ndarray,
        y: ArrayLike | None = None,
    ):
        self.sketches = sketches
        self.rows = rows
        self.neighbors = neighbors
        self.distances = distances
        self.y = y

    @classmethod
    @validate_params(_CHECKS, prefer_skip_nested_validation=True)
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Samples,
        y: ArrayLike | None = None,
        *,
        rows: Sequence[int] | None = None,
        n_neighbors: int = 5,
        metric: str = "cosine",
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw the nearest of some samples among all others.

        Parameters
        ----------
        estimator : estimator
            Fitted: a method, a pipeline, or any other transformer.
        X : array-like
            Samples.
        y : array-like of shape (n_samples,), default=None
            Labels, to be written above each sample.
        rows : sequence of int, default=None
            Samples whose neighbours are drawn. None is the first four.
        n_neighbors : int, default=5
            Neighbours of each.
        metric : str or callable, default="cosine"
            Distance, as in :class:`sklearn.neighbors.NearestNeighbors`.
        ax : matplotlib Axes or sequence of these, default=None
            One that is divided, or as many as there are samples and neighbours. None makes a
            figure.

        Returns
        -------
        display : NeighborsDisplay
            What was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If `rows` are not in `X`, or there are fewer other samples than neighbours.
        ImportError
            Without matplotlib.
        """
        pyplot(cls.__name__)
        check_is_fitted(estimator)
        places = _checked(rows, X, y, n_neighbors)
        modality = known_modality(estimator)
        Z = np.asarray(estimator.transform(X))
        return cls._found(
            Z, X, y, places, n_neighbors, metric, modality, is_fitted=modality is not None
        ).plot(ax=ax)

    @classmethod
    @validate_params(_CHECKS, prefer_skip_nested_validation=True)
    def from_embedding(
        cls,
        Z: ArrayLike,
        X: Samples,
        y: ArrayLike | None = None,
        *,
        modality: Modality | None = None,
        rows: Sequence[int] | None = None,
        n_neighbors: int = 5,
        metric: str = "cosine",
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw the nearest samples in an embedding that is there already.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_features)
            The embedding.
        X : array-like
            The samples.
        y : array-like of shape (n_samples,), default=None
            Labels.
        modality : Modality, default=None
            What the samples are. None tells by the rule in
            :func:`skssl.modality.infer_modality`.
        rows, n_neighbors, metric, ax
            As for :meth:`from_estimator`.

        Returns
        -------
        display : NeighborsDisplay
            What was drawn.
        """
        pyplot(cls.__name__)
        check_lengths(X=X, Z=Z)
        places = _checked(rows, X, y, n_neighbors)
        found = cls._found(
            np.asarray(Z), X, y, places, n_neighbors, metric, modality, is_fitted=False
        )
        return found.plot(ax=ax)

    @classmethod
    def _found(
        cls,
        Z: np.ndarray,
        X: Samples,
        y: ArrayLike | None,
        rows: np.ndarray,
        n_neighbors: int,
        metric: str,
        modality: Modality | None,
        *,
        is_fitted: bool,
    ) -> Self:
        Z = check_array(Z, input_name="Z", dtype=[np.float64, np.float32])
        index = NearestNeighbors(n_neighbors=n_neighbors + 1, metric=metric).fit(Z)
        distances, neighbors = index.kneighbors(Z[rows])
        # A sample is no neighbour of its own, and among equal ones it need not be the first.
        is_other = neighbors != rows[:, None]
        is_other[is_other.all(axis=1), -1] = False
        neighbors = neighbors[is_other].reshape(len(rows), n_neighbors)
        distances = distances[is_other].reshape(len(rows), n_neighbors)
        drawn = np.concatenate([rows[:, None], neighbors], axis=1)
        if modality is not None and is_fitted:
            sketches = list(sketcher_of(modality).sketch(take(X, drawn.ravel())))
        else:
            looks = infer_modality(X) if modality is None else modality
            sketches = list(_as_they_look(looks, X, drawn.ravel()))
        return cls(
            sketches=[
                sketches[first : first + drawn.shape[1]]
                for first in range(0, len(sketches), drawn.shape[1])
            ],
            rows=rows,
            neighbors=neighbors,
            distances=distances,
            y=y,
        )

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the samples and their neighbours.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of these, default=None
            One that is divided, or as many as there are samples and neighbours. None makes a
            figure.

        Returns
        -------
        display : NeighborsDisplay
            This object.
        """
        plt = pyplot("NeighborsDisplay.plot")
        sizes = np.array([[one.size() for one in line] for line in self.sketches])
        has_axis = self.sketches[0][0].has_axis
        labels = None if self.y is None else as_labels(self.y)
        title = 0.24 if labels is None else 0.4
        grid = make_grid(
            plt,
            ax,
            widths=sizes[..., 0].max(axis=0),
            heights=sizes[..., 1].max(axis=1),
            left=max(line[0].margin() for line in self.sketches),
            above=0.12 + title,
            below=0.42 if has_axis else 0.12,
            gap_below=title + (0.3 if has_axis else 0.12),
        )
        self.axes_, self.bounding_ax_, self.figure_ = grid.axes, grid.bounding, grid.figure
        self.artists_: list[list[Any]] = []
        rows = np.asarray(self.rows)
        for index, (line, axes) in enumerate(zip(self.sketches, grid.axes, strict=True)):
            share_limits(line)
            self.artists_.append(
                [one.draw(ax, labelled=ax is axes[0]) for one, ax in zip(line, axes, strict=True)]
            )
            axes[0].set_ylabel(f"row {rows[index]}", color=INK, fontsize=9)
            titles = ["sample", *(f"{distance:.2g}" for distance in self.distances[index])]
            if not index and len(titles) > 1:
                titles[1] = f"distance {titles[1]}"
            for place, (title_of, one) in enumerate(zip(titles, axes, strict=True)):
                row = rows[index] if not place else self.neighbors[index, place - 1]
                words = title_of
                if labels is not None:
                    label = "unlabelled" if is_missing(labels[row]) else labels[row]
                    words = f"{plain_text(shortened(label, 16))}\n{title_of}"
                one.set_title(words, fontsize=9, color=INK, pad=3)
        for bottom in grid.axes[-1] if has_axis else ():
            bottom.set_xlabel("step", fontsize=8, color=INK, labelpad=1)
        return self


def _as_they_look(modality: Modality, X: Samples, rows: np.ndarray) -> Sequence[Sketch]:
    """Return some samples of a modality that is not fitted; texts and tables need not be."""
    if isinstance(modality, Text):
        return [Words(text) for text in modality.check(take(X, rows), estimator="Text").texts]
    if not isinstance(modality, Tabular):
        return sketcher_of(fitted_to(modality, X)).sketch(take(X, rows))
    columns = columns_of(X)
    shares = np.full((len(rows), len(columns)), np.nan)
    for place, values in enumerate(columns.values()):
        known = [value for value in values if not is_missing(value)]
        if all(isinstance(value, Real) and not isinstance(value, bool) for value in known):
            numbers = np.sort(np.array(known, dtype=float))
            some = np.array([np.nan if is_missing(values[row]) else values[row] for row in rows])
            below = np.searchsorted(numbers, some.astype(float)) / max(1, len(numbers))
            shares[:, place] = np.where(np.isnan(some.astype(float)), np.nan, below)
    names, unmarked = list(columns), np.zeros(len(columns), dtype=bool)
    return [
        Row(names, [in_words(values[row]) for values in columns.values()], share, unmarked)
        for row, share in zip(rows, shares, strict=True)
    ]


def _checked(
    rows: Sequence[int] | None, X: Samples, y: ArrayLike | None, n_neighbors: int
) -> np.ndarray:
    """Return the rows to draw, after all that can be checked without an embedding."""
    check_lengths(X=X, y=y)
    places = check_rows(rows, X)
    if y is not None:
        as_labels(y)
    if n_neighbors >= num_samples(X):
        raise ValueError(
            f"n_neighbors={n_neighbors} is more than the {num_samples(X) - 1} other samples of X."
        )
    return places
