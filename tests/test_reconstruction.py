"""What masked methods give back: filled samples, imputed cells, forecasts."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from cases import CASES, DIGITS, TINY_TRANSFORMER, waves
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from skssl import MaskedAutoencoder, SelfSupervisedImputer, SimMIM
from skssl.masked._forecast import forecast
from skssl.modality import Images, Series, Tabular

RECONSTRUCTING = [MaskedAutoencoder, SimMIM]


@pytest.mark.parametrize("method", RECONSTRUCTING)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_keep_what_is_not_masked(method, dtype):
    X = DIGITS.astype(dtype)
    ssl = method(max_epochs=1, **TINY_TRANSFORMER).fit(X)
    mask = np.zeros(X.shape, dtype=bool)
    mask[:, 2:5, 3] = True
    filled = ssl.reconstruct(X, mask)
    assert filled.shape == X.shape
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[~mask], X[~mask])
    assert (filled[mask] != X[mask]).any()
    assert filled.min() >= X.min()
    assert filled.max() <= X.max()
    some = ssl.reconstruct(X, "random")
    changed = np.mean(some != X)
    assert 0.2 < changed < 0.76
    np.testing.assert_array_equal(some, ssl.reconstruct(X, "random"))


def test_a_mask_hides_what_it_marks():
    ssl = MaskedAutoencoder(max_epochs=1, **TINY_TRANSFORMER).fit(DIGITS)
    mask = np.zeros(DIGITS.shape, dtype=bool)
    mask[:, :2, :2] = True
    other = DIGITS.copy()
    other[mask] = 16 - other[mask]
    np.testing.assert_array_equal(
        ssl.reconstruct(DIGITS, mask)[mask], ssl.reconstruct(other, mask)[mask]
    )


def test_video_keeps_what_is_not_masked():
    X, _ = next(case for case in CASES if case.name == "video").load()
    ssl = MaskedAutoencoder(max_epochs=1, **TINY_TRANSFORMER).fit(X)
    mask = np.zeros(X.shape[:4], dtype=bool)
    mask[:, 2] = True
    filled = ssl.reconstruct(X, mask)
    assert filled.dtype == np.uint8
    np.testing.assert_array_equal(filled[~mask], X[~mask])


def test_series_keep_what_is_not_masked_and_do_not_see_it():
    X = np.random.default_rng(0).normal(size=(40, 2, 30)).cumsum(axis=2).astype(np.float32)
    ssl = MaskedAutoencoder(max_epochs=1, **TINY_TRANSFORMER).fit(X)
    mask = np.zeros((40, 30), dtype=bool)
    mask[:, 10:14] = True
    filled = ssl.reconstruct(X, mask)
    whole = np.repeat(mask[:, None], 2, axis=1)
    np.testing.assert_array_equal(filled[~whole], X[~whole])
    other = np.where(whole, 100, X)
    np.testing.assert_allclose(ssl.reconstruct(other, mask), filled, rtol=1e-5)
    np.testing.assert_array_equal(ssl.reconstruct(X, mask[0]), filled)
    by_channel = whole.copy()
    by_channel[:, 1] = False
    np.testing.assert_array_equal(ssl.reconstruct(X, by_channel)[:, 1], X[:, 1])


def test_without_a_mask_gaps_of_series_are_filled_and_padding_is_not():
    X = np.random.default_rng(0).normal(size=(40, 2, 30)).cumsum(axis=2).astype(np.float32)
    X[3, 0, 10:14] = np.nan
    X[5, :, 20:] = np.nan
    ssl = MaskedAutoencoder(max_epochs=1, **TINY_TRANSFORMER).fit(X)
    filled = ssl.reconstruct(X)
    gaps = np.zeros(X.shape, dtype=bool)
    gaps[3, 0, 10:14] = True
    np.testing.assert_array_equal(filled[~gaps], X[~gaps])
    assert np.isfinite(filled[gaps]).all()
    np.testing.assert_array_equal(ssl.reconstruct(X, gaps), filled)
    # Where nothing is missing, nothing is changed.
    np.testing.assert_array_equal(ssl.reconstruct(X[6:]), X[6:])
    assert (ssl.reconstruct(X[6:], "random") != X[6:]).any()


def mixed_frame():
    rng = np.random.default_rng(0)
    size = rng.normal(size=200)
    frame = pd.DataFrame(
        {
            "size": size,
            "count": np.rint(10 + 3 * size).astype(int),
            "sign": np.where(size > 0, "plus", "minus"),
            "kind": pd.Categorical(np.where(size > 1, "large", "small")),
            "whole": pd.array(np.rint(5 * size).astype(int), dtype="Int64"),
        }
    )
    for column in ("size", "sign", "kind", "whole"):
        frame.loc[rng.random(200) < 0.15, column] = None
    return frame


def test_frames_of_pandas_come_back_as_they_were():
    frame = mixed_frame()
    filled = MaskedAutoencoder(max_epochs=1, **TINY_TRANSFORMER).fit(frame).impute(frame)
    assert filled.dtypes.equals(frame.dtypes)
    assert filled.index.equals(frame.index)
    assert not filled.isna().to_numpy().any()
    known = frame.notna()
    for column in frame:
        assert filled[column][known[column]].equals(frame[column][known[column]])
    assert set(filled["sign"]) == {"plus", "minus"}


def test_frames_of_polars_come_back_as_they_were():
    frame = pl.DataFrame(
        {
            "a": [1.5, None, 2.5, 4.0] * 20,
            "b": [1, 2, None, 4] * 20,
            "c": pl.Series(["x", "y", None, "x"] * 20, dtype=pl.Categorical),
        }
    )
    filled = SimMIM(max_epochs=1, **TINY_TRANSFORMER).fit(frame).impute(frame)
    assert filled.schema == frame.schema
    assert sum(filled.null_count().row(0)) == 0
    for column in frame.columns:
        known = frame[column].is_not_null()
        assert filled[column].filter(known).to_list() == frame[column].filter(known).to_list()


def test_masked_cells_of_integers_are_rounded():
    frame = mixed_frame()
    ssl = MaskedAutoencoder(max_epochs=1, **TINY_TRANSFORMER).fit(frame)
    mask = np.zeros(frame.shape, dtype=bool)
    mask[:3, 1] = True
    filled = ssl.reconstruct(frame, mask)
    assert filled["count"].dtype == frame["count"].dtype
    assert filled["size"].isna().equals(frame["size"].isna())
    assert filled["count"][3:].equals(frame["count"][3:])


def test_numbers_that_are_categories_keep_their_dtype():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"code": rng.integers(0, 3, 60) * 1.0, "x": rng.normal(size=60)})
    frame["x"] = frame["x"].astype(np.float32)
    frame.loc[::5, ["code", "x"]] = None
    modality = Tabular(categorical=["code"])
    filled = (
        MaskedAutoencoder(max_epochs=1, modality=modality, **TINY_TRANSFORMER)
        .fit(frame)
        .impute(frame)
    )
    assert filled.dtypes.equals(frame.dtypes)
    assert set(filled["code"]) == {0, 1, 2}
    mask = np.ones(frame.shape, dtype=bool)
    whole = frame.fillna(0).astype({"code": int})
    ssl = MaskedAutoencoder(max_epochs=1, modality=modality, **TINY_TRANSFORMER).fit(whole)
    assert ssl.reconstruct(whole, mask).dtypes.equals(whole.dtypes)


def test_constant_and_empty_columns_are_imputed():
    X = np.random.default_rng(0).normal(size=(60, 3))
    X[:, 1] = 7
    X[::3, :2] = np.nan
    filled = MaskedAutoencoder(max_epochs=1, **TINY_TRANSFORMER).fit(X).impute(X)
    assert filled.dtype == np.float64
    np.testing.assert_allclose(filled[:, 1], 7, rtol=1e-6)
    X[:, 1] = np.nan
    ssl = MaskedAutoencoder(max_epochs=1, **TINY_TRANSFORMER).fit(X)
    with pytest.warns(UserWarning, match=r"without any value in fit stay .*: 1 \(1 in all"):
        filled = ssl.impute(X)
    assert np.isfinite(filled[:, [0, 2]]).all()
    # Nothing is known of this one.
    assert np.isnan(filled[:, 1]).all()


def test_rare_categories_can_be_imputed():
    X = np.array([["a"], ["b"], ["c"], ["d"]] * 15, dtype=object)
    X = np.hstack([X, X])
    X[::7, 0] = None
    modality = Tabular(max_categories=2)
    filled = MaskedAutoencoder(max_epochs=1, modality=modality, **TINY_TRANSFORMER).fit(X).impute(X)
    assert set(filled[:, 0]) <= set("abcd")


def test_imputing_learns_what_columns_share():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(400, 1))
    full = np.hstack([base, np.exp(base), -base]) + 0.01 * rng.normal(size=(400, 3))
    missing = rng.random(full.shape) < 0.15
    X = np.where(missing, np.nan, full)
    method = MaskedAutoencoder(max_epochs=80, learning_rate=0.005, **TINY_TRANSFORMER)
    filled = SelfSupervisedImputer(method=method).fit_transform(X)
    np.testing.assert_array_equal(filled[~missing], X[~missing])
    some = missing & ~missing.all(axis=1, keepdims=True)
    scale = np.nanstd(X, axis=0)
    error = np.sqrt(np.mean((((filled - full) / scale)[some]) ** 2))
    mean = np.sqrt(np.mean((((np.nanmean(X, axis=0) - full) / scale)[some]) ** 2))
    assert error < 0.5 * mean


@pytest.mark.parametrize(
    ("X", "modality", "message"),
    [
        (np.zeros((9, 8, 8, 3), dtype=np.uint8), "auto", "^X is nothing .* dim 4"),
        (waves()[:, None], "auto", "^X is nothing .* dim 3"),
        (["some", "texts", None], "auto", "^X is a single row or column of 3 values"),
        (
            np.zeros((9, 8)),
            Images(shape=(2, 4)),
            r"is for Images, but only the cells of tables.*re",
        ),
        (np.zeros((9, 8)), Series(), "is for Series, but only the cells of tables"),
    ],
    ids=["images", "series", "texts", "as images", "as series"],
)
def test_only_tables_are_imputed(X, modality, message):
    method = MaskedAutoencoder(modality=modality, max_epochs=1, **TINY_TRANSFORMER)
    imputer = SelfSupervisedImputer(method=method)
    with pytest.raises(ValueError, match=message):
        imputer.fit(X)
    with pytest.raises(NotFittedError):
        imputer.transform(X)


def test_the_imputer_passes_the_checks_of_scikit_learn():
    method = MaskedAutoencoder(max_epochs=1, **TINY_TRANSFORMER)
    results = check_estimator(SelfSupervisedImputer(method=method), on_fail=None, on_skip=None)
    assert not [r["check_name"] for r in results if r["status"] == "failed"]
    assert sum(r["status"] == "passed" for r in results) >= 40
    assert list(
        SelfSupervisedImputer(method=method).fit(mixed_frame()).get_feature_names_out()
    ) == [
        "size",
        "count",
        "sign",
        "kind",
        "whole",
    ]


def test_forecasts_follow_the_series():
    X = waves()
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER).fit(X[:, :48])
    future = ssl.forecast(X[:, :48], 12)
    assert np.mean((future - X[:, 48:]) ** 2) < 0.5 * np.var(X)
    # A shorter horizon is the beginning of a longer one, and longer ones roll on.
    np.testing.assert_array_equal(ssl.forecast(X[:, :48], 5), future[:, :5])
    with pytest.warns(UserWarning, match=r"horizon=100 is longer than half of .* 48 steps"):
        long = ssl.forecast(X[:, :48], 100)
    assert long.shape == (200, 100)
    assert np.isfinite(long).all()
    np.testing.assert_array_equal(ssl.forecast(X[:, :48], 24), long[:, :24])


def test_forecasts_know_where_in_a_series_they_are():
    X = np.random.default_rng(0).normal(0, 0.1, (100, 47)) + 2 * np.sin(np.arange(47) / 7)
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER).fit(X)
    for n_known in (24, 26, 33, 40):
        future = ssl.forecast(X[:, :n_known], 47 - n_known)
        # The mean of what is known is far from that of what comes.
        assert np.mean((future - X[:, n_known:]) ** 2) < 0.1 * np.var(X)


def day(step, hours=12):
    """Return what a day of so many steps has at each of the steps."""
    return np.random.default_rng(0).normal(size=hours)[np.asarray(step) % hours]


@pytest.mark.parametrize("hours", [12, 23])
@pytest.mark.parametrize("length", [30, 35, 40, 46, 47, 48, 49, 60, 71, 100])
def test_what_is_known_of_a_place_holds_in_forecasts(length, hours):
    levels = torch.linspace(-5, 5, 4)[:, None, None]
    series = levels + torch.from_numpy(day(range(length), hours)).float()
    series = series + 0.01 * torch.randn(series.shape, generator=torch.Generator().manual_seed(0))
    n_seen = set()

    def go_on(shown, lengths):
        """Continue the levels with what belongs to these places."""
        n_seen.update(lengths.tolist())
        hidden = (torch.arange(48) >= lengths[:, None])[:, None]
        assert (shown.isnan() == hidden).all()
        known = torch.from_numpy(day(range(48), hours)).float()
        level = torch.nanmean(shown - known, dim=2, keepdim=True)
        return torch.where(hidden, level + known, shown)

    future = forecast(go_on, series, 30, window=48)
    right = levels + torch.from_numpy(day(range(length, length + 30), hours)).float()
    torch.testing.assert_close(future, right, rtol=0, atol=0.05)
    assert max(n_seen) > min(length, 36) - hours - 1


def test_what_was_fitted_can_be_continued():
    rng = np.random.default_rng(0)
    X = rng.uniform(1, 3, (100, 1)) * day(range(60)) + 0.05 * rng.normal(size=(100, 60))
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER)
    ssl.fit(X[:, :48])
    for length in (48, 47, 37):
        future = ssl.forecast(X[:, :length], 12)
        assert np.mean((future - X[:, length : length + 12]) ** 2) < 0.2 * np.var(X), length


@pytest.mark.parametrize(("horizon", "known"), [(4, 44), (12, 36), (40, 36)])
def test_series_without_days_are_forecast_from_what_leaves_room(horizon, known):
    series = torch.randn(6, 1, 60, generator=torch.Generator().manual_seed(0)).cumsum(2)
    series[0] = 3.0
    series[1] = torch.arange(60.0)
    n_seen = []

    def go_on(shown, lengths):
        n_seen.append(lengths)
        return torch.zeros_like(shown)

    forecast(go_on, series, horizon, window=48)
    assert n_seen[0][:2].tolist() == [known, known]
    assert (n_seen[0] >= 12).all() and n_seen[0].float().mean() > 24


def test_forecasts_of_all_lengths_start_from_the_newest_value():
    X = waves(30)
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER).fit(X[:, :48])
    for length in (2, 25, 46, 47, 48, 60):
        changed = X[:, :length].copy()
        changed[:, -1] += 1
        before, after = (ssl.forecast(part, 1) for part in (X[:, :length], changed))
        assert (before != after).all(), length


def test_a_forecast_does_not_depend_on_the_other_series():
    X = [np.tile(day(range(12)), 9)[: 40 + 3 * row] + row for row in range(20)]
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER).fit(X)
    together = ssl.forecast(X, 20)
    for row in (0, 7, 19):
        alone = ssl.forecast(X[row : row + 1], 20)
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-4, atol=1e-4)


def test_forecasts_have_the_layout_of_the_series():
    X = waves(30)
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER).fit(X[:, None])
    assert ssl.forecast(X[:, None], 3).shape == (30, 1, 3)
    ragged = [x[: 20 + i] for i, x in enumerate(X)]
    assert ssl.forecast(ragged, 30).shape == (30, 30)
    few = ssl.forecast(ragged[4:6], 30)
    np.testing.assert_allclose(ssl.forecast(ragged, 30)[4:6], few, rtol=1e-4, atol=1e-5)
    last = Series(layout="channels_last")
    ssl = MaskedAutoencoder(modality=last, max_epochs=0, **TINY_TRANSFORMER).fit(X[..., None])
    assert ssl.forecast(X[..., None], 3).shape == (30, 3, 1)
