"""Numbers of any level and size: nothing is lost on the way to float32, in silence least of all."""

import re
import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes

from skssl import MaskedAutoencoder, SelfSupervisedImputer, SimCLR
from skssl.modality import Images, PointCloud, Series, Tabular, Video
from skssl.semi_supervised import FineTuneRegressor

RNG = np.random.default_rng(0)
SAMPLES = {
    "images": (Images(), RNG.normal(size=(40, 8, 8))),
    "channels": (Images(channels=5), RNG.normal(size=(40, 8, 8, 5))),
    "video": (Video(), RNG.normal(size=(20, 3, 8, 8))),
    "series": (Series(), RNG.normal(size=(30, 2, 24))),
    "ragged": (Series(), [RNG.normal(size=(2, size)) for size in RNG.integers(12, 30, 30)]),
    "alike": (Series(normalize="dataset"), RNG.normal(size=(30, 2, 24))),
    "points": (PointCloud(), RNG.normal(size=(30, 20, 3))),
    "table": (Tabular(), RNG.normal(size=(60, 4))),
    "standard": (Tabular(scaling="standard"), RNG.normal(size=(60, 4))),
}
every_kind = pytest.mark.parametrize("kind", SAMPLES)


def scaled(modality, X):
    """Return what the encoder would see of the samples that the modality is fitted to."""
    checked = modality.check(X, estimator="test")
    prepared = modality.fit(checked).prepare(checked)
    assert prepared.dtype == torch.float32 and not prepared.isinf().any()
    return modality.input_layer()(prepared)


def changed(X, function):
    return [function(one) for one in X] if isinstance(X, list) else function(X)


@every_kind
@pytest.mark.parametrize("size", [1e-310, 1e-42, 1e-12, 1e12, 1e37, 1e300])
def test_the_size_of_numbers_does_not_count(kind, size):
    modality, X = SAMPLES[kind]
    expected = scaled(modality, X)
    seen = scaled(modality, changed(X, lambda x: x * size))
    torch.testing.assert_close(seen, expected, rtol=0, atol=2e-6, equal_nan=True)


@every_kind
@pytest.mark.parametrize("level", [1e3, 1e6, -1.7e9])
def test_the_level_of_numbers_does_not_count(kind, level):
    modality, X = SAMPLES[kind]
    expected = scaled(modality, X)
    seen = scaled(modality, changed(X, lambda x: x + level))
    torch.testing.assert_close(seen, expected, rtol=0, atol=2e-6, equal_nan=True)


@every_kind
def test_ordinary_float32_samples_keep_their_bits(kind):
    modality, X = SAMPLES[kind]
    X = changed(X, lambda x: x.astype(np.float32))
    checked = modality.check(X, estimator="test")
    if isinstance(modality, Tabular):
        assert checked.numbers.dtype == np.float32
        return
    assert checked.dtype == np.float32
    prepared = modality.fit(checked).prepare(checked).numpy()
    # They share their memory.
    assert np.may_share_memory(prepared, checked)


@pytest.mark.parametrize("kind", ["images", "channels", "series", "alike", "points", "table"])
def test_what_is_constant_apart_from_rounding_stays_so(kind):
    modality, X = SAMPLES[kind]
    seen = scaled(modality, 1.7e9 + np.round(X) * 2.0**-22)
    assert seen.abs().max() < 1e-6


def spoiled(kind, value):
    modality, X = SAMPLES[kind]
    X = changed(X, np.copy)
    X[3][(1,) * (X[3].ndim)] = value
    return modality, X


WARNINGS = {
    "images": r"row 3, channel 0, at \(1, 1\)",
    "channels": r"row 3, channel 1, at \(1, 1\)",
    "video": r"row 3, channel 0, at \(1, 1, 1\)",
    "series": "row 3, channel 1, step 1",
    "ragged": "row 3, channel 1, step 1",
    "alike": "row 3, channel 1, step 1",
    "points": "row 3, axis 1, point 1",
    "standard": "row 3, column 1",
}


