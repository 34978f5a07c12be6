"""Time series: what is accepted, gaps, unequal lengths, views and encoders."""

import numpy as np
import pandas as pd
import pytest
import torch
from cases import tiny_series

from skssl import SimCLR
from skssl.modality import PointCloud, Series, Tabular, infer_modality
from skssl.modality._base import check_padding
from skssl.nn import RandomKernels
from skssl.views import (
    SeriesViews,
    permute_segments,
    random_gaps,
    random_scale_and_shift,
    random_window,
)


def tiny(**params):
    settings = {"encoder": tiny_series, "max_epochs": 1, "device": "cpu", "random_state": 0}
    return SimCLR(**{**settings, **params})


def prepared(X, **params):
    modality = Series(**params)
    checked = modality.check(X, estimator="test")
    modality.fit(checked)
    return modality.input_layer()(modality.prepare(checked))


@pytest.fixture
def ragged(rng):
    return [rng.normal(size=(2, length)) for length in (30, 41, 25, 50, 33, 38)]


def seeded():
    return torch.Generator().manual_seed(0)


def test_auto_rule(ragged):
    assert type(infer_modality(np.zeros((5, 2, 30)))) is Series
    assert type(infer_modality(ragged)) is Series
    assert type(infer_modality([row[0] for row in ragged])) is Series
    assert type(infer_modality(np.zeros((5, 30)))) is Tabular


def test_layouts_of_the_same_series(rng):
    X = rng.normal(size=(5, 3, 20))
    expected = prepared(X)
    assert torch.equal(prepared(list(X)), expected)
    assert torch.equal(prepared(X.transpose(0, 2, 1), layout="channels_last"), expected)
    assert torch.equal(prepared(X[:, 0]), prepared(X[:, :1]))


def test_axes_that_look_swapped(rng):
    X = rng.normal(size=(5, 20, 3))
    with pytest.warns(UserWarning, match="20 channels and 3 steps.*layout='channels_last'"):
        prepared(X)
    prepared(X, layout="channels_first")
    # What fit has settled is not asked again.
    Series().fit(X.swapaxes(1, 2)).check(X.swapaxes(1, 2)[..., :2], estimator="SimCLR")


def test_rows_with_times_are_steps_where_they_go_on_from_one_another(rng):
    days = pd.date_range("2024-01-01", periods=200, freq="D")
    steps = pd.DataFrame(rng.normal(size=(200, 3)).cumsum(axis=0), days, columns=["a", "b", "c"])
    with pytest.warns(UserWarning, match=r"one recording of 3 channels.*windows\(X, length\)"):
        Series().check(steps, estimator="SimCLR")
    # Days of hours are series, and so are rows that have nothing to do with one another.
    hours = rng.normal(size=(200, 1)).cumsum(axis=0) + np.sin(np.arange(24) / 4)
    for other in (
        pd.DataFrame(hours, days),
        pd.DataFrame(hours, days, columns=[f"{hour:02}:00" for hour in range(24)]),
        pd.DataFrame(rng.normal(size=(200, 3)), days, columns=["a", "b", "c"]),
    ):
        Series().check(other, estimator="SimCLR")


