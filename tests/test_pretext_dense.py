"""Pretext tasks that give pixels back: what comes back, in which form, and how good it is."""

import numpy as np
import pytest
import torch
from cases import _colored_digits, tiny_conv, tiny_video
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from torch import nn

from skssl import Colorization, ContextEncoder, MotionPrediction, SimCLR
from skssl.exceptions import PretextTaskWarning
from skssl.modality import Images, Video
from skssl.nn import SideBySide
from skssl.pretext._color_bins import ColorRanges
from skssl.pretext._colorization import _enlarged
from skssl.pretext._lab import lab_to_rgb, rgb_to_lab, to_gamut, to_grey
from skssl.views import ImageViews, VideoViews

FAST = {"device": "cpu", "random_state": 0}
DIGITS = load_digits().images.astype(np.float32)
COLORS, _ = _colored_digits()
MASK = np.zeros((8, 8), dtype=bool)
MASK[2:5, 3:6] = True

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


def moving_dots(n, frames=6, size=12):
    """Clips of a dot that moves by a pixel per frame, to one of four sides."""
    rng = np.random.default_rng(0)
    clips = np.zeros((n, frames, size, size), dtype=np.uint8)
    steps = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])[rng.integers(0, 4, n)]
    starts = rng.integers(2, size - 2, (n, 2))
    for clip in range(n):
        for frame in range(frames):
            row, column = (starts[clip] + frame * steps[clip]) % size
            clips[clip, frame, row, column] = 255
    return clips


CLIPS = moving_dots(400)


@pytest.fixture(scope="module")
def colorization():
    return Colorization(encoder=tiny_conv, max_epochs=20, batch_size=32, **FAST).fit(COLORS[:300])


@pytest.fixture(scope="module")
def inpainting():
    return ContextEncoder(max_epochs=4, batch_size=32, **FAST).fit(DIGITS[:1000])


@pytest.fixture(scope="module")
def motion():
    settings = {**FAST, "batch_size": 32, "max_epochs": 25}
    return MotionPrediction(modality=Video(), n_frames=2, **settings).fit(CLIPS[:300])


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
    ssl = Colorization(encoder=tiny_conv, views=views, max_epochs=12, batch_size=20, **FAST)
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


def test_embedding_knows_no_colors(colorization):
    grey = colorization.modality_.restore(
        (to_grey(torch.tensor(COLORS[:9]).movedim(3, 1) / 255) * 255).round().to(torch.uint8)
    )
    Z = colorization.transform(COLORS[:9])
    np.testing.assert_allclose(colorization.transform(grey), Z, atol=0.05)
    assert np.abs(Z).max() > 0.5


def test_classes_of_colors():
    ssl = Colorization(mode="classify", encoder=tiny_conv, max_epochs=30, batch_size=32, **FAST)
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


def test_holes_are_filled(inpainting):
    held_out = DIGITS[1000:]
    assert inpainting.score(held_out) > 0.4
    assert inpainting.score(held_out) == inpainting.score(held_out)
    filled = inpainting.inpaint(held_out, MASK)
    error = ((filled - held_out)[:, MASK] ** 2).mean()
    visible = held_out[:, ~MASK].mean(axis=1, keepdims=True)
    assert error < 0.6 * ((visible - held_out[:, MASK]) ** 2).mean()
    error = inpainting.history_[-1]["relative_error"]
    assert error == pytest.approx(inpainting.loss_curve_[-1], rel=1e-5)
    assert error < 0.6


def test_what_is_hidden_is_not_looked_at(inpainting):
    hidden = DIGITS[:9].copy()
    hidden[:, MASK] = 16 - hidden[:, MASK]
    np.testing.assert_array_equal(
        inpainting.inpaint(hidden, MASK), inpainting.inpaint(DIGITS[:9], MASK)
    )


FORMS = {
    "uint8": (Images(), lambda X: X),
    "float32": (Images(), lambda X: X.astype(np.float32) / 255),
    "float64": (Images(), lambda X: X / 255 - 0.5),
    "channels first": (Images(layout="channels_first"), lambda X: X.transpose(0, 3, 1, 2)),
    "flattened": (Images(shape=(8, 8, 3)), lambda X: X.reshape(len(X), -1)),
    "grey": (Images(), lambda X: X[..., 0]),
    "flattened grey": (Images(shape=(8, 8)), lambda X: X[..., 0].reshape(len(X), -1)),
}


