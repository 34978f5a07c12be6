"""Comparisons with few labels: what is fitted to what, how often, and what is said of it."""

import re

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from cases import CASES, tiny_conv, tiny_mlp
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.datasets import load_digits, make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.feature_selection import RFE
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import LabelSpreading
from skorch.callbacks import Callback

from skssl import MaskedAutoencoder, SelfSupervisedImputer, SimCLR, VICReg
from skssl.inspection import (
    FewLabelDisplay,
    FewLabelReport,
    classical_baselines,
    few_label_report,
    paired_difference,
)
from skssl.modality import Images, Modality, Series, Tabular, infer_modality
from skssl.semi_supervised import FineTuneClassifier, LabeledOnly, PrototypeClassifier

X, y = make_blobs(200, n_features=6, centers=3, cluster_std=6.0, random_state=0)


def tiny(cls=SimCLR, **params):
    settings = {"encoder": tiny_mlp, "max_epochs": 2, "device": "cpu", "random_state": 0}
    return cls(**{**settings, **params})


def compare(models, X=X, y=y, **params):
    settings = {"n_labels": (1, 3), "n_repeats": 2, "baselines": None, "random_state": 0}
    return few_label_report(models, X, y, **{**settings, **params})


class CountFits(Callback):
    """Counts trainings, also those of copies."""

    epochs: list = []

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        if net.max_epochs:
            self.epochs.append(net.max_epochs)


class Spy(ClassifierMixin, BaseEstimator):
    """Predicts class 0 and notes what it is fitted to."""

    seen: list = []

    def fit(self, X, y):
        self.seen.append((np.asarray(X), np.asarray(y)))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


