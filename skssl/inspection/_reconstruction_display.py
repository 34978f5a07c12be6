"""The figure of what methods give back: holes, colours, puzzles, next frames, forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skssl._quote import quoted
from skssl._types import RandomState, Samples
from skssl._warn import warn
from skssl.inspection._arguments import check_method, check_rows, fitted_to
from skssl.inspection._axes import Grid, make_grid
from skssl.inspection._fonts import find_letters
from skssl.inspection._sketch_rows import draw_rows, named_rows, put_name, put_steps, put_titles
from skssl.inspection._sketches import Clip, Lines, Picture, Sketch, share_limits
from skssl.inspection._stages import stages_of, stages_of_predictions, what_it_gives_back
from skssl.inspection._style import INK, MARKED, PALE, PALETTE, pyplot
from skssl.modality import Images, Modality, infer_modality

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CHANNELS = 4
_SERIES = (3.6, 1.5)


class ReconstructionDisplay:
    """What a method gives back: what it was shown, its answer, and the truth.

    ==============================  ======================================  ===================
    Methods                         What they are shown                     What they give back
    ==============================  ======================================  ===================
    ``ContextEncoder``              images with a hole                      ``inpaint``
    ``MaskedAutoencoder``,          images, clips and series with holes,    ``reconstruct``
    ``SimMIM``                      tables with gaps
    ``SelfSupervisedImputer``       tables with gaps                        ``transform``
    ``MaskedAutoencoder``,          series without their last steps         ``forecast``
    ``SimMIM`` with `horizon`
    ``Colorization``                images without their colours            ``colorize``
    ``JigsawPuzzle``,               pieces in another order                 ``solve``
    ``ClipOrder``
    ``MotionPrediction``            clips without their last frames         ``forecast``
    ==============================  ======================================  ===================

    Draw samples that were not trained on: what was learned by heart proves nothing.

    Parameters
    ----------
    stages : dict of str to list of sketches
        What was shown, the answer, and the truth if it is known, of each sample.
    rows : sequence of int
        Where the samples are in `X`.
    overlaid : bool, default=False
        Whether these are parts of series that are drawn in the same axes.
    channels : sequence of int or dict of int to str, default=None
        Which channels of series are drawn, and what they are called.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        Where they are drawn: of images, a row for each stage; of others, a row for each sample, or
        of clips, for each stage of a sample. Series with holes, or forecasts, have a column for
        each channel that is drawn.
    bounding_ax_ : matplotlib Axes or None
        The axes that were divided, if such were passed.
    figure_ : matplotlib Figure
        The figure that this is part of.
    artists_ : dict of str to list of artists
        What shows each stage of each sample.

    See Also
    --------
    ReconstructionDisplay.from_estimator : Draws what a method gives back of your samples.
    ReconstructionDisplay.from_predictions : Draws what anything else predicted.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import ContextEncoder
    >>> from skssl.inspection import ReconstructionDisplay
    >>> X = load_digits().images
    >>> ssl = ContextEncoder(max_epochs=1, random_state=0).fit(X[:200])
    >>> display = ReconstructionDisplay.from_estimator(ssl, X[200:], rows=[0, 1, 2])
    >>> list(display.stages)
    ['with holes', 'filled in', 'original']
    """

    def __init__(
        self,
        *,
        stages: Mapping[str, Sequence[Sketch]],
        rows: ArrayLike,
        overlaid: bool = False,
        channels: Sequence[int] | Mapping[int, str] | None = None,
    ):
        self.stages = stages
        self.rows = rows
        self.overlaid = overlaid
        self.channels = channels

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Samples,
        *,
        rows: Sequence[int] | None = None,
        mask: ArrayLike | None = None,
        horizon: int | None = None,
        channels: Sequence[int] | Mapping[int, str] | None = None,
        random_state: RandomState = 0,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw what a method gives back of samples.

        Parameters
        ----------
        estimator : estimator
            A fitted method that gives something back, or a :class:`skssl.SelfSupervisedImputer`.
        X : array-like
            Whole samples, from which the method gets what is left when something is taken away.
            Best those that were not trained on.
        rows : sequence of int, default=None
            Which of them to draw. None is the first six images, and the first three of others.
        mask : array-like of bool, default=None
            What to hide, of one sample for all, or of each sample of `X`: pixels of images
            (height, width) and of clips (frames, height, width), steps (length,) or (channels,
            length) of series, cells (columns,) of tables. None hides the middle quarter of images
            and frames, the quarter of steps in the middle of series, and of tables the missing
            cells, or if there are none, a random quarter of all.
        horizon : int, default=None
            Steps of series, or frames, to be foreseen. None is what ``MotionPrediction`` learned;
            ``MaskedAutoencoder`` and ``SimMIM`` then fill in holes, for which they have to be
            trained, while their forecasts need no training.
        channels : sequence of int or dict of int to str, default=None
            Which channels of series with holes, or of forecasts, to draw; a dict gives them names,
            such as ``dict(enumerate(frame.columns))``. None is all of up to four, and the first
            four of more, with a warning.
        random_state : int, RandomState instance or None, default=0
            Seed of the cells of a table that are hidden.
        ax : matplotlib Axes or sequence of these, default=None
            One that is divided, or as many as are needed. None makes a figure.

        Returns
        -------
        display : ReconstructionDisplay
            What was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it gives nothing back.
        ValueError
            If `X`, `rows`, `mask`, `horizon` or `channels` do not go with it.
        ImportError
            Without matplotlib.
        """
        pyplot(cls.__name__)
        # An imputer has a method inside.
        check_is_fitted(estimator)
        method = check_method(getattr(estimator, "method_", estimator), cls.__name__)
        what = what_it_gives_back(method, horizon=horizon, mask=mask)
        places = check_rows(rows, X, usual=_usual_rows(method.modality_))
        rng = check_random_state(random_state)
        stages, overlaid = stages_of(method, what, X, places, mask=mask, horizon=horizon, rng=rng)
        _check_channels(channels, overlaid)
        return cls(stages=stages, rows=places, overlaid=overlaid, channels=channels).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls,
        X: Samples,
        X_pred: Samples | Mapping[str, Samples],
        *,
        modality: Modality | None = None,
        rows: Sequence[int] | None = None,
        mask: ArrayLike | None = None,
        horizon: int | None = None,
        channels: Sequence[int] | Mapping[int, str] | None = None,
        ax: Axes | Sequence[Axes] | None = None,
    ) -> Self:
        """Draw what anything predicted, such as the forecasts of a method beside a regression's.

        Parameters
        ----------
        X : array-like
            Whole samples: the truth.
        X_pred : array-like or dict of str to array-like
            What was predicted for each: the whole sample, filled in or coloured. With `horizon`,
            the last steps or frames alone, in the layout of `X`, as ``forecast`` returns them.
            Several answers, as a dict, are drawn beside each other under these names.
        modality : Modality, default=None
            What the samples are. None finds it out, as :func:`skssl.modality.infer_modality`.
        rows : sequence of int, default=None
            Which of them to draw. None is the first six images, and the first three of others.
        mask : array-like of bool, default=None
            What had been hidden, in the shapes that :meth:`from_estimator` lists. Series need it,
            or a `horizon`. None is nothing, and of tables the missing cells of `X`.
        horizon : int, default=None
            Steps of series, or frames, that were predicted.
        channels : sequence of int or dict of int to str, default=None
            Which channels of series to draw, as in :meth:`from_estimator`.
        ax : matplotlib Axes or sequence of these, default=None
            One that is divided, or as many as are needed. None makes a figure.

        Returns
        -------
        display : ReconstructionDisplay
            What was drawn.

        Raises
        ------
        ValueError
            If `X` and `X_pred` have other lengths or shapes, a dict is empty or has a name that is
            taken, or `rows`, `mask`, `horizon` or
            `channels` do not go with them.
        ImportError
            Without matplotlib.

        Examples
        --------
        >>> import numpy as np
        >>> from skssl.inspection import ReconstructionDisplay
        >>> from skssl.modality import Series
        >>> X = np.sin(np.arange(40) / 3 + np.arange(5)[:, None])
        >>> answers = {
        ...     "last value": np.repeat(X[:, 29:30], 10, axis=1),
        ...     "a cycle before": X[:, 11:21],
        ... }
        >>> display = ReconstructionDisplay.from_predictions(
        ...     X, answers, modality=Series(), horizon=10
        ... )
        >>> list(display.stages)
        ['known', 'last value', 'a cycle before', 'what came']
        """
        pyplot(cls.__name__)
        looks = fitted_to(infer_modality(X) if modality is None else modality, X)
        places = check_rows(rows, X, usual=_usual_rows(looks))
        stages, overlaid = stages_of_predictions(
            looks, X, X_pred, places, mask=mask, horizon=horizon
        )
        _check_channels(channels, overlaid)
        return cls(stages=stages, rows=places, overlaid=overlaid, channels=channels).plot(ax=ax)

    def plot(self, ax: Axes | Sequence[Axes] | None = None) -> Self:
        """Draw what was shown, the answers and the truth.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of these, default=None
            One that is divided, or as many as are needed. None makes a figure.

        Returns
        -------
        display : ReconstructionDisplay
            This object.
        """
        plt = pyplot("ReconstructionDisplay.plot")
        self.artists_: dict[str, list[Any]] = {}
        first = next(iter(self.stages.values()))[0]
        if self.overlaid:
            grid = self._plot_overlaid(plt, ax)
        elif isinstance(first, Picture):
            grid = self._plot_stages_down(plt, ax)
        elif isinstance(first, Clip):
            grid = self._plot_below_each_other(plt, ax)
        else:
            grid = self._plot_grid(plt, ax)
        self.axes_, self.bounding_ax_, self.figure_ = grid.axes, grid.bounding, grid.figure
        find_letters(grid.axes.ravel())
        return self

    def _plot_grid(self, plt: Any, ax: Any) -> Grid:
        """Draw samples below each other, and the stages of each side by side."""
        lines = [list(line) for line in zip(*self.stages.values(), strict=True)]
        grid, drawn = draw_rows(plt, ax, lines, named_rows(self.rows))
        self.artists_ = dict(zip(self.stages, map(list, zip(*drawn, strict=True)), strict=True))
        put_titles(grid, list(self.stages))
        return grid

    def _plot_stages_down(self, plt: Any, ax: Any) -> Grid:
        """Draw stages below each other, and samples side by side."""
        lines = [list(sketches) for sketches in self.stages.values()]
        grid, drawn = draw_rows(plt, ax, lines, list(self.stages), flat=True)
        self.artists_ = dict(zip(self.stages, drawn, strict=True))
        put_titles(grid, named_rows(self.rows))
        return grid

    def _plot_below_each_other(self, plt: Any, ax: Any) -> Grid:
        """Draw the stages of each sample below each other, and then those of the next."""
        names = [f"{row}, {stage}" for row in named_rows(self.rows) for stage in self.stages]
        lines = [[one] for of_row in zip(*self.stages.values(), strict=True) for one in of_row]
        grid, drawn = draw_rows(plt, ax, lines, names, flat=True, title=0)
        artists = [one for line in drawn for one in line]
        n_stages = len(self.stages)
        self.artists_ = {stage: artists[place::n_stages] for place, stage in enumerate(self.stages)}
        return grid

    def _named_channels(self, n_channels: int) -> dict[int, str]:
        """Return what the channels that are drawn are called."""
        if self.channels is None:
            if n_channels > _MOST_CHANNELS:
                warn(
                    f"Of {n_channels} channels, the first {_MOST_CHANNELS} are drawn. Choose "
                    f"others with channels, such as channels=range({n_channels})."
                )
            chosen: Sequence[int] | Mapping[int, str] = range(min(_MOST_CHANNELS, n_channels))
        else:
            chosen = self.channels
        if not len(chosen) or not set(chosen) <= set(range(n_channels)):
            raise ValueError(
                f"channels={quoted(chosen)} must be some of 0 to {n_channels - 1}, the channels of "
                "X."
            )
        names = chosen if isinstance(chosen, Mapping) else {}
        return {int(one): str(names.get(one, f"channel {one}")) for one in chosen}

    def _plot_overlaid(self, plt: Any, ax: Any) -> Grid:
        """Draw the stages of series over each other, a row for each sample."""
        lines = {
            stage: [one for one in sketches if isinstance(one, Lines)]
            for stage, sketches in self.stages.items()
        }
        known = next(iter(lines.values()))
        channels = self._named_channels(len(known[0].values))
        n_channels = len(channels)
        width = _SERIES[0] * (2 if n_channels == 1 else 1)
        has_titles = n_channels > 1 or self.channels is not None
        grid = make_grid(
            plt,
            ax,
            widths=[width] * n_channels,
            heights=[_SERIES[1]] * len(known),
            left=0.75,
            above=0.62 if has_titles else 0.4,
            below=0.45,
            gap=0.45,
            gap_below=0.35,
        )
        self.artists_ = {stage: [] for stage in self.stages}
        # What is known, the answers, of which the first is marked, and the truth.
        others = [one for one in PALETTE if one != MARKED]
        colors = [MARKED, *(others[at % len(others)] for at in range(len(self.stages) - 3))]
        looks = [
            {"color": INK, "lw": 1.3, "zorder": 2},
            *({"color": color, "lw": 1.9, "zorder": 3} for color in colors),
            {"color": PALE, "lw": 1.3, "ls": (0, (3, 1.5)), "zorder": 1},
        ]
        for place, axes in enumerate(grid.axes):
            for (channel, name), one in zip(channels.items(), axes, strict=True):
                stages = {
                    stage: Lines(sketches[place].values[[channel]])
                    for stage, sketches in lines.items()
                }
                share_limits(list(stages.values()))
                whole = list(stages.values())[-1]
                # Sets up the axes; what it drew is drawn again in the look of its stage.
                for line in whole.draw(one):
                    line.remove()
                for look, (stage, sketch) in zip(looks, stages.items(), strict=True):
                    drawn = sketch.draw_lines(one, label=stage, **look)
                    self.artists_[stage] += drawn
                if has_titles and not place:
                    one.set_title(name, fontsize=10, color=INK)
            put_name(axes[0], named_rows(self.rows)[place])
        put_steps(grid)
        grid.axes[0, 0].legend(
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.18 if has_titles else 1.0),
            ncols=len(self.stages),
            frameon=False,
            fontsize=9,
            borderaxespad=0.1,
        )
        return grid


def _usual_rows(modality: Modality) -> int:
    return 6 if isinstance(modality, Images) else 3


def _check_channels(channels: object, overlaid: bool) -> None:
    if channels is not None and not overlaid:
        raise ValueError(f"channels={quoted(channels)} is for series with holes and forecasts.")
