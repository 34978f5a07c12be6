"""The figure of a comparison with few labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skssl._types import Samples
from skssl.inspection._arguments import check_ax
from skssl.inspection._fonts import find_letters
from skssl.inspection._style import color, legend_place, marker, plain_text, pyplot, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DASHES = ((0, (5, 2)), (0, (5, 2, 1, 2)), (0, (2, 2)), (0, (8, 3)), (0, (3, 1, 1, 1, 1, 1)))


class FewLabelDisplay:
    """Scores over the number of labels per class.

    Models are coloured, with a band of one standard deviation over the draws; the same encoders
    with random weights are black and dotted, classical baselines grey and dashed; what was chosen
    among the others is black.

    Parameters
    ----------
    n_labels : sequence of int
        Labels per class.
    scores : dict of str to array of shape (len(n_labels), n_repeats)
        Scores of each line.
    kinds : dict of str to {"classical", "random weights", "model", "chosen"}
        What each line is.
    score_name : str, default="score"
        Label of the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it is drawn.
    figure_ : matplotlib Figure
        The figure that this is part of.
    lines_ : dict of str to matplotlib Line2D
        The lines, by name.

    See Also
    --------
    FewLabelDisplay.from_estimator : Compares models, and draws what came of it.
    FewLabelReport.plot : Draws a comparison that was made.

    Examples
    --------
    >>> from skssl.inspection import FewLabelDisplay
    >>> scores = {"raw": [[0.4, 0.6], [0.6, 0.7]], "SimCLR": [[0.8, 0.9], [0.9, 0.9]]}
    >>> kinds = {"raw": "classical", "SimCLR": "model"}
    >>> display = FewLabelDisplay(n_labels=[1, 5], scores=scores, kinds=kinds).plot()
    >>> sorted(display.lines_)
    ['SimCLR', 'raw']
    """

    def __init__(
        self,
        *,
        n_labels: Sequence[int],
        scores: Mapping[str, np.ndarray | Sequence[Sequence[float]]],
        kinds: Mapping[str, str],
        score_name: str = "score",
    ):
        self.n_labels = n_labels
        self.scores = scores
        self.kinds = kinds
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator | Sequence[BaseEstimator] | Mapping[str, BaseEstimator],
        X: Samples,
        y: ArrayLike,
        *,
        ax: Axes | None = None,
        **params: Any,
    ) -> Self:
        """Compare models with few labels, and draw their scores.

        The numbers, and what was fitted, are in what :func:`few_label_report` returns: call that,
        and ``plot`` of it, to have these as well.

        Parameters
        ----------
        estimator : estimator, list of estimators or dict of str to estimator
            What to compare.
        X : array-like
            Samples, with or without a label.
        y : array-like of shape (n_samples,)
            Classes.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.
        **params : dict
            As for :func:`few_label_report`, such as `n_labels`, `n_repeats` and `random_state`.

        Returns
        -------
        display : FewLabelDisplay
            What was drawn.

        Raises
        ------
        ValueError
            Before anything is trained, as by :func:`few_label_report`.
        ImportError
            Without matplotlib.
        """
        from skssl.inspection._few_labels import few_label_report

        pyplot(cls.__name__)
        check_ax(ax)
        report = few_label_report(estimator, X, y, **params)
        display = cls(
            n_labels=report.n_labels,
            scores=report.scores,
            kinds=report.kinds,
            score_name=report.scoring,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the lines.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : FewLabelDisplay
            This object.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        plt = pyplot("FewLabelDisplay.plot")
        check_ax(ax)
        is_own = ax is None
        if ax is None:
            _, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        styles = self._styles()
        self.lines_ = {}
        for name, values in self.scores.items():
            mean, std = np.mean(values, axis=1), np.std(values, axis=1)
            (line,) = ax.plot(self.n_labels, mean, label=plain_text(name), **styles[name])
            if self.kinds[name] == "model":
                ax.fill_between(
                    self.n_labels, mean - std, mean + std, color=line.get_color(), alpha=0.2, lw=0
                )
            self.lines_[name] = line
        ax.set_xscale("log")
        ax.set_xticks(self.n_labels, labels=[str(n) for n in self.n_labels])
        ax.minorticks_off()
        ax.set(xlabel="labels per class", ylabel=plain_text(self.score_name))
        tidy(ax)
        # In the order in which the lines end, so that line and name are near each other.
        order = sorted(self.lines_, key=lambda name: -np.mean(self.scores[name][-1]))
        ax.legend(
            [self.lines_[name] for name in order],
            [plain_text(name) for name in order],
            handlelength=3.2,
            **legend_place(is_own=is_own),
        )
        find_letters([ax])
        return self

    def _styles(self) -> dict[str, dict[str, Any]]:
        """Return what tells the lines apart."""
        styles: dict[str, dict[str, Any]] = {}
        counts = {"classical": 0, "random weights": 0, "model": 0, "chosen": 0}
        for name in self.scores:
            kind = self.kinds[name]
            index = counts[kind]
            counts[kind] += 1
            if kind == "model":
                styles[name] = {"color": color(index), "lw": 2.2, "marker": marker(index)}
            elif kind == "classical":
                styles[name] = {
                    "color": str(0.35 + 0.1 * (index % 4)),
                    "ls": _DASHES[index % len(_DASHES)],
                    "marker": "sD^vP"[index % 5],
                    "ms": 4,
                    "lw": 1.3,
                }
            elif kind == "chosen":
                styles[name] = {"color": "black", "ls": "-", "marker": "*", "lw": 1.3}
            else:
                styles[name] = {"color": "black", "ls": ":", "marker": "xX+"[index % 3], "lw": 1.5}
        return styles
