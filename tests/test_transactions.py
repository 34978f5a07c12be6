"""A fit changes its estimator as a whole or not at all, and nothing else, whatever happens."""

import copy
import multiprocessing
import os
import pickle
import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from cases import CASES, CHEAP_PAIRS, FAMILIES, tiny_conv, tiny_mlp
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from skssl import ContextEncoder, JigsawPuzzle, SimCLR
from skssl.exceptions import TrainingInterrupted
from skssl.modality import Images, PointCloud
from skssl.semi_supervised import FineTuneClassifier, FineTuneRegressor
from skssl.views import TabularViews

X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
PICTURES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
TINY = {"encoder": tiny_mlp, "batch_size": 20, "device": "cpu", "random_state": 0}


def simclr(**params):
    return SimCLR(**{**TINY, "max_epochs": 4, **params})


@pytest.fixture(autouse=True)
def ctrl_c_is_python_s():
    """A process in the background may have been started to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Fault(Callback):
    """Raises an error, or presses Ctrl-C, when a step ends."""

    def __init__(self, step, *, ctrl_c=False, event="on_batch_end"):
        self.step, self.ctrl_c, self.event = step, ctrl_c, event

    def notify(self, event, net):
        if event == self.event and net.steps_done_ == self.step:
            if not self.ctrl_c:
                raise OSError("a fault of the user's own")
            os.kill(os.getpid(), signal.SIGINT)

    def on_batch_begin(self, net, **kwargs):
        self.notify("on_batch_begin", net)

    def on_batch_end(self, net, **kwargs):
        self.notify("on_batch_end", net)

    def on_train_end(self, net, **kwargs):
        self.notify("on_train_end", net)


class AtOnce(Callback):
    """Presses Ctrl-C before the first step."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        os.kill(os.getpid(), signal.SIGINT)


def state_of(estimator):
    """Return all that an estimator holds; no object of it is that of the estimator."""
    return pickle.loads(pickle.dumps(vars(estimator)))


def assert_same(estimator, state, samples, before):
    after = state_of(estimator)
    assert set(after) == set(state)
    for name in ("n_iter_", "loss_curve_", "n_features_in_"):
        assert after[name] == state[name]
    assert not any(module.training for module in estimator.encoder_.modules())
    np.testing.assert_array_equal(estimator.transform(samples), before)


BAD_REFITS = {
    "samples": ({}, np.full((60, 5), np.inf)),
    "shape": ({}, np.zeros((60, 3, 2, 2, 2, 2))),
    "too few": ({}, X[:1]),
    "views": ({"views": TabularViews(swap=2.0)}, X * 100),
    "encoder": ({"encoder": "nonsense"}, X * 100),
    "callback": ({"callbacks": [Fault(3)]}, X * 100),
    "loss": ({"learning_rate": 1e30}, X * 100),
}


@pytest.mark.parametrize("name", BAD_REFITS)
def test_after_an_error_an_estimator_is_what_it_was(name):
    params, samples = BAD_REFITS[name]
    new = simclr(**params)
    with pytest.raises((ValueError, OSError, FloatingPointError)):
        new.fit(samples)
    with pytest.raises(NotFittedError):
        new.transform(X)
    ssl = simclr().fit(X)
    state, Z = state_of(ssl), ssl.transform(X)
    with pytest.raises((ValueError, OSError, FloatingPointError)):
        ssl.set_params(**params).fit(samples)
    assert_same(ssl, state, X, Z)


def test_what_a_method_cannot_be_built_for_changes_nothing():
    ssl = JigsawPuzzle(
        modality=Images(), grid=2, encoder=tiny_conv, max_epochs=1, device="cpu", random_state=0
    )
    ssl.fit(PICTURES)
    state, Z = state_of(ssl), ssl.transform(PICTURES)
    with pytest.raises(ValueError, match="grid=2 needs samples"):
        ssl.fit(PICTURES[:, :3])
    assert_same(ssl, state, PICTURES, Z)


@pytest.mark.parametrize("estimator", FAMILIES)
def test_a_training_that_goes_on_and_fails_changes_nothing(estimator):
    case = CHEAP_PAIRS[estimator]
    samples = case.few()
    ssl = case.make_small(estimator).partial_fit(samples)
    other = copy.deepcopy(ssl).partial_fit(samples)
    state, Z = state_of(ssl), ssl.transform(samples)
    with pytest.raises(OSError, match="of the user's own"):
        ssl.set_params(callbacks=[Fault(1)]).partial_fit(samples)
    assert_same(ssl, state, samples, Z)
    # It goes on as if nothing had happened.
    ssl.set_params(callbacks=None).partial_fit(samples)
    np.testing.assert_array_equal(ssl.transform(samples), other.transform(samples))


