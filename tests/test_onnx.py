"""Encoders and linear heads as ONNX files, and as programs of torch.export."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from cases import CASES, DIGITS, N_FEW, tiny_mlp
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch import nn

from skssl import SimCLR
from skssl.modality import Tabular
from skssl.semi_supervised import FineTuneClassifier, FineTuneRegressor, LabeledOnly
from skssl.utils import to_onnx
from skssl.utils._onnx import _parts

pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

BY_NAME = {case.name: case for case in CASES if case.name != "colors"}
EXAMPLES = Path(__file__).parents[1] / "examples" / "serving"
LABELS = np.arange(len(DIGITS)) % 3


def quick(**params):
    return SimCLR(**{"max_epochs": 1, "device": "cpu", "random_state": 0, **params})


class Tiny(nn.Module):
    """What is exported in a second."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 8)

    def forward(self, images):
        return self.linear(images.flatten(1))


@pytest.fixture(scope="module")
def tiny():
    return quick(encoder=Tiny()).fit(DIGITS)


def samples_of(ssl, X):
    samples, _ = ssl.prepare_samples(X)
    return samples


def served(estimator, path, samples, head=None):
    """Write a file; return what each of its outputs says of samples, and its metadata."""
    to_onnx(estimator, path, head=head)
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    about = json.loads(session.get_modelmeta().custom_metadata_map["skssl"])
    return dict(zip(names, session.run(None, {"samples": samples.numpy()}), strict=True)), about


@pytest.fixture(scope="module")
def written(request, tmp_path_factory):
    """The default encoder of a modality with a head, and its file."""
    case = BY_NAME[request.param]
    ssl = case.make_small(SimCLR, encoder="auto", max_epochs=1)
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    X, y = case.few(), case.load()[1][:N_FEW]
    if case.name == "series":
        # Short ones have kernels of fewer dilations, of which each takes two seconds to export.
        X = X[:, :, :20]
    model = make_pipeline(ssl, head).fit(X, y)
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    to_onnx(model, path)
    return X, model, path


def of_other_sizes(name):
    if name == "Series":
        X = np.random.default_rng(0).normal(size=(5, 1, 90))
        X[2, :, -1] = np.nan
    else:
        X = np.random.default_rng(0).normal(size=(5, 9, 3))
        X[2] = np.where(np.arange(9)[:, None] < 7, 1.0 + np.arange(27).reshape(9, 3), np.nan)
    return X.astype(np.float32)


@pytest.mark.parametrize("written", BY_NAME, indirect=True)
def test_the_default_encoder_of_every_modality(written):
    X, model, path = written
    ssl = model[0]
    name = type(ssl.modality_).__name__
    session = onnxruntime.InferenceSession(path)
    parts = [X[rows] for rows in (slice(1), slice(3, 5), slice(None))]
    if name in ("Series", "PointCloud"):
        parts.append(of_other_sizes(name))
    for part in parts:
        samples = samples_of(ssl, part).numpy()
        embeddings, probabilities = session.run(None, {"samples": samples})
        np.testing.assert_allclose(embeddings, ssl.transform(part), atol=1e-5, rtol=1e-4)
        np.testing.assert_allclose(probabilities, model.predict_proba(part), atol=1e-4)
    about = json.loads(session.get_modelmeta().custom_metadata_map["skssl"])
    assert about["classes"] == model.classes_.tolist()
    assert about["modality"] == name
    assert about["preparation"]["dtype"] == str(samples.dtype)


# The file is made of such a program.
@pytest.mark.parametrize(
    "name",
    [name if name == "tabular" else pytest.param(name, marks=pytest.mark.slow) for name in BY_NAME],
)
def test_the_program_of_torch_export(name):
    X = BY_NAME[name].few()
    ssl = BY_NAME[name].make_small(SimCLR, encoder="auto").fit(X)
    exported = torch.export.export(
        ssl.encoder_, (samples_of(ssl, X[:3]),), dynamic_shapes=({0: torch.export.Dim("batch")},)
    )
    Z = exported.module()(samples_of(ssl, X)).detach()
    np.testing.assert_allclose(Z, ssl.transform(X), atol=1e-5, rtol=1e-4)


HEADS = {
    "logistic": (LogisticRegression(), "probabilities", "predict_proba"),
    "scaled": (make_pipeline(StandardScaler(), LogisticRegression()), None, "predict_proba"),
    "ridge": (RidgeClassifier(), "decision", "decision_function"),
    "no intercept": (RidgeClassifier(fit_intercept=False), "decision", "decision_function"),
    "nested": (
        make_pipeline(StandardScaler(with_std=False), make_pipeline(StandardScaler(), Ridge())),
        "prediction",
        "predict",
    ),
    "labelled": (LabeledOnly(LogisticRegression()), "probabilities", "predict_proba"),
    "frozen": (FrozenEstimator(LinearRegression()), "prediction", "predict"),
}


