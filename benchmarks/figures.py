"""Draw the figures of ``docs/benchmarks.md`` from what is kept in ``benchmarks/results``.

    python benchmarks/figures.py

Nothing is measured, and a part that is not there has no figure. The page has them between the lines
``<!-- figures -->`` and ``<!-- end figures -->``. The files are SVG, whose words stay words; the
colours are told apart by all eyes, and lines by their dashes and marks as well.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from few_labels import MODALITIES
from keeping import FOLDER, Kept
from large_data import TABLE as LARGE
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter
from protocol import CLASSICAL, CONTROL, OURS
from run import PARTS
from tables import Line, lines_of, one_for_each
from training_speed import CONTESTANTS

PAGE = FOLDER.parent / "docs" / "benchmarks.md"
OUT = PAGE.parent / "_static" / "benchmarks"
# Blue, orange and purple of Okabe and Ito, and grey for what one would try first.
BLUE, ORANGE, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#767676"
DASHES = [(0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (2, 1)), (0, (8, 3))]
COUNTS = (1, 5, 25, 100)
TITLES = {"text": "Texts", "tabular": "Tables", "images": "Images", "series": "Time series"}
MARKS = "sv^Dxo"
Tables = dict[str, dict[str, Any]]

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "skssl",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "legend.frameon": False,
}


def comparable(sets: Tables) -> tuple[tuple[int, ...], list[dict[str, Any]]]:
    """Return numbers of labels, and the data sets that have as many of each class.

    The mean is over the same sets at every number. They are at least a third of all sets.
    """
    lengths = [len(kept["scores"]["SimCLR()"]) for kept in sets.values()]
    length = max(n for n in lengths if 3 * sum(other >= n for other in lengths) >= len(lengths))
    enough = [kept for kept in sets.values() if len(kept["scores"]["SimCLR()"]) >= length]
    return COUNTS[:length], enough


def mean_curve(sets: list[dict[str, Any]], row: str, length: int) -> np.ndarray:
    """Return the mean over sets and draws by number of labels."""
    return np.mean([np.mean(kept["scores"][row][:length], axis=1) for kept in sets], axis=0)


def first_tries(kept: dict[str, Any]) -> list[str]:
    """Return the rows without training of ours that one would try first."""
    return [row for row in kept["scores"] if row not in _OF_OURS and not row.endswith(_FROZEN)]


def with_frozen(tables: Tables, frozen: Tables) -> Tables:
    """Return tables with the rows of `frozen.py`, which have the same draws, beside the others."""
    return {
        kind: {
            name: {
                **kept,
                "scores": kept["scores"] | frozen.get(kind, {}).get(name, {}).get("scores", {}),
            }
            for name, kept in sets.items()
        }
        for kind, sets in tables.items()
    }


_FROZEN = ", frozen"
_OF_OURS = (
    "SimCLR()",
    "standardised by all",
    "standardised by the few",
    "learned part alone",
)
_NAMES = {
    "classical, standardised": "standardised features + LR",
    "classical, standardised, 1-NN": "standardised features, 1-NN",
}


def few_labels(tables: Tables, *, named: bool) -> Figure:
    """Draw accuracy over labels by kind of data; `named` tells the grey lines apart."""
    tables = with_frozen(tables, kept_tables("frozen"))
    kinds = [name for name in TITLES if tables.get(name)]
    if named:
        figure, axes = plt.subplots(2, 2, figsize=(8.2, 7.4), layout="constrained")
    else:
        figure, axes = plt.subplots(1, 4, figsize=(9.2, 2.7), layout="constrained")
    for axis, kind in zip(axes.flat, kinds, strict=False):
        counts, sets = comparable(tables[kind])
        for number, row in enumerate(first_tries(sets[0])):
            axis.plot(
                counts,
                mean_curve(sets, row, len(counts)),
                color=GREY,
                linewidth=1.2,
                linestyle=DASHES[number % len(DASHES)] if named else "-",
                marker=MARKS[number % len(MARKS)] if named else None,
                markersize=4,
                label=_NAMES.get(row, row) if named or number else "what one would try first",
            )
        for row in (row for row in sets[0]["scores"] if row.endswith(_FROZEN)):
            if all(row in kept["scores"] for kept in sets):
                axis.plot(
                    counts,
                    mean_curve(sets, row, len(counts)),
                    color=ORANGE,
                    linewidth=1.6,
                    linestyle=DASHES[0],
                    marker="D",
                    markersize=4,
                    label=f"{row} + LR" if named else _PRETRAINED,
                )
        ours = mean_curve(sets, "SimCLR()", len(counts))
        axis.plot(counts, ours, color=BLUE, linewidth=2.4, marker="o", label="SimCLR() + LR")
        _label_counts(axis, counts)
        n_sets = f"{len(sets)} of {len(tables[kind])} sets"
        axis.set_title(f"{TITLES[kind]}, {n_sets}" if named else TITLES[kind])
        if named:
            axis.legend(fontsize=8, loc="upper left")
            axis.set_ylim(top=axis.get_ylim()[1] + 0.12)
    for axis in list(axes.flat)[len(kinds) :]:
        axis.set_visible(False)
    axes.flat[0].set_ylabel("balanced accuracy")
    if not named:
        shown = axes.flat[0].get_legend_handles_labels()
        chosen = [(line, said) for line, said in zip(*shown, strict=True) if said in _IN_SHORT]
        figure.legend(*zip(*chosen, strict=True), loc="outside lower center", ncols=len(chosen))
    return figure


_PRETRAINED = "a network that others trained, frozen, + LR"
_IN_SHORT = ("what one would try first", _PRETRAINED, "SimCLR() + LR")


def _label_counts(axis: Axes, counts: tuple[int, ...]) -> None:
    axis.set_xscale("log")
    axis.set_xticks(counts, [str(count) for count in counts])
    axis.set_xticks([], minor=True)
    axis.set_xlabel("labels per class")
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)


def by_set(tables: Tables) -> Figure:
    """Draw what is gained or lost on each data set against classical features."""
    column = 1  # 5 labels per class
    rows = []
    for kind in TITLES:
        for name, kept in tables.get(kind, {}).items():
            scores = kept["scores"]
            if len(scores["SimCLR()"]) > column:
                paired = np.subtract(
                    scores["SimCLR()"][column], scores["classical, standardised"][column]
                )
                error = paired.std(ddof=1) / len(paired) ** 0.5
                rows.append((paired.mean(), error, name, kind))
    rows.sort()
    figure, axis = plt.subplots(figsize=(8.2, 0.17 * len(rows) + 1), layout="constrained")
    colours = dict(zip(TITLES, (ORANGE, PURPLE, BLUE, GREY), strict=True))
    for kind, marker in zip(TITLES, "sD^o", strict=True):
        at = [place for place, row in enumerate(rows) if row[3] == kind]
        axis.errorbar(
            [rows[place][0] for place in at],
            at,
            xerr=[2 * rows[place][1] for place in at],
            fmt=marker,
            color=colours[kind],
            elinewidth=1,
            markersize=4.5,
            label=TITLES[kind],
        )
    axis.axvline(0, color="#444444", linewidth=0.8)
    axis.set_yticks(range(len(rows)), [row[2] for row in rows], fontsize=8)
    axis.set_ylim(-1, len(rows))
    axis.set_xlabel("SimCLR() + LR less classical features + LR, 5 labels per class")
    axis.grid(axis="x", color="#dddddd", linewidth=0.6)
    axis.legend(loc="lower right")
    return figure


def choosing(tables: Tables) -> Figure:
    """Draw what it is worth to choose among nine rows by the labels that one has."""
    results = [kept for kind in tables.values() for kept in kept_by_count(kind)]
    figure, axis = plt.subplots(figsize=(8.2, 3.6), layout="constrained")
    shown = {
        "best afterwards": (GREY, DASHES[0], "s", "the best of nine, known afterwards"),
        "both, LR": (BLUE, "-", "o", "SimCLR() + LR, without choosing"),
        "chosen by cross-validation": (ORANGE, DASHES[2], "D", "chosen by cross-validation"),
    }
    for row, (colour, dash, marker, said) in shown.items():
        means = [np.mean([kept[row][at] for kept in results]) for at in range(3)]
        axis.plot(COUNTS[:3], means, color=colour, linestyle=dash, marker=marker, label=said)
    _label_counts(axis, COUNTS[:3])
    axis.set_ylabel("balanced accuracy")
    axis.set_title(f"Mean of {len(results)} data sets")
    axis.legend()
    return figure


def kept_by_count(sets: Tables) -> list[dict[str, np.ndarray]]:
    """Return the means over draws of each row of the sets with 25 labels of each class."""
    found = []
    for kept in sets.values():
        if kept["n_labels"][:3] == list(COUNTS[:3]):
            means = {row: np.mean(cells[:3], axis=1) for row, cells in kept["scores"].items()}
            others = [cells for row, cells in means.items() if row != "chosen by cross-validation"]
            found.append({**means, "best afterwards": np.max(others, axis=0)})
    return found


def lines_by_set(tables: Tables, module: str) -> dict[str, list[Line]]:
    """Return a line for each kind of features, with the head that validation chose, by data set."""
    benchmark = importlib.import_module(module).BENCHMARK
    kept = {name: rows for name, rows in tables.items() if name not in benchmark.variants}
    return {
        name: one_for_each(lines_of(benchmark.rows_of(name), rows, benchmark))
        for name, rows in kept.items()
    }


def mean_lines(by_set: dict[str, list[Line]]) -> list[tuple[str, str, list[str], np.ndarray]]:
    """Return name, kind, numbers of labels and mean scores of the lines that all sets have."""
    tables = [{line.features: line for line in lines} for lines in by_set.values()]
    found = []
    for name, line in tables[0].items():
        having = [table[name] for table in tables if name in table]
        columns = [c for c in line.scores if c.isdigit() and all(c in one.scores for one in having)]
        if len(having) == len(tables) and columns:
            means = np.array([[one.scores[c].mean() for c in columns] for one in having])
            found.append((name, line.kind, columns, means.mean(axis=0)))
    return found


_COLOURS = {OURS: BLUE, CLASSICAL: GREY, CONTROL: PURPLE}


def of_modality(tables: Tables, modality: str) -> Figure | None:
    """Draw the mean over data sets of what is trained, pretrained, classical and random.

    Variants of data sets count in no mean; None if nothing else is there.
    """
    by_set = lines_by_set(tables, f"tasks_{modality}")
    if not by_set:
        return None
    figure, axis = plt.subplots(figsize=(8.2, 4.2), layout="constrained")
    for number, (name, kind, columns, means) in enumerate(mean_lines(by_set)):
        axis.plot(
            [int(column) for column in columns],
            means,
            color=_COLOURS.get(kind, ORANGE),
            linewidth=2.4 if name == "SimCLR" else 1.2,
            linestyle="-" if name == "SimCLR" else DASHES[number % len(DASHES)],
            marker=MARKS[number % len(MARKS)],
            markersize=4,
            label=name if name == kind else f"{name} ({kind})",
        )
    _label_counts(axis, tuple(int(tick) for tick in columns))
    axis.set_ylabel("mean score")
    axis.set_title(f"{len(by_set)} data set{'s' * (len(by_set) > 1)}")
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


def by_seconds(tables: Tables) -> Figure:
    """Draw mean scores with 5 labels per class over the seconds that methods take."""
    by_set = lines_by_set(tables, "methods")
    seconds: dict[str, float] = {}
    for rows in tables.values():
        for name, row in rows.items():
            seconds[name] = seconds.get(name, 0.0) + row["seconds"]
    figure, axis = plt.subplots(figsize=(8.2, 5.0), layout="constrained")
    places = {}
    for name, kind, columns, means in mean_lines(by_set):
        if "5" in columns:
            places[name] = max(seconds[name], 1.0), means[columns.index("5")]
            marker = MARKS[list(_COLOURS).index(kind)]
            axis.plot(*places[name], marker, color=_COLOURS[kind])
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(ScalarFormatter())
    axis.xaxis.set_minor_locator(NullLocator())
    axis.margins(x=0.12)
    axis.set_xlabel(f"CPU seconds of training and embedding, {len(by_set)} data sets together")
    axis.set_ylabel("mean accuracy, 5 labels per class")
    _name_points(axis, places)
    return figure


def _name_points(axis: Axes, places: dict[str, tuple[float, float]], size: float = 8) -> None:
    """Write names beside points, each where it lies upon no other and upon no point."""
    axis.figure.draw_without_rendering()
    scale = 72 / axis.figure.dpi
    at = {name: axis.transData.transform(place) * scale for name, place in places.items()}
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in at.values()]
    for name, (x, y) in sorted(at.items(), key=lambda item: item[1][1]):
        width, right, left = 0.62 * size * len(name), 6.0, -6 - 0.62 * size * len(name)
        offsets = [(dx, dy) for dy in (-3, 5, -11, 13, -19, 21) for dx in (right, left)]
        boxes = [(x + dx, y + dy, x + dx + width, y + dy + size) for dx, dy in offsets]
        free = [place for place, box in enumerate(boxes) if not any(_meet(box, t) for t in taken)]
        best = free[0] if free else 0
        taken.append(boxes[best])
        axis.annotate(
            name, places[name], xytext=offsets[best], textcoords="offset points", fontsize=size
        )


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether two boxes (left, bottom, right, top) share a place."""
    return all(one[i] < other[i + 2] and other[i] < one[i + 2] for i in range(2))


