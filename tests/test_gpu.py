"""Training and answers on a GPU, where there is one."""

import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
import torch.distributed as dist
from cases import CASES, DIGITS, PAIR_IDS, PAIRS, tiny_conv
from skorch.callbacks import Callback

from skssl import (
    BYOL,
    Colorization,
    ContextEncoder,
    DeepCluster,
    JigsawPuzzle,
    MaskedAutoencoder,
    MoCo,
    SimCLR,
)
from skssl.semi_supervised import FineTuneClassifier

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

COLORS = np.stack([DIGITS, DIGITS / 2, DIGITS / 4], axis=-1) / 16


@pytest.mark.parametrize(("estimator", "case"), PAIRS, ids=PAIR_IDS)
def test_embeds_on_a_gpu_as_on_the_cpu(estimator, case):
    X, y = case.load()
    ssl = case.make(estimator, device="cuda", precision="float32").fit(X, y)
    Z = ssl.transform(X)
    assert np.isfinite(Z).all()
    ssl.set_params(device="cpu")
    np.testing.assert_allclose(ssl.transform(X), Z, rtol=1e-2, atol=1e-2 * np.abs(Z).max())


def test_samples_that_are_on_the_gpu_already():
    X = torch.tensor(DIGITS, dtype=torch.float32, device="cuda")
    ssl = SimCLR(encoder=tiny_conv, max_epochs=0, device="cuda", random_state=0).fit(X)
    np.testing.assert_array_equal(ssl.transform(X), ssl.transform(X.cpu().numpy()))
    # A list of them as well, and a mask.
    np.testing.assert_array_equal(ssl.transform(list(X[:9])), ssl.transform(X[:9]))
    painter = ContextEncoder(encoder=tiny_conv, max_epochs=0, device="cuda").fit(X)
    mask = torch.zeros(8, 8, dtype=torch.bool, device="cuda")
    mask[2:4, 3] = True
    assert np.isfinite(painter.inpaint(X[:9], mask)).all()


@pytest.mark.parametrize("backend", ["nccl", "cpu:gloo,cuda:nccl"])
@pytest.mark.parametrize("estimator", [BYOL, MaskedAutoencoder, SimCLR])
def test_process_group_of_one_trains_as_without(estimator, backend, tmp_path):
    case = CASES[0]
    alone, in_group = (
        case.make_small(estimator, device="cuda", precision="float32", optimizer="sgd")
        for _ in range(2)
    )
    alone.fit(case.few())
    dist.init_process_group(backend, init_method=f"file://{tmp_path}/group", rank=0, world_size=1)
    try:
        in_group.fit(case.few())
    finally:
        dist.destroy_process_group()
    np.testing.assert_allclose(in_group.loss_curve_, alone.loss_curve_, rtol=1e-4)
    Z = alone.transform(case.few())
    np.testing.assert_allclose(in_group.transform(case.few()), Z, atol=1e-3 * np.abs(Z).max())


@pytest.mark.parametrize("estimator", [DeepCluster, MoCo])
def test_goes_on_from_a_checkpoint(estimator, tmp_path):
    class Stop(Callback):
        def on_batch_end(self, net, **kwargs):
            if net.steps_done_ == 5:
                raise ZeroDivisionError

    path = tmp_path / "training"
    shared = {"checkpoint": path, "checkpoint_every": "1 step", "batch_size": 100}
    ssl = estimator(encoder=tiny_conv, max_epochs=4, device="cuda", random_state=0, **shared)
    with pytest.raises(ZeroDivisionError):
        ssl.set_params(callbacks=[Stop()]).fit(DIGITS)
    with pytest.raises(ValueError, match="begun with device='cuda', and this has device='cpu'"):
        ssl.set_params(callbacks=None, device="cpu").fit(DIGITS)
    ssl.set_params(device="cuda").fit(DIGITS)
    assert ssl.n_iter_ == 4
    # One that is over is read anywhere.
    found = ssl.set_params(device="cpu").fit(DIGITS)
    assert np.isfinite(found.transform(DIGITS)).all()


@pytest.mark.parametrize("encoder", ["auto", tiny_conv])
def test_a_file_is_read_where_there_is_no_gpu(encoder, tmp_path):
    ssl = SimCLR(encoder=encoder, max_epochs=1, device="auto", random_state=0).fit(DIGITS)
    ssl.partial_fit(DIGITS)
    joblib.dump(ssl, tmp_path / "model.joblib")
    np.save(tmp_path / "X.npy", DIGITS)
    script = (
        "import joblib, numpy as np, torch\n"
        "assert not torch.cuda.is_available()\n"
        "np.save('Z.npy', joblib.load('model.joblib').transform(np.load('X.npy')))"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    where = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, env=where)
    Z = ssl.set_params(device="cpu").transform(DIGITS)
    np.testing.assert_allclose(np.load(tmp_path / "Z.npy"), Z, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:0", torch.device("cuda")])
@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_any_name_of_the_gpu(device, precision):
    ssl = SimCLR(encoder=tiny_conv, max_epochs=1, device=device, precision=precision)
    assert ssl.fit(DIGITS).transform(DIGITS).shape == (len(DIGITS), 16)


def test_samples_that_the_gpu_has_no_room_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, 0))
    ssl = SimCLR(encoder=tiny_conv, max_epochs=1, device="cuda").fit(DIGITS)
    assert np.isfinite(ssl.transform(DIGITS)).all()


def test_what_is_given_back_comes_from_a_gpu():
    shared = {"max_epochs": 2, "device": "cuda", "random_state": 0}
    painter = Colorization(encoder=tiny_conv, **shared).fit(COLORS)
    assert painter.colorize(COLORS).shape == COLORS.shape
    holes = np.zeros(DIGITS.shape, dtype=bool)
    holes[:, 2:6, 2:6] = True
    filled = ContextEncoder(encoder=tiny_conv, **shared).fit(DIGITS).inpaint(DIGITS, holes)
    np.testing.assert_array_equal(filled[~holes], DIGITS[~holes])
    whole = MaskedAutoencoder(width=16, depth=1, n_heads=2, **shared).fit(DIGITS)
    assert whole.reconstruct(DIGITS, "random").shape == DIGITS.shape
    puzzle = JigsawPuzzle(encoder=tiny_conv, **shared).fit(DIGITS)
    assert puzzle.solve(DIGITS).shape == DIGITS.shape


def test_fine_tunes_on_a_gpu():
    case = CASES[0]
    X, y = case.load()
    ssl = SimCLR(encoder=tiny_conv, max_epochs=1, device="cuda", random_state=0)
    classifier = FineTuneClassifier(ssl, max_epochs=2, random_state=0).fit(X, y)
    assert set(classifier.predict(X)) <= set(y)
