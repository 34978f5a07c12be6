"""What one takes away: pickles, files of skops, and encoders alone."""

import io
import pickle
import sys
import warnings
import zipfile

import joblib
import numpy as np
import pytest
import sklearn.exceptions
import torch
from cases import CASES, CHEAP_PAIRS, DIGITS, N_FEW, TINY_TRANSFORMER, tiny_mlp
from safetensors.torch import load
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import skssl
from skssl import (
    BYOL,
    MSN,
    NNCLR,
    Colorization,
    ContextEncoder,
    JigsawPuzzle,
    MaskedAutoencoder,
    SelfSupervisedImputer,
    SimCLR,
    TransformPrediction,
)
from skssl.exceptions import InconsistentVersionWarning
from skssl.modality import Images, PointCloud, Series, Tabular, Text, Video
from skssl.nn import Teacher
from skssl.semi_supervised import (
    FineTuneClassifier,
    FineTuneRegressor,
    LabeledOnly,
    PrototypeClassifier,
)
from skssl.utils import encoder_only, trusted_types

skops = pytest.importorskip("skops.io")

BY_NAME = {case.name: case for case in CASES}
# What is small by default: the networks of a table.
ROWS = BY_NAME["tabular"].few()
LABELS = np.arange(len(ROWS)) % 3


def quick(method=SimCLR, **params):
    return method(**{"max_epochs": 1, "device": "cpu", "random_state": 0, **params})


def again(estimator):
    return pickle.loads(pickle.dumps(estimator))


def through_skops(estimator):
    return skops.loads(skops.dumps(estimator), trusted=trusted_types())


def tensors_of(value):
    """Return all tensors and modules in a state, wherever they are."""
    if isinstance(value, (torch.Tensor, nn.Module)):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [found for one in value for found in tensors_of(one)]
    return tensors_of(vars(value)) if hasattr(value, "__dict__") else []


@pytest.mark.parametrize("estimator", CHEAP_PAIRS, ids=lambda estimator: estimator.__name__)
def test_a_state_has_no_tensors_and_skops_reads_it(estimator):
    case = CHEAP_PAIRS[estimator]
    X = case.few()[:30]
    ssl = case.make_small(estimator, encoder="auto").fit(X)
    assert tensors_of(ssl.__getstate__()) == []
    if estimator is not TransformPrediction:  # Functions are code.
        read = through_skops(ssl)
        np.testing.assert_array_equal(read.transform(X), ssl.transform(X))
        assert read.score(X) == ssl.score(X)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_skops_reads_a_pipeline_on_every_modality(case):
    X, y = case.few(), case.load()[1][:N_FEW]
    ssl = case.make_small(SimCLR, encoder="auto", max_epochs=0)
    pipeline = make_pipeline(ssl, StandardScaler(), LogisticRegression(max_iter=5000)).fit(X, y)
    read = through_skops(pipeline)
    np.testing.assert_array_equal(read.predict_proba(X), pipeline.predict_proba(X))


ENCODERS = [
    (Images(), "digits", ["conv", "vit", "resnet18"]),
    (Series(), "series", ["kernels+resnet", "kernels", "resnet", "ts2vec"]),
    (Series(normalize="dataset"), "series", ["kernels"]),
    (Tabular(concat_input=True), "tabular", ["mlp"]),
    (Tabular(scaling="standard"), "categories", ["mlp"]),
    (Text(min_df=1, max_df=1.0), "text", ["bag", "transformer"]),
    (Text(min_df=1, max_df=1.0, analyzer="subword"), "text", ["bag"]),
    (Text(min_df=1, max_df=1.0, analyzer="char", ngram_range=(1, 3)), "text", ["bag"]),
    (PointCloud(), "points", ["pointnet"]),
    (Video(), "video", ["conv"]),
]


@pytest.mark.parametrize(
    ("modality", "name", "encoder"),
    [(modality, name, encoder) for modality, name, encoders in ENCODERS for encoder in encoders],
)
def test_every_encoder_by_name_comes_back(modality, name, encoder):
    X = (DIGITS if name == "digits" else BY_NAME[name].few())[:20]
    ssl = quick(modality=modality, encoder=encoder, max_epochs=0).fit(X)
    Z = ssl.transform(X)
    np.testing.assert_array_equal(again(ssl).transform(X), Z)
    np.testing.assert_array_equal(through_skops(ssl).transform(X), Z)


