"""Finding the public estimators."""

from __future__ import annotations

import importlib
import pkgutil

from sklearn.base import BaseEstimator

import skssl
from skssl.base import SelfSupervisedTransformer


def all_estimators() -> list[tuple[str, type[BaseEstimator]]]:
    """Return name and class of every public method, sorted by name.

    Returns
    -------
    list of (str, type)
        Names and classes.

    Examples
    --------
    >>> from skssl.utils import all_estimators
    >>> [name for name, _ in all_estimators()][:4]
    ['ArrowOfTime', 'BYOL', 'BarlowTwins', 'ClipOrder']
    """
    found = {}
    for module_info in pkgutil.walk_packages(skssl.__path__, prefix="skssl."):
        module = importlib.import_module(module_info.name)
        for name, value in vars(module).items():
            if (
                isinstance(value, type)
                and issubclass(value, SelfSupervisedTransformer)
                and not _is_abstract(value)
                and not name.startswith("_")
                and value.__module__ == module.__name__
            ):
                found[name] = value
    return sorted(found.items())


def _is_abstract(cls: type) -> bool:
    """Whether a class leaves something to those that inherit from it."""
    methods = (getattr(cls, name, None) for name in dir(cls))
    return any(getattr(method, "__isabstractmethod__", False) for method in methods)
