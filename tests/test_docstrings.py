"""The examples in the docstrings run, and every parameter and result is described."""

import doctest
import importlib
import inspect
import pkgutil
import re
import runpy
import sys
from pathlib import Path

import jinja2
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
DOCS = Path(__file__).parents[1] / "docs"


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


def on_api_pages():
    """Return the functions and methods on the API pages by name, as autosummary finds them."""
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(DOCS / "_templates" / "autosummary"))
    pages.filters["underline"] = str
    class_page = pages.get_template("class.rst")
    lists = runpy.run_path(str(DOCS / "conf.py"))["autosummary_context"]
    shown = {}
    for entry in re.findall(r"^   ([\w.]+)$", (DOCS / "api.rst").read_text("utf-8"), re.MULTILINE):
        module, _, name = f"skssl.{entry}".rpartition(".")
        item = getattr(importlib.import_module(module), name)
        if not inspect.isclass(item):
            shown[entry] = item
        if not inspect.isclass(item) or issubclass(item, BaseException):
            continue
        public = {n: getattr(item, n) for n in dir(item) if not n.startswith("_")}
        page = class_page.render(
            objtype="class",
            objname=name,
            module=module,
            methods=[n for n, v in public.items() if callable(v) and not inspect.isclass(v)],
            inherited_members=set(dir(item)) - set(vars(item)),
            **lists,
        )
        for method in re.findall(r"automethod:: (\w+)", page):
            shown[f"{entry}.{method}"] = getattr(item, method)
    return shown


def on_page_of_hooks():
    """Return the methods that only those call who write methods and modalities."""
    page = (DOCS / "extending" / "hooks.rst").read_text("utf-8")
    shown, module = {}, skssl
    for kind, name in re.findall(r"^\.\. (currentmodule|automethod):: (\S+)$", page, re.MULTILINE):
        if kind == "currentmodule":
            module = importlib.import_module(name)
        else:
            cls, method = name.split(".")
            shown[name] = getattr(getattr(module, cls), method)
    return shown


def lacks(function):
    """Return what the docstring of a function leaves out: names of parameters, "Returns"."""
    sections = NumpyDocString(inspect.getdoc(function) or "")
    signature = inspect.signature(function)
    described = {
        name.strip().lstrip("*")
        for parameter in sections["Parameters"]
        for name in parameter.name.split(",")
    }
    missing = sorted(set(signature.parameters) - described - {"self", "cls", "args", "kwargs"})
    gives = signature.return_annotation not in (None, "None", inspect.Signature.empty)
    return missing + ["Returns"] * (gives and not (sections["Returns"] or sections["Yields"]))


def test_every_parameter_and_result_of_the_api_is_described(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])  # The configuration adds to it.
    shown = on_api_pages() | on_page_of_hooks()
    some = {"utils.embed", "SimCLR.fit", "views.Views.__call__", "extend.Plan.trains"}
    assert some | {"SelfSupervisedTransformer.plan", "Timed.time_steps"} <= set(shown)
    # Most methods are inherited by many classes.
    of_function = {getattr(item, "__func__", item): name for name, item in shown.items()}
    missing = {name: lacks(shown[name]) for name in of_function.values()}
    incomplete = [f"{name}: {', '.join(what)}" for name, what in missing.items() if what]
    assert not incomplete, "Not described:\n" + "\n".join(incomplete)
