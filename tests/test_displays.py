"""Displays show what they say: behaviour, not pixels."""

import re
import sys
from functools import partial
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases import CASES, DIGITS, TINY_TRANSFORMER, tiny_conv
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

from skssl import (
    Colorization,
    ContextEncoder,
    JigsawPuzzle,
    MaskedAutoencoder,
    MotionPrediction,
    SelfSupervisedImputer,
    SimCLR,
)
from skssl.inspection import (
    EmbeddingDisplay,
    FewLabelDisplay,
    NeighborsDisplay,
    ReconstructionDisplay,
    TrainingDisplay,
    ViewsDisplay,
)
from skssl.modality import Series

CASE = {case.name: case for case in CASES}
KINDS = ["images", "points", "series", "categories", "video", "text"]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def unfitted(kind, cls=SimCLR, **params):
    return CASE[kind].make(cls, **params)


@pytest.mark.parametrize("kind", KINDS)
def test_views_of_every_modality_are_drawn_and_seeded(kind):
    X = CASE[kind].few()
    method = unfitted(kind)

    def draw(**params):
        return ViewsDisplay.from_estimator(method, X, rows=[3, -1], n_views=2, **params)

    first, again, other = draw(), draw(), draw(random_state=1)
    assert first.axes_.shape == (2, 3)
    assert not hasattr(method, "modality_")
    assert [ax.get_ylabel() for ax in first.axes_[:, 0]] == ["row 3", f"row {len(X) - 1}"]
    assert repr(first.views) == repr(again.views)
    assert repr(first.views) != repr(other.views)
    first.figure_.canvas.draw()
    assert first.plot().figure_ is not again.figure_


def test_views_of_a_sample_of_each_class():
    X = CASE["images"].few()
    y = np.array(["a", "$b_1$", "c"], dtype=object)[np.arange(len(X)) // 9 % 3]
    y[0] = None
    method = unfitted("images", views=lambda batch: batch)

    def names(*args, **params):
        axes = ViewsDisplay.from_estimator(method, X, *args, n_views=1, **params).axes_[:, 0]
        axes[0].figure.canvas.draw()
        return [ax.get_ylabel() for ax in axes]

    assert names(y) == [r"row 9: \$b_1\$", "row 1: a", "row 18: c"]
    assert names(y, rows=[0, 2]) == ["row 0", "row 2: a"]
    assert len(names(np.arange(len(X)))) == 10
    assert names()[-1] == "row 3"
    with pytest.raises(ValueError, match="inconsistent numbers of samples|y has"):
        names(y[:5])


def test_views_are_those_of_the_method():
    X = CASE["images"].few()
    twice = ViewsDisplay.from_estimator(unfitted("images", views=lambda batch: 1 - batch), X)
    for sample, views in zip(twice.samples, twice.views, strict=True):
        np.testing.assert_allclose(views[0].pixels, 1 - sample.pixels, atol=1e-6)
    fitted = unfitted("images").fit(X)
    shown = [ViewsDisplay.from_estimator(one, X).views for one in (fitted, unfitted("images"))]
    assert repr(shown[0]) == repr(shown[1])


def test_changed_cells_are_marked():
    X = CASE["categories"].few()
    display = ViewsDisplay.from_estimator(unfitted("categories"), X, n_views=3)
    n_changed = 0
    for sample, views in zip(display.samples, display.views, strict=True):
        for view in views:
            differs = np.array(sample.texts) != np.array(view.texts)
            np.testing.assert_array_equal(view.marked, differs)
            n_changed += differs.sum()
    assert n_changed


@pytest.mark.parametrize("cls", [MaskedAutoencoder, ContextEncoder])
def test_methods_without_views_say_so(cls):
    method = cls(random_state=0)
    with pytest.raises(ValueError, match=rf"{cls.__name__} shows samples as they are"):
        ViewsDisplay.from_estimator(method, CASE["images"].few())


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"rows": [0, 200]}, "rows has 200, but X has 122 samples"),
        ({"rows": [0.5]}, "rows must be the positions of samples"),
        ({"rows": []}, "rows must be the positions of samples"),
        ({"n_views": 0}, "'n_views'"),
        ({"kind": "wild"}, "'kind'"),
    ],
)
def test_errors_of_views(params, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ViewsDisplay.from_estimator(unfitted("images"), CASE["images"].few(), **params)


def test_axes_are_divided_or_used():
    X = CASE["images"].few()
    display = ViewsDisplay.from_estimator(unfitted("images"), X, rows=[0], n_views=1)
    figure, axes = plt.subplots(1, 2)
    assert display.plot(ax=axes).figure_ is figure
    assert list(display.axes_.ravel()) == list(axes)
    _, ax = plt.subplots()
    assert display.plot(ax=ax).bounding_ax_ is ax
    assert display.axes_.shape == (1, 2)
    with pytest.raises(ValueError, match=re.escape("2 of them (1 rows of 2), got 3")):
        display.plot(ax=plt.subplots(1, 3)[1])
    with pytest.raises(ValueError, match="ax has no place in a grid"):
        display.plot(ax=plt.figure().add_axes((0, 0, 1, 1)))


def history_of(values):
    return [
        {"train_loss": 9.0 - value, "embedding_std": value, "rankme": 5 * value} for value in values
    ]


def test_lines_of_a_training_are_its_history():
    method = SimCLR(encoder=tiny_conv, max_epochs=2, device="cpu", random_state=0).fit(DIGITS[:64])
    display = TrainingDisplay.from_estimator(method)
    assert {"train_loss", "embedding_std", "rankme", "view_retrieval"} <= set(display.lines_)
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_ydata(), [row[name] for row in method.history_])
        np.testing.assert_array_equal(line.get_xdata(), [1, 2])
    assert {name: line.get_ydata()[0] for name, line in display.limits_.items()} == {
        "embedding_std": 0.1, "projection_std": 0.5, "rankme": 2.0,
    }  # fmt: skip
    for name, line in display.before_.items():
        assert line.get_ydata()[0] == method.before_training_[name]
    assert {"view_ranking", "projection_ranking"} <= set(display.before_)
    assert display.figure_.get_suptitle() == "SimCLR, 2 steps, 2 epochs"
    spread = display.axes_[1]
    assert (
        display.limits_["projection_std"].get_color()
        == display.lines_["projection_std"].get_color()
    )
    # A legend hides no values, nor limits.
    display.figure_.canvas.draw()
    lowest = spread.get_legend().get_window_extent().transformed(spread.transData.inverted()).y0
    assert lowest > 1