def test_answers_come_back():
    images = DIGITS[:20]
    colors = np.stack([images, images / 2, images / 4], axis=-1) / 16
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:5, 3] = True
    series = BY_NAME["series"].few()[:30]
    table = np.where(np.random.default_rng(0).random((60, 4)) < 0.1, np.nan, 1.0)
    table *= np.arange(60)[:, None]
    masked = quick(MaskedAutoencoder, **TINY_TRANSFORMER)
    for ssl, X, answer in (
        (masked, images, lambda ssl, X: ssl.reconstruct(X, mask)),
        (masked, series, lambda ssl, X: ssl.forecast(X, 5)),
        (masked, table, lambda ssl, X: ssl.impute(X)),
        (quick(Colorization), colors, lambda ssl, X: ssl.colorize(X)),
        (quick(ContextEncoder), images, lambda ssl, X: ssl.inpaint(X, mask)),
        (quick(JigsawPuzzle), images, lambda ssl, X: ssl.solve(ssl.shuffle(X)[0])),
        (quick(SimCLR), ROWS, lambda ssl, X: ssl.untrained(X).transform(X)),
    ):
        ssl.fit(X)
        for read in (again(ssl), through_skops(ssl)):
            np.testing.assert_array_equal(answer(read, X), answer(ssl, X))


@pytest.mark.parametrize("method", [SimCLR, NNCLR])
def test_partial_fit_goes_on_with_a_fresh_optimizer(method):
    ssl = quick(method).fit(ROWS)
    read = again(ssl)
    # After `fit`, there is no state of an optimizer to be left out.
    ssl.partial_fit(ROWS)
    read.partial_fit(ROWS)
    np.testing.assert_array_equal(read.transform(ROWS), ssl.transform(ROWS))
    assert again(ssl).partial_fit(ROWS).n_iter_ == 3


@pytest.mark.parametrize("method", [BYOL, MSN])
def test_a_teacher_is_left_out_and_starts_as_a_copy_of_the_student(method):
    ssl = quick(method, warm_start=True, **(TINY_TRANSFORMER if method is MSN else {})).fit(ROWS)
    sizes = [len(pickle.dumps(one)) for one in (ssl, ssl.partial_fit(ROWS))]
    assert max(sizes) - min(sizes) < 1000
    read = again(ssl)
    teacher = read._objective.teacher
    assert isinstance(teacher, Teacher)
    student = read._objective.encoder.state_dict()
    for name, values in teacher.networks[0].state_dict().items():
        assert torch.equal(values, student[name])
    # Another training would come of it, so that it starts anew.
    started = read.set_params(max_epochs=2).fit(ROWS)
    expected = clone(read).fit(ROWS)
    np.testing.assert_array_equal(started.transform(ROWS), expected.transform(ROWS))


def test_the_history_comes_back_in_few_bytes():
    ssl = quick(encoder=tiny_mlp, max_epochs=40).fit(ROWS)
    same = again(ssl)
    assert same.history_ == ssl.history_ and same.loss_curve_ == ssl.loss_curve_
    assert [type(value) for value in same.history_[0].values()] == [
        type(value) for value in ssl.history_[0].values()
    ]
    # Rows that differ in what they have.
    tuned = FineTuneClassifier(ssl, max_epochs=1, early_stopping=True, random_state=0)
    tuned.fit(ROWS, LABELS).partial_fit(ROWS, LABELS)
    assert tuned.history_[0].keys() != tuned.history_[1].keys()
    assert again(tuned).history_ == tuned.history_
    by_name = [quick(max_epochs=n).fit(ROWS[:30]) for n in (1, 21)]
    sizes = [len(skops.dumps(one)) for one in by_name]
    assert sizes[1] - sizes[0] < 20 * 200


def test_a_warm_start_goes_on():
    ssl = quick(warm_start=True).fit(ROWS)
    read = again(ssl).set_params(max_epochs=2).fit(ROWS)
    np.testing.assert_array_equal(
        read.transform(ROWS), ssl.set_params(max_epochs=2).fit(ROWS).transform(ROWS)
    )


def test_no_device_is_needed_to_read():
    ssl = quick().fit(ROWS).partial_fit(ROWS).set_params(device="cuda:7")
    read = again(ssl)
    with pytest.raises(ValueError, match="device='cuda:7' is not available"):
        read.transform(ROWS)
    expected = ssl.set_params(device="cpu").transform(ROWS)
    np.testing.assert_array_equal(read.set_params(device="cpu").transform(ROWS), expected)


def test_what_torch_computes_in_by_default_does_not_matter():
    ssl = quick().fit(ROWS)
    data = pickle.dumps(ssl)
    torch.set_default_dtype(torch.float64)
    try:
        read = pickle.loads(data)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(read.transform(ROWS), ssl.transform(ROWS))


