"""The map of an embedding: what the page holds, what a browser shows, what comes back from it."""

import base64
import io
import json
import os
import re
import time
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
import torch
from cases import tiny_conv
from PIL import Image
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skssl import SimCLR
from skssl.inspection import _shown as shown
from skssl.inspection import apply_labels, explore, to_embedding_atlas
from skssl.modality import Images, PointCloud, Series, Video

N = 30
PLACES = np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32)
CODE = "</script><script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"


def data_of(path):
    """Return what a page was made with."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text())
    return json.loads(found[1])


def decoded(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def samples(kind):
    """Return some samples, their modality and how the page calls them."""
    rng = np.random.default_rng(1)
    return {
        "images": (rng.integers(0, 256, (N, 8, 10, 3), dtype=np.uint8), "auto", "images"),
        "tensors": (torch.tensor(rng.normal(size=(N, 8, 8))), Images(), "images"),
        "clips": (rng.integers(0, 256, (N, 6, 8, 8), dtype=np.uint8), Video(), "clips"),
        "series": (
            [rng.normal(size=(2, length)) for length in range(9, 9 + N)],
            Series(),
            "series",
        ),
        "clouds": (rng.normal(size=(N, 20, 3)), PointCloud(), "clouds"),
        "texts": ([f"text {row}" for row in range(N)], "auto", "texts"),
        "numbers": (rng.normal(size=(N, 3)), "auto", "rows"),
        "frame": (pd.DataFrame({"a": range(N), "b": ["x", None, "y"] * 10}), "auto", "rows"),
    }[kind]


KINDS = ["images", "tensors", "clips", "series", "clouds", "texts", "numbers", "frame"]


def write(tmp_path, X, y=None, embedding=PLACES, **params):
    settings = {"projection": np.asarray(embedding)[:, :2], "random_state": 0, "n_neighbors": 3}
    return explore(embedding, X, y, tmp_path / "map.html", **{**settings, **params})


@pytest.mark.parametrize("kind", KINDS)
def test_samples_of_each_kind_are_in_the_page(kind, tmp_path):
    X, modality, name = samples(kind)
    data = data_of(write(tmp_path, X, modality=modality))
    assert data["samples"]["kind"] == name
    assert data["nRows"] == N
    assert decoded(data["places"], np.uint16).reshape(N, 2).max() == 65535


def test_the_page_loads_nothing_and_its_code_is_small(tmp_path):
    X, *_ = samples("texts")
    text = write(tmp_path, X).read_text()
    assert not re.search(r"(?:src|href)=|https?:|@import|url\(", text.replace('href="#side"', ""))
    assert "default-src 'none'" in text
    code = [one for one in (files("skssl.inspection") / "page").iterdir() if one.is_file()]
    assert {"page.css", "page.html", "page.js"} <= {one.name for one in code}
    assert sum(len(one.read_bytes()) for one in code) < 200_000


def test_nothing_of_the_data_is_a_part_of_the_html(tmp_path):
    X = pd.DataFrame({CODE: [CODE] * N, "b": range(N)})
    path = write(tmp_path, X, [CODE, "%SCRIPT%\ud800\u2028"] * (N // 2), title=CODE)
    text = path.read_text()
    assert text.count("<script") == 2
    assert "<img" not in text
    data = data_of(path)
    assert data["samples"]["names"] == [CODE, "b"]
    assert data["classes"] == ["%SCRIPT%\ud800\u2028", CODE]
    assert data["title"] == CODE


def test_small_images_keep_their_pixels(tmp_path):
    X, *_ = samples("images")
    told = data_of(write(tmp_path, X))["samples"]
    sheet = np.array(Image.open(io.BytesIO(base64.b64decode(told["sheets"][0]))))
    for row in (0, 7, N - 1):
        down, across = divmod(row, told["columns"])
        top, left = down * told["pitch"][0], across * told["pitch"][1]
        tile = sheet[top : top + told["height"], left : left + told["width"]]
        np.testing.assert_array_equal(tile, X[row])


def test_what_would_be_too_large_is_made_smaller_and_said(tmp_path, monkeypatch):
    monkeypatch.setattr(shown, "_MOST", 9000)
    monkeypatch.setattr(shown, "_MOST_LOSSLESS", 3000)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (N, 64, 64), dtype=np.uint8)
    data = data_of(write(tmp_path, images))
    assert data["samples"]["width"] < 64
    assert data["notes"][0].startswith(f"Images are shown {data['samples']['width']} pixels")
    texts = ["word " * 100] * N
    data = data_of(write(tmp_path, texts))
    assert data["samples"]["texts"][0].endswith(" …")
    assert "the first 100 characters are shown" in data["notes"][0]
    data = data_of(write(tmp_path, rng.normal(size=(N, 2, 900)), modality=Series()))
    assert data["samples"]["steps"] <= 128
    assert "the lowest and the highest are shown" in data["notes"][0]
    data = data_of(write(tmp_path, pd.DataFrame({name: ["long " * 9] * N for name in "abcdefghi"})))
    assert 1 <= len(data["samples"]["names"]) < 9
    assert data["notes"] == [f"The first {len(data['samples']['names'])} of 9 columns are shown."]


def test_extremes_of_series_are_kept():
    series = np.zeros((1, 1, 1000))
    series[0, 0, 503] = 9
    assert shown._extremes(series, 64).max() == 9


def test_rows_are_drawn_by_the_seed_and_the_page_says_so(tmp_path):
    X, *_ = samples("texts")
    first, again = (data_of(write(tmp_path, X, max_rows=12)) for _ in range(2))
    assert first == again
    rows = decoded(first["rows"], np.int32)
    assert len(set(rows.tolist())) == 12
    assert first["samples"]["texts"] == [X[row] for row in rows]
    assert first["notes"][0].startswith("12 of 30 rows are shown")
    assert decoded(first["neighbors"]["rows"], np.uint16).max() < 12


def test_wrong_labels_are_suspicious_and_nearest_rows_are_right(tmp_path):
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], N // 2)
    embedding = rng.normal(size=(N, 4)).astype(np.float32) + 6 * truth[:, None]
    y = truth.copy()
    y[[3, 20]] = 1 - y[[3, 20]]
    y[10] = -1
    data = data_of(write(tmp_path, embedding, y, embedding=embedding))
    suspicion = decoded(data["colours"]["suspicion"], np.float32)
    assert set(np.argsort(np.nan_to_num(suspicion))[-2:]) == {3, 20}
    assert np.flatnonzero(np.isnan(suspicion)).tolist() == [10]
    guessed = decoded(data["colours"]["prediction"]["numbers"], np.int32)
    np.testing.assert_array_equal(guessed, truth)
    unit = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    expected = np.argsort(-(unit @ unit.T) + 2 * np.eye(N), axis=1)[:, :3]
    found = decoded(data["neighbors"]["rows"], np.uint16).reshape(N, 3)
    np.testing.assert_array_equal(found, expected)


def test_estimators_embed_and_classifiers_predict(tmp_path, digits):
    X, y = digits[0][:40], digits[1][:40]
    ssl = SimCLR(encoder=tiny_conv, max_epochs=1, random_state=0).fit(X)
    data = data_of(explore(ssl, X, y, tmp_path / "a.html", projection="pca"))
    assert data["samples"]["kind"] == "images"
    assert data["title"] == "Samples by SimCLR"
    pipe = make_pipeline(PCA(5), LogisticRegression(max_iter=1000)).fit(X.reshape(40, -1), y)
    flat = X.reshape(40, -1)
    modality = Images(shape=(8, 8))
    path = explore(pipe, flat, y, tmp_path / "b.html", projection="pca", modality=modality)
    assert data_of(path)["ownClassifier"]
    told = data_of(path)["colours"]["prediction"]
    said = np.array(told["classes"])[decoded(told["numbers"], np.int32)]
    np.testing.assert_array_equal(said, pipe.predict(flat))


def test_files_are_shown(tmp_path):
    for row, side in enumerate((20, 30, 40)):
        Image.new("RGB", (side, 20), (200, 0, 0)).save(tmp_path / f"{row}.png")
    paths = [tmp_path / f"{row}.png" for row in range(3)]
    path = explore(np.eye(3), paths, path=tmp_path / "m.html", projection=np.eye(3)[:, :2])
    assert data_of(path)["samples"]["kind"] == "images"
    for X in (pd.Series(paths, index=list("abc")), pd.DataFrame({"path": paths}, index=[7, 8, 9])):
        path = explore(np.eye(3), X, path=tmp_path / "m.html", projection=np.eye(3)[:, :2])
        assert data_of(path)["samples"]["kind"] == "images"


def test_quantities_are_coloured(tmp_path):
    X, *_ = samples("numbers")
    y = [None, *np.linspace(0.5, 9, N - 1)]
    data = data_of(write(tmp_path, X, y))
    assert data["classes"] is None
    assert data["labels"][:2] == [None, 0.5]


NAN = PLACES.copy()
NAN[[4, 9]] = np.nan


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"y": [0] * (N - 1)}, f"X has {N}, y has {N - 1}"),
        ({"embedding": PLACES[1:]}, f"X has {N}, embedding has {N - 1}"),
        ({"embedding": NAN}, "NaN or infinity in rows 4, 9; leave these rows out"),
        ({"embedding": PLACES[:, 0]}, r"shape \(n_samples, n_features\), got shape \(30,\)"),
        ({"projection": PLACES[:, :1]}, r"shape \(30, 2\), a place for each sample, got \(30, 1\)"),
        ({"projection": "tSNE"}, "projection must be .*got 'tSNE'"),
        ({"name": "map.pdf"}, r"path must end in \.html or \.htm, got .*map\.pdf"),
        ({"name": "nowhere/map.html"}, "path is in a folder that there is not"),
        ({"max_rows": 1}, "max_rows"),
        ({"y": np.full(N, 1j)}, "Complex data"),
        ({"y": ["3", 3] * (N // 2)}, "labels that look alike"),
        ({"embedding": LogisticRegression()}, "not fitted"),
        ({"y": "map.html"}, r"y is a text, 'map\.html'; did you mean path="),
        ({"projection": None}, r"'umap', a transformer or an array of shape .*got None"),
        ({"projection": PCA}, "a transformer or an array"),
        ({"name": "n" * 300 + ".html"}, "path cannot be written"),
        ({"name": "n\0.html"}, "path cannot be written"),
        ({"X": sparse.eye(N)}, r"got a sparse matrix of shape \(30, 30\)"),
        ({"X": [{"a": 1}] * N}, "got a list of dict"),
        ({"X": ["text", None] * (N // 2)}, "Row 1 of X is None of type NoneType"),
        ({"y": ["a", np.nan] * (N // 2), "unlabeled": None}, "y has nan in row 1, which is no"),
        ({"y": [0.5, np.nan] * (N // 2), "unlabeled": None}, "y has nan in row 1, which is no"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_done(params, message, tmp_path, monkeypatch):
    monkeypatch.setattr("skssl.inspection._survey.project", None)
    params = dict(params)
    X = params.pop("X", samples("texts")[0])
    embedding = params.pop("embedding", PLACES)
    path = tmp_path / params.pop("name", "map.html")
    with pytest.raises(ValueError, match=message):
        explore(embedding, X, path=path, **params)
    assert not list(tmp_path.iterdir())


def test_a_link_to_nowhere_is_no_path(tmp_path):
    (tmp_path / "map.html").symlink_to(tmp_path / "nowhere" / "map.html")
    with pytest.raises(ValueError, match="path is in a folder that there is not, .*nowhere'"):
        write(tmp_path, samples("texts")[0])


def test_samples_that_cannot_be_drawn_are_named_before_anything_is_computed(tmp_path, monkeypatch):
    monkeypatch.setattr("skssl.inspection._survey.project", None)
    images = np.random.default_rng(0).random((600, 4, 4))
    images[555, 0, 1] = np.nan
    endless = np.where(np.isnan(images), np.inf, images)
    embedding = images[:, 1].copy()
    for X, modality in ((images, Images()), (images[..., :3], PointCloud()), (endless, Series())):
        with pytest.raises(ValueError, match=r"row 555\b"):
            explore(embedding, X, path=tmp_path / "m.html", modality=modality, projection="pca")
    images[:] = np.nan
    with pytest.raises(ValueError, match="first in row") as error:
        explore(embedding, images, path=tmp_path / "m.html", max_rows=9, random_state=0)
    rows = np.sort(np.random.RandomState(0).choice(600, 9, replace=False))
    assert f"first in row {rows[0]}," in str(error.value)
    texts = ["text"] * 600
    broken = FunctionTransformer(lambda X: np.full((len(X), 2), np.nan)).fit(texts)
    with pytest.raises(ValueError, match=f"infinity in rows {rows[0]}, {rows[1]}, "):
        explore(broken, texts, path=tmp_path / "m.html", max_rows=9, random_state=0)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_places_and_embeddings_of_any_scale(scale, tmp_path):
    X, *_ = samples("texts")
    usual = data_of(write(tmp_path, X, [0, 1] * (N // 2)))
    wide = PLACES.astype(np.float64) * scale
    data = data_of(write(tmp_path, X, [0, 1] * (N // 2), wide, projection=wide))
    assert data["neighbors"]["rows"] == usual["neighbors"]["rows"]
    np.testing.assert_allclose(
        decoded(data["places"], np.uint16), decoded(usual["places"], np.uint16), atol=1
    )
    far = data_of(write(tmp_path, X, projection=PLACES.astype(np.float64) + 1e9))
    np.testing.assert_allclose(
        decoded(far["places"], np.uint16), decoded(usual["places"], np.uint16), atol=1
    )


def test_a_transformer_projects_and_nullable_numbers_are_numbers(tmp_path):
    X, *_ = samples("texts")
    frame = pd.DataFrame(PLACES).astype("Float64")
    data = data_of(write(tmp_path, X, embedding=frame, projection=PCA(2, random_state=0)))
    assert len(set(decoded(data["places"], np.uint16).tolist())) > N
    with pytest.raises(
        ValueError, match=r"two numbers for each of 30 samples, got shape \(30, 1\)"
    ):
        write(tmp_path, X, projection=PCA(1))


def test_many_small_classes_are_no_warning(tmp_path):
    write(tmp_path, samples("texts")[0], np.arange(N) // 2)


def test_half_characters_are_shown(tmp_path):
    data = data_of(write(tmp_path, ["a\ud800"] * N))
    assert data["samples"]["texts"][0] == "a\ud800"
    cells = pd.Series(["a\ud800"] * N, dtype=object)
    data = data_of(write(tmp_path, pd.DataFrame({"a": cells, "b": range(N)})))
    assert data["samples"]["columns"][0][0] == "a\ud800"


# Labels that come back


def saved(n_rows, *labels):
    """Return what a page downloads as JSON."""
    listed = [dict(zip(("row", "label", "was"), one, strict=True)) for one in labels]
    told = {"format": "skssl labels", "version": 1, "n_rows": n_rows, "labels": listed}
    return io.StringIO(json.dumps(told))


@pytest.mark.parametrize(
    ("y", "json_labels", "csv_labels", "expected"),
    [
        (np.array([0, 1, -1, 1]), [(2, 5, None), (0, None, 0)], "2,5,\n0,,0", [-1, 1, 5, 1]),
        (
            np.array(["a", "b"]),
            [(1, "longer, '\"", "b")],
            '1,"longer, \'""",b',
            ["a", "longer, '\""],
        ),
        (np.array([True, False]), [(0, False, True)], "0,false,true", [False, False]),
        (np.array([0.5, np.nan]), [(1, 2, None)], "1,2,", [0.5, 2.0]),
        (["a", 1, None], [(2, 1, None)], "2,1,", ["a", 1, 1]),
    ],
)
def test_labels_are_put_where_they_belong(y, json_labels, csv_labels, expected):
    before = repr(y)
    for file in (saved(len(y), *json_labels), io.StringIO(f"row,label,was\n{csv_labels}\n")):
        new = apply_labels(y, file)
        assert new.tolist() == expected
        assert [type(one) for one in new.tolist()] == [type(one) for one in expected]
        assert new.dtype.kind == np.asarray(y, dtype=getattr(y, "dtype", object)).dtype.kind
    assert repr(y) == before


