"""The examples in the user guide run, and it leaves no method out."""

import doctest
import re
from pathlib import Path

import pytest

import skssl
from skssl.modality import Modality
from skssl.utils import all_estimators

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [DOCS / "methods.rst", *sorted((DOCS / "modalities").glob("*.rst"))]


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_examples_run(page):
    results = doctest.testfile(
        str(page),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert results.failed == 0
    assert page.stem == "index" or results.attempted > 0


def test_methods_page_has_every_method_and_modality():
    page = (DOCS / "methods.rst").read_text()
    methods = {name for name, _ in all_estimators()}
    modalities = {
        name
        for name, cls in vars(skssl.modality).items()
        if isinstance(cls, type) and issubclass(cls, Modality) and cls is not Modality
    }
    (header,) = re.findall(r"^Method +(\w+(?: +\w+)+)$", page, flags=re.MULTILINE)
    assert set(header.split()) == modalities
    rows = dict(re.findall(r"^:class:`(\w+)`((?: +yes)+)$", page, flags=re.MULTILINE))
    assert set(rows) == methods
    assert {name: len(cells.split()) for name, cells in rows.items()} == dict.fromkeys(
        methods, len(modalities)
    )
    families, _, _ = page.partition("Every method on every modality")
    assert [name for name in sorted(methods) if f"- :class:`{name}`" not in families] == []


def test_api_page_has_every_method_and_loss():
    listed = {line.strip() for line in (DOCS / "api.rst").read_text().splitlines()}
    public = {name for name, _ in all_estimators()} | {f"losses.{x}" for x in skssl.losses.__all__}
    assert public - listed == set()
