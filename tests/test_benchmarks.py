"""What the benchmarks promise of their tables: nothing is chosen on test rows."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_blobs
from sklearn.metrics import get_scorer

FOLDER = Path(__file__).parents[1] / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="needs the folder of the benchmarks")

X, y = make_blobs(120, n_features=5, centers=3, cluster_std=4.0, random_state=0)


@pytest.fixture(autouse=True)
def _benchmarks_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)


def score(head, n_labels=5, X_test=X[80:], y_test=y[80:]):
    from heads import HEADS, Pool

    pool = Pool(X[:80], X_test, y[:80], y_test, get_scorer("accuracy"))
    return pool.score(HEADS[head], n_labels, n_draws=2)


@pytest.mark.parametrize("head", ["LR", "k-NN", "LabelSpreading", "prototypes"])
def test_heads_are_chosen_without_the_test_rows(head):
    known = score(head)
    other = score(head, X_test=X[80:] + 5, y_test=(y[80:] + 1) % 3)
    assert (known["setting"], known["validation"]) == (other["setting"], other["validation"])
    assert known["scores"] != other["scores"]
    assert np.mean(known["scores"]) > 0.5


def test_nothing_is_scored_where_all_draws_are_the_same_rows():
    from heads import ALL_LABELS, HEADS, Pool

    labels = np.repeat([0, 1, 2], [5, 5, 4])
    for classes, most in ((labels, 4), (np.repeat([0, 1], 5), 4)):
        rows = X[: len(classes)]
        pool = Pool(rows, rows, classes, classes, get_scorer("accuracy"))
        takes = {n: pool.takes(HEADS["LR"], n) for n in (1, 4, 5, 25)}
        assert takes == {n: n <= most for n in takes}
        assert pool.takes(HEADS["k-NN"], ALL_LABELS)


def test_a_table_says_what_was_chosen_in_validation_and_who_is_ahead():
    from protocol import CLASSICAL, OURS, Benchmark
    from sentences import mean_sentences, sentences
    from tables import Line, best_of_kinds

    def line(features, head, kind, scores, validation):
        cells = np.array(scores, ndmin=2)
        return Line(features, head, kind, "random weights", {"1": cells}, {"1": validation})

    lines = [
        line("raw", "LR", CLASSICAL, [0.5, 0.6], 0.7),
        line("raw", "k-NN", CLASSICAL, [0.9, 0.9], 0.6),
        line("SimCLR", "LR", OURS, [[0.6, 0.7], [0.6, 0.7]], 0.1),
    ]
    assert best_of_kinds(lines)[CLASSICAL].scores["1"] is lines[0].scores["1"]
    benchmark = Benchmark(tasks={}, rows=[], n_labels=(1,))
    assert list(sentences(lines, benchmark)) == [
        "best of ours (chosen) is ahead of best of classical (chosen) by 0.100 ± 0.000 at 1 label "
        "per class.",
        "SimCLR + LR is ahead of best of classical (chosen) by 0.100 ± 0.000 at 1 label per class.",
    ]
    both = {"a": lines, "b": lines}
    assert list(mean_sentences(both, benchmark)) == list(sentences(lines, benchmark))


def test_what_is_adapted_is_compared_with_itself_frozen_and_with_no_start():
    from protocol import CONTROL, OURS, PRETRAINED, Benchmark
    from sentences import sentences
    from tables import Line

    def lines(features, kind, control, *scores):
        # The second head is the better one in validation, and the worse one on test rows.
        for head, validation, score in zip(("LR", "prototypes"), (0.5, 0.6), scores, strict=True):
            cells = {"1": np.array([[score, score + 0.1]])}
            yield Line(features, head, kind, control, cells, {"1": validation})

    table = [
        *lines("frozen", PRETRAINED, CONTROL, 0.5, 0.4),
        *lines("SimCLR", OURS, CONTROL, 0.4, 0.3),
        *lines("adapted", OURS, "frozen", 0.9, 0.6),
    ]
    told = list(sentences(table, Benchmark(tasks={}, rows=[], n_labels=(1,))))
    for other, ahead in {"frozen": 0.2, "SimCLR": 0.3}.items():
        said = f"adapted (chosen) is ahead of {other} (chosen) by {ahead:.3f} ± 0.000"
        assert f"{said} at 1 label per class." in told


def test_ranks_come_with_a_corrected_test():
    from tables import _against

    rng = np.random.default_rng(0)
    lead = rng.random(12)
    scores = np.stack([lead, lead - 0.1, lead - 0.1, lead + rng.normal(0, 0.1, 12)], axis=1)
    p = _against("a", ["a", "b", "c", "d"], scores)
    assert p["b"] == p["c"] == pytest.approx(3 * 2 / 2**12)
    assert p["d"] > 0.05


def test_rows_are_chosen_by_labels_and_paid_for_by_test_rows():
    from choosing_rows import by_count, from_when, measure
    from protocol import Features, Task

    # Only the learned part, the last three columns, tells the classes apart.
    rng = np.random.default_rng(0)
    Z, classes = make_blobs(200, n_features=3, centers=3, cluster_std=2.0, random_state=0)
    Z = np.hstack([8 * rng.standard_normal((200, 12)), Z]) / 8
    task = Task(None, classes[:120], None, classes[120:])
    result = measure(task, Features(Z[:120], Z[120:], n_learned=3), draws=3)
    assert result["n_labels"] == [1, 5, 25]
    assert result["chosen"][0] == ["both, LR"] * 3
    assert all(name.startswith("learned") for name in result["chosen"][2])
    turned = Task(None, classes[80:], None, classes[:80])
    other = measure(turned, Features(Z[80:], Z[:80], n_learned=3), draws=3)
    found = {n: by_count({"a": result, "b": other}, n) for n in (1, 5, 25)}
    assert found[1]["both, LR"].tolist() == found[1]["chosen by cross-validation"].tolist()
    assert (found[25]["chosen by cross-validation"] > found[25]["both, LR"]).all()
    assert (found[25]["best afterwards"] >= found[25]["chosen by cross-validation"]).all()
    assert by_count({"a": result}, 100) == {}
    assert from_when(found).startswith(("from 5 labels", "from 25 labels"))
    level = {n: {**cells, "both, LR": cells["best afterwards"]} for n, cells in found.items()}
    assert from_when(level).startswith("choosing is not ahead of both, LR")


def test_warnings_of_the_default_scorer_are_counted(capsys):
    from choosing import SCORERS, print_warnings

    def training(accuracy, score):
        return {"accuracy": accuracy, "scores": dict.fromkeys(SCORERS, score)}

    results = {"random weights": training(0.8, 5), "a": training(0.7, 6), "b": training(0.9, 4)}
    print_warnings({"digits": results | {"c": training(0.6, 1)}, "blobs": results})
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("Of all 5 trainings, 3 are less accurate than random weights.")
    assert said.endswith("warns of 3, 1 of them among these.")


def test_curves_are_means_over_the_same_data_sets():
    from figures_labels import comparable, mean_curve

    def kept(*means):
        return {"scores": {"SimCLR()": [[mean, mean] for mean in means]}}

    sets = {"long": kept(0.5, 0.7, 0.9), "longer": kept(0.3, 0.5, 0.7, 1.0), "short": kept(0.1)}
    counts, shown = comparable(sets)
    assert counts == (1, 5, 25, 100)  # a third of the sets is enough
    sets |= {"shorter": kept(0.1), "another": kept(0.3, 0.3)}
    counts, shown = comparable(sets)
    assert counts == (1, 5, 25)
    assert mean_curve(shown, "SimCLR()", len(counts)) == pytest.approx([0.4, 0.6, 0.8])