def test_what_a_history_does_not_have_is_not_drawn():
    display = TrainingDisplay(history=history_of([0.5, 0.5, 0.7]), title="Mine").plot()
    assert set(display.lines_) == {"train_loss", "embedding_std", "rankme"}
    assert [ax.get_title() for ax in display.axes_] == ["Loss", "Spread of directions", "Rank"]
    # Where a look was taken.
    assert display.lines_["rankme"].get_markevery() == [True, False, True]
    axes = plt.subplots(3)[1]
    assert list(display.plot(ax=axes).axes_) == list(axes)
    with pytest.raises(ValueError, match=re.escape("3 of them (1 rows of 3), got 2")):
        display.plot(ax=axes[:2])


def test_errors_of_trainings():
    with pytest.raises(NotFittedError):
        TrainingDisplay.from_estimator(SimCLR())
    with pytest.raises(TypeError, match="PCA keeps no history_"):
        TrainingDisplay.from_estimator(PCA().fit(np.eye(3)))
    untrained = SimCLR(encoder=tiny_conv, max_epochs=0).fit(DIGITS[:20])
    with pytest.raises(ValueError, match="was not trained: with max_epochs=0"):
        TrainingDisplay.from_estimator(untrained)


Z = np.random.default_rng(0).normal(size=(60, 4))
NAMES = np.array(["cat", "dog", "$f{_1$"], dtype=object)[np.arange(60) % 3]


def test_classes_have_a_legend_and_what_is_unlabelled_is_grey():
    y = NAMES.copy()
    y[:10] = None
    display = EmbeddingDisplay.from_embedding(Z, y, projection="pca")
    texts = [text.get_text() for text in display.legend_.get_texts()]
    assert texts == [r"\$f{_1\$", "cat", "dog", "unlabelled"]
    for name in ("cat", "dog"):
        places = display.places[np.flatnonzero(y == name)]
        np.testing.assert_array_equal(display.points_[name].get_offsets(), places)
    unlabelled = display.points_["unlabelled"]
    np.testing.assert_array_equal(unlabelled.get_offsets(), display.places[:10])
    red, green, blue, _ = unlabelled.get_facecolor()[0]
    assert red == green == blue
    display.figure_.canvas.draw()
    _, ax = plt.subplots()
    assert display.plot(ax=ax).ax_ is ax