def speed(tables: Tables) -> Figure:
    """Draw images per second of training, beside lightly and a bare loop, by network."""
    results = tables["lightly, cpu"]
    figure, axes = plt.subplots(
        1, len(results), figsize=(8.2, 2.4), layout="constrained", sharey=True, squeeze=False
    )
    names = list(CONTESTANTS)
    colours = {"lightly": GREY, "bare": GREY}
    for axis, (model, kept) in zip(axes.flat, results.items(), strict=True):
        speeds = [kept["images_per_second"][name] for name in names]
        bars = axis.barh(names, speeds, color=[colours.get(name, BLUE) for name in names])
        axis.bar_label(bars, [f"{value:.0f}" for value in speeds], padding=3, fontsize=9)
        axis.set_yticks(range(len(names)), [CONTESTANTS[name].replace("`", "") for name in names])
        axis.set_xlim(0, 1.2 * max(speeds))
        axis.set_title(model, fontsize=9)
        axis.set_xlabel("images per second")
    axes.flat[0].invert_yaxis()
    return figure


def memory(tables: Tables) -> Figure:
    """Draw what training and embedding take of memory, and how fast they are, by data."""
    results = tables[LARGE]
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 2.2), layout="constrained", sharey=True)
    shown = [
        (axes[0], ("fit_megabytes", "embed_megabytes"), "{:.0f}", "MB of memory above the import"),
        (axes[1], ("ratio", "embed_ratio"), "{:.2f}", "speed / that of samples in memory"),
    ]
    for axis, keys, style, said in shown:
        for place, (key, colour, hatch) in enumerate(
            zip(keys, (BLUE, ORANGE), ("", "//"), strict=True)
        ):
            values = [row[key] for row in results.values()]
            at = np.arange(len(values)) + 0.4 * place - 0.2
            label = ("fit", "embed")[place]
            bars = axis.barh(
                at, values, 0.36, color=colour, hatch=hatch, edgecolor="white", label=label
            )
            axis.bar_label(bars, [style.format(value) for value in values], padding=3, fontsize=9)
        axis.set_xlabel(said)
        axis.set_xlim(0, 1.2 * max(row[key] for row in results.values() for key in keys))
    axes[0].set_yticks(range(len(results)), list(results))
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    return figure


