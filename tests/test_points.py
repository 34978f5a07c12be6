"""Point clouds: what is accepted, absent points, views and the encoder."""

import numpy as np
import pytest
import torch
from cases import tiny_points
from torch import nn

from skssl import SimCLR
from skssl.exceptions import ModalityWarning
from skssl.modality import Images, PointCloud, Series, infer_modality
from skssl.nn import PointNet
from skssl.views import (
    PointCloudViews,
    random_jitter,
    random_points,
    random_region,
    random_rotation,
    random_stretch,
)


def tiny(**params):
    settings = {"encoder": tiny_points, "max_epochs": 1, "device": "cpu", "random_state": 0}
    return SimCLR(**{**settings, **params})


def prepared(X, **params):
    modality = PointCloud(**params)
    checked = modality.check(X, estimator="test")
    return modality.fit(checked).input_layer()(modality.prepare(checked))


def seeded():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def ragged(rng):
    return [rng.normal(size=(size, 5)) for size in (30, 41, 25, 50, 33, 38)]


def test_auto_rule(rng):
    for X in (np.zeros((5, 20, 3)), list(np.zeros((5, 20, 3)))):
        with pytest.warns(ModalityWarning, match="takes X, of shape .*, for PointCloud"):
            assert type(infer_modality(X)) is PointCloud
    assert type(infer_modality(np.zeros((5, 20, 4)))) is Series
    assert type(infer_modality(np.zeros((5, 3, 20)))) is Series
    for X in (np.zeros((5, 3, 3)), np.zeros((5, 20, 3), dtype=np.uint8)):
        with pytest.warns(ModalityWarning, match="takes X, of shape .*, for Images"):
            assert type(infer_modality(X)) is Images
    clouds = [rng.normal(size=(size, 3)) for size in (30, 20)]
    assert type(infer_modality(clouds)) is Series
    with pytest.raises(ValueError, match=r"Row 1 of X has 20 channels.*modality=PointCloud\(\)"):
        tiny().fit(clouds)