def test_labels_without_any_before():
    assert apply_labels(None, saved(3, (1, "a", None))).tolist() == [None, "a", None]
    with pytest.raises(ValueError, match="a CSV does not"):
        apply_labels(None, io.StringIO("row,label,was\n1,a,\n"))


@pytest.mark.parametrize(
    ("y", "file", "message"),
    [
        ([0, 1, 1], saved(3, (0, 1, 1)), "in another order: labels differ in row 0 .then 1, now 0"),
        ([0, 1, 1], saved(3, (0, 1, None)), r"row 0 \(then None, now 0\)"),
        ([0, 1, 1], saved(4, (0, 1, 0)), "made of 4 rows, but y has 3"),
        ([0, 1, 1], saved(3, (3, 1, 0)), "names row 3; rows of y are whole numbers from 0 to 2"),
        ([0, 1, 1], saved(3, (0, 1, 0), (0, 2, 0)), "names row 0 twice"),
        (
            [0, 1, 1],
            saved(3, (0, "1", 0)),
            "integers, so a label must be a whole number.*'1' in row 0",
        ),
        ([0, 1, 1], saved(3, (0, 1.5, 0)), "1.5 in row 0"),
        ([0, 1, 1], saved(3, (0, True, 0)), "True in row 0"),
        (["a", "b", "b"], saved(3, (0, 1, "a")), "names, so a label must be a text.* 1 in row 0"),
        ([0, 1, 1], saved(3, (0, None, 0)), "no row of y is without one.*pass unlabeled"),
        (np.array([0, 1, 1], np.int8), saved(3, (0, 300, 0)), "300 of row 0 does not fit.*int8"),
        ([0, 1, 1], io.StringIO("row,label,was\n0,x,0\n"), "'x' in row 0"),
        ([0, 1, 1], io.StringIO("row,label,was\n0,1\n"), "Line 2 of file must have 3 cells"),
        ([0, 1, 1], io.StringIO("row,label\n0,1\n"), "must begin with 'row,label,was'"),
        ([0, 1, 1], io.StringIO("{"), "no valid JSON"),
        ([0, 1, 1], io.StringIO('{"labels": []}'), "holds no labels of a page of explore"),
        ([0, 1, 1], "nowhere.json", "file is no file: 'nowhere.json'"),
        ([0, 1, 1], "row,label,was\n" + "0,1,\n" * 2000, "For a text, io.StringIO"),
        ([0, 1, 1], None, "file must be a path or an open file, got None"),
        ([0, 1, 1], io.StringIO('row,label,was\n0,"1,\n'), "no valid CSV"),
        ([0, 1, 1], saved(3, (0, 10**400, 0)), "does not fit into y"),
        ([0.5, 1, 1], saved(3, (0, 10**400, 0.5)), "must be a number"),
        ([0.5, 1, 1], io.StringIO("row,label,was\n0,1e999,0.5\n"), "must be a number"),
        (None, saved(10**14), "n_rows in file must be a whole number from 1 to"),
        (None, saved(-3), "n_rows in file must be .*got -3"),
        ([0], saved(True), "n_rows in file must be .*got True"),
        (
            [0],
            io.StringIO('{"format": "skssl labels", "version": 2, "labels": []}'),
            "of version 2",
        ),
        ([0, -1, 2], io.StringIO("row,label,was\n1,-1,\n"), "stand for none: -1 in row 1"),
        (["a", None], saved(2, (1, "nan", None)), "stand for none: 'nan' in row 1"),
        (None, saved(2, (1, "-1", None)), "stand for none: '-1' in row 1"),
    ],
)
def test_labels_that_do_not_belong_are_refused(y, file, message):
    with pytest.raises(ValueError, match=message):
        apply_labels(y, file)


