"""What arrays of images are accepted, and as what."""

import numpy as np
import pytest
import torch
from cases import tiny_conv

from skssl import SimCLR
from skssl.modality import Images, Tabular, infer_modality
from skssl.views import (
    ImageViews,
    random_affine,
    random_blur,
    random_color,
    random_erase,
    random_solarize,
    swap_cells,
)


def prepared(X, **params):
    modality = Images(**params)
    checked = modality.check(X, estimator="test")
    return modality.fit(checked).prepare(checked)


@pytest.fixture
def photos(rng):
    return rng.integers(0, 256, (6, 10, 12, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((9, 5), np.uint8, Tabular),
        ((9, 5, 7), np.uint8, Images),
        ((9, 5, 5), np.float64, Images),
        ((9, 5, 5, 3), np.float64, Images),
    ],
)
def test_auto_rule(shape, dtype, expected):
    X = np.zeros(shape, dtype=dtype)
    assert type(infer_modality(X)) is expected
    assert type(infer_modality(list(X))) is expected


def test_layouts_of_the_same_images(photos):
    first = photos.transpose(0, 3, 1, 2)
    expected = torch.tensor(first)
    flat = photos.reshape(6, -1)
    for X, params in [
        (photos, {}),
        (first, {}),
        (list(photos), {}),
        (np.asfortranarray(photos), {}),
        (photos[::-1][::-1], {}),
        (flat, {"shape": (10, 12, 3)}),
        (first.reshape(6, -1), {"shape": (3, 10, 12)}),
        (photos, {"layout": "channels_last"}),
    ]:
        samples = prepared(X, **params)
        assert samples.dtype == torch.uint8
        assert torch.equal(samples, expected)


def test_ambiguous_layout():
    X = np.arange(2 * 3 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 3)
    assert torch.equal(prepared(X), torch.tensor(X).permute(0, 3, 1, 2))
    assert torch.equal(prepared(X, layout="channels_first"), torch.tensor(X))


def test_any_number_of_channels(rng):
    X = rng.standard_normal((6, 8, 9, 5)) * [1, 10, 100, 1000, 1]
    modality = Images(channels=5)
    modality.fit(modality.check(X, estimator="test"))
    assert modality.sample_shape_ == (5, 8, 9)
    scaled = modality.input_layer()(modality.prepare(modality.check(X, estimator="test")))
    torch.testing.assert_close(scaled.amin(dim=(0, 2, 3)), torch.zeros(5))
    torch.testing.assert_close(scaled.amax(dim=(0, 2, 3)), torch.ones(5))


@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X.astype(np.float64) * 1000 - 7,
        lambda X: X.astype(">f4"),
        lambda X: X.astype(np.float16),
        lambda X: X.astype(np.int64),
        lambda X: np.asfortranarray(X),
        lambda X: X[:, ::-1],
    ],
)
def test_values_and_memory_of_any_kind(photos, convert):
    X = convert(photos)
    layer_in = prepared(X)
    modality = Images()
    checked = modality.check(X, estimator="test")
    scaled = modality.fit(checked).input_layer()(layer_in)
    assert scaled.dtype == torch.float32
    if X.dtype != np.uint8:
        assert scaled.min() == 0
        torch.testing.assert_close(scaled.max(), torch.tensor(1.0))


def test_read_only_and_memory_mapped(photos, tmp_path):
    np.save(tmp_path / "photos.npy", photos)
    mapped = np.load(tmp_path / "photos.npy", mmap_mode="r")
    assert torch.equal(prepared(mapped), prepared(photos))
    ssl = SimCLR(encoder=tiny_conv, max_epochs=1, device="cpu", random_state=0)
    Z = ssl.fit_transform(photos)
    np.testing.assert_array_equal(ssl.fit_transform(mapped), Z)
    frozen = photos.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(ssl.fit_transform(frozen), Z)


def test_torchvision_encoder_by_name(photos):
    ssl = SimCLR(encoder="resnet18", max_epochs=0, device="cpu", random_state=0).fit(photos)
    assert ssl.transform(photos).shape == (6, 512)
    stem = ssl.encoder_.encoder.conv1
    assert stem.kernel_size == (3, 3) and stem.stride == (1, 1)
    gray = SimCLR(encoder="mobilenet_v3_small", max_epochs=0, device="cpu").fit(photos[..., 0])
    assert gray.transform(photos[..., 0]).shape[0] == 6


