"""What the figures of the benchmarks share: colours, axes, and what is kept."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from keeping import Kept
from matplotlib.axes import Axes
from protocol import CLASSICAL, CONTROL, OURS
from run import PARTS
from tables import Line, lines_of, one_for_each

# Blue, orange and purple of Okabe and Ito, and grey for what one would try first.
BLUE, ORANGE, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#767676"
DASHES = [(0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (2, 1)), (0, (8, 3))]
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


def kept_tables(name: str) -> Tables:
    """Return what is kept of a part, which may not be through; nothing if it is not there."""
    part = next(part for part in PARTS if part.name == name)
    return Kept(part.under_way if part.under_way.exists() else part.file).tables


def label_counts(axis: Axes, counts: tuple[int, ...]) -> None:
    """Have the axis show numbers of labels per class."""
    axis.set_xscale("log")
    axis.set_xticks(counts, [str(count) for count in counts])
    axis.set_xticks([], minor=True)
    axis.set_xlabel("labels per class")
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)


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


# By the kind of a row; of what is pretrained, orange.
COLOURS = {OURS: BLUE, CLASSICAL: GREY, CONTROL: PURPLE}
