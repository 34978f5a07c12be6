"""What tests/test_distributed.py lets one or several processes do."""

from __future__ import annotations

import os
import signal
import warnings
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from cases import CASES, CHEAP_PAIRS, DIGITS, ESTIMATORS, tiny_conv
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import Tensor, nn

import skssl.semi_supervised._training
import skssl.training
from skssl import BYOL, MaskedAutoencoder, MoCo, SimCLR
from skssl.exceptions import CollapseWarning, TrainingInterrupted
from skssl.semi_supervised import FineTuneClassifier, FineTuneRegressor
from skssl.utils import embed

# Not a multiple of the number of processes.
BATCH = 23
N_ROWS = 72
EXACT = {"batch_size": BATCH, "optimizer": "sgd", "learning_rate": 0.05, "precision": "float32"}
SMALL = {"encoder": tiny_conv, "max_epochs": 2, "batch_size": 64, "random_state": 0}
CASE = {case.name: case for case in CASES}


def rank() -> int:
    """Return the number of this process; -1 if it is the only one."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "-1")))


class _Double(nn.Module):
    def forward(self, batch: Tensor) -> Tensor:
        return batch.double() if batch.is_floating_point() else batch


def _train_in_float64() -> dict[str, Tensor]:
    """Let all trainings be done in float64; return where the latest puts what it learned."""
    train, to_float = skssl.training.train, Tensor.float
    learned: dict[str, Tensor] = {}

    def train_in_float64(objective, samples, *, input_layer, **params):
        torch.set_default_dtype(torch.float64)
        try:
            layer = nn.Sequential(input_layer, _Double())
            result = train(objective.double(), samples, input_layer=layer, **params)
        finally:
            torch.set_default_dtype(torch.float32)
        learned.clear()
        learned.update({name: t.clone() for name, t in _tensors(objective).items()})
        objective.to(torch.float32)
        return result

    skssl.training.train = skssl.semi_supervised._training.train = train_in_float64
    Tensor.float = lambda tensor: tensor if tensor.dtype == torch.float64 else to_float(tensor)
    return learned


class FirstGradients(Callback):
    """Notes the gradients of the first step."""

    def __init__(self):
        self.found = {}

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.found = self.found or {
            name: p.grad.clone() for name, p in named_parameters if p.grad is not None
        }


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {name: t for name, t in module.state_dict().items() if isinstance(t, Tensor)}


def every_method(folder: Path) -> None:
    """Write what every method and every fine-tuning has learned in a few steps, in float64."""
    latest, learned = _train_in_float64(), {}
    # The patches of points are compared by distances that float64 does not know.
    pairs = {
        method: CASE["series"]
        if case.name == "points" and "width" in signature(method).parameters
        else case
        for method, case in CHEAP_PAIRS.items()
    }
    assert set(pairs) == set(ESTIMATORS)
    for method, case in pairs.items():
        ssl = case.make_small(method, **EXACT).fit(case.few()[:N_ROWS])
        assert ssl.n_steps_ == 3
        learned[method.__name__] = latest.copy()
    images = CASE["images"]
    X, y = images.few()[:N_ROWS], images.load()[1][:N_ROWS]
    few = np.where(np.arange(len(y)) % 2 == 0, y, -1)
    pretrained = images.make_small(SimCLR, **EXACT).fit(X)
    for name, tuner, targets in [
        ("classifier", FineTuneClassifier(pretrained), y),
        ("new encoder", FineTuneClassifier(images.make_small(SimCLR, max_epochs=0)), y),
        ("regressor", FineTuneRegressor(pretrained), y.astype(float)),
        ("pseudo-labels", FineTuneClassifier(pretrained, semi_supervised="pseudo_label"), few),
        ("FixMatch", FineTuneClassifier(pretrained, semi_supervised="fixmatch"), few),
    ]:
        tuner.set_params(max_epochs=1, batch_size=BATCH, random_state=0).fit(X, targets)
        learned[name] = latest.copy()
    for method, case in [(SimCLR, images), (MoCo, CASE["series"]), (MaskedAutoencoder, images)]:
        for optimizer in ("adamw", "muon"):
            gradients = FirstGradients()
            settings = {**EXACT, "optimizer": optimizer, "callbacks": [gradients]}
            case.make_small(method, **settings).fit(case.few()[:N_ROWS])
            assert len(gradients.found) > 5
            learned[f"{method.__name__} with {optimizer}"] = gradients.found
    torch.save(learned, folder / f"{rank()}.pt")


def scripts(folder: Path) -> None:
    """Do what a script might do, each time in all processes, and write what was learned."""
    X, y = (part[:130] for part in (DIGITS, load_digits().target))
    ssl = SimCLR(**SMALL).fit(X)
    assert not dist.is_initialized()
    ssl.partial_fit(X)
    np.save(folder / f"{rank()}.npy", X)
    stored = np.load(folder / f"{rank()}.npy", mmap_mode="r")
    learned = [
        ssl,
        SimCLR(**{**SMALL, "random_state": None}).fit(X),
        SimCLR(**{**SMALL, "max_epochs": 10_000}, max_time=0.5).fit(X),
        MoCo(**SMALL, warm_start=folder / "kept").fit(X),
        MoCo(**{**SMALL, "max_epochs": 6}, warm_start=folder / "kept").fit(X),
        BYOL(**{**SMALL, "encoder": _dropping}).fit(stored),
        GridSearchCV(
            make_pipeline(SimCLR(**SMALL), LogisticRegression(max_iter=1000)),
            {"simclr__temperature": [0.1, 1]},
            cv=2,
        )
        .fit(X, y)
        .best_estimator_[0],
        _interrupted(),
    ]
    _embed_to_a_file(ssl, X, folder)
    _tells_once()
    _is_refused()
    dist.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank(), world_size=2)
    learned.append(SimCLR(**SMALL).fit(X))
    assert dist.is_initialized()
    dist.destroy_process_group()
    torch.save([_tensors(ssl.encoder_) for ssl in learned], folder / f"{rank()}.pt")
    print("all done")


def _dropping(shape: tuple[int, ...]) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Dropout(), nn.BatchNorm1d(16))


def _embed_to_a_file(ssl: SimCLR, X: np.ndarray, folder: Path) -> None:
    """Let one of the processes write, and the other one open what was written."""
    for batch_size in (1, 7):
        out = folder / "embeddings" / f"{batch_size}.npy"
        Z = embed(ssl, X, out, batch_size=batch_size, verbose=False)
        np.testing.assert_allclose(Z, ssl.transform(X), atol=1e-5)
        assert out.stat().st_size == 128 + Z.nbytes


class _AtStep(Callback):
    """Does something in one of the processes, after so many steps."""

    def __init__(self, act, *, step, rank):
        self.act = act
        self.step = step
        self.rank = rank

    def on_batch_end(self, net, **kwargs):
        if net.steps_done_ == self.step and rank() == self.rank:
            self.act()


def _interrupted() -> SimCLR:
    """Return a method after a Ctrl-C that came to one process only."""
    press = _AtStep(lambda: os.kill(os.getpid(), signal.SIGINT), step=3, rank=1)
    ssl = SimCLR(**SMALL, callbacks=[press])
    with pytest.raises(TrainingInterrupted):
        ssl.fit(DIGITS)
    assert ssl.n_steps_ == 3
    return ssl.set_params(callbacks=None)


def _tells_once() -> None:
    """Let the first process warn, and no other one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        same = lambda batch: torch.ones_like(batch)  # noqa: E731
        SimCLR(**{**SMALL, "max_epochs": 14}, views=same, verbose=1).fit(DIGITS)
    told = [warning for warning in caught if warning.category is CollapseWarning]
    assert len(told) == (rank() == 0)