def test_a_missing_label_is_written_as_said():
    new = apply_labels([0, 1, 1], saved(3, (0, None, 0)), unlabeled=-1)
    np.testing.assert_array_equal(new, [-1, 1, 1])
    with pytest.raises(ValueError, match="with unlabeled=None all rows have one; pass unlabeled"):
        apply_labels([0, 1, 1], saved(3, (0, None, 0)), unlabeled=None)
    with pytest.raises(ValueError, match="stand for none: 9 in row 0"):
        apply_labels([0, 9, 1], saved(3, (0, 9, 0)), unlabeled=9)
    assert apply_labels([0, 1], saved(2, (0, -1, 0)), unlabeled=None).tolist() == [-1, 1]


def test_the_page_knows_what_is_no_label(tmp_path):
    X, *_ = samples("texts")
    assert data_of(write(tmp_path, X))["markers"] == [
        "-1", "-1.0", "nan", "None", "NaT", "<NA>", -1,
    ]  # fmt: skip
    assert data_of(write(tmp_path, X, np.arange(N) % 3))["markers"] == [-1]
    assert data_of(write(tmp_path, X, np.linspace(0, 1, N)))["markers"] == []
    assert data_of(write(tmp_path, X, np.arange(N) % 3, unlabeled=np.int64(2)))["markers"] == [2]


