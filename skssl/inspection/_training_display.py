"""The figure of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skssl._quote import quoted
from skssl.inspection._axes import make_grid, size_of
from skssl.inspection._style import INK, MARKED, PALE, color, pyplot, tidy
from skssl.training import COLLAPSE_LIMITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class _Panel(NamedTuple):
    """Axes for measures of one kind.

    Parameters
    ----------
    title, unit : str
        What stands above, and beside the vertical axis.
    lines : dict of str to str
        What the measures are called, by their names in the history.
    bounds : tuple of two floats
        What the vertical axis shows at the least; NaN leaves that to the values.
    """

    title: str
    unit: str
    lines: dict[str, str]
    bounds: tuple[float, float] = (np.nan, np.nan)


_PANELS = (
    _Panel("Loss", "loss", {"train_loss": "training", "valid_loss": "held-out"}),
    _Panel(
        "Error of the task",
        "error, 1 is the trivial answer's",
        {"relative_error": "relative error", "error_over_copy": "over repeating the last frame"},
        (0, 1.05),
    ),
    _Panel("Answers to the task", "share of right answers", {"task_accuracy": "right"}, (0, 1)),
    _Panel("Spread of the targets", "standard deviation", {"target_std": "targets"}, (0, np.nan)),
    _Panel(
        "Spread of directions",
        "0 is none, 1 is even",
        {"embedding_std": "embedding", "projection_std": "projection"},
        (0, 1.02),
    ),
    _Panel("Rank", "effective dimensions", {"rankme": "embedding"}, (0, np.nan)),
    _Panel(
        "Two views of a sample find each other",
        "share, 1 is best",
        {
            "view_retrieval": "nearest of all",
            "view_ranking": "nearer than others",
            "projection_ranking": "nearer, projection",
        },
        (0, 1.02),
    ),
    _Panel(
        "Correlation of columns", "mean |correlation|", {"mean_correlation": "embedding"}, (0, 1)
    ),
    _Panel("Guesses", "share that counts", {"certain": "certain enough"}, (0, 1)),
)
_DASHES = ("-", "-", (0, (6, 1.5)))
# Inches, of axes with words of the usual size.
_WIDTH, _HEIGHT, _COLUMNS = 3.4, 2.1, 3
_GAP, _GAP_BELOW = 0.6, 0.5
_LIMIT: dict[str, Any] = {"lw": 1.2, "ls": (0, (4, 2)), "label": "collapse below"}
_BEFORE: dict[str, Any] = {"lw": 1.2, "ls": (0, (1, 1.5)), "label": "before training"}
# Of the height of axes: a line of a legend, and what is between the legend and the curves.
_LEGEND_LINE, _LEGEND_PAD = 0.085, 0.03
# Between words, of whatever size.
_PADS = 0.25
# How small words become in small axes.
_SMALLEST = 0.35


class TrainingDisplay:
    """How a training went, epoch by epoch.

    The loss; what the task of a method says of itself; and what the monitor measured of the
    embedding: how widely it spreads, how many dimensions it uses, and whether the two views of a
    sample are told from those of others. Measures that are not in the history are not drawn.

    A dashed line is the limit of a collapse, and a dotted one what was measured before training: a
    measure below its limit *and* views that are nearer to each other than to others no more often
    than before are what :class:`~skssl.exceptions.CollapseWarning` warns of.

    The loss alone says little: with many methods it may fall while the embedding collapses, and
    with those that have a teacher it may rise while all is well.

    Parameters
    ----------
    history : list of dict of str to float
        What was recorded of each epoch.
    title : str, default=""
        What was trained.
    n_steps : int, default=None
        Steps of the optimizer, for the title.
    before : dict of str to float, default=None
        What was measured before training.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        Where it is drawn.
    bounding_ax_ : matplotlib Axes or None
        The axes that were divided, if such were passed.
    figure_ : matplotlib Figure
        The figure that this is part of.
    lines_ : dict of str to matplotlib Line2D
        The measures, by their names in the history.
    limits_ : dict of str to matplotlib Line2D
        The limits of a collapse.
    before_ : dict of str to matplotlib Line2D
        What measures that have no limit were before training.

    See Also
    --------
    TrainingDisplay.from_estimator : Draws what a fitted estimator knows of its training.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.inspection import TrainingDisplay
    >>> ssl = SimCLR(max_epochs=2, random_state=0).fit(load_digits().images[:300])
    >>> display = TrainingDisplay.from_estimator(ssl)
    >>> [ax.get_title() for ax in display.axes_[:3]]
    ['Loss', 'Spread of directions', 'Rank']
    """

    def __init__(
        self,
        *,
        history: Sequence[Mapping[str, float]],
        title: str = "",
        n_steps: int | None = None,
        before: Mapping[str, float] | None = None,
    ):
        self.history = history
        self.title = title
        self.n_steps = n_steps
        self.before = before

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, *, ax: Axes | Sequence[Axes] | None = None
    ) -> Self:
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted method, or a fine-tuned classifier or regressor: what has a ``history_``.
        ax : matplotlib Axes or sequence of these, default=None
            One that is divided, or as many as there are panels. None makes a figure. Five or so
            panels in one small ax have tiny words; pass an ax for each.

        Returns
        -------
        display : TrainingDisplay
            What was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it keeps no history.
        ValueError
            If it was not trained, with ``max_epochs=0``.
        ImportError
            Without matplotlib.
        """
        pyplot(cls.__name__)
        if not isinstance(estimator, BaseEstimator):
            raise TypeError(f"estimator must be an estimator, got {quoted(estimator)}.")
        check_is_fitted(estimator)
        history = getattr(estimator, "history_", None)
        if history is None:
            raise TypeError(
                f"{type(estimator).__name__} keeps no history_ of a training: a method of skssl "
                "does, and so does what fine-tunes one. Of a pipeline, pass the step."
            )
        if not history:
            raise ValueError(
                f"{type(estimator).__name__} was not trained: with max_epochs="
                f"{estimator.get_params().get('max_epochs')!r}, its history_ is empty."
            )
        display = cls(
            history=history,
            title=type(estimator).__name__,
            n_steps=getattr(estimator, "n_steps_", None),
            before=getattr(estimator, "before_training_", None),
        )
        return display.plot(ax=ax)

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw the training.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of these, default=None
            One that is divided, or as many as there are panels. None makes a figure.

        Returns
        -------
        display : TrainingDisplay
            This object.
        """
        plt = pyplot("TrainingDisplay.plot")
        known = {name for row in self.history for name in row}
        panels = [panel for panel in _PANELS if known & set(panel.lines)]
        if not panels:
            measures = ", ".join(name for panel in _PANELS for name in panel.lines)
            raise ValueError(
                f"history must have epochs with some of these measures: {measures}; got "
                f"{quoted(self.history)}."
            )
        n_columns, zoom = _layout(ax, len(panels))
        n_rows = -(-len(panels) // n_columns)
        grid = make_grid(
            plt,
            ax,
            widths=[_WIDTH] * n_columns,
            heights=[_HEIGHT] * n_rows,
            left=0.7,
            above=0.65 if self.title else 0.36,
            below=0.5,
            gap=_PADS + zoom * _GAP,
            gap_below=_PADS + zoom * _GAP_BELOW,
        )
        self.axes_ = grid.axes.ravel()[: len(panels)]
        self.bounding_ax_, self.figure_ = grid.bounding, grid.figure
        for left_over in grid.axes.ravel()[len(panels) :]:
            left_over.remove()
        self.lines_: dict[str, Any] = {}
        self.limits_: dict[str, Any] = {}
        self.before_: dict[str, Any] = {}
        for panel, one in zip(panels, self.axes_, strict=True):
            self._draw(panel, one, zoom)
        if self.title and grid.bounding is None and ax is None:
            counts = {"step": self.n_steps, "epoch": len(self.history)}
            said = [f"{n} {unit}{'s' if n > 1 else ''}" for unit, n in counts.items() if n]
            self.figure_.suptitle(", ".join([self.title, *said]), fontsize=12, color=INK)
        return self

    def _draw(self, panel: _Panel, ax: Axes, zoom: float) -> None:
        from matplotlib.ticker import MaxNLocator

        tidy(ax)
        ax.tick_params(labelsize=9 * zoom)
        names = [name for name in panel.lines if any(name in row for row in self.history)]
        for index, name in enumerate(names):
            self._draw_measure(name, panel.lines[name], ax, index, zoom)
        legend = [self.lines_[name] for name in names] if len(names) > 1 else []
        legend += self._draw_levels(names, ax)
        if not np.isfinite([self.lines_[name].get_ydata() for name in names]).any():
            ax.text(
                0.5,
                0.5,
                "NaN or infinite\nin all epochs",
                transform=ax.transAxes,
                ha="center",
                va="center",
                fontsize=9 * zoom,
                color=MARKED,
            )
        ax.set_title(panel.title, fontsize=10 * zoom, color=INK)
        ax.set_xlabel("epoch", fontsize=9 * zoom, color=INK)
        ax.set_ylabel(panel.unit, fontsize=9 * zoom, color=INK)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
        if len(self.history) == 1:
            ax.set(xlim=(0, 2), xticks=[1])
        shown = ax.get_ylim()
        low, high = np.fmin(panel.bounds[0], shown[0]), np.fmax(panel.bounds[1], shown[1])
        ticks = MaxNLocator(5).tick_values(low, high)
        ax.set_yticks(ticks[(low <= ticks) & (ticks <= high)])
        if legend:
            # Above the values, where it hides none.
            n_lines = -(-len(legend) // 2)
            high = low + (high - low) / (1 - _LEGEND_PAD - n_lines * _LEGEND_LINE)
            ax.legend(
                handles=legend,
                loc="upper left",
                ncols=2,
                fontsize=8 * zoom,
                frameon=False,
                handlelength=2.2,
                labelspacing=0.25,
                columnspacing=1.0,
                borderaxespad=0.2,
                borderpad=0.1,
            )
        ax.set_ylim(low, high)

    def _draw_measure(self, name: str, label: str, ax: Axes, index: int, zoom: float) -> None:
        """Draw the values of a measure."""
        epochs = np.arange(1, len(self.history) + 1)
        values = np.array([row.get(name, np.nan) for row in self.history], dtype=float)
        # Between two looks at the embedding, the history repeats what the first one saw: the looks
        # are marked and joined.
        looks = np.concatenate([[True], np.diff(values) != 0])
        are_few = not looks.all()
        style: dict[str, Any] = {
            "color": color(index),
            "lw": 1.6,
            "ls": _DASHES[index % len(_DASHES)],
        }
        (self.lines_[name],) = ax.plot(
            epochs,
            values,
            **(style | {"ls": "none"} if are_few else style),
            marker="o" if are_few or len(epochs) == 1 else "",
            markevery=looks.tolist(),
            ms=4 * zoom**0.5,
            label=label,
        )
        if are_few:
            looks[-1] = True
            ax.plot(epochs[looks], values[looks], **style)

    def _draw_levels(self, names: Sequence[str], ax: Axes) -> list[Any]:
        """Draw what measures are compared with, in their colours; return what a legend needs."""
        from matplotlib.lines import Line2D

        before = self.before or {}
        legend = {}
        levels: Mapping[str, float]
        for index, name in enumerate(names):
            if name in COLLAPSE_LIMITS:
                levels, drawn, style = COLLAPSE_LIMITS, self.limits_, _LIMIT
            elif name in before:
                levels, drawn, style = before, self.before_, _BEFORE
            else:
                continue
            drawn[name] = ax.axhline(levels[name], color=color(index), **style)
            legend[style["label"]] = Line2D([], [], color=PALE, **style)
        return list(legend.values())


def _layout(ax: Axes | Sequence[Axes] | np.ndarray | None, n_panels: int) -> tuple[int, float]:
    """Return the number of columns, and how large words are, so that none lies upon another."""
    from matplotlib.axes import Axes

    if isinstance(ax, (Sequence, np.ndarray)):
        sizes = [size_of(one) for one in np.ravel(np.asarray(ax)) if isinstance(one, Axes)]
        zoom = min((min(width / _WIDTH, height / _HEIGHT) for width, height in sizes), default=1)
        return n_panels, float(np.clip(zoom, _SMALLEST, 1))
    if not isinstance(ax, Axes):
        return min(_COLUMNS, n_panels), 1.0
    width, height = size_of(ax)
    zooms = {}
    for n_columns in range(1, min(_COLUMNS, n_panels) + 1):
        n_rows = -(-n_panels // n_columns)
        across = n_columns * (_WIDTH + _GAP) - _GAP
        down = n_rows * (_HEIGHT + _GAP_BELOW) - _GAP_BELOW
        zooms[n_columns] = min(
            (width - (n_columns - 1) * _PADS) / across, (height - (n_rows - 1) * _PADS) / down
        )
    best = max(zooms, key=lambda n_columns: zooms[n_columns])
    return best, float(np.clip(zooms[best], _SMALLEST, 1))