def test_quantities_have_a_scale_and_many_classes_are_drawn_as_one():
    display = EmbeddingDisplay.from_embedding(Z, Z[:, 0], projection="pca")
    assert list(display.points_) == ["labelled"]
    np.testing.assert_array_equal(display.points_["labelled"].get_array(), Z[:, 0])
    many = EmbeddingDisplay.from_embedding(Z, np.arange(60) // 2, projection="pca")
    assert [text.get_text() for text in many.legend_.get_texts()][-1] == "10 other classes"


@pytest.mark.parametrize("projection", ["pca", "tsne", TruncatedSVD(2)])
def test_embeddings_are_projected(projection):
    X, y = DIGITS[:40], np.arange(40) % 2
    method = make_pipeline(FunctionTransformer(flat), PCA(6)).fit(X)
    display = EmbeddingDisplay.from_estimator(method, X, y, projection=projection, max_samples=30)
    assert display.places.shape == (30, 2)
    assert display.ax_.get_title() == "30 of 40 samples"
    assert sum(len(points.get_offsets()) for points in display.points_.values()) == 30


def flat(X):
    return X.reshape(len(X), -1)


def test_thumbnails_are_the_samples_and_do_not_hide_each_other():
    method = SimCLR(encoder=tiny_conv, max_epochs=0, random_state=0).fit(DIGITS)
    display = EmbeddingDisplay.from_estimator(method, DIGITS, projection="pca", thumbnails=7)
    assert len(display.thumbnails_) == 7
    for row, box in display.thumbnails_.items():
        np.testing.assert_array_equal(box.xy, display.places[row])
        ink = 1 - np.asarray(display.thumbnails[row].pixels)[..., 0]
        np.testing.assert_allclose(ink, DIGITS[row] / 16, atol=1e-6)
    rows = list(display.thumbnails_)
    places = display.places[rows] / np.ptp(display.places, axis=0)
    apart = np.abs(places[:, None] - places).max(axis=2)[np.triu_indices(7, 1)]
    assert apart.min() > 0.045


def test_umap_is_taken_where_it_is_installed(monkeypatch):
    class UMAP:
        def __init__(self, **params):
            assert params["metric"] == "cosine"

        def fit_transform(self, X):
            return X[:, :2]

    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="needs umap-learn: pip install umap-learn"):
        EmbeddingDisplay.from_embedding(Z, projection="umap")
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=UMAP))
    display = EmbeddingDisplay.from_embedding(Z, projection="umap")
    assert display.ax_.get_xlabel() == "UMAP 1"
    np.testing.assert_array_equal(display.places, Z[:, :2].astype(np.float32))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"projection": "lda"},
            "projection must be 'auto', 'pca', 'tsne', 'umap', a transformer or an",
        ),
        ({"projection": PCA(3)}, "must give two numbers for each of 60"),
        ({"max_samples": 1}, "max_samples must be None or an int of at least 2, got 1"),
        ({"y": NAMES[:5]}, "inconsistent numbers of samples"),
        (
            {"projection": None},
            "projection must be 'auto', 'pca', 'tsne', 'umap', a transformer or an",
        ),
        ({"projection": Z[:, :3]}, "projection must have shape (60, 2), a place for each sample"),
        ({"y": [np.inf, 0.5] * 30}, "y must hold labels from -2**53 to 2**53, got inf"),
        ({"y": np.full(60, np.datetime64("2020-01-21"))}, "y must hold names, real numbers or"),
        ({"ax": 3}, "ax must be None or one matplotlib Axes, got 3"),
    ],
)
def test_errors_of_embeddings(params, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        EmbeddingDisplay.from_embedding(Z, **{"projection": "pca", **params})


@pytest.mark.parametrize("kind", KINDS)
def test_the_nearest_are_those_of_scikit_learn(kind):
    X, y = CASE[kind].load()
    X = X[:40]
    X[5] = X[3]  # a duplicate is a neighbour, the sample itself is none
    method = unfitted(kind, max_epochs=0).fit(X)
    display = NeighborsDisplay.from_estimator(method, X, y[:40], rows=[3, 20], n_neighbors=3)
    Z = method.transform(X)
    for row, distances, found in zip([3, 20], display.distances, display.neighbors, strict=True):
        others = np.delete(np.arange(40), row)
        index = NearestNeighbors(n_neighbors=3, metric="cosine").fit(Z[others])
        nearest = index.kneighbors(Z[[row]])
        np.testing.assert_allclose(distances, nearest[0][0], atol=1e-6)
        np.testing.assert_array_equal(found, others[nearest[1][0]])
    assert display.neighbors[0, 0] == 5
    titles = [ax.get_title() for ax in display.axes_[1]]
    assert titles[0] == f"{y[20]}\nsample"
    assert titles[2] == f"{y[display.neighbors[1, 1]]}\n{display.distances[1, 1]:.2g}"
    assert repr(display.sketches[0][0]) == repr(display.sketches[0][1])
    display.figure_.canvas.draw()


def test_neighbours_of_what_is_embedded_already():
    display = NeighborsDisplay.from_embedding(Z, DIGITS[:60], n_neighbors=2, metric="euclidean")
    distance = np.linalg.norm(Z[:4, None] - Z, axis=2)
    np.testing.assert_array_equal(display.neighbors, distance.argsort(axis=1)[:, 1:3])
    with pytest.raises(ValueError, match="n_neighbors=60 is more than the 59 other samples"):
        NeighborsDisplay.from_embedding(Z, DIGITS[:60], n_neighbors=60)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        NeighborsDisplay.from_embedding(Z, DIGITS[:50])
    with pytest.raises(NotFittedError):
        NeighborsDisplay.from_estimator(SimCLR(), DIGITS)


def masked(kind, cls=MaskedAutoencoder, **params):
    return unfitted(kind, cls, max_epochs=0, **params).fit(CASE[kind].few())


@pytest.mark.parametrize("kind", ["images", "series", "categories", "video"])
def test_holes_are_filled_and_all_else_is_the_original(kind):
    X = CASE[kind].few()
    method = masked(kind)
    if kind == "categories":
        X = X[[row for row in range(len(X)) if all(cell is not None for cell in X[row])]]
    display = ReconstructionDisplay.from_estimator(method, X, rows=[0, 2])
    before, filled, whole = display.stages.values()
    for hole, answer, truth in zip(before, filled, whole, strict=True):
        if kind == "categories":
            gaps = np.array(hole.texts) == ""
            assert 0 < gaps.sum() < len(gaps)
            np.testing.assert_array_equal(answer.marked, gaps)
            kept = np.array(truth.texts)[~gaps]
            for sketch in (hole, answer):
                np.testing.assert_array_equal(np.array(sketch.texts)[~gaps], kept)
        elif kind == "series":
            known = ~np.isnan(hole.values)
            assert known.sum() == 45
            np.testing.assert_array_equal(hole.values[known], truth.values[known])
            assert (~np.isnan(answer.values)).sum() == 17
        else:
            pixels = "frames" if kind == "video" else "pixels"
            assert hole.hidden.mean() == 0.25
            answers, truths = getattr(answer, pixels), getattr(truth, pixels)
            np.testing.assert_allclose(answers[~hole.hidden], truths[~hole.hidden], atol=1e-6)
            assert np.abs(answers - truths)[hole.hidden].max() > 0.01
    assert all(len(artists) for artists in display.artists_.values())
    display.figure_.canvas.draw()


def test_missing_cells_are_what_is_filled():
    X = CASE["categories"].few()
    gap = next(row for row in range(len(X)) if any(cell is None for cell in X[row]))
    method = SelfSupervisedImputer(method=CASE["categories"].make(MaskedAutoencoder)).fit(X)
    display = ReconstructionDisplay.from_estimator(method, X, rows=[gap])
    assert list(display.stages) == ["with gaps", "filled in"]
    before, after = (sketches[0] for sketches in display.stages.values())
    missing = np.array([cell is None for cell in X[gap]])
    np.testing.assert_array_equal(np.array(before.texts) == "", missing)
    assert "" not in after.texts


def test_a_mask_of_ones_own():
    X = CASE["images"].few()
    mask = np.zeros((8, 8), dtype=bool)
    mask[:2] = True
    for shape in (mask, np.broadcast_to(mask, (len(X), 8, 8))):
        display = ReconstructionDisplay.from_estimator(masked("images"), X, mask=shape, rows=[1])
        np.testing.assert_array_equal(display.stages["with holes"][0].hidden, mask)
    with pytest.raises(
        ValueError, match=re.escape("of shape (8, 8) or (122, 8, 8), got shape (7,")
    ):
        ReconstructionDisplay.from_estimator(masked("images"), X, mask=mask[:7])


@pytest.mark.parametrize("kind", ["images", "series", "text", "points", "video"])
def test_puzzles(kind):
    X = CASE[kind].few()
    method = masked(kind, JigsawPuzzle)
    display = ReconstructionDisplay.from_estimator(method, X, rows=[0, 1])
    shuffled, _ = method.shuffle(X[:2])
    solved = method.solve(shuffled)
    expected = ViewsDisplay.from_estimator(unfitted(kind), X, rows=[0, 1]).samples
    assert [type(one) for one in display.stages["solved"]] == [type(one) for one in expected]
    if kind == "images":
        ink = np.stack([1 - one.pixels[..., 0] for one in display.stages["solved"]])
        np.testing.assert_allclose(16 * ink, solved, atol=1e-5)
    display.figure_.canvas.draw()


def test_colours():
    X = CASE["colors"].few()
    method = masked("colors", Colorization)
    display = ReconstructionDisplay.from_estimator(method, X, rows=[4])
    grey, colored, original = (sketches[0].pixels for sketches in display.stages.values())
    assert np.ptp(grey, axis=2).max() < 1e-6
    np.testing.assert_allclose(255 * colored, method.colorize(X[[4]])[0], atol=1e-3)
    np.testing.assert_allclose(255 * original, X[4], atol=1e-3)


def test_next_frames():
    X = CASE["video"].few()
    method = masked("video", MotionPrediction)
    display = ReconstructionDisplay.from_estimator(method, X, rows=[4])
    assert display.axes_.shape == (2, 1)
    foreseen, came = (sketches[0] for sketches in display.stages.values())
    n_past = 6 - method.n_frames_
    np.testing.assert_array_equal(foreseen.marked, np.arange(6) >= n_past)
    np.testing.assert_array_equal(foreseen.frames[:n_past], came.frames[:n_past])
    future = method.forecast(X[[4], :n_past])[0, ..., 0]
    np.testing.assert_allclose(255 * foreseen.frames[n_past:, ..., 0], future, atol=1e-3)
    with pytest.raises(ValueError, match="horizon must be an int from 1 to"):
        ReconstructionDisplay.from_estimator(method, X, horizon=6)


def test_forecasts():
    X = CASE["series"].few()
    method = masked("series")
    display = ReconstructionDisplay.from_estimator(method, X, rows=[4], horizon=12)
    known, foreseen, came = (sketches[0].values for sketches in display.stages.values())
    np.testing.assert_array_equal(came, X[4])
    np.testing.assert_array_equal(known[:, :48], X[4][:, :48])
    np.testing.assert_allclose(foreseen[:, 48:], method.forecast(X[[4], :, :48], 12)[0], rtol=1e-5)
    assert np.isnan(known[:, 48:]).all() and np.isnan(foreseen[:, :47]).all()
    lines = {line.get_label(): line.get_ydata() for line in display.axes_[0, 0].lines}
    np.testing.assert_array_equal(lines["forecast"], foreseen[0])


def parts_of(sketch):
    """Return what a sketch shows, as arrays."""
    return {
        name: np.asarray(value) for name, value in vars(sketch).items() if name != "marked_color"
    }


@pytest.mark.parametrize("kind", ["images", "series", "categories", "video", "forecast", "frames"])
def test_what_anything_predicted_is_drawn_as_what_a_method_does(kind):
    case = {"forecast": "series", "frames": "video"}.get(kind, kind)
    X = CASE[case].few()
    rows, given = [3, 0], {}
    if kind == "forecast":
        method = masked("series")
        given["horizon"] = 12
        predicted = method.forecast(X[..., :-12], 12)
    elif kind == "frames":
        method = masked("video", MotionPrediction)
        given["horizon"] = method.n_frames_
        predicted = method.forecast(X[:, : method.n_past_], method.n_frames_)
    else:
        method = masked(kind)
        sizes = {"images": (8, 8), "series": X.shape[2:], "video": X.shape[1:4]}
        if kind != "categories":
            given["mask"] = np.zeros((len(X), *sizes[kind]), dtype=bool)
            given["mask"][:, 2:4] = True
        predicted = method.reconstruct(X, given.get("mask"))
    of_method = ReconstructionDisplay.from_estimator(method, X, rows=rows, **given)
    of_others = ReconstructionDisplay.from_predictions(
        X, predicted, modality=method.modality_, rows=rows, **given
    )
    assert list(of_others.stages) == list(of_method.stages)
    for ours, theirs in zip(of_method.stages.values(), of_others.stages.values(), strict=True):
        for one, other in zip(map(parts_of, ours), map(parts_of, theirs), strict=True):
            assert one.keys() == other.keys()
            for name, value in one.items():
                if value.dtype.kind == "f":
                    np.testing.assert_allclose(other[name], value, atol=1e-6)
                else:
                    np.testing.assert_array_equal(other[name], value)


@pytest.mark.parametrize("kind", ["images", "series", "categories"])
def test_several_answers_are_drawn_beside_each_other(kind):
    X = CASE[kind].few()
    method = masked(kind)
    given = {}
    if kind != "categories":
        given["mask"] = np.zeros((len(X), *((8, 8) if kind == "images" else X.shape[2:])), bool)
        given["mask"][:, 2:4] = True
    filled = method.reconstruct(X, given.get("mask"))
    draw = partial(
        ReconstructionDisplay.from_predictions, modality=method.modality_, rows=[0, 3], **given
    )
    alone, both = draw(X, filled), draw(X, {"ours": filled, "theirs": filled})
    before, answer, *truth = alone.stages
    assert list(draw(X, {answer: filled, "theirs": filled}).stages)[1:3] == [answer, "theirs"]
    assert list(both.stages) == [before, "ours", "theirs", *truth]
    for name in ("ours", "theirs"):
        for one, other in zip(alone.stages[answer], both.stages[name], strict=True):
            for part, value in parts_of(one).items():
                np.testing.assert_array_equal(parts_of(other)[part], value)
    if kind == "series":
        lines = {line.get_label(): line.get_color() for line in both.axes_[0, 0].lines}
        assert len(set(lines.values())) == 4
    for wrong, message in [({}, "without predictions"), ({before: filled}, "what else is drawn")]:
        with pytest.raises(ValueError, match=message):
            draw(X, wrong)


def test_predictions_of_colours_have_no_holes_and_errors_say_what_is_allowed():
    display = ReconstructionDisplay.from_predictions(DIGITS, DIGITS[::-1])
    assert list(display.stages) == ["predicted", "original"]
    assert display.axes_.shape == (2, 6)
    draw = ReconstructionDisplay.from_predictions
    series = np.zeros((9, 30))
    for args, params, message in [
        ((series, series[:, :5]), {"modality": Series()}, "Of series, pass mask or horizon"),
        (
            (series, series),
            {"modality": Series(), "horizon": 5},
            r"shape \(3, 1, 5\), got \(3, 1, 30",
        ),
        (
            (series, series),
            {"modality": Series(), "horizon": 30},
            "horizon must be an int from 1 to",
        ),
        ((DIGITS, DIGITS[:5]), {}, "X_pred"),
        ((DIGITS, DIGITS), {"horizon": 3}, "horizon=3 is for series and clips, and X are Images"),
        ((DIGITS, DIGITS), {"channels": [0]}, "channels=.* is for series"),
    ]:
        with pytest.raises(ValueError, match=message):
            draw(*args, **params)


def test_channels_are_chosen_and_named():
    X = np.random.default_rng(0).normal(size=(30, 6, 40))
    method = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER).fit(X)
    draw = partial(ReconstructionDisplay.from_estimator, method, X, rows=[0], horizon=8)
    with pytest.warns(UserWarning, match=r"Of 6 channels, the first 4 .*channels=range\(6\)"):
        assert draw().axes_.shape == (1, 4)
    assert draw(channels=range(6)).axes_.shape == (1, 6)
    display = draw(channels={5: "oil", 0: "load"})
    assert [one.get_title() for one in display.axes_[0]] == ["oil", "load"]
    line = display.axes_[0, 0].lines[-1].get_ydata()
    np.testing.assert_array_equal(line[~np.isnan(line)], display.stages["what came"][0].values[5])
    for channels in ([6], []):
        with pytest.raises(ValueError, match="must be some of 0 to 5"):
            draw(channels=channels)


