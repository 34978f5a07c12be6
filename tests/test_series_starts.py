"""Networks for series from the packages of those who trained them, with random weights here.

The packages are no requirement of the tests, and stand-ins have what is special about them.
"""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.base import clone
from torch import nn

from skssl import SimCLR
from skssl.modality import Series
from skssl.nn import Pretrained, mantis_start, moment_start

X = np.random.RandomState(0).randn(12, 2, 100).astype(np.float32).cumsum(axis=-1)


def double(values):
    return 2 * values


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(16, 8)
        self.ts_scaler = lambda x: (
            (x - torch.mean(x, axis=2, keepdim=True)) / (torch.std(x, axis=2, keepdim=True) + 1e-5)
        )
        self.double = staticmethod(double)

    def forward(self, series):
        return self.layer(self.double(self.ts_scaler(series)).reshape(len(series), -1, 16))


class LikeMantis(nn.Module):
    num_patches = 4

    def __init__(self, **said):
        super().__init__()
        self.tokgen_unit = Generator()
        vars(self).update(said)

    def forward(self, series):
        assert series.shape[1] == 1
        return self.tokgen_unit(series).mean(dim=1)


class LikeMoment(nn.Module):
    seq_len = 128

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(128, 8)

    def forward(self, *, x_enc):
        raise AssertionError("this is for another task")

    def embed(self, *, x_enc):
        return SimpleNamespace(embeddings=self.encoder(x_enc).mean(dim=1))


def mantis():
    module = pytest.importorskip("mantis.architecture", reason="needs the package mantis-tsfm")
    small = {"hidden_dim": 16, "transf_depth": 1, "transf_num_heads": 2, "transf_mlp_dim": 16}
    return [
        getattr(module, name)(device="cpu", **small)
        for name in ("MantisV1", "MantisV2", "Mantis8M")
    ]


def moment(**said):
    module = pytest.importorskip("momentfm", reason="needs the package momentfm")
    backbone = {"d_model": 16, "d_ff": 32, "d_kv": 8, "num_heads": 2, "num_layers": 1}
    config = {
        "task_name": "embedding",
        "transformer_type": "encoder_only",
        "transformer_backbone": "google/flan-t5-small",
        "d_model": 16,
        "seq_len": 512,
        "patch_len": 8,
        "patch_stride_len": 8,
        "t5_config": backbone | {"vocab_size": 32},
        "freeze_encoder": False,
        "freeze_embedder": False,
    }
    with pytest.warns(UserWarning):
        return module.MOMENT(config, model_kwargs={"enable_gradient_checkpointing": False, **said})


def resized(size):
    return F.interpolate(torch.from_numpy(X), size=size, mode="linear", align_corners=False)


def check(start, expected):
    """Check that it is the feature of the network itself, is adapted, copied and kept."""
    assert isinstance(start, Pretrained)
    options = {"device": "cpu", "random_state": 0, "encoder": start}
    frozen = SimCLR(modality=Series(normalize=None), max_epochs=0, **options).fit(X)
    with torch.no_grad():
        Z = frozen.encoder_.columns(frozen.modality_.prepare(X))
    np.testing.assert_allclose(Z, expected, atol=1e-5)
    ssl = SimCLR(max_epochs=2, batch_size=6, **options).fit(X)
    assert ssl.is_adapted()
    before, after = start.state_dict(), ssl.encoder_.encoder.body.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert np.array_equal(clone(ssl).fit(X).transform(X), ssl.transform(X))
    again = pickle.loads(pickle.dumps(ssl))
    assert np.array_equal(again.transform(X), ssl.transform(X))
    # Shorter series and gaps are what they are for other networks.
    short = X[:, :, :37].copy()
    short[3, 1, 5] = np.nan
    assert np.isfinite(ssl.transform(short)).all()


@torch.no_grad()
def by_channel(network, size):
    series = resized(size)
    return torch.cat([network(series[:, [channel]]) for channel in (0, 1)], dim=1)


def test_what_is_like_mantis():
    network = LikeMantis().eval()
    with pytest.raises((TypeError, AttributeError)):
        pickle.dumps(network)
    expected = by_channel(network, 128)
    check(mantis_start(network, size=128), expected)
    # What has been one already may be one again.
    check(mantis_start(network, size=128), expected)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_mantis(version):
    network = mantis()[version].eval()
    expected = by_channel(network, 512)
    check(mantis_start(network), expected)


def test_what_is_like_moment():
    network = LikeMoment().eval()
    with torch.no_grad():
        expected = network.embed(x_enc=resized(128)).embeddings
    check(moment_start(network), expected)


def test_moment():
    network = moment().eval()
    with torch.no_grad():
        expected = network.embed(x_enc=resized(512)).embeddings
    check(moment_start(network), expected)


def test_moment_that_cannot_be_kept_is_an_error():
    network = LikeMoment()
    network.encoder.gradient_checkpointing = True
    with pytest.raises(ValueError, match="'enable_gradient_checkpointing': False"):
        moment_start(network)


@pytest.mark.parametrize(
    ("said", "size", "message"),
    [
        ({}, 30, "size must be a multiple of its 4 patches for this network, got 30"),
        ({}, 0, "size must be a multiple of its 4 patches"),
        ({}, 8.0, "size must be a multiple of its 4 patches for this network, got 8.0"),
        ({"seq_len": 64}, 32, "size must be 64 for this network, got 32"),
    ],
)
def test_lengths_that_do_not_fit(said, size, message):
    with pytest.raises(ValueError, match=message):
        mantis_start(LikeMantis(**said), size=size)


@pytest.mark.parametrize(("start", "name"), [(mantis_start, "Mantis"), (moment_start, "MOMENT")])
@pytest.mark.parametrize("network", [nn.Linear(2, 2), "paris-noah/MantisV2"])
def test_other_networks_are_errors(start, name, network):
    with pytest.raises(TypeError, match=f"network must be a {name}.*got "):
        start(network)