def test_small_vision_transformer(photos, digits):
    square = np.concatenate([photos, photos[:, :2]], axis=1)
    ssl = SimCLR(encoder="vit", max_epochs=1, device="cpu", random_state=0).fit(square)
    assert ssl.transform(square).shape == (6, 192)
    gray = SimCLR(encoder="vit", max_epochs=0, device="cpu").fit(digits[0][:6])
    assert gray.encoder_.encoder[1].conv_proj.weight.shape[1:] == (1, 1, 1)
    with pytest.raises(ValueError, match="encoder='vit' takes square images only, got 10x12"):
        SimCLR(encoder="vit", device="cpu").fit(photos)


def test_blur_is_a_gaussian_of_its_own_width_for_every_image():
    point = torch.zeros(64, 2, 41, 41)
    point[:, :, 20, 20] = 1
    blurred = random_blur(
        point, generator=torch.Generator().manual_seed(0), probability=1.0, sigma=(0.3, 0.9)
    )
    torch.testing.assert_close(blurred.sum(dim=(2, 3)), torch.ones(64, 2))
    peaks = blurred[:, 0, 20, 20]
    assert len(set(peaks.tolist())) == 64
    row = blurred[0, 0, 20]
    sigma2 = -0.5 / (row[21] / row[20]).log()
    torch.testing.assert_close(row[22] / row[20], torch.exp(-2 / sigma2))
    same = random_blur(point, generator=torch.Generator().manual_seed(0), probability=0.0)
    torch.testing.assert_close(same, point)