def fitted_head(name, n_classes, tiny):
    """Return a head, and what it answers to digits, under which name and for which classes."""
    head, output, method = HEADS[name]
    Z, y = tiny.transform(DIGITS), np.arange(len(DIGITS)) % n_classes
    (head.estimator if name == "frozen" else head).fit(Z, y)
    classes = None if method == "predict" else np.unique(y).tolist()
    return head, getattr(head, method)(Z), output or "probabilities", classes


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", HEADS)
def test_what_is_written_of_heads(name, n_classes, tiny):
    head, expected, output, classes = fitted_head(name, n_classes, tiny)
    _, network, named, known = _parts(tiny, head)
    with torch.no_grad():
        _, answer = network(samples_of(tiny, DIGITS))
    assert answer.shape == expected.shape
    np.testing.assert_allclose(answer, expected, atol=1e-4)
    assert named == output
    assert classes == (None if known is None else known.tolist())


# One of each kind of answer, beside the probabilities of several classes that others write.
WRITTEN = [("scaled", 2), ("ridge", 2), ("nested", 3)]


@pytest.mark.parametrize(
    ("name", "n_classes"),
    [
        pair if pair in WRITTEN else pytest.param(*pair, marks=pytest.mark.slow)
        for pair in itertools.product(HEADS, [2, 3])
    ],
)
def test_heads(name, n_classes, tiny, tmp_path):
    head, expected, output, classes = fitted_head(name, n_classes, tiny)
    found, about = served(tiny, tmp_path / "m.onnx", samples_of(tiny, DIGITS), head)
    assert found[output].shape == expected.shape
    np.testing.assert_allclose(found[output], expected, atol=1e-4)
    assert about["classes"] == classes


def test_fine_tuned_ones(tiny, tmp_path):
    for model, output, method in (
        (FineTuneClassifier(tiny, max_epochs=1), "probabilities", "predict_proba"),
        (FineTuneRegressor(tiny, max_epochs=1), "prediction", "predict"),
    ):
        model.fit(DIGITS, LABELS)
        found, _ = served(model, tmp_path / "model.onnx", samples_of(tiny, DIGITS))
        np.testing.assert_allclose(found[output], getattr(model, method)(DIGITS), atol=1e-4)


def test_what_is_no_linear_head_is_refused(tiny, tmp_path):
    path = tmp_path / "model.onnx"
    Z = tiny.transform(DIGITS)
    for head in (KMeans(3).fit(Z), make_pipeline(MinMaxScaler(), Ridge()).fit(Z, LABELS)):
        with pytest.raises(TypeError, match="A head must be LogisticRegression.*KMeans|MinMax"):
            to_onnx(tiny, path, head=head)
    with pytest.raises(TypeError, match="estimator must be a fitted self-supervised method"):
        to_onnx(Ridge(), path)
    scaled = Pipeline([("scale", StandardScaler()), ("ssl", tiny), ("head", Ridge())])
    with pytest.raises(TypeError, match=r"got StandardScaler before it.*to_onnx\(model\[1:\]"):
        to_onnx(scaled, path)
    with pytest.raises(ValueError, match="not fitted"):
        to_onnx(SimCLR(), path)
    with pytest.raises(ValueError, match="not fitted"):
        to_onnx(tiny, path, head=Ridge())
    assert not path.exists()


class Reinterpreted(Tiny):
    def forward(self, images):
        return self.linear(images.flatten(1).view(torch.int32).float())


def test_what_has_no_form_in_onnx_says_so(tmp_path):
    ssl = quick(encoder=Reinterpreted(), max_epochs=0).fit(DIGITS)
    with pytest.raises(ValueError, match="(?s)encoder=Reinterpreted.* has no form in ONNX: .*view"):
        to_onnx(ssl, tmp_path / "model.onnx")


def serve(script, *arguments, lines=None):
    """Run an example where there is neither torch nor this library."""
    code = (
        "import runpy, sys; sys.modules |= dict.fromkeys(['torch', 'skssl', 'sklearn', 'scipy']);"
        f"sys.argv = {['', *map(str, arguments)]!r}; runpy.run_path({str(EXAMPLES / script)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=lines, capture_output=True, encoding="utf-8", check=True
    )
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("written", ["text"], indirect=True)
def test_texts_are_served_without_torch(written):
    X, model, path = written
    texts = [*X[:-1], "Word3 wORD50, unknown word3"]
    answers = serve("serve_texts.py", path, lines="\n".join(texts))
    expected = model.predict_proba(texts)
    assert [int(label) for label, *_ in answers] == expected.argmax(axis=1).tolist()
    np.testing.assert_allclose([float(p) for _, p, _ in answers], expected.max(axis=1), atol=1e-4)


