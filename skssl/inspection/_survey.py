"""What is known of the rows of an embedding: place, neighbours, label, guesses, cluster."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import normalize
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skssl._declare import AT_LEAST_TWO, AUTO, POSITIVE_INT
from skssl._labels import quiet_about_few_labels
from skssl._numbering import numbered_as
from skssl._quote import quoted
from skssl._sklearn_compat import check_lengths, num_samples, plain
from skssl._types import Auto, RandomState, Samples
from skssl.inspection._arguments import finite_rows
from skssl.inspection._projection import Projection, check_projection, project
from skssl.inspection._read_labels import Labels
from skssl.modality import Modality, Stored, as_samples, take

# The spread that suits the usual penalty of a logistic regression, as that of our embeddings does.
_SPREAD = 4.0
# More components of an embedding tell a classifier little, and cost it time.
_DIMENSIONS = 64
_FOLDS = 5
_USUAL_CLUSTERS = 10
# From here on, k-means looks at a part of the rows at a time.
_MANY_ROWS = 5000
# Numbers beyond have squares that float32 does not hold, or nearly so.
_SMALL, _GREAT = 1e-15, 1e15

# What is allowed for the parameters of all that surveys rows.
PARAMETERS: dict[str, Any] = {
    "estimator": "no_validation",
    "X": "no_validation",
    "y": "no_validation",
    "path": [str, os.PathLike],
    "projection": "no_validation",
    "modality": [Modality, AUTO],
    "n_neighbors": [POSITIVE_INT],
    "n_clusters": [AUTO, AT_LEAST_TWO, None],
    "unlabeled": "no_validation",
    "random_state": ["random_state"],
}


@dataclass(frozen=True)
class Guesses:
    """What a classifier makes of each row.

    Attributes
    ----------
    classes : ndarray
        What it tells apart.
    numbers : ndarray of int of shape (n_samples,)
        The positions of its guesses among the classes.
    confidence : ndarray of shape (n_samples,) or None
        The probability of the guess.
    """

    classes: np.ndarray
    numbers: NDArray[np.intp]
    confidence: NDArray[np.float32] | None


@dataclass(frozen=True)
class Survey:
    """Rows of samples that are shown, and what is known of them.

    Attributes
    ----------
    n_rows : int
        How many samples there are.
    rows : ndarray of int
        Those that are shown, in ascending order; what follows is of these.
    labels : Labels
    places : ndarray of shape (n_shown, 2)
    neighbors, distances : ndarray of shape (n_shown, n_neighbors)
        The nearest others, by their place among the rows that are shown, and how far they are.
    clusters : ndarray of int or None
    guesses : Guesses or None
    samples : object
        What was made of the samples.
    suspicion : ndarray or None
        How improbable the label is by what the other rows say; NaN where nothing is said.
    notes : list of str
        What a reader has to know.
    """

    n_rows: int
    rows: NDArray[np.intp]
    labels: Labels
    samples: Any
    places: NDArray[np.floating]
    neighbors: NDArray[np.intp]
    distances: NDArray[np.float32]
    clusters: NDArray[np.intp] | None
    guesses: Guesses | None
    suspicion: NDArray[np.float32] | None
    notes: list[str]


def survey(
    estimator: BaseEstimator | ArrayLike,
    X: Samples,
    y: ArrayLike | None,
    *,
    prepare: Callable[[Samples], Any],
    projection: Projection | BaseEstimator | ArrayLike,
    n_neighbors: int,
    n_clusters: Auto[int] | None,
    max_rows: int | None,
    unlabeled: object,
    random_state: RandomState,
    caller: str,
) -> Survey:
    """Find out what is known of rows; what is wrong with the arguments is said first.

    Then `prepare` makes what is shown of the samples, and says what is wrong with these.
    """
    if isinstance(y, (str, os.PathLike)):
        raise ValueError(f"y is a text, {quoted(y)}; did you mean path=?")
    stored = Stored.of(X)
    X = as_samples(X) if stored is None else X
    n_rows = num_samples(X) if stored is None else len(stored)
    every_row = np.empty((n_rows, 0))
    check_lengths(X=every_row, y=y)
    labels = Labels.of(y, n_rows, unlabeled, caller)
    given = None if is_estimator(estimator) else finite_rows(estimator, "The embedding")
    check_lengths(X=every_row, embedding=given)
    transformer = _transformer(estimator) if given is None else None
    placed = check_projection(projection, n_rows)
    if n_rows < 2:
        raise ValueError(f"X must have at least 2 samples, got {n_rows}.")

    rng = check_random_state(random_state)
    rows, notes = np.arange(n_rows), []
    if max_rows is not None and n_rows > max_rows:
        rows = np.sort(rng.choice(n_rows, max_rows, replace=False))
        notes.append(
            f"{max_rows:,} of {n_rows:,} rows are shown, drawn at random; so are neighbours and "
            "all that is computed of labels."
        )
        X = take(X, rows)
    labels = labels.take(rows)
    guesses = None
    with numbered_as(rows):
        samples = prepare(X)
        if given is None:
            given_of_rows, guesses = _embed(estimator, transformer, X, rows)
        else:
            given_of_rows = given[rows]
    embedding = _single(given_of_rows)
    suspicion = None
    found = _from_the_others(embedding, labels, rng, notes)
    if found is not None:
        guesses, suspicion = guesses or found[0], found[1]
    if isinstance(n_clusters, str):
        n_clusters = max(2, len(labels.classes) if labels.classes is not None else 0)
        n_clusters = n_clusters if labels.known.any() else _USUAL_CLUSTERS
    neighbors, distances = _nearest(embedding, n_neighbors)
    return Survey(
        n_rows,
        rows,
        labels,
        samples,
        placed[rows] if placed is not None else project(embedding, projection, rng),
        neighbors,
        distances,
        None if n_clusters is None else _clusters(embedding, n_clusters, rng),
        guesses,
        suspicion,
        notes,
    )


def is_estimator(estimator: object) -> bool:
    """Whether it is what embeds, and no embedding."""
    return hasattr(estimator, "fit") and hasattr(estimator, "get_params")


def _single(embedding: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return an embedding in single precision, with a scale of which the squares are numbers.

    Nothing that is made of it but the scale of places depends on its own.
    """
    largest = float(np.abs(embedding).max())
    if largest and not _SMALL < largest < _GREAT:
        embedding = embedding.astype(np.float64) / largest
    return embedding.astype(np.float32, copy=False)