def test_parquet_for_embedding_atlas(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    X, *_ = samples("frame")
    X = X.rename(columns={"a": "x"})
    y = [0, 1, None] * (N // 3)
    path = to_embedding_atlas(
        PLACES, X, y, tmp_path / "map.parquet", projection=PLACES, n_neighbors=3, random_state=0
    )
    table = parquet.read_table(path)
    names = ["row", "x", "y", "neighbors", "label", "prediction", "confidence", "suspicion"]
    assert table.column_names == [*names, "cluster", "x_of_X", "b"]
    first = table["neighbors"][0].as_py()
    assert sorted(first) == ["distances", "ids"]
    assert len(first["ids"]) == 3 and 0 not in first["ids"]
    assert table["label"].to_pylist() == y
    np.testing.assert_array_equal(table["x"], PLACES[:, 0])
    images, *_ = samples("images")
    path = to_embedding_atlas(PLACES, images, path=tmp_path / "i.parquet", projection=PLACES)
    image = parquet.read_table(path)["image"][4].as_py()["bytes"]
    np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(image))), images[4])


def test_columns_keep_their_types_in_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    X = pd.DataFrame(
        {
            "integers": pd.array([1, None, 3], "Int64"),
            "booleans": pd.array([True, None, False], "boolean"),
            "categories": pd.Categorical(["a", None, "b"]),
            "dates": pd.to_datetime(["2020-01-01", None, "2020-01-02"]),
            "periods": pd.period_range("2020", periods=3, freq="D"),
            "intervals": pd.interval_range(0, 3),
            "complex": [1j, 2j, 3j],
            "large": [2**70, 1, None],
            "half": pd.Series(["a\ud800", None, "b"], dtype=object),
        }
    )
    path = to_embedding_atlas(np.eye(3), X, path=tmp_path / "m.parquet", projection=PLACES[:3])
    table = parquet.read_table(path)
    types = [str(table.schema.field(name).type) for name in X.columns[:4]]
    for found, expected in zip(types, ["int64", "bool", "string", "timestamp"], strict=True):
        assert expected in found
    assert all(table[name].null_count == 1 for name in X.columns[:4])
    assert table["periods"].to_pylist()[0] == "2020-01-01"
    assert table["intervals"].to_pylist()[0] == "(0, 1]"
    assert table["complex"].to_pylist()[0] == "1j"
    assert table["large"].to_pylist() == [str(2**70), "1", None]
    assert table["half"].to_pylist() == ["a\ufffd", None, "b"]
    with pytest.raises(ValueError, match="Row 1 of X is None"):
        to_embedding_atlas(np.eye(3), ["text", None, "c"], path=tmp_path / "n.parquet")


