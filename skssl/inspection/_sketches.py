"""Sketches: samples of every modality in a form that can be shown, and drawn on axes."""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from skssl.inspection._style import (
    INK,
    LETTER,
    MARKED,
    PALE,
    color,
    n_letters,
    plain_text,
    shortened,
    tidy,
    with_room,
    without_room,
    without_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches.
_PICTURE, _FRAME, _CLOUD = 1.15, 0.62, 1.5
_LINES, _WORDS = (2.1, 1.2), (2.15, 0.6, 2.1)
_CELL, _ROW_WIDTH, _NAMES_WIDTH = 0.2, 1.45, 1.5
# Of a wider table, the others are left out.
_MOST_COLUMNS = 16
_MOST_LETTERS, _MOST_NAME = 18, 20
_FONT = 8.5
# Points: height of a line, by the size of the font.
_LINE = 1.35
_EDGE = 0.82
_HOLE = np.array([0.93, 0.62, 0.42])
# From where clouds are looked at, in degrees.
_AZIMUTH, _ELEVATION = -55, 22


class Sketch(ABC):
    """A sample as it is shown, with no more than what is needed for it."""

    # Whether its axes have steps.
    has_axis: ClassVar[bool] = False

    @abstractmethod
    def size(self) -> tuple[float, float]:
        """Return width and height that suit it, in inches."""

    @abstractmethod
    def draw(self, ax: Axes, *, labelled: bool = True) -> Any:
        """Draw it, and return the artist, or artists, that show it.

        With `labelled`, axes have the labels that others beside them can do without.
        """

    def margin(self) -> float:
        """Return the width of the labels at the left, in inches."""
        return 0.3


@dataclass
class Picture(Sketch):
    """An image.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, 3)
        Red, green and blue, from 0 to 1.
    hidden : ndarray of shape (height, width), default=None
        Which pixels are holes.
    """

    pixels: np.ndarray
    hidden: np.ndarray | None = None

    def shown(self) -> np.ndarray:
        """Return the pixels, with holes in a colour of their own."""
        if self.hidden is None:
            return self.pixels
        return np.where(self.hidden[..., None], _HOLE, self.pixels)

    def size(self) -> tuple[float, float]:
        height, width = self.pixels.shape[:2]
        unit = _PICTURE / (height * width) ** 0.5
        return unit * width, unit * height

    def draw(self, ax: Axes, *, labelled: bool = True) -> Any:
        without_ticks(ax, frame=True)
        return ax.imshow(self.shown(), interpolation=_interpolation(self.pixels))


@dataclass
class Clip(Sketch):
    """A clip, some of its frames side by side.

    Parameters
    ----------
    frames : ndarray of shape (n, height, width, 3)
        Red, green and blue, from 0 to 1.
    hidden : ndarray of shape (n, height, width), default=None
        Which pixels are holes.
    marked : ndarray of shape (n,), default=None
        Which frames are made up, and get an edge of a colour.
    most : int, default=4
        Frames that are drawn at most, evenly spread, with the first and the last.
    """

    frames: np.ndarray
    hidden: np.ndarray | None = None
    marked: np.ndarray | None = None
    most: int = 4

    def drawn(self) -> np.ndarray:
        """Return which frames are drawn."""
        n = len(self.frames)
        return np.linspace(0, n - 1, min(n, self.most)).round().astype(int)

    def size(self) -> tuple[float, float]:
        height, width = self.frames.shape[1:3]
        return len(self.drawn()) * _FRAME * width / height, _FRAME

    def strip(self) -> np.ndarray:
        """Return the frames that are drawn as one image, of shape (height, width, 3)."""
        some = self.drawn()
        frames = self.frames[some]
        if self.hidden is not None:
            frames = np.where(self.hidden[some][..., None], _HOLE, frames)
        n, height, width = frames.shape[:3]
        # Edges that can be seen between large frames, and are none too wide between small ones.
        zoom = max(1, 48 // height)
        frames = frames.repeat(zoom, axis=1).repeat(zoom, axis=2)
        edge = max(1, round(zoom * height / 24))
        strip = np.full((n, zoom * height + 2 * edge, zoom * width + 2 * edge, 3), _EDGE)
        if self.marked is not None:
            strip[self.marked[some]] = _HOLE
        strip[:, edge:-edge, edge:-edge] = frames
        return strip.swapaxes(0, 1).reshape(strip.shape[1], -1, 3)

    def draw(self, ax: Axes, *, labelled: bool = True) -> Any:
        without_ticks(ax, frame=False)
        return ax.imshow(self.strip(), interpolation=_interpolation(self.frames[0]))


@dataclass
class Lines(Sketch):
    """A series, a line for each channel.

    Parameters
    ----------
    values : ndarray of shape (channels, length)
        NaN where there is none.
    limits : tuple of two floats, default=None
        What the vertical axis shows; None is what the values need.
    """

    values: np.ndarray
    limits: tuple[float, float] | None = None

    has_axis: ClassVar[bool] = True

    def size(self) -> tuple[float, float]:
        return _LINES

    def margin(self) -> float:
        return 0.65

    def draw(self, ax: Axes, *, labelled: bool = True) -> Any:
        from matplotlib.ticker import MaxNLocator

        tidy(ax)
        lines = self.draw_lines(ax)
        limits = self.limits or _with_room(self.values)
        ax.set_xlim(-0.5, self.values.shape[1] - 0.5)
        ax.set_ylim(*limits)
        ax.xaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=1))
        ax.yaxis.set_major_locator(MaxNLocator(3))
        ax.tick_params(labelsize=7.5, length=2, labelleft=labelled)
        return lines

    def draw_lines(self, ax: Axes, **style: Any) -> list[Any]:
        """Draw the lines only, in a style."""
        many = len(self.values) > 1
        style = {"lw": 1.0 if many else 1.3} | style
        drawn = []
        for channel, values in enumerate(self.values):
            # A value between gaps is no line.
            alone = ~np.isnan(values) & _beside_gaps(values)
            look: dict[str, Any] = {"color": color(channel)} | style
            if alone.any():
                look |= {"marker": ".", "markevery": alone}
            drawn += ax.plot(np.arange(len(values)), values, **look)
        return drawn