class Scale(TransformerMixin, BaseEstimator):
    """Notes whether it is shown labels."""

    seen: list = []

    def fit(self, X, y=None):
        self.seen.append((len(X), y))
        return self

    def transform(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True


@pytest.fixture(autouse=True)
def forget():
    for noted in (CountFits.epochs, Spy.seen, Scale.seen):
        noted.clear()
    yield
    plt.close("all")


def test_a_method_is_trained_once_and_a_fitted_one_never():
    counted = tiny(callbacks=[CountFits()])
    compare({"a": counted, "in a pipeline": make_pipeline(counted, LogisticRegression())})
    assert CountFits.epochs == [2, 2]
    assert not hasattr(counted, "encoder_")
    fitted = tiny(callbacks=[CountFits()]).fit(X)
    CountFits.epochs.clear()
    report = compare(fitted)
    frozen = compare({"SimCLR": make_pipeline(FrozenEstimator(fitted))})
    assert frozen.rows == report.rows
    assert CountFits.epochs == []
    assert report.estimators["SimCLR"][0] is fitted


@pytest.mark.workers
def test_same_seed_same_scores_whatever_the_processes():
    models = [tiny(), LogisticRegression()]
    first = compare(models)
    assert first.rows == compare(models, n_jobs=2).rows
    assert first.rows != compare(models, random_state=1).rows


def test_all_models_see_the_same_few_rows_of_each_class_and_no_test_row():
    hidden = y.copy()
    hidden[::2] = -1
    report = compare({"a": Spy(), "b": Spy()}, y=hidden, n_repeats=3)
    assert len(Spy.seen) == 2 * 2 * 3
    for (Xa, ya), (Xb, yb) in zip(Spy.seen[:6], Spy.seen[6:], strict=True):
        np.testing.assert_array_equal(Xa, Xb)
        np.testing.assert_array_equal(ya, yb)
    assert [np.bincount(labels).tolist() for _, labels in Spy.seen[:6]] == [[1] * 3] * 3 + [
        [3] * 3
    ] * 3
    assert (report.n_train, report.n_labelled, report.n_test) == (175, 75, 25)
    labelled = {tuple(row) for row in X[hidden != -1]}
    assert {tuple(row) for rows, _ in Spy.seen for row in rows} <= labelled
    assert len({rows.tobytes() for rows, _ in Spy.seen[:6]}) == 6


def test_rows_of_fewer_labels_are_among_those_of_more():
    compare(Spy(), n_labels=(1, 3), n_repeats=1)
    (few, _), (more, _) = Spy.seen
    assert {tuple(row) for row in few} < {tuple(row) for row in more}


def test_steps_that_need_no_labels_are_fitted_once_to_all_rows():
    compare(make_pipeline(Scale(), RFE(LogisticRegression(), n_features_to_select=2), Spy()))
    assert Scale.seen == [(150, None)]
    assert [rows.shape for rows, _ in Spy.seen] == [(3, 2), (3, 2), (9, 2), (9, 2)]


def test_semi_supervised_classifiers_see_all_rows_and_the_drawn_labels():
    class Spreading(LabelSpreading):
        seen: list = []

        def fit(self, X, y):
            self.seen.append(y)
            return super().fit(X, y)

    compare(Spreading(kernel="knn"))
    assert [len(shown) for shown in Spreading.seen] == [150] * 4
    assert [int((shown != -1).sum()) for shown in Spreading.seen] == [3, 3, 9, 9]


@pytest.mark.parametrize("given", ["unfitted", "default", "fitted", "frozen"])
def test_a_method_that_a_classifier_fine_tunes_is_trained_once(given, monkeypatch):
    is_fitted = given in ("fitted", "frozen")
    # One that is not fitted gets its seed from the classifier.
    counted = tiny(random_state=0 if is_fitted else None, callbacks=[CountFits()])
    if is_fitted:
        counted.fit(X)
        CountFits.epochs.clear()
    monkeypatch.setattr("skssl.semi_supervised._base.SimCLR", lambda: counted)
    method = {"default": None, "frozen": FrozenEstimator(counted)}.get(given, counted)
    tuned = FineTuneClassifier(method, max_epochs=0, random_state=0)
    report = compare({"tuned": tuned})
    assert CountFits.epochs == ([] if is_fitted else [2])
    assert tuned.method is method
    assert hasattr(counted, "encoder_") == is_fitted
    assert list(report.scores) == ["random weights", "tuned"]
    assert compare({"tuned": tuned}).rows == report.rows


def test_a_method_in_a_pipeline_of_pipelines_is_trained_once():
    features = make_pipeline("passthrough", tiny(callbacks=[CountFits()]))
    probe = make_pipeline(StandardScaler(), LogisticRegression())
    nested = compare({"nested": make_pipeline(features, probe)}, probe=probe)
    assert CountFits.epochs == [2]
    flat = compare({"nested": tiny()}, probe=probe)
    assert nested.rows == flat.rows


def test_what_fills_gaps_is_no_encoder():
    method = MaskedAutoencoder(width=16, depth=1, n_heads=2, max_epochs=1, random_state=0)
    imputer = SelfSupervisedImputer(method=method)
    assert list(compare(make_pipeline(imputer, LogisticRegression())).scores) == ["Pipeline"]


def test_a_fine_tuned_estimator_that_is_no_method_is_named():
    with pytest.raises(ValueError, match=re.escape("method=StandardScaler() must be a self-super")):
        compare([tiny(callbacks=[CountFits()]), FineTuneClassifier(StandardScaler())])
    assert CountFits.epochs == []


def test_each_distinct_encoder_has_one_row_of_random_weights():
    assert list(compare([tiny(), tiny(VICReg)]).scores) == ["random weights", "SimCLR", "VICReg"]
    wide = tiny(encoder="auto", max_epochs=1)
    assert list(compare({"a": tiny(), "b": wide}).scores) == [
        "random weights (a)",
        "random weights (b)",
        "a",
        "b",
    ]
    assert list(compare(LogisticRegression()).scores) == ["LogisticRegression"]
    # What is beside the learned columns knows whether views mirror images.
    flips = [tiny(encoder="auto", max_epochs=0).set_params(views__flip=flip) for flip in (0, 0.5)]
    digits = load_digits()
    report = few_label_report(
        {"none": flips[0], "some": flips[1], "again": clone(flips[1])}, digits.images[:200],
        digits.target[:200], n_labels=1, n_repeats=1, baselines=None,
    )  # fmt: skip
    assert list(report.scores)[:2] == ["random weights (none)", "random weights (some)"]
    assert len(report.scores) == 5


def test_random_weights_are_those_before_training():
    report = compare({"trained": tiny(), "untrained": tiny(max_epochs=0)})
    np.testing.assert_array_equal(report.scores["random weights"], report.scores["untrained"])
    assert not np.array_equal(report.scores["random weights"], report.scores["trained"])


def test_scores_are_those_of_the_scoring_on_the_test_rows():
    report = compare(Spy(), X_test=X[:50], y_test=np.zeros(50, dtype=int))
    assert [row["mean"] for row in report.rows] == [1.0, 1.0]
    balanced = compare(DummyClassifier(), scoring="balanced_accuracy")
    assert [row["mean"] for row in balanced.rows] == pytest.approx([1 / 3, 1 / 3])


def test_more_labels_are_worth_more():
    report = compare(LogisticRegression(), n_labels=(30, 1), n_repeats=5)
    few, many = (row["mean"] for row in report.rows)
    assert few < many
    assert many > 0.7


def test_labels_may_be_strings():
    names = np.array(["red", "green", "blue"], dtype=object)[y]
    names[:20] = None
    report = compare(LogisticRegression(), y=names)
    assert report.n_train - report.n_labelled == 20


def test_models_and_scores_see_the_labels_themselves():
    names = np.array(["red", "green", "blue"])[y]
    heavy = {"red": 1000.0, "green": 0.001, "blue": 0.001}

    def share_of_red(estimator, X, y):
        assert set(y) == {"red", "green", "blue"}
        return np.mean(estimator.predict(X) == "red")

    models = {
        "linear": LogisticRegression(class_weight=heavy),
        "tuned": FineTuneClassifier(tiny(), max_epochs=0, class_weight=heavy, random_state=0),
        "few": LabeledOnly(LogisticRegression(class_weight=heavy)),
    }
    weighted = compare(models, y=names, scoring=share_of_red).scores
    for model in (models["linear"], models["tuned"], models["few"].estimator):
        model.set_params(class_weight=None)
    plain = compare(models, y=names, scoring=share_of_red).scores
    assert all((weighted[name] > plain[name]).all() for name in models)
    np.testing.assert_array_equal(weighted["few"], weighted["linear"])


@pytest.mark.parametrize(
    ("classes", "unlabeled"), [(["red", "green", "blue"], "auto"), ([-1, 0, 1], None)]
)
def test_semi_supervised_classifiers_take_any_classes(classes, unlabeled):
    models = [LabelSpreading(kernel="knn"), PrototypeClassifier(), FineTuneClassifier(tiny())]
    models[2].set_params(max_epochs=0, random_state=0)
    by_number = compare(models)
    report = compare(models, y=np.sort(classes)[y], unlabeled=unlabeled)
    assert report.rows == by_number.rows


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_baselines_run_on_every_modality(case):
    samples, labels = case.load()
    auto = isinstance(case.modality, str)
    baselines = classical_baselines(infer_modality(samples) if auto else case.modality)
    report = few_label_report(
        baselines, samples, labels, baselines=None, n_labels=(1, 5), n_repeats=1, random_state=0
    )
    assert list(report.scores) == list(baselines)
    best = max(scores[1].mean() for scores in report.scores.values())
    assert best > 1.2 / len(np.unique(labels))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_samples_that_are_all_equal_have_baselines(case):
    samples, labels = case.load()[0], np.arange(20) % 2
    modality = infer_modality(samples) if isinstance(case.modality, str) else case.modality
    same = [samples[0]] * 20 if isinstance(samples, list) else np.stack([samples[0]] * 20)
    report = few_label_report(
        classical_baselines(modality), same, labels, baselines=None, n_labels=(1,), n_repeats=1
    )
    assert all(0 <= scores[0].mean() <= 1 for scores in report.scores.values())


def test_baselines_take_series_of_unequal_length(rng):
    labels = np.arange(40) % 2
    lengths = np.r_[rng.integers(12, 20, 30), rng.integers(20, 30, 10)]
    series = [np.sin(np.arange(n) * (1 + y)) for n, y in zip(lengths, labels, strict=True)]
    for train, test in ((slice(0, 30), slice(30, 40)), (slice(10, 40), slice(0, 10))):
        raw = classical_baselines(Series())["raw"].fit(series[train])
        seen, new = raw.transform(series[train]), raw.transform(series[test])
        assert seen.shape[1] == new.shape[1] == max(map(len, series[train]))
    report = few_label_report(
        classical_baselines(Series()),
        series[:30],
        labels[:30],
        X_test=series[30:],
        y_test=labels[30:],
        baselines=None,
        n_labels=(2,),
        n_repeats=1,
    )
    assert len(report.scores) == 3


def test_auto_baselines_are_those_of_the_first_methods_modality():
    digits = np.random.default_rng(0).integers(0, 255, (60, 64)).astype(np.uint8)
    labels = np.arange(60) % 2
    flat = SimCLR(modality=Images(shape=(8, 8, 1)), encoder=tiny_conv, max_epochs=0, random_state=0)
    with_method = compare(flat, digits, labels, baselines="auto")
    assert list(with_method.scores)[:-2] == list(classical_baselines(Images()))
    with_fitted = compare(flat.fit(digits), digits, labels, baselines="auto")
    assert list(with_fitted.scores) == list(with_method.scores)
    by_look = compare(LogisticRegression(), digits, labels, baselines="auto")
    assert list(by_look.scores)[:-1] == list(classical_baselines(Tabular()))


def test_own_modalities_have_baselines():
    class Rows(Tabular):
        pass

    assert "raw, HistGradientBoosting" in classical_baselines(Rows())
    with pytest.raises(ValueError, match=re.escape("modality='images' must be an instance")):
        classical_baselines("images")
    assert issubclass(Rows, Modality)


def test_boosting_learns_from_a_few_rows():
    easy, labels = make_blobs(120, n_features=6, centers=3, random_state=0)
    boosting = classical_baselines(Tabular())["raw, HistGradientBoosting"]
    report = compare({"boosting": boosting}, easy, labels, n_labels=(1, 5))
    assert (report.scores["boosting"].mean(axis=1) > [0.5, 0.8]).all()


def test_the_choice_is_that_of_the_labelled_rows_of_each_draw():
    class Knows(Spy):
        """Is right where it is asked about these rows."""

        def __init__(self, rows=None):
            self.rows = rows

        def predict(self, X):
            right = [any(np.array_equal(row, known) for known in self.rows) for row in X]
            truth = [int(y[np.flatnonzero((X_all == row).all(axis=1))[0]]) for row in X]
            return np.where(right, truth, (np.array(truth) + 1) % 3)

    X_all, X_train, X_test, y_test = X, X[:150], X[150:], y[150:]
    # Chosen is what is right about training rows, though it is wrong about every test row.
    models = {"of test": Knows(X_test), "of training": Knows(X_train), "too": Knows(X_train)}
    report = compare(
        models, X_train, y[:150], X_test=X_test, y_test=y_test, n_labels=(1, 2, 7), choose=True
    )
    assert report.chosen == [["of test"] * 2, ["of training"] * 2, ["of training"] * 2]
    chosen = report.scores["chosen by cross-validation"]
    np.testing.assert_array_equal(chosen, [[1, 1], [0, 0], [0, 0]])
    # In each draw: a fit for the test, and as many folds as there are labels, at most 5.
    fits = [len(labels) for _, labels in Spy.seen[: len(Spy.seen) // 3]]
    assert fits[:10] == [3, 3, 6, 6, 21, 21, *[3] * 4]
    assert [sum(fits[first : first + 5]) for first in (10, 15)] == [4 * 21] * 2


def test_held_out_labels_are_not_shown():
    class Spreading(LabelSpreading):
        seen: list = []

        def fit(self, X, y):
            self.seen.append(y)
            return super().fit(X, y)

    models = {"spreading": Spreading(kernel="knn"), "linear": LogisticRegression()}
    report = compare(models, n_labels=4, n_repeats=1, choose=True)
    whole, *folds = Spreading.seen
    assert [int((shown != -1).sum()) for shown in folds] == [9] * 4
    assert all(np.isin(np.flatnonzero(fold != -1), np.flatnonzero(whole != -1)).all()
               for fold in folds)  # fmt: skip
    # A choice is one of the rows, the same with several processes.
    ((name,),) = report.chosen
    assert report.scores["chosen by cross-validation"] == report.scores[name]
    in_processes = compare(
        {"spreading": LabelSpreading(kernel="knn"), "linear": LogisticRegression()},
        n_labels=4, n_repeats=1, choose=True, n_jobs=2,
    )  # fmt: skip
    assert in_processes.chosen == report.chosen


def test_random_weights_are_not_chosen_and_baselines_are():
    easy, labels = make_blobs(120, n_features=6, centers=3, random_state=0)
    blind = {"blind": make_pipeline(tiny(max_epochs=0), DummyClassifier())}
    report = compare(
        blind, easy, labels, baselines={"linear": LogisticRegression()}, n_labels=5, choose=True
    )
    assert list(report.scores) == [
        "linear",
        "random weights",
        "blind",
        "chosen by cross-validation",
    ]
    assert report.chosen == [["linear", "linear"]]
    assert [row["kind"] for row in report.rows][-1] == "chosen"
    assert "chosen by cross-validation" in report.plot().lines_


def test_the_summary_says_what_the_choice_cost():
    report = FewLabelReport(
        {"a": np.array([[0.5, 0.6], [0.6, 0.7]]), "b": np.array([[0.7, 0.8], [0.7, 0.9]])},
        {"a": "model", "b": "model"},
        n_labels=[1, 5], scoring="accuracy", n_train=9, n_labelled=8, n_test=3,
        chosen=[["a", "a"], ["a", "b"]],
    )  # fmt: skip
    np.testing.assert_array_equal(
        report.scores["chosen by cross-validation"], [[0.5, 0.6], [0.6, 0.9]]
    )
    assert report.summary().split("\n") == [
        "1 label per class: b (model) is first. There is nothing to cross-validate: a was taken.",
        "5 labels per class: b (model) is first. Cross-validation chose a (1), b (1), which is "
        "level with b, the best afterwards (-0.050 ± 0.050) and level with a, the first model "
        "(0.100 ± 0.100).",
    ]


def test_a_choice_among_baselines_alone_is_told():
    baselines = {"a": DummyClassifier(), "b": LogisticRegression()}
    lines = compare({}, baselines=baselines, choose=True).summary().split("\n")
    assert "There is nothing to cross-validate: a was taken." in lines[0]
    assert "a, the first baseline" in lines[1]


def test_a_score_that_is_no_number_is_an_error_of_its_row():
    with pytest.raises(ValueError, match="scoring gave NaN") as error:
        compare({"a": LogisticRegression()}, scoring=lambda estimator, X, y: np.nan)
    assert "row 'a'" in error.value.__notes__[0]


def test_a_choice_needs_rows_and_a_name():
    with pytest.raises(ValueError, match=re.escape("choose=True needs at least 2 rows")):
        compare(LogisticRegression(), choose=True)
    models = {"chosen by cross-validation": Spy(), "b": Spy()}
    with pytest.raises(ValueError, match="used twice: chosen by cross-validation"):
        compare(models, choose=True)
    assert Spy.seen == []


def test_rows_make_a_data_frame():
    table = pd.DataFrame(compare([tiny(), LogisticRegression()]).rows)
    assert table.groupby("kind").size().to_dict() == {"model": 4, "random weights": 2}
    cell = table.iloc[0]
    assert (cell["mean"], cell["std"]) == (np.mean(cell["scores"]), np.std(cell["scores"]))


def test_the_table_has_a_line_for_each_model():
    scores = {"raw": np.array([[0.5, 0.7], [0.8, 0.8]])}
    report = FewLabelReport(
        scores, {"raw": "classical"}, n_labels=[1, 5], scoring="accuracy",
        n_train=9, n_labelled=8, n_test=3,
    )  # fmt: skip
    assert report.to_markdown() == (
        "| labels per class | 1 | 5 |\n|---|---|---|\n| raw | 0.600 ± 0.100 | 0.800 ± 0.000 |"
    )
    assert "3 test rows" in str(report)
    assert "2 draws" in str(report)


def test_the_summary_says_which_kind_is_first_and_whether_draws_can_tell():
    scores = {
        "raw": [[0.5, 0.7, 0.6], [0.80, 0.90, 0.85]],
        "PCA": [[0.4, 0.6, 0.5], [0.95, 0.95, 0.95]],
        "random weights": [[0.3, 0.3, 0.3], [0.3, 0.29, 0.31]],
        "SimCLR": [[0.6, 0.7, 0.8], [0.84, 0.88, 0.86]],
    }
    report = FewLabelReport(
        {name: np.array(cells) for name, cells in scores.items()},
        {"raw": "classical", "PCA": "classical", "random weights": "random weights",
         "SimCLR": "model"},
        n_labels=[1, 5], scoring="accuracy", n_train=9, n_labelled=8, n_test=3,
    )  # fmt: skip
    assert report.summary().split("\n") == [
        "1 label per class: SimCLR (model) is first, level with raw (classical) (0.100 ± 0.058), "
        "ahead of random weights by 0.400 ± 0.058.",
        "5 labels per class: PCA (classical) is first, ahead of SimCLR (model) by 0.090 ± 0.012, "
        "ahead of random weights by 0.650 ± 0.006. SimCLR (model) is ahead of random weights by "
        "0.560 ± 0.015.",
    ]
    assert str(report).endswith(report.summary())


def test_the_summary_names_models_behind_their_random_weights():
    scores = {
        "random weights": [[0.5, 0.51, 0.52]],
        "VICReg": [[0.4, 0.41, 0.43]],
        "SimSiam": [[0.5, 0.52, 0.51]],
        "SimCLR": [[0.9, 0.8, 0.9]],
    }
    kinds = dict.fromkeys(scores, "model") | {"random weights": "random weights"}
    report = FewLabelReport(
        {name: np.array(cells) for name, cells in scores.items()},
        kinds, n_labels=[1], scoring="accuracy", n_train=9, n_labelled=8, n_test=3,
    )  # fmt: skip
    assert report.summary() == (
        "1 label per class: SimCLR (model) is first, ahead of random weights by 0.357 ± 0.034. "
        "VICReg (model) is behind random weights by 0.097 ± 0.003."
    )


def test_a_difference_is_paired_over_draws_and_varies_with_seeds_too():
    draws = np.array([0.2, 0.5, 0.8])
    assert paired_difference(draws + 0.01, draws).verdict == "ahead"
    assert paired_difference(draws, draws + 0.01).against("b") == "behind b by 0.010 ± 0.000"
    assert paired_difference(draws, draws[::-1]).verdict == "level"
    # One seed seems to be ahead; over seeds that differ as much, it is not.
    seeds = draws + np.array([[0.05], [-0.03]])
    assert paired_difference(seeds[0], draws).verdict == "ahead"
    over_seeds = paired_difference(seeds, draws)
    assert (over_seeds.mean, over_seeds.error) == pytest.approx((0.01, 0.04))
    assert paired_difference([0.9], [0.1]).against("b") == "level with b (0.800 ± inf)"


def test_draws_that_are_all_equal_tell_as_much_as_one():
    same = paired_difference([0.9] * 5, [0.8] * 5)
    assert (same.error, same.verdict) == (np.inf, "level")
    assert paired_difference([0.9, 0.8, 0.7], [0.6] * 3).verdict == "ahead"
    # Seeds still tell.
    assert paired_difference([[0.9] * 5, [0.91] * 5], [0.8] * 5).error == pytest.approx(0.005)
    level = paired_difference([0.9] * 5, [0.9] * 5)
    assert (level.mean, level.error, level.verdict) == (0, 0, "level")


class Recalls(ClassifierMixin, BaseEstimator):
    """Is wrong about some rows, by their first column."""

    def __init__(self, wrong=()):
        self.wrong = wrong

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        row = np.asarray(X)[:, 0]
        return np.where(np.isin(row, self.wrong), 1 - row % 2, row % 2).astype(int)


def test_errors_are_about_other_test_rows_as_well():
    numbered = np.arange(28.0)[:, None]
    truth = np.arange(28) % 2
    models = {"all": Recalls(), "all but one": Recalls(wrong=[27])}
    report = few_label_report(
        models, numbered[:20], truth[:20], X_test=numbered[20:], y_test=truth[20:],
        n_labels=(3, 10), n_repeats=4, baselines={"all but two": Recalls([25, 27])},
    )  # fmt: skip
    assert report.n_draws == [4, 1]
    right = np.isin(np.arange(8), [5, 7], invert=True)
    by_row = np.sort(report.test_parts["all but two"][1][0])
    np.testing.assert_allclose(by_row, np.sort(right.astype(float)), atol=1e-12)
    # The standard error of 2 of 8 rows.
    error = np.std(right, ddof=1) / 8**0.5
    words = f"all (model) is first, level with all but two (classical) (0.250 ± {error:.3f})."
    assert report.summary().split("\n") == [
        f"3 labels per class: {words}",
        f"10 labels per class: {words} There is one draw only, so ± says nothing of other labelled "
        "rows.",
    ]


def test_a_single_draw_is_called_one_and_fitted_once():
    X, y = np.random.default_rng(0).normal(size=(24, 3)), np.arange(24) % 2
    report = few_label_report(
        LogisticRegression(), X[:10], y[:10], X_test=X[10:], y_test=y[10:], n_labels=5, n_repeats=3
    )
    assert "with the one draw that there is of the labelled rows\nfrom 10 of 10" in str(report)
    assert all(np.ptp(scores) == 0 for scores in report.scores.values())


def test_another_classifier_than_that_of_random_weights_is_told():
    report = compare({"own": make_pipeline(tiny(), PrototypeClassifier()), "plain": tiny()})
    assert report.summary().split("\n")[-1] == (
        "own: the classifier is another one than that of random weights. To compare encoders "
        "alone, pass it as probe, such as probe=LogisticRegression()."
    )


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", "balanced_accuracy", "f1"])
def test_what_a_score_owes_to_parts_of_the_test_rows_has_its_mean(scoring):
    # Without two of the ten parts, a class would be lost, if its rows were in one.
    rare = np.r_[np.zeros(38, dtype=int), 1, 1]
    truth = np.r_[np.arange(100) % 2, rare]
    model = LogisticRegression()
    report = compare(
        model, X[:100], truth[:100], X_test=X[100:140], y_test=rare, scoring=scoring, n_labels=5
    )
    parts, scores = report.test_parts["LogisticRegression"], report.scores["LogisticRegression"]
    assert parts.shape == (1, 2, 10)
    np.testing.assert_allclose(parts.mean(axis=2), scores)
    # A class of a single row is in each part.
    one = compare(
        model, X[:100], truth[:100], X_test=X[100:139], y_test=rare[:39], scoring=scoring,
        n_labels=5,
    )  # fmt: skip
    assert np.isfinite(one.test_parts["LogisticRegression"]).all()


def test_a_classifier_is_asked_about_the_test_rows_once():
    asked = []

    class Asked(LogisticRegression):
        def predict(self, X):
            asked.append(len(X))
            return super().predict(X)

    compare(Asked())
    assert asked == [50] * 4
    sizes = []

    def scorer(estimator, X, y):
        sizes.append(len(X))
        assert isinstance(estimator, Asked)
        np.testing.assert_array_equal(estimator.predict(X), super(Asked, estimator).predict(X))
        return estimator.score(X, y)

    report = compare(Asked(), scoring=scorer, n_labels=3, n_repeats=1)
    assert sizes == [50, *[45] * 10]
    assert report.scores == compare(Asked(), n_labels=3, n_repeats=1).scores


def test_what_stands_before_a_method_stands_before_all_that_it_is_compared_with():
    table = pd.DataFrame(X).rename(columns="column{}".format)
    table["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(200), unit="D")

    def numbers(table):
        return table.drop(columns="day")

    model = make_pipeline(
        FunctionTransformer(numbers), tiny(), LabeledOnly(LogisticRegression(max_iter=2000))
    )
    probe = model[-1].estimator
    report = compare({"SimCLR": model}, table, baselines="auto", probe=probe)
    assert report.other_heads == []
    assert list(report.scores) == [*classical_baselines(Tabular()), "random weights", "SimCLR"]
    bare = compare({"SimCLR": tiny()}, numbers(table), baselines="auto", probe=probe)
    assert report.rows == bare.rows
    # Other steps make other samples.
    both = compare({"a": model, "b": make_pipeline(FunctionTransformer(numbers), Scale(), tiny())},
                   table)  # fmt: skip
    assert list(both.scores)[:2] == ["random weights (a)", "random weights (b)"]


@pytest.mark.filterwarnings("ignore:.*images could not be read")
def test_a_file_that_cannot_be_read_is_named_by_its_row(tmp_path):
    files = [tmp_path / f"{number}.png" for number in range(24)]
    for number, file in enumerate(files):
        Image.new("L", (8, 8), 10 * number).save(file)
    files[13].write_bytes(files[13].read_bytes()[:40])
    labels = np.arange(24) % 2
    method = tiny(encoder=tiny_conv, max_epochs=0, modality=Images(on_error="skip")).fit(files)
    split = {"X_test": files[12:], "y_test": labels[12:]}
    for seed in range(2):
        with pytest.raises(ValueError, match=r"(row|position) 13\b"):
            compare(method, files, labels, baselines="auto", random_state=seed)
        with pytest.raises(ValueError, match="few_label_report: row 13 of X has nothing but NaN"):
            compare(method, files, labels, random_state=seed)
    with pytest.raises(ValueError, match="row 1 of X_test has nothing but NaN"):
        compare(method, files[:12], labels[:12], **split)
    # Nothing is asked of a row that has no label.
    unlabelled = np.where(np.arange(24) == 13, -1, labels)
    assert compare(method, files, unlabelled).n_labelled == 17


def test_the_default_probe_does_not_depend_on_scales():
    scaled = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    for model in (tiny(max_epochs=0), FunctionTransformer()):
        for scale in (1e-4, 1e4):
            scores = compare({"a": model}, X * scale).scores["a"]
            np.testing.assert_array_equal(
                scores, compare({"a": model}, X * scale, probe=scaled).scores["a"]
            )


def test_usual_numbers_of_labels_are_those_that_there_are_rows_for():
    settings = {"n_repeats": 1, "baselines": None, "random_state": 0}
    few = np.where(np.arange(200) < 20, y, -1)
    report = few_label_report(LogisticRegression(), X, few, **settings)
    rarest = np.bincount(y[:20]).min()
    assert report.n_labels == [n for n in (1, 2, 5) if n <= rarest - 1]
    assert few_label_report(LogisticRegression(), X, y, **settings).n_labels == [1, 2, 5, 10, 25]


def test_any_name_can_be_shown():
    names = ["a|b", "*bold* <b>", "$x$ `y`\nz", "snake_case _em_ a&lt;", "C:\\models", 3]
    scores = {name: np.array([[0.5, 0.7]]) for name in names}
    report = FewLabelReport(
        scores, dict.fromkeys(names, "model"), n_labels=[1], scoring="<lambda>",
        n_train=9, n_labelled=8, n_test=3,
    )  # fmt: skip
    lines = report.to_markdown().split("\n")
    shown = [line.removeprefix("| ").removesuffix(" | 0.600 ± 0.100 |") for line in lines[2:]]
    assert shown == [
        r"a\|b", r"\*bold\* \<b\>", r"\$x\$ \`y\` z", r"snake_case \_em\_ a\&lt;", r"C:\\models",
        "3",
    ]  # fmt: skip
    assert report._repr_markdown_().startswith(r"\<lambda\> on 3")
    assert repr(report).startswith("<lambda> on 3")

    names = ["costs $5", "$a{$", "_hidden", "100 %", r"\$", 3]
    display = FewLabelDisplay(
        n_labels=[1], scores={name: [[0.5, 0.7]] for name in names},
        kinds=dict.fromkeys(names, "model"), score_name="$f{_1$",
    ).plot()  # fmt: skip
    display.figure_.canvas.draw()
    assert len(display.ax_.get_legend().get_texts()) == len(names)
    plt.close(display.figure_)


def test_plot_draws_every_model_and_tells_the_kinds_apart():
    report = compare({"SimCLR": tiny()}, baselines={"dummy": DummyClassifier()})
    display = report.plot()
    assert set(display.lines_) == {"dummy", "random weights", "SimCLR"}
    np.testing.assert_array_equal(
        display.lines_["SimCLR"].get_ydata(), report.scores["SimCLR"].mean(axis=1)
    )
    assert display.lines_["SimCLR"].get_linestyle() == "-"
    assert display.lines_["dummy"].get_linestyle() == "--"
    assert len(display.ax_.collections) == 1
    assert display.ax_.get_ylabel() == "accuracy"
    _, ax = plt.subplots()
    assert report.plot(ax=ax).ax_ is ax


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_labels": (1, 51)}, "class 0 has 50 labelled training rows"),
        ({"y": np.where(np.arange(200), "frog", "toad")}, "Class 'toad' has 1 labelled row, and"),
        ({"n_labels": ()}, "n_labels must be positive integers, at least one, got ()"),
        ({"n_labels": (1, 0)}, "n_labels must be positive integers, at least one, got (1, 0)"),
        ({"n_repeats": 0}, "The 'n_repeats' parameter of few_label_report"),
        ({"baselines": "best"}, "The 'baselines' parameter of few_label_report"),
        ({"baselines": {"SimCLR": LogisticRegression()}}, "used twice: SimCLR"),
        ({"baselines": {"ridge": Ridge()}}, "baselines must hold transformers, classifiers"),
        ({"probe": Ridge()}, "probe=Ridge() must be a classifier"),
        ({"X_test": X}, "X_test and y_test go together"),
        ({"X_test": X, "y_test": y + 1}, "y_test has classes that y does not have: [3]"),
        ({"X_test": X, "y_test": y - 1}, "y_test must have a label in every row, 67 have none"),
        ({"y": np.full(200, -1)}, "no row of y has a label"),
        ({"y": np.where(y == 1, 1, -1)}, "1 is the only label left"),
        ({"y": np.array(["cat", "dog"])[y % 2], "scoring": "f1"}, "pos_label=1 is not a valid"),
        ({"y": np.zeros(200, dtype=int)}, "y must have at least 2 classes, got [0]"),
        ({"y": np.linspace(0, 1, 200)}, "Unknown label type: continuous"),
    ],
)
def test_errors_come_before_training(params, message):
    params = {"y": y, **params}
    with pytest.raises(ValueError, match=re.escape(message)):
        compare(tiny(callbacks=[CountFits()]), **params)
    assert CountFits.epochs == []


def test_what_is_no_model_is_named():
    with pytest.raises(ValueError, match=re.escape("models must hold transformers")):
        compare({"class": LogisticRegression})


def test_errors_of_a_model_say_which_row_it_was():
    class Failing(Spy):
        def fit(self, X, y):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no") as raised:
        compare({"bad": Failing()})
    assert raised.value.__notes__ == ["This was in the row 'bad' of few_label_report."]


def test_probe_is_used_for_transformers_only():
    probe = make_pipeline(Scale(), Spy())
    compare([StandardScaler(), DummyClassifier()], probe=probe)
    assert Scale.seen == [(150, None)]
    assert len(Spy.seen) == 4


def test_models_of_one_class_are_numbered():
    assert list(compare([DummyClassifier(), DummyClassifier(), LogisticRegression()]).scores) == [
        "DummyClassifier 1",
        "DummyClassifier 2",
        "LogisticRegression",
    ]
