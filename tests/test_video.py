"""Video: what is accepted, and as what; views that treat the frames of a clip alike; encoders."""

import numpy as np
import pytest
import torch
from cases import tiny_video

from skssl import SimCLR
from skssl.modality import Images, Video, infer_modality
from skssl.nn import SmallVideoNet
from skssl.views import ImageViews, VideoViews, random_frames


def tiny(**params):
    settings = {"encoder": tiny_video, "max_epochs": 1, "device": "cpu", "random_state": 0}
    return SimCLR(**{**settings, **params})


def prepared(X, **params):
    modality = Video(**params)
    return modality.fit(modality.check(X, estimator="test")).prepare(
        modality.check(X, estimator="test")
    )


def seeded():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def clips(rng):
    return rng.integers(0, 256, (8, 6, 10, 12, 3), dtype=np.uint8)


def test_auto_rule(clips):
    assert type(infer_modality(clips)) is Video
    assert type(infer_modality(list(clips))) is Video
    assert type(infer_modality(clips[..., 0])) is Images
    assert tiny().fit(clips).modality_.sample_shape_ == (3, 6, 10, 12)


def test_layouts_of_the_same_clips(clips):
    expected = torch.tensor(clips.transpose(0, 4, 1, 2, 3))
    for X, params in [
        (clips, {}),
        (expected.numpy(), {}),
        (list(clips), {}),
        (clips, {"layout": "channels_last"}),
        (expected.numpy(), {"layout": "channels_first", "channels": 3}),
    ]:
        samples = prepared(X, **params)
        assert samples.dtype == torch.uint8
        assert torch.equal(samples, expected)
    gray = clips[..., 0]
    assert torch.equal(prepared(gray), expected[:, :1])
    assert torch.equal(prepared(gray[..., None]), expected[:, :1])


def test_ambiguous_layout():
    X = np.arange(2 * 3 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 3, 4, 5, 3)
    assert torch.equal(prepared(X), torch.tensor(X).permute(0, 4, 1, 2, 3))
    assert torch.equal(prepared(X, layout="channels_first"), torch.tensor(X))


def test_values_are_scaled_on_the_device(clips, rng):
    for X, params in [
        (clips, {}),
        (clips * 1000.0 - 7, {}),
        (rng.standard_normal((6, 4, 8, 9, 2)) * [1, 100], {"channels": 2}),
    ]:
        modality = Video(**params)
        checked = modality.check(X, estimator="test")
        scaled = modality.fit(checked).input_layer()(modality.prepare(checked))
        assert scaled.dtype == torch.float32
        low, high = scaled.amin(dim=(0, 2, 3, 4)), scaled.amax(dim=(0, 2, 3, 4))
        torch.testing.assert_close(low, torch.zeros_like(low), atol=0.02, rtol=0)
        torch.testing.assert_close(high, torch.ones_like(high), atol=0.02, rtol=0)


def numbered(n, length):
    """Clips whose frames show their own number."""
    return torch.arange(float(length)).view(1, 1, length, 1, 1).expand(n, 2, length, 3, 3)


@pytest.mark.parametrize(
    ("length", "window", "n_frames", "shown"),
    [
        (16, (0.5, 1.0), 8, 8),
        (16, (1.0, 1.0), 8, 8),
        (16, (1.0, 1.0), 99, 16),
        (16, (0.2, 0.4), 8, 4),
        (6, (0.5, 1.0), 8, 3),
        (2, (0.5, 1.0), 8, 2),
    ],
)
def test_frames_are_spread_over_a_window(length, window, n_frames, shown):
    frames = random_frames(
        numbered(500, length), generator=seeded(), window=window, n_frames=n_frames
    )
    assert frames.shape == (500, 2, shown, 3, 3)
    assert torch.equal(frames, frames[:, :1, :, :1, :1].expand_as(frames))
    places = frames[:, 0, :, 0, 0]
    strides = places.diff(dim=1)
    assert (strides >= 1).all()
    assert (strides.amax(dim=1) - strides.amin(dim=1) <= 1).all()
    span = places[:, -1] - places[:, 0]
    assert span.min() >= window[0] * (length - 1) - 1
    assert span.max() <= max(shown - 1, window[1] * (length - 1) + 1)
    if window[0] < 1 and length > 2:
        assert len(set(span.tolist())) > 1 and len(set(places[:, 0].tolist())) > 1


