"""The one place that imports scikit-learn's private names."""

from collections.abc import Iterator
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.base import _fit_context as fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    RealNotInt,
    StrOptions,
    make_constraint,
    validate_params,
)
from sklearn.utils._pprint import _EstimatorPrettyPrinter
from sklearn.utils.validation import _check_method_params as index_fit_params
from sklearn.utils.validation import _num_samples as num_samples


def check_lengths(**arrays: object) -> None:
    """Raise an error that names arrays that differ in their number of samples.

    Those other than `X` may be None.
    """
    lengths = {}
    for name, array in arrays.items():
        if array is None and not name.startswith("X"):
            continue
        refuse_iterator(array, name)
        try:
            lengths[name] = num_samples(array)
        except TypeError as error:
            raise TypeError(f"{name} is no sequence of samples: {error}") from error
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"Found input variables with inconsistent numbers of samples: {found}.")


def refuse_iterator(samples: object, name: str = "X") -> None:
    """Raise an error about a generator, and whatever else can be gone through only once."""
    if isinstance(samples, Iterator):
        raise TypeError(
            f"{name} is an iterator, of type {type(samples).__name__}, which can be gone through "
            f"only once; pass a list: sorted({name}) of paths, list({name}) of others."
        )


def print_like_estimators(cls: type) -> None:
    """Break the lines of a long repr, for a class whose ``__repr__`` adds to that of its base."""
    printers = _EstimatorPrettyPrinter._dispatch
    printers[cls.__repr__] = printers[BaseEstimator.__repr__]


def with_rows(attributes: Any, rows: dict[str, str]) -> Any:
    """Add rows to the table of fitted attributes in the HTML view of an estimator."""
    for name, text in rows.items():
        attributes[name] = {"type_name": "", "value": _Verbatim(text)}
    return attributes


class _Verbatim:
    """A text that is shown without quotes, up to the length that the HTML view allows."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def plain(transformer: BaseEstimator) -> BaseEstimator:
    """Return a transformer of ours that gives arrays, whatever ``set_config`` says of all others.

    With ``transform_output="pandas"`` or "polars", what it gives would be a frame.
    """
    return transformer.set_output(transform="default")


__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Options",
    "RealNotInt",
    "StrOptions",
    "check_lengths",
    "fit_context",
    "index_fit_params",
    "make_constraint",
    "num_samples",
    "plain",
    "print_like_estimators",
    "refuse_iterator",
    "safe_indexing",
    "validate_params",
    "with_rows",
]
