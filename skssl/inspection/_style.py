"""How figures look: colours, axes without junk, and matplotlib where it is first needed."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of Okabe and Ito, which people who are colour-blind tell apart; without the yellow, which white
# swallows, and the black, which is for what is compared with.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A4988")
MARKERS = ("o", "^", "s", "D", "v", "P", "X")
INK, PALE, FAINT = "#262626", "#8C8C8C", "#D9D9D9"
# What was made up, such as a hole that was filled.
MARKED = "#D55E00"
# Width of a letter, by the size of the font.
LETTER = 0.56
_ROOM = "\0"


def pyplot(caller: str) -> Any:
    """Return matplotlib.pyplot, or raise an error that says how to install it.

    Parameters
    ----------
    caller : str
        What needs it.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f"{caller} needs matplotlib: pip install 'skssl[plot]'.") from error
    return plt


def color(index: int) -> str:
    """Return a colour of the palette, which begins anew after the last one."""
    return PALETTE[index % len(PALETTE)]


def marker(index: int) -> str:
    """Return a marker, which is another one each time that the palette begins anew."""
    return MARKERS[index // len(PALETTE) % len(MARKERS)]


def plain_text(name: object) -> str:
    """Return a text that matplotlib draws as it is, and not as a formula."""
    return str(name).replace("$", r"\$")


def shortened(text: object, length: int) -> str:
    """Return a text in one line, cut at the end if it is longer than `length` letters."""
    line = " ".join(str(text).split())
    if n_letters(line) <= length:
        return line
    return f"{without_room(with_room(line)[: max(1, length - 1)])}…"


def n_letters(text: str) -> int:
    """Return how many letters of the usual width are as wide as a text."""
    return len(with_room(text))


def with_room(text: str) -> str:
    """Return a text with a character of no meaning behind each letter that is wide as two."""
    return "".join(
        letter + _ROOM if unicodedata.east_asian_width(letter) in "WF" else letter
        for letter in text
    )


def without_room(text: str) -> str:
    """Return what :func:`with_room` was given."""
    return text.replace(_ROOM, "")


def legend_place(*, is_own: bool) -> dict[str, Any]:
    """Return where a legend is put: beside axes of one's own figure, or within those of others."""
    if is_own:
        beside = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0.0}
        return beside | {"frameon": False, "fontsize": 9}
    within = {"loc": "best", "frameon": True, "framealpha": 0.8, "edgecolor": FAINT}
    return within | {"fontsize": 7, "labelspacing": 0.3, "borderaxespad": 0.3}


def tidy(ax: Axes) -> None:
    """Leave out of axes of curves and points what says nothing."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(PALE)
    ax.tick_params(colors=INK, labelsize=9)
    ax.grid(color=FAINT, lw=0.6)
    ax.set_axisbelow(True)


def without_ticks(ax: Axes, *, frame: bool) -> None:
    """Leave out ticks, and the frame or not."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(frame)
    ax.spines[:].set_color(FAINT)