def _transformer(estimator: Any) -> Any:
    """Return what embeds: an estimator, or the steps before a classifier."""
    check_is_fitted(estimator)
    transformer = estimator
    if isinstance(estimator, Pipeline) and not hasattr(estimator, "transform"):
        transformer = estimator[:-1]
    if not hasattr(transformer, "transform") or (
        isinstance(transformer, Pipeline) and not len(transformer)
    ):
        raise ValueError(
            f"estimator must have transform, or be an array of shape (n_samples, n_features), got "
            f"{quoted(estimator)}."
        )
    return transformer


def _embed(
    estimator: Any, transformer: Any, X: Samples, rows: NDArray[np.intp]
) -> tuple[NDArray[np.floating], Guesses | None]:
    """Return the embedding of samples, and what a classifier behind it says of them."""
    embedding = finite_rows(transformer.transform(X), "The embedding", numbers=rows, X=X)
    if not is_classifier(estimator):
        return embedding, None
    classes = np.asarray(estimator.classes_)
    if hasattr(estimator, "predict_proba"):
        chance = np.asarray(estimator.predict_proba(X))
        return embedding, _guesses(classes, chance)
    index = {label: number for number, label in enumerate(classes.tolist())}
    said = np.array([index[label] for label in np.asarray(estimator.predict(X)).tolist()])
    return embedding, Guesses(classes, said, None)


