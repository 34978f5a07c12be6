"""The figure of what methods give back: holes, colours, puzzles, next frames, forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skssl._quote import quoted
from skssl._sklearn_compat import num_samples
from skssl._types import RandomState, Samples
from skssl.base import SelfSupervisedTransformer
from skssl.inspection._arguments import check_method, check_rows
from skssl.inspection._axes import Grid, make_grid
from skssl.inspection._sketches import (
    Clip,
    Lines,
    Picture,
    Row,
    Sketch,
    Sketcher,
    length_of,
    share_limits,
    sketcher_of,
)
from skssl.inspection._style import INK, MARKED, PALE, pyplot
from skssl.modality import (
    Fillable,
    Filmed,
    Forecastable,
    Images,
    Imputable,
    Series,
    Video,
    check_capable,
    take,
)
from skssl.utils import all_estimators

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# What gives something back, in the order in which it is looked for.
_GIVES_BACK = ("inpaint", "colorize", "solve", "reconstruct", "forecast")
_HIDDEN, _FILLED, _TRUTH = "with holes", "filled in", "original"
_KNOWN, _FORECAST, _CAME = "known", "forecast", "what came"
# Share of the cells of a table that are hidden where none is missing.
_SHARE = 0.25
_LIGHTNESS = np.array([0.299, 0.587, 0.114])
_MOST_FRAMES, _MOST_CHANNELS = 10, 4
_SERIES = (3.6, 1.5)

Stages = dict[str, list[Sketch]]


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

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        Where they are drawn: of images, a row for each stage; of others, a row for each sample, or
        of clips, for each stage of a sample. Series with holes, or forecasts, have a column for
        each channel.
    bounding_ax_ : matplotlib Axes or None
        The axes that were divided, if such were passed.
    figure_ : matplotlib Figure
        The figure that this is part of.
    artists_ : dict of str to list of artists
        What shows each stage of each sample.

    See Also
    --------
    ReconstructionDisplay.from_estimator : Draws what a method gives back of your samples.

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
    ):
        self.stages = stages
        self.rows = rows
        self.overlaid = overlaid

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Samples,
        *,
        rows: Sequence[int] | None = None,
        mask: ArrayLike | None = None,
        horizon: int | None = None,
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
            ``MaskedAutoencoder`` and ``SimMIM`` then fill in holes.
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
            If `X`, `rows`, `mask` or `horizon` do not go with it.
        ImportError
            Without matplotlib.
        """
        pyplot(cls.__name__)
        # An imputer has a method inside.
        check_is_fitted(estimator)
        method = check_method(getattr(estimator, "method_", estimator), cls.__name__)
        what = _what_it_gives_back(method, horizon=horizon, mask=mask)
        usual = 6 if isinstance(method.modality_, Images) else 3
        places = check_rows(rows, X, usual=usual)
        chosen = take(X, places)
        sketcher = sketcher_of(method.modality_)
        # An error if they are something else than what was seen in fit.
        truth = sketcher.sketch(chosen)
        overlaid = False
        if what == "colorize":
            stages = _colors(method, chosen, sketcher, truth)
        elif what == "solve":
            stages = _puzzles(method, chosen, sketcher, truth)
        elif what == "forecast" and isinstance(method.modality_, Filmed):
            stages = _frames(method, chosen, sketcher, truth, horizon)
        elif what == "forecast":
            overlaid = True
            stages = _forecasts(method, chosen, horizon)
        else:
            overlaid = isinstance(method.modality_, Series)
            hidden = _cells(method, chosen, X, places, mask, check_random_state(random_state))
            stages = _holes(method, what, chosen, sketcher, truth, hidden)
        return cls(stages=stages, rows=places, overlaid=overlaid).plot(ax=ax)

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
        self.artists_: dict[str, list[Any]] = {name: [] for name in self.stages}
        first = next(iter(self.stages.values()))[0]
        if self.overlaid:
            grid = self._plot_overlaid(plt, ax)
        elif isinstance(first, Picture):
            grid = self._plot_grid(plt, ax, stages_down=True)
        elif isinstance(first, Clip):
            grid = self._plot_below_each_other(plt, ax)
        else:
            grid = self._plot_grid(plt, ax, stages_down=False)
        self.axes_, self.bounding_ax_, self.figure_ = grid.axes, grid.bounding, grid.figure
        return self

    def _titles(self) -> list[str]:
        return [f"row {row}" for row in np.asarray(self.rows)]

    def _plot_grid(self, plt: Any, ax: Any, *, stages_down: bool) -> Grid:
        """Draw stages below each other, and samples side by side, or the other way round."""
        lines = [list(sketches) for sketches in self.stages.values()]
        names, titles = list(self.stages), self._titles()
        if not stages_down:
            lines = [list(line) for line in zip(*lines, strict=True)]
            names, titles = titles, names
        sizes = np.array([[one.size() for one in line] for line in lines])
        words = 0.085 * max(map(len, names)) + 0.15 if stages_down else lines[0][0].margin()
        has_axis = lines[0][0].has_axis
        grid = make_grid(
            plt,
            ax,
            widths=sizes[..., 0].max(axis=0),
            heights=sizes[..., 1].max(axis=1),
            left=words,
            below=0.42 if has_axis else 0.12,
            gap_below=0.3 if has_axis else None,
        )
        for place, (line, axes) in enumerate(zip(lines, grid.axes, strict=True)):
            share_limits(line)
            for index, (one, of_one) in enumerate(zip(line, axes, strict=True)):
                stage = names[place] if stages_down else titles[index]
                self.artists_[stage].append(one.draw(of_one, labelled=not index))
            _name_at_left(axes[0], names[place], flat=stages_down)
        for title, top in zip(titles, grid.axes[0], strict=True):
            top.set_title(title, fontsize=10, color=INK)
        for bottom in grid.axes[-1] if has_axis else ():
            bottom.set_xlabel("step", fontsize=8, color=INK, labelpad=1)
        return grid

    def _plot_below_each_other(self, plt: Any, ax: Any) -> Grid:
        """Draw the stages of each sample below each other, and then those of the next."""
        ordered = [
            (title, stage, self.stages[stage][place])
            for place, title in enumerate(self._titles())
            for stage in self.stages
        ]
        sizes = np.array([one.size() for *_, one in ordered])
        grid = make_grid(
            plt,
            ax,
            widths=[float(sizes[:, 0].max())],
            heights=sizes[:, 1].tolist(),
            left=0.085 * max(len(f"{title}, {stage}") for title, stage, _ in ordered) + 0.15,
            above=0.12,
        )
        for (title, stage, one), of_one in zip(ordered, grid.axes[:, 0], strict=True):
            self.artists_[stage].append(one.draw(of_one))
            _name_at_left(of_one, f"{title}, {stage}", flat=True)
        return grid

    def _plot_overlaid(self, plt: Any, ax: Any) -> Grid:
        """Draw the stages of series over each other, a row for each sample."""
        lines = {
            stage: [one for one in sketches if isinstance(one, Lines)]
            for stage, sketches in self.stages.items()
        }
        known = next(iter(lines.values()))
        n_channels = min(_MOST_CHANNELS, len(known[0].values))
        width = _SERIES[0] * (2 if n_channels == 1 else 1)
        grid = make_grid(
            plt,
            ax,
            widths=[width] * n_channels,
            heights=[_SERIES[1]] * len(known),
            left=0.75,
            above=0.62 if n_channels > 1 else 0.4,
            below=0.45,
            gap=0.45,
            gap_below=0.35,
        )
        looks = {
            0: {"color": INK, "lw": 1.3, "zorder": 2},
            1: {"color": MARKED, "lw": 1.9, "zorder": 3},
            2: {"color": PALE, "lw": 1.3, "ls": (0, (3, 1.5)), "zorder": 1},
        }
        for place, axes in enumerate(grid.axes):
            for channel, one in enumerate(axes):
                stages = {
                    stage: Lines(sketches[place].values[[channel]])
                    for stage, sketches in lines.items()
                }
                share_limits(list(stages.values()))
                whole = list(stages.values())[-1]
                # Sets up the axes; what it drew is drawn again in the look of its stage.
                for line in whole.draw(one):
                    line.remove()
                for look, (stage, sketch) in enumerate(stages.items()):
                    drawn = sketch.draw_lines(one, label=stage, **looks[look])
                    self.artists_[stage] += drawn
                if n_channels > 1 and not place:
                    one.set_title(f"channel {channel}", fontsize=10, color=INK)
            _name_at_left(axes[0], self._titles()[place], flat=False)
        for bottom in grid.axes[-1]:
            bottom.set_xlabel("step", fontsize=9, color=INK, labelpad=1)
        grid.axes[0, 0].legend(
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.18 if n_channels > 1 else 1.0),
            ncols=3,
            frameon=False,
            fontsize=9,
            borderaxespad=0.1,
        )
        return grid


