"""The figure of samples and those that are nearest to them."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_is_fitted

from skssl._declare import POSITIVE_INT
from skssl._labels import as_labels, is_missing, quiet_about_few_labels, which_are_known
from skssl._numbering import numbered_as
from skssl._sklearn_compat import check_lengths, num_samples, validate_params
from skssl._types import Samples
from skssl.inspection._arguments import (
    USUAL_ROWS,
    check_rows,
    finite_rows,
    fitted_to,
    known_modality,
)
from skssl.inspection._axes import size_of
from skssl.inspection._fonts import find_letters
from skssl.inspection._shown import columns_of
from skssl.inspection._sketch_rows import draw_rows, named_rows
from skssl.inspection._sketchers import in_words, sketcher_of
from skssl.inspection._sketches import Row, Sketch, Words
from skssl.inspection._style import INK, LETTER, plain_text, pyplot, shortened
from skssl.modality import Modality, Tabular, Text, infer_modality, take

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CHECKS = {"n_neighbors": [POSITIVE_INT], "metric": [str, callable]}
# Inches: a title of one line, and a second one. Points: letters of titles.
_LINE, _SECOND_LINE = 0.24, 0.16
_SIZE = 9
_LONGEST_LABEL = 16
_UNIT = "distance "


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
        Labels of all samples, some of them perhaps missing.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label, as in :class:`skssl.semi_supervised.LabeledOnly`.

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
        unlabeled: object = "auto",
    ):
        self.sketches = sketches
        self.rows = rows
        self.neighbors = neighbors
        self.distances = distances
        self.y = y
        self.unlabeled = unlabeled

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
        unlabeled: object = "auto",
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
            Samples whose neighbours are drawn. None is the first of each class, of four classes at
            the most, or without labels the first four.
        n_neighbors : int, default=5
            Neighbours of each.
        metric : str or callable, default="cosine"
            Distance, as in :class:`sklearn.neighbors.NearestNeighbors`.
        unlabeled : "auto", None or a label, default="auto"
            What stands for a missing label, as in :class:`skssl.semi_supervised.LabeledOnly`.
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
        places = _checked(rows, X, y, unlabeled, n_neighbors, cls.__name__)
        modality = known_modality(estimator)
        Z = np.asarray(estimator.transform(X))
        found = _found(Z, X, places, n_neighbors, metric, modality, is_fitted=modality is not None)
        return cls(**found, y=y, unlabeled=unlabeled).plot(ax=ax)

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
        unlabeled: object = "auto",
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
        rows, n_neighbors, metric, unlabeled, ax
            As for :meth:`from_estimator`.

        Returns
        -------
        display : NeighborsDisplay
            What was drawn.
        """
        pyplot(cls.__name__)
        check_lengths(X=X, Z=Z)
        places = _checked(rows, X, y, unlabeled, n_neighbors, cls.__name__)
        found = _found(np.asarray(Z), X, places, n_neighbors, metric, modality, is_fitted=False)
        return cls(**found, y=y, unlabeled=unlabeled).plot(ax=ax)

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
        labels = None if self.y is None else _in_words(self.y, self.unlabeled, type(self).__name__)
        grid, self.artists_ = draw_rows(
            plt,
            ax,
            self.sketches,
            named_rows(self.rows),
            title=_LINE if labels is None else _LINE + _SECOND_LINE,
            title_each=True,
        )
        self.axes_, self.bounding_ax_, self.figure_ = grid.axes, grid.bounding, grid.figure
        width = 72 * min(size_of(one)[0] for one in grid.axes.ravel())
        for index, (row, axes) in enumerate(zip(np.asarray(self.rows), grid.axes, strict=True)):
            distances = [f"{distance:.2g}" for distance in self.distances[index]]
            # As large as they may be without touching each other.
            size = min(_SIZE, width / (LETTER * max(map(len, ["sample", *distances]))))
            most = int(width / (LETTER * size))
            if not index and len(distances[0]) + len(_UNIT) <= most:
                distances[0] = f"{_UNIT}{distances[0]}"
            titles = ["sample", *distances]
            if labels is not None:
                shown = (labels[at] for at in (row, *self.neighbors[index]))
                names = [shortened(label, min(most, _LONGEST_LABEL)) for label in shown]
                titles = [f"{name}\n{title}" for name, title in zip(names, titles, strict=True)]
            for title, one in zip(titles, axes, strict=True):
                one.set_title(plain_text(title), fontsize=size, color=INK, pad=3)
        find_letters(grid.axes.ravel())
        return self


def _in_words(y: ArrayLike, unlabeled: object, caller: str) -> list[str]:
    """Return labels as texts."""
    labels = as_labels(y)
    with quiet_about_few_labels():
        known = which_are_known(labels, unlabeled, caller=caller, kind="classes")
    return [
        str(label) if is_known and not is_missing(label) else "unlabelled"
        for label, is_known in zip(labels.tolist(), known.tolist(), strict=True)
    ]


def _found(
    Z: np.ndarray,
    X: Samples,
    rows: np.ndarray,
    n_neighbors: int,
    metric: str,
    modality: Modality | None,
    *,
    is_fitted: bool,
) -> dict[str, Any]:
    """Return the nearest of some samples, and sketches of all of these."""
    Z = finite_rows(Z, "The embedding", X=X)
    index = NearestNeighbors(n_neighbors=n_neighbors + 1, metric=metric).fit(Z)
    distances, neighbors = index.kneighbors(Z[rows])
    # A sample is no neighbour of its own, and among equal ones it need not be the first.
    is_other = neighbors != rows[:, None]
    is_other[is_other.all(axis=1), -1] = False
    neighbors = neighbors[is_other].reshape(len(rows), n_neighbors)
    distances = distances[is_other].reshape(len(rows), n_neighbors)
    drawn = np.concatenate([rows[:, None], neighbors], axis=1)
    if modality is not None and is_fitted:
        with numbered_as(drawn.ravel()):
            sketches = sketcher_of(modality).sketch(take(X, drawn.ravel()))
    else:
        looks = infer_modality(X) if modality is None else modality
        sketches = list(_as_they_look(looks, X, drawn.ravel()))
    n_drawn = drawn.shape[1]
    return {
        "sketches": [
            sketches[first : first + n_drawn] for first in range(0, len(sketches), n_drawn)
        ],
        "rows": rows,
        "neighbors": neighbors,
        "distances": distances,
    }


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
    rows: Sequence[int] | None,
    X: Samples,
    y: ArrayLike | None,
    unlabeled: object,
    n_neighbors: int,
    caller: str,
) -> np.ndarray:
    """Return the rows to draw, after all that can be checked without an embedding."""
    check_lengths(X=X, y=y)
    if y is not None:
        words = _in_words(y, unlabeled, caller)
        if rows is None:
            rows = [words.index(word) for word in list(dict.fromkeys(words))[:USUAL_ROWS]]
    places = check_rows(rows, X)
    if n_neighbors >= num_samples(X):
        raise ValueError(
            f"n_neighbors={n_neighbors} is more than the {num_samples(X) - 1} other samples of X."
        )
    return places