def test_solarize_and_erase():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(1000, 1, 10, 10)
    solarized = random_solarize(images, generator=generator, probability=0.3)
    changed = (solarized != images).any(dim=(1, 2, 3))
    assert changed.float().mean().item() == pytest.approx(0.3, abs=0.05)
    torch.testing.assert_close(solarized[changed], images[changed].minimum(1 - images[changed]))
    erased = random_erase(images, generator=generator, probability=0.5, area=(0.1, 0.3))
    painted = (erased != images)[:, 0]
    share = painted.float().mean(dim=(1, 2))
    assert (share > 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert share[share > 0].mean().item() == pytest.approx(0.2, abs=0.03)
    means = images.mean(dim=(1, 2, 3))[:, None, None].expand_as(painted)
    torch.testing.assert_close(erased[:, 0][painted], means[painted])


def test_views_of_larger_photos_are_blurred(rng):
    for side, blur in ((64, 0.0), (72, 0.5)):
        X = rng.integers(0, 256, (3, side, side, 3), dtype=np.uint8)
        ssl = SimCLR(encoder=tiny_conv, max_epochs=1, device="cpu").fit(X)
        assert ssl.views_.blur == blur


def test_affine_identity_and_flip():
    images = torch.arange(2 * 3 * 4.0).reshape(2, 1, 3, 4)
    generator = torch.Generator().manual_seed(0)
    torch.testing.assert_close(random_affine(images, generator=generator), images)
    torch.testing.assert_close(random_affine(images, generator=generator, flip=1.0), images.flip(3))


def test_affine_rotation_turns_pixels():
    image = torch.zeros(1, 1, 5, 9)
    image[0, 0, 2, 6] = 1  # two to the right of the centre
    found = set()
    for seed in range(200):
        turned = random_affine(
            image, generator=torch.Generator().manual_seed(seed), rotation=90.0, padding="zeros"
        )
        weight = turned[0, 0] / turned.sum()
        y = (weight * torch.arange(5.0)[:, None]).sum() - 2
        x = (weight * torch.arange(9.0)).sum() - 4
        found.add(round(float((x**2 + y**2).sqrt()), 0))
    assert found == {2.0}


def test_color_keeps_gray_gray_and_draws_per_sample():
    generator = torch.Generator().manual_seed(0)
    gray = torch.rand(1, 1, 6, 6).expand(5, 3, 6, 6) * 0.5
    changed = random_color(gray, generator=generator, jitter=1.0, grayscale=0.0)
    torch.testing.assert_close(changed[:, 0], changed[:, 2], atol=2e-3, rtol=0)
    assert not torch.allclose(changed[0], changed[1], atol=1e-3)
    colored = torch.rand(5, 3, 6, 6)
    same = random_color(colored, generator=generator, jitter=0.0, grayscale=0.0)
    torch.testing.assert_close(same, colored, atol=1e-5, rtol=0)
    without = random_color(colored, generator=generator, jitter=0.0, grayscale=1.0)
    torch.testing.assert_close(without[:, 0], without[:, 1])


def test_views_differ_between_samples_and_repeat_with_the_seed():
    images = torch.rand(1, 3, 16, 16).expand(8, -1, -1, -1)
    views = ImageViews()
    first = views(images, generator=torch.Generator().manual_seed(0))
    again = views(images, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first, again)
    assert len({image.sum().item() for image in first}) == 8


def seeded():
    return torch.Generator().manual_seed(0)


def test_affine_of_another_size():
    images = torch.rand(3, 2, 8, 12)
    half = random_affine(images, generator=seeded(), size=(4, 6))
    torch.testing.assert_close(half, torch.nn.functional.avg_pool2d(images, 2))
    assert random_affine(images, generator=seeded(), size=(5, 30)).shape == (3, 2, 5, 30)


def test_local_views_show_less_and_are_smaller():
    # Every pixel shows how far down it is, as a fraction of the image.
    down = (torch.arange(32) + 0.5) / 32
    images = down[:, None].expand(500, 1, 32, 48)
    views = ImageViews(jitter=0.0, crop_ratio=(1.0, 1.0), padding="border")
    (local,) = views.local().draw(images, 1, generator=seeded())
    assert local.shape == (500, 1, 16, 24)
    seen = local[:, 0, :, 0]
    area = ((seen[:, -1] - seen[:, 0]) * 16 / 15) ** 2
    assert 0.08 <= area.min() < 0.09 and 0.38 < area.max() <= 0.4
    centers = seen.mean(dim=1)
    assert len(set(centers.tolist())) > 490
    assert centers.min() < 0.25 and centers.max() > 0.75
    (shown,) = views.draw(images, 1, generator=seeded())
    assert shown.shape == images.shape
    assert (shown[:, 0, -1, 0] - shown[:, 0, 0, 0]).mean() > 1.4 * area.sqrt().mean()


@pytest.mark.parametrize(
    ("size", "resolution", "expected"),
    [
        ((32, 32), 0.5, (16, 16)),
        ((64, 96), 0.5, (32, 48)),
        ((64, 96), 0.1, (16, 24)),
        ((28, 28), 0.5, (16, 16)),
        ((8, 8), 0.5, (8, 8)),
        ((12, 40), 0.5, (12, 40)),
        ((32, 32), 1.0, (32, 32)),
    ],
)
def test_resolution(size, resolution, expected):
    images = torch.rand(2, 3, *size)
    views = ImageViews(resolution=resolution, blur=1.0, erase=1.0, solarize=0.5, noise=0.1)
    assert views(images, generator=seeded()).shape == (2, 3, *expected)
    local = ImageViews(local_resolution=resolution).local()
    assert local(images, generator=seeded()).shape == (2, 3, *expected)


def test_local_views_of_glyphs_do_not_zoom_out():
    low, high = ImageViews.glyphs().local().crop_scale
    assert 0.2 < low < high < 1


@pytest.mark.parametrize("name", ["conv", "vit", "resnet18", "mobilenet_v3_small", "densenet121"])
def test_encoders_take_local_views(name):
    X = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    modality = Images()
    samples = modality.fit(modality.check(X, estimator="test")).prepare(X)
    with torch.random.fork_rng():
        encoder = modality.build_encoder(name, samples).eval()
    with torch.no_grad():
        (local,) = ImageViews().local().draw(samples / 255, 1, generator=seeded())
        assert local.shape[2:] == (16, 16)
        assert encoder(local).shape == encoder(samples / 255).shape


def test_swapped_cells_come_from_their_column():
    rows = torch.arange(4000.0).reshape(1000, 4)
    swapped = swap_cells(rows, generator=torch.Generator().manual_seed(0), probability=0.3)
    assert torch.equal(swapped % 4, rows % 4)
    assert (swapped != rows).float().mean().item() == pytest.approx(0.3, abs=0.03)