def test_the_whole_clip_is_one_window():
    clips = numbered(3, 9)
    assert torch.equal(
        random_frames(clips, generator=seeded(), window=(1.0, 1.0), n_frames=9), clips
    )


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_frames_of_a_clip_are_changed_alike(channels):
    still = torch.rand(6, channels, 1, 16, 16).expand(-1, -1, 8, -1, -1)
    views = VideoViews(noise=0.0)(still, generator=seeded())
    torch.testing.assert_close(views, views[:, :, :1].expand_as(views))
    assert len({clip.sum().item() for clip in views}) == 6


def test_a_still_clip_is_seen_as_its_image():
    image = torch.rand(5, 3, 16, 16)
    still = image[:, :, None].expand(-1, -1, 2, -1, -1)
    ranges = {"crop_scale": (0.5, 1.0), "noise": 0.0}

    generator, other = seeded(), seeded()
    torch.empty(2, 5, 1).uniform_(generator=other)  # what the window draws
    of_clip = VideoViews(**ranges)(still, generator=generator)
    of_image = ImageViews(**ranges)(image, generator=other)
    torch.testing.assert_close(of_clip[:, :, 0], of_image)


def test_local_views_show_less_time_and_space():
    clips = torch.zeros(300, 2, 20, 32, 32)
    clips[:, 0] = torch.arange(20.0)[
        :, None, None
    ]  # when a frame is, and below it where a pixel is
    clips[:, 1] = torch.arange(32.0)[:, None]
    views = VideoViews(
        jitter=0.0, grayscale=0.0, crop_ratio=(1.0, 1.0), local_resolution=0.6, padding="border"
    )
    (whole,) = views.draw(clips, 1, generator=seeded())
    (local,) = views.local().draw(clips, 1, generator=seeded())
    assert whole.shape == (300, 2, 8, 32, 32) and local.shape == (300, 2, 6, 19, 19)

    def extent(view):
        time, place = view[:, 0, :, 0, 0], view[:, 1, 0, :, 0]
        return time[:, -1] - time[:, 0], place[:, -1] - place[:, 0]

    (whole_time, whole_space), (local_time, local_space) = extent(whole), extent(local)
    # 0.3 to 0.5 of 19 steps, to the nearest frame.
    assert local_time.min().round() >= 5 and local_time.max().round() <= 10
    assert whole_time.mean() > 1.6 * local_time.mean()
    assert local_space.max() <= 0.4**0.5 * 32
    assert whole_space.mean() > 1.4 * local_space.mean()


def test_frames_of_a_local_view_are_changed_alike():
    still = torch.rand(6, 3, 1, 32, 32).expand(-1, -1, 8, -1, -1)
    (local,) = VideoViews(blur=0.5, erase=0.5).local().draw(still, 1, generator=seeded())
    torch.testing.assert_close(local, local[:, :, :1].expand_as(local))


def test_default_views_follow_the_clips(clips):
    gray = clips[..., 0]
    for X in (clips, gray):
        views = tiny(modality=Video()).fit(X).views_
        assert views.get_params() == VideoViews().full_size().get_params()
    on_black = np.where(gray > 128, gray, 0).astype(np.uint8)
    glyphs = tiny(modality=Video()).fit(on_black).views_
    assert type(glyphs) is VideoViews
    assert glyphs.get_params() == VideoViews.glyphs().full_size().get_params()
    assert glyphs.flip == 0.0


def test_details_are_the_same_in_all_frames():
    still = torch.rand(6, 1, 1, 20, 20).expand(-1, -1, 4, -1, -1)
    views = VideoViews(blur=0.5, solarize=0.5, erase=1.0, noise=0.0)(still, generator=seeded())
    torch.testing.assert_close(views, views[:, :, :1].expand_as(views))


def test_ranges_of_the_window_can_be_set(clips):
    changed = tiny().set_params(views__window=(1.0, 1.0), views__flip=0.0).fit(clips)
    assert changed.views_.window == (1.0, 1.0)