def _name_at_left(ax: Axes, name: str, *, flat: bool) -> None:
    if flat:
        ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9.5, color=INK)
    else:
        ax.set_ylabel(name, fontsize=9, color=INK)


def _what_it_gives_back(
    method: SelfSupervisedTransformer, *, horizon: int | None, mask: ArrayLike | None
) -> str:
    """Return the name of what gives something back, after a check that it can do what is asked."""
    has = [name for name in _GIVES_BACK if hasattr(method, name)]
    name = type(method).__name__
    if not has:
        able = [
            other
            for other, of_name in all_estimators()
            if any(hasattr(of_name, one) for one in _GIVES_BACK)
        ]
        raise TypeError(
            f"{name} gives nothing back that could be drawn. These do: {', '.join(able)}."
        )
    if horizon is not None and "forecast" not in has:
        raise ValueError(f"horizon={horizon!r} has no meaning for {name}, which has no forecast.")
    what = "forecast" if horizon is not None else has[0]
    if mask is not None and what not in ("inpaint", "reconstruct"):
        raise ValueError(f"mask has no meaning for {name}.{what}, which hides nothing.")
    if what == "reconstruct":
        check_capable(method.modality_, (Fillable,), who=what)
    if what == "forecast" and not isinstance(method.modality_, Filmed):
        check_capable(method.modality_, (Forecastable,), who=what)
    return what