def test_normalization(rng):
    X = rng.normal(5, [[1.0], [100.0]], size=(50, 2, 20))
    each = prepared(X)
    torch.testing.assert_close(each.mean(dim=2), torch.zeros(50, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(each.std(dim=2, correction=0), torch.ones(50, 2))
    together = prepared(X, normalize="dataset")
    torch.testing.assert_close(together.mean(dim=(0, 2)), torch.zeros(2), atol=1e-5, rtol=0)
    assert not torch.allclose(together.mean(dim=2), torch.zeros(50, 2), atol=1e-2)
    torch.testing.assert_close(prepared(X, normalize=None), torch.tensor(X, dtype=torch.float32))
    assert torch.equal(prepared(np.full((2, 1, 9), 7.0)), torch.zeros(2, 1, 9))


@pytest.mark.parametrize(("modality", "shape"), [(Series(), ()), (PointCloud(), (3,))])
def test_padding_does_not_fill_the_memory(modality, shape):
    short = [np.zeros((20, *shape), dtype=np.float32)] * 1000
    with pytest.raises(ValueError, match=r"Row 1000 of X has 100,000 .* at most 20.*Cut such rows"):
        modality.check([*short, np.zeros((100_000, *shape), np.float32)], estimator="test")
    # What is small, or hardly padded, is not refused.
    check_padding([20] * 1000 + [1_300], 3, "steps")
    check_padding([60_000, 10_000] * 1000, 3, "steps")
    with pytest.warns(UserWarning, match="Row 1000 of X has 8,000 points.*takes 96 MB, 890 times"):
        check_padding([1] * 1000 + [8_000], 3, "points")


@pytest.mark.parametrize("encoder", ["kernels", "resnet", "kernels+resnet", "ts2vec"])
def test_padding_does_not_change_an_embedding(ragged, encoder):
    ssl = tiny(encoder=encoder, max_epochs=0).fit(ragged)
    Z = ssl.transform(ragged)
    assert np.isfinite(Z).all()
    longest = max(row.shape[1] for row in ragged)
    for one, z in zip(ragged, Z, strict=True):
        np.testing.assert_allclose(ssl.transform(one[None])[0], z, rtol=1e-3, atol=1e-4)
        padded = np.full((1, 2, longest + 30), np.nan)
        padded[0, :, : one.shape[1]] = one
        np.testing.assert_allclose(ssl.transform(padded)[0], z, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("encoder", [tiny_series, "kernels"])
def test_gaps_are_left_out(rng, encoder):
    X = rng.normal(size=(40, 2, 50))
    X[rng.random(X.shape) < 0.2] = np.nan
    X[3, 1] = np.nan  # a channel without any value
    ssl = tiny(encoder=encoder).fit(X)
    assert np.isfinite(ssl.loss_curve_).all()
    assert np.isfinite(ssl.transform(X)).all()


def test_random_kernels_are_proportions_of_the_training_series(rng):
    series = torch.tensor(rng.normal(size=(64, 1, 40)).cumsum(axis=2), dtype=torch.float32)
    with torch.random.fork_rng():
        kernels = RandomKernels(series)
        features = kernels(series)
    assert features.shape == (64, kernels.n_features) == (64, 84 * len(kernels.dilations) * 4)
    assert 0 <= features.min() and features.max() <= 1
    # Thresholds are quantiles, one in each quarter of what the kernels give.
    by_quarter = features.unflatten(1, (len(kernels.dilations), 4, 84)).mean(dim=(0, 1, 3))
    torch.testing.assert_close(
        by_quarter, torch.tensor([0.875, 0.625, 0.375, 0.125]), atol=0.03, rtol=0
    )


def test_window_is_inside_and_interpolated():
    ramp = torch.arange(100.0).expand(8, 1, 100)
    shown = random_window(ramp, generator=seeded(), crop_scale=(0.5, 0.5))
    steps = shown.diff(dim=2)
    torch.testing.assert_close(steps, torch.full_like(steps, 0.5), atol=1e-4, rtol=0)
    assert shown.min() >= 0 and shown.max() <= 99
    assert len({row[0, 0].item() for row in shown}) == 8
    torch.testing.assert_close(random_window(ramp, generator=seeded(), crop_scale=(1, 1)), ramp)


def test_window_keeps_the_length_of_a_shorter_series():
    series = torch.full((2, 1, 50), torch.nan)
    series[0, 0, :30] = torch.arange(30.0)
    series[1, 0] = torch.arange(50.0)
    shown = random_window(series, generator=seeded(), crop_scale=(0.5, 0.9))
    assert torch.equal(shown.isnan(), series.isnan())
    assert shown[0, 0, :30].max() <= 29


def test_window_of_another_length():
    series = torch.full((200, 1, 100), torch.nan)
    series[:, 0, :61] = torch.arange(61.0)
    series[100:, 0] = torch.arange(100.0)
    shown = random_window(series, generator=seeded(), crop_scale=(1, 1), length=50)
    assert shown.shape == (200, 1, 50)
    torch.testing.assert_close(shown[0, 0, :31], torch.arange(0.0, 61, 2))
    assert shown[0, 0, 31:].isnan().all()
    torch.testing.assert_close(shown[100, 0], torch.linspace(0, 99, 50))
    part = random_window(series, generator=seeded(), crop_scale=(0.2, 0.4), length=50)
    assert torch.equal(part.isnan(), shown.isnan())
    assert part[:100].nan_to_num().max() <= 60


def test_local_views_show_less_at_the_same_pace():
    ramp = torch.arange(400.0).expand(500, 1, 400)
    views = SeriesViews(amplitude=0.0, shift=0.0, gap=0.0)
    (local,) = views.local().draw(ramp, 1, generator=seeded())
    assert local.shape == (500, 1, 200)
    span = (local[:, 0, -1] - local[:, 0, 0]) / 399
    assert 0.2 <= span.min() < 0.21 and 0.49 < span.max() <= 0.5
    # The longest window is shown as it is, none in fewer steps than it has.
    pace = local.diff(dim=2).amax(dim=2)
    assert 0.98 < pace.max() < 1.01
    assert local[:, 0, 0].min() < 20 and local[:, 0, -1].max() > 380


@pytest.mark.parametrize(
    ("length", "resolution", "expected"), [(400, 0.25, 100), (50, 0.5, 32), (20, 0.5, 20)]
)
def test_resolution(length, resolution, expected):
    series = torch.rand(3, 2, length)
    views = SeriesViews(resolution=resolution, n_segments=3, noise=0.1)
    assert views(series, generator=seeded()).shape == (3, 2, expected)


@pytest.mark.parametrize("encoder", ["kernels+resnet", "ts2vec"])
def test_encoders_take_local_views(ragged, encoder):
    modality = Series()
    samples = modality.fit(modality.check(ragged, estimator="test")).prepare(
        modality.check(ragged, estimator="test")
    )
    with torch.random.fork_rng():
        net = modality.build_encoder(encoder, samples).eval()
    whole = modality.input_layer()(samples)
    (local,) = SeriesViews().local().draw(whole, 1, generator=seeded())
    assert local.shape[2] < whole.shape[2]
    with torch.no_grad():
        embedded = net(local)
    assert embedded.isfinite().all() and embedded.shape == net(whole).shape


@pytest.mark.parametrize("encoder", ["kernels+resnet", "ts2vec"])
def test_a_window_may_fall_into_a_gap(rng, encoder):
    X = rng.normal(size=(6, 1, 100))
    X[:, :, 2:98] = np.nan
    modality = Series()
    samples = modality.fit(modality.check(X, estimator="test")).prepare(X.astype(np.float32))
    (local,) = SeriesViews().local().draw(samples, 1, generator=seeded())
    assert local.isnan().all(dim=2).any()
    with torch.random.fork_rng():
        net = modality.build_encoder(encoder, samples).eval()
    assert net(local).isfinite().all()


def test_segments_are_reordered_and_nothing_is_lost():
    ramp = torch.arange(23.0).expand(16, 2, 23)
    shuffled = permute_segments(ramp, generator=seeded(), n_segments=4)
    assert torch.equal(shuffled.sort(dim=2).values, ramp)
    assert not torch.equal(shuffled, ramp)
    assert torch.equal(shuffled[:, 0], shuffled[:, 1])
    assert torch.equal(permute_segments(ramp, generator=seeded(), n_segments=1), ramp)


def test_amplitude_shift_and_gaps_are_drawn_for_every_series():
    ones = torch.ones(2000, 1, 20)
    scaled = random_scale_and_shift(ones, generator=seeded(), amplitude=0.3, shift=0.0)
    assert scaled.min() >= 0.7 and scaled.max() <= 1.3
    assert scaled[:, 0, 0].std().item() == pytest.approx(0.6 / 12**0.5, rel=0.05)
    missing = random_gaps(ones, generator=seeded(), fraction=0.5).isnan()
    assert missing.float().mean().item() == pytest.approx(0.25, abs=0.02)
    assert missing.sum(dim=2).max() <= 11


def test_ranges_of_the_views_can_be_set(ragged):
    ssl = tiny().set_params(views__gap=0.3, views__n_segments=3).fit(ragged)
    defaults = SeriesViews().full_size().get_params()
    assert ssl.views_.get_params() == {**defaults, "gap": 0.3, "n_segments": 3}


def with_empty_series():
    X = np.zeros((5, 2, 20))
    X[3] = np.nan
    return X


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (with_empty_series(), "1 series without any value, the first of them in row 3"),
        ([np.zeros((2, 9)), np.zeros((3, 8))], "Row 1 of X has 3 channels, but row 0 has 2"),
        ([np.zeros((2, 9)), np.zeros((2, 0))], r"Row 1 of X has shape \(2, 0\)"),
        ([np.zeros((2, 9)), np.array([["a"]])], "Row 1 of X has shape .* and dtype <U1"),
        ([np.zeros((2, 9)), np.zeros((2, 3, 4))], r"Row 1 of X has shape \(2, 3, 4\)"),
        (np.full((4, 1, 9), np.inf), "infinity"),
        (np.zeros((4, 2, 3, 5)), r"series have 3 dimensions"),
        (np.zeros(50), r"X has shape \(50,\).*windows\(X, length\)"),
        ([np.zeros((2, 50))], r"X has 1 sample, a series of shape \(2, 50\).*windows\(recording"),
    ],
)
def test_bad_series(X, message):
    with pytest.raises(ValueError, match=message):
        tiny(modality=Series()).fit(X)


def test_bad_series_at_transform_and_bad_ranges(rng):
    X = rng.normal(size=(10, 2, 30))
    with pytest.raises(ValueError, match="series of 3 channels, but 2 were seen in fit"):
        tiny().fit(X).transform(rng.normal(size=(10, 3, 30)))
    with pytest.raises(ValueError, match="crop_scale"):
        tiny(views=SeriesViews(crop_scale=(-0.5, 1.0))).fit(X)
    with pytest.raises(ValueError, match="normalize"):
        tiny(modality=Series(normalize="all")).fit(X)
    X[:, 1] = np.nan
    with pytest.raises(ValueError, match="Channel 1 of X has no value in any series"):
        tiny(modality=Series(normalize="dataset")).fit(X)


def test_encoders_side_by_side_are_trained_apart(rng):
    X = rng.normal(size=(40, 1, 30)).cumsum(axis=2)
    ssl = tiny(encoder="kernels+resnet", learning_rate=1e-2, max_epochs=0).fit(X)
    before = [p.clone() for p in ssl.encoder_.parameters()]
    ssl.set_params(max_epochs=2).fit(X)
    fixed, kernels, resnet = ssl.encoder_.encoder.branches()
    assert ssl.transform(X).shape[1] == 128 + 256 + 256
    assert fixed.kernels is kernels.kernels
    assert not any(
        torch.equal(a, b) for a, b in zip(before, ssl.encoder_.parameters(), strict=True)
    )
    # A loss that one of them has solved would give the other no gradient.
    batch = torch.tensor(X[:8], dtype=torch.float32)
    first, _ = ssl._objective.objectives
    first(batch, lambda batch, n: [batch] * n).backward()
    assert all(p.grad is not None for p in kernels.parameters())
    assert all(p.grad is None or not p.grad.any() for p in resnet.parameters())


@pytest.mark.parametrize("encoder", ["kernels", "kernels+resnet"])
def test_random_kernels_are_computed_once(rng, monkeypatch, encoder):
    X = rng.normal(size=(40, 1, 30)).cumsum(axis=2)
    seen = []
    compute = RandomKernels.forward
    monkeypatch.setattr(RandomKernels, "forward", lambda *args: seen.append(0) or compute(*args))
    ssl = tiny(encoder=encoder, max_epochs=0).fit(X)
    seen.clear()
    Z = ssl.transform(X)
    assert len(seen) == 1
    # Each of them is still an encoder of its own.
    series = ssl.encoder_.prepare(torch.tensor(X, dtype=torch.float32))
    with torch.no_grad():
        apart = [branch(series) for branch in ssl.encoder_.encoder.branches()]
        columns = torch.cat(apart, dim=1) * ssl.encoder_.scales
    np.testing.assert_array_equal(columns, Z)


def test_random_kernels_look_at_some_steps_of_long_series(rng):
    series = torch.tensor(rng.normal(size=(16, 1, 1000)).cumsum(axis=2), dtype=torch.float32)
    with torch.random.fork_rng():
        kernels = RandomKernels(series)
    some = kernels(series)
    assert kernels.stride == 4
    kernels.stride = 1
    torch.testing.assert_close(some, kernels(series), atol=0.15, rtol=0)
    assert (some - kernels(series)).abs().mean() < 0.02
