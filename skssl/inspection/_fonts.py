"""Letters of all scripts in figures, as far as a font is installed that has them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from skssl._warn import warn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

# What stands for a letter that no font has, as in browsers.
_BOX = "\N{WHITE SQUARE}"
_FEW = 5


def find_letters(axes: Iterable[Axes]) -> None:
    """Draw texts in axes with other fonts where the usual ones lack letters.

    A letter that no installed font has becomes a box, and a warning says so.
    """
    from matplotlib.text import Text

    lost: set[str] = set()
    for ax in axes:
        for text in ax.findobj(Text):
            assert isinstance(text, Text)
            lost |= _lost_from(text)
        for axis in (ax.xaxis, ax.yaxis):
            # What ticks say is written anew each time that they are drawn.
            words = [label.get_text() for label in axis.get_ticklabels()]
            if lost & set("".join(words)):
                axis.set_ticklabels([_boxed(word, lost) for word in words])
        for text in ax.findobj(Text):
            assert isinstance(text, Text)
            if lost & set(text.get_text()):
                text.set_text(_boxed(text.get_text(), lost))
    if lost:
        more = f" and {len(lost) - _FEW} more letters" if len(lost) > _FEW else ""
        warn(
            f"No font that is installed has {' '.join(sorted(lost)[:_FEW])}{more}: the figure "
            f"shows {_BOX} instead. Install a font that has them, such as one of Noto, or add its "
            "file with matplotlib.font_manager.fontManager.addfont('FONT.ttf')."
        )


def _boxed(text: str, lost: set[str]) -> str:
    return "".join(_BOX if letter in lost else letter for letter in text)


def _lost_from(text: Text) -> set[str]:
    """Add fonts to a text that have the letters that its own lack; return those that none has."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager

    said = {letter for letter in text.get_text() if not letter.isascii()}
    families = text.get_fontfamily()
    for family in families if said else ():
        path = findfont(FontProperties(family=[family]))
        said = {letter for letter in said if ord(letter) not in _letters_of(str(path))}
    if not said:
        return said
    installed = [(font.fname, font.name) for font in fontManager.ttflist if font.style == "normal"]
    others = _by_letter(tuple(installed))
    names = {others[ord(letter)] for letter in said if ord(letter) in others}
    text.set_fontfamily([*families, *sorted(names)])
    return {letter for letter in said if ord(letter) not in others}


@lru_cache(maxsize=1)
def _by_letter(fonts: tuple[tuple[str, str], ...]) -> dict[int, str]:
    """Return the name of a font for each letter that one has."""
    letters = {
        name: _letters_of(path)
        for path, name in fonts
        # Those of the last resort draw a box for every letter.
        if "lastresort" not in name.lower().replace(" ", "") and Path(path).is_file()
    }
    # As few fonts as possible: those with many letters come last, and so win.
    return {
        letter: name
        for name in sorted(letters, key=lambda name: (len(letters[name]), name))
        for letter in letters[name]
    }


@lru_cache(maxsize=8)
def _letters_of(path: str) -> frozenset[int]:
    from matplotlib.font_manager import get_font

    return frozenset(get_font(path).get_charmap())
