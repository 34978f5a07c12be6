"""A training goes on where an earlier one ended."""

import os
import pickle
import tempfile
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from cases import CHEAP_PAIRS, FAMILIES, tiny_mlp
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import check_estimator
from skorch.callbacks import Callback
from torch import nn

from skssl import DCL, SimCLR
from skssl.modality import Series, Text

X, y = load_wine(return_X_y=True)


class CountEpochs(Callback):
    """Writes a line per training, of temperature, rows and epochs, from any process."""

    def __init__(self, path):
        self.path = str(path)

    def on_train_end(self, net, X=None, y=None, **kwargs):
        temperature = net.module_.loss.keywords["temperature"]
        with open(self.path, "a") as file:
            file.write(f"{temperature} {len(X)} {len(net.history)} {net.steps_done_}\n")

    def lines(self):
        with open(self.path) as file:
            return [tuple(float(word) for word in line.split()) for line in file]


@pytest.fixture
def counter(tmp_path):
    return CountEpochs(tmp_path / "count")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "trainings"


def tiny(*callbacks, **params):
    settings = {"encoder": tiny_mlp, "max_epochs": 2, "device": "cpu", "random_state": 0}
    return SimCLR(**{**settings, "warm_start": True, "callbacks": [*callbacks], **params})


def weights(ssl):
    return torch.cat([p.detach().flatten() for p in ssl.encoder_.parameters()])


def epochs_of(counter):
    return [int(line[2]) for line in counter.lines()]


@pytest.mark.parametrize("seed", [0, None, "RandomState"])
def test_fit_goes_on_to_the_total(seed, counter):
    seed = np.random.RandomState(0) if seed == "RandomState" else seed  # noqa: NPY002
    ssl = tiny(counter, random_state=seed).fit(X)
    curve, before = ssl.loss_curve_, weights(ssl)
    ssl.set_params(max_epochs=5).fit(X)
    assert epochs_of(counter) == [2, 3]
    assert ssl.n_iter_ == len(ssl.loss_curve_) == len(ssl.history_) == 5
    assert ssl.loss_curve_[:2] == curve
    assert not torch.equal(weights(ssl), before)
    after = weights(ssl)
    ssl.fit(X)
    assert epochs_of(counter) == [2, 3]
    assert torch.equal(weights(ssl), after)


# As every method goes on with partial_fit, each family does here.
@pytest.mark.parametrize("estimator", FAMILIES)
def test_families_go_on(estimator):
    case = CHEAP_PAIRS[estimator]
    samples = case.few()
    ssl = case.make_small(estimator, warm_start=True).fit(samples)
    before, encoder = weights(ssl), ssl.encoder_
    ssl.set_params(max_epochs=2).fit(samples)
    assert ssl.n_iter_ == len(ssl.history_) == 2
    assert not torch.equal(weights(ssl), before)
    # What was taken out is nobody else's.
    assert torch.equal(nn.utils.parameters_to_vector(encoder.parameters()), before)
    cold = case.make_small(estimator, max_epochs=1)
    assert torch.equal(weights(cold.fit(samples)), before)


def test_same_seed_same_bits():
    first, second = (tiny().fit(X).set_params(max_epochs=4).fit(X) for _ in range(2))
    assert torch.equal(weights(first), weights(second))


@pytest.mark.parametrize(
    "change",
    [
        lambda ssl: ssl.set_params(temperature=0.3).fit(X),
        lambda ssl: ssl.set_params(random_state=1).fit(X),
        lambda ssl: ssl.fit(X[1:]),
        lambda ssl: ssl.set_params(warm_start=False).fit(X),
        lambda ssl: ssl.partial_fit(X).fit(X),
    ],
    ids=["parameter", "seed", "samples", "no warm start", "partial_fit"],
)
def test_another_training_starts_anew(change, counter):
    ssl = tiny(counter).fit(X)
    change(ssl.set_params(max_epochs=3))
    anew = [1, 2] if ssl.warm_start else [3]
    assert epochs_of(counter)[-len(anew) :] == anew
    assert ssl.n_iter_ == 3


def test_what_may_change(counter):
    ssl = tiny(counter).fit(X)
    ssl.set_params(max_epochs=3, device=torch.device("cpu"), callbacks=counter, verbose=1).fit(X)
    assert epochs_of(counter) == [2, 1]


def test_fewer_epochs_are_an_error():
    ssl = tiny().fit(X)
    before = weights(ssl)
    with pytest.raises(ValueError, match="max_epochs=1 is less than the 2 epochs"):
        ssl.set_params(max_epochs=1).fit(X)
    assert torch.equal(weights(ssl), before)


