"""Samples that lie in a file or store, of any size."""

import errno
import itertools
import os
import re
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from cases import tiny_conv, tiny_mlp, tiny_video
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skssl import MaskedAutoencoder, MoCo, SimCLR
from skssl.metrics import knn_score
from skssl.modality import Images, Series, Tabular, Text, Video
from skssl.model_selection import EmbeddingScorer
from skssl.semi_supervised import LabeledOnly
from skssl.utils import embed, set_memory_limit, split_windows, windows

SHORT = {"max_epochs": 1, "batch_size": 32, "random_state": 0}
KINDS = ("memmap", "zarr", "h5py", "dask", "dataset")
# That of series learns from the samples how it scales.
ENCODERS = {"images": tiny_conv, "series": "kernels", "table": tiny_mlp, "video": tiny_video}


def store(kind, array, folder):
    """Put an array into a store of some kind."""
    chunks = (max(1, len(array) // 9), *array.shape[1:])
    if kind == "memmap":
        np.save(folder / "array.npy", array)
        return np.load(folder / "array.npy", mmap_mode="r")
    if kind == "zarr":
        zarr = pytest.importorskip("zarr")
        stored = zarr.create_array(
            folder / "array.zarr", shape=array.shape, dtype=array.dtype, chunks=chunks
        )
        stored[:] = array
        return stored
    if kind == "h5py":
        h5py = pytest.importorskip("h5py")
        return h5py.File(folder / "array.h5", "w").create_dataset("x", data=array, chunks=chunks)
    if kind == "dask":
        return pytest.importorskip("dask.array").from_array(array, chunks=chunks)
    return Pairs(array)


class Pairs(torch.utils.data.Dataset):
    """A map-style Dataset of samples and labels, which counts how often it is asked."""

    def __init__(self, samples):
        self.samples = samples
        self.asked = np.zeros(len(samples), dtype=int)

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, row):
        self.asked[row] += 1
        return torch.as_tensor(self.samples[row]), 0


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(0)
    return {
        "images": (Images(), rng.integers(0, 255, (130, 8, 8, 3), dtype=np.uint8)),
        "series": (Series(), rng.normal(size=(130, 2, 24)).cumsum(axis=2)),
        "table": (Tabular(), rng.normal(size=(130, 6))),
        "video": (Video(), rng.integers(0, 255, (130, 4, 8, 8, 1), dtype=np.uint8)),
    }


@pytest.mark.parametrize(
    ("kind", "name"),
    [*((kind, "table") for kind in KINDS), *(("memmap", x) for x in ("images", "series", "video"))],
)
def test_stores_are_read_as_a_whole_or_while_they_are_needed(kind, name, samples, tmp_path):
    modality, array = samples[name]
    X = store(kind, array, tmp_path)
    ssl = SimCLR(modality=modality, encoder=ENCODERS[name], **SHORT)
    whole = ssl.fit(array).transform(array)
    n_features = ssl.n_features_in_
    np.testing.assert_array_equal(ssl.fit(X).transform(X), whole)
    with set_memory_limit(0):
        read = ssl.fit(X).transform(X)
        np.testing.assert_array_equal(ssl.transform(array), read)
        np.testing.assert_array_equal(clone(ssl).fit(X).transform(array), read)
    assert ssl.n_features_in_ == n_features


def test_texts_of_a_column(tmp_path):
    datasets = pytest.importorskip("datasets")
    texts = [f"{word} and {word}s" for word in ("rain", "wind", "sun", "dog") * 30]
    column = datasets.Dataset.from_dict({"text": texts})["text"]
    ssl = SimCLR(**SHORT)
    whole = ssl.fit(texts).transform(texts)
    np.testing.assert_array_equal(ssl.fit(column).transform(column), whole)
    with set_memory_limit(0):
        ssl.fit(column)
        assert isinstance(ssl.modality_, Text)
        np.testing.assert_array_equal(ssl.transform(column), ssl.transform(texts))


def test_files_are_decoded_while_they_are_needed(tmp_path):
    from PIL import Image

    rng = np.random.default_rng(0)
    names = [str(tmp_path / f"{row}.png") for row in range(70)]
    for name in names:
        Image.fromarray(rng.integers(0, 255, (9, 8, 3), dtype=np.uint8)).save(name)
    with set_memory_limit(0):
        ssl = SimCLR(encoder=tiny_conv, **SHORT).fit(names)
        there = ssl.transform(names)
        os.remove(names[40])
        with pytest.raises(ValueError, match=r"Row 40 of X: .*40\.png"):
            ssl.transform(names)
        with pytest.warns(UserWarning, match=r"row 40, .*40\.png.*left out"):
            skipping = clone(ssl).set_params(modality=Images(on_error="skip")).fit(names)
        with pytest.warns(UserWarning, match=r"row 40, .*40\.png.*left out"):
            embedded = skipping.transform(names)
        for name in names:
            os.remove(name) if name != names[40] else None
        with pytest.warns(UserWarning, match="70 of 70 images"):
            assert np.isnan(skipping.transform(names)).all()
    assert np.isnan(embedded[40]).all()
    assert np.isfinite(np.delete(embedded, 40, axis=0)).all()
    assert there.shape == embedded.shape
    # Where arrays were seen in fit, no file is opened.
    arrays = ssl.fit(rng.integers(0, 255, (40, 9, 8, 3), dtype=np.uint8))
    with set_memory_limit(0), pytest.raises(ValueError, match="no file is opened"):
        arrays.transform(names)


@pytest.mark.parametrize("method", [SimCLR, MoCo])
def test_each_sample_is_read_once_in_an_epoch(method, samples):
    _, array = samples["table"]
    X = Pairs(array)
    with set_memory_limit(0):
        ssl = method(modality=Tabular(), encoder=tiny_mlp, **{**SHORT, "max_epochs": 3}).fit(X)
    # Once for the scales, and the first few to look at.
    assert set(X.asked[10:]) == {4}
    assert ssl.history_[0]["train_loss"] != ssl.history_[1]["train_loss"]


def test_windows_of_an_epoch_hold_each_row_once(samples):
    from skssl._streams import Stream
    from skssl.modality import Stored

    class Slow(Pairs):
        block = 1

    X = np.arange(1001.0)[:, None]
    stream = Stream(Stored.of(Slow(X)), lambda raw: (torch.stack(raw), None), torch.zeros(9, 1))
    generator = torch.Generator().manual_seed(0)
    epochs = []
    for _ in range(2):
        rows = []
        for place, values in stream.windows(generator, multiple_of=10):
            assert values[:, 0].tolist() == place.tolist()
            rows += place.tolist()
        assert sorted(rows) == list(range(1001))
        epochs.append(rows)
    assert epochs[0] != epochs[1]


def test_masked_methods_and_partial_fit_read_on_demand(samples, tmp_path):
    _, array = samples["table"]
    X = store("memmap", array, tmp_path)
    with set_memory_limit(0):
        ssl = MaskedAutoencoder(width=16, depth=1, n_heads=2, **SHORT).fit(X)
        before = ssl.transform(X)
        ssl.partial_fit(X)
    assert ssl.n_iter_ == 2
    assert not np.array_equal(before, ssl.transform(array))


def test_warm_start_goes_on_with_what_is_read_on_demand(samples, tmp_path):
    _, array = samples["table"]
    X = store("memmap", array, tmp_path)
    with set_memory_limit(0):
        ssl = SimCLR(encoder=tiny_mlp, **SHORT, warm_start=True).fit(X).set_params(max_epochs=3)
        ssl.fit(X)
        anew = clone(ssl).fit(X)
        assert ssl.n_iter_ == 3
        np.testing.assert_array_equal(ssl.transform(X), anew.transform(X))
        other = store("h5py", array + 1, tmp_path)
        assert ssl.set_params(max_epochs=1).fit(other).n_iter_ == 1


def test_a_wrong_value_is_named_by_its_row(samples, tmp_path):
    _, array = samples["table"]
    array = array.copy()
    array[77, 3] = np.inf
    X = store("zarr", array, tmp_path)
    ssl = SimCLR(**SHORT).fit(array[:50])
    before = ssl.transform(array[:50])
    with set_memory_limit(0), pytest.raises(ValueError, match=r"Row 77 of X.*column 3"):
        ssl.transform(X)
    with set_memory_limit(0), pytest.raises(ValueError, match=r"infinity.*column 3"):
        ssl.fit(X)
    np.testing.assert_array_equal(ssl.transform(array[:50]), before)


def test_a_file_that_became_shorter_is_an_error(samples, tmp_path):
    _, array = samples["table"]
    X = store("memmap", array, tmp_path)
    with open(tmp_path / "array.npy", "r+b") as file:
        file.truncate(1000)
    with set_memory_limit(0), pytest.raises(ValueError, match="its file has 1,000 bytes now"):
        SimCLR(**SHORT).fit(X)


def test_a_dataset_that_raises_is_named_by_its_row(samples):
    class Broken(Pairs):
        def __getitem__(self, row):
            if row == 99:
                raise OSError("the disk is gone")
            return super().__getitem__(row)

    X = Broken(samples["table"][1])
    with pytest.raises(ValueError, match="Row 99 of X, a Broken, .*OSError: the disk is gone"):
        SimCLR(modality=Tabular(), **SHORT).fit(X)

    class Ragged(Pairs):
        def __getitem__(self, row):
            return super().__getitem__(row)[0][: 5 if row == 99 else 6]

    with pytest.raises(ValueError, match=r"differ in shape: \(6,\) .*\(5,\) .*row 99"):
        SimCLR(modality=Tabular(), **SHORT).fit(Ragged(samples["table"][1]))


def test_a_dataset_without_a_length_is_refused():
    class Endless(torch.utils.data.IterableDataset):
        def __iter__(self):
            yield np.zeros(3)

    with pytest.raises(TypeError, match="map-style"):
        SimCLR(**SHORT).fit(Endless())


@pytest.mark.parametrize("limit", [-1, 0.0, 1.0, "2GB", True, None])
def test_what_the_limit_may_be(limit):
    with pytest.raises(ValueError, match="limit must be 'auto', a number of bytes"):
        set_memory_limit(limit)


def test_the_limit_is_set_within_a_block_or_from_now_on():
    from skssl._memory_limit import memory_limit

    usual = memory_limit()
    with set_memory_limit(10):
        assert memory_limit() == 10
        with set_memory_limit(0.25):
            assert memory_limit() > 2**26
        assert memory_limit() == 10
    assert memory_limit() == usual
    set_memory_limit(5)
    assert memory_limit() == 5
    set_memory_limit("auto")
    assert memory_limit() == usual


@pytest.fixture(scope="module")
def fitted(samples):
    return SimCLR(**SHORT).fit(samples["table"][1])


@pytest.mark.parametrize("ending", ["npy", "zarr"])
@pytest.mark.parametrize("kind", ["list", "memmap", "zarr"])
def test_embeddings_go_to_a_file(ending, kind, samples, fitted, tmp_path):
    if "zarr" in (ending, kind):
        pytest.importorskip("zarr")
    _, array = samples["table"]
    X = list(array) if kind == "list" else store(kind, array, tmp_path)
    out = tmp_path / f"Z.{ending}"
    Z = embed(fitted, X, out, batch_size=40, verbose=False)
    # Products of matrices round by how many rows they have.
    np.testing.assert_allclose(np.asarray(Z[:]), fitted.transform(array), atol=1e-6)
    assert not list(tmp_path.glob("*.unfinished"))


@pytest.mark.parametrize("ending", ["npy", "zarr"])
def test_embedding_goes_on_where_it_was(ending, samples, fitted, tmp_path, monkeypatch):
    if ending == "zarr":
        pytest.importorskip("zarr")
    _, array = samples["table"]
    out = tmp_path / f"Z.{ending}"
    calls = []

    class Stops(BaseEstimator):
        def __init__(self, most):
            self.most = most

        def fit(self, X, y=None):
            return self

        def __sklearn_is_fitted__(self):
            return True

        def transform(self, X):
            calls.append(len(X))
            if len(calls) > self.most:
                raise KeyboardInterrupt
            return fitted.transform(X)

    with pytest.raises(KeyboardInterrupt):
        embed(Stops(3), array, out, batch_size=40, verbose=False)
    calls.clear()
    Z = embed(Stops(99), array, out, batch_size=40, verbose=False)
    assert calls == [8, 22, 40, 10]
    np.testing.assert_allclose(np.asarray(Z[:]), fitted.transform(array), atol=1e-6)
    # What is whole is given back, after a look.
    calls.clear()
    embed(Stops(99), array, out, verbose=False)
    assert calls == [8, 23]
    before = np.asarray(Z[:]).copy()
    every = "other samples or of another estimator: of 31 rows .*, 31 differ, the first is row 0"
    with pytest.raises(ValueError, match=every):
        embed(fitted, array + 1, out, verbose=False)
    middle = array.copy()
    middle[62:70] += 1
    with pytest.raises(ValueError, match=r"of 31 rows .*, 1 differ, the first is row 68\. Pass"):
        embed(fitted, middle, out, verbose=False)
    with pytest.raises(
        ValueError, match=r"has shape \(130, 256\), but .* \(99, 256\)\. Pass .*it.$"
    ):
        embed(fitted, array[:99], out, verbose=False)
    with pytest.raises(ValueError, match=r"\(260, 256\)\. Pass .* file of their own: X\[130:\]"):
        embed(fitted, np.concatenate([array, array]), out, verbose=False)
    np.testing.assert_array_equal(np.asarray(Z[:]), before)


def test_a_log_gets_lines_of_embedding(samples, fitted, tmp_path, capsys, monkeypatch):
    _, array = samples["table"]
    # Each part takes 11 seconds by this clock, which says the time once before them.
    clock = SimpleNamespace(monotonic=itertools.count(0, 11).__next__)
    monkeypatch.setattr("skssl._progress.time", clock)
    embed(fitted, array, tmp_path / "Z.npy", batch_size=40)
    assert capsys.readouterr().err.splitlines() == [
        "SimCLR: 40 of 130 samples, 25 s left",
        "SimCLR: 80 of 130 samples, 14 s left",
        "SimCLR: 120 of 130 samples, 3 s left",
        "SimCLR: 130 of 130 samples in 44 s",
    ]


class Meanwhile(BaseEstimator):
    """Does something when it embeds for the second time, and so while the file is written."""

    def __init__(self, ssl, act):
        self.ssl, self.act, self.calls = ssl, act, 0

    def fit(self, X, y=None):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        self.calls += 1
        if self.calls == 2:
            self.act()
        return self.ssl.transform(X)


@pytest.mark.parametrize("ending", ["npy", "zarr"])
def test_one_at_a_time_writes_a_file(ending, samples, fitted, tmp_path, capfd):
    if ending == "zarr":
        pytest.importorskip("zarr")
    array, out = samples["table"][1], tmp_path / "new" / "folder" / f"Z.{ending}"

    def another():
        with pytest.raises(ValueError, match=r"out='.*Z\.\w+' is being written by another process"):
            embed(fitted, array, out, verbose=False)

    # What a process has left that was killed is in nobody's way.
    out.parent.mkdir(parents=True)
    (out.parent / f"{out.name}.lock").touch()
    Z = embed(Meanwhile(fitted, another), array, out, batch_size=40, verbose=False)
    np.testing.assert_allclose(np.asarray(Z[:]), fitted.transform(array), atol=1e-6)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    # Who has nothing to write shows nothing.
    embed(fitted, array, out)
    assert not capfd.readouterr().err


def test_processes_of_one_script_wait_for_each_other(samples, fitted, tmp_path, monkeypatch):
    told = {"RANK": 1, "WORLD_SIZE": 2, "MASTER_ADDR": "localhost", "MASTER_PORT": 1}
    for name, value in told.items():
        monkeypatch.setenv(name, str(value))
    array, out, others = samples["table"][1], tmp_path / "Z.npy", []

    def another():
        others.append(threading.Thread(target=embed, args=(fitted, array, out)))
        others[0].start()

    Z = embed(Meanwhile(fitted, another), array, out, batch_size=40, verbose=False)
    others[0].join()
    np.testing.assert_allclose(Z, fitted.transform(array), atol=1e-6)
    assert out.stat().st_size == 128 + Z.nbytes


@pytest.mark.skipif(sys.platform == "win32", reason="locks are others")
def test_a_disk_without_locks_gives_a_warning(samples, fitted, tmp_path, monkeypatch):
    def flock(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.warns(UserWarning, match="disk without locks .*no other process writes to Z.npy"):
        embed(fitted, samples["table"][1], tmp_path / "Z.npy", verbose=False)


def test_a_place_that_cannot_be_written_to(samples, fitted, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="out must be a file that can be written, and '.*Z.npy'"):
        embed(fitted, samples["table"][1], tmp_path / "file" / "Z.npy", verbose=False)


def test_embeddings_go_to_an_array(samples, fitted):
    _, array = samples["table"]
    Z = np.empty((130, 256))
    assert embed(fitted, array, Z, verbose=False) is Z
    np.testing.assert_array_equal(Z, fitted.transform(array))
    with pytest.raises(ValueError, match=r"out='ndarray' has shape \(3, 256\)"):
        embed(fitted, array, Z[:3], verbose=False)
    with pytest.raises(ValueError, match="ends in '.npy' or '.zarr'"):
        embed(fitted, array, "Z.csv", verbose=False)
    with pytest.raises(ValueError, match="batch_size must be"):
        embed(fitted, array, Z, batch_size=0)


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_windows_share_the_memory_of_the_recording(layout, tmp_path):
    recording = np.random.default_rng(0).normal(size=(500, 3)).cumsum(axis=0)
    np.save(tmp_path / "r.npy", recording if layout == "channels_last" else recording.T)
    mapped = np.load(tmp_path / "r.npy", mmap_mode="r")
    X = windows(mapped, 32, 4, layout=layout)
    assert X.shape == (118, 3, 32)
    assert np.shares_memory(X, mapped)
    np.testing.assert_array_equal(X[5], recording[20:52].T)
    with set_memory_limit(0):
        ssl = SimCLR(encoder="kernels", **SHORT).fit(X)
        np.testing.assert_array_equal(ssl.transform(X), ssl.transform(X.copy()))
    assert windows(recording[:, 0], 100).shape == (401, 1, 100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 0}, "length must be an int of at least 1, got 0"),
        ({"length": 3, "step": 1.5}, "step must be an int of at least 1, got 1.5"),
        ({"length": 99}, r"length=99 is longer than the recording, which has 50 steps"),
        ({"length": 5, "layout": "last"}, "layout must be 'channels_last'"),
    ],
)
def test_windows_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        windows(np.zeros((50, 2)), **arguments)
    with pytest.raises(ValueError, match=r"got shape \(2, 2, 2\)"):
        windows(np.zeros((2, 2, 2)), 1)


