"""The result of a comparison with few labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from skssl.inspection._display import FewLabelDisplay
from skssl.inspection._paired import PairedDifference, paired_difference, two_way_difference

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHOSEN = "chosen by cross-validation"

# What Markdown gives a meaning, in the middle of a line of a table; an underscore within a word has
# none.
_MARKS = re.compile(r"[\\`*\[\]<>|$~&]|(?<![^\W_])_|_(?![^\W_])")


def _of_chosen(chosen: Sequence[Sequence[str]], values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what the rows that were chosen have, by number of labels and draw."""
    return np.array(
        [
            [values[name][column][draw] for draw, name in enumerate(names)]
            for column, names in enumerate(chosen)
        ]
    )


def _in_a_line(text: object) -> str:
    return " ".join(str(text).split())


def _in_markdown(text: object) -> str:
    """Return a text that Markdown shows as it is, in one line."""
    return _MARKS.sub(lambda mark: "\\" + mark[0], _in_a_line(text))


class FewLabelReport:
    """Scores of models by the number of labels, as a table, as rows and as a figure.

    What :func:`few_label_report` returns. Printed, it is a table in Markdown, and sentences on who
    is ahead.

    Parameters
    ----------
    scores : dict of str to ndarray of shape (len(n_labels), n_repeats)
        Scores on the test rows, by the name of the model.
    kinds : dict of str to {"classical", "random weights", "model"}
        What each of these is.
    n_labels : sequence of int
        Labels per class.
    scoring : str
        Name of the score.
    n_train, n_labelled, n_test : int
        Number of training rows, of those whose label is known, and of test rows.
    estimators : dict of str to list of estimators
        What was fitted to all training rows without labels, step by step, by the name of the
        model.
    test_parts : dict of str to ndarray of shape (len(n_labels), n_repeats, n_parts), default=None
        What each score owes to parts of the test rows, which have its mean: of accuracies, those
        of the parts. With them, errors are about other test rows as well as about other draws.
    n_draws : sequence of int, default=None
        How many draws were of different rows, by number of labels; None is all of them.
    chosen : list of list of str, default=None
        Name of the row that was chosen in each draw, by number of labels. It makes a row of its
        own, of the kind "chosen".
    other_heads : sequence of str, default=()
        Names of models behind whose encoder is another classifier than behind random weights.

    Attributes
    ----------
    scores : dict of str to ndarray of shape (len(n_labels), n_repeats)
        Those that were passed, and those of what was chosen.
    rows : list of dict
        One for each model and number of labels, with the keys ``model``, ``kind``, ``n_labels``,
        ``mean``, ``std`` and ``scores``, those of the single draws. ``pandas.DataFrame(rows)``
        makes a table of them.

    See Also
    --------
    few_label_report : Compares models with few labels.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.inspection import FewLabelReport
    >>> report = FewLabelReport(
    ...     {"raw": np.array([[0.4, 0.6]]), "SimCLR": np.array([[0.8, 0.9]])},
    ...     {"raw": "classical", "SimCLR": "model"},
    ...     n_labels=[1], scoring="accuracy", n_train=90, n_labelled=90, n_test=10,
    ... )
    >>> print(report)
    accuracy on 10 test rows, mean ± standard deviation over 2 draws of the labelled rows
    from 90 of 90 training rows
    <BLANKLINE>
    | labels per class | 1 |
    |---|---|
    | raw | 0.500 ± 0.100 |
    | SimCLR | 0.850 ± 0.050 |
    <BLANKLINE>
    1 label per class: SimCLR (model) is first, ahead of raw (classical) by 0.350 ± 0.050.
    """

    def __init__(
        self,
        scores: Mapping[str, np.ndarray],
        kinds: Mapping[str, str],
        *,
        n_labels: Sequence[int],
        scoring: str,
        n_train: int,
        n_labelled: int,
        n_test: int,
        estimators: Mapping[str, list[BaseEstimator]] | None = None,
        test_parts: Mapping[str, np.ndarray] | None = None,
        n_draws: Sequence[int] | None = None,
        chosen: Sequence[Sequence[str]] | None = None,
        other_heads: Sequence[str] = (),
    ):
        self.scores = dict(scores)
        self.kinds = dict(kinds)
        self.test_parts = None if test_parts is None else dict(test_parts)
        self.n_draws = None if n_draws is None else list(n_draws)
        self.other_heads = list(other_heads)
        self.chosen = chosen
        if chosen is not None:
            self.scores[CHOSEN] = _of_chosen(chosen, self.scores)
            self.kinds[CHOSEN] = "chosen"
            if self.test_parts is not None:
                self.test_parts[CHOSEN] = _of_chosen(chosen, self.test_parts)
        self.n_labels = list(n_labels)
        self.scoring = scoring
        self.n_train, self.n_labelled, self.n_test = n_train, n_labelled, n_test
        self.estimators = dict(estimators or {})

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict for each model and number of labels."""
        return [
            {
                "model": name,
                "kind": self.kinds[name],
                "n_labels": n_labels,
                "mean": float(cell.mean()),
                "std": float(cell.std()),
                "scores": cell.tolist(),
            }
            for name, scores in self.scores.items()
            for n_labels, cell in zip(self.n_labels, scores, strict=True)
        ]

    def to_markdown(self) -> str:
        """Return the table in Markdown, a line for each model.

        What Markdown gives a meaning in a name, such as ``|`` and ``*``, is escaped.

        Returns
        -------
        table : str
        """
        lines = [
            "| labels per class | " + " | ".join(map(str, self.n_labels)) + " |",
            "|---|" + "---|" * len(self.n_labels),
        ]
        for name, scores in self.scores.items():
            cells = [f"{cell.mean():.3f} ± {cell.std():.3f}" for cell in scores]
            lines.append(f"| {_in_markdown(name)} | " + " | ".join(cells) + " |")
        return "\n".join(lines)

    def summary(self) -> str:
        """Say, for each number of labels, which kind of row is first, and by how much.

        Of each kind (classical baselines, random weights, models) it takes the row with the highest
        mean, and compares these draw by draw (:func:`paired_difference`). What is within two
        standard errors is level. They hold for other draws of the labelled rows and for other test
        rows, if these are independent. The best of several rows was chosen by these same draws, so
        its lead is a little too large. If a classical row is first, one more sentence compares the
        best model with random weights. Further ones name other models that are behind them.

        Where rows were chosen, it also says what came of it: how often each was, and how the
        choice compares with the first model and with the row that has the highest mean.

        Returns
        -------
        sentences : str
            A line for each number of labels, and one more where a model has another classifier
            than random weights.
        """
        lines = [self._sentence(column) for column in range(len(self.n_labels))]
        if self.other_heads and "random weights" in self.kinds.values():
            names = " and ".join(map(_in_a_line, self.other_heads))
            lines.append(
                f"{names}: the classifier is another one than that of random weights. To compare "
                "encoders alone, pass it as probe, such as probe=LogisticRegression()."
            )
        return "\n".join(lines)

    def _sentence(self, column: int) -> str:
        best: dict[str, str] = {}
        by_mean = self._by_mean(column)
        for name in by_mean:
            best.setdefault(self.kinds[name], name)
        first, *others = best.values()
        n = self.n_labels[column]
        compared = [
            self._difference(first, other, column).against(self._with_kind(other))
            for other in others
        ]
        labels = f"{n} label{'s' if n > 1 else ''} per class"
        said = f"{labels}: {', '.join([f'{self._with_kind(first)} is first', *compared])}."
        model, control = best.get("model"), best.get("random weights")
        if first not in (model, control) and model is not None and control is not None:
            trained = self._difference(model, control, column).against(self._with_kind(control))
            said += f" {self._with_kind(model)} is {trained}."
        # Of several ones, it takes names to tell whose they are.
        if control is not None and list(self.kinds.values()).count("random weights") == 1:
            for name in by_mean:
                if self.kinds[name] != "model" or name == model:
                    continue
                difference = self._difference(name, control, column)
                if difference.verdict == "behind":
                    said += f" {self._with_kind(name)} is {difference.against(control)}."
        if self.n_draws is not None and self.n_draws[column] == 1:
            said += " There is one draw only, so ± says nothing of other labelled rows."
        return said if self.chosen is None else f"{said} {self._of_choice(self.chosen, column)}"

    def _of_choice(self, chosen: Sequence[Sequence[str]], column: int) -> str:
        # Models come before baselines, as what is chosen from.
        kind = "model" if "model" in self.kinds.values() else "classical"
        first = next(name for name, its_kind in self.kinds.items() if its_kind == kind)
        called = "the first model" if kind == "model" else "the first baseline"
        if self.n_labels[column] == 1:
            return f"There is nothing to cross-validate: {_in_a_line(first)} was taken."
        best = self._by_mean(column, leave_out=("chosen", "random weights"))[0]
        words = {best: "the best afterwards", first: called}
        if best == first:
            words = {first: f"{called} and the best afterwards"}
        compared = [
            self._difference(CHOSEN, name, column).against(f"{_in_a_line(name)}, {what}")
            for name, what in words.items()
        ]
        times = ", ".join(
            f"{_in_a_line(name)} ({count})" for name, count in Counter(chosen[column]).most_common()
        )
        return f"Cross-validation chose {times}, which is {' and '.join(compared)}."

    def _difference(self, first: str, other: str, column: int) -> PairedDifference:
        if self.test_parts is None:
            return paired_difference(self.scores[first][column], self.scores[other][column])
        parts = self.test_parts[first][column] - self.test_parts[other][column]
        return two_way_difference(parts)

    def _by_mean(self, column: int, leave_out: Sequence[str] = ("chosen",)) -> list[str]:
        names = [name for name, kind in self.kinds.items() if kind not in leave_out]
        return sorted(names, key=lambda name: -self.scores[name][column].mean())

    def _with_kind(self, name: str) -> str:
        kind, words = self.kinds[name], _in_a_line(name)
        return words if kind == "random weights" else f"{words} ({kind})"

    def plot(self, ax: Axes | None = None) -> FewLabelDisplay:
        """Draw the scores over the number of labels.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : FewLabelDisplay
            With the attributes ``ax_`` and ``figure_``.
        """
        return FewLabelDisplay(
            n_labels=self.n_labels, scores=self.scores, kinds=self.kinds, score_name=self.scoring
        ).plot(ax=ax)

    def __repr__(self) -> str:
        return f"{self._heading(self.scoring)}\n\n{self.to_markdown()}\n\n{self.summary()}"

    def _repr_markdown_(self) -> str:
        said = "\n\n".join(map(_in_markdown, self.summary().splitlines()))
        return f"{self._heading(_in_markdown(self.scoring))}\n\n{self.to_markdown()}\n\n{said}"

    def _heading(self, scoring: str) -> str:
        n_repeats = next(iter(self.scores.values())).shape[1]
        over = f"mean ± standard deviation over {n_repeats} draws of the labelled rows"
        if self.n_draws is not None and set(self.n_draws) == {1}:
            over = "with the one draw that there is of the labelled rows"
        return (
            f"{scoring} on {self.n_test} test rows, {over}\n"
            f"from {self.n_labelled} of {self.n_train} training rows"
        )
