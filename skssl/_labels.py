"""Which rows of `y` have a label, and which labels these are.

Every tool that takes labels asks here, so that the same `y` means the same to all of them.

Without being told (``unlabeled="auto"``), a row has no label where `y` is

- missing: None, NaN, NaT, the NA of pandas, a null of Arrow, what a masked array masks, or an empty
  string;
- the number -1 among whole numbers, whatever their dtype, among names or among booleans, as in
  :mod:`sklearn.semi_supervised`. Among numbers with a fractional part, and among the floats of a
  regression, -1 is a value.

Where -1 may as well be a label, it is an error that says what to write: if it leaves one class
only, stands among other negative numbers, or among the integers of a regression; and where folds
cannot know whether `y` holds classes. So are the strings "-1", "nan", "None" and the like, which
NumPy makes of markers among names. A -1 that is declared a class, by those that a classifier was
fitted to or by ``classes`` of ``partial_fit``, is one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Complex, Real
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import indexable
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite

from skssl._quote import quoted
from skssl._sklearn_compat import check_lengths, index_fit_params
from skssl._types import Samples
from skssl.modality import take

Kind = Literal["classes", "quantities", "likely classes", "likely quantities"]

# What NumPy makes of -1, NaN, None, NaT and the NA of pandas in an array of names.
MARKERS_AS_STRINGS = ("-1", "-1.0", "nan", "None", "NaT", "<NA>")
_LABELS = "names, real numbers or booleans"


def split_labels(
    y: ArrayLike,
    unlabeled: object,
    *,
    caller: str,
    kind: Kind = "classes",
    classes: ArrayLike | None = None,
    warn: bool = False,
) -> tuple[np.ndarray, NDArray[np.intp], NDArray[np.intp]]:
    """Return the labels that are known, their rows and the other rows.

    The known labels have the dtype that they would have had without a marker among them.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        As in :func:`as_labels`.
    unlabeled : "auto", None or a label
        What stands for a missing label. "auto" is the rule at the head of this module; None means
        that all rows are labelled. Anything else is compared with; NaN is also None and the NA of
        pandas.
    caller : str
        The name that messages mention.
    kind : {"classes", "quantities", "likely classes", "likely quantities"}, default="classes"
        What `y` holds, as far as the caller knows. Of quantities, -1 may be one.
    classes : array-like, default=None
        The classes that are known already, of which -1 may be one.
    warn : bool, default=False
        Whether a `y` of one column is warned of, as estimators of scikit-learn do.

    Raises
    ------
    ValueError
        If `y` is None or has another shape, if no row has a label, or if "auto" would take for a
        marker what may well be a label.
    """
    if y is None:
        raise ValueError(f"{caller} requires y to be passed, but the target y is None.")
    labels = as_labels(y, warn=warn)
    known = which_are_known(labels, unlabeled, caller=caller, kind=kind, classes=classes)
    rows = np.flatnonzero(known)
    if len(labels) and not len(rows):
        raise ValueError(
            f"{caller}: no row of y has a label; with unlabeled={unlabeled!r}, all {len(labels)} "
            f"rows are unlabelled."
        )
    return natural_labels(labels[known]), rows, np.flatnonzero(~known)


def which_are_known(
    labels: np.ndarray,
    unlabeled: object,
    *,
    caller: str,
    kind: Kind = "classes",
    classes: ArrayLike | None = None,
) -> NDArray[np.bool_]:
    """Return which of the labels that :func:`as_labels` gives are known, which may be none.

    The other arguments, and errors about them, are those of :func:`split_labels`.
    """
    if np.ndim(cast(ArrayLike, unlabeled)):
        raise ValueError(f"unlabeled must be 'auto', None or one label, got {quoted(unlabeled)}.")
    if unlabeled is None:
        return np.ones(len(labels), dtype=bool)
    if isinstance(unlabeled, str) and unlabeled == "auto":
        return _by_rule(labels, caller=caller, kind=kind, classes=classes)
    if is_missing(unlabeled):
        return ~_missing(labels)
    return np.array([not same_label(label, unlabeled) for label in labels], dtype=bool)


def labelled_part(
    X: Samples, y: ArrayLike, params: dict[str, object], unlabeled: object, **how: Any
) -> tuple[Samples, np.ndarray, dict[str, object]]:
    """Return `X`, the labels and the parameters of a method, of the rows that have a label.

    Parameters
    ----------
    X : array-like
    y : array-like of shape (n_samples,)
    params : dict
        Other arguments of the method, of which some may have a value for each row.
    unlabeled, **how
        As for :func:`split_labels`.
    """
    labels, rows, _ = split_labels(y, unlabeled, **how)
    check_lengths(X=X, y=y)
    if params.get("sample_weight") is not None:
        weights = as_labels(params["sample_weight"], name="sample_weight")
        params = params | {"sample_weight": weights}
    (X,) = indexable(X)
    return take(X, rows), labels, index_fit_params(X, params, rows)


def as_labels(y: object, *, name: str = "y", warn: bool = False) -> np.ndarray:
    """Return labels as an array of shape (n_samples,) that keeps what each of them is.

    Lists, columns of pandas, polars and Arrow, also with nullable dtypes and categories, frames of
    one column, masked arrays and tensors. Numbers among strings stay numbers, integers and booleans
    beside a missing value stay what they are: such arrays have the dtype object.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
    name : str, default="y"
        The name that messages mention.
    warn : bool, default=False
        Whether a column is warned of.

    Raises
    ------
    ValueError
        If there is more than one label per row, or labels are complex numbers or structured.
    """
    shape = getattr(y, "shape", None)
    if sparse.issparse(y):
        raise ValueError(f"{name} must be dense, got a sparse matrix of shape {shape}.")
    # pandas, polars, Arrow
    for first_column in ("iloc", "to_series", "column"):
        if shape is not None and len(shape) == 2 and hasattr(y, first_column):
            _check_column(shape, name, warn)
            find = getattr(y, first_column)
            return as_labels(find[:, 0] if first_column == "iloc" else find(0), name=name)
    labels = _as_array(y)
    if labels.ndim == 2:
        _check_column(labels.shape, name, warn)
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(f"{name} must have shape (n_samples,), got {labels.shape}.")
    if labels.dtype.kind == "c":
        raise ValueError(f"Complex data not supported: {name} must hold {_LABELS}.")
    if labels.dtype.kind == "V":
        raise ValueError(f"{name} must hold {_LABELS}, got an array of dtype {labels.dtype}.")
    if labels.dtype.kind != "O":
        return labels
    for row, label in enumerate(labels):
        if isinstance(label, Complex) and not isinstance(label, Real):
            raise ValueError(f"{name} must hold {_LABELS}, got {label!r} in row {row}.")
        if hasattr(label, "__len__") and not isinstance(label, (str, bytes)):
            raise ValueError(
                f"{name} must hold one label per row, got a {type(label).__name__} in row {row}."
            )
    return natural_labels(labels)


def natural_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels of dtype object as numbers or booleans if they are nothing else."""
    if labels.dtype.kind != "O" or not len(labels):
        return labels
    is_bool = [isinstance(label, (bool, np.bool_)) for label in labels]
    if all(is_bool):
        return labels.astype(bool)
    is_number = all(isinstance(label, (Real, np.number)) for label in labels)
    if any(is_bool) or not is_number or _missing(labels).any():
        return labels
    natural = np.array(labels.tolist())
    return natural if natural.dtype.kind in "iuf" else labels


