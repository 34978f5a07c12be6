"""Draw the figures of ``docs/benchmarks.md`` from what is kept in ``benchmarks/results``.

    python benchmarks/figures.py

Nothing is measured, and a part that is not there has no figure. The page has them between the lines
``<!-- figures -->`` and ``<!-- end figures -->``. The files are SVG, whose words stay words; the
colours are told apart by all eyes, and lines by their dashes and marks as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from drawing import STYLE, Tables, kept_tables
from few_labels import MODALITIES
from figures_labels import by_set, choosing, few_labels, of_modality
from figures_speed import by_seconds, memory, speed
from keeping import FOLDER
from matplotlib.figure import Figure

PAGE = FOLDER.parent / "docs" / "benchmarks.md"
OUT = PAGE.parent / "_static" / "benchmarks"


@dataclass
class Drawing:
    """A figure of the page: what it is drawn from, and what is written below it."""

    part: str
    draw: Callable[[Tables], Figure | None]
    title: str
    words: str = ""
    page: str = ""  # which page has the numbers; none: the figure is on another page

    @property
    def file(self) -> Path:
        """Where it is saved."""
        return OUT / f"{self.title}.svg"

    def markdown(self) -> str:
        """Return the lines of the page."""
        return (
            f"```{{figure}} _static/benchmarks/{self.file.name}\n"
            f":alt: {self.words.split('. ')[0].replace('`', '')}\n:figclass: wide\n\n"
            f"{self.words} {{doc}}`All numbers <benchmarks/{self.page}>`.\n```"
        )


# Said only of a figure that has them.
_IN_ORANGE = "; networks that others trained, frozen, in orange" if kept_tables("frozen") else ""
_KINDS = {"tabular": "tables"}
DRAWINGS = [
    Drawing(
        "no_regret", partial(few_labels, named=False, size=(9.2, 2.7), columns=4), "first_page"
    ),
    # For phones.
    Drawing(
        "no_regret",
        partial(few_labels, named=False, size=(3.8, 5.2), columns=2),
        "first_page_narrow",
    ),
    Drawing(
        "no_regret",
        partial(few_labels, named=True, size=(8.2, 7.4), columns=2),
        "few_labels",
        "Balanced accuracy over labels per class: logistic regression (LR) on what `SimCLR()` "
        f"returns, in blue; what one would try first, in grey{_IN_ORANGE}. Means over the data "
        "sets that have enough rows of each class for all numbers of labels, 10 draws each.",
        "no_regret",
    ),
    Drawing(
        "no_regret",
        by_set,
        "by_set",
        "What `SimCLR()` gains or loses on each data set, with 5 labels per class: its balanced "
        "accuracy less that of classical features, both with the same logistic regression. Right "
        "of 0, `SimCLR()` is the better one. The lines reach two standard errors to either side, "
        "over 10 draws.",
        "no_regret",
    ),
    Drawing(
        "choosing_rows",
        choosing,
        "choosing_rows",
        "What it is worth to choose features and classifier by the few labels that one has: what "
        "cross-validation chooses of nine pairs, in orange, and logistic regression on all "
        "features, without a choice, in blue. The grey line is the best pair by the test rows, "
        "which nobody knows beforehand.",
        "choosing_rows",
    ),
    *(
        Drawing(
            f"few_labels_{modality}",
            partial(of_modality, modality=modality),
            f"few_labels_{modality}",
            f"Few labels, {_KINDS.get(modality, modality)}: mean score over labels per class, a "
            "line for each kind of features with the classifier that validation chose. Ours are "
            "blue, classical ones grey, those of random weights purple, and those of networks that "
            "others trained, where there are any, orange. Means over the data sets that have "
            "enough rows of each class for all numbers of labels.",
            f"few_labels_{modality}",
        )
        for modality in MODALITIES
    ),
    Drawing(
        "methods",
        by_seconds,
        "methods",
        "Methods by the time that they take: mean accuracy with 5 labels per class over CPU "
        "seconds of training and embedding, on a logarithmic scale. Each has its defaults and some "
        "300 steps on each data set.",
        "methods",
    ),
    Drawing(
        "lightly",
        speed,
        "speed",
        "Images per second of training, in two views each: lightly, a bare loop and `fit`. The "
        "CPU computes in bfloat16, as `fit` does by default there; lightly, the bare loop and "
        "views of full size are computed in float32. Medians of five rounds in which all take "
        "turns.",
        "speed",
    ),
    Drawing(
        "large_data",
        memory,
        "memory",
        "Data that are read while they are trained on: the largest memory of training (fit) and "
        "of embedding (embed), and their speed, divided by that on samples in memory.",
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