def test_what_gives_nothing_back_says_what_does():
    method = SimCLR(encoder=tiny_conv, max_epochs=0).fit(DIGITS)
    with pytest.raises(TypeError, match=r"SimCLR gives nothing back.*Colorization, ContextEncoder"):
        ReconstructionDisplay.from_estimator(method, DIGITS)
    with pytest.raises(NotFittedError):
        ReconstructionDisplay.from_estimator(ContextEncoder(), DIGITS)
    puzzle = masked("images", JigsawPuzzle)
    with pytest.raises(ValueError, match="mask has no meaning for JigsawPuzzle.solve"):
        ReconstructionDisplay.from_estimator(puzzle, DIGITS, mask=np.ones((8, 8), dtype=bool))
    with pytest.raises(ValueError, match="horizon=3 has no meaning for JigsawPuzzle"):
        ReconstructionDisplay.from_estimator(puzzle, DIGITS, horizon=3)
    with pytest.raises(ValueError, match="forecast has no meaning for modality=Images"):
        ReconstructionDisplay.from_estimator(masked("images"), DIGITS, horizon=3)
    with pytest.raises(ValueError, match="reconstruct has no meaning for modality=Text"):
        ReconstructionDisplay.from_estimator(masked("text"), CASE["text"].few())


def test_samples_of_another_modality_are_an_error():
    method = masked("images")
    for draw in (ReconstructionDisplay.from_estimator, NeighborsDisplay.from_estimator):
        with pytest.raises(ValueError, match="X"):
            draw(method, CASE["text"].few())
    with pytest.raises(ValueError, match="thumbnails=True are for images and clips"):
        series = unfitted("series", max_epochs=0).fit(CASE["series"].few())
        EmbeddingDisplay.from_estimator(series, CASE["series"].few(), thumbnails=True)
    with pytest.raises(TypeError, match="ViewsDisplay needs a method of skssl, such as SimCLR"):
        ViewsDisplay.from_estimator(PCA(), DIGITS)