def _is_refused() -> None:
    ssl = SimCLR(**SMALL)
    with pytest.raises(ValueError, match=r"but do not have the same: samples\. Each needs"):
        ssl.fit(DIGITS + rank())
    with pytest.raises(ValueError, match=r"do not have the same: shape of the samples\."):
        ssl.fit(DIGITS[rank() :])
    with pytest.raises(ValueError, match=r"do not have the same: random_state, batch_size or"):
        SimCLR(**{**SMALL, "random_state": rank()}).fit(DIGITS)
    tuner = FineTuneClassifier(SimCLR(**SMALL).fit(DIGITS), batch_size=1)
    with pytest.raises(ValueError, match="batch_size=1 .* not be smaller than their number, 2"):
        tuner.fit(DIGITS, load_digits().target[:300])
    with pytest.raises(RuntimeError, match="called by a worker of joblib"):
        Parallel(2, backend="threading")(delayed(ssl.fit)(DIGITS) for _ in range(2))
    assert not hasattr(ssl, "encoder_")


def _kept(folder: Path, act=None, *, step: int = 0, rank: int = 1) -> BYOL:
    """Return a method that is written to a file after every step, and what is to happen to it."""
    callbacks = [] if act is None else [_AtStep(act, step=step, rank=rank)]
    settings = {**SMALL, "encoder": _dropping, "callbacks": callbacks, "verbose": 1}
    return BYOL(**settings, checkpoint=folder / "training", checkpoint_every="1 step")


def loses_one(folder: Path) -> None:
    """Lose one of the processes in the middle of a training."""
    ssl = _kept(folder, lambda: os._exit(7), step=2)
    with pytest.raises(RuntimeError, match="Process 0 of 2 got no answer: another one has ended"):
        ssl.fit(DIGITS)
    assert not hasattr(ssl, "encoder_")


def is_ended(folder: Path) -> None:
    """Go on, until a scheduler tells one of the processes that it is to end."""
    _kept(folder, lambda: signal.raise_signal(signal.SIGTERM), step=4).fit(DIGITS)


def goes_on(folder: Path) -> None:
    """Go on to the end, and see whether it comes to the bits of a training that nothing ended."""
    ssl, undisturbed = _kept(folder).fit(DIGITS), _kept(folder).set_params(checkpoint=None)
    undisturbed.fit(DIGITS)
    for name, tensor in _tensors(undisturbed.encoder_).items():
        assert torch.equal(tensor, _tensors(ssl.encoder_)[name]), name
    assert all(
        type(module).__module__.startswith("torch") for module in ssl.encoder_.encoder.modules()
    )


def digits(folder: Path) -> None:
    """Write how well digits are told by what was learned, with BatchNorm and random views."""
    X, y = load_digits(return_X_y=True)
    X = X.reshape(-1, 8, 8)
    scores = []
    for seed in range(3):
        ssl = SimCLR(max_epochs=20, random_state=seed).fit(X[:1200])
        head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        head.fit(ssl.transform(X[:200]), y[:200])
        scores.append(head.score(ssl.transform(X[1200:]), y[1200:]))
    np.save(folder / f"scores{rank()}.npy", scores)


def begin(name: str, folder: Path, told: dict[str, str], output: Path) -> None:
    """Do what one of the functions does, as a process that a launcher told so."""
    os.environ.update(told)
    with output.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    torch.set_num_threads(1)
    # Processes that were started in the background ignore it, and so do those that these start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    globals()[name](folder)
