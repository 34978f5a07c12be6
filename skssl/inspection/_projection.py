"""Embeddings in two dimensions, to be drawn."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.preprocessing import normalize
from sklearn.utils import check_random_state

from skssl._quote import quoted
from skssl._types import RandomState
from skssl.inspection._arguments import finite_rows

Projection = Literal["auto", "pca", "tsne", "umap"]
_BY_NAME = ("auto", "pca", "tsne", "umap")

# With more rows, t-SNE takes minutes, and "auto" applies it to so many of them.
_MOST_ROWS = 3000
# Rows among these whose median is the place of another one.
_NEAREST = 5
# Dimensions from which t-SNE starts, as its authors advise.
_DIMENSIONS = 50
_PERPLEXITY = 30.0


def check_projection(projection: object, n_samples: int) -> NDArray[np.floating] | None:
    """Return the places that are given as a projection, None if it finds them in an embedding.

    Raises
    ------
    ValueError
        If it is neither, or there is not one place for each sample.
    ImportError
        If it is not installed.
    """
    if isinstance(projection, str) and projection in _BY_NAME:
        if projection == "umap":
            _umap_class()
        return None
    if hasattr(projection, "fit_transform") and not isinstance(projection, type):
        return None
    names = ", ".join(map(repr, _BY_NAME))
    must = f"projection must be {names}, a transformer or an array of shape (n_samples, 2)"
    places = finite_rows(projection, "projection", must=must)
    if places.shape != (n_samples, 2):
        raise ValueError(
            f"projection must have shape ({n_samples}, 2), a place for each sample, got "
            f"{places.shape}."
        )
    return places


def project(
    embedding: np.ndarray,
    method: Projection | BaseEstimator | Any = "auto",
    random_state: RandomState = None,
) -> NDArray[np.floating]:
    """Return a place in two dimensions for each row of an embedding.

    Parameters
    ----------
    embedding : ndarray of shape (n_samples, n_features)
        Finite numbers.
    method : {"auto", "pca", "tsne", "umap"} or transformer, default="auto"
        PCA keeps large distances, t-SNE and UMAP (by the package umap-learn) neighbours by their
        cosine. "auto" is t-SNE; of more than 3000 rows, for so many of them, drawn at random,
        while each of the others is put where most of its nearest ones among these are.
    random_state : int, RandomState instance or None, default=None
        Seed of t-SNE, UMAP and what is drawn.

    Returns
    -------
    places : ndarray of shape (n_samples, 2)

    Raises
    ------
    ImportError
        If UMAP is asked for and not installed.
    ValueError
        If a transformer gives no finite places.
    """
    rng = check_random_state(random_state)
    if not isinstance(method, str):
        return _by_transformer(embedding, method)
    if method == "umap":
        return _umap(embedding, rng)
    if method == "pca" or len(embedding) < 4:
        return _components(embedding, 2)
    few = _components(normalize(embedding), _DIMENSIONS)
    if method == "tsne" or len(few) <= _MOST_ROWS:
        return _tsne(few, rng)
    drawn = np.sort(rng.choice(len(few), _MOST_ROWS, replace=False))
    return _between(few, drawn, _tsne(few[drawn], rng))


def _by_transformer(embedding: np.ndarray, transformer: Any) -> NDArray[np.floating]:
    places = np.asarray(transformer.fit_transform(embedding))
    if places.shape != (len(embedding), 2) or places.dtype.kind not in "biuf":
        raise ValueError(
            f"projection={quoted(transformer)} must give two numbers for each of "
            f"{len(embedding)} samples, got shape {places.shape} and dtype {places.dtype}."
        )
    places = places.astype(np.float64)
    if not np.isfinite(places).all():
        raise ValueError(f"projection={quoted(transformer)} gave NaN or infinity.")
    return places


def _tsne(rows: np.ndarray, random_state: np.random.RandomState) -> NDArray[np.float32]:
    from sklearn.manifold import TSNE

    spread = float(rows[:, 0].std())
    tsne = TSNE(
        # What is left of equal rows is rounding.
        init=rows[:, :2] * (1e-4 / spread if spread > 1e-6 else 0.0),
        perplexity=min(_PERPLEXITY, (len(rows) - 1) / 3),
        random_state=random_state,
    ).set_output(transform="default")
    return tsne.fit_transform(rows).astype(np.float32)


def _between(
    rows: np.ndarray, known: NDArray[np.intp], places_of_known: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return a place for each row, of some of which it is known."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=_NEAREST).fit(rows[known])
    others = np.setdiff1d(np.arange(len(rows)), known)
    places = np.empty((len(rows), 2), dtype=np.float32)
    places[known] = places_of_known
    # A mean would lie between groups where the nearest are in two of them.
    nearest = search.kneighbors(rows[others], return_distance=False)
    places[others] = np.median(places_of_known[nearest], axis=1)
    return places


def _components(rows: np.ndarray, n_components: int) -> NDArray[np.float32]:
    """Return the first principal components, and zeros for those that there are not."""
    from sklearn.decomposition import PCA

    n_found = min(n_components, *rows.shape)
    pca = PCA(n_found, svd_solver="covariance_eigh" if rows.shape[1] < 2000 else "auto")
    # Where all samples are equal, a component explains 0 / 0 of their variance.
    with np.errstate(invalid="ignore", divide="ignore"):
        found = pca.set_output(transform="default").fit_transform(rows.astype(np.float64))
    places = np.zeros((len(rows), max(2, n_found)), dtype=np.float32)
    places[:, :n_found] = found
    return places


def _umap(embedding: np.ndarray, random_state: np.random.RandomState) -> NDArray[np.float32]:
    neighbors = max(2, min(15, len(embedding) - 1))
    seed = int(random_state.randint(2**31 - 1))
    # Several threads would not repeat the same bits.
    umap = _umap_class()(n_neighbors=neighbors, metric="cosine", random_state=seed, n_jobs=1)
    return np.asarray(umap.fit_transform(embedding), dtype=np.float32)


def _umap_class() -> Any:
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError(
            "projection='umap' needs umap-learn: pip install umap-learn. 'tsne' needs nothing."
        ) from error
    return UMAP