def test_few_labels_are_compared_and_drawn():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    X = rng.normal(size=(80, 3)) + 3 * y[:, None]
    display = FewLabelDisplay.from_estimator(
        {"tree": DecisionTreeClassifier()}, X, y, n_labels=(1, 3), n_repeats=2, baselines=None,
        random_state=0,
    )  # fmt: skip
    assert list(display.lines_) == ["tree"]
    np.testing.assert_array_equal(display.lines_["tree"].get_xdata(), [1, 3])
    with pytest.raises(ValueError, match="ax must be None or one matplotlib Axes"):
        display.plot(ax=plt.subplots(2)[1])


@pytest.mark.parametrize(
    "draw",
    [
        lambda: ViewsDisplay.from_estimator(SimCLR(), DIGITS),
        lambda: TrainingDisplay(history=history_of([1.0])).plot(),
        lambda: EmbeddingDisplay.from_embedding(Z),
        lambda: NeighborsDisplay.from_embedding(Z, DIGITS[:60]),
        lambda: ReconstructionDisplay.from_estimator(ContextEncoder(), DIGITS),
        lambda: FewLabelDisplay.from_estimator(PCA(), Z, NAMES),
    ],
)
def test_without_matplotlib_the_extra_is_named(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=r"Display.* needs matplotlib: pip install 'skssl\[plot\]'"
    ):
        draw()


