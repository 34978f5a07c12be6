"""Samples in rows and columns, as several figures show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from skssl.inspection._axes import Grid, make_grid
from skssl.inspection._sketches import Sketch, share_limits
from skssl.inspection._style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches: a title of one line, what is between it and the axes above, and the labels of steps.
_TITLE, _APART, _STEPS = 0.24, 0.12, 0.3
# A letter of a name.
_LETTER = 0.085


def draw_rows(
    plt: Any,
    ax: Axes | Sequence[Axes] | np.ndarray | None,
    lines: Sequence[Sequence[Sketch]],
    names: Sequence[str],
    *,
    flat: bool = False,
    title: float = _TITLE,
    title_each: bool = False,
) -> tuple[Grid, list[list[Any]]]:
    """Return axes with samples in them, and what shows these.

    Parameters
    ----------
    plt : module
        matplotlib.pyplot.
    ax : Axes, array-like of Axes or None
        As for :func:`make_grid`.
    lines : list of list of sketches
        Those of each row, which is drawn on one scale.
    names : list of str
        What stands at the left of each row.
    flat : bool
        Whether names are written from left to right, and not upwards.
    title : float
        Height of titles, in inches.
    title_each : bool
        Whether every row has titles, and not only the first.
    """
    sizes = np.array([[one.size() for one in line] for line in lines])
    has_axis = lines[0][0].has_axis
    apart = _STEPS if has_axis else _APART
    flat_width = _LETTER * max(map(len, names)) + 0.15
    grid = make_grid(
        plt,
        ax,
        widths=sizes[..., 0].max(axis=0),
        heights=sizes[..., 1].max(axis=1),
        left=flat_width if flat else max(line[0].margin() for line in lines),
        above=_APART + title,
        below=_APART + (_STEPS if has_axis else 0),
        gap_below=apart + (title if title_each else 0),
    )
    drawn = []
    for line, axes, name in zip(lines, grid.axes, names, strict=True):
        share_limits(line)
        pairs = zip(line, axes, strict=True)
        drawn.append([one.draw(place, labelled=place is axes[0]) for one, place in pairs])
        put_name(axes[0], name, flat=flat)
    if has_axis:
        put_steps(grid)
    return grid, drawn


def named_rows(rows: ArrayLike) -> list[str]:
    """Return what rows of `X` are called."""
    return [f"row {row}" for row in np.asarray(rows)]


def put_name(ax: Axes, name: str, *, flat: bool = False) -> None:
    """Write a name at the left of axes, upwards or not."""
    if flat:
        ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9.5, color=INK)
    else:
        ax.set_ylabel(name, fontsize=9, color=INK)


def put_steps(grid: Grid) -> None:
    """Say below the last row that its axes have steps."""
    for bottom in grid.axes[-1]:
        bottom.set_xlabel("step", fontsize=8, color=INK, labelpad=1)


def put_titles(grid: Grid, titles: Sequence[str]) -> None:
    """Write titles above the columns."""
    for title, top in zip(titles, grid.axes[0], strict=True):
        top.set_title(title, fontsize=10, color=INK)
