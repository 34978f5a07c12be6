"""Which rows of `y` have a label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_UNLABELED_OBJECTS = (None, "", -1)


def labeled_rows(y: ArrayLike, unlabeled: Any = "auto") -> NDArray[np.bool_]:
    """Return which rows of `y` have a label.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label. "auto" is -1 for integers, NaN for floats, the empty string
        for strings; in arrays of objects each of these and None. None means that all rows are
        labelled. Anything else is compared with, NaN as well.

    Returns
    -------
    ndarray of bool, shape (n_samples,)

    Raises
    ------
    ValueError
        If `y` has more than one dimension.
    """
    labels = np.asarray(y)
    if labels.ndim != 1:
        raise ValueError(f"y must have shape (n_samples,), got {labels.shape}.")
    if unlabeled is None:
        return np.ones(len(labels), dtype=bool)
    if not (isinstance(unlabeled, str) and unlabeled == "auto"):
        return np.array([not _is(label, unlabeled) for label in labels], dtype=bool)
    kind = labels.dtype.kind
    if kind in "iu":
        return labels != -1
    if kind == "f":
        return ~np.isnan(labels)
    if kind == "U":
        return labels != ""
    if kind == "O":
        return np.array(
            [not any(_is(label, u) for u in (*_UNLABELED_OBJECTS, np.nan)) for label in labels],
            dtype=bool,
        )
    return np.ones(len(labels), dtype=bool)


def _is(label: Any, unlabeled: Any) -> bool:
    """Whether a label is the marker, of the same kind: True is not 1, and NaN is NaN."""
    if label is unlabeled:
        return True
    if isinstance(label, (bool, np.bool_)) or isinstance(unlabeled, (bool, np.bool_)):
        return isinstance(label, (bool, np.bool_)) and bool(label == unlabeled)
    if isinstance(label, str) or isinstance(unlabeled, str):
        return isinstance(label, str) and label == unlabeled
    if label is None or unlabeled is None:
        return False
    return bool(label == unlabeled or (label != label and unlabeled != unlabeled))