def test_equal_rows_and_huge_numbers_have_places():
    for rows in (np.ones((40, 5)), np.zeros((40, 5)), 1e200 * Z):
        for projection in ("pca", "tsne", "auto"):
            display = EmbeddingDisplay.from_embedding(rows, projection=projection)
            assert np.isfinite(display.places).all()
    assert np.ptp(display.places) > 1
    few = EmbeddingDisplay.from_embedding(Z[:3])
    assert few.ax_.get_xlabel() == "principal component 1"
    given = EmbeddingDisplay.from_embedding(Z, projection=Z[:, 2:], max_samples=20)
    assert set(given.places[:, 0]) < set(Z[:, 2])
    piped = EmbeddingDisplay.from_embedding(Z, projection=make_pipeline(PCA(3), PCA(2)))
    assert piped.places.shape == (60, 2)


def test_few_labels_are_among_what_is_drawn_and_there_need_be_none():
    y = np.full(2000, -1)
    y[:2] = [0, 1]
    rows = np.random.default_rng(0).normal(size=(2000, 2))
    how = {"projection": "pca", "max_samples": 50}
    display = EmbeddingDisplay.from_embedding(rows, y, **how)
    counts = {name: len(points.get_offsets()) for name, points in display.points_.items()}
    assert counts == {"unlabelled": 48, 0: 1, 1: 1}
    # A class of which nothing is drawn is no reason to doubt what -1 means.
    y[2:1000] = 0
    assert set(EmbeddingDisplay.from_embedding(rows, y, **how).points_) >= {"unlabelled", 0}
    display = EmbeddingDisplay.from_embedding(rows, np.full(2000, -1), **how)
    assert [text.get_text() for text in display.legend_.get_texts()] == ["unlabelled"]