@dataclass
class Row(Sketch):
    """A row of a table: names, values, and bars that say how large numbers are among others.

    Parameters
    ----------
    names : list of str
    texts : list of str
        The values; "" is missing.
    shares : ndarray of shape (columns,)
        Share of the rows of `fit` whose value is smaller, NaN for what is no number.
    marked : ndarray of bool of shape (columns,)
        Values that were changed, or made up.
    """

    names: list[str]
    texts: list[str]
    shares: np.ndarray
    marked: np.ndarray

    def leave_out(self, gaps: np.ndarray) -> None:
        """Show some values as missing."""
        self.texts = ["" if gap else text for gap, text in zip(gaps, self.texts, strict=True)]
        self.shares = np.where(gaps, np.nan, self.shares)

    def _n_drawn(self) -> int:
        return min(len(self.names), _MOST_COLUMNS)

    def size(self) -> tuple[float, float]:
        more = len(self.names) > _MOST_COLUMNS
        return _ROW_WIDTH, _CELL * (self._n_drawn() + more) + 0.05

    def margin(self) -> float:
        longest = max(n_letters(shortened(name, _MOST_NAME)) for name in self.names[:_MOST_COLUMNS])
        return 0.35 + LETTER * _FONT * longest / 72

    def draw(self, ax: Axes, *, labelled: bool = True) -> Any:
        n = self._n_drawn()
        n_more = len(self.names) - n
        places = range(n)
        known = ~np.isnan(self.shares[:n])
        ax.barh(np.flatnonzero(known), self.shares[:n][known], height=0.82, color="#CFE3F1", lw=0)
        texts = [
            ax.text(
                0.03,
                place,
                shortened(self.texts[place], _MOST_LETTERS) or "missing",
                va="center",
                fontsize=_FONT,
                parse_math=False,
                clip_on=True,
                color=MARKED if self.marked[place] else INK if self.texts[place] else PALE,
                fontweight="bold" if self.marked[place] else "normal",
                style="normal" if self.texts[place] else "italic",
            )
            for place in places
        ]
        if n_more:
            words = f"… {n_more} more column{'s' if n_more > 1 else ''}"
            ax.text(0.03, n, words, va="center", fontsize=_FONT, color=PALE)
        names = [plain_text(shortened(name, _MOST_NAME)) for name in self.names[:n]]
        ax.set(xlim=(0, 1), ylim=(n - 0.4 + bool(n_more), -0.6), xticks=[])
        ax.set_yticks(places, labels=names if labelled else [""] * n, fontsize=_FONT)
        ax.tick_params(length=0, colors=INK)
        ax.spines[:].set_visible(False)
        ax.spines["left"].set_visible(True)
        ax.spines["left"].set_color(PALE)
        return texts