@pytest.mark.parametrize("freq", ["h", "D", "MS", "3D"])
def test_times_of_a_recording_are_in_order_and_regular(freq):
    # Over a change of the clocks.
    times = pd.date_range("2024-02-01", periods=90, freq=freq, tz="Europe/Berlin")
    times = pd.DatetimeIndex(list(times))
    frame = pd.DataFrame(np.arange(180.0).reshape(90, 2), index=times)
    assert windows(frame, 12).shape == (79, 2, 12)
    assert windows(frame[0], 12).shape == (79, 1, 12)
    with pytest.raises(ValueError, match=r"not in order: .*sort_index\(\)"):
        windows(frame[::-1], 12)
    with pytest.raises(ValueError, match=r"not in order: .*duplicated\(\)"):
        windows(frame.iloc[[0, 1, 1, 2, 3]], 2)
    holey = frame.drop(times[40:43])
    where = re.escape(f"after {times[39]} comes {times[43]}, ")
    with pytest.raises(ValueError, match=rf"{where}.*recording.asfreq\('h'\)"):
        windows(holey, 12)
    assert windows(holey.to_numpy(), 12).shape == (76, 2, 12)


@pytest.mark.parametrize("step", [1, 7, 20, 45])
def test_windows_of_training_and_test_share_no_step(step):
    X = windows(np.arange(1000), 20, step)
    train, test = split_windows(len(X), length=20, step=step, test_size=0.3)
    assert X[train].max() < X[test].min()
    # No more are left out than has to be.
    assert train[-1] + 1 == test[0] or X[train[-1] + 1].max() >= X[test].min()
    assert len(test) == -(-3 * len(X) // 10)
    with pytest.raises(ValueError, match="No window is left"):
        split_windows(5, length=100, step=1)
    with pytest.raises(ValueError, match="test_size must be"):
        split_windows(5, length=1, step=1, test_size=1.0)
    with pytest.raises(ValueError, match=r"shape \(\d+, 1, 20\); pass the number of .* len\(X\)"):
        split_windows(X, length=20, step=step)
    with pytest.raises(TypeError, match="'step'"):
        split_windows(len(X), length=20)


@pytest.mark.parametrize("kind", KINDS)
def test_scorers_read_the_rows_that_they_look_at(kind, samples, fitted, tmp_path):
    _, array = samples["table"]
    X, y = store(kind, array, tmp_path), np.where(np.arange(130) < 20, np.arange(130) % 2, -1)
    assert fitted.score(X) == fitted.score(array)
    scorer = EmbeddingScorer(knn_score, needs_labels=True)
    assert scorer(fitted, X, y) == scorer(fitted, array, y)
    probe = make_pipeline(FrozenEstimator(fitted), LogisticRegression())
    predicted = LabeledOnly(probe).fit(X, y).predict(X)
    np.testing.assert_array_equal(predicted, LabeledOnly(probe).fit(array, y).predict(array))


def test_reading_ends_with_the_training(samples, tmp_path):
    X = store("memmap", samples["table"][1], tmp_path)
    with set_memory_limit(0):
        SimCLR(**SHORT).fit(X)
    assert not [one for one in threading.enumerate() if one.name.startswith("skssl-read")]
