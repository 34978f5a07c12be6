"""How long a training may take, and what it shows of the time."""

import io
import pickle
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from cases import DIGITS, tiny_conv
from skorch.callbacks import Callback

from skssl import BYOL, SimCLR
from skssl.semi_supervised import FineTuneClassifier
from skssl.training import _net, _progress

SHARED = {"encoder": tiny_conv, "batch_size": 100, "device": "cpu", "random_state": 0}


class Clock(Callback):
    """Lets every step take a second, and notes the learning rate that it had."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        self.rates = []
        stopped = SimpleNamespace(perf_counter=lambda: self.now, monotonic=lambda: self.now)
        for module in (_net, _progress):
            monkeypatch.setattr(module, "time", stopped)

    def on_batch_begin(self, net, **kwargs):
        self.rates.append(net.optimizer_.param_groups[0]["lr"])

    def on_grad_computed(self, net, **kwargs):
        self.now += 1


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.mark.parametrize(
    ("max_time", "seconds"), [(20, 20), (7.4, 7), ("20s", 20), ("0.5 min", 30), (".01h", 36)]
)
def test_schedule_is_laid_over_the_time(clock, max_time, seconds):
    ssl = SimCLR(max_time=max_time, max_epochs=1000, callbacks=[clock], **SHARED).fit(DIGITS)
    assert len(clock.rates) == seconds
    assert ssl.n_iter_ == len(ssl.loss_curve_) == -(-seconds // 3)
    peak = int(np.argmax(clock.rates))
    assert peak <= 0.1 * seconds + 1
    assert clock.rates == sorted(clock.rates[:peak]) + sorted(clock.rates[peak:], reverse=True)
    assert clock.rates[-1] < 0.15 * max(clock.rates)
    assert np.isfinite(ssl.transform(DIGITS[:5])).all()


def test_whichever_ends_first_counts(clock):
    timed = SimCLR(max_time=1000, max_epochs=2, callbacks=[clock], **SHARED).fit(DIGITS)
    untimed = SimCLR(max_epochs=2, **SHARED).fit(DIGITS)
    assert len(clock.rates) == 6
    np.testing.assert_array_equal(timed.transform(DIGITS), untimed.transform(DIGITS))


def test_teachers_hear_of_the_time(clock, monkeypatch):
    heard = []
    monkeypatch.setattr(
        "skssl.nn._objective.Objective.after_step", lambda self, part: heard.append(part)
    )
    SimCLR(max_time=8, max_epochs=1000, callbacks=[clock], **SHARED).fit(DIGITS)
    np.testing.assert_allclose(heard, np.arange(1, 9) / 8)
    assert BYOL(max_time=3, callbacks=[clock], **SHARED).fit(DIGITS).n_iter_ == 1


def test_one_step_is_done_in_any_case(clock):
    with pytest.warns(UserWarning, match="max_time was over after a single step of 300"):
        SimCLR(max_time=0.5, callbacks=[clock], **SHARED).fit(DIGITS)
    assert len(clock.rates) == 1


@pytest.mark.parametrize(
    "max_time", [0, -1, True, "5", "min", "5 days", "0min", "-5s", float("inf"), float("nan")]
)
@pytest.mark.parametrize("cls", [SimCLR, FineTuneClassifier])
def test_times_that_are_none(cls, max_time):
    with pytest.raises(ValueError, match=r"'max_time' .* seconds above 0, .*'5min'.* Got"):
        cls(max_time=max_time).fit(DIGITS, np.arange(len(DIGITS)) % 2)


@pytest.mark.parametrize("warm_start", [True, "folder"])
def test_a_warm_start_has_no_time(warm_start):
    with pytest.raises(ValueError, match=rf"max_time=5 .* warm_start={warm_start!r}"):
        SimCLR(max_time=5, warm_start=warm_start).fit(DIGITS)


def test_fine_tuning_for_a_time(clock):
    ssl = SimCLR(max_epochs=1, **SHARED).fit(DIGITS)
    tuned = FineTuneClassifier(ssl, max_time=10, max_epochs=1000, callbacks=[clock], random_state=0)
    tuned.fit(DIGITS, np.arange(len(DIGITS)) % 2)
    assert len(clock.rates) == 10
    tuned.partial_fit(DIGITS, np.arange(len(DIGITS)) % 2)
    assert len(clock.rates) == 10 + len(DIGITS) // 64


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_where_nothing_can_be_overwritten(clock, capsys):
    SimCLR(max_epochs=30, callbacks=[clock], verbose=1, **SHARED).fit(DIGITS)
    before, first, *others, last = capsys.readouterr().err.splitlines()
    assert before == "SimCLR: preparing samples"
    assert first.startswith("SimCLR: 5 of 90 steps, 1.4 min left, epoch 2/30, loss ")
    assert "embedding_std" in first and "view_ranking" in first
    # One for each tenth of the training, unless that is less than ten seconds.
    assert 5 < len(others) < 10
    assert last == "SimCLR: 90 of 90 steps in 1.5 min"


def test_measures_say_when_they_were_taken(clock, capsys):
    SimCLR(max_epochs=60, callbacks=[clock], verbose=1, **SHARED).fit(DIGITS)
    lines = [line for line in capsys.readouterr().err.splitlines() if "embedding_std" in line]
    taken = [re.fullmatch(r".* (\S+) and view_ranking \S+ at step (\d+)", line) for line in lines]
    by_step = {}
    for found in taken:
        by_step.setdefault(int(found[2]), set()).add(found[1])
    # Those of the first epoch, and of some of the later ones.
    assert min(by_step) == 3 and len(by_step) < len(lines)
    assert all(len(values) == 1 for values in by_step.values())


def test_a_line_for_each_epoch(capsys):
    SimCLR(max_epochs=3, verbose=2, **SHARED).fit(DIGITS)
    lines = capsys.readouterr().err.splitlines()
    for epoch in (1, 2, 3):
        (line,) = [line for line in lines if f"epoch {epoch}/3" in line and line.endswith(" s")]
        assert "loss" in line


@pytest.mark.parametrize("verbose", [1, 2])
def test_one_bar_in_a_terminal(clock, monkeypatch, verbose):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    ssl = SimCLR(max_epochs=20, callbacks=[clock], verbose=verbose, **SHARED).fit(DIGITS)
    shown = terminal.getvalue()
    assert "SimCLR: 100%" in shown and "60/60" in shown and "view_ranking" in shown
    before, bar = shown.split("\n", maxsplit=1)
    assert before == "SimCLR: preparing samples"
    assert bar.count("\n") == (1 if verbose == 1 else 21)
    assert pickle.loads(pickle.dumps(ssl)).n_iter_ == 20


def test_the_time_left_is_that_of_max_time(clock, capsys):
    SimCLR(max_time=30, max_epochs=1000, callbacks=[clock], verbose=1, **SHARED).fit(DIGITS)
    said = capsys.readouterr().err
    assert "5 of 3000 steps, about 30 before max_time is over, 25 s left" in said
    assert said.splitlines()[-1] == "SimCLR: 30 of 3000 steps in 30 s"


def test_no_training_is_no_progress(capsys):
    SimCLR(max_epochs=0, verbose=1, **SHARED).fit(DIGITS)
    said = "SimCLR: preparing samples\nSimCLR: no training, max_epochs=0\n"
    assert capsys.readouterr().err == said


def test_silence_is_the_default(capsys):
    SimCLR(max_epochs=1, **SHARED).fit(DIGITS)
    assert capsys.readouterr() == ("", "")
