"""The examples in the user guide run, and it leaves no method out."""

import doctest
import re
import tomllib
import zlib
from pathlib import Path

import jinja2
import pytest

import skssl
from skssl import model_selection
from skssl._declare import API_PAGES
from skssl.base import SelfSupervisedTransformer
from skssl.modality import MODALITIES, Modality
from skssl.semi_supervised import (
    FineTuneClassifier,
    FineTuneRegressor,
    LabeledOnly,
    PrototypeClassifier,
)
from skssl.utils import all_estimators
from skssl.views import (
    CallableViews,
    ImageViews,
    PointCloudViews,
    SeriesViews,
    TabularViews,
    TextViews,
    VideoViews,
    Views,
)

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [
    *(DOCS / f"{name}.rst" for name in ("index", "quickstart", "explore", "not_working", "gpu")),
    *(DOCS / "extending" / f"{name}.rst" for name in ("own_method", "own_modality")),
    DOCS / "extending" / "views_and_encoders.rst",
    *(
        DOCS / f"{name}.rst"
        for name in ("methods", "pretext", "few_labels", "large_data", "save", "filling")
    ),
    *(DOCS / f"{name}.rst" for name in ("pretrained", "tuning")),
    *(page for page in sorted((DOCS / "modalities").glob("*.rst")) if page.stem != "index"),
]


@pytest.mark.examples
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


def test_api_page_has_every_scorer():
    page = (DOCS / "api.rst").read_text()
    listed = re.findall(r"^\.\. py:data:: model_selection\.(\w+_scorer)$", page, re.MULTILINE)
    public = [name for name in model_selection.__all__ if name.endswith("_scorer")]
    public.remove("labeled_scorer")  # which makes one
    assert sorted(listed) == sorted(public)


# What users call of every method, beyond what it inherits from scikit-learn.
USED = {
    "fit",
    "fit_transform",
    "n_learned",
    "partial_fit",
    "prepare_samples",
    "score",
    "transform",
    "untrained",
}
USED |= {"get_feature_names_out", "set_params", "works_with"}


def test_what_users_do_not_call_is_on_the_page_for_those_who_write_methods():
    page = (DOCS / "extending" / "hooks.rst").read_text()
    hooks = set(re.findall(r"automethod:: SelfSupervisedTransformer\.(\w+)$", page, re.MULTILINE))
    own = {
        name
        for cls in SelfSupervisedTransformer.__mro__
        if cls.__module__.startswith("skssl")
        for name, value in vars(cls).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, classmethod))
    }
    assert own - hooks == USED


def api_page(cls):
    """Return the page of a class of the API."""
    used = re.search(r"_used = .*\n_used \+= .*\n", (DOCS / "conf.py").read_text())[0]
    context = {}
    exec(used, context)
    environment = jinja2.Environment()
    environment.filters["underline"] = str
    template = (DOCS / "_templates" / "autosummary" / "class.rst").read_text()
    return environment.from_string(template).render(
        module=cls.__module__.rpartition("._")[0],
        objname=cls.__name__,
        methods=[name for name in dir(cls) if not name.startswith("_")],
        inherited_members=[],
        hooks=[],
        used=context["_used"],
    )


@pytest.mark.parametrize("cls", [*MODALITIES, ImageViews, TextViews])
def test_pages_of_modalities_and_views_have_what_users_call(cls):
    shown = re.findall(r"automethod:: (\w+)", api_page(cls))
    assert "set_params" in shown
    assert not {"expect_known", "plain_stem", "tell_fitted", "turns", "of_kind"} & set(shown)
    base = Modality if issubclass(cls, Modality) else Views
    # What has no page elsewhere is on that of the base class.
    assert set(shown) - {"glyphs", "photos"} <= set(
        re.findall(r"automethod:: (\w+)", api_page(base))
    )


def test_what_a_modality_can_do_is_on_the_page_for_those_who_write_one():
    page = (DOCS / "extending" / "hooks.rst").read_text()
    told = set(re.findall(r"automethod:: \w+\.(\w+)$", page, re.MULTILINE))
    known = set(re.findall(r"automethod:: (\w+)", api_page(Modality)))
    for kind in (vars(skssl.modality)[name] for name in skssl.modality.__all__):
        if isinstance(kind, type) and kind.__module__.endswith("_capabilities"):
            own = {name for name, value in vars(kind).items() if name[0] != "_" and callable(value)}
            assert own <= told | known, kind


def test_the_page_of_views_has_what_a_subclass_writes():
    assert "automethod:: __call__" in api_page(Views)


# What has an HTML view in notebooks.
VIEWED = [
    *(cls() for _, cls in all_estimators()),
    FineTuneClassifier(),
    FineTuneRegressor(),
    LabeledOnly(PrototypeClassifier()),
    PrototypeClassifier(),
    *(kind() for kind in MODALITIES),
    *(views() for views in (ImageViews, PointCloudViews, SeriesViews)),
    *(views() for views in (TabularViews, TextViews, VideoViews)),
    CallableViews(abs),
]


@pytest.mark.parametrize("estimator", VIEWED, ids=lambda estimator: type(estimator).__name__)
def test_links_of_the_html_view_lead_to_pages_of_the_api(estimator):
    listed = re.findall(r"^   ([\w.]+)$", (DOCS / "api.rst").read_text(), flags=re.MULTILINE)
    pages = {f"{API_PAGES}/skssl.{name}.html" for name in listed}
    links = set(re.findall(r'href="([^"#]+)', estimator._repr_html_()))
    assert links
    assert {link for link in links if "skssl" in link} <= pages
    assert any(link.endswith(f".{type(estimator).__name__}.html") for link in links)


INVENTORIES = DOCS / "_inventories"


@pytest.mark.parametrize("project", tomllib.loads((INVENTORIES / "names.toml").read_text()))
def test_inventories_have_the_names_that_are_written_down(project):
    names = tomllib.loads((INVENTORIES / "names.toml").read_text())[project]
    said = {
        (name, kind)
        for kind, places in names.items()
        if kind != "url"
        for of_place in places.values()
        for name in of_place
    }
    packed = (INVENTORIES / f"{project}.inv").read_bytes().split(b"\n", maxsplit=4)[4]
    lines = zlib.decompress(packed).decode().splitlines()
    assert {tuple(line.split()[:2]) for line in lines} == said
