"""Samples in other containers than arrays: tensors, masked arrays, Arrow, arrays in arrays."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from cases import tiny_mlp
from PIL import Image

from skssl import JigsawPuzzle, MaskedAutoencoder, SimCLR
from skssl.modality import Images, PointCloud, Series, Tabular, Video, infer_modality
from skssl.modality._containers import as_samples

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(20, 3))
LENGTHS = RNG.integers(12, 20, 10)
RAGGED = [RNG.normal(size=length) for length in LENGTHS]
WORDS = ["rain", "wind", "fog", "sun", "hail"]
PICTURES = RNG.integers(0, 256, (10, 8, 8, 3), dtype=np.uint8)


def embedded(X, **params):
    return SimCLR(max_epochs=0, device="cpu", random_state=0, **params).fit_transform(X)


class OnlyAnArray:
    """Has no elements before NumPy asks for them."""

    def __len__(self):
        return len(TABLE)

    def __array__(self, dtype=None, copy=None):
        return TABLE.astype(dtype or TABLE.dtype)


def objects(values):
    """Return a 1-D array of dtype object."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        (torch.tensor(PICTURES), PICTURES),
        (torch.tensor(TABLE, requires_grad=True), TABLE),
        (torch.tensor(TABLE).bfloat16(), torch.tensor(TABLE).bfloat16().float().numpy()),
        (list(map(torch.tensor, RAGGED)), RAGGED),
        (torch.nested.nested_tensor(list(map(torch.tensor, RAGGED)), layout=torch.jagged), RAGGED),
        (objects(RAGGED), RAGGED),
        (pd.Series(RAGGED), RAGGED),
        (pd.Series([list(row) for row in RAGGED]), RAGGED),
        (pl.Series(RAGGED), RAGGED),
        (OnlyAnArray(), TABLE),
    ],
    ids=[
        *("uint8", "grad", "bfloat16", "list", "nested", "objects", "pandas", "lists", "polars"),
        "interface",
    ],
)
def test_same_samples_in_another_container(X, expected):
    np.testing.assert_array_equal(embedded(X), embedded(expected))


def test_tensors_where_the_fit_saw_arrays():
    ssl = SimCLR(max_epochs=0, device="cpu", random_state=0).fit(PICTURES)
    np.testing.assert_array_equal(ssl.transform(torch.tensor(PICTURES)), ssl.transform(PICTURES))
    with pytest.raises(ValueError, match=r"X is a tensor .* pass a dense one"):
        ssl.transform(torch.eye(3).to_sparse())


def test_what_a_masked_array_hides_is_missing():
    hidden = TABLE > 0.5
    shown = np.where(hidden, np.nan, TABLE)
    masked = np.ma.masked_array(np.where(hidden, 1e6, TABLE), hidden)
    np.testing.assert_array_equal(embedded(masked), embedded(shown))
    integers = np.ma.masked_array(PICTURES[0, 0], PICTURES[0, 0] > 99)
    assert np.array_equal(np.isnan(as_samples(integers)), integers.mask)
    names = np.ma.masked_array(np.array([["a", "b"], ["b", "a"]]), [[0, 1], [0, 0]])
    assert as_samples(names).tolist() == [["a", None], ["b", "a"]]
    # Nothing is hidden: the dtype stays.
    assert as_samples(np.ma.masked_array(PICTURES)).dtype == np.uint8
    series = [np.ma.masked_array(row, row > 1) for row in RAGGED]
    gaps = [np.where(row > 1, np.nan, row) for row in RAGGED]
    np.testing.assert_array_equal(embedded(series), embedded(gaps))
    method = MaskedAutoencoder(max_epochs=1, depth=1, width=16, random_state=0, device="cpu")
    filled = method.fit(masked).impute(masked)
    assert np.isfinite(filled).all() and (filled[hidden] < 1e5).all()
    np.testing.assert_array_equal(filled[~hidden], TABLE[~hidden])


def test_what_is_given_back_of_tensors():
    images = torch.tensor(PICTURES)
    mask = torch.zeros(10, 8, 8, dtype=torch.bool)
    mask[:, 2:4, 3] = True
    method = MaskedAutoencoder(max_epochs=0, depth=1, width=16, random_state=0, device="cpu")
    filled = method.fit(images).reconstruct(images, mask)
    np.testing.assert_array_equal(filled, method.reconstruct(PICTURES, mask.numpy()))
    puzzle = JigsawPuzzle(max_epochs=0, random_state=0, device="cpu").fit(PICTURES)
    for got, expected in zip(puzzle.shuffle(images), puzzle.shuffle(PICTURES), strict=True):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == expected.dtype


