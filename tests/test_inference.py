"""What modality="auto" takes samples for, and where it says that it is not sure."""

import re
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.impute import SimpleImputer

from skssl import SimCLR
from skssl.exceptions import ModalityWarning
from skssl.modality import (
    Images,
    PointCloud,
    Series,
    Tabular,
    Text,
    Video,
    infer_modality,
)
from skssl.semi_supervised import FineTuneClassifier

RNG = np.random.default_rng(0)
WORDS = "sun rain wind fog hail snow".split()
TEXTS = [" ".join(RNG.choice(WORDS, 4)) for _ in range(30)]
WALKS = RNG.normal(size=(40, 80)).cumsum(axis=1)

SURE = [
    (np.zeros((5, 1, 60)), Series),
    (np.zeros((5, 22, 1000), dtype=np.float32), Series),
    (np.zeros((5, 12, 16), dtype=np.uint8), Images),
    (np.zeros((5, 9, 9), dtype=np.int64), Images),
    (np.zeros((5, 9, 9)), Images),
    (np.zeros((5, 3, 30, 30)), Images),
    (np.zeros((5, 8, 30, 30, 3)), Video),
    (np.zeros((5, 3, 8, 30, 30)), Video),
    (np.zeros((5, 3, 4, 30, 30)), Video),
    (np.zeros((5, 4, 8, 8, 1)), Video),
    (np.zeros((5, 3, 30, 1)), Images),
    (load_digits().data, Tabular),
    (load_breast_cancer().data, Tabular),
    (RNG.normal(size=(2000, 40)), Tabular),
    (np.eye(40)[RNG.integers(0, 40, 300)], Tabular),
    (TEXTS, Text),
    (["Rome", "Oslo"] * 20, Text),
    (pd.DataFrame({"text": TEXTS}), Text),
    (np.array(TEXTS)[:, None], Text),
    (SimpleImputer(strategy="constant", fill_value="").fit_transform([[t] for t in TEXTS]), Text),
]


@pytest.mark.parametrize(("X", "expected"), SURE)
def test_sure_without_a_word(X, expected):
    assert type(infer_modality(X)) is expected


DOUBTFUL = [
    (
        np.zeros((5, 128, 3)),
        PointCloud,
        r"series of 3 channels, modality=Series\(layout=",
    ),
    (list(np.zeros((5, 128, 3))), PointCloud, r"modality=Series\(layout='channels_last'\)"),
    (np.zeros((5, 12, 250), dtype=np.int16), Series, r"images, modality=Images\(\)"),
    (np.zeros((5, 28, 20), dtype=np.int64), Images, r"series of 20 channels, modality=Series\(lay"),
    (np.zeros((5, 3, 90), dtype=np.uint8), Images, r"series of 3 channels.*'channels_first'"),
    (np.zeros((64, 64, 3), dtype=np.uint8), Images, r"one image that is to be X\[None\]"),
    (np.zeros((5, 3, 3)), Images, "series of 3 channels"),
    (np.zeros((5, 30, 40)), Series, r"images, modality=Images\(\)"),
    ([np.zeros((9, 9), int), np.zeros((9, 8), int)], Series, r"images of several sizes.*size="),
    (np.zeros((5, 3, 30, 3)), Images, r"either axis, of 3 or of 3 .*Images\(layout='channels_fir"),
    (np.zeros((5, 3, 3, 30, 3)), Video, r"either axis.*Video\(layout='channels_first'\)"),
    (np.zeros((5, 4, 3, 30, 30)), Video, r"axis of 3 values.*X.swapaxes\(1, 2\)"),
    (RNG.normal(size=(2000, 2)).cumsum(axis=0), Tabular, "steps of one recording of 2 channels"),
    (pd.DataFrame(np.sin(np.arange(2000) / 9)), Tabular, "steps of one recording of 1 channel"),
    (RNG.normal(size=(3, 5000)), Tabular, "one recording of 3 channels"),
    (
        WALKS,
        Tabular,
        r"in series, .*, or in flattened images, modality=Images\(sh",
    ),
    (pl.DataFrame(WALKS), Tabular, r"in series, modality=Series\(\)"),
    (pd.DataFrame({"a": ["Rome", "Oslo"] * 9}), Text, r"2 different short strings in 18 rows.*Tab"),
    (np.array([["Rome"], ["Oslo"]] * 9), Text, r"categories, modality=Tabular\(\)"),
    (pd.DataFrame({"a": ["1.5", "20", "3e4"]}), Text, r"numbers as strings.*astype\(float\)"),
]