def test_clouds_are_moved_and_scaled(rng):
    X = rng.normal(7, [1, 20, 3], size=(20, 30, 3))
    clouds = prepared(np.concatenate([X, X * 9], axis=2))
    torch.testing.assert_close(clouds[..., :3].mean(dim=1), torch.zeros(20, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(clouds[..., :3].norm(dim=2).amax(dim=1), torch.ones(20))
    features = torch.tensor(X * 9, dtype=torch.float32)
    assert torch.equal(clouds[..., 3:], features)
    torch.testing.assert_close(prepared(X * 100 - 5), clouds[..., :3], atol=1e-4, rtol=0)
    as_it_is = torch.tensor(X, dtype=torch.float32)
    assert torch.equal(prepared(X, normalize=False), as_it_is)
    assert torch.equal(prepared(np.full((2, 9, 3), 7.0)), torch.zeros(2, 9, 3))


def test_neither_padding_nor_order_changes_an_embedding(ragged, rng):
    ssl = tiny(modality=PointCloud(), encoder="pointnet").fit(ragged)
    Z = ssl.transform(ragged)
    assert np.isfinite(Z).all() and np.isfinite(ssl.loss_curve_).all()
    largest = max(map(len, ragged))
    for one, z in zip(ragged, Z, strict=True):
        np.testing.assert_allclose(ssl.transform(one[None])[0], z, rtol=1e-4, atol=1e-5)
        scattered = np.full((1, largest + 30, 5), np.nan)
        scattered[0, rng.permutation(largest + 30)[: len(one)]] = one
        np.testing.assert_allclose(ssl.transform(scattered)[0], z, rtol=1e-4, atol=1e-5)


def test_own_encoder_gets_no_nan(ragged):
    class Largest(nn.Module):
        def forward(self, clouds):
            assert clouds.isfinite().all()
            return clouds.amax(dim=1)

    ssl = tiny(modality=PointCloud(normalize=False), encoder=Largest(), max_epochs=0).fit(ragged)
    largest = np.stack([cloud.max(axis=0) for cloud in ragged])
    scale = ssl.encoder_.scales[0].item()
    np.testing.assert_allclose(ssl.transform(ragged), scale * largest, rtol=1e-6)


def test_other_numbers_of_points_are_embedded(rng):
    X = rng.normal(size=(10, 30, 3))
    assert tiny(modality=PointCloud()).fit(X).transform(X[:, :17]).shape == (10, 48)


@pytest.mark.parametrize("rotation", ["x", "y", "z", "so3"])
def test_rotation(rotation):
    clouds = torch.randn(4000, 6, 5, generator=seeded())
    turned = random_rotation(clouds, generator=seeded(), rotation=rotation)
    assert torch.equal(turned[..., 3:], clouds[..., 3:])
    # Lengths, angles and handedness are kept.
    before, after = clouds[..., :3], turned[..., :3]
    torch.testing.assert_close(after @ after.mT, before @ before.mT, atol=1e-4, rtol=1e-4)
    volume = torch.linalg.det(before[:, :3])
    torch.testing.assert_close(torch.linalg.det(after[:, :3]), volume, atol=1e-3, rtol=1e-3)
    if rotation != "so3":
        axis = "xyz".index(rotation)
        torch.testing.assert_close(after[..., axis], before[..., axis])
    # A turned axis points anywhere in its plane, or in space, alike.
    axes = torch.eye(3).expand(4000, 3, 3)
    places = random_rotation(axes, generator=seeded(), rotation=rotation)
    free = [i for i in range(3) if rotation == "so3" or i != "xyz".index(rotation)]
    mean = places.mean(dim=0)[free]
    torch.testing.assert_close(mean, torch.zeros_like(mean), atol=0.04, rtol=0)
    spread = (places[:, free][..., free] ** 2).mean(dim=0)
    torch.testing.assert_close(spread, torch.full_like(spread, 1 / len(free)), atol=0.03, rtol=0)


def test_stretch_and_jitter():
    ones = torch.ones(3000, 4, 5)
    stretched = random_stretch(ones, generator=seeded(), scale=(0.5, 2.0))
    assert torch.equal(stretched[..., 3:], ones[..., 3:])
    assert torch.equal(stretched, stretched[:, :1].expand_as(stretched))
    assert 0.5 <= stretched.min() and stretched[..., :3].max() <= 2.0
    assert not torch.equal(stretched[..., 0], stretched[..., 1])
    moved = random_jitter(ones, generator=seeded(), std=0.1, clip=0.15) - ones
    assert not moved[..., 3:].any()
    assert moved.abs().max().item() == pytest.approx(0.15, abs=1e-6)
    assert moved[..., :3].std().item() == pytest.approx(0.085, abs=0.01)


def test_some_points_are_kept_with_their_features():
    clouds = torch.arange(20.0).expand(500, 20)[..., None].expand(-1, -1, 4).clone()
    clouds[1::2, 12:] = torch.nan
    shown = random_points(clouds, generator=seeded(), drop=(0.0, 0.5), n_points=16)
    assert shown.shape == (500, 16, 4)
    assert torch.equal(shown.nan_to_num(-1), shown[..., :1].nan_to_num(-1).expand_as(shown))
    for cloud, of in zip(shown[..., 0], clouds[..., 0], strict=True):
        kept = cloud[~cloud.isnan()]
        assert len(set(kept.tolist())) == len(kept) and set(kept.tolist()) <= set(of.tolist())
    counts = (~shown[..., 0].isnan()).sum(dim=1)
    assert counts[::2].min() == 8 and counts[::2].max() == 16
    assert counts[1::2].min() == 6 and counts[1::2].max() == 12
    all_of_them = random_points(clouds[::2], generator=seeded(), drop=(0, 0), n_points=99)
    assert torch.equal(all_of_them.sort(dim=1).values, clouds[::2])
    one = random_points(clouds, generator=seeded(), drop=(0.999, 0.999), n_points=20)
    assert torch.equal((~one[..., 0].isnan()).sum(dim=1), torch.ones(500, dtype=torch.int64))


def test_region_has_the_points_nearest_to_one_of_them():
    clouds = torch.rand(300, 40, 5, generator=seeded())
    clouds[1::2, 30:] = torch.nan
    shown = random_region(clouds, generator=seeded(), crop_scale=(0.2, 0.5))
    assert shown.shape == (300, 20, 5)
    counts = (~shown.isnan()).all(dim=2).sum(dim=1)
    assert counts[::2].min() == 8 and counts[::2].max() == 20
    assert counts[1::2].min() == 6 and counts[1::2].max() == 15
    for cloud, region, count in zip(clouds, shown, counts, strict=True):
        distance = (cloud[:, :3] - region[0, :3]).norm(dim=1)
        nearest = cloud[distance.nan_to_num(torch.inf).argsort()[:count]]
        assert torch.equal(region[:count], nearest)
        assert region[count:].isnan().all()
    same = torch.rand(40, 3).expand(300, 40, 3)
    first = random_region(same, generator=seeded(), crop_scale=(0.5, 0.5))[:, 0, 0]
    assert len(set(first.tolist())) == 40


def test_local_views_show_a_region():
    clouds = torch.randn(300, 200, 3, generator=seeded())
    views = PointCloudViews(rotation=None, scale=(1.0, 1.0), jitter=0.0, drop=(0.0, 0.0))
    (whole,) = views.draw(clouds, 1, generator=seeded())
    (local,) = views.local().draw(clouds, 1, generator=seeded())
    assert whole.shape == (300, 64, 3) and local.shape == (300, 32, 3)

    def spread(view):
        centered = view - view.nanmean(dim=1, keepdim=True)
        return centered.nan_to_num().norm(dim=2).amax(dim=1).mean()

    assert spread(local) < 0.6 * spread(whole)
    few = PointCloudViews(n_points=2).local().draw(clouds, 1, generator=seeded())[0]
    assert ((~few.isnan()).all(dim=2).sum(dim=1) == 1).all()


def test_views_of_clouds_with_features_and_absent_points(ragged):
    views = PointCloudViews(rotation=None, n_points=20)
    shown = views(prepared(ragged), generator=seeded())
    assert shown.shape == (6, 20, 5)
    assert torch.equal(shown.isnan().all(dim=2), shown.isnan().any(dim=2))
    ssl = tiny(modality=PointCloud()).set_params(views__rotation="so3", views__jitter=0.0)
    assert ssl.fit(ragged).views_.rotation == "so3"


def test_encoder_learns_from_the_point_that_is_largest():
    torch.manual_seed(0)
    net = PointNet(3).eval()
    clouds = torch.randn(4, 30, 3)
    repeated = torch.cat([clouds, clouds], dim=1)
    torch.testing.assert_close(net(repeated), net(clouds))


def with_half_a_point():
    X = np.zeros((5, 20, 4))
    X[3, 7, 1] = np.nan
    return X


def with_empty_cloud():
    X = np.zeros((5, 20, 4))
    X[2] = np.nan
    return X


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (with_half_a_point(), r"Point 7 in row 3 of X has NaN in some of its values, \[0.0, nan"),
        (with_empty_cloud(), r"Row 2 of X has a cloud of 0 point\(s\); at least 2"),
        (np.zeros((5, 1, 3)), r"Row 0 of X has a cloud of 1 point\(s\); at least 2"),
        ([np.zeros((9, 3)), np.zeros((1, 3))], r"Row 1 of X has a cloud of 1 point\(s\)"),
        ([np.zeros((9, 3)), np.zeros((0, 3))], r"Row 1 of X has a cloud of 0 point\(s\)"),
        (np.zeros((5, 20, 2)), r"X has shape \(5, 20, 2\); .* at least 3 coordinates"),
        (np.zeros((5, 20)), r"X has shape \(5, 20\); point clouds have 3 dimensions"),
        ([np.zeros((9, 3)), np.zeros((8, 4))], "Row 1 of X has points of 4 values, but row 0 .* 3"),
        ([np.zeros((9, 3)), np.zeros(9)], r"Row 1 of X has shape \(9,\)"),
        ([np.zeros((9, 3)), np.array([["a"] * 3])], "Row 1 of X has shape .* and dtype <U1"),
        (np.full((4, 9, 3), np.inf), "infinity"),
    ],
)
def test_bad_clouds(X, message):
    with pytest.raises(ValueError, match=message):
        tiny(modality=PointCloud()).fit(X)


def test_axes_that_look_swapped(rng):
    with pytest.warns(UserWarning, match=r"3 points of 20 values.*X.transpose\(0, 2, 1\)"):
        prepared(rng.normal(size=(5, 3, 20)))


def test_other_clouds_at_transform_and_bad_ranges(rng):
    X = rng.normal(size=(10, 30, 3))
    with pytest.raises(ValueError, match="points of 4 values, but points of 3 were seen in fit"):
        tiny(modality=PointCloud()).fit(X).transform(rng.normal(size=(10, 30, 4)))
    with pytest.raises(ValueError, match="rotation"):
        tiny(modality=PointCloud(), views=PointCloudViews(rotation="w")).fit(X)
    with pytest.raises(ValueError, match="drop"):
        tiny(modality=PointCloud(), views=PointCloudViews(drop=(0.0, 1.0))).fit(X)
    with pytest.raises(ValueError, match="normalize"):
        tiny(modality=PointCloud(normalize="sphere")).fit(X)