def test_reading_draws_no_numbers():
    data = pickle.dumps(quick().fit(ROWS))
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    pickle.loads(data)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_parameters_that_are_set_after_fit_do_not_matter():
    ssl = quick(projector_dim=16).fit(ROWS)
    Z = ssl.transform(ROWS)
    ssl.set_params(projector_dim=32, encoder="vit", modality=Images(shape=(8, 8)))
    np.testing.assert_array_equal(again(ssl).transform(ROWS), Z)
    assert again(ssl).projector_dim == 32
    own = quick(encoder=tiny_mlp).fit(ROWS)
    Z = own.transform(ROWS)
    for read in (again(own.set_params(encoder="auto")), again(again(own))):
        np.testing.assert_array_equal(read.transform(ROWS), Z)


def test_networks_that_are_made_otherwise_now_are_an_error():
    ssl = quick(projector_dim=16).fit(ROWS)
    ssl._made_with["projector_dim"] = 32  # as another default would
    with pytest.raises(ValueError, match="SimCLR: .* has shape .* in the file"):
        again(ssl)


FINE_TUNED = {
    "classifier": FineTuneClassifier(quick(), max_epochs=1, random_state=0),
    "blank head": FineTuneClassifier(quick(max_epochs=0), max_epochs=1, random_state=0),
    "own encoder": FineTuneClassifier(quick(encoder=tiny_mlp), max_epochs=1, random_state=0),
    "regressor": FineTuneRegressor(quick(BYOL), max_epochs=1, random_state=0),
}


@pytest.mark.parametrize("model", FINE_TUNED.values(), ids=FINE_TUNED)
def test_fine_tuned_ones_come_back(model):
    model.fit(ROWS, LABELS)
    own = not isinstance(model.method.encoder, str)
    for read in (again(model), again(model) if own else through_skops(model)):
        np.testing.assert_array_equal(read.predict(ROWS), model.predict(ROWS))
    state = model.__getstate__()
    del state["method_"]  # which has a state of its own
    assert tensors_of(state) == []
    assert read.partial_fit(ROWS, LABELS).n_iter_ == 2
    small = encoder_only(model)
    assert not np.array_equal(small.transform(ROWS), model.method_.transform(ROWS))
    np.testing.assert_array_equal(again(small).transform(ROWS), small.transform(ROWS))


def test_what_stands_beside_methods_comes_back():
    ssl = quick().fit(ROWS)
    Z = ssl.transform(ROWS)
    for model in (PrototypeClassifier(), LabeledOnly(LogisticRegression())):
        model.fit(Z, LABELS)
        np.testing.assert_array_equal(through_skops(model).predict(Z), model.predict(Z))
    frozen = FineTuneClassifier(FrozenEstimator(ssl), max_epochs=0).fit(ROWS, LABELS)
    np.testing.assert_array_equal(
        through_skops(frozen).predict_proba(ROWS), frozen.predict_proba(ROWS)
    )
    table = np.random.default_rng(0).normal(size=(60, 4))
    table[::5, 1] = np.nan
    imputer = SelfSupervisedImputer(method=quick(MaskedAutoencoder)).fit(table)
    np.testing.assert_array_equal(through_skops(imputer).transform(table), imputer.transform(table))


def test_encoders_of_ones_own_are_pickled_and_skops_says_why_it_cannot():
    ssl = quick(encoder=tiny_mlp).fit(ROWS)
    np.testing.assert_array_equal(again(ssl).transform(ROWS), ssl.transform(ROWS))
    for model in (ssl, SimCLR(encoder=nn.Flatten())):
        with pytest.raises(TypeError, match="module of your own.*pickle and joblib keep it"):
            skops.dumps(model)


def test_encoder_only(tmp_path):
    images = DIGITS[:20]
    ssl = quick(JigsawPuzzle, optimizer="adamw").fit(images)
    small = encoder_only(ssl)
    Z = ssl.transform(images)
    joblib.dump(small, tmp_path / "small.joblib")
    for one in (small, again(small), joblib.load(tmp_path / "small.joblib")):
        np.testing.assert_array_equal(one.transform(images), Z)
        for needs_heads in (one.score, one.solve, one.shuffle, one.partial_fit):
            with pytest.raises(AttributeError, match="JigsawPuzzle has its encoder only"):
                needs_heads(images)
        assert one.untrained(images).score(images) == ssl.untrained(images).score(images)
    n_bytes = sum(t.numel() * t.element_size() for t in ssl.encoder_.state_dict().values())
    assert len(pickle.dumps(small)) < 1.05 * n_bytes
    # What it is a copy of, is left as it is.
    assert ssl.score(images) == again(ssl).score(images)
    assert small.fit(images).score(images) == ssl.score(images)
    with pytest.raises(TypeError, match="must be a fitted self-supervised method.*LogisticReg"):
        encoder_only(LogisticRegression())
    with pytest.raises(sklearn.exceptions.NotFittedError):
        encoder_only(SimCLR())


