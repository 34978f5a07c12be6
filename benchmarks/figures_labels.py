"""Figures of what few labels are worth: by kind of data, by data set, and with a choice of rows."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from drawing import (
    BLUE,
    COLOURS,
    DASHES,
    GREY,
    MARKS,
    ORANGE,
    PURPLE,
    Tables,
    kept_tables,
    label_counts,
    lines_by_set,
    mean_lines,
)
from matplotlib.figure import Figure

COUNTS = (1, 5, 25, 100)
TITLES = {"text": "Texts", "tabular": "Tables", "images": "Images", "series": "Time series"}


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
    "classical, standardised": "classical features + LR",
    "classical, standardised, 1-NN": "classical features, 1-NN",
}


def few_labels(tables: Tables, *, named: bool, size: tuple[float, float], columns: int) -> Figure:
    """Draw accuracy over labels by kind of data; `named` tells the grey lines apart."""
    tables = with_frozen(tables, kept_tables("frozen"))
    kinds = [name for name in TITLES if tables.get(name)]
    figure, axes = plt.subplots(
        -(-len(TITLES) // columns), columns, figsize=size, layout="constrained"
    )
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
        label_counts(axis, counts)
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
        # Side by side where all panels are.
        in_a_row = len(chosen) if columns == len(TITLES) else 1
        figure.legend(*zip(*chosen, strict=True), loc="outside lower center", ncols=in_a_row)
    return figure


_PRETRAINED = "a network that others trained, frozen, + LR"
_IN_SHORT = ("what one would try first", _PRETRAINED, "SimCLR() + LR")


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
    label_counts(axis, COUNTS[:3])
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


def of_modality(tables: Tables, modality: str) -> Figure | None:
    """Draw the mean over data sets of what is trained, pretrained, classical and random.

    Variants of data sets count in no mean, and neither do those with too few rows of a class for
    all numbers of labels; None if nothing else is there.
    """
    by_set = lines_by_set(tables, f"tasks_{modality}")
    if not by_set:
        return None
    counts = {name: max(len(line.scores) for line in lines) for name, lines in by_set.items()}
    by_set = {name: by_set[name] for name in by_set if counts[name] == max(counts.values())}
    figure, axis = plt.subplots(figsize=(8.2, 4.2), layout="constrained")
    for number, (name, kind, columns, means) in enumerate(mean_lines(by_set)):
        axis.plot(
            [int(column) for column in columns],
            means,
            color=COLOURS.get(kind, ORANGE),
            linewidth=2.4 if name == "SimCLR" else 1.2,
            linestyle="-" if name == "SimCLR" else DASHES[number % len(DASHES)],
            marker=MARKS[number % len(MARKS)],
            markersize=4,
            label=name if name == kind else f"{name} ({kind})",
        )
    label_counts(axis, tuple(int(tick) for tick in columns))
    axis.set_ylabel("mean score")
    axis.set_title(f"{len(by_set)} data set{'s' * (len(by_set) > 1)}")
    figure.legend(loc="outside right upper", fontsize=8)
    return figure