def test_classes_of_any_name_are_kept_apart_from_what_is_no_class():
    y = ["unlabelled", None, "others", "samples", 1, "a"] * 10
    display = EmbeddingDisplay.from_embedding(Z, y, projection="pca")
    expected = {"(unlabelled)", "unlabelled", "others", "samples", 1, "a"}
    assert set(display.points_) == expected
    assert all(len(points.get_offsets()) == 10 for points in display.points_.values())
    many = EmbeddingDisplay.from_embedding(Z, np.arange(60) % 30, projection="pca")
    assert list(many.points_)[:20] == list(range(20))


def test_series_that_end_earlier_have_their_own_holes_and_forecasts():
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(2, length)) for length in (32, 20, 32, 27)]
    method = MaskedAutoencoder(max_epochs=0, random_state=0).fit(X)
    display = ReconstructionDisplay.from_estimator(method, X, rows=[0, 1, 3], horizon=6)
    for row, known, foreseen, came in zip([0, 1, 3], *display.stages.values(), strict=True):
        np.testing.assert_allclose(came.values, X[row])
        last = X[row].shape[1] - 6
        np.testing.assert_array_equal(np.isnan(known.values[0]), np.arange(last + 6) >= last)
        np.testing.assert_array_equal(np.isnan(foreseen.values[0]), np.arange(last + 6) < last - 1)
        expected = method.forecast(X[row][None, :, :last], 6)[0]
        np.testing.assert_allclose(foreseen.values[:, last:], expected, rtol=1e-5)
    array = rng.normal(size=(4, 2, 16))
    array[0, :, 12:] = np.nan
    array[1, 0, 9:] = np.nan
    method = MaskedAutoencoder(max_epochs=0, random_state=0).fit(array)
    display = ReconstructionDisplay.from_estimator(method, array)
    hole, filled, whole = (sketches[0].values for sketches in display.stages.values())
    assert hole.shape == filled.shape == whole.shape == (2, 12)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(hole[0])), [4, 5, 6])
    np.testing.assert_array_equal(np.flatnonzero(~np.isnan(filled[0])), [3, 4, 5, 6, 7])
    mask = np.arange(16) >= 10
    ReconstructionDisplay.from_estimator(method, array, mask=mask).figure_.canvas.draw()


def test_neighbours_need_nothing_learned_of_texts_and_tables():
    words = [f"word{row}" for row in range(60)]
    display = NeighborsDisplay.from_embedding(Z, words, [None, *words[1:]], n_neighbors=2)
    assert [line[0].text for line in display.sketches] == words[:4]
    assert display.axes_[0, 0].get_title() == "unlabelled\nsample"
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(Z, columns=list("abcd"))
    frame["when"] = pd.date_range("2020-01-01", periods=60)
    frame.loc[0, "a"] = None
    display = NeighborsDisplay.from_embedding(Z, frame)
    first = display.sketches[0][0]
    assert first.names == ["a", "b", "c", "d", "when"]
    assert first.texts[0] == "" and first.texts[-1] == "2020-01-01"
    np.testing.assert_allclose(first.shares[1], (Z[:, 1] < Z[0, 1]).mean())


def test_trainings_without_numbers_say_so():
    for history in ([], [{"foo": 1.0}]):
        with pytest.raises(ValueError, match="history must have epochs with some of these"):
            TrainingDisplay(history=history).plot()
    display = TrainingDisplay(history=[{"train_loss": np.nan}] * 3).plot()
    assert "NaN" in display.axes_[0].texts[0].get_text()