@pytest.mark.parametrize("ctrl_c", [False, True], ids=["error", "ctrl-c"])
def test_continued_trainings(ctrl_c):
    ssl = simclr(warm_start=True, max_epochs=2).fit(X)
    state, Z = state_of(ssl), ssl.transform(X)
    ssl.set_params(max_epochs=4, callbacks=[Fault(4, ctrl_c=ctrl_c)])
    if ctrl_c:
        with pytest.raises(TrainingInterrupted, match="after 4 of 6 steps"):
            ssl.fit(X)
        assert ssl.n_iter_ == 4
        assert not np.array_equal(ssl.transform(X), Z)
    else:
        with pytest.raises(OSError, match="of the user's own"):
            ssl.fit(X)
        assert_same(ssl, state, X, Z)


@pytest.mark.parametrize("tuner", [FineTuneClassifier, FineTuneRegressor])
def test_fine_tuning_is_a_transaction(tuner):
    settings = {"max_epochs": 1, "random_state": 0, "early_stopping": False, "batch_size": 20}
    classes = {"classes": [0, 1]} if tuner is FineTuneClassifier else {}
    tuned = tuner(simclr(max_epochs=0), **settings).partial_fit(X, Y, **classes)
    before, state = tuned.predict(X), state_of(tuned)
    with pytest.raises(OSError, match="of the user's own"):
        tuned.set_params(callbacks=[Fault(2)]).partial_fit(X, Y)
    with pytest.raises(ValueError, match="inf"):
        tuned.fit(X * np.inf, Y)
    np.testing.assert_array_equal(tuned.predict(X), before)
    assert set(state_of(tuned)) == set(state)
    tuned.set_params(callbacks=[Fault(1, ctrl_c=True)])
    with pytest.raises(TrainingInterrupted, match="after 1 of 3 steps"):
        tuned.fit(X, Y)
    assert tuned.predict(X).shape == (60,)


# The step that has begun is finished.
@pytest.mark.parametrize(
    ("event", "step", "said", "epochs"),
    [
        ("on_batch_begin", 5, "after 6 of 12 steps", 2),
        ("on_batch_end", 5, "after 5 of 12 steps", 2),
        ("on_batch_end", 12, "when the training was over", 4),
        ("on_train_end", 12, "when the training was over", 4),
    ],
)
def test_ctrl_c_keeps_what_was_learned(event, step, said, epochs):
    ssl = simclr(callbacks=[Fault(step, ctrl_c=True, event=event)])
    with pytest.raises(TrainingInterrupted, match=f"SimCLR: interrupted {said}.* is kept"):
        ssl.fit(X)
    assert ssl.n_iter_ == len(ssl.history_) == epochs
    assert not np.array_equal(ssl.transform(X), simclr(max_epochs=0).fit_transform(X))
    assert not any(module.training for module in ssl.encoder_.modules())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_before_the_first_step_changes_nothing():
    ssl = simclr().fit(X)
    state, Z = state_of(ssl), ssl.transform(X)

    with pytest.raises(KeyboardInterrupt) as caught:
        ssl.set_params(callbacks=[AtOnce()]).fit(X)
    assert caught.type is KeyboardInterrupt
    assert_same(ssl, state, X, Z)


def test_a_second_ctrl_c_does_not_wait():
    def press_twice(batch):
        if torch.is_grad_enabled():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("went on after the second one")
        return batch

    with pytest.raises(KeyboardInterrupt):
        simclr(views=press_twice, batch_size=20, max_epochs=1).set_params(max_epochs=1).fit(X)


def test_callbacks_still_end_a_training():
    stop = EarlyStopping("train_loss", patience=2, threshold=10.0)
    ssl = simclr(callbacks=[stop], max_epochs=9).fit(X)
    assert ssl.n_iter_ < 9


def test_ctrl_c_ends_searches_and_is_not_cached(tmp_path):
    def pipe(*callbacks):
        ssl = simclr(callbacks=list(callbacks))
        return Pipeline([("ssl", ssl), ("clf", LogisticRegression())], memory=str(tmp_path))

    once = Fault(2, ctrl_c=True)
    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(pipe(once), {"clf__C": [1, 2]}, cv=2).fit(X, Y)
    with pytest.raises(KeyboardInterrupt):
        pipe(once).fit(X, Y)
    once.step = -1
    assert pipe(once).fit(X, Y)[0].n_iter_ == 4
    with pytest.raises(KeyboardInterrupt):
        FineTuneClassifier(simclr(callbacks=[Fault(2, ctrl_c=True)]), max_epochs=1).fit(X, Y)