def _guesses(classes: np.ndarray, chance: np.ndarray) -> Guesses:
    return Guesses(classes, chance.argmax(axis=1), chance.max(axis=1).astype(np.float32))


def _from_the_others(
    embedding: NDArray[np.float32], labels: Labels, rng: np.random.RandomState, notes: list[str]
) -> tuple[Guesses, NDArray[np.float32]] | None:
    """Return what is guessed of each row from the labels of others, and how suspicious labels are.

    Rows with a label are in the test part of a cross-validation.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    if labels.classes is None or not labels.known.any():
        return None
    counts = np.bincount(labels.numbers[labels.known], minlength=len(labels.classes))
    if (counts > 1).sum() < 2:
        notes.append(
            "Nothing is predicted, and no label can be suspicious: that takes two classes of which "
            "two rows have a label."
        )
        return None
    if ((counts == 1).sum()) > 0:
        notes.append(
            f"{(counts == 1).sum()} labels stand in one row each; these are not suspicious, since "
            "no other row tells of them."
        )
    values = _components(embedding)
    classifier = LogisticRegression(max_iter=5000, tol=1e-3)
    chance = np.zeros((len(values), len(labels.classes)), dtype=np.float32)
    known = np.flatnonzero(labels.known)

    def guess(fitted_to: NDArray[np.intp], rows: NDArray[np.intp]) -> None:
        classifier.fit(values[fitted_to], labels.numbers[fitted_to])
        chance[np.ix_(rows, classifier.classes_)] = classifier.predict_proba(values[rows])

    folds = StratifiedKFold(min(_FOLDS, counts.max()), shuffle=True, random_state=rng)
    with warnings.catch_warnings(), quiet_about_few_labels():
        warnings.filterwarnings("ignore", message="The least populated class")
        for train, test in folds.split(known, labels.numbers[known]):
            guess(known[train], known[test])
        others = np.flatnonzero(~labels.known)
        if len(others):
            guess(known, others)
    suspicion = np.full(len(values), np.nan, dtype=np.float32)
    told = known[counts[labels.numbers[known]] > 1]
    suspicion[told] = 1 - chance[told, labels.numbers[told]]
    return _guesses(labels.classes, chance), suspicion


def _components(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows of few values for a classifier, with the spread of our embeddings."""
    from sklearn.decomposition import PCA

    values = embedding - embedding.mean(axis=0)
    if values.shape[1] > _DIMENSIONS:
        n_components = min(_DIMENSIONS, len(values))
        solver = "covariance_eigh" if values.shape[1] < 2000 else "auto"
        with np.errstate(invalid="ignore", divide="ignore"):
            values = plain(PCA(n_components, svd_solver=solver)).fit_transform(values)
    spread = float(np.sqrt((values.astype(np.float64) ** 2).mean(axis=0).sum()))
    return values * np.float32(_SPREAD / spread) if spread > 0 else values


def _nearest(
    embedding: NDArray[np.float32], n_neighbors: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the nearest others of each row by cosine, and 1 minus the cosine."""
    from sklearn.neighbors import NearestNeighbors

    n_neighbors = min(n_neighbors, len(embedding) - 1)
    rows = normalize(embedding)
    search = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(rows)
    # Without rows of their own, rows are nobody's neighbours but others'.
    distances, neighbors = search.kneighbors()
    return neighbors, (distances**2 / 2).astype(np.float32)


def _clusters(
    embedding: NDArray[np.float32], n_clusters: int, rng: np.random.RandomState
) -> NDArray[np.intp]:
    """Return clusters of the directions of rows, the largest first."""
    from sklearn.cluster import KMeans, MiniBatchKMeans

    rows = normalize(embedding)
    n_clusters = min(n_clusters, len(np.unique(rows, axis=0)))
    kind = MiniBatchKMeans if len(rows) > _MANY_ROWS else KMeans
    found = kind(n_clusters, n_init=3, random_state=rng).fit_predict(rows)
    order = np.bincount(found, minlength=n_clusters).argsort(kind="stable")[::-1]
    return order.argsort()[found]
