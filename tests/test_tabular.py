"""Tables: DataFrames and arrays, categories, gaps, what is refused, and views."""

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from cases import tiny_mlp
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import OrdinalEncoder

from skssl import SimCLR
from skssl.exceptions import ModalityWarning
from skssl.modality import Tabular, infer_modality
from skssl.modality._doubts import doubts_of_categories
from skssl.nn import TableStem
from skssl.semi_supervised import FineTuneClassifier
from skssl.views import TabularViews, swap_cells

JOBS = ["cook", "nurse", None, "cook", "pilot", "nurse"] * 8
AGES = [31.0, 55.0, 42.0, np.nan, 23.0, 64.0] * 8
SMOKES = [True, False, False, True, False, False] * 8
CHILDREN = [0, 3, 1, 2, 0, 0] * 8
COLUMNS = {"age": AGES, "job": JOBS, "smokes": SMOKES, "children": CHILDREN}


def frame(**changes):
    return pd.DataFrame({**COLUMNS, **changes})


def tiny(**params):
    settings = {"encoder": tiny_mlp, "max_epochs": 1, "device": "cpu", "random_state": 0}
    return SimCLR(**{**settings, **params})


def fitted(X, **params):
    modality = Tabular(**params)
    return modality.fit(modality.check(X, estimator="test"))


def prepared(modality, X):
    return modality.prepare(modality.check(X, estimator="test"))


def test_auto_rule():
    assert type(infer_modality(frame())) is Tabular
    assert type(infer_modality(pl.DataFrame({"a": [1, 2]}))) is Tabular
    assert type(infer_modality(np.zeros((5, 3)))) is Tabular
    assert type(infer_modality([["a", 1], ["b", 2]])) is Tabular


def test_same_table_in_every_container():
    expected = tiny().fit_transform(frame())
    polars = {**COLUMNS, "age": [None if age != age else age for age in AGES]}
    others = [
        frame(job=pd.Categorical(JOBS)),
        frame(job=pd.array(JOBS, dtype="string"), children=pd.array(CHILDREN, dtype="Int64")),
        frame(age=pd.array(AGES, dtype="Float64"), smokes=pd.array(SMOKES, dtype="boolean")),
        frame().astype(object),
        pl.DataFrame(polars),
        pl.DataFrame(polars, schema_overrides={"job": pl.Categorical, "children": pl.Int8}),
        pl.DataFrame(polars, schema_overrides={"job": pl.Enum(["pilot", "nurse", "cook"])}),
        frame().to_numpy(dtype=object),
        frame().to_numpy(dtype=object).tolist(),
    ]
    for X in others:
        ssl = tiny().fit(X)
        np.testing.assert_array_equal(ssl.transform(X), expected)
        assert ssl.modality_.categorical_.tolist() == [False, True, True, False]
    assert list(tiny().fit(others[4]).feature_names_in_) == list(COLUMNS)


def test_set_output_of_both_libraries():
    for name, kind in (("pandas", pd.DataFrame), ("polars", pl.DataFrame)):
        Z = tiny().set_output(transform=name).fit_transform(frame())
        assert isinstance(Z, kind)
        assert list(Z.columns[:2]) == ["simclr0", "simclr1"]


def test_codes():
    modality = fitted(frame())
    rows = prepared(modality, frame())
    # Numeric columns come first. Missing is 1, the categories follow, here in sorted order.
    assert rows.dtype == torch.float32
    assert rows[:6, 2].tolist() == [2, 3, 1, 2, 4, 3]
    assert rows[:6, 3].tolist() == [3, 2, 2, 3, 2, 2]
    assert torch.equal(rows[:6, 0].isnan(), torch.tensor([False] * 3 + [True] + [False] * 2))
    new = prepared(modality, frame(job=["spy", None, "pilot"] * 16, smokes=None))
    assert new[:3, 2].tolist() == [0, 1, 4]
    # What is missing for the first time can be told apart, and counts as unknown.
    assert new[:3, 3].tolist() == [0.5, 0.5, 0.5]
    assert modality.missing(new)[:, 3].all()


@pytest.mark.parametrize("concat_input", [False, True])
def test_a_category_that_is_missing_for_the_first_time_counts_as_unseen(concat_input):
    columns = dict.fromkeys(("job", "pet"), ["a", "b", "c"] * 16)
    modality = Tabular(concat_input=concat_input)
    ssl = tiny(modality=modality).fit(frame(**columns).assign(pet=JOBS))
    Z = {
        (column, value): ssl.transform(frame(**columns).assign(**{column: value}))
        for column in ("job", "pet")
        for value in (None, "unseen")
    }
    np.testing.assert_array_equal(Z["job", None], Z["job", "unseen"])
    # Where there were gaps, something was learned about them.
    assert abs(Z["pet", None] - Z["pet", "unseen"]).max() > 0.01