def test_axes_that_are_used_again_are_emptied_before():
    figure, ax = plt.subplots()
    display = EmbeddingDisplay.from_embedding(Z, Z[:, 0], projection="pca", ax=ax)
    assert len(display.plot(ax=ax).figure_.axes) == 2
    assert len(ax.collections) == 1
    training = TrainingDisplay(history=history_of([0.5, 0.6])).plot(ax=ax)
    training.plot(ax=ax)
    assert len(figure.axes) == 4


def overlapping(axes):
    """Return the titles that reach into others, or into the axes above."""
    figure = axes[0, 0].figure
    figure.canvas.draw()
    boxes = [[ax.title.get_window_extent() for ax in line] for line in axes]
    pairs = [pair for line in boxes for pair in zip(line, line[1:], strict=False)]
    pairs += [
        (box, ax.get_window_extent())
        for line, above in zip(boxes[1:], axes, strict=False)
        for box, ax in zip(line, above, strict=True)
    ]
    return [pair for pair in pairs if pair[0].overlaps(pair[1])]


def test_neighbours_are_of_the_first_of_each_class():
    Z, y = np.random.default_rng(0).normal(size=(60, 5)), np.repeat([3, 1, 2], 20)
    display = NeighborsDisplay.from_embedding(Z, DIGITS[:60], y, n_neighbors=2)
    assert list(display.rows) == [0, 20, 40]


@pytest.mark.parametrize("n_neighbors", [1, 23])
def test_titles_of_neighbours_have_room_and_markers_are_no_labels(n_neighbors):
    y = ["a very long name", -1] * 30
    display = NeighborsDisplay.from_embedding(Z, DIGITS[:60], y, n_neighbors=n_neighbors)
    names = {ax.get_title().split("\n")[0] for ax in display.axes_[:, 0]}
    assert "-1" not in names and any(name.startswith("unlab") for name in names)
    assert not overlapping(display.axes_)
    figure, ax = plt.subplots(figsize=(9, 6))
    assert not overlapping(display.plot(ax=ax).axes_)
    kept = NeighborsDisplay.from_embedding(Z, DIGITS[:60], y, n_neighbors=1, unlabeled=None)
    assert kept.axes_[1, 0].get_title() == "-1\nsample"


def small_font(path, letters):
    """Write a font that has some letters, all of them squares."""
    builder = FontBuilder(1000, isTTF=True)
    names = [".notdef", *(f"u{ord(letter):04X}" for letter in letters)]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"u{ord(letter):04X}" for letter in letters})
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0)), pen.lineTo((0, 800)), pen.lineTo((800, 800)), pen.closePath()
    glyph = pen.glyph()
    builder.setupGlyf(dict.fromkeys(names, glyph))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (900, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Few Letters", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


def test_letters_of_all_scripts_are_drawn_or_boxes(tmp_path, monkeypatch):
    fonts = font_manager.fontManager
    usual = [font for font in fonts.ttflist if font.name.startswith("DejaVu")]
    monkeypatch.setattr(fonts, "ttflist", usual)
    texts = ["\u4e2d\u6587 text"] * 60
    y = ["\u4e2d", "y"] * 30

    def drawn():
        display = NeighborsDisplay.from_embedding(Z, texts, y, n_neighbors=1)
        display.figure_.canvas.draw()
        return display

    with pytest.warns(UserWarning, match="No font that is installed has \u4e2d \u6587: the figure"):
        display = drawn()
    assert display.artists_[0][0].get_text() == "\u25a1\u25a1 text"
    assert display.axes_[0, 0].get_title() == "\u25a1\nsample"
    small_font(tmp_path / "few.ttf", "\u4e2d\u6587")
    font_manager.fontManager.addfont(tmp_path / "few.ttf")
    display = drawn()
    assert display.artists_[0][0].get_text() == texts[0]
    assert "Few Letters" in display.axes_[0, 0].title.get_fontfamily()
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"\u4e2d": np.arange(60.0), "\u6587": ["\u4e2d"] * 60})
    NeighborsDisplay.from_embedding(Z, frame).figure_.canvas.draw()
    EmbeddingDisplay.from_embedding(Z, y, projection="pca").figure_.canvas.draw()


def test_words_of_trainings_have_room_in_small_axes():
    names = ("embedding_std", "projection_std", "rankme", "view_retrieval", "mean_correlation")
    history = [
        {"train_loss": 9.0 - value, **dict.fromkeys(names, value)} for value in (0.5, 0.6, 0.7)
    ]
    figure, axes = plt.subplots(2, 2, figsize=(10, 8))
    display = TrainingDisplay(history=history).plot(ax=axes[0, 0])
    figure.canvas.draw()
    words = [text for ax in display.axes_ for text in (ax.title, ax.xaxis.label, ax.yaxis.label)]
    boxes = [text.get_window_extent() for text in words]
    frames = [ax.get_window_extent() for ax in display.axes_]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])
        assert not any(box.overlaps(frame) for frame in frames)