def test_arrow():
    pa = pytest.importorskip("pyarrow")
    columns = {
        "age": pa.array([31.0, None, 42.5, 23.0] * 6),
        "job": pa.array(["cook", "nurse", None, "cook"] * 6),
        "city": pa.array(["Rome", None, "Oslo", "Lima"] * 6).dictionary_encode(),
        "smokes": pa.array([True, None, False, False] * 6),
        "children": pa.array([1, None, 0, 2] * 6, pa.int8()),
    }
    table = pa.table(columns)
    expected = embedded(table.to_pandas())
    np.testing.assert_array_equal(embedded(table), expected)
    np.testing.assert_array_equal(embedded(table.to_batches()[0]), expected)
    in_pandas = table.to_pandas(types_mapper=pd.ArrowDtype)
    np.testing.assert_array_equal(embedded(in_pandas), expected)
    ssl = SimCLR(max_epochs=0, device="cpu").fit(table)
    assert list(ssl.feature_names_in_) == list(columns)
    with pytest.raises(ValueError, match="same order"):
        ssl.transform(table.select(list(columns)[::-1]))

    texts = [f"{first} and {second}" for first in WORDS for second in WORDS if first != second]
    for X in (pa.array(texts), pa.chunked_array([texts]), pa.table({"text": texts})):
        np.testing.assert_array_equal(embedded(X), embedded(texts))
    np.testing.assert_array_equal(embedded(pa.array(RAGGED)), embedded(RAGGED))
    images = pa.FixedShapeTensorArray.from_numpy_ndarray(PICTURES)
    np.testing.assert_array_equal(embedded(images), embedded(PICTURES))
    with pytest.raises(ValueError, match=r"Column 'day' of X .*datetime64"):
        embedded(pa.table({"day": pa.array([1, 2, 3], pa.timestamp("s"))}))


def test_cells_of_an_arrow_table_are_filled_in():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": [1, None, 3, 2] * 9, "job": ["cook", "nurse", None, "cook"] * 9})
    method = MaskedAutoencoder(max_epochs=1, depth=1, width=16, random_state=0, device="cpu")
    filled = method.fit(table).impute(table)
    assert filled.schema == table.schema
    assert not any(column.null_count for column in filled.columns)
    rows = [0, 3, 4]
    assert filled.take(rows) == table.take(rows)