@pytest.mark.parametrize("form", FORMS)
def test_inpainting_changes_nothing_else(form):
    modality, change = FORMS[form]
    X = change(COLORS[:64])
    as_prepared = X.astype(np.uint8 if X.dtype == np.uint8 else np.float32)
    ssl = ContextEncoder(modality=modality, encoder=tiny_conv, max_epochs=2, **FAST).fit(X)
    masks = np.random.default_rng(0).random((64, 8, 8)) < 0.3
    for mask in (MASK, masks):
        filled = ssl.inpaint(X, mask)
        assert filled.shape == X.shape
        assert filled.dtype == as_prepared.dtype
        assert as_prepared.min() <= filled.min() <= filled.max() <= as_prepared.max()
        full = np.broadcast_to(mask, (64, 8, 8))[..., None].repeat(3, axis=3)
        # The form of the marks is that of the samples, whatever becomes of their values.
        marked = change(full.astype(np.uint8)) > change(np.zeros_like(COLORS[:64])).max()
        np.testing.assert_array_equal(filled[~marked], as_prepared[~marked])
        assert (filled[marked] != as_prepared[marked]).mean() > 0.5
    np.testing.assert_array_equal(ssl.inpaint(X, np.zeros((8, 8), dtype=bool)), as_prepared)


def test_motion_is_learned(motion):
    held_out = CLIPS[300:]
    assert motion.score(held_out) > 0.6
    assert motion.score(held_out) == motion.score(held_out)
    last = motion.history_[-1]
    assert last["error_over_copy"] < 0.4
    assert last["relative_error"] == pytest.approx(motion.loss_curve_[-1], rel=1e-5)
    future = motion.forecast(held_out[:, :4])
    assert future.shape == (100, 2, 12, 12)
    assert future.dtype == np.uint8
    error, copy = (
        ((frames.astype(float) - held_out[:, 4:]) ** 2).mean()
        for frames in (future, held_out[:, 3:4])
    )
    assert motion.score(held_out) == pytest.approx(1 - error / copy, abs=0.05)


def test_forecast_rolls_on(motion):
    assert (motion.n_frames_, motion.n_past_) == (2, 4)
    past = CLIPS[300:320, :4]
    future = motion.forecast(past, n_frames=5)
    assert future.shape == (20, 5, 12, 12)
    np.testing.assert_array_equal(motion.forecast(past, n_frames=1), future[:, :1])
    np.testing.assert_array_equal(motion.forecast(past), future[:, :2])
    # Only the last frames count, and a clip may be long.
    longer = np.concatenate([255 - past, past], axis=1)
    np.testing.assert_array_equal(motion.forecast(longer, n_frames=5), future)