def _cells(
    method: Any,
    chosen: Samples,
    X: Samples,
    rows: np.ndarray,
    mask: ArrayLike | None,
    rng: np.random.RandomState,
) -> np.ndarray | None:
    """Return what to hide of the chosen samples; None are the missing cells of a table."""
    modality = method.modality_
    samples, _ = method.prepare_samples(chosen)
    n = len(samples)
    sizes = tuple(samples.shape[1 if isinstance(modality, Imputable) else 2 :])
    if mask is None:
        if isinstance(modality, Imputable):
            if bool(modality.missing(samples).any()):
                return None
            draws = rng.random_sample((n, *sizes))
            return (draws < _SHARE) | (draws == draws.min(axis=1, keepdims=True))
        if isinstance(modality, Series):
            # Shorter ones end in NaN, and each has a middle of its own.
            lengths = np.array([length_of(one) for one in samples.numpy()])
            width = np.maximum(1, (0.25 * lengths).round())
            first, steps = (lengths - width) // 2, np.arange(*sizes)
            return (steps >= first[:, None]) & (steps < (first + width)[:, None])
        hidden = np.ones((n, *sizes), dtype=bool)
        # Of the sides of frames and images, a half: a quarter of the area.
        for axis, size in enumerate(sizes[-2:], start=hidden.ndim - 2):
            side = max(1, round(0.5 * size))
            start = (size - side) // 2
            places = (np.arange(size) >= start) & (np.arange(size) < start + side)
            hidden &= places.reshape([-1 if at == axis else 1 for at in range(hidden.ndim)])
        return hidden
    given = np.asarray(mask)
    allowed = [sizes]
    if isinstance(modality, Series):
        allowed.append(tuple(samples.shape[1:]))
    if given.dtype == bool and given.shape in allowed:
        return np.broadcast_to(given, (n, *given.shape)).copy()
    if given.dtype == bool and given.shape[1:] in allowed and len(given) == num_samples(X):
        return given[rows]
    every = " or ".join(f"{one} or {(num_samples(X), *one)}" for one in allowed)
    raise ValueError(
        f"mask must be an array of bools of shape {every}, got shape {given.shape} and dtype "
        f"{given.dtype}."
    )


def _holes(
    method: Any,
    what: str,
    chosen: Samples,
    sketcher: Sketcher,
    truth: list[Sketch],
    hidden: np.ndarray | None,
) -> Stages:
    filled = getattr(method, what)(chosen, hidden)
    modality = method.modality_
    if isinstance(modality, Imputable):
        is_known = hidden is not None
        if hidden is None:
            samples, _ = method.prepare_samples(chosen)
            order = modality.categorical_.argsort(kind="stable")
            hidden = np.empty(samples.shape, dtype=bool)
            hidden[:, order] = modality.missing(samples).numpy()
        before = sketcher.sketch(chosen)
        for row, gaps in zip(before, hidden, strict=True):
            if isinstance(row, Row):
                row.leave_out(gaps)
        stages = {"with gaps": before, _FILLED: sketcher.sketch(filled, hidden)}
        return {**stages, _TRUTH: truth} if is_known else stages
    if isinstance(modality, Series):
        assert hidden is not None
        return _parts_of_series(truth, sketcher.sketch(filled), hidden)
    stages = {
        _HIDDEN: sketcher.sketch(chosen, hidden),
        _FILLED: sketcher.sketch(filled),
        _TRUTH: truth,
    }
    return _with_many_frames(stages)