def test_declared_categories_of_any_type():
    ages = 11 + np.arange(40.0)
    as_words = np.array([f"age {(age - 1) // 10}" for age in ages], dtype=object)
    expected = embedded(pd.DataFrame({"age": as_words, "size": ages}))
    bins = pd.cut(ages, [10, 20, 30, 40, 50])
    days = pd.Categorical(pd.to_datetime("2020-01-01") + pd.to_timedelta((ages - 1) // 10, "D"))
    for column in (bins, days):
        X = pd.DataFrame({"age": column, "size": ages})
        np.testing.assert_array_equal(embedded(X), expected)
    gaps = pd.DataFrame({"age": pd.Series(bins).where(ages % 5 > 0), "size": ages})
    method = MaskedAutoencoder(max_epochs=1, depth=1, width=16, random_state=0, device="cpu")
    filled = method.fit(gaps).impute(gaps)
    assert filled["age"].dtype == gaps["age"].dtype
    assert filled["age"].notna().all()


def test_a_column_of_categories_is_a_table():
    cities = ["Rome", "Lima", "New York", "Oslo"] * 6
    for X in (
        pd.DataFrame({"city": pd.Categorical(cities)}),
        pl.DataFrame({"city": cities}, schema={"city": pl.Categorical}),
        pl.DataFrame({"city": cities}, schema={"city": pl.Enum(cities[:4])}),
    ):
        assert type(infer_modality(X)) is Tabular
        assert len(np.unique(embedded(X).round(5), axis=0)) == 4
    with pytest.raises(ValueError, match=r"X is a single column of categories.*to_frame"):
        embedded(pd.Series(cities, dtype="category"))


def test_names_in_a_multiindex():
    names = pd.MultiIndex.from_product([["a", "b"], ["x", "y"]])
    X = pd.DataFrame(RNG.integers(0, 3, (20, 4)), columns=names)
    expected = embedded(X.to_numpy(), modality=Tabular(categorical=[1]))
    by_name = Tabular(categorical=[("a", "y")])
    np.testing.assert_array_equal(embedded(X, modality=by_name), expected)
    rows = X.set_index(pd.MultiIndex.from_arrays([range(20), range(20)]))
    ssl = SimCLR(max_epochs=0, random_state=0).set_output(transform="pandas").fit(rows)
    assert ssl.transform(rows).index.equals(rows.index)


def test_one_series_where_there_were_many_of_unequal_length():
    ssl = SimCLR(max_epochs=0, device="cpu", random_state=0).fit(RAGGED)
    Z = ssl.transform(RAGGED)
    for some, rows in (
        (RAGGED[:1], [0]),
        (RAGGED[3][None], [3]),
        ([RAGGED[1], RAGGED[1]], [1, 1]),
        ([torch.tensor(RAGGED[2])], [2]),
    ):
        np.testing.assert_allclose(ssl.transform(some), Z[rows], rtol=1e-4, atol=1e-5)
    of_rows = SimCLR(modality=Series(), max_epochs=0, device="cpu").fit(TABLE)
    with pytest.raises(ValueError, match="X has 2 features"):
        of_rows.transform(TABLE[:, :2])


RECORDS = np.zeros(9, [("a", float), ("b", int)])
BAD = [
    (None, "X must be .* got None of type NoneType"),
    ({"a": [1, 2]}, "X must be .* of type dict"),
    ((row for row in TABLE), r"X is an iterator, of type generator.*sorted\(X\)"),
    ({1, 2}, "X must be .* of type set"),
    (SimCLR, "X must be .* of type type"),
    (np.zeros(5), "^X is nothing that SimCLR takes: Expected 2D array, got 1D array"),
    (TABLE[:1], "^X has 1 sample, and SimCLR needs at least 2\\.$"),
    (pd.DataFrame(TABLE[:1]), "^X has 1 sample, and SimCLR needs at least 2\\.$"),
    (["a text"], "^X has 1 sample, and SimCLR needs at least 2\\.$"),
    ([], "^X is empty: there are no samples. .* the pattern matched none"),
    (np.array([]), "^X is empty: there are no samples"),
    (TABLE + 1j, "^Complex data not supported: X has dtype complex128"),
    ([TABLE[0], None], r"Row 1 of X has shape \(\)"),
    (Image.new("L", (8, 8)), r"X is a single image, .*; pass a list of images, \[X\]"),
    (TABLE[:, :0], r"^X is nothing .* 0 feature\(s\)"),
    (np.zeros((9, 0, 5)), r"X has shape \(9, 0, 5\): its samples have no values"),
    (np.zeros((9, 2, 0, 5, 3), dtype=np.uint8), r"X has shape \(9, 2, 0, 5, 3\)"),
    (np.zeros((9, 3), "datetime64[s]"), r"X holds dates or times, of dtype datetime64\[s\]"),
    (np.zeros((9, 3), "timedelta64[s]"), r"X holds dates or times, of dtype timedelta64\[s\]"),
    (np.array([[np.timedelta64(1, "s"), 1]] * 5, dtype=object), "Column 0 of X has np.timedelta64"),
    (RECORDS, "X has dtype .*, a record in every cell"),
    (RECORDS[:, None], "X has dtype .*, a record in every cell"),
    ([[1, 2, 3], [1, 2]], r"samples of X differ in shape: \(3,\) .* \(2,\) .* row 1.*Series\(\)"),
    ([{"a": 1}] * 3, "^X is nothing that SimCLR takes: .*dict"),
    (pd.DataFrame(TABLE, columns=["a", "b", "a"]), "X has 2 columns named 'a'"),
    (scipy.sparse.csr_array(TABLE), "X.*dense"),
    (np.where(TABLE > 1, np.inf, TABLE), r"X contains infinity .* in \d of 20 samples, first in r"),
]


@pytest.mark.parametrize(("X", "message"), BAD, ids=[message for _, message in BAD])
def test_messages_name_what_came_in(X, message):
    with pytest.raises((ValueError, TypeError), match=message):
        SimCLR(encoder=tiny_mlp, max_epochs=0, device="cpu").fit(X)


@pytest.mark.parametrize("modality", [Images(), Video(), Series(), PointCloud()])
def test_dates_and_records_are_nothing_for_any_modality(modality):
    for dtype in ("datetime64[D]", [("a", float)]):
        with pytest.raises(ValueError, match="X holds dates|X has dtype"):
            modality.check(np.zeros((4, 5, 6, 3), dtype), estimator="SimCLR")


def test_gaps_in_images_are_told_by_their_place():
    X = np.ones((6, 8, 8))
    X[4, 2, 3] = np.nan
    with pytest.raises(ValueError, match=r"NaN in 1 of 6 samples, first in row 4, at \(2, 3\)"):
        SimCLR(max_epochs=0, device="cpu").fit(X)