@pytest.mark.parametrize("shape", [(1, 2, 8, 8), (3, 5, 17, 30), (1, 16, 64, 64), (2, 3, 1, 1)])
def test_default_encoder_takes_any_size(shape):
    channels, _, height, width = shape
    net = SmallVideoNet(channels, (height, width))
    assert net(torch.rand(2, *shape)).shape == net(torch.rand(2, *shape)[:, :, :2]).shape
    assert net(torch.rand(2, *shape)).shape == (2, 128)
    with_change = SmallVideoNet(channels, (height, width), change=True)
    assert with_change(torch.rand(2, *shape)).shape == (2, 256)


def test_change_tells_the_order():
    torch.manual_seed(0)
    net = SmallVideoNet(1, (8, 8), change=True).eval()
    clip = torch.cat(
        [torch.rand(1, 1, 1, 8, 8).expand(-1, -1, 8, -1, -1), torch.zeros(1, 1, 8, 8, 8)], dim=2
    )
    mean, change = net(clip).chunk(2, dim=1)
    _, reversed_change = net(clip.flip(2)).chunk(2, dim=1)
    assert (change * reversed_change).sum() < 0
    still = clip[:, :, :1].expand(-1, -1, 16, -1, -1)
    assert net(still)[:, 128:].abs().max() < change.abs().max()


def test_default_encoder_sees_movement():
    torch.manual_seed(0)
    net = SmallVideoNet(1, (16, 16)).eval()
    clip = torch.zeros(1, 1, 8, 16, 16)
    for frame in range(8):
        clip[0, 0, frame, 4:8, frame : frame + 4] = 1
    assert not torch.allclose(net(clip), net(clip.flip(2)), rtol=1e-3)


def test_torchvision_encoder_by_name(clips):
    ssl = SimCLR(encoder="r3d_18", max_epochs=0, device="cpu", random_state=0).fit(clips[:2])
    assert ssl.transform(clips[:2]).shape == (2, 512)
    gray = SimCLR(encoder="mc3_18", modality=Video(), max_epochs=0, device="cpu")
    assert gray.fit(clips[:2, ..., 0]).transform(clips[:2, ..., 0]).shape == (2, 512)
    with pytest.raises(ValueError, match="no encoder for Video.*r2plus1d_18.*'swin3d_t'"):
        tiny(encoder="r2plus1d").fit(clips)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((4, 1, 8, 8)), r"clips of shape \(1, 8, 8\) with 1 frame; .* at least 2"),
        (np.zeros((4, 5, 8, 9, 7)), r"clips of shape \(5, 8, 9, 7\) holds the channels"),
        (np.zeros((4, 8, 8)), r"X has shape \(4, 8, 8\); video has 4 or 5 dimensions"),
        (
            [np.zeros((5, 8, 8)), np.zeros((6, 8, 8))],
            r"Row 1 of X has a clip of shape \(6, 8, 8\), but row 0 has \(5, 8, 8\)",
        ),
        (np.full((4, 3, 8, 8), np.nan), "NaN"),
    ],
)
def test_bad_clips(X, message):
    with pytest.raises(ValueError, match=message):
        tiny(modality=Video()).fit(X)


def test_bad_parameters(clips):
    with pytest.raises(ValueError, match=r"channels=3 does not fit clips of shape \(6, 10, 12\)"):
        tiny(modality=Video(channels=3)).fit(clips[..., 0])
    with pytest.raises(ValueError, match="channels=5 and layout='channels_last'"):
        tiny(modality=Video(channels=5, layout="channels_last")).fit(clips)
    with pytest.raises(ValueError, match="window"):
        tiny(views=VideoViews(window=(0.5, 1.5))).fit(clips)
    with pytest.raises(ValueError, match="n_frames"):
        tiny().set_params(views__n_frames=1).fit(clips)


@pytest.mark.parametrize("change", [lambda X: X[:, :5], lambda X: X[:, :, :9]])
def test_other_clips_at_transform(clips, change):
    shape = str(change(clips).shape[1:]).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=shape + r".*shape \(6, 10, 12, 3\) were seen in fit"):
        tiny(max_epochs=0).fit(clips).transform(change(clips))
    with pytest.raises(ValueError, match="uint8 from 0 to 255 were seen"):
        tiny(max_epochs=0).fit(clips).transform(clips / 255)