@pytest.mark.parametrize("value", [1e7, -3e38, 1e300])
@pytest.mark.parametrize("kind", WARNINGS)
def test_one_value_does_not_take_all_of_the_range(kind, value):
    modality, X = spoiled(kind, value)
    expected = scaled(*SAMPLES[kind])
    message = f"{re.escape(f'{value:.6g}')} in {WARNINGS[kind]}, beside which all others"
    with pytest.warns(UserWarning, match=message):
        seen = scaled(modality, X)
    # All other values look nearly as they did; the range has lost no more than one value.
    difference = (seen - expected).abs().nan_to_num()
    assert difference.flatten().sort().values[: -len(X)].max() < 0.5
    assert seen.nan_to_num().abs().max() < 12


@pytest.mark.parametrize("kind", ["images", "video", "alike", "standard"])
def test_a_marker_of_what_is_missing_does_not_take_all_of_the_range(kind):
    modality, X = SAMPLES[kind]
    missing = np.random.default_rng(1).random(X.shape) < 0.3
    with pytest.warns(UserWarning, match="-99999 in row .* more like it, beside"):
        seen = scaled(modality, np.where(missing, -99999.0, X))
    assert seen.std() > 0.1


def test_outliers_are_left_out_of_what_comes_later():
    modality, X = spoiled("images", 1e7)
    with pytest.warns(UserWarning, match="beside which all others"):
        scaled(modality, X)
    new = modality.prepare(modality.check(np.full((1, 8, 8), 1e30), estimator="test"))
    assert modality.input_layer()(new).max() == 1


def test_ranks_and_rare_values_are_no_outliers():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled(*spoiled("table", 3e38))
        X = np.zeros((40, 8, 8))
        X[0, 0, 0] = 1e6  # all there is to see
        scaled(Images(), X)
        rng = np.random.default_rng(1)
        scaled(Tabular(scaling="standard"), rng.lognormal(sigma=3, size=(500, 3)))
        scaled(Images(), rng.lognormal(sigma=3, size=(50, 8, 8)))
        events = rng.normal(scale=1e-3, size=(20, 1, 50))
        events[:, 0, 7] = 1
        scaled(Series(), events)


TOO_LARGE = {
    "images": (Images(), r"row 2, channel 0, at \(0, 1\)"),
    "video": (Video(), r"row 2, channel 0, at \(0, 1, 0\)"),
    "alike": (Series(normalize="dataset"), "row 2, channel 0, step 1"),
    "series": (Series(normalize=None), "row 2, channel 0, step 1"),
    "points": (PointCloud(normalize=False), "row 2, point 0, column 1"),
    "standard": (Tabular(scaling="standard"), "row 2, column 1"),
    "table": (Tabular(scaling=None), "row 2, column 1"),
}


@pytest.mark.parametrize("value", [1e20, -1e300])
@pytest.mark.parametrize("kind", TOO_LARGE)
def test_what_float32_cannot_hold_after_scaling_is_an_error(kind, value):
    modality, place = TOO_LARGE[kind]
    X = SAMPLES[kind][1]
    scaled(modality, X)
    new = X[:5].copy()
    new[(2, *[0] * (X.ndim - 2), 1) if kind != "video" else (2, 0, 1, 0)] = value
    message = f"X has the value {re.escape(f'{value:.6g}')} in {place}, .* 1e\\+15 is allowed"
    with pytest.raises(ValueError, match=message):
        modality.prepare(modality.check(new, estimator="test"))


