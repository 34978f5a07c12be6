"""Colorization: the colour space, what is learned, and what comes back."""

import numpy as np
import pytest
import torch
from cases import colored_digits, tiny_conv
from sklearn.datasets import load_digits
from torch import nn

from skssl import Colorization
from skssl.modality import Images
from skssl.pretext._color_bins import ColorRanges
from skssl.pretext._colorization import _enlarged
from skssl.pretext._lab import lab_to_rgb, rgb_to_lab, to_gamut, to_grey
from skssl.views import ImageViews

FAST = {"device": "cpu", "random_state": 0}
COLORS, _ = colored_digits()
DIGITS = load_digits().images.astype(np.float32)

# sRGB and its CIE Lab, computed with scikit-image 0.24's color.rgb2lab (D65, 2 degrees).
LAB = [
    ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
    ([1.0, 1.0, 1.0], [100.0, -0.0025, 0.0047]),
    ([1.0, 0.0, 0.0], [53.2406, 80.0923, 67.2028]),
    ([0.0, 1.0, 0.0], [87.7351, -86.183, 83.1797]),
    ([0.0, 0.0, 1.0], [32.2957, 79.1856, -107.8573]),
    ([0.5, 0.5, 0.5], [53.389, -0.0015, 0.0028]),
    ([0.2, 0.4, 0.6], [42.008, -0.154, -32.8429]),
    ([0.02, 0.01, 0.03], [0.9487, 1.3759, -1.6949]),
    ([0.9, 0.1, 0.7], [52.615, 81.7854, -29.7976]),
]


@pytest.fixture(scope="module")
def colorization():
    return Colorization(encoder=tiny_conv, max_epochs=12, batch_size=32, **FAST).fit(COLORS[:300])


@pytest.mark.parametrize(("rgb", "lab"), LAB)
def test_lab(rgb, lab):
    torch.testing.assert_close(
        rgb_to_lab(torch.tensor([rgb])), torch.tensor([lab]), atol=1e-3, rtol=0
    )