# In a browser


@pytest.fixture(scope="module")
def browser():
    """A Chromium, as ``.ci/run`` installs it."""
    chromium = os.environ.get("SKSSL_CHROMIUM")
    if not chromium:
        pytest.skip("needs a Chromium, whose path is to be in SKSSL_CHROMIUM")
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium)
        yield opened
        opened.close()


@pytest.fixture
def show(browser, tmp_path):
    """Return what writes a page and opens it; nothing may go wrong in it, or be loaded."""
    problems, contexts = [], []

    def open_page(X, y=None, *, size=(1200, 800), theme="light", **params):
        path = write(tmp_path, X, y, **params)
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text))
        page.on(
            "request",
            lambda one: (
                None if one.url[:5] in ("file:", "data:", "blob:") else problems.append(one.url)
            ),
        )
        page.goto(path.as_uri())
        until(page, "explorer.frames() > 0")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def spot(page, row):
    """Return where a row is on the screen."""
    frame = page.locator("#map").bounding_box()
    place = page.evaluate("row => explorer.place(row)", row)
    return frame["x"] + place["x"], frame["y"] + place["y"]


def circle(page, rows, margin=14):
    """Return points around the places of some rows."""
    places = np.array([spot(page, row) for row in rows])
    (left, top), (right, bottom) = places.min(0) - margin, places.max(0) + margin
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]


