"""Pretext tasks that give pixels back: what comes back, in which form, and how good it is."""

import numpy as np
import pytest
import torch
from cases import colored_digits, small_conv, tiny_conv, tiny_video
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from skssl import Colorization, ContextEncoder, MotionPrediction, SimCLR
from skssl.exceptions import PretextTaskWarning
from skssl.modality import Images, Video
from skssl.nn import SideBySide
from skssl.views import VideoViews

FAST = {"device": "cpu", "random_state": 0}
DIGITS = load_digits().images.astype(np.float32)
COLORS, _ = colored_digits()
MASK = np.zeros((8, 8), dtype=bool)
MASK[2:5, 3:6] = True


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
def inpainting():
    settings = {**FAST, "encoder": small_conv, "batch_size": 32, "max_epochs": 4}
    return ContextEncoder(**settings).fit(DIGITS[:1000])


@pytest.fixture(scope="module")
def motion():
    settings = {**FAST, "encoder": tiny_video, "batch_size": 16, "max_epochs": 8}
    return MotionPrediction(modality=Video(), n_frames=2, **settings).fit(CLIPS[:300])


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
        # One to see what they are, one to count the work with; two looks at two views, before and
        # after the only step.
        assert len(seen) == 7


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
    (Colorization, {}, DIGITS, "Colorization needs colour images of 3 channels; X has 1 channel."),
    (Colorization, {"modality": Images(channels=2)}, COLORS[..., :2], "; X has 2 channels"),
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
    with pytest.raises(ValueError, match=r"inpaint\(np.nan_to_num\(X\), np.isnan\(X\)\)"):
        inpainting.inpaint(np.where(MASK, np.nan, X), MASK)


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


def test_nothing_to_score(motion):
    with pytest.raises(ValueError, match="MotionPrediction: nothing moves in X"):
        motion.score(CLIPS[:, :1].repeat(6, axis=1))


@pytest.mark.parametrize(
    ("method", "args"), [("colorize", ()), ("inpaint", (MASK,)), ("forecast", ()), ("score", ())]
)
def test_before_fit(method, args):
    for estimator in (Colorization, ContextEncoder, MotionPrediction):
        if hasattr(estimator, method):
            with pytest.raises(NotFittedError):
                getattr(estimator(), method)(DIGITS, *args)
    # A score without labels is what every method has.
    assert hasattr(SimCLR, method) == (method == "score")


def test_a_task_that_cannot_be_solved():
    noise = np.random.default_rng(0).integers(0, 256, (64, 6, 8, 8, 1), dtype=np.uint8)
    ssl = MotionPrediction(encoder=tiny_video, max_epochs=60, learning_rate=1e-9, **FAST)
    with pytest.warns(PretextTaskWarning, match="error_over_copy is 1.* repeating the last frame"):
        ssl.fit(noise)