@dataclass
class Drawing:
    """A figure of the page: what it is drawn from, and what is written below it."""

    part: str
    draw: Callable[[Tables], Figure | None]
    title: str
    words: str
    page: str = ""  # which page has the numbers; none: the figure is on another page

    @property
    def file(self) -> Path:
        """Where it is saved."""
        return OUT / f"{self.title}.svg"

    def markdown(self) -> str:
        """Return the lines of the page."""
        return (
            f"```{{figure}} _static/benchmarks/{self.file.name}\n"
            f":alt: {self.words.split('. ')[0]}\n:figclass: wide\n\n"
            f"{self.words} {{doc}}`All numbers <benchmarks/{self.page}>`.\n```"
        )


def kept_tables(name: str) -> Tables:
    """Return what is kept of a part, which may not be through; nothing if it is not there."""
    part = next(part for part in PARTS if part.name == name)
    return Kept(part.under_way if part.under_way.exists() else part.file).tables


# Said only of a figure that has them.
_IN_ORANGE = "; networks that others trained, frozen, in orange" if kept_tables("frozen") else ""
DRAWINGS = [
    Drawing("no_regret", lambda tables: few_labels(tables, named=False), "first_page", ""),
    Drawing(
        "no_regret",
        lambda tables: few_labels(tables, named=True),
        "few_labels",
        "Accuracy over labels per class: logistic regression (LR) on what SimCLR() returns, in "
        f"blue, and what one would try first, in grey{_IN_ORANGE}. Means over the data sets that "
        "have so many labels, 10 draws each.",
        "no_regret",
    ),
    Drawing(
        "no_regret",
        by_set,
        "by_set",
        "What SimCLR() gains or loses on each data set, with 5 labels per class, against classical "
        "features with the same logistic regression. The lines are two standard errors over 10 "
        "draws.",
        "no_regret",
    ),
    Drawing(
        "choosing_rows",
        choosing,
        "choosing_rows",
        "What it is worth to choose features and classifier by the labels that one has. The grey "
        "line is chosen by the test rows, which nobody has beforehand.",
        "choosing_rows",
    ),
    *(
        Drawing(
            f"few_labels_{modality}",
            lambda tables, modality=modality: of_modality(tables, modality),
            f"few_labels_{modality}",
            f"Few labels, {modality}: each line is one kind of features, with the classifier that "
            "validation chose. Means over data sets.",
            f"few_labels_{modality}",
        )
        for modality in MODALITIES
    ),
    Drawing(
        "methods",
        by_seconds,
        "methods",
        "Methods by the time that they take. Each has its defaults and some 300 steps on each data "
        "set.",
        "methods",
    ),
    Drawing(
        "lightly",
        speed,
        "speed",
        "Images per second of training, in two views each, on a CPU that computes in bfloat16, as "
        "`fit` does by default there. Medians of five rounds in which all take turns.",
        "speed",
    ),
    Drawing(
        "large_data",
        memory,
        "memory",
        "Samples that are read while they are trained on: the largest memory of training and of "
        "embedding, and how fast these are beside samples in memory.",
        "speed",
    ),
]


def main() -> None:
    matplotlib.use("svg")
    OUT.mkdir(exist_ok=True)
    shown = []
    for drawing in DRAWINGS:
        tables = kept_tables(drawing.part)
        if tables:
            with matplotlib.rc_context(STYLE):
                figure = drawing.draw(tables)
                if figure is None:
                    continue
                figure.savefig(drawing.file, metadata={"Date": None}, facecolor="white")
            plt.close(figure)
            print(f"{drawing.file.name} is drawn")
            shown += [drawing.markdown()] if drawing.page else []
    place = re.compile("(<!-- figures -->\n).*?(<!-- end figures -->)", re.DOTALL)
    text = "\n".join(f"\n{lines}\n" for lines in shown)
    PAGE.write_text(place.sub(lambda found: f"{found[1]}{text}\n{found[2]}", PAGE.read_text()))


if __name__ == "__main__":
    main()