@pytest.mark.parametrize(
    ("modality", "form"),
    [
        (Video(), lambda X: X),
        (Video(), lambda X: X / 255 - 0.5),
        (Video(), lambda X: np.stack([X, X // 2, X * 0], axis=4)),
        (Video(layout="channels_first"), lambda X: np.stack([X, X // 2, X * 0], axis=1)),
    ],
    ids=["grey", "floats", "channels last", "channels first"],
)
def test_frames_come_back_in_the_layout_of_the_clips(modality, form):
    X = form(CLIPS[:40])
    ssl = MotionPrediction(modality=modality, encoder=tiny_video, max_epochs=2, **FAST).fit(X)
    # A quarter of six frames.
    assert (ssl.n_frames_, ssl.n_past_) == (2, 4)
    assert ssl.transform(X).shape == (40, 16)
    axis = 2 if modality.layout == "channels_first" else 1
    future = ssl.forecast(np.take(X, range(5), axis=axis), n_frames=3)
    assert future.shape == tuple(3 if at == axis else size for at, size in enumerate(X.shape))
    assert future.dtype == (np.uint8 if X.dtype == np.uint8 else np.float32)
    assert X.min() <= future.min() <= future.max() <= X.max()


def test_encoders_of_one_length_see_as_many_frames_as_in_a_clip():
    lengths = set()

    class Fixed(torch.nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.linear = torch.nn.Linear(int(np.prod(shape)), 8)

        def forward(self, clips):
            lengths.add(clips.shape[2])
            return self.linear(clips.flatten(1))

    ssl = MotionPrediction(modality=Video(), encoder=Fixed, max_epochs=2, **FAST).fit(CLIPS[:40])
    assert lengths == {6}
    assert ssl.forecast(CLIPS[:3, :4], n_frames=4).shape == (3, 4, 12, 12)


def test_views_come_first():
    seen = []

    def brighter(batch):
        seen.append(batch.shape[1:])
        return batch + 0.1

    for ssl, X in (
        (Colorization(encoder=tiny_conv), COLORS[:20]),
        (ContextEncoder(encoder=tiny_conv), COLORS[:20]),
        (MotionPrediction(encoder=tiny_video, modality=Video()), CLIPS[:20]),
    ):
        seen.clear()
        ssl.set_params(views=brighter, max_epochs=1, **FAST).fit(X)
        # Two looks at two views, before and after the only step.
        assert len(seen) == 5


def test_views_of_whole_clips():
    views = VideoViews(window=(1, 1), n_frames=100)
    ssl = MotionPrediction(modality=Video(), encoder=tiny_video, max_epochs=2, views=views, **FAST)
    assert len(ssl.fit(CLIPS[:20]).loss_curve_) == 2


@pytest.mark.parametrize("encoder", ["conv", "vit", "resnet18"])
@pytest.mark.parametrize("estimator", [Colorization, ContextEncoder])
def test_encoders_by_name(estimator, encoder):
    X = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    ssl = estimator(encoder=encoder, max_epochs=1, **FAST).fit(X)
    assert not any(module._forward_hooks for module in ssl._objective.modules())
    if estimator is Colorization:
        assert ssl.colorize(X).shape == X.shape
    else:
        assert ssl.inpaint(X, np.eye(16, dtype=bool)).shape == X.shape


def test_encoders_side_by_side_paint_together():
    def both(shape):
        return SideBySide([tiny_conv(shape), tiny_conv(shape)])

    ssl = ContextEncoder(encoder=both, batch_size=32, max_epochs=4, **FAST).fit(DIGITS[:400])
    assert len(ssl._objective.parts) == 2
    assert ssl.transform(DIGITS[:5]).shape == (5, 32)
    assert ssl.score(DIGITS[400:]) > 0.1
    filled = ssl.inpaint(DIGITS[:5], MASK)
    np.testing.assert_array_equal(filled[:, ~MASK], DIGITS[:5][:, ~MASK])


def test_partial_fit_learns_on():
    ssl = ContextEncoder(encoder=tiny_conv, batch_size=32, **FAST)
    for _ in range(4):
        ssl.partial_fit(DIGITS[:400])
    errors = [row["relative_error"] for row in ssl.history_]
    assert errors[-1] < 0.8 * errors[0]


def shortened(batch):
    return batch[:, :, :-1]


TINY_FITTED = {"encoder": tiny_conv, "max_epochs": 1, **FAST}
BAD_FITS = [
    (Colorization, {}, DIGITS, "Colorization needs colour images of 3 channels; got 1 channel."),
    (Colorization, {"modality": Images(channels=2)}, COLORS[..., :2], "3 channels; got 2 channels"),
    (Colorization, {"mode": "classes"}, COLORS, "'mode' parameter of Colorization must be"),
    (Colorization, {}, CLIPS[..., None], "no meaning for modality=Video.* works with Images"),
    (ContextEncoder, {"hole_scale": (0.3, 0.1)}, DIGITS, r"'hole_scale'.*low <= high.* \(0.3, 0.1"),
    (ContextEncoder, {"hole_scale": (0.5, 1.0)}, DIGITS, "'hole_scale'"),
    (ContextEncoder, {"n_holes": 0}, DIGITS, "'n_holes'.*Got 0"),
    (ContextEncoder, {}, np.zeros((9, 30)), "no meaning for modality=Tabular.* works with Images"),
    (MotionPrediction, {}, DIGITS, "no meaning for modality=Images.* works with Video"),
    (MotionPrediction, {"n_frames": 0}, CLIPS[..., None], "'n_frames'.*Got 0"),
    (MotionPrediction, {"n_frames": 6}, CLIPS[..., None], "n_frames=6 leaves no .* at most 5"),
]


@pytest.mark.parametrize(("estimator", "params", "X", "message"), BAD_FITS)
def test_bad_fits(estimator, params, X, message):
    ssl = estimator(**{**TINY_FITTED, **params})
    with pytest.raises(ValueError, match=message):
        ssl.fit(X)
    with pytest.raises(NotFittedError):
        ssl.transform(X)


def test_views_that_shorten_clips():
    ssl = MotionPrediction(modality=Video(), encoder=tiny_video, views=shortened, **FAST)
    with pytest.raises(ValueError, match="must keep the 6 frames .* got 5"):
        ssl.fit(CLIPS)


def test_bad_masks(inpainting):
    X = DIGITS[:5]
    for mask, message in (
        (MASK.astype(int), "mask must be an array of bools.* dtype int64"),
        (MASK[:7], r"of shape \(8, 8\) or \(5, 8, 8\), got shape \(7, 8\)"),
        (np.zeros((4, 8, 8), dtype=bool), r"shape \(4, 8, 8\)"),
        (~np.zeros((8, 8), dtype=bool), "all pixels of image 0"),
        (np.arange(5)[:, None, None] == np.full((5, 8, 8), 3), "all pixels of image 3"),
    ):
        with pytest.raises(ValueError, match=message):
            inpainting.inpaint(X, mask)


def test_bad_greys(colorization):
    for X, message in (
        (np.zeros((2, 9, 8), dtype=np.uint8), r"shape \(9, 8\).*shape \(8, 8, 3\) were seen"),
        (np.zeros((2, 8, 8, 2), dtype=np.uint8), r"shape \(8, 8, 2\)"),
        (np.zeros((2, 8, 8)), "uint8 from 0 to 255 were seen"),
    ):
        with pytest.raises(ValueError, match=message):
            colorization.colorize(X)


def test_bad_forecasts(motion):
    with pytest.raises(ValueError, match="n_frames == 0, must be >= 1"):
        motion.forecast(CLIPS, n_frames=0)
    with pytest.raises(TypeError, match="n_frames must be an instance of int"):
        motion.forecast(CLIPS, n_frames=1.5)
    with pytest.raises(ValueError, match="clips of 3 frames; MotionPrediction predicts from 4"):
        motion.forecast(CLIPS[:, :3])
    with pytest.raises(ValueError, match=r"shape \(6, 11, 12\).*shape \(6, 12, 12\) were seen"):
        motion.forecast(CLIPS[:, :, 1:])
    with pytest.raises(ValueError, match=r"shape \(8, 12, 12\).*shape \(6, 12, 12\) were seen"):
        motion.score(np.zeros((2, 8, 12, 12), dtype=np.uint8))


def test_nothing_to_score(colorization, motion):
    with pytest.raises(ValueError, match="MotionPrediction: nothing moves in X"):
        motion.score(CLIPS[:, :1].repeat(6, axis=1))
    grey = np.arange(192, dtype=np.uint8).reshape(3, 8, 8, 1).repeat(3, axis=3)
    with pytest.raises(ValueError, match="Colorization: X has no colours"):
        colorization.score(grey)


@pytest.mark.parametrize(
    ("method", "args"), [("colorize", ()), ("inpaint", (MASK,)), ("forecast", ()), ("score", ())]
)
def test_before_fit(method, args):
    for estimator in (Colorization, ContextEncoder, MotionPrediction):
        if hasattr(estimator, method):
            with pytest.raises(NotFittedError):
                getattr(estimator(), method)(DIGITS, *args)
    assert not hasattr(SimCLR, method)


def test_a_task_that_cannot_be_solved():
    noise = np.random.default_rng(0).integers(0, 256, (64, 6, 8, 8, 1), dtype=np.uint8)
    ssl = MotionPrediction(encoder=tiny_video, max_epochs=60, learning_rate=1e-9, **FAST)
    with pytest.warns(PretextTaskWarning, match="error_over_copy is 1.* repeating the last frame"):
        ssl.fit(noise)