@pytest.mark.parametrize("scaling", ["quantile", "standard"])
def test_scaling_leaves_gaps_alone(scaling, rng):
    X = rng.exponential(5, (300, 2))
    X[::7, 1] = np.nan
    rows = prepared(fitted(X, scaling=scaling), X)
    assert torch.equal(rows.isnan(), torch.tensor(np.isnan(X)))
    np.testing.assert_allclose(np.nanmean(rows, axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.nanstd(rows, axis=0), 1, atol=1e-4)


def test_stem_fills_gaps_and_sets_indicators():
    modality = fitted(np.array([[1.0, 5.0, "a"], [2.0, None, None], [3.0, 7.0, "b"]], dtype=object))
    rows = prepared(modality, np.array([[None, None, "c"], [2.0, 6.0, "a"]], dtype=object))
    stem = modality.stem()
    floats = stem(rows)
    assert floats.shape == (2, stem.n_features)
    # Two numbers, and an indicator for the column that had gaps in fit.
    torch.testing.assert_close(floats[:, :3], torch.tensor([[0.0, 0, 1], [0, 0, 0]]))
    assert torch.equal(floats[0, 3:], torch.zeros(stem.n_features - 3))
    one_hot = TableStem(2, [1], [4], dim=None)(rows)
    torch.testing.assert_close(one_hot[:, 3:], torch.tensor([[0.0, 0, 0], [0, 1, 0]]))


@pytest.mark.parametrize("value", [4.0, np.nan, None])
def test_constant_and_empty_columns_do_no_harm(value):
    X = frame(age=value)
    ssl = tiny().fit(X)
    Z = ssl.transform(X)
    assert np.isfinite(Z).all() and np.isfinite(ssl.loss_curve_).all()
    # A value that was not seen does not count, since nothing was learned about it.
    shown = frame(age=1e6) if value == 4.0 else frame(age=3.0)
    np.testing.assert_array_equal(ssl.transform(shown), Z)


def test_rare_categories_share_a_code():
    names = [f"city {index}" for index in range(50)]
    X = pd.DataFrame({"city": ["here"] * 30 + ["there"] * 20 + names, "size": range(100)})
    rows = prepared(fitted(X, max_categories=3), X)
    codes = rows[:, 1]
    assert len(codes[:50].unique()) == 2 and len(codes[50:].unique()) == 1
    assert rows[:, 1].max() == 4
    assert tiny(modality=Tabular(max_categories=3)).fit_transform(X).shape == (100, 16)


@pytest.mark.parametrize("max_categories", [2, 3, 4, 100])
def test_only_frequencies_that_matter_are_counted(rng, monkeypatch, max_categories):
    cities = rng.choice(["a", "b", "c", None], 200, p=[0.5, 0.2, 0.1, 0.2])
    X = pd.DataFrame({"city": np.array(cities, dtype=object), "size": range(200)})
    counted = []
    fit = OrdinalEncoder.fit

    def counting_fit(encoder, values):
        counted.append(len(values))
        return fit(encoder, values)

    monkeypatch.setattr(OrdinalEncoder, "fit", counting_fit)
    modality = fitted(X, max_categories=max_categories)
    here = np.array([city is not None for city in cities])
    present = cities[here]
    assert counted == [len(present) if max_categories <= 3 else 3]
    whole = OrdinalEncoder(max_categories=max_categories)
    codes = 2 + fit(whole, present[:, None]).transform(present[:, None])[:, 0]
    np.testing.assert_array_equal(prepared(modality, X)[here, 1], codes)
    assert modality.stem().n_codes == 2 + len(np.unique(codes))


def test_categorical_columns_by_name_index_and_mask():
    X = frame().drop(columns="job")
    expected = tiny(modality=Tabular(categorical=["children", "smokes"])).fit_transform(X)
    for categorical in ([2, 1], np.array([1, 2]), [False, True, True]):
        Z = tiny(modality=Tabular(categorical=categorical)).fit_transform(X)
        np.testing.assert_array_equal(Z, expected)
    # Bools that are not listed are numbers, and so is everything with an empty list.
    assert not fitted(X, categorical=[]).categorical_.any()
    array = np.array([[1, 7], [2, 7], [1, 9]] * 5)
    assert prepared(fitted(array, categorical=[1]), array)[:3, 1].tolist() == [2, 2, 3]
    text = np.array([["a", "b"], ["c", "d"]])
    assert prepared(fitted(text, categorical=[0, 1]), text).tolist() == [[2, 2], [3, 3]]


def test_numbers_and_bools_in_arrays_are_numbers():
    assert not fitted(np.array([[1, 2], [3, 4]], dtype=object)).categorical_.any()
    assert not fitted(np.array([[True, False], [False, True]])).categorical_.any()


def test_own_encoder_sees_plain_floats():
    seen = []

    def encoder(shape):
        seen.append(shape)
        return tiny_mlp(shape)

    ssl = tiny(encoder=encoder).fit(frame())
    assert seen == [(ssl.modality_.stem().n_features,)]
    before = fitted(frame()).stem()
    assert ssl.encoder_.encoder.stem.embedding.shape == before.embedding.shape
    # What was not seen in fit stays at zero, and the vectors of the others are trained.
    assert not ssl.encoder_.encoder.stem.embedding[0].any()


@pytest.mark.parametrize("encoder", ["auto", tiny_mlp])
def test_input_beside_the_embedding(encoder):
    alone = tiny(encoder=encoder).fit_transform(frame())
    modality = Tabular(concat_input=True)
    ssl = tiny(encoder=encoder, modality=modality).fit(frame())
    Z = ssl.transform(frame())
    n_input = Z.shape[1] - alone.shape[1]
    np.testing.assert_array_equal(Z[:, n_input:], alone)
    # 2 numbers, 1 indicator, 3 jobs and missing, 2 bools and missing.
    assert n_input == 2 + 1 + 4 + 3
    numbers = ssl.modality_.prepare(ssl.modality_.check(frame(), estimator=""))[:, :2]
    scale = float(ssl.encoder_.scales[0])
    np.testing.assert_allclose(Z[:, :2], scale * numbers.nan_to_num(), rtol=1e-6)
    assert set(np.unique(Z[:, 2:n_input])) == {0.0, np.float32(scale)}
    # Each block spreads as widely.
    spreads = [block.var(axis=0).sum() for block in (Z[:, :n_input], Z[:, n_input:])]
    np.testing.assert_allclose(*spreads, rtol=1e-4)
    names = ssl.get_feature_names_out().tolist()
    assert len(names) == Z.shape[1]
    assert names[n_input] == "simclr0"


def seeded():
    return torch.Generator().manual_seed(0)


def test_swap_moves_whole_cells_within_a_column():
    rows = torch.arange(1000.0)[:, None] + torch.tensor([[0.0, 10_000.0]])
    rows[::5, 1] = torch.nan
    swapped = swap_cells(rows, generator=seeded(), probability=0.4)
    kept = (swapped == rows) | (swapped.isnan() & rows.isnan())
    assert kept[:, 0].float().mean().item() == pytest.approx(0.6, abs=0.05)
    assert (swapped[:, 0] < 10_000).all()
    assert swapped[:, 1].isnan().float().mean().item() == pytest.approx(0.2, abs=0.05)
    assert (kept[:, 0] != kept[:, 1]).any()
    assert torch.equal(swap_cells(rows[:, :1], generator=seeded(), probability=0.0), rows[:, :1])


def test_local_views_show_fewer_own_cells():
    rows = torch.rand(1000, 5, generator=seeded())
    (view,) = TabularViews().draw(rows, 1, generator=seeded())
    (local,) = TabularViews().local().draw(rows, 1, generator=seeded())
    assert local.shape == rows.shape
    assert (view == rows).float().mean().item() == pytest.approx(0.7, abs=0.03)
    assert (local == rows).float().mean().item() == pytest.approx(0.4, abs=0.03)


BAD = [
    (frame(age=[1.0] * 47 + [np.inf]), "Column 'age' of X contains infinity .*: inf in row 47"),
    (frame(age=10**400), "Column 'age' of X contains infinity or a value too large"),
    (
        frame(job=["cook", 3] * 24),
        r"mixes numbers \(3 in row 1\) and strings \('cook' in row 0\)",
    ),
    (frame(job=[["a"], ["b"]] * 24), r"Column 'job' of X has \['a'\] in row 0"),
    (frame(job=[b"a", b"b"] * 24), r"Column 'job' of X has b'a' in row 0"),
    (frame(job=pd.Timestamp("2020-01-01")), "Column 'job' of X has .*datetime64.*year, month"),
    (frame(job=pd.Timestamp("2020-01-01", tz="UTC")), "Column 'job' of X has .*datetime64.*year"),
    (frame(job=pd.Period("2020-01")), r"'job' of X has Period\('2020-01', 'M'\).*year, month"),
    (frame(job=date(2020, 1, 1)), r"'job' of X has datetime.date\(2020, 1, 1\).*year, month"),
    (frame(job=pd.Timedelta("1D")).astype(object), "'job' of X has Timedelta.*year, month"),
    (pl.DataFrame({"a": [1.5, 2], "b": [date(2020, 1, 1)] * 2}), "'b' of X .*datetime64.*month"),
    (frame(age=1 + 2j), "Complex data not supported: column 'age'"),
    (frame()[:1], "X has 1 sample, and SimCLR needs at least 2"),
    (frame()[[]], r"0 feature\(s\)"),
    (pl.DataFrame({"a": [[1], [2]], "b": [1, 2]}), r"Column 'a' of X has array\(\[1\]\)"),
    (pl.DataFrame({"a": [{"b": 1}, {"b": 2}]}), "Column 'a' of X"),
    (np.array([["1", "a"], ["2", "b"]]), "X must hold numbers, got strings"),
]


@pytest.mark.parametrize(("X", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_tables(X, message):
    ssl = tiny()
    with pytest.raises((ValueError, TypeError), match=message):
        ssl.fit(X)
    with pytest.raises(NotFittedError):
        ssl.transform(X)


@pytest.mark.parametrize(
    ("categorical", "message"),
    [
        (["age", "height"], "categorical has 'height', which is no column of X; .*'age', 'job'"),
        ([4], "categorical has 4, .* indices from 0 to 3"),
        ([-1], "categorical has -1"),
        ([True, False], "a mask of 2 columns, but X has 4"),
        ([1.5], "categorical has 1.5"),
        ("all", "categorical"),
        (["age"], "Column 'job' of X must hold numbers, got strings, such as 'cook'.*List it"),
    ],
)
def test_bad_categorical(categorical, message):
    with pytest.raises(ValueError, match=message):
        tiny(modality=Tabular(categorical=categorical)).fit(frame())


def test_dates_and_times_are_no_cells():
    for value in (date(2020, 1, 1), pd.Period("2020-01"), pd.Timestamp("2020-01-01")):
        with pytest.raises(ValueError, match="Turn dates"):
            fitted(frame(job=value))


def test_a_single_row_is_no_table():
    ssl = tiny(max_epochs=0).fit(frame())
    for row in (frame().iloc[0], frame().to_numpy()[0], frame()["age"], pl.Series([1.0, 2.0])):
        with pytest.raises(ValueError, match=r"single row or column.*X\.iloc\[\[0\]\] for a row"):
            ssl.transform(row)
    assert ssl.transform(frame().iloc[[0]]).shape == (1, 16)


def test_a_method_that_was_fitted_to_other_columns_is_not_trained_again():
    X, y = frame()[["age", "job"]], [0, 1] * 24
    ssl = tiny(max_epochs=0).fit(frame())
    with pytest.raises(ValueError, match="feature names") as raised:
        FineTuneClassifier(ssl, max_epochs=0).fit(X, y)
    assert "fitted already" in raised.value.__notes__[0] and "clone(" in raised.value.__notes__[0]
    FineTuneClassifier(clone(ssl), max_epochs=0).fit(X, y)


def test_names_need_a_frame():
    with pytest.raises(ValueError, match="'age', .* allowed are indices from 0 to 2"):
        tiny(modality=Tabular(categorical=["age"])).fit(np.zeros((9, 3)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"age": "old"}, r"'age' .* categories \(strings\), .*'old', but held numbers in fit"),
        ({"job": 3}, r"'job' of X holds numbers, such as 3.* held categories \(strings\) in fit"),
        ({"smokes": 1}, r"'smokes' of X holds numbers.* held categories \(booleans\) in fit"),
        ({"smokes": "yes"}, r"'smokes' .* categories \(strings\).* \(booleans\) in fit"),
    ],
)
def test_columns_that_hold_something_else_at_transform(changes, message):
    ssl = tiny().fit(frame())
    with pytest.raises(ValueError, match=message):
        ssl.transform(frame(**changes))


def test_other_columns_at_transform():
    ssl = tiny().fit(frame())
    with pytest.raises(ValueError, match="feature names.*\n.*unseen at fit time.*\n.*weight"):
        ssl.transform(frame(weight=1.0))
    with pytest.raises(ValueError, match="same order"):
        ssl.transform(frame()[["job", "age", "smokes", "children"]])


def test_a_column_without_any_value_at_transform():
    ssl = tiny().fit(frame())
    for empty in (np.nan, None, pd.NA):
        np.testing.assert_array_equal(
            ssl.transform(frame(job=empty)), ssl.transform(frame(job=pd.Categorical([None] * 48)))
        )
        assert np.isfinite(ssl.transform(frame(age=empty, job=empty))).all()


def test_bad_views_and_parameters():
    with pytest.raises(ValueError, match="swap"):
        tiny(views=TabularViews(swap=1.0)).fit(frame())
    with pytest.raises(ValueError, match="max_categories"):
        tiny(modality=Tabular(max_categories=1)).fit(frame())


def test_columns_of_strings_that_are_no_categories():
    numbers = [f"{index % 9}.5" for index in range(48)]
    ids = [f"id {index}" for index in range(48)]
    days = [f"2024-02-{1 + index % 28:02}" for index in range(48)]
    for X, message in (
        (frame(job=days), "28 categories, .* dates as strings, such as '2024-02-01'.*to_datetime"),
        (frame(job=[day + "T06:30Z" for day in days]), "'job' .* dates as strings"),
        (frame(job=["today", *days[1:]]), "dates as strings, .* apart from 'today'"),
        (frame(job=[f"{1 + index % 9}/2/2024" for index in range(48)]), "'job' .* dates as str"),
        (
            frame(job=numbers),
            r"Column 'job' of X is taken for 9 categories, .* such as '0.5'\. Conv",
        ),
        (frame(job=["?", *numbers[1:]]), r"such as '0.5', apart from '\?'"),
        (frame(job=[number.replace(".", ",") for number in numbers]), "numbers as strings.*'0,5'"),
        (
            frame(job=ids),
            r"'job' of X is taken for 48 .* different string in nearly every row.*Text",
        ),
    ):
        with pytest.warns(ModalityWarning, match=message):
            fitted(X)
        # Said by the dtype or by name, there is no doubt.
        fitted(X.astype({"job": "category"}))
        fitted(X, categorical=["job", "smokes"])


@pytest.mark.parametrize("dtype", [object, "category"])
def test_many_categories_that_share_a_code(dtype):
    names = [f"city {index}" for index in range(250)] * 3
    X = pd.DataFrame({"city": names, "size": range(750)}).astype({"city": dtype})
    with pytest.warns(UserWarning, match="'city' .* 151 .* 453 of 750 rows.*max_categories=250"):
        fitted(X)
    # Said, or without a great loss, there is no warning.
    fitted(X, max_categories=99)
    fitted(pd.concat([X, *[X[X["city"].isin(names[:99])]] * 4]))


@pytest.mark.parametrize("words", ["1.2.3", "12-34", "2024", "May 2024", "a/b/c", "10.0.0.1"])
def test_strings_that_are_no_dates(words):
    assert doubts_of_categories(np.array([words, "a word"] * 9, dtype=object)) is None


def test_what_became_of_each_column_is_told():
    X = frame(city=["Rome"] * 48, constant=1.0, empty=np.nan)
    ssl = tiny(modality=Tabular(max_categories=2), max_epochs=0).fit(X)
    assert ssl.modality_.columns_ == {
        "age": "number, with gaps",
        "job": "3 categories in 2 codes, with gaps",
        "smokes": "2 categories",
        "children": "number",
        "city": "1 category",
        "constant": "number, which counts as 0",
        "empty": "number, which counts as 0, with gaps",
    }
    unfitted = repr(tiny(modality=Tabular(max_categories=2), max_epochs=0))
    assert repr(ssl).startswith(unfitted + "\n  column 'age': number, with gaps\n")
    auto = FineTuneClassifier(tiny(max_epochs=0), max_epochs=0).fit(frame(), [0, 1] * 24)
    for fit in (auto, auto.method_):
        assert "\n  modality_: Tabular()\n  column 'age': number, with gaps\n" in repr(fit)
        rows = fit._repr_html_().split("Fitted attributes")[1]
        assert "column &#x27;job&#x27;" in rows and "3 categories, with gaps" in rows
    wide = fitted(np.zeros((5, 50)))
    assert repr(wide).endswith("... and 30 more")
    assert repr(Tabular()) == "Tabular()"
