"""A map of an embedding as one HTML file, in which samples are looked at and labelled."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_random_state

from skssl._declare import Whole
from skssl._quote import quoted_path
from skssl._sklearn_compat import validate_params
from skssl._types import Auto, RandomState, Samples
from skssl.inspection._projection import Projection
from skssl.inspection._read_labels import is_value
from skssl.inspection._shown import encoded, modality_of, show
from skssl.inspection._survey import PARAMETERS, Survey, is_estimator, survey
from skssl.modality import Modality

_PAGE = files("skssl.inspection") / "page"
_VERSION = 1
_LONGEST_TITLE = 200
# What ends a script, or is no character of UTF-8.
_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


@validate_params(
    PARAMETERS | {"max_rows": [Whole(2, 60_000)], "title": [str, None]},
    prefer_skip_nested_validation=True,
)
def explore(
    estimator: BaseEstimator | ArrayLike,
    X: Samples,
    y: ArrayLike | None = None,
    path: str | os.PathLike[str] = "map.html",
    *,
    projection: Projection | BaseEstimator | ArrayLike = "auto",
    modality: Auto[Modality] = "auto",
    n_neighbors: int = 10,
    n_clusters: Auto[int] | None = "auto",
    max_rows: int = 20_000,
    unlabeled: object = "auto",
    title: str | None = None,
    random_state: RandomState = None,
) -> Path:
    """Write a map of samples as a page that any browser opens, also without a network.

    Samples that are alike are near each other. The page shows the sample below the pointer, the
    nearest ones of what is clicked, and colours by label, prediction, confidence, cluster or
    suspicion. Rows that are chosen with a lasso, a box or the keyboard get labels, which
    :func:`apply_labels` puts into `y`. The page is one file, which holds small copies of the
    samples: everyone who gets it sees these.

    Parameters
    ----------
    estimator : estimator or array-like of shape (n_samples, n_features)
        A fitted method, another transformer or a Pipeline, or the embedding of `X`. In a Pipeline
        that ends in a classifier, the steps before it embed, and predictions are its own.
    X : array-like
        The samples: arrays, texts, data frames, files, arrays of zarr or h5py.
    y : array-like of shape (n_samples,), default=None
        Labels, of some rows or all; classes or quantities.
    path : str or path, default="map.html"
        The file to write, which ends in ``.html`` or ``.htm``; one that is there is replaced.
    projection : {"auto", "pca", "tsne", "umap"}, transformer or array, default="auto"
        Where samples are put: by what a transformer of two components makes of the embedding, or at
        places of shape (n_samples, 2). "auto" is t-SNE; with more than 3000 rows, of 3000 drawn at
        random, and the others are placed between these. UMAP needs umap-learn.
    modality : Modality or "auto", default="auto"
        How samples are read and drawn. "auto" is as the estimator saw them in `fit`, or else as
        they look.
    n_neighbors : int, default=10
        Nearest others that are shown of a sample, by the cosine of the embedding.
    n_clusters : int, "auto" or None, default="auto"
        Clusters of k-means; "auto" is as many as there are classes, or 10. None: no clusters.
    max_rows : int, default=20000
        Rows that are shown, from 2 to 60000. If there are more, this many are drawn at random, and
        the page says so.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`, as in :class:`skssl.semi_supervised.LabeledOnly`.
    title : str, default=None
        The heading. None names the estimator.
    random_state : int, RandomState instance or None, default=None
        Seed of what is drawn, of the projection, the clusters and the folds.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    ValueError
        Before anything is computed, if `path` cannot be written or has another ending, the lengths
        of `X`, `y` and the embedding differ, labels cannot be shown, or the embedding has NaN, in
        rows that the message names.

    See Also
    --------
    apply_labels : Puts the labels that were given into `y`.
    to_embedding_atlas : The same as a table for another explorer.

    Notes
    -----
    With classes in `y`, rows are predicted by a logistic regression of the embedding that is fitted
    to others: in five folds, if they have a label. The suspicion of a label is 1 minus its
    probability.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.inspection import explore
    >>> X, y = load_digits().images[:100], load_digits().target[:100]
    >>> ssl = SimCLR(max_epochs=1, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = explore(ssl, X, y, Path(folder) / "digits.html", projection="pca")
    ...     print(path.name, path.stat().st_size < 1e6)
    digits.html True
    """
    file = writable(path, (".html", ".htm"))
    rng = check_random_state(random_state)
    how = modality_of(estimator, X, modality)
    found = survey(
        estimator,
        X,
        y,
        prepare=lambda samples: show(samples, how, rng),
        projection=projection,
        n_neighbors=n_neighbors,
        n_clusters=n_clusters,
        max_rows=max_rows,
        unlabeled=unlabeled,
        random_state=rng,
        caller="explore",
    )
    embeds = is_estimator(estimator)
    if title is None:
        title = f"Samples by {_name(estimator)}" if embeds else "Map of samples"
    samples = found.samples
    data = _told(found) | {
        "title": title[:_LONGEST_TITLE],
        "samples": samples.shown,
        # Of a classifier of the user's, rows may be those that it was fitted to.
        "ownClassifier": embeds and is_classifier(estimator),
        "notes": [*found.notes, *samples.notes],
    }
    file.write_text(page(data), encoding="utf-8")
    return file


def writable(path: str | os.PathLike[str], endings: Sequence[str]) -> Path:
    """Return where to write a file, or raise an error that says why one cannot."""
    file = Path(path)
    try:
        os.stat(file)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # such as a name that is too long
        raise ValueError(f"path cannot be written, {quoted_path(file)}: {error}.") from error
    if file.suffix.lower() not in endings:
        raise ValueError(f"path must end in {' or '.join(endings)}, got {quoted_path(file)}.")
    if file.is_dir():
        raise ValueError(f"path is a folder, {quoted_path(file)}; pass the name of a file in it.")
    # Of a link to what there is not yet.
    folder = (file.resolve() if file.is_symlink() else file).parent
    if not folder.is_dir():
        raise ValueError(f"path is in a folder that there is not, {quoted_path(folder)}.")
    if not os.access(file if file.exists() else folder, os.W_OK):
        raise ValueError(f"path cannot be written, {quoted_path(file)}: no permission.")
    return file


def _name(estimator: Any) -> str:
    steps = [step for _, step in getattr(estimator, "steps", [("", estimator)])]
    return ", ".join(type(step).__name__ for step in steps)


def page(data: dict[str, Any]) -> str:
    """Return the page with what it shows: nothing of it is a part of the page's HTML."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    parts = {name: (_PAGE / name).read_text("utf-8") for name in ("page.css", "page.js")}
    style, script = parts["page.css"], parts["page.js"]
    html = (_PAGE / "page.html").read_text("utf-8")
    # In one pass, for what is put in may hold such words itself.
    filled = {
        "%STYLE%": style,
        "%SCRIPT%": script,
        "%DATA%": text,
        "%STYLE_HASH%": _hash(style),
        "%SCRIPT_HASH%": _hash(script),
    }
    return re.sub("|".join(filled), lambda found: filled[found[0]], html)


def _hash(code: str) -> str:
    """Return the digest by which a browser knows the code that it may run."""
    return base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")


def _told(found: Survey) -> dict[str, Any]:
    """Return what is known of rows, in what JSON can say."""
    # Both axes have one unit, and no difference overflows.
    places = found.places.astype(np.float64)
    places /= np.abs(places).max() or 1.0
    low, high = places.min(axis=0), places.max(axis=0)
    span = float(max(high - low)) or 1.0
    places = ((places - (low + high) / 2) / span + 0.5) * 65535
    labels = found.labels
    colours: dict[str, Any] = {}
    if found.guesses is not None:
        classes = _values(found.guesses.classes)
        numbers = encoded(found.guesses.numbers.astype(np.int32))
        colours["prediction"] = {"classes": classes, "numbers": numbers}
        if found.guesses.confidence is not None:
            colours["confidence"] = encoded(found.guesses.confidence)
    if found.suspicion is not None:
        colours["suspicion"] = encoded(found.suspicion)
    if found.clusters is not None:
        colours["cluster"] = encoded(found.clusters.astype(np.int32))
    return {
        "version": _VERSION,
        "nRows": found.n_rows,
        "rows": encoded(found.rows.astype(np.int32)),
        "places": encoded(places.round().astype(np.uint16)),
        "kind": labels.kind,
        "markers": [one for one in labels.markers if is_value(one)],
        "classes": None if labels.classes is None else _values(labels.classes),
        "labels": encoded(labels.numbers.astype(np.int32))
        if labels.classes is not None
        else labels.as_list(),
        "colours": colours,
        "neighbors": {
            "each": found.neighbors.shape[1],
            "rows": encoded(found.neighbors.astype(np.uint16)),
            "distances": encoded(found.distances),
        },
    }


def _values(classes: np.ndarray) -> list[Any]:
    return [one.item() if isinstance(one, np.generic) else one for one in classes.tolist()]