def test_files_of_another_version_say_so(monkeypatch):
    ssl = quick().fit(ROWS)
    data = [pickle.dumps(ssl), pickle.dumps(PrototypeClassifier())]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pickle.loads(data[0])
    monkeypatch.setattr(skssl, "__version__", "7.0.0")
    with pytest.warns(InconsistentVersionWarning, match="SimCLR was saved by skssl 0.1.0 and is"):
        read = pickle.loads(data[0])
    np.testing.assert_array_equal(read.transform(ROWS), ssl.transform(ROWS))
    with pytest.warns(sklearn.exceptions.InconsistentVersionWarning, match="read by 7.0.0"):
        pickle.loads(data[1])
    assert "_skssl_version" not in vars(read)


def test_a_parameter_that_a_class_has_no_more_is_not_dropped_in_silence():
    fitted = quick(SimCLR, encoder=tiny_mlp).fit(ROWS)
    fitted.hinge_share = 0.9  # as if its class had it
    with pytest.warns(UserWarning, match="file of this SimCLR has hinge_share=0.9, which is not"):
        again(fitted)


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def manipulated(data, change, part=None):
    """Change a part of a file of skops; None is its largest one, which holds the networks."""
    source, goal = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    if part is None:
        parts = [name for name in source.namelist() if name.endswith(".bin")]
        part = max(parts, key=lambda name: source.getinfo(name).file_size)
    with zipfile.ZipFile(goal, "w") as file:
        for name in source.namelist():
            content = source.read(name)
            file.writestr(name, change(content) if name == part else content)
    return goal.getvalue()


def test_a_manipulated_file_runs_no_code(tmp_path):
    data = skops.dumps(quick().fit(ROWS))
    seen = []
    assert manipulated(data, lambda part: seen.append(load(part)) or part) and seen
    traces = tmp_path / "traces"
    evil = pickle.dumps(Evil(str(traces)))
    pickle.loads(evil).close()
    assert traces.exists()
    traces.unlink()
    buffer = io.BytesIO()
    torch.save({"encoder": Evil(str(traces))}, buffer)
    for code in (evil, buffer.getvalue(), b"", b"\x00" * 64):
        with pytest.raises(Exception, match=r"[Hh]eader|deserializ"):
            skops.loads(manipulated(data, lambda part, code=code: code), trusted=trusted_types())
        assert not traces.exists()


def test_skops_refuses_what_is_not_trusted(tmp_path):
    from skops.io.exceptions import UntrustedTypesFoundException

    class Unknown(SimCLR):
        """Another class."""

    for model in (SimCLR(callbacks=[Evil("x")]), SimCLR(encoder=tiny_mlp), Unknown()):
        with pytest.raises(UntrustedTypesFoundException, match="Evil|tiny_mlp|Unknown"):
            skops.loads(skops.dumps(model), trusted=trusted_types())
    names = trusted_types()
    assert len(set(names)) == len(names) > len(CHEAP_PAIRS)
    assert not [name for name in names if name.startswith("skssl.testing")]
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert isinstance(getattr(sys.modules.get(module, skssl), attribute, type), type)


def test_files_that_name_the_former_module_of_analyzers_are_read():
    texts = BY_NAME["text"].few()
    ssl = quick().fit(texts)
    changed = []

    def rename(schema):
        changed.append(schema.replace(b"skssl.modality._analyzers", b"skssl.modality._text"))
        assert changed[0] != schema
        return changed[0]

    data = manipulated(skops.dumps(ssl), rename, "schema.json")
    assert changed
    read = skops.loads(data, trusted=trusted_types())
    np.testing.assert_array_equal(read.transform(texts), ssl.transform(texts))


def embed_rows(folder):
    np.save(folder / "Z.npy", joblib.load(folder / "model.joblib").transform(ROWS))


def test_another_process_reads_it(new_process, tmp_path):
    ssl = quick().fit(ROWS)
    joblib.dump(ssl, tmp_path / "model.joblib")
    process = new_process(target=embed_rows, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 0
    np.testing.assert_array_equal(np.load(tmp_path / "Z.npy"), ssl.transform(ROWS))
