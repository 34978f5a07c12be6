"""Figures of what the methods take: seconds, images per second, and memory."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from drawing import BLUE, COLOURS, GREY, MARKS, ORANGE, Tables, lines_by_set, mean_lines
from large_data import TABLE as LARGE
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter
from training_speed import CONTESTANTS


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
            marker = MARKS[list(COLOURS).index(kind)]
            axis.plot(*places[name], marker, color=COLOURS[kind])
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
