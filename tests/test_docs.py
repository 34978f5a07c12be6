"""The examples in the user guide run, and it leaves no method out."""

import doctest
import re
from pathlib import Path

import pytest

import skssl
from skssl.modality import MODALITIES
from skssl.utils import all_estimators

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [
    *(DOCS / f"{name}.rst" for name in ("index", "quickstart", "explore", "not_working", "gpu")),
    *sorted((DOCS / "extending").glob("*.rst")),
    *(DOCS / f"{name}.rst" for name in ("methods", "pretext", "few_labels", "large_data", "save")),
    *(page for page in sorted((DOCS / "modalities").glob("*.rst")) if page.stem != "index"),
]


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_examples_run(page, monkeypatch):
    monkeypatch.syspath_prepend(page.parent)
    results = doctest.testfile(
        str(page),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert results.failed == 0
    assert results.attempted > 0


# What a cell of the table says: whether the method has a meaning for the modality.
CELLS = {"yes": True, r"\-": False}


def page_of(cls):
    """Return the name of the page that a method is on."""
    return "pretext" if cls.__module__.startswith(("skssl.pretext", "skssl.masked")) else "methods"


@pytest.mark.parametrize("name", ["methods", "pretext"])
def test_every_method_is_on_its_page_with_the_modalities_that_it_supports(name):
    text, _, table = (DOCS / f"{name}.rst").read_text().partition("Every method on every modality")
    methods = {method: cls for method, cls in all_estimators() if page_of(cls) == name}
    modalities = {kind.__name__: kind for kind in MODALITIES}
    (header,) = re.findall(r"^Method +(\w+(?: +\w+)+)$", table, flags=re.MULTILINE)
    columns = header.split()
    assert set(columns) == set(modalities)
    rows = re.findall(r"^:class:`(\w+)`((?: +(?:yes|\\-))+)$", table, flags=re.MULTILINE)
    said = {
        method: dict(zip(columns, map(CELLS.__getitem__, cells.split()), strict=True))
        for method, cells in rows
    }
    assert said == {
        method: {column: cls.works_with(modalities[column]) for column in columns}
        for method, cls in methods.items()
    }
    assert [method for method in sorted(methods) if f"- :class:`{method}`" not in text] == []


def test_api_page_has_every_method_and_loss():
    listed = {line.strip() for line in (DOCS / "api.rst").read_text().splitlines()}
    public = {name for name, _ in all_estimators()} | {f"losses.{x}" for x in skssl.losses.__all__}
    assert public - listed == set()
