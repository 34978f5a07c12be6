"""The examples in the docstrings run, and every parameter is described."""

import doctest
import importlib
import inspect
import pkgutil

import pytest
from cases import ESTIMATORS
from numpydoc.docscrape import NumpyDocString

import skssl
from skssl.modality import Images, Tabular
from skssl.views import ImageViews, TabularViews

MODULES = [info.name for info in pkgutil.walk_packages(skssl.__path__, prefix="skssl.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0


@pytest.mark.parametrize("cls", [*ESTIMATORS, Images, Tabular, ImageViews, TabularViews])
def test_every_parameter_is_described(cls):
    described = [
        name.strip()
        for parameter in NumpyDocString(cls.__doc__)["Parameters"]
        for name in parameter.name.split(",")
    ]
    declared = list(inspect.signature(cls).parameters)
    assert sorted(described) == sorted(declared)