def test_texts_of_other_words_are_other_samples(counter):
    texts = np.array(["red green blue", "green red", "blue blue red", "green blue"], dtype=object)
    others = np.array([text.replace("red", "rot") for text in texts], dtype=object)
    modality = Text(min_df=1, max_df=1.0)
    ssl = SimCLR(
        modality=modality,
        max_epochs=1,
        device="cpu",
        random_state=0,
        warm_start=True,
        callbacks=[counter],
    )
    ssl.fit(texts).fit(texts)
    assert epochs_of(counter) == [1]
    ssl.fit(others)
    assert epochs_of(counter) == [1, 1]


def test_columns_of_other_names_are_other_samples(folder):
    frame = load_wine(as_frame=True).data
    named = tiny(warm_start=folder, encoder="auto", modality=Series())
    for X in (frame, frame.add_suffix("_"), frame):
        assert [*clone(named).fit(X).feature_names_in_] == [*X.columns]


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match="encoder=<function.*cannot be pickled"):
        tiny(encoder=lambda shape: tiny_mlp(shape)).fit(X)


def test_one_object_only_and_no_files(counter, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    ssl = tiny(counter).fit(X)
    copied = clone(ssl)
    assert vars(copied).keys() == copied.get_params(deep=False).keys()
    copied.fit(X)
    # Another one with what was learned goes on.
    pickle.loads(pickle.dumps(ssl)).set_params(max_epochs=3).fit(X)
    assert epochs_of(counter) == [2, 2, 1]
    assert not any(elsewhere.iterdir())


@pytest.mark.parametrize("said", [str, Path, joblib.Memory], ids=lambda kind: kind.__name__)
def test_a_folder_shares_trainings(said, counter, folder):
    place = said(folder, verbose=0) if said is joblib.Memory else said(folder)
    ssl = tiny(counter, warm_start=place)
    first = clone(ssl).fit(X)
    third = clone(ssl).set_params(max_epochs=6).fit(X)
    assert epochs_of(counter) == [2, 4]
    # What is taken up is a copy.
    assert first.n_iter_ == 2
    assert third.n_iter_ == 6
    clone(ssl).set_params(max_epochs=1).fit(X)
    clone(ssl).set_params(temperature=0.3).fit(X)
    clone(ssl).fit(X[1:])
    assert epochs_of(counter) == [2, 4, 1, 2, 2]
    # Any estimator that is the same and names the folder finds them.
    tiny(counter, warm_start=said(folder)).fit(X)
    assert epochs_of(counter) == [2, 4, 1, 2, 2]
    alone = tiny().fit(X).set_params(max_epochs=6).fit(X)
    assert torch.equal(weights(alone), weights(third))
    if said is joblib.Memory:
        place.clear(warn=False)
        clone(ssl).fit(X)
        assert epochs_of(counter) == [2, 4, 1, 2, 2, 2]


def test_a_memory_that_keeps_nothing(counter):
    ssl = tiny(counter, warm_start=joblib.Memory(None))
    clone(ssl).fit(X).set_params(max_epochs=3).fit(X)
    clone(ssl).fit(X)
    assert epochs_of(counter) == [2, 1, 2]


WIDTH = 7


def linear(shape):
    return nn.Linear(*shape, WIDTH)


def test_other_methods_networks_and_versions_train_anew(folder, monkeypatch):
    def n_trainings():
        return len(list(folder.iterdir()))

    ssl = tiny(warm_start=folder, encoder=linear, temperature=0.3).fit(X)
    DCL(**ssl.get_params(deep=False)).fit(X)
    assert n_trainings() == 2
    # A function is known by its name, but what it builds now is another network.
    monkeypatch.setattr(f"{__name__}.WIDTH", 8)
    assert clone(ssl).fit_transform(X).shape[1] == 8
    assert n_trainings() == 3
    monkeypatch.setattr("skssl.__version__", "another")
    clone(ssl).fit(X)
    assert n_trainings() == 4


@pytest.mark.parametrize("before", [[], [2], [1, 2, 4, 5, 18]], ids=str)
def test_what_comes_of_a_training_does_not_depend_on_others(before, folder):
    ssl = tiny(warm_start=folder)
    for n_epochs in before:
        clone(ssl).set_params(max_epochs=n_epochs).fit(X)
    found = clone(ssl).set_params(max_epochs=6).fit(X)
    assert torch.equal(weights(found), weights(tiny(max_epochs=6).fit(X)))


def test_a_training_of_other_rounds_is_for_nobody_else(folder):
    ssl = tiny(warm_start=folder)
    copied = clone(ssl).set_params(max_epochs=5).fit(X)
    copied.set_params(max_epochs=6).fit(X)
    found = clone(ssl).set_params(max_epochs=6).fit(X)
    assert not torch.equal(weights(found), weights(copied))
    assert torch.equal(weights(found), weights(tiny(max_epochs=6).fit(X)))


def test_search_does_not_depend_on_the_order_of_its_grid(tmp_path):
    def scores(max_epochs, folder):
        ssl = tiny(warm_start=folder)
        search = GridSearchCV(ssl, {"max_epochs": max_epochs}, cv=2, refit=False).fit(X)
        found = search.cv_results_
        return dict(zip(max_epochs, found["mean_test_score"], strict=True))

    assert scores([2, 4, 7], tmp_path / "up") == scores([7, 2, 4], tmp_path / "down")


class StopAtTheSecond(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


def test_a_callback_stops_all_rounds():
    # The first of the rounds is over then.
    assert tiny(StopAtTheSecond(), max_epochs=6).fit(X).n_iter_ == 2


@pytest.mark.parametrize("place", ["", 3, b"folder", "a file", Path], ids=repr)
def test_what_is_no_folder(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").touch()
    with pytest.raises(ValueError, match=r"warm_start.* (must be|be made) .*folder|made one"):
        tiny(warm_start=place).fit(X)
    assert len(list(tmp_path.iterdir())) == 1


def test_folders_of_others_are_refused(folder, monkeypatch):
    ssl = tiny(warm_start=folder).fit(X)
    assert [path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())] == [0o700, 0o600]
    folder.chmod(0o770)
    with pytest.raises(ValueError, match=f"warm_start.*{folder}.*other users.*chmod go-w"):
        clone(ssl).fit(X)
    folder.chmod(0o755)
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    with pytest.raises(ValueError, match=f"warm_start.*{folder}.*belongs to the user .*{user}"):
        clone(ssl).fit(X)


def bad_mode(path):
    path.chmod(0o660)


def link(path):
    path.symlink_to(path.rename(path.with_name("elsewhere")))


def garbage(path):
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize("spoil", [bad_mode, link, garbage])
def test_files_of_others_are_passed_over(spoil, folder, counter):
    ssl = tiny(counter, warm_start=folder)
    whole = clone(ssl).fit(X)
    (path,) = folder.iterdir()
    spoil(path)
    with pytest.warns(UserWarning, match=f"{path} is passed over"):
        found = clone(ssl).fit(X)
    assert torch.equal(weights(found), weights(whole))
    # That one was kept in its place.
    clone(ssl).fit(X)
    assert epochs_of(counter) == [2, 2]


def test_where_there_are_no_owners(folder, monkeypatch, counter):
    monkeypatch.delattr(os, "geteuid")
    monkeypatch.delattr(os, "O_NOFOLLOW")
    ssl = tiny(counter, warm_start=folder)
    clone(ssl).fit(X)
    folder.chmod(0o777)
    clone(ssl).fit(X)
    assert epochs_of(counter) == [2]


# Other processes take a while to start.
@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_halving_search_continues(n_jobs, counter, folder):
    ssl = tiny(counter, warm_start=folder)
    pipe = Pipeline([("ssl", ssl), ("clf", LogisticRegression(max_iter=1000))])
    temperatures = [0.1 * k for k in range(1, 10)]
    search = HalvingGridSearchCV(
        pipe,
        {"ssl__temperature": temperatures},
        resource="ssl__max_epochs",
        min_resources=2,
        max_resources=18,
        factor=3,
        cv=2,
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(X, y)
    assert search.n_resources_ == [2, 6, 18]
    assert search.n_candidates_ == [9, 3, 1]
    best = search.best_params_["ssl__temperature"]
    of_best = [line for line in counter.lines() if line[0] == best and line[1] < len(X)]
    # Two folds, of one batch per epoch: 18 steps each for the one that is left.
    assert sorted(line[2] for line in of_best) == [2, 2, 4, 4, 12, 12]
    assert sum(line[3] for line in of_best) == 2 * 18
    epochs = [line[2] for line in counter.lines() if line[1] < len(X)]
    assert sum(epochs) == 2 * (9 * 2 + 3 * 4 + 1 * 12)
    # The last fit is to all samples, and is a training of its own.
    assert [line[2] for line in counter.lines() if line[1] == len(X)] == [2, 4, 12]
    assert search.best_estimator_[0].n_iter_ == 18


def test_sklearn_checks():
    case = CHEAP_PAIRS[SimCLR]
    ssl = case.make_small(SimCLR, modality=case.modality_for_2d, warm_start=True)
    results = check_estimator(ssl, on_skip=None, on_fail=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in results) >= 45


def test_cross_validation_keeps_folds_apart(counter, folder):
    ssl = tiny(counter, warm_start=folder)
    pipe = Pipeline([("ssl", ssl), ("clf", LogisticRegression(max_iter=1000))])
    scores = cross_val_score(pipe, X, y, cv=3)
    cold = Pipeline([("ssl", tiny(warm_start=False)), pipe.steps[1]])
    np.testing.assert_array_equal(scores, cross_val_score(cold, X, y, cv=3))
    assert epochs_of(counter) == [2, 2, 2]