@dataclass
class Words(Sketch):
    """A text.

    Parameters
    ----------
    text : str
    """

    text: str

    def size(self) -> tuple[float, float]:
        width, height, most = _WORDS
        # Most lines are broken a little before they are full.
        n_lines = n_letters(self.text) / (0.8 * 72 * width / (LETTER * _FONT)) + 1
        return width, float(np.clip(n_lines * _LINE * _FONT / 72 + 0.15, height, most))

    def draw(self, ax: Axes, *, labelled: bool = True) -> Any:
        without_ticks(ax, frame=False)
        ax.set(xlim=(0, 1), ylim=(0, 1))
        ax.set_facecolor("#F4F4F4")
        return ax.text(
            0.04,
            0.95,
            _wrapped(self.text, ax) or "(empty)",
            va="top",
            fontsize=_FONT,
            color=INK if self.text.strip() else PALE,
            linespacing=1.15,
            parse_math=False,
            clip_on=True,
        )


@dataclass
class Points(Sketch):
    """A point cloud, seen from the side and a little from above; the nearer, the darker.

    Parameters
    ----------
    places : ndarray of shape (n, 3)
    reach : float
        What is shown of space: up to so far from the origin, in each direction.
    """

    places: np.ndarray
    reach: float

    def size(self) -> tuple[float, float]:
        return _CLOUD, _CLOUD

    def flat(self) -> np.ndarray:
        """Return the points as they are seen: to the right, up, and towards the eye."""
        around, above = np.deg2rad(_AZIMUTH), np.deg2rad(_ELEVATION)
        towards = np.array([np.cos(above) * np.cos(around), np.cos(above) * np.sin(around), 0])
        towards[2] = np.sin(above)
        right = np.array([-np.sin(around), np.cos(around), 0])
        seen = self.places @ np.stack([right, np.cross(towards, right), towards], axis=1)
        return seen[seen[:, 2].argsort()]

    def draw(self, ax: Axes, *, labelled: bool = True) -> Any:
        size = float(np.clip(900 / max(1, len(self.places)), 2, 40))
        look = {"s": size, "cmap": _shades(), "vmin": -self.reach, "vmax": self.reach, "lw": 0}
        edges = (-1.05 * self.reach, 1.05 * self.reach)
        if ax.name == "3d":
            in_space: Any = ax
            x, y, z = self.places.T
            ax.set(xlim=edges, ylim=edges, zlim=edges, xticks=[], yticks=[], zticks=[])
            return in_space.scatter(x, y, z, c=z, **look)
        x, y, depth = self.flat().T
        without_ticks(ax, frame=True)
        ax.set(xlim=edges, ylim=edges, aspect="equal")
        return ax.scatter(x, y, c=depth, **look)


def share_limits(sketches: Sequence[Sketch]) -> None:
    """Let series, and clouds, be shown on the same scale, so that they can be compared."""
    clouds = [sketch for sketch in sketches if isinstance(sketch, Points)]
    for cloud in clouds:
        cloud.reach = max(reaches_of([one.places for one in clouds]))
    lines = [sketch for sketch in sketches if isinstance(sketch, Lines)]
    if lines:
        limits = _with_room(np.concatenate([one.values.ravel() for one in lines]))
        for one in lines:
            one.limits = limits


def _interpolation(pixels: np.ndarray) -> str:
    """Small images show their pixels, others are smoothed where they are made smaller."""
    return "nearest" if max(pixels.shape[:2]) < 64 else "antialiased"


def _with_room(values: np.ndarray) -> tuple[float, float]:
    """Return the limits of an axis that shows all values."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    room = 0.06 * (high - low) or max(0.5, 0.06 * abs(high))
    return low - room, high + room


def _beside_gaps(values: np.ndarray) -> np.ndarray:
    """Return which values have no neighbour, neither before nor after."""
    gap = np.concatenate([[True], np.isnan(values), [True]])
    return gap[:-2] & gap[2:]


def reaches_of(clouds: Sequence[np.ndarray]) -> list[float]:
    """Return how far from the origin the points of each cloud are."""
    return [float(np.linalg.norm(cloud, axis=1).max()) or 1.0 for cloud in clouds]


def _shades() -> Any:
    """Return shades of blue, of which the palest can still be seen on white."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("depth", ["#B8D4EA", "#0072B2", "#06263F"])


def _wrapped(text: str, ax: Axes) -> str:
    """Break a text into lines that fit into axes, and cut it where these end."""
    box = ax.get_window_extent()
    points = 72 / ax.figure.dpi
    width = max(8, int(0.92 * box.width * points / (LETTER * _FONT)))
    n_lines = max(1, int(0.94 * box.height * points / (_LINE * _FONT)))
    line = with_room(" ".join(text.split()))
    return without_room("\n".join(textwrap.wrap(line, width, max_lines=n_lines, placeholder=" …")))
