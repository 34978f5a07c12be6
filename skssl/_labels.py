"""Which rows of `y` have a label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_UNLABELED_OBJECTS = (None, "", -1, np.nan)


def labeled_rows(y: ArrayLike, unlabeled: Any = "auto") -> NDArray[np.bool_]:
    """Return which rows of `y` have a label.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label. "auto" is -1 for integers, NaN for floats, the empty string
        for strings; in arrays of objects each of these and None. None means that all rows are
        labelled. Anything else is compared with, NaN as well. The NA of pandas counts as NaN.

    Returns
    -------
    ndarray of bool, shape (n_samples,)

    Raises
    ------
    ValueError
        If `y` has more than one dimension.
    """
    labels = as_labels(y)
    if labels.ndim != 1:
        raise ValueError(f"y must have shape (n_samples,), got {labels.shape}.")
    if unlabeled is None:
        return np.ones(len(labels), dtype=bool)
    if not _is_auto(unlabeled):
        return np.array([not _is(label, unlabeled) for label in labels], dtype=bool)
    kind = labels.dtype.kind
    if kind == "i":
        return labels != -1
    if kind == "f":
        return ~np.isnan(labels)
    if kind == "U":
        return labels != ""
    if kind == "O":
        return np.array(
            [not any(_is(label, u) for u in _UNLABELED_OBJECTS) for label in labels], dtype=bool
        )
    return np.ones(len(labels), dtype=bool)


def split_labels(
    y: ArrayLike, unlabeled: Any, *, caller: str, regression: bool = False
) -> tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]:
    """Return the labels that are known, their rows and the other rows.

    The known labels have the dtype that they would have had without a marker among them.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    unlabeled : "auto", None or a label
        As in :func:`labeled_rows`.
    caller : str
        The name that messages mention.
    regression : bool, default=False
        Whether `y` holds quantities, of which -1 may be one.

    Raises
    ------
    ValueError
        If `y` is None, if no row has a label, or if "auto" would take for a marker what may well be
        a label: a -1 that leaves one class only, or that is among other negative numbers or, in
        regression, among integers at all.
    """
    if y is None:
        raise ValueError(f"{caller} requires y to be passed, but the target y is None.")
    labels = as_labels(y)
    known = labeled_rows(labels, unlabeled)
    rows = np.flatnonzero(known)
    if len(labels) and not len(rows):
        raise ValueError(
            f"{caller}: no row of y has a label; with unlabeled={unlabeled!r}, all {len(labels)} "
            f"rows are unlabelled."
        )
    found = natural_labels(labels[known])
    if _is_auto(unlabeled) and any(_is(label, -1) for label in labels[~known]):
        _check_marker(found, caller=caller, regression=regression)
    return found, rows, np.flatnonzero(~known)


def natural_labels(found: NDArray[Any]) -> NDArray[Any]:
    """Return known labels in the dtype that they would have had without a marker among them."""
    if found.dtype.kind != "O":
        return found
    natural = np.array(found.tolist())
    # Other kinds would turn a mixture of numbers and strings into strings.
    return natural if natural.dtype.kind in "biuf" and natural.ndim == 1 else found


def as_labels(y: ArrayLike) -> NDArray[Any]:
    """Return `y` as an array in which a number among strings is still a number."""
    labels = np.asarray(y)
    if labels.dtype.kind == "U" and not hasattr(y, "dtype"):
        objects = np.asarray(y, dtype=object)
        return labels if all(isinstance(label, str) for label in objects.flat) else objects
    return labels


def _check_marker(found: NDArray[Any], *, caller: str, regression: bool) -> None:
    """Raise an error if -1, which "auto" took for a marker, may be a label beside those `found`."""
    if regression:
        why = "in regression it may also be a value"
    elif found.dtype.kind in "if" and found.min() < -1:
        why = f"y holds other negative numbers as well, such as {found.min()}"
    elif len(set(found.tolist())) == 1:
        why = f"then {found[0]!s} is the only label left"
    else:
        return
    raise ValueError(
        f"{caller}: unlabeled='auto' takes -1 in y for a missing label, but {why}. Say "
        "unlabeled=-1 if it stands for a missing label, and unlabeled=None if all rows are "
        "labelled and -1 is a label."
    )


def _is_auto(unlabeled: Any) -> bool:
    return isinstance(unlabeled, str) and unlabeled == "auto"


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
    if _is_nan(label) or _is_nan(unlabeled):
        return _is_nan(label) and _is_nan(unlabeled)
    return bool(label == unlabeled)


def _is_nan(label: Any) -> bool:
    """Whether it differs from itself, as NaN does, or cannot tell, as the NA of pandas."""
    same = label == label
    return not (isinstance(same, (bool, np.bool_)) and same)