class Greedy(nn.Module):
    """An encoder that wants more memory than there is."""

    limit = None

    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, 4)

    def forward(self, x):
        if Greedy.limit and len(x) > Greedy.limit:
            raise RuntimeError(
                "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return self.layer(x)


def greedy(shape):
    return Greedy(*shape)


def test_memory_that_runs_out(monkeypatch):
    ssl = simclr(encoder=greedy).fit(X)
    state, Z = state_of(ssl), ssl.transform(X)
    # Two views of twenty samples go through the encoder together.
    monkeypatch.setattr(Greedy, "limit", 39)
    with pytest.raises(MemoryError, match="training with 20 samples in a batch.*batch_size=8"):
        ssl.fit(X)
    with pytest.raises(MemoryError, match="SimCLR.*embedding"):
        ssl.transform(X)
    monkeypatch.setattr(Greedy, "limit", 1)
    with pytest.raises(MemoryError, match="before the training.* Smaller samples, fewer"):
        ssl.fit(X)
    monkeypatch.undo()
    assert_same(ssl, state, X, Z)


class Noisy(nn.Module):
    """An encoder that draws from torch's global generator."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 16), nn.Dropout(0.5), nn.ReLU())

    def forward(self, x):
        return self.layers(x)


def noisy(shape):
    return Noisy()


def test_trainings_in_threads_have_the_bits_that_they_have_alone():
    def embed(seed):
        views = {"views": lambda batch: batch + 0.1 * torch.randn_like(batch)} if seed % 2 else {}
        return simclr(encoder=noisy, random_state=seed, **views).fit(X).transform(X)

    alone = [embed(seed) for seed in range(4)]
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(embed, range(4)))
    np.testing.assert_array_equal(alone, together)
    assert torch.equal(before, torch.get_rng_state())


def test_threads_may_use_one_estimator():
    painter = ContextEncoder(encoder=tiny_conv, max_epochs=1, device="cpu", random_state=0)
    painter.fit(PICTURES)
    holes = np.zeros((8, 8), dtype=bool)
    holes[2:5, 2:5] = True
    parts = [PICTURES, PICTURES[::-1], PICTURES[:7], PICTURES[3:]] * 5
    alone = [painter.inpaint(part, holes) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda part: painter.inpaint(part, holes), parts))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


@contextmanager
def default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


SETTINGS = {
    "float64": default_dtype,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "device": lambda: torch.device("meta"),
}


@pytest.mark.parametrize(
    ("name", "precision"), [*((name, "float32") for name in SETTINGS), ("autocast", "bfloat16")]
)
def test_settings_of_torch_are_left_as_they_are(name, precision):
    def use(case):
        samples = case.few()
        said = {"modality": PointCloud()} if case.name == "points" else {}
        ssl = case.make_small(SimCLR, precision=precision, batch_size=20, **said).fit(samples)
        return ssl.partial_fit(samples).transform(samples)

    def settings():
        return (
            torch.get_default_dtype(),
            torch.is_grad_enabled(),
            torch.is_inference_mode_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.get_default_device(),
        )

    # A default dtype is in everything that makes a tensor, and autocast in what bfloat16 casts.
    for case in CASES if name == "float64" else CASES[:1]:
        expected = use(case)
        with SETTINGS[name]():
            before = settings()
            Z = use(case)
            assert settings() == before
        assert Z.dtype == np.float32
        np.testing.assert_array_equal(Z, expected)


def test_settings_are_those_of_a_thread():
    # While one thread trains, the other one's gradients stay switched off.
    inside, outside = threading.Event(), threading.Event()

    class Wait(Callback):
        def on_batch_end(self, net, **kwargs):
            inside.set()
            outside.wait(10)

    def look():
        with torch.no_grad():
            assert inside.wait(10)
            enabled = torch.is_grad_enabled()
            outside.set()
            return enabled

    with ThreadPoolExecutor(1) as pool:
        looked = pool.submit(look)
        simclr(callbacks=[Wait()], max_epochs=1).fit(X)
        assert looked.result() is False


def test_a_full_disk_does_not_undo_a_training(monkeypatch, tmp_path):
    ssl = simclr(warm_start=tmp_path)

    def no_space(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.warns(UserWarning, match=f"kept in {tmp_path}.*No space left on device"):
        ssl.fit(X)
    assert ssl.n_iter_ == 4
    assert not any(tmp_path.iterdir())


def _transform_in_child(ssl, samples, connection):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Z = ssl.transform(samples)
    connection.send((Z, [str(warning.message) for warning in caught]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_embeds():
    samples = np.random.default_rng(0).normal(size=(4000, 64))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        ssl = SimCLR(max_epochs=0, device="cpu", random_state=0).fit(samples)
        Z = ssl.transform(samples)
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("fork")
        child = context.Process(target=_transform_in_child, args=(ssl, samples, theirs))
        child.start()
        try:
            assert ours.poll(60), "the child hangs"
            embedded, (said,) = ours.recv()
            assert "forked" in said and "loky" in said
            np.testing.assert_allclose(embedded, Z, rtol=1e-4, atol=1e-6)
        finally:
            child.kill()
            child.join()
    finally:
        torch.set_num_threads(threads)