def until(page, says, *args):
    """Wait until something in the page is true.

    Playwright's own ``wait_for_function`` needs the page's leave to run texts as code, which the
    page does not give.
    """
    ends = time.monotonic() + 30
    while not page.evaluate(says, *args):
        assert time.monotonic() < ends, f"{says} is still false"
        page.wait_for_timeout(50)


def drag(page, points):
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=2)
    page.mouse.up()


# Two groups far from each other, on a grid, so that pointers hit what they are meant to.
GROUPS = np.array(
    [[10 * (row // 15) + row % 15 % 4, row % 15 // 4] for row in range(N)], dtype=np.float32
)


def test_hovering_shows_samples_and_none_of_them_is_code(show):
    page = show(
        [f"text {row} {CODE}" for row in range(N)], [CODE, "b"] * (N // 2), embedding=GROUPS
    )
    page.mouse.move(*spot(page, 7))
    page.wait_for_selector("#tip:not([hidden])")
    assert f"text 7 {CODE}" in page.inner_text("#tip")
    page.mouse.click(*spot(page, 4))
    assert page.inner_text("#sample-heading") == "Row 4"
    assert CODE in page.inner_text("#legend")
    page.fill("#label", CODE + "2")
    page.press("#label", "Enter")
    assert page.evaluate("explorer.label(4)") == CODE + "2"
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_drawn(kind, show):
    X, modality, _ = samples(kind)
    page = show(X, modality=modality, embedding=GROUPS)
    page.mouse.click(*spot(page, 3))
    cards = page.locator("#near button")
    assert cards.count() == 3
    assert cards.first.get_attribute("aria-label").startswith("Row ")
    page.mouse.move(*spot(page, 9))
    page.wait_for_selector("#tip:not([hidden])")
    if page.locator("#one canvas").count():
        drawn = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
        until(page, f"({drawn})(document.querySelector('#one canvas')).data.some(v => v > 0)")


def test_suspicious_labels_are_listed_first(show):
    y = np.repeat(["near", "far"], N // 2)
    y[[3, 20]] = y[[20, 3]]
    page = show(samples("texts")[0], y, embedding=GROUPS)
    page.select_option("#colour", "suspicion")
    first = page.locator("#first-list button")
    listed = [first.nth(at).get_attribute("aria-label") for at in range(2)]
    assert sorted(re.match(r"Row (\d+), label (\w+)", one).groups() for one in listed) == [
        ("20", "near"),
        ("3", "far"),
    ]
    first.first.click()
    assert page.inner_text("#sample-heading") in ("Row 3", "Row 20")


def test_zoom_with_wheel_keys_and_buttons(show):
    page = show(samples("texts")[0], embedding=GROUPS)
    scales = [page.evaluate("explorer.scale()")]
    x, y = spot(page, 20)
    page.mouse.move(x, y)
    for act in (
        lambda: page.mouse.wheel(0, -400),
        lambda: page.press("#map", "+"),
        lambda: page.click("#in"),
    ):
        act()
        until(page, "before => explorer.scale() > before", scales[-1])
        if len(scales) == 1:  # what is below the pointer stays there
            assert np.allclose(spot(page, 20), (x, y), atol=1)
        scales.append(page.evaluate("explorer.scale()"))
    page.press("#map", "ArrowRight")
    page.press("#map", "0")
    assert page.evaluate("explorer.scale()") == pytest.approx(scales[0])


def test_two_fingers_zoom_and_one_looks(show):
    page = show(samples("texts")[0], size=(390, 844), embedding=GROUPS)
    before = page.evaluate("explorer.scale()")
    (x, y), session = spot(page, 20), page.context.new_cdp_session(page)

    def touch(kind, *places):
        points = [{"x": x + dx, "y": y, "id": at} for at, dx in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", -20, 20)
    touch("touchMove", -40, 40)
    touch("touchMove", -60, 60)
    touch("touchEnd")
    assert page.evaluate("explorer.scale()") == pytest.approx(3 * before, rel=0.2)
    (x, y) = spot(page, 20)
    touch("touchStart", 0)
    touch("touchEnd")
    until(page, "document.getElementById('sample-heading').textContent === 'Row 20'")


def test_lasso_label_download_and_back(show):
    y = np.array([0, 1] * (N // 2))
    y[5] = -1
    page = show(samples("texts")[0], y, embedding=GROUPS)
    page.click("[data-tool=lasso]")
    drag(page, circle(page, range(4, 8)))
    assert page.evaluate("explorer.chosen()") == [4, 5, 6, 7]
    page.fill("#label", "x")
    page.press("#label", "Enter")
    assert "write a whole number" in page.inner_text("#wrong")
    page.fill("#label", "7")
    page.press("#label", "Enter")
    assert page.inner_text("#status") == "4 rows: label 7. 3 had another label."
    page.click("[data-tool=box]")
    corners = circle(page, range(27, 30))
    drag(page, [corners[0], corners[2]])
    assert page.evaluate("explorer.chosen()") == [27, 28, 29]
    page.click("#take")
    assert "7 labels changed" in page.inner_text("#changed")
    expected = y.copy()
    expected[4:8], expected[27:30] = 7, -1
    for kind in ("json", "csv"):
        page.select_option("#format", kind)
        with page.expect_download() as waiting:
            page.click("#download")
        assert waiting.value.suggested_filename == f"labels.{kind}"
        np.testing.assert_array_equal(apply_labels(y, waiting.value.path()), expected)
    page.click("#undo")
    expected[27:30] = y[27:30]
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.bring_to_front()  # a page that has not the focus may not write to the clipboard
    page.click("#copy")
    until(page, "/cop(ied|y)/.test(document.getElementById('status').textContent)")
    assert page.inner_text("#status") == "The labels are copied."
    copied = page.evaluate("navigator.clipboard.readText()")
    np.testing.assert_array_equal(apply_labels(y, io.StringIO(copied)), expected)


def test_a_digit_gives_the_label_of_that_name(show):
    page = show(samples("images")[0], np.arange(N) % 3, embedding=GROUPS)
    page.focus("#map")
    for key in ("2", "0"):
        page.press("#map", "Enter")
        row = int(re.match(r"Row (\d+)", page.inner_text("#status"))[1])
        page.press("#map", key)
        assert page.evaluate("row => explorer.label(row)", row) == int(key)
    page.press("#map", "3")  # no label: nothing is given
    assert page.evaluate("row => explorer.label(row)", row) == 0


def test_everything_goes_by_keys_and_is_announced(show):
    page = show(samples("texts")[0], ["a", "b"] * (N // 2), embedding=GROUPS)
    page.focus("#map")
    page.press("#map", "Enter")
    page.press("#map", "Shift+ArrowRight")
    said = page.inner_text("#status")
    assert re.match(r"Row \d+, label [ab], predicted", said)
    row = int(re.match(r"Row (\d+)", said)[1])
    page.press("#map", " ")
    assert page.evaluate("explorer.chosen()") == [row]
    page.press("#map", "1")
    assert page.evaluate("row => explorer.label(row)", row) == "a"
    page.press("#map", "Escape")
    page.press("#map", "a")
    assert len(page.evaluate("explorer.chosen()")) == N
    page.press("#map", "?")
    assert page.evaluate("document.activeElement.id") == "close"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "map"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    named = "[...document.querySelectorAll('button, input, select, canvas:not([aria-hidden])')]"
    unnamed = (
        f"{named}.filter(one => !one.ariaLabel && !one.textContent.trim() && !one.labels?.length)"
    )
    assert page.evaluate(f"{unnamed}.map(one => one.id)") == []


def test_dark_and_narrow(show):
    page = show(samples("images")[0], theme="dark", size=(390, 844), embedding=GROUPS)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