@pytest.mark.parametrize(
    ("modality", "X", "message"),
    [
        (Series(normalize=None), RNG.normal(size=(9, 2, 20)) + 1e9, "in channel 0.*'dataset'"),
        (PointCloud(normalize=False), RNG.normal(size=(9, 9, 3)) + 1e9, "column 0 of the points"),
        (Tabular(scaling=None), RNG.normal(size=(9, 3)) + 1e9, "column 0.*'standard'"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_numbers_left_as_they_are_must_differ_in_float32(modality, X, message):
    with pytest.raises(ValueError, match=message):
        scaled(modality, X)
    scaled(modality, X - 1e9)


@pytest.mark.parametrize("kind", ["images", "video", "series", "ragged", "alike"])
@pytest.mark.parametrize("level", [0.0, 1e9])
def test_what_comes_back_is_on_the_level_of_the_samples(kind, level):
    modality, X = SAMPLES[kind]
    X = changed(X, lambda x: x + level)
    checked = modality.check(X, estimator="test")
    prepared = modality.fit(checked).prepare(checked)
    for back, one in zip(modality.restore(prepared, X), X, strict=True):
        np.testing.assert_array_equal(back, one if level else one.astype(np.float32))
    moved = prepared + 0.5
    for back, one in zip(modality.restore(moved, X), X, strict=True):
        np.testing.assert_allclose(back - level, one - level + 0.5, atol=1e-6)


def test_forecasts_are_on_the_level_of_the_series():
    rng = np.random.default_rng(1)
    t = np.arange(40)
    X = np.sin(2 * np.pi * (t / 8 + rng.random((60, 1, 1))))
    mae = MaskedAutoencoder(
        modality=Series(), width=16, depth=1, n_heads=2, max_epochs=2, random_state=0
    ).fit(X)
    low = mae.forecast(X, 8)
    high = mae.forecast(X * 0.05 + 1e6, 8)
    assert high.dtype == np.float64
    np.testing.assert_allclose((high - 1e6) / 0.05, low, atol=1e-3)


def test_imputed_values_are_in_the_units_of_the_table():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 1)) + 0.1 * rng.normal(size=(80, 3))
    gaps = np.arange(80)[:, None] % 7 == np.arange(3)
    method = MaskedAutoencoder(width=16, depth=1, n_heads=2, max_epochs=3, random_state=0)

    def impute(table):
        return SelfSupervisedImputer(method=method).fit_transform(np.where(gaps, np.nan, table))

    filled = impute(X)
    seconds = impute(X + 1.7e9)
    np.testing.assert_array_equal(seconds[~gaps], (X + 1.7e9)[~gaps])
    np.testing.assert_allclose(seconds[gaps] - 1.7e9, filled[gaps], atol=1e-4)
    spoiled = X.copy()
    spoiled[11, 0] = 3e38
    with pytest.warns(UserWarning, match=r"3e\+38 in row 11, column 0"):
        filled = impute(spoiled)
    assert np.abs(filled[gaps]).max() < 10


def test_targets_keep_their_digits():
    X, y = load_diabetes(return_X_y=True)
    ssl = SimCLR(max_epochs=0, random_state=0).fit(X)
    plain = FineTuneRegressor(ssl, max_epochs=0).fit(X, y).predict(X)
    assert plain.dtype == np.float64
    for size, level in [(1.0, 1.7e9), (1e-300, 0.0), (1e290, 0.0)]:
        reg = FineTuneRegressor(ssl, max_epochs=0).fit(X, y * size + level)
        np.testing.assert_allclose((reg.predict(X) - level) / size, plain, atol=1e-3)
    constant = FineTuneRegressor(ssl, max_epochs=0).fit(X, np.full(len(X), 0.1)).predict(X)
    np.testing.assert_allclose(constant, 0.1)


def test_one_target_that_decides_the_scale_is_named():
    X, y = load_diabetes(return_X_y=True)
    y[7] = 3e38
    reg = FineTuneRegressor(SimCLR(max_epochs=0, random_state=0), max_epochs=0, random_state=0)
    with pytest.warns(UserWarning, match=r"y has the value 3e\+38 in row 7"):
        reg.fit(X, y)
    assert np.isfinite(reg.predict(X)).all()
    y[7] = 100.0
    reg.fit(X, y)
    y[8] = 3e38
    with pytest.raises(ValueError, match=r"y has the value 3e\+38 in row 8"):
        reg.partial_fit(X, y)


def test_large_markers_under_a_mask_are_not_looked_at():
    rng = np.random.default_rng(1)
    X = np.sin(2 * np.pi * (np.arange(40) / 8 + rng.random((60, 1, 1))))
    mae = MaskedAutoencoder(
        modality=Series(), width=16, depth=1, n_heads=2, max_epochs=2, random_state=0
    ).fit(X)
    mask = np.broadcast_to(np.arange(40) % 13 < 5, (60, 40))
    marked = np.where(mask[:, None], 9.96921e36, X)
    filled, expected = mae.reconstruct(marked, mask), mae.reconstruct(X, mask)
    np.testing.assert_allclose(filled, expected, atol=1e-5)
