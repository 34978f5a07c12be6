"""Rows of axes for samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skssl._quote import quoted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# Inches: between axes, above and below them, and what is readable without scrolling.
_GAP, _TITLE, _BOTTOM, _RIGHT = 0.14, 0.36, 0.12, 0.12
_WIDEST = 13.5
# Axes keep this part of their size, even if the figure is then wider.
_SMALLEST = 0.2
# Where axes remember what a Display has drawn beside or in place of them.
_PARTS = "_skssl_parts"


@dataclass
class Grid:
    """Axes in rows and columns.

    Parameters
    ----------
    axes : ndarray of shape (n_rows, n_columns), object
    bounding : Axes or None
        What they take the place of.
    figure : Figure or SubFigure
    """

    axes: np.ndarray
    bounding: Axes | None
    figure: Figure | SubFigure


def make_grid(
    plt: Any,
    ax: Axes | Sequence[Axes] | np.ndarray | None,
    *,
    widths: Sequence[float],
    heights: Sequence[float],
    left: float,
    above: float = _TITLE,
    below: float = _BOTTOM,
    gap: float = _GAP,
    gap_below: float | None = None,
) -> Grid:
    """Return axes in rows and columns of these sizes, in inches.

    Parameters
    ----------
    plt : module
        matplotlib.pyplot.
    ax : Axes, array-like of Axes or None
        One that is to be divided, as many as are needed, or None for a new figure.
    widths, heights : sequence of float
        Of the columns and of the rows.
    left, above, below : float
        Room for labels at the left, and for titles above and labels below each of the axes.
    gap : float
        Between columns.
    gap_below : float, default=None
        Between rows; None is `gap`.

    Raises
    ------
    ValueError
        If `ax` are not as many as are needed, or none that can be divided.
    """
    shape = len(heights), len(widths)
    gap_below = gap if gap_below is None else gap_below
    gaps = np.array([gap * (len(widths) - 1), gap_below * (len(heights) - 1)])

    # Labels are as large as they are: what is between axes does not shrink with these.
    def between(room: np.ndarray) -> dict[str, Any]:
        spaces = {"wspace": gap * shape[1] / room[0], "hspace": gap_below * shape[0] / room[1]}
        return spaces | {"width_ratios": list(widths), "height_ratios": list(heights)}

    if ax is None:
        # Axes of what is too wide become smaller.
        zoom = float(np.clip((_WIDEST - left - _RIGHT - gaps[0]) / sum(widths), _SMALLEST, 1))
        room = zoom * np.array([sum(widths), sum(heights)])
        size = room + gaps + [left + _RIGHT, above + below]
        figure = plt.figure(figsize=tuple(size))
        grid = figure.add_gridspec(
            *shape,
            left=left / size[0],
            right=1 - _RIGHT / size[0],
            top=1 - above / size[1],
            bottom=below / size[1],
            **between(room),
        )
        return Grid(grid.subplots(squeeze=False), None, figure)
    from matplotlib.axes import Axes

    for one in np.atleast_1d(np.asarray(ax, dtype=object)).ravel():
        if isinstance(one, Axes):
            emptied(one)
    if isinstance(ax, Axes):
        place = ax.get_subplotspec()
        if place is None:
            raise ValueError(
                "ax has no place in a grid, so that it cannot be divided; pass one of "
                f"plt.subplots(), or {shape[0] * shape[1]} axes."
            )
        figure = ax.get_figure(root=True)
        assert figure is not None
        ax.set_axis_off()
        part = place.get_position(figure)
        room = np.array([part.width, part.height]) * figure.bbox.size / figure.dpi
        room = np.maximum(room - gaps, 0.4 * room)
        axes = place.subgridspec(*shape, **between(room)).subplots(squeeze=False)
        remember(ax, axes.ravel().tolist())
        return Grid(axes, ax, figure)
    given = np.asarray(ax, dtype=object).ravel()
    if len(given) != shape[0] * shape[1] or not all(isinstance(one, Axes) for one in given):
        raise ValueError(
            f"ax must be None, one Axes, or {shape[0] * shape[1]} of them ({shape[0]} rows of "
            f"{shape[1]}), got {len(given)}: {quoted(ax)}."
        )
    for one in given:
        remember(one)
    return Grid(given.reshape(shape), None, given[0].figure)


def emptied(ax: Axes) -> None:
    """Take away what a Display has drawn in axes before, so that nothing is drawn over it."""
    if not hasattr(ax, _PARTS):
        return
    for part in getattr(ax, _PARTS):
        # A colour bar, or axes; unless the figure was cleared meanwhile.
        place = getattr(part, "ax", part)
        if place.figure is not None and place in place.figure.axes:
            part.remove()
    delattr(ax, _PARTS)
    ax.clear()
    ax.set_axis_on()


def remember(ax: Axes, parts: Sequence[Any] = ()) -> None:
    """Note that a Display has drawn in axes, and what else it made for them."""
    setattr(ax, _PARTS, list(parts))


def size_of(ax: Axes) -> tuple[float, float]:
    """Return the width and the height of axes, in inches."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    place = ax.get_position()
    width, height = figure.get_size_inches()
    return float(place.width * width), float(place.height * height)