def all_kinds(n=60):
    """Return a table with a column of each kind that files may write in a way of their own."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size, in m": rng.normal(size=n),
            "gaps": np.where(np.arange(n) % 7, rng.exponential(size=n), np.nan),
            "since 1970": 1.7e9 + rng.integers(0, 10**6, n),
            "outlier": np.where(np.arange(n) == 3, 1e9, rng.normal(size=n)),
            "constant": np.full(n, 1e60),
            "name": rng.choice(["a", 'b "c", d', "e\nf", "007"], n),
            "name with gaps": rng.choice(np.array(["x", "y", None]), n),
            "flag": rng.random(n) < 0.5,
            "flag with gaps": rng.choice(np.array([True, False, None]), n),
            "zip": pd.Categorical(rng.integers(1, 5, n)),
            "zip with gaps": rng.choice([1.0, 2.0, np.nan], n),
            "share": pd.Categorical(rng.choice([0.1, 2.0, 1e-7], n)),
            "bin": pd.cut(rng.normal(size=n), 3),
            "empty": pd.Categorical([None] * n),
            "id": pd.Categorical(2**60 + rng.integers(0, 3, n)),
        }
    )
    return frame.astype({"zip with gaps": "category"})


def of_new_kinds(X):
    """Return rows with what was not in `X`, and with gaps where it had none."""
    new = X.assign(bin=X["bin"].astype(str)).astype(object)
    new.loc[1, ["size, in m", "name", "flag", "zip", "share", "bin"]] = None
    new.loc[2, ["name", "zip", "share", "bin", "id", "size, in m"]] = ["new", 9, 0.3, "?", 7, 1e6]
    new["zip"] = new["zip"].astype(float)  # as pandas reads whole numbers and a gap
    declared = ("zip", "zip with gaps", "share", "empty", "id")
    return new.astype(dict.fromkeys(declared, "category"))


def asked(path, rows, kind, folder):
    """Return the rows that are served of a table in a file of this kind."""
    file = folder / f"rows.{kind}"
    if kind == "csv":
        rows.to_csv(file, index=False)
    else:
        rows.to_json(file, orient="records", double_precision=15)
    return serve("serve_tables.py", path, file)


@pytest.mark.filterwarnings("ignore:X has the value 1e")  # the outlier
@pytest.mark.parametrize("scaling", ["quantile", "standard", None])
def test_tables_are_served_without_torch(scaling, tmp_path):
    X = all_kinds()
    if scaling is None:
        X = X.drop(columns=["since 1970", "outlier", "constant"])
    labels = np.array(["no", "yes"])[np.arange(len(X)) % 2]
    head = LogisticRegression(max_iter=2000)
    ssl = quick(modality=Tabular(scaling=scaling), encoder=tiny_mlp)
    model = make_pipeline(ssl, head).fit(X, labels)
    path = tmp_path / "model.onnx"
    to_onnx(model, path)
    X = of_new_kinds(X)
    expected = model.predict_proba(X)
    assert len(np.unique(expected[:, 0].round(4))) > 50
    for kind in ("csv", "json"):
        answers = asked(path, X[X.columns[::-1]], kind, tmp_path)
        assert [label for label, _ in answers] == model.predict(X).tolist()
        np.testing.assert_allclose([float(p) for _, p in answers], expected.max(axis=1), atol=1e-4)


@pytest.mark.parametrize("written", ["categories"], indirect=True)
def test_tables_without_names_are_served_without_torch(written, tmp_path):
    X, model, path = written
    rows = X.copy()
    rows[0, 0], rows[1, 1], rows[2, 3] = 1e6, -1e6, "violet"
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    answers = serve("serve_tables.py", path, tmp_path / "rows.csv")
    expected = model.predict_proba(rows)
    assert [int(label) for label, _ in answers] == expected.argmax(axis=1).tolist()
    np.testing.assert_allclose([float(p) for _, p in answers], expected.max(axis=1), atol=1e-4)


@pytest.mark.parametrize("written", ["categories"], indirect=True)
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"6": None}, "row 0 has the columns"),
        ({"7": 1}, "row 0 has the columns"),
        ({"0": "x"}, "column '0', row 0: 'x', but it holds numbers"),
        ({"0": float("inf")}, "column '0', row 0: inf, but it holds numbers"),
        ({"3": 1}, "column '3', row 0: 1, but it holds strings"),
        (None, "there are no rows"),
    ],
)
def test_tables_that_cannot_be_served_are_refused(written, row, message, tmp_path):
    X, _, path = written
    whole = dict(zip("0123456", X[10].tolist(), strict=True))
    changed = [] if row is None else [{**whole, **row}]
    if row == {"6": None}:
        del changed[0]["6"]
    (tmp_path / "rows.json").write_text(json.dumps(changed), encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        serve("serve_tables.py", path, tmp_path / "rows.json")
    assert message in refused.value.stderr


def test_without_the_packages_it_says_what_to_install(tiny, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"pip install 'skssl\[onnx\]'"):
        to_onnx(tiny, tmp_path / "model.onnx")
