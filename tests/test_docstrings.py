"""The examples in the docstrings run, and every parameter is described."""

import doctest
import importlib
import inspect
import pkgutil

import pytest
from cases import ESTIMATORS
from numpydoc.docscrape import NumpyDocString

import skssl
from skssl._declare import Declared
from skssl.modality import Modality
from skssl.views import Views

MODULES = [info.name for info in pkgutil.walk_packages(skssl.__path__, prefix="skssl.")]
DECLARED = [
    cls
    for module, base in (
        (skssl.modality, Modality),
        (skssl.views, Views),
        (skssl.semi_supervised, Declared),
    )
    for cls in (getattr(module, name) for name in module.__all__)
    if inspect.isclass(cls) and issubclass(cls, base) and inspect.signature(cls).parameters
]


def test_classes_are_discovered():
    assert {"Images", "Tabular", "ImageViews", "LabeledOnly"} <= {c.__name__ for c in DECLARED}


@pytest.mark.examples
@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


@pytest.mark.parametrize("cls", [*ESTIMATORS, *DECLARED])
def test_every_parameter_is_described(cls):
    described = [
        name.strip()
        for parameter in NumpyDocString(cls.__doc__)["Parameters"]
        for name in parameter.name.split(",")
    ]
    declared = list(inspect.signature(cls).parameters)
    assert sorted(described) == sorted(declared)