@pytest.mark.parametrize(("X", "taken", "message"), DOUBTFUL, ids=[m for *_, m in DOUBTFUL])
def test_doubts_say_what_to_write(X, taken, message):
    with pytest.warns(ModalityWarning, match=message) as said:
        assert type(infer_modality(X)) is taken
    assert f"modality={taken.__name__}()" in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Said, it is no question, apart from which axis holds the channels of series.
        if taken is not Series:
            taken().check(X, estimator="test")


@pytest.mark.parametrize("folder", [str, lambda path: path])
def test_a_folder_a_file_or_a_text_in_the_place_of_many(tmp_path, folder):
    with pytest.raises(ValueError, match=r"X is a folder, .*; pass a list of its files"):
        infer_modality(folder(tmp_path))
    file = tmp_path / "a.png"
    file.touch()
    with pytest.raises(ValueError, match=r"X is a single path, .*; pass a list of paths"):
        infer_modality(folder(file))
    for name, opened in {
        "X.npy": "numpy.load(X, mmap_mode='r')",
        "x.CSV": "pandas.read_csv(X)",
    }.items():
        (tmp_path / name).touch()
        with pytest.raises(ValueError, match=f"pass what it holds, {re.escape(opened)}"):
            infer_modality(folder(tmp_path / name))
    with pytest.raises(ValueError, match="X is a single text, 'rain'; pass a list of texts"):
        infer_modality("rain")
    with pytest.raises(
        ValueError, match=r"X is a single str, '\*.png'; .*sorted\(glob.glob\(X\)\)"
    ):
        infer_modality("*.png")


@pytest.mark.parametrize(("names", "pattern"), [(["a.jpg", "b.jpg", "c.txt", "README"], "*.jpg"),
    (["cat/a.jpeg", "dog/b.jpeg"], "*/*.jpeg"), ([], "*.png")])  # fmt: skip
def test_a_folder_is_told_by_the_files_that_are_there(tmp_path, names, pattern):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(ValueError, match=re.escape(f"glob({pattern!r})")):
        infer_modality(tmp_path)


@pytest.mark.parametrize("modality", ["auto", Images(size=8), Tabular(), Text(), Series()])
def test_what_can_be_gone_through_once_is_no_list(modality):
    for X in ((name for name in "ab"), map(str, [1, 2]), iter(["a", "b"])):
        for fit in (
            SimCLR(modality=modality).fit,
            lambda X: FineTuneClassifier(SimCLR(modality=modality)).fit(X, [0, 1]),
        ):
            with pytest.raises(TypeError, match=r"X is an iterator, .*pass a list: sorted\(X\)"):
                fit(X)


@pytest.mark.parametrize(
    ("modality", "X"),
    [
        (Images(), np.zeros((5, 9, 9, 3), dtype=np.uint8)),
        (Video(), np.zeros((5, 4, 9, 9, 3), dtype=np.uint8)),
        (Series(), np.arange(90.0).reshape(3, 2, 15)),
        (PointCloud(), RNG.normal(size=(5, 20, 3))),
    ],
    ids=["images", "video", "series", "points"],
)
def test_one_sample_in_the_place_of_many(modality, X):
    modality.fit(modality.check(X, estimator="test"))
    with pytest.raises(ValueError, match=r"pass X\[None\]"):
        modality.prepare(modality.check(X[0], estimator="test"))
