"""What others build on: the public names are enough, and the house keeps its own rules."""

import ast
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import skssl
from skssl import SimCLR, extend
from skssl.extend import POSITIVE_INT, Modality, param, register_encoder, register_modality
from skssl.modality import Tabular, infer_modality, known_modalities
from skssl.testing import CASES, check_method, check_modality

ROOT = Path(skssl.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))
GUIDE = Path(__file__).parents[1] / "docs" / "extending"


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A folder outside the repository with what the guide's pages have written."""
    for name in ("align_uniform", "spectra"):
        shutil.copy(GUIDE / f"{name}.py", tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_method_of_ones_own_passes_the_common_tests(outside):
    from align_uniform import AlignUniform

    # The guide's own page checks it on tables.
    cases = [case for case in CASES if case.name == "points"]
    passed = check_method(AlignUniform, cases=cases, projector_dim=16)
    assert len(passed) == 12


def test_a_modality_of_ones_own_passes_the_common_tests(outside):
    from spectra import Spectra, make_spectra

    X, _ = make_spectra(122, n_bands=40)
    methods = [SimCLR, skssl.MoCo, skssl.MaskedAutoencoder]
    passed = check_modality(Spectra(width=4), X, methods=methods)
    assert len(passed) == 3 + 3 * 11


@pytest.mark.parametrize("name", ["align_uniform", "my_method", "spectra"])
def test_the_guide_uses_public_names_only(name):
    tree = ast.parse((GUIDE / f"{name}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            path = [*node.module.split("."), *(alias.name for alias in node.names)]
            assert not any(part.startswith("_") for part in path)
        if isinstance(node, ast.Attribute):
            assert not re.match(r"_[^_]", node.attr)


def test_what_is_public_is_documented():
    for name in extend.__all__:
        thing = getattr(extend, name)
        assert thing.__doc__ or name in ("FRACTION", "NOT_NEGATIVE", "POSITIVE", "POSITIVE_INT")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_class_cannot_do_is_not_one_of_its_methods(path):
    names = {
        node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)
    }
    assert "NotImplementedError" not in names


def declared(kind, field, name="kind"):
    """Return the body of a class with a parameter."""
    return {"__annotations__": {name: kind}, name: field}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"__annotations__": {"size": int}, "size": 3}, "what its parameter size may be"),
        ({"size": param(POSITIVE_INT, default=3)}, "The parameter size of Mine has no type"),
        ({"__annotations__": {"size": int}, "size": 3}, "write `size: int = param"),
        ({"__init__": lambda self, size=3: None}, "Mine has an __init__ of its own"),
        (declared(int, param(default=3), name="size"), "what its parameter size may be"),
        (
            declared(int, param(POSITIVE_INT, default=3), name="score"),
            "Mine cannot have a parameter score: SelfSupervisedTransformer.score is there",
        ),
        (declared(str, param({"a"}, default="a")), r"parameter kind of Mine .* StrOptions\("),
        (declared(str, param("a", "b", default="a")), r"parameter kind of Mine .* StrOptions\("),
        (declared(list, param(list, default=[1])), r"default of kind of Mine is \[1\]"),
    ],
)
def test_a_class_that_forgets_something_is_an_error(body, message):
    with pytest.raises(TypeError, match=message):
        type("Mine", (SimCLR,), body)


def test_cases_by_name():
    passed = check_method(SimCLR, cases=["tabular"])
    assert passed == check_method(SimCLR, cases="tabular")
    assert len(passed) == 12
    with pytest.raises(ValueError, match="cases has 'tables'; allowed are 'images', 'colors'"):
        check_method(SimCLR, cases="tables")


class Ticks(Tabular):
    """Tables of as many columns as nobody else has."""

    @classmethod
    def recognizes(cls, look):
        return look.shape[1:] == (17,)


def test_modalities_can_be_registered(monkeypatch):
    X = np.random.default_rng(0).normal(size=(9, 17))
    monkeypatch.setattr("skssl.modality._registry._registry._modalities", [])
    assert type(infer_modality(X)) is Tabular
    assert register_modality(Ticks) is Ticks
    assert type(infer_modality(X)) is Ticks
    assert known_modalities()[0] is Ticks
    assert type(infer_modality(X[:, :5])) is Tabular
    with pytest.raises(TypeError, match=r"must be a subclass of Modality, got Ticks\(\)"):
        register_modality(Ticks())
    with pytest.raises(TypeError, match="Modality lacks .*build_encoder.*prepare"):
        register_modality(Modality)


class EntryPoint:
    name, value = "ticks", "somewhere:Ticks"

    def __init__(self, load):
        self.load = load