def test_lab_and_back():
    rgb = torch.rand(50, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(lab_to_rgb(rgb_to_lab(rgb)), rgb, atol=1e-4, rtol=0)
    assert rgb_to_lab(rgb.expand(1, 50, 3, 4, 5)[0]).shape == rgb.shape


def test_grey_has_the_same_lightness_and_no_color():
    rgb = torch.rand(500, 3, generator=torch.Generator().manual_seed(0))
    lab, grey = rgb_to_lab(rgb), rgb_to_lab(to_grey(rgb))
    torch.testing.assert_close(grey[:, 0], lab[:, 0], atol=1e-2, rtol=0)
    assert grey[:, 1:].abs().max() < 0.02
    torch.testing.assert_close(to_grey(to_grey(rgb)), to_grey(rgb), atol=1e-5, rtol=0)


def test_gamut_keeps_lightness_and_hue():
    generator = torch.Generator().manual_seed(0)
    lab = torch.rand(500, 3, generator=generator) * torch.tensor([100, 300, 300])
    lab[:, 1:] -= 150
    fitted = to_gamut(lab)
    rgb = lab_to_rgb(fitted)
    assert rgb.min() > -0.01
    assert rgb.max() < 1.01
    assert torch.equal(fitted[:, 0], lab[:, 0])
    share = fitted[:, 1] / lab[:, 1]
    torch.testing.assert_close(share, fitted[:, 2] / lab[:, 2], atol=1e-4, rtol=1e-3)
    assert ((share >= 0) & (share <= 1)).all()
    assert (share < 1).any()
    inside = rgb_to_lab(torch.rand(500, 3, generator=generator))
    assert torch.equal(to_gamut(inside), inside)


def test_colors_are_learned(colorization):
    assert colorization.score(COLORS[300:]) > 0.3
    assert colorization.score(COLORS[300:]) == colorization.score(COLORS[300:])
    errors = [row["relative_error"] for row in colorization.history_]
    assert errors[-1] < 0.7 < errors[0]
    # Whole images, seen twice, are easier than parts of them.
    assert 1 - colorization.score(COLORS[:300]) < errors[-1]
    assert colorization.loss_curve_[-1] < 0.7 * colorization.loss_curve_[0]


def test_a_grey_background_has_a_range_of_its_own():
    images = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    images[:, :, :5] = 0.3
    ranges = ColorRanges(images)
    lab = rgb_to_lab(images)
    found = ranges(lab)[:, :, :5]
    for axis in range(2):
        (of_grey,) = found[:, axis].unique()
        assert (ranges(lab)[:, axis, 5:] != of_grey).all()
    sure = 30.0 * torch.nn.functional.one_hot(found[:1, :, 0, 0], len(ranges) // 2)
    logits = sure.flatten(1)[..., None, None]
    assert (ranges.color(ranges.shares(logits)) == 0).all()


def test_every_pixel_gets_its_own_color():
    # Dark pixels are red and light ones are green, whatever is beside them, in an odd size.
    light = np.random.default_rng(0).random((200, 19, 21, 1)) < 0.5
    X = np.where(light, [150, 255, 150], [120, 0, 0]).astype(np.uint8)
    views = ImageViews(crop_scale=(1.0, 1.0), crop_ratio=(1.0, 1.0), jitter=0.0, grayscale=0.0)
    ssl = Colorization(encoder=tiny_conv, views=views, max_epochs=8, batch_size=20, **FAST)
    ssl.fit(X[:150])
    assert ssl._objective.stride == 2 and not ssl._objective.zooms
    assert ssl.score(X[150:]) > 0.8


@pytest.mark.parametrize("stride", [1, 2])
def test_what_is_told_of_larger_images_lies_where_it_belongs(stride):
    ramp = torch.arange(24.0).expand(1, 1, 24, 24) + 100 * torch.arange(24.0)[:, None]
    larger = _enlarged(ramp, 1.25, stride)
    assert larger.shape == (1, 1, 30, 30)
    left = larger[..., ::stride, ::stride]
    back = nn.functional.interpolate(left, (24, 24), mode="bilinear")
    torch.testing.assert_close(back[..., 2:-2, 2:-2], ramp[..., 2:-2, 2:-2], atol=1e-2, rtol=1e-4)


def test_larger_images_are_told_too_where_the_encoder_takes_them(colorization):
    assert not colorization._objective.zooms
    X = COLORS[:60].repeat(3, axis=1).repeat(3, axis=2)
    ssl = Colorization(encoder=tiny_conv, max_epochs=2, **FAST).fit(X)
    assert ssl._objective.zooms == [1.125, 1.25]
    assert ssl.colorize(X[:3]).shape == (3, 24, 24, 3)
    of_one_size = nn.Sequential(nn.Conv2d(3, 2, 2, 2), nn.Flatten(), nn.Linear(288, 8))
    ssl.set_params(encoder=of_one_size).fit(X)
    assert ssl._objective.stride == 2 and not ssl._objective.zooms
    ssl.set_params(encoder=tiny_conv, views__crop_scale=(0.75, 1.0)).fit(X)
    assert ssl._objective.zooms == [1.125]


def test_colors_are_the_same_in_a_mirror(colorization):
    grey = COLORS[:20].mean(axis=3).astype(np.uint8)
    colored = colorization.colorize(grey).astype(int)
    mirrored = colorization.colorize(grey[:, :, ::-1]).astype(int)[:, :, ::-1]
    assert np.abs(colored - mirrored).max() <= 1
    params = {"encoder": tiny_conv, "max_epochs": 1, "batch_size": 32, **FAST}
    one_sided = Colorization(**params).set_params(views__flip=0.0).fit(COLORS[:300])
    assert not one_sided._objective.mirrored


def test_score_of_colors_is_what_it_says(colorization):
    X = COLORS[300:]
    lab, colored = (
        rgb_to_lab(torch.tensor(images).movedim(3, 1) / 255)
        for images in (X, colorization.colorize(X))
    )
    error = (lab - colored)[:, 1:].abs().mean() / lab[:, 1:].abs().mean()
    # The colours that come back are rounded to 256 levels, and have to exist.
    assert colorization.score(X) == pytest.approx(1 - error.item(), abs=0.1)


def test_colorize_takes_any_grey(colorization):
    grey = (DIGITS[300:340] * 15).astype(np.uint8)
    colored = colorization.colorize(grey)
    assert colored.shape == (40, 8, 8, 3)
    assert colored.dtype == np.uint8
    for same in (
        grey[..., None],
        grey[:, None],
        grey.reshape(40, 64),
        grey[..., None].repeat(3, 3),
    ):
        np.testing.assert_array_equal(colorization.colorize(same), colored)
    # The lightness is that of what came in.
    lightness = [
        rgb_to_lab(torch.tensor(images).movedim(3, 1) / 255)[:, 0]
        for images in (grey[..., None].repeat(3, 3), colored)
    ]
    torch.testing.assert_close(*lightness, atol=1.0, rtol=0)
    assert (colored.max(axis=3) - colored.min(axis=3)).max() > 30


@pytest.mark.parametrize(
    ("modality", "form"),
    [
        (Images(layout="channels_first"), lambda X: X.transpose(0, 3, 1, 2)),
        (Images(shape=(8, 8, 3)), lambda X: X.reshape(len(X), -1)),
        (Images(), lambda X: X.astype(np.float64) / 255),
        (Images(), lambda X: (X / 128 - 1).astype(np.float32)),
    ],
    ids=["channels first", "flattened", "floats", "floats around 0"],
)
def test_colors_come_back_in_the_form_of_the_training(modality, form):
    X = form(COLORS[:64])
    ssl = Colorization(modality=modality, encoder=tiny_conv, max_epochs=2, **FAST).fit(X)
    colored = ssl.colorize(X)
    assert colored.shape == X.shape
    assert colored.dtype == (np.uint8 if X.dtype == np.uint8 else np.float32)
    assert X.min() <= colored.min() < colored.max() <= X.max()
    grey = colored.reshape(64, -1)[:, :64].reshape(64, 8, 8)
    assert ssl.colorize(grey).shape == X.shape


def test_grey_images_have_nothing_to_learn_from():
    grey = COLORS[:64, ..., :1].repeat(3, axis=3)
    ssl = Colorization(encoder=tiny_conv, max_epochs=1, **FAST)
    for images in (grey, grey.astype(np.float32)):
        with pytest.raises(ValueError, match="needs images with colours to learn from, but X is"):
            ssl.fit(images)
    # A few with colours are enough to begin with.
    ssl.fit(np.concatenate([grey, COLORS[64:66]]))


def test_embedding_knows_no_colors(colorization):
    grey = colorization.modality_.restore(
        (to_grey(torch.tensor(COLORS[:9]).movedim(3, 1) / 255) * 255).round().to(torch.uint8)
    )
    Z = colorization.transform(COLORS[:9])
    np.testing.assert_allclose(colorization.transform(grey), Z, atol=0.05)
    assert np.abs(Z).max() > 0.5


def test_classes_of_colors():
    ssl = Colorization(mode="classify", encoder=tiny_conv, max_epochs=10, batch_size=32, **FAST)
    ssl.fit(COLORS[:300])
    bins = ssl._objective.bins
    assert 240 < len(bins) < 320
    # Nearly every colour is in a bin of its own neighbourhood, the others in the nearest.
    lab = rgb_to_lab(torch.rand(500, 3, 1, 1, generator=torch.Generator().manual_seed(0)))
    distance = (bins.centers[bins(lab)[:, 0, 0]] - lab[:, 1:, 0, 0]).abs()
    assert (distance < 5.001).all(dim=1).float().mean() > 0.98
    assert distance.max() < 15
    # Grey is the most frequent, and what is rare counts more.
    assert bins.weights.argmin() == bins.centers.abs().sum(dim=1).argmin()
    assert bins.weights.max() > 2 * bins.weights.min()
    sure = torch.full((1, len(bins), 1, 1), -9.0).index_fill(1, torch.tensor([7]), 9.0)
    color = bins.color(bins.shares(sure))
    torch.testing.assert_close(color[0, :, 0, 0], bins.centers[7])
    assert ssl.loss_curve_[-1] < ssl.loss_curve_[0]
    assert ssl.score(COLORS[300:]) > 0
    assert ssl.colorize(COLORS[:5]).shape == (5, 8, 8, 3)


def test_ranges_of_colors():
    images = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(0)) ** 2
    ranges = ColorRanges(images)
    colors = rgb_to_lab(images)[:, 1:].transpose(0, 1).flatten(1).numpy()
    n = len(ranges) // 2
    np.testing.assert_allclose(
        ranges.edges, np.quantile(colors, np.linspace(0, 1, n + 1), axis=1).T, rtol=1e-4, atol=1e-3
    )
    # As many pixels in each, and what lies outside belongs to the last ones.
    found = ranges(rgb_to_lab(images)).transpose(0, 1).flatten(1)
    for axis in range(2):
        assert np.ptp(np.bincount(found[axis], minlength=n)) <= 2
    beyond = torch.tensor([[50.0, -500.0, 500.0]])[..., None, None]
    assert ranges(beyond).flatten().tolist() == [0, n - 1]
    # Scores that are all alike stand for the median of all pixels,
    median = ranges.color(ranges.shares(torch.zeros(1, 2 * n, 1, 1))).flatten()
    np.testing.assert_allclose(median, np.median(colors, axis=1), atol=1e-2)
    # and, in general, the value with as much probability below as above.
    logits = torch.randn(1, 2 * n, 1, 1, generator=torch.Generator().manual_seed(1))
    shares = logits.unflatten(1, (2, n))[0, :, :, 0, 0].softmax(dim=1).double().numpy().T
    for axis, answer in enumerate(ranges.color(ranges.shares(logits)).flatten().tolist()):
        # Within a range, as the pixels are distributed there.
        quantiles = ranges.quantiles[axis].double().numpy()
        ranks = np.linspace(0, n, len(quantiles))
        np.testing.assert_allclose(
            quantiles, np.quantile(colors[axis], ranks / n), rtol=1e-4, atol=1e-3
        )
        rank = np.interp(answer, quantiles, ranks)
        below = np.interp(rank, np.arange(n + 1), np.concatenate([[0], shares[:, axis].cumsum()]))
        assert below == pytest.approx(0.5, abs=1e-4)
    # The loss is the mean, over the axes, of minus the logarithm of the right range's share.
    lab = torch.tensor([[50.0, 3.0, -4.0]])[..., None, None]
    right = ranges(lab).flatten().tolist()
    expected = -np.mean([np.log(shares[where, axis]) for axis, where in enumerate(right)])
    assert ranges.loss(logits, lab).item() == pytest.approx(expected, abs=1e-5)


def test_bad_greys(colorization):
    for X, message in (
        (np.zeros((2, 9, 8), dtype=np.uint8), r"shape \(9, 8\).*shape \(8, 8, 3\) were seen"),
        (np.zeros((2, 8, 8, 2), dtype=np.uint8), r"shape \(8, 8, 2\)"),
        (np.zeros((2, 8, 8)), "uint8 from 0 to 255 were seen"),
    ):
        with pytest.raises(ValueError, match=message):
            colorization.colorize(X)


def test_nothing_to_score(colorization):
    grey = np.arange(192, dtype=np.uint8).reshape(3, 8, 8, 1).repeat(3, axis=3)
    with pytest.raises(ValueError, match="Colorization: X has no colours"):
        colorization.score(grey)