@contextmanager
def quiet_about_few_labels() -> Iterator[None]:
    """Silence scikit-learn's doubt that few rows of each class are classes at all."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes")
        yield


def check_class_labels(labels: np.ndarray) -> None:
    """Raise an error if known labels are infinite, or quantities rather than classes."""
    for label in labels if labels.dtype.kind == "O" else ():
        if not isinstance(label, (str, Real, np.generic)):
            raise ValueError(
                f"y holds labels of type {type(label).__name__}; classes must be numbers, booleans "
                "or strings, such as those that str() makes of them."
            )
    if labels.dtype.kind == "f":
        assert_all_finite(labels, input_name="y")
    with quiet_about_few_labels():
        check_classification_targets(labels)


def is_missing(label: object) -> bool:
    """Whether a label is None, the NA of pandas, or differs from itself, as NaN and NaT do."""
    if label is None or type(label).__name__ == "NAType":
        return True
    differs = label != label
    return isinstance(differs, (bool, np.bool_)) and bool(differs)


def _as_array(y: Any) -> np.ndarray:
    """Return `y` as an array, of objects where its own dtype cannot hold each label as it is."""
    if np.ma.isMaskedArray(y):
        labels = np.asarray(y.astype(object) if np.ma.is_masked(y) else y)
        labels[np.ma.getmaskarray(y)] = None
        return labels
    if hasattr(y, "detach"):  # a tensor, on any device
        return y.detach().cpu().numpy()
    if hasattr(y, "dtype") and isinstance(y.dtype, np.dtype):
        return np.asarray(y)
    # NumPy itself would turn integers beside a missing value into floats.
    if hasattr(y, "to_pylist"):
        return _of_objects(y.to_pylist())
    if hasattr(y, "dtype") and hasattr(y, "to_numpy"):
        return _of_objects(y.tolist() if hasattr(y, "tolist") else list(y))
    if hasattr(y, "__array__"):
        return np.asarray(y)
    # And names beside numbers into strings.
    labels = np.array(y, dtype=object)
    is_text = labels.ndim == 1 and all(isinstance(label, str) for label in labels)
    return labels.astype(str) if is_text and len(labels) else labels


def _of_objects(labels: list[object]) -> np.ndarray:
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    return array


def _check_column(shape: tuple[int, ...], name: str, warn: bool) -> None:
    if shape[1] != 1:
        raise ValueError(f"{name} must have shape (n_samples,), got {tuple(shape)}.")
    if warn:
        warnings.warn(
            f"A column-vector {name} was passed when a 1d array was expected. Please change the "
            f"shape of {name} to (n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=4,
        )


def _by_rule(
    labels: np.ndarray, *, caller: str, kind: Kind, classes: ArrayLike | None
) -> NDArray[np.bool_]:
    """Return which labels are known by the rule at the head of this module."""
    known = ~_missing(labels)
    if labels.dtype.kind in "OU":
        known &= np.array([not same_label(label, "") for label in labels], dtype=bool)
    declared = [] if classes is None else list(as_labels(classes, name="classes"))
    _check_strings(labels[known], declared, caller)
    marked = known & _minus_ones(labels)
    if not marked.any() or any(same_label(label, -1) for label in declared):
        return known
    others = natural_labels(labels[known & ~marked])
    if classes is None:
        present = natural_labels(labels[known])
        is_float = present.dtype.kind == "f"
        if is_float and (kind == "quantities" or (present != np.floor(present)).any()):
            return known
        _check_marker(others, caller=caller, kind=kind, is_float=is_float)
    return known & ~marked


def _check_marker(others: np.ndarray, *, caller: str, kind: Kind, is_float: bool) -> None:
    """Raise an error if -1, which "auto" took for a marker, may be a label beside the others."""
    if others.dtype.kind not in "biuf" or not len(others):
        return
    different = len(set(others.tolist()))
    if kind == "quantities":
        why = "in regression it may also be a value"
    elif others.dtype.kind != "b" and others.min() < -1:
        why = f"y holds other negative numbers as well, such as {others.min()}"
    elif different == 1:
        why = f"then {others[0]!s} is the only label left"
    elif kind == "likely quantities" or (
        kind == "likely classes" and (is_float or different > len(others) / 2)
    ):
        why = "y may hold quantities, of which it may be one, as well as classes"
    else:
        return
    raise ValueError(
        f"{caller}: unlabeled='auto' takes -1 in y for a missing label, but {why}. Pass "
        "unlabeled=-1 if it stands for a missing label, and unlabeled=None if all rows are "
        "labelled and -1 is a label, or unlabeled=np.nan if only missing values are unlabelled."
    )


def _check_strings(labels: np.ndarray, declared: list[object], caller: str) -> None:
    if labels.dtype.kind not in "OU":
        return
    for label in MARKERS_AS_STRINGS:
        if label not in declared and any(same_label(found, label) for found in labels):
            raise ValueError(
                f"{caller}: y holds the string {label!r}, which is what NumPy makes of a marker "
                f"among names. Pass unlabeled={label!r} if it stands for a missing label, and "
                "unlabeled=None if it is a label, or unlabeled=np.nan if other values are missing. "
                "Lists and arrays of dtype object keep markers among names."
            )


def _missing(labels: np.ndarray) -> NDArray[np.bool_]:
    if labels.dtype.kind == "O":
        return np.array([is_missing(label) for label in labels], dtype=bool)
    return np.asarray(labels != labels)


def _minus_ones(labels: np.ndarray) -> NDArray[np.bool_]:
    if labels.dtype.kind in "if":
        return np.asarray(labels == -1)
    if labels.dtype.kind == "O":
        return np.array([same_label(label, -1) for label in labels], dtype=bool)
    return np.zeros(len(labels), dtype=bool)


def same_label(label: object, marker: object) -> bool:
    """Whether a label, which is not missing, is the marker, of the same kind: True is not 1."""
    for kind in ((bool, np.bool_), str):
        if isinstance(label, kind) or isinstance(marker, kind):
            return isinstance(label, kind) and isinstance(marker, kind) and bool(label == marker)
    return not is_missing(label) and bool(label == marker)
