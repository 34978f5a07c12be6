"""Views of smaller parts of the samples, and mild ones: what holds for every modality."""

import numpy as np
import pytest
import torch
from cases import CASES
from torch import Tensor, nn

from skssl.base import SelfSupervisedTransformer
from skssl.nn import DrawViews, Objective
from skssl.views import (
    CallableViews,
    ImageViews,
    PointCloudViews,
    SeriesViews,
    TabularViews,
    TextViews,
    VideoViews,
)

VIEWS = [
    (ImageViews(), (3, 32, 32)),
    (ImageViews.glyphs(), (1, 8, 8)),
    (PointCloudViews(), (100, 4)),
    (SeriesViews(), (2, 80)),
    (TabularViews(), (12,)),
    (TextViews(), (30,)),
    (VideoViews(), (3, 10, 32, 32)),
]


def seeded():
    return torch.Generator().manual_seed(0)


def batch_of(views, shape, n=6):
    """Return samples that are all the same, where that lets views differ."""
    if isinstance(views, TabularViews):
        return torch.rand(n, *shape, generator=seeded())
    if isinstance(views, TextViews):
        return torch.arange(1, shape[0] + 1, dtype=torch.int32).expand(n, *shape)
    return torch.rand(shape, generator=seeded()).expand(n, *shape)


@pytest.mark.parametrize(("views", "shape"), VIEWS)
def test_drawn_for_every_sample_and_view(views, shape):
    batch = batch_of(views, shape)
    local = views.local().draw(batch, 3, generator=seeded())
    assert len(local) == 3 and len({view.shape for view in local}) == 1
    samples = torch.cat(local).nan_to_num()
    assert len({tuple(sample.flatten().tolist()) for sample in samples}) == len(samples)


@pytest.mark.parametrize(("views", "shape"), VIEWS)
def test_same_seed_same_bits(views, shape):
    batch = batch_of(views, shape)
    first = views.local().draw(batch, 2, generator=seeded())
    again = views.local().draw(batch, 2, generator=seeded())
    torch.testing.assert_close(first, again, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(("views", "shape"), VIEWS)
def test_mild_views_show_what_the_sample_is(views, shape):
    before = views.get_params()
    mild = views.mild()
    mild.check_parameters()
    assert type(mild) is type(views) and views.get_params() == before
    batch = batch_of(views, shape)
    if isinstance(views, (TabularViews, TextViews)):
        assert torch.equal(mild(batch, generator=seeded()), batch)
    elif isinstance(views, PointCloudViews):
        assert mild.crop_scale == (1, 1) and mild.drop == (0, 0)
    else:
        # Slopes along time and from top to bottom, which are the same in a mirror.
        if isinstance(views, SeriesViews):
            batch = torch.linspace(0, 1, shape[-1]).expand(50, *shape)
        else:
            batch = torch.linspace(0, 1, shape[-2])[:, None].expand(50, *shape).clone()
        if isinstance(views, VideoViews):
            batch += torch.linspace(0, 1, shape[1])[:, None, None]
        apart = {}
        for name, drawn in (("mild", mild), ("weak", views.weak().full_size())):
            one, other = drawn.draw(batch, 2, generator=seeded())
            assert one.shape[-1] == batch.shape[-1]
            apart[name] = (one - other).abs().mean()
        assert 0 < apart["mild"] < 0.5 * apart["weak"]


@pytest.mark.parametrize(("views", "shape"), VIEWS)
def test_no_views(views, shape):
    generator = seeded()
    assert views.local().draw(batch_of(views, shape), 0, generator=generator) == []
    assert torch.equal(generator.get_state(), seeded().get_state())


@pytest.mark.parametrize(("views", "shape"), VIEWS)
def test_the_views_themselves_are_left_alone(views, shape):
    before = views.get_params()
    local = views.local()
    changed = {name for name, value in local.get_params().items() if value != before[name]}
    assert changed and changed <= {
        *("crop_scale", "resolution", "window"),
        *("swap", "dropout"),
    }
    assert type(local) is type(views) and views.get_params() == before
    local.check_parameters()


@pytest.mark.parametrize(
    ("views", "name", "value"),
    [
        (ImageViews, "local_scale", (0.4, 0.1)),
        (ImageViews, "local_resolution", 1.5),
        (ImageViews, "resolution", 0),
        (PointCloudViews, "crop_scale", (0.5, 1.5)),
        (PointCloudViews, "local_scale", (0.0, 0.5)),
        (SeriesViews, "local_scale", (0.5, 1.5)),
        (SeriesViews, "local_resolution", 0),
        (SeriesViews, "resolution", 2),
        (TabularViews, "local_swap", 1.0),
        (TextViews, "local_dropout", 1.0),
        (VideoViews, "local_window", (0.5, 0.2)),
        (VideoViews, "local_resolution", -1),
    ],
)
def test_bad_ranges(views, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of {views.__name__}"):
        views(**{name: value}).check_parameters()


def test_own_function_gives_ordinary_views():
    zeros = torch.zeros(2, 3)
    views = CallableViews(lambda batch: batch + 1).local().draw(zeros, 3, generator=seeded())
    assert len(views) == 3 and all(torch.equal(view, zeros + 1) for view in views)


class _CropsObjective(Objective):
    """Local views are to be embedded as the whole ones."""

    def forward(self, batch: Tensor, draw_views: DrawViews) -> Tensor:
        target = self.encoder(torch.cat(draw_views(batch, 2))).float().unflatten(0, (2, -1)).mean(0)
        crops = draw_views(batch, 2, kind="local")
        embedded = self.encoder(torch.cat(crops)).float().unflatten(0, (2, -1))
        return (embedded - target.detach()).square().mean()


class Crops(SelfSupervisedTransformer):
    """The simplest method with multi-crop, for this test."""

    def make_objective(
        self, encoder: nn.Module, samples: Tensor, *, embedding_dim: int, n_samples: int
    ) -> Objective:
        return _CropsObjective(encoder)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_method_trains_on_them(case, precision):
    X, _ = case.load()
    ssl = case.make(Crops, precision=precision)
    assert np.isfinite(ssl.fit(X[:80]).loss_curve_).all()
    assert np.isfinite(ssl.transform(X[:5])).all()