def test_installed_packages_register_theirs(monkeypatch):
    registry = "skssl.modality._registry"
    monkeypatch.setattr(f"{registry}._registry", skssl.modality._registry._Registry())
    fails = EntryPoint(lambda: 1 / 0)
    entry_points = [fails, EntryPoint(lambda: Ticks)]
    monkeypatch.setattr(f"{registry}.entry_points", lambda group: entry_points)
    with pytest.warns(UserWarning, match="'ticks' of somewhere:Ticks.*ZeroDivisionError"):
        assert known_modalities()[0] is Ticks
    assert known_modalities()[0] is Ticks


def test_encoders_can_be_registered(monkeypatch):
    monkeypatch.setattr("skssl.modality._registry._registry.encoders", {})
    X = np.random.default_rng(0).normal(size=(20, 5))

    def build(modality, samples):
        import torch

        return torch.nn.Linear(samples.shape[1], 3)

    register_encoder(Tabular, "linear", build)
    register_encoder(Tabular, "linear", build)
    Z = SimCLR(encoder="linear", max_epochs=1, device="cpu").fit(X).transform(X)
    assert Z.shape == (20, 3)
    with pytest.raises(ValueError, match="name='linear' is taken"):
        register_encoder(Tabular, "linear", lambda modality, samples: None)
    with pytest.raises(ValueError, match="name='auto' is taken"):
        register_encoder(Tabular, "auto", build)
    with pytest.raises(ValueError, match="did you mean 'linear'"):
        SimCLR(encoder="linaer").fit(X)
    with pytest.raises(TypeError, match="build must be callable, got 3"):
        register_encoder(Tabular, "other", 3)


def package_of(path):
    """Return the sub-package that a file is in, "" for those at the root."""
    parts = path.relative_to(ROOT).parts
    return parts[0] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_packages_import_public_names_of_each_other(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("skssl."):
            continue
        package, *inside = node.module.split(".")[1:]
        if package == package_of(path) or package.startswith("_"):
            continue
        names = [*inside, *(alias.name for alias in node.names)]
        assert not [name for name in names if name.startswith("_")], node.module


def defined_in(paths):
    """Return the names with an underscore that files define, as functions or attributes."""
    names = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                names.add(node.name)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names


OF_PACKAGE = {
    package: defined_in([path for path in SOURCES if package_of(path) == package])
    for package in {package_of(path) for path in SOURCES}
}
# They stand for private names of scikit-learn and torch, each in one place.
OTHERS = {"_sklearn_compat.py", "_torch_compat.py"}


@pytest.mark.parametrize("path", SOURCES, ids=[str(path.relative_to(ROOT)) for path in SOURCES])
def test_private_attributes_are_those_of_the_package(path):
    if path.name in OTHERS:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Attribute) or not re.match(r"_[^_]", node.attr):
            continue
        of = node.value
        is_own = isinstance(of, ast.Name) and of.id in ("self", "cls")
        is_super = isinstance(of, ast.Call) and ast.unparse(of.func) == "super"
        assert is_own or is_super or node.attr in OF_PACKAGE[package_of(path)], ast.unparse(node)


def files_of_a_step():
    """Return the files of ours that a training step passes, from fit to the loss, in order."""
    X = np.random.default_rng(0).integers(0, 255, (64, 8, 8), dtype=np.uint8)
    ssl = SimCLR(max_epochs=1, device="cpu", random_state=0)
    passed, reached = [], []

    def look(frame, event, argument):
        path = frame.f_code.co_filename
        if event != "call" or not path.startswith(str(ROOT)) or reached:
            return
        if frame.f_code.co_name == "train_step":
            passed.clear()
        passed.append(path)
        if frame.f_code.co_name == "nt_xent":
            while frame:
                reached.insert(0, frame.f_code.co_filename)
                frame = frame.f_back

    sys.setprofile(look)
    try:
        ssl.fit(X)
    finally:
        sys.setprofile(None)
    above = [path for path in reached if path.startswith(str(ROOT))]
    loop = max(place for place, path in enumerate(above) if path.endswith("_net.py"))
    files = dict.fromkeys([*above[:loop], *passed])
    return [Path(path).relative_to(ROOT).as_posix() for path in files]


def test_a_step_is_followed_through_few_files():
    files = files_of_a_step()
    assert len(files) <= 9
    guide = (GUIDE / "own_method.rst").read_text()
    listed = re.findall(r"^\d\. ``([\w/]+\.py)``", guide, flags=re.MULTILINE)
    assert listed == files
