"""A training goes on from its file when it was ended, with the bits of one that never was."""

import itertools
import json
import multiprocessing
import os
import pickle
import random
import signal
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from cases import CHEAP_PAIRS, tiny_mlp
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from torch import nn

from skssl import BYOL, DeepCluster, MoCo, SimCLR
from skssl._trainings import TrainingFile
from skssl.exceptions import TrainingInterrupted
from skssl.semi_supervised import FineTuneClassifier, FineTuneRegressor
from skssl.utils import set_memory_limit

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
TINY = {"encoder": tiny_mlp, "batch_size": 20, "max_epochs": 4, "device": "cpu", "random_state": 0}
N_STEPS = 12
# Processes that are ended at moments that are drawn; `pytest -m slow` has more.
N_ENDED = 2
needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked")


@pytest.fixture(autouse=True)
def signals_are_python_s():
    before = {
        number: signal.signal(number, handler)
        for number, handler in [
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
        ]
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "training"


class Fault(Callback):
    """Raises an error, or sends a signal, when a step ends."""

    def __init__(self, step, number=None):
        self.step, self.number = step, number

    def on_batch_end(self, net, **kwargs):
        if net.steps_done_ == self.step:
            if self.number is None:
                raise ZeroDivisionError("a fault of the user's own")
            os.kill(os.getpid(), self.number)


class FirstStep(Callback):
    """Notes which step is the first one."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.steps_ = []

    def on_batch_end(self, net, **kwargs):
        self.steps_.append(net.steps_done_)


def simclr(**params):
    return SimCLR(**{**TINY, **params})


def each_step(estimator, path, *callbacks):
    return clone(estimator).set_params(
        checkpoint=path, checkpoint_every="1 step", callbacks=[*callbacks]
    )


def weights(estimator):
    return torch.cat([p.detach().flatten() for p in estimator.encoder_.parameters()])


def rows_of(estimator):
    """Return the history without durations; NaN is equal to NaN."""
    rows = [{k: v for k, v in row.items() if k != "dur"} for row in estimator.history_]
    return json.dumps(rows, sort_keys=True)


def assert_same(found, whole, samples):
    assert found.n_iter_ == whole.n_iter_
    assert found.loss_curve_ == whole.loss_curve_
    assert rows_of(found) == rows_of(whole)
    for name in ("encoder_", "_objective", "head_"):
        if hasattr(whole, name):
            before, after = (getattr(e, name).state_dict() for e in (whole, found))
            assert before.keys() == after.keys()
            for key, value in before.items():
                torch.testing.assert_close(after[key], value, rtol=0, atol=0, equal_nan=True)
    embed = "transform" if hasattr(whole, "transform") else "predict"
    np.testing.assert_array_equal(getattr(found, embed)(samples), getattr(whole, embed)(samples))


def go_on(estimator, path, step, *args):
    """Fit until an error in a step, and again; return the latter, and the first step of it."""
    with pytest.raises(ZeroDivisionError):
        each_step(estimator, path, Fault(step)).fit(*args)
    first = FirstStep()
    found = each_step(estimator, path, first).fit(*args)
    assert first.steps_[0] == step
    assert list(path.parent.iterdir()) == [path]
    return found


@pytest.mark.parametrize("estimator", CHEAP_PAIRS, ids=lambda estimator: estimator.__name__)
def test_every_method_goes_on(estimator, path):
    case = CHEAP_PAIRS[estimator]
    samples = case.few()[:81]
    ssl = case.make_small(estimator, batch_size=40, max_epochs=3)
    whole = clone(ssl).fit(samples)
    step = random.Random(estimator.__name__).randint(1, whole.n_steps_)
    found = go_on(ssl, path, step, samples)
    assert_same(found, whole, samples)
    # It goes on from there as well.
    for each in (found, whole):
        each.set_params(callbacks=None).partial_fit(samples)
    assert_same(found, whole, samples)


def test_clusters_that_were_formed_anew(path):
    ssl = CHEAP_PAIRS[DeepCluster].make_small(DeepCluster, batch_size=40, max_epochs=9)
    samples = CHEAP_PAIRS[DeepCluster].few()
    whole = clone(ssl).fit(samples)
    assert_same(go_on(ssl, path, 23, samples), whole, samples)


TUNERS = {
    "classifier": FineTuneClassifier(early_stopping=False),
    "stops early": FineTuneClassifier(early_stopping=True),
    "pseudo_label": FineTuneClassifier(semi_supervised="pseudo_label"),
    "fixmatch": FineTuneClassifier(semi_supervised="fixmatch", threshold=0.1),
    "regressor": FineTuneRegressor(),
}


@pytest.mark.parametrize(
    ("name", "step"),
    [
        pytest.param(
            name, step, marks=[] if step == 7 or name == "classifier" else pytest.mark.slow
        )
        for name, step in itertools.product(TUNERS, [1, 7, 12])
    ],
)
def test_fine_tuning_goes_on(name, step, path):
    tuner = TUNERS[name].set_params(
        method=simclr(max_epochs=1), max_epochs=4, batch_size=15, random_state=0
    )
    y = np.where(np.arange(60) < 50, Y, -1)
    y = y + 0.5 if name == "regressor" else y
    if name == "regressor":
        y[50:] = np.nan
    whole = clone(tuner).fit(X, y)
    found = go_on(tuner, path, step, X, y)
    assert_same(found, whole, X)
    assert_same(found.method_, whole.method_, X)
    assert found.method_.get_params() == whole.method_.get_params()


@pytest.mark.parametrize("seed", [0, None])
def test_a_pretraining_goes_on(seed, path):
    def make(*callbacks):
        method = simclr(callbacks=[*callbacks], random_state=None)
        return FineTuneClassifier(
            method, max_epochs=2, checkpoint=path, checkpoint_every="1 step", random_state=seed
        )

    with pytest.raises(ZeroDivisionError):
        make(Fault(7)).fit(X, Y)
    assert [file.name for file in path.parent.iterdir()] == ["training.pretraining"]
    found = make(FirstStep()).fit(X, Y)
    assert found.method_.callbacks[0].steps_[0] == 7
    assert [*path.parent.iterdir()] == [path]
    if seed is not None:
        whole = make().set_params(checkpoint=None).fit(X, Y)
        assert_same(found, whole, X)
        assert_same(found.method_, whole.method_, X)


def test_a_fitted_method_is_known_by_what_it_learned(path):
    tuner = FineTuneClassifier(max_epochs=4, batch_size=20, random_state=0)
    whole = clone(tuner).set_params(method=simclr().fit(X)).fit(X, Y)
    with pytest.raises(ZeroDivisionError):
        each_step(tuner, path, Fault(5)).set_params(method=simclr().fit(X)).fit(X, Y)
    again = pickle.loads(pickle.dumps(simclr().fit(X)))
    found = each_step(tuner, path).set_params(method=FrozenEstimator(again)).fit(X, Y)
    assert_same(found, whole, X)
    with pytest.raises(ValueError, match="has another method than|and this has method="):
        each_step(tuner, path).set_params(method=simclr().fit(X + 1)).fit(X, Y)


@pytest.mark.parametrize("seed", [None, "RandomState"])
def test_a_seed_that_was_drawn_is_that_of_the_file(seed, path):
    def make(*callbacks):
        drawn = np.random.RandomState(3) if seed else None  # noqa: NPY002
        return each_step(simclr(random_state=drawn), path, *callbacks)

    with pytest.raises(ZeroDivisionError):
        make(Fault(7)).fit(X)
    first = FirstStep()
    found = make(first).fit(X)
    assert first.steps_[0] == 7
    np.testing.assert_array_equal(make().fit(X).transform(X), found.transform(X))
    if seed:
        whole = make().set_params(checkpoint=None).fit(X)
        assert_same(found, whole, X)


def test_a_training_that_is_over_is_taken_as_it_is(path):
    first = FirstStep()
    whole = each_step(simclr(), path, first).fit(X)
    found = each_step(simclr(), path, first).fit(X)
    assert len(first.steps_) == N_STEPS
    assert_same(found, whole, X)
    assert found.history_ == whole.history_
    path.unlink()
    first.steps_ = None
    each_step(simclr(), path, first).fit(X)
    assert len(first.steps_) == N_STEPS


def test_what_callbacks_know_goes_on(path):
    def callbacks(*others):
        return [
            EarlyStopping("train_loss", patience=2, threshold=1.0, load_best=True),
            LRScheduler("StepLR", step_size=1, gamma=0.5),
            *others,
        ]

    whole = simclr(max_epochs=6, callbacks=callbacks()).fit(X)
    assert whole.n_iter_ < 6
    with pytest.raises(ZeroDivisionError):
        each_step(simclr(max_epochs=6), path, *callbacks(Fault(5))).fit(X)
    found = each_step(simclr(max_epochs=6), path, *callbacks()).fit(X)
    assert_same(found, whole, X)


class Unpicklable(Callback):
    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.net_ = net
        self.function_ = lambda: None
        self.seen_ = getattr(self, "seen_", 0)

    def on_batch_end(self, net, **kwargs):
        assert self.function_() is None and self.net_ is net
        self.seen_ += 1


def test_what_callbacks_hold_that_cannot_be_pickled(path):
    with pytest.raises(ZeroDivisionError):
        each_step(simclr(), path, Unpicklable(), Fault(5)).fit(X)
    callback = Unpicklable()
    each_step(simclr(), path, callback).fit(X)
    assert callback.seen_ == N_STEPS


def test_how_often(path, monkeypatch):
    written = []

    class Watch(Callback):
        def on_batch_begin(self, net, **kwargs):
            told = json.loads(path.read_bytes().split(b"\n")[1])
            if told["steps"] not in written:
                written.append(told["steps"])

    for every, steps in {"5 steps": [0, 5, 10], "5min": [0], 1e-9: [*range(N_STEPS)]}.items():
        written.clear()
        simclr(checkpoint=path, checkpoint_every=every, callbacks=[Watch()]).fit(X)
        assert written == steps
        told = json.loads(path.read_bytes().split(b"\n")[1])
        assert told["finished"] and told["steps"] == N_STEPS
        path.unlink()


@pytest.mark.parametrize("every", [0, -1, True, "5", "0 steps", "min", "1.5 steps", None])
def test_what_is_no_time_and_no_number_of_steps(every, path):
    with pytest.raises(ValueError, match="'checkpoint_every' .* a number of steps such as"):
        simclr(checkpoint=path, checkpoint_every=every).fit(X)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda ssl: BYOL(
                **{k: v for k, v in ssl.get_params(deep=False).items() if k in BYOL().get_params()}
            ).fit(X),
            "is of SimCLR, and not of BYOL",
        ),
        (
            lambda ssl: ssl.set_params(temperature=0.3).fit(X),
            r"has temperature=\S+, and this has temperature=0.3",
        ),
        (
            lambda ssl: ssl.set_params(max_epochs=5).fit(X),
            "has max_epochs=4, and this has max_epochs=5",
        ),
        (lambda ssl: ssl.set_params(random_state=1).fit(X), "has random_state=0, and this has"),
        (lambda ssl: ssl.fit(X[1:]), "is of other samples than X"),
        (lambda ssl: ssl.fit(X + 1), "is of other samples than X"),
        (
            lambda ssl: FineTuneClassifier(checkpoint=ssl.checkpoint).fit(X, Y),
            "is of SimCLR, and not",
        ),
    ],
    ids=["method", "parameter", "epochs", "seed", "rows", "values", "fine-tuning"],
)
@pytest.mark.parametrize("finished", [False, True])
def test_files_of_other_trainings_are_refused(change, said, finished, path):
    if finished:
        each_step(simclr(), path).fit(X)
    else:
        with pytest.raises(ZeroDivisionError):
            each_step(simclr(), path, Fault(3)).fit(X)
    before = path.read_bytes()
    with pytest.raises(
        ValueError, match=f"checkpoint='{path}' holds a training that {said}.* left"
    ):
        change(each_step(simclr(), path, FirstStep()))
    assert path.read_bytes() == before


def test_searches_are_told_what_they_take_instead(path):
    search = GridSearchCV(
        simclr(checkpoint=path), {"temperature": [0.1, 1]}, cv=2, error_score="raise"
    )
    with pytest.raises(ValueError, match="such as a search, takes warm_start='a folder' instead"):
        search.fit(X)
    search.set_params(estimator=simclr(warm_start=path.parent / "folder")).fit(X)


@pytest.mark.parametrize("package", ["skssl", "torch"])
def test_files_of_other_versions_are_refused(package, path, monkeypatch):
    each_step(simclr(), path).fit(X)
    monkeypatch.setattr(f"{package}.__version__", "another")
    with pytest.raises(ValueError, match=f"was begun with {package} .*, and this is another"):
        each_step(simclr(), path).fit(X)


def test_other_labels_are_other_samples(path):
    tuner = FineTuneClassifier(simclr(), max_epochs=2, checkpoint=path, random_state=0).fit(X, Y)
    for others in ((X, 1 - Y), (X[:, :4], Y)):
        with pytest.raises(ValueError, match="is of other samples than X"):
            clone(tuner).fit(*others)


def spoil_cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def spoil_byte(path):
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(data)


def spoil_line(path):
    first, _, rest = path.read_bytes().split(b"\n", 2)
    path.write_bytes(b"\n".join([first, b"[]", rest]))


def spoil_other(path):
    path.write_text("my notes")


def spoil_empty(path):
    path.write_bytes(b"")


def spoil_mode(path):
    path.chmod(0o660)


def spoil_link(path):
    path.symlink_to(path.rename(path.with_name("elsewhere")))


@pytest.mark.parametrize(
    "spoil",
    [spoil_cut, spoil_byte, spoil_line, spoil_other, spoil_empty, spoil_mode, spoil_link],
)
def test_damaged_files_and_files_of_others_are_left_as_they_are(spoil, path):
    each_step(simclr(), path).fit(X)
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"checkpoint='{path}' is .* left as it is"):
        each_step(simclr(), path).fit(X)
    assert path.read_bytes() == before


class Bomb:
    def __reduce__(self):
        return os._exit, (3,)


def test_a_refused_file_is_not_unpickled(path):
    each_step(simclr(), path).fit(X)
    file = TrainingFile(path)
    told, _ = file.read()
    file.write(told, {"trained": Bomb()})
    with pytest.raises(ValueError, match="is of SimCLR, and not of BYOL"):
        each_step(BYOL(encoder=tiny_mlp), path).fit(X)
    with pytest.raises(ValueError, match="has temperature"):
        each_step(simclr(temperature=0.3), path).fit(X)
    with pytest.raises(ValueError, match="other samples"):
        each_step(simclr(), path).fit(X[1:])


@pytest.mark.parametrize("place", ["file", "folder", "/proc/nowhere"])
def test_places_that_are_none(place, tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path if place == "folder" else tmp_path / place / "training"
    with pytest.raises(ValueError, match="checkpoint must be a file that can be written"):
        simclr(checkpoint=path, callbacks=[FirstStep()]).fit(X)


@pytest.mark.skipif(not hasattr(os, "geteuid") or not os.geteuid(), reason="root may do all")
def test_a_folder_without_rights(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="checkpoint must be a file that can be written"):
        simclr(checkpoint=tmp_path / "training").fit(X)


def test_a_folder_is_made(tmp_path):
    simclr(checkpoint=str(tmp_path / "a" / "b")).fit(X)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o600


def full_disk(monkeypatch, *, after):
    """Let writing fail from the so-manieth time on."""
    calls = []

    def fsync(handle):
        calls.append(handle)
        if len(calls) > after:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)


def test_a_disk_that_is_full_is_told_of_before_training(path, monkeypatch):
    full_disk(monkeypatch, after=0)
    first = FirstStep()
    with pytest.raises(ValueError, match=f"'{path}' cannot be written: .*No space left"):
        each_step(simclr(), path, first).fit(X)
    assert not first.steps_
    assert not any(path.parent.iterdir())


def test_a_disk_that_gets_full_leaves_the_older_file(path, monkeypatch):
    full_disk(monkeypatch, after=5)
    with pytest.warns(UserWarning, match="No space left.* The training goes on") as told:
        ssl = each_step(simclr(), path).fit(X)
    assert len(told) == 1
    assert [*path.parent.iterdir()] == [path]
    monkeypatch.undo()
    first = FirstStep()
    found = each_step(simclr(), path, first).fit(X)
    assert first.steps_[0] == 5
    np.testing.assert_array_equal(found.transform(X), ssl.transform(X))


def test_what_cannot_be_pickled_is_told_of_before_training(path):
    first = FirstStep()
    with pytest.raises(ValueError, match="encoder=<function.* cannot be pickled"):
        each_step(simclr(encoder=lambda shape: tiny_mlp(shape)), path, first).fit(X)
    with pytest.raises(ValueError, match="cannot hold this training.* top level"):
        each_step(simclr(encoder=with_local_class), path, first).fit(X)
    assert not first.steps_


def with_local_class(shape):
    class Local(nn.Linear):
        pass

    return Local(*shape, 8)


def test_with_a_clock_or_a_warm_start_it_is_refused(path):
    with pytest.raises(ValueError, match=r"checkpoint=.* cannot be combined with max_time='5min'"):
        simclr(checkpoint=path, max_time="5min").fit(X)
    with pytest.raises(ValueError, match=r"checkpoint=.* cannot be combined with warm_start=True"):
        simclr(checkpoint=path, warm_start=True).fit(X)
    with pytest.raises(ValueError, match=r"checkpoint=.* cannot be combined with max_time=5"):
        FineTuneClassifier(simclr(), checkpoint=path, max_time=5).fit(X, Y)


def test_partial_fit_leaves_it_alone(path):
    simclr(checkpoint=path).partial_fit(X)
    assert not any(path.parent.iterdir())


def test_after_ctrl_c_fit_goes_on(path):
    ssl = simclr(checkpoint=path, callbacks=[Fault(5, signal.SIGINT)])
    said = f"after 5 of 12 steps.* Run it again to go on from '{path}'"
    with pytest.raises(TrainingInterrupted, match=said):
        ssl.fit(X)
    first = FirstStep()
    found = ssl.set_params(callbacks=[first]).fit(X)
    assert first.steps_[0] == 6
    assert_same(found, simclr().fit(X), X)


def test_what_is_shown(path, capsys):
    with pytest.raises(ZeroDivisionError):
        each_step(simclr(), path, Fault(7)).fit(X)
    capsys.readouterr()
    each_step(simclr(), path).set_params(verbose=1).fit(X)
    shown = capsys.readouterr().err
    assert f"SimCLR: checkpoint='{path}' goes on after 6 steps" in shown
    assert "SimCLR: 11 of 12 steps" in shown
    each_step(simclr(), path).set_params(verbose=1).fit(X)
    assert "has the training, finished after 12 steps" in capsys.readouterr().err


class Pause(Callback):
    """Tells of each step, and waits."""

    def __init__(self, path, seconds):
        self.path, self.seconds = path, seconds

    def on_batch_end(self, net, **kwargs):
        self.path.touch()
        time.sleep(self.seconds)


def moco(path=None, *callbacks, every="1 step"):
    return MoCo(**{**TINY, "max_epochs": 10}).set_params(
        checkpoint=path, checkpoint_every=every, callbacks=[*callbacks]
    )


def end(path, number, seconds, **params):
    """Start a training in a process of its own, and send it a signal after its first step."""
    begun = path.with_name("begun")
    fit = moco(path, Pause(begun, 0.005), **params).fit
    process = multiprocessing.get_context("fork").Process(target=fit, args=(X,))
    process.start()
    while not begun.exists():
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(process.pid, number)
    process.join()
    assert process.exitcode == -number
    begun.unlink()


def end_at_random(path, number, n_ended):
    """End processes at random moments; return how many went on from a step above 0."""
    draw = random.Random(0)
    whole = moco().fit(X)
    went_on = 0
    for _ in range(n_ended):
        end(path, number, draw.uniform(0, 0.2))
        first = FirstStep()
        assert_same(moco(path, first).fit(X), whole, X)
        went_on += first.steps_[0] > 1
        assert [*path.parent.iterdir()] == [path]
        path.unlink()
    print(f"{went_on} of {n_ended} went on from a step above 0")
    return went_on


@needs_fork
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_processes_that_are_ended(number, path):
    assert end_at_random(path, number, N_ENDED) > 0


@pytest.mark.slow
@needs_fork
def test_processes_that_are_killed_at_20_moments(path):
    assert end_at_random(path, signal.SIGKILL, 20) >= 15


@needs_fork
def test_sigterm_writes_first(path, capfd):
    end(path, signal.SIGTERM, 0.03, every="1h")
    assert "SIGTERM: the process ends." in capfd.readouterr().err
    told, _ = TrainingFile(path).read()
    assert told["steps"] > 0 and not told["finished"]


def continued(path, embeddings):
    torch.set_num_threads(1)
    first = FirstStep()
    ssl = moco(path, first).fit(X)
    assert first.steps_[0] == 17, first.steps_
    np.save(embeddings, ssl.transform(X))


def test_a_new_process_goes_on(new_process, path, tmp_path):
    with pytest.raises(ZeroDivisionError):
        moco(path, Fault(17)).fit(X)
    process = new_process(target=continued, args=(path, tmp_path / "Z.npy"))
    process.start()
    process.join()
    assert process.exitcode == 0
    np.testing.assert_array_equal(np.load(tmp_path / "Z.npy"), moco().fit_transform(X))


def test_whoever_handles_sigterm_is_left_alone(path):
    got = []
    signal.signal(signal.SIGTERM, lambda number, frame: got.append(number))
    simclr(checkpoint=path, callbacks=[Fault(3, signal.SIGTERM)]).fit(X)
    assert got == [signal.SIGTERM]


def test_signals_are_what_they_were(path):
    simclr(checkpoint=path).fit(X)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class CtrlC(Callback):
    """Presses Ctrl-C, once for all copies."""

    def __init__(self, step, path):
        self.step, self.path = step, path

    def on_batch_end(self, net, **kwargs):
        if net.steps_done_ == self.step and not Path(self.path).exists():
            Path(self.path).touch()
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("step", [1, 5, N_STEPS])
def test_ctrl_c_leaves_nothing_in_a_cache(step, tmp_path):
    memory = joblib.Memory(tmp_path / "cache", verbose=0)
    ssl = simclr(callbacks=[CtrlC(step, tmp_path / "pressed")])
    model = make_pipeline(ssl, LogisticRegression(), memory=memory)
    with pytest.raises(TrainingInterrupted):
        model.fit(X, Y)
    assert not [*(tmp_path / "cache").rglob("output.pkl")]
    Z = model.fit(X, Y)[:-1].transform(X)
    np.testing.assert_array_equal(Z, simclr().fit_transform(X))


@pytest.mark.parametrize(
    "step", [pytest.param(1, marks=pytest.mark.slow), 5, pytest.param(8, marks=pytest.mark.slow)]
)
def test_ctrl_c_in_a_search_leaves_nothing_in_a_folder(step, tmp_path):
    def search(*callbacks):
        ssl = simclr(warm_start=tmp_path / "folder", callbacks=[*callbacks])
        grid = {"max_epochs": [2, 4]}
        return GridSearchCV(ssl, grid, cv=2, error_score=np.nan)

    with pytest.raises(KeyboardInterrupt):
        search(CtrlC(step, tmp_path / "pressed")).fit(X)
    found = search().fit(X)
    (tmp_path / "folder").rename(tmp_path / "before")
    whole = search().fit(X)
    for fold in range(2):
        name = f"split{fold}_test_score"
        np.testing.assert_array_equal(found.cv_results_[name], whole.cv_results_[name])
    np.testing.assert_array_equal(found.transform(X), whole.transform(X))


def test_samples_that_are_read_on_demand(path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    np.save(folder / "X.npy", X)
    mapped = np.load(folder / "X.npy", mmap_mode="r")
    with set_memory_limit(0):
        whole = simclr().fit(mapped)
        for step in (1, 5, N_STEPS):
            found = go_on(simclr(), path, step, mapped)
            assert_same(found, whole, X)
            path.unlink()
