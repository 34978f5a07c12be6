"""Forecasts: what ridge regressions say of the next steps."""

import numpy as np
import pandas as pd
import pytest
import torch
from cases import TINY_TRANSFORMER
from sklearn.linear_model import RidgeCV

from skssl import MaskedAutoencoder
from skssl.masked._linear import LinearForecast
from skssl.modality import Series
from skssl.utils import windows

KNOWN, LENGTH = 36, 48


def daily(n, length=LENGTH, seed=0):
    """Return noisy series with days of 12 steps that begin anywhere, and levels that wander."""
    rng = np.random.default_rng(seed)
    phase = rng.integers(12, size=(n, 2, 1)) + np.arange(length)
    noise = 0.3 * rng.normal(size=(n, 2, length))
    wander = 0.1 * rng.normal(size=(n, 2, length)).cumsum(axis=2)
    return np.sin(2 * np.pi * phase / 12) + noise + wander


def continued(train, X, known=KNOWN):
    """Return linear forecasts of what follows the first steps of X."""
    shown = torch.from_numpy(np.where(np.arange(X.shape[2]) < known, X, np.nan)).float()
    linear = LinearForecast(torch.from_numpy(train).float(), 3)
    return linear.continued(shown, torch.full((len(X),), known))[..., known:].numpy()


def by_ridge(train, X):
    answers = []
    for one, other in zip(np.moveaxis(train, 1, 0), np.moveaxis(X, 1, 0), strict=True):
        last, level = one[:, [KNOWN - 1]], other[:, [KNOWN - 1]]
        model = RidgeCV(np.logspace(-2, 4, 13)).fit(
            (one - last)[:, :KNOWN], (one - last)[:, KNOWN:]
        )
        answers.append(model.predict((other - level)[:, :KNOWN]) + level)
    return np.stack(answers, axis=1)


def error(forecast, X):
    return np.mean((forecast - X[..., KNOWN:]) ** 2)


@pytest.mark.parametrize("normalize", ["series", "dataset", None])
def test_forecasts_are_not_below_ridge(normalize):
    train, test = daily(120), daily(400, seed=1)
    ssl = MaskedAutoencoder(
        modality=Series(normalize=normalize), max_epochs=0, **TINY_TRANSFORMER
    ).fit(train)
    forecast = ssl.forecast(test[..., :KNOWN], LENGTH - KNOWN)
    assert error(forecast, test) <= error(by_ridge(train, test), test)


def test_forecasts_go_with_level_and_size():
    train, test = daily(60), daily(20, seed=1)
    moved = continued(train, 3 * test + 50)
    np.testing.assert_allclose(moved, 3 * continued(train, test) + 50, rtol=1e-4)


def test_a_course_that_all_series_share_is_learned():
    rng = np.random.default_rng(0)
    beat = np.where(np.arange(LENGTH) == KNOWN + 3, 5.0, 0.0)
    train = beat + 0.1 * rng.normal(size=(60, 1, LENGTH))
    assert error(continued(train[:40], train[40:]), train[40:]) < 0.05
    # A drift that is small beside what is left is none.
    walks = (rng.normal(size=(60, 1, LENGTH)) + 0.05).cumsum(axis=2)
    linear = LinearForecast(torch.from_numpy(walks).float(), 3)
    assert not linear.course.any()


def test_a_few_loud_series_do_not_drown_the_others():
    train, test = daily(100), daily(200, seed=1)
    quiet = error(continued(train, test), test)
    train[::50] = 1e4 * np.random.default_rng(2).normal(size=(2, 2, LENGTH))
    assert error(continued(train, test), test) < 1.3 * quiet


def test_gaps_and_unequal_lengths_are_learned_from():
    train, test = daily(200), daily(200, seed=1)
    whole = error(continued(train, test), test)
    rng = np.random.default_rng(2)
    train[rng.random(train.shape) < 0.05] = np.nan
    gaps = test.copy()
    gaps[..., 5:7] = np.nan
    assert error(continued(train, gaps), test) < 1.2 * whole
    # Most are long enough to learn a day from.
    ragged = [x[:, : rng.integers(24, LENGTH + 1)] for x in daily(200)]
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER).fit(ragged)
    assert error(ssl.forecast(test[..., :KNOWN], LENGTH - KNOWN), test) < 1.5 * whole


def test_a_channel_that_ends_earlier_is_continued_from_its_own_last_value():
    train, test = daily(200), daily(200, seed=1)
    late = test.copy()
    late[:, 1, KNOWN - 6 : KNOWN] = np.nan
    told, whole = continued(train, late), continued(train, test)
    np.testing.assert_allclose(told[:, 0], whole[:, 0], rtol=1e-5)
    # As if both channels had ended there.
    alone = continued(train, test, KNOWN - 6)[..., 6:]
    np.testing.assert_allclose(told[:, 1], alone[:, 1], rtol=1e-5)
    # From a single value, too.
    late[:, 1, 1:KNOWN] = np.nan
    assert np.isfinite(continued(train, late)).all()


def test_a_channel_without_any_value_has_no_forecast():
    X = daily(60)
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER).fit(X)
    past = X[:3, :, :KNOWN].copy()
    past[1, 1] = np.nan
    with pytest.warns(UserWarning, match=r"row 1 of X has no value in channel 1 .* NaN there \(1 "):
        future = ssl.forecast(past, 20)
    assert np.isnan(future[1, 1]).all()
    assert np.isnan(future).sum() == 20


def test_one_recording_is_continued_by_its_last_window():
    hours = pd.date_range("2024-01-01", periods=600, freq="h")
    values = np.sin(2 * np.pi * np.arange(600)[:, None] / 24) + [0.0, 3.0]
    recording = pd.DataFrame(values, index=hours, columns=["load", "oil"])
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER)
    ssl.fit(windows(recording, 60, 7))
    future = ssl.forecast(windows(recording[-48:], 48), 12)
    np.testing.assert_allclose(future[0].T, values[:12], atol=0.05)
    with (
        pytest.warns(UserWarning, match="rows have times .* one recording of 2 channels"),
        pytest.raises(ValueError, match=r"pass skssl.utils.windows\(X, 48\)"),
    ):
        ssl.forecast(recording[-48:], 12)
    with pytest.raises(ValueError, match=r"steps and channels, pass X.swapaxes\(1, 2\)"):
        ssl.forecast(recording[-48:].to_numpy()[None], 12)
    with pytest.raises(TypeError, match=r"^Reconstruction.forecast\(\) missing .* 'horizon'"):
        ssl.forecast(recording)


def test_forecasts_need_no_training():
    X = daily(100)
    ssl, longer = (
        MaskedAutoencoder(modality=Series(), max_epochs=n, **TINY_TRANSFORMER).fit(X)
        for n in (0, 2)
    )
    forecast = ssl.forecast(X[..., :KNOWN], 8)
    np.testing.assert_array_equal(longer.forecast(X[..., :KNOWN], 8), forecast)
    # What is learned from samples without training is not learned anew from others.
    np.testing.assert_array_equal(longer.untrained(X[::-2]).forecast(X[..., :KNOWN], 8), forecast)
