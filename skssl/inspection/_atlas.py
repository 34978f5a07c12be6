"""A map of an embedding as a table that Embedding Atlas reads."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skssl._labels import is_missing
from skssl._sklearn_compat import validate_params
from skssl._types import Auto, RandomState, Samples
from skssl.inspection._explore import writable
from skssl.inspection._projection import Projection
from skssl.inspection._read_labels import Labels
from skssl.inspection._shown import columns_of, frame_of, modality_of, pictures_of, texts_of
from skssl.inspection._survey import PARAMETERS, survey
from skssl.modality import Images, Modality, Tabular, Text

_OWN = ("row", "x", "y", "neighbors", "label", "prediction", "confidence", "suspicion", "cluster")

_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character, which UTF-8 has not


@validate_params(PARAMETERS, prefer_skip_nested_validation=True)
def to_embedding_atlas(
    estimator: BaseEstimator | ArrayLike,
    X: Samples,
    y: ArrayLike | None = None,
    path: str | os.PathLike[str] = "map.parquet",
    *,
    projection: Projection | BaseEstimator | ArrayLike = "auto",
    modality: Auto[Modality] = "auto",
    n_neighbors: int = 15,
    n_clusters: Auto[int] | None = "auto",
    unlabeled: object = "auto",
    random_state: RandomState = None,
) -> Path:
    """Write a map of samples as a Parquet file for Embedding Atlas, which shows millions of rows.

    With ``pip install embedding-atlas``, it is shown by::

        embedding-atlas map.parquet --x x --y y --neighbors neighbors

    and ``--text text`` for texts, or ``--image image`` for images.

    Parameters
    ----------
    estimator, X, y, projection, modality, n_neighbors, n_clusters, unlabeled, random_state
        As for :func:`explore`; all rows are written.
    path : str or path, default="map.parquet"
        The file to write, which ends in ``.parquet``.

    Returns
    -------
    path : Path
        The file. Its columns are ``row``; ``x`` and ``y``, the place; ``neighbors``, the positions
        (``ids``) and ``distances`` of the nearest others; with `y`, ``label`` and what
        :func:`explore` computes of it, ``prediction``, ``confidence`` and ``suspicion``;
        ``cluster``; and ``text``, ``image`` (PNG) or the columns of a table, of which those whose
        names are taken end in ``_of_X``.

    Raises
    ------
    ImportError
        Without pyarrow.
    ValueError
        As for :func:`explore`.

    See Also
    --------
    explore : A page that needs nothing else.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from pyarrow import parquet
    >>> from skssl.inspection import to_embedding_atlas
    >>> texts = ["one", "two", "three", "four"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = to_embedding_atlas(np.eye(4), texts, path=Path(folder) / "map.parquet")
    ...     parquet.read_table(path).column_names
    ['row', 'x', 'y', 'neighbors', 'cluster', 'text']
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            "to_embedding_atlas needs pyarrow: pip install 'skssl[atlas]'."
        ) from error

    file = writable(path, (".parquet",))
    rng = check_random_state(random_state)
    how = modality_of(estimator, X, modality)
    found = survey(
        estimator,
        X,
        y,
        prepare=lambda samples: _samples(pa, samples, how),
        projection=projection,
        n_neighbors=n_neighbors,
        n_clusters=n_clusters,
        max_rows=None,
        unlabeled=unlabeled,
        random_state=rng,
        caller="to_embedding_atlas",
    )
    ids = pa.array(list(found.neighbors), pa.list_(pa.int64()))
    distances = pa.array(list(found.distances), pa.list_(pa.float32()))
    columns: dict[str, Any] = {
        "row": pa.array(found.rows),
        "x": pa.array(found.places[:, 0]),
        "y": pa.array(found.places[:, 1]),
        "neighbors": pa.StructArray.from_arrays([ids, distances], names=["ids", "distances"]),
    }
    if y is not None:
        columns["label"] = _labels(pa, found.labels)
    if found.guesses is not None:
        guessed = found.guesses.classes[found.guesses.numbers].tolist()
        columns["prediction"] = _column(pa, guessed)
        if found.guesses.confidence is not None:
            columns["confidence"] = pa.array(found.guesses.confidence)
    if found.suspicion is not None:
        columns["suspicion"] = pa.array(found.suspicion, from_pandas=True)
    if found.clusters is not None:
        columns["cluster"] = pa.array(found.clusters)
    columns |= found.samples
    parquet.write_table(pa.table(columns), file)
    return file


def _labels(pa: Any, labels: Labels) -> Any:
    return _column(pa, labels.as_list())


def _column(pa: Any, values: list[Any]) -> Any:
    """Return values as a column: those of several kinds, which Parquet has not, as texts."""
    kinds = {type(value) for value in values if not is_missing(value)}
    if len(kinds) <= 1 or kinds <= {int, float}:
        try:
            return _typed(pa, pa.array(values, from_pandas=True))
        except _not_in_parquet(pa):
            pass  # as texts
    texts = [None if is_missing(value) else str(value) for value in values]
    return pa.array([text and _SURROGATE.sub("\ufffd", text) for text in texts], pa.string())


def _column_of(pa: Any, series: nw.Series[Any]) -> Any:
    """Return a column of a frame with its type, if Parquet has that."""
    try:
        return _typed(pa, series.to_arrow())
    except _not_in_parquet(pa):
        return _column(pa, series.to_list())


def _typed(pa: Any, array: Any) -> Any:
    if isinstance(array.type, pa.BaseExtensionType) or pa.types.is_interval(array.type):
        raise TypeError(f"Parquet has no {array.type}.")
    return array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array


def _not_in_parquet(pa: Any) -> tuple[type[Exception], ...]:
    """Return the errors about values that Arrow or Parquet has not."""
    return pa.ArrowException, OverflowError, TypeError, UnicodeEncodeError


def _samples(pa: Any, X: Samples, modality: Modality) -> dict[str, Any]:
    """Return the columns that show samples."""
    if isinstance(modality, Text):
        return {"text": _column(pa, texts_of(X))}
    if isinstance(modality, Images):
        return {"image": pa.array([{"bytes": one} for one in pictures_of(X, modality)])}
    if not isinstance(modality, Tabular):
        return {}
    frame = frame_of(X)
    columns = (
        {name: _column_of(pa, frame[name]) for name in frame.columns}
        if frame is not None
        else {name: _column(pa, values) for name, values in columns_of(X).items()}
    )
    return {f"{name}_of_X" if name in _OWN else name: one for name, one in columns.items()}