def _parts_of_series(truth: list[Sketch], filled: list[Sketch], hidden: np.ndarray) -> Stages:
    """Return what is known of series, what was filled in, and the whole."""
    stages: Stages = {_HIDDEN: [], _FILLED: [], _TRUTH: []}
    for whole, answer, gaps in zip(truth, filled, hidden, strict=True):
        assert isinstance(whole, Lines) and isinstance(answer, Lines)
        here = np.broadcast_to(gaps, (len(whole.values), gaps.shape[-1]))
        n_steps = whole.values.shape[1]
        # What was filled in behind the end of a series is none of it.
        here, given = here[:, :n_steps], answer.values[:, :n_steps]
        given = np.pad(given, ((0, 0), (0, n_steps - given.shape[1])), constant_values=np.nan)
        stages[_HIDDEN].append(Lines(np.where(here, np.nan, whole.values)))
        # With the values beside a gap, so that lines meet.
        beside = here.copy()
        beside[:, 1:] |= here[:, :-1]
        beside[:, :-1] |= here[:, 1:]
        stages[_FILLED].append(Lines(np.where(beside, given, np.nan)))
        stages[_TRUTH].append(whole)
    return stages


def _colors(method: Any, chosen: Samples, sketcher: Sketcher, truth: list[Sketch]) -> Stages:
    pictures = [one for one in truth if isinstance(one, Picture)]
    grey: list[Sketch] = [
        Picture(np.repeat((one.pixels @ _LIGHTNESS)[..., None], 3, axis=2)) for one in pictures
    ]
    colored = sketcher.sketch(method.colorize(chosen))
    return {"grey": grey, "coloured": colored, _TRUTH: truth}


def _puzzles(method: Any, chosen: Samples, sketcher: Sketcher, truth: list[Sketch]) -> Stages:
    shuffled, _ = method.shuffle(chosen)
    solved = method.solve(shuffled)
    stages = {
        "shuffled": sketcher.sketch(shuffled),
        "solved": sketcher.sketch(solved),
        _TRUTH: truth,
    }
    return _with_many_frames(stages)


def _frames(
    method: Any, chosen: Samples, sketcher: Sketcher, truth: list[Sketch], horizon: int | None
) -> Stages:
    modality = Video.of(method.modality_)
    samples, _ = method.prepare_samples(chosen)
    n_frames = samples.shape[2]
    n_future = _check_horizon(
        method.n_frames_ if horizon is None else horizon, n_frames - method.n_past_, "frames"
    )
    past = samples[:, :, :-n_future]
    future = method.forecast(modality.restore(past), n_future)
    checked = modality.check(future, estimator=type(method).__name__)
    whole = torch.cat([past, modality.prepare_frames(checked).to(past)], dim=2)
    shown = modality.input_layer()(whole)
    answers = sketcher.sketch_views(chosen, samples, shown)
    is_made_up = np.arange(n_frames) >= n_frames - n_future
    for answer in answers:
        assert isinstance(answer, Clip)
        answer.marked = is_made_up
    return _with_many_frames({_FORECAST: answers, _CAME: truth})


def _forecasts(method: Any, chosen: Samples, horizon: int | None) -> Stages:
    modality = Series.of(method.modality_)
    series = modality.check(chosen, estimator=type(method).__name__)
    # Shorter ones end in NaN: the last steps of each are foreseen.
    lengths = np.array([length_of(one) for one in series])
    n_future = _check_horizon(horizon, int(lengths.min()) - 2, "steps")
    is_last = modality.layout == "channels_last"
    futures: dict[int, np.ndarray] = {}
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        known = series[rows, :, : length - n_future]
        future = method.forecast(known.transpose(0, 2, 1) if is_last else known, n_future)
        future = future.transpose(0, 2, 1) if is_last else future
        futures |= dict(zip(rows.tolist(), future, strict=True))
    stages: Stages = {_KNOWN: [], _FORECAST: [], _CAME: []}
    for row, length in enumerate(lengths):
        whole = series[row][:, :length]
        known, foreseen = whole.astype(float), whole.astype(float)
        known[:, -n_future:] = np.nan
        # With the last known value, so that lines meet.
        foreseen[:, : -n_future - 1] = np.nan
        foreseen[:, -n_future:] = futures[row]
        stages[_KNOWN].append(Lines(known))
        stages[_FORECAST].append(Lines(foreseen))
        stages[_CAME].append(Lines(whole))
    return stages


def _check_horizon(horizon: object, most: int, unit: str) -> int:
    is_int = isinstance(horizon, (int, np.integer)) and not isinstance(horizon, bool)
    if not is_int or not 1 <= horizon <= most:  # type: ignore[operator]
        raise ValueError(
            f"horizon must be an int from 1 to {most}, so that enough {unit} of X are left to "
            f"predict from, got {quoted(horizon)}."
        )
    return int(horizon)  # type: ignore[call-overload]


def _with_many_frames(stages: Stages) -> Stages:
    """Let clips show more frames than where they stand side by side."""
    for sketches in stages.values():
        for one in sketches:
            if isinstance(one, Clip):
                one.most = _MOST_FRAMES
    return stages
