"""What methods give back, in stages: what they were shown, their answers, and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from skssl._quote import quoted
from skssl._sklearn_compat import check_lengths, num_samples
from skssl._types import Samples
from skssl.base import SelfSupervisedTransformer
from skssl.inspection._sketchers import Sketcher, length_of, sketcher_of
from skssl.inspection._sketches import Clip, Lines, Picture, Row, Sketch
from skssl.modality import (
    Fillable,
    Filmed,
    Forecastable,
    Imputable,
    Modality,
    Series,
    Video,
    check_capable,
    take,
)
from skssl.utils import all_estimators

# What gives something back, in the order in which it is looked for.
_GIVES_BACK = ("inpaint", "colorize", "solve", "reconstruct", "forecast")
_HIDDEN, _FILLED, _TRUTH = "with holes", "filled in", "original"
_KNOWN, _FORECAST, _CAME = "known", "forecast", "what came"
_PREDICTED = "predicted"
_ANSWERS = (_FILLED, _FORECAST, _PREDICTED)
# Share of the cells of a table that are hidden where none is missing.
_SHARE = 0.25
_LIGHTNESS = np.array([0.299, 0.587, 0.114])
_MOST_FRAMES = 10

Stages = dict[str, list[Sketch]]


def what_it_gives_back(
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
            f"{name} gives nothing back that could be drawn. These do: {', '.join(able)}, and "
            "SelfSupervisedImputer."
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


def stages_of(
    method: Any,
    what: str,
    X: Samples,
    rows: np.ndarray,
    *,
    mask: ArrayLike | None,
    horizon: int | None,
    rng: np.random.RandomState,
) -> tuple[Stages, bool]:
    """Return the stages of some samples, and whether these are parts of the same series.

    Parameters
    ----------
    method : estimator
        A fitted method.
    what : str
        What it gives back, the name of one of its methods.
    X : array-like
        Whole samples.
    rows : ndarray of int
        Those that are shown.
    mask, horizon
        What is hidden, and what is to be foreseen; None is what is usual.
    rng : RandomState
        What draws the cells of a table that are hidden.
    """
    modality = method.modality_
    chosen = take(X, rows)
    sketcher = sketcher_of(modality)
    # An error if they are something else than what was seen in fit.
    truth = sketcher.sketch(chosen)
    if what == "colorize":
        return _colors(method, chosen, sketcher, truth), False
    if what == "solve":
        return _puzzles(method, chosen, sketcher, truth), False
    if what == "forecast" and isinstance(modality, Filmed):
        return _frames(method, chosen, sketcher, truth, horizon), False
    if what == "forecast":
        return _forecasts(method, chosen, horizon), True
    hidden = _cells(method, chosen, X, rows, mask, rng)
    filled = getattr(method, what)(chosen, hidden)
    samples, _ = method.prepare_samples(chosen)
    stages = _holes(modality, samples, chosen, filled, sketcher, truth, hidden)
    return stages, isinstance(modality, Series)


def stages_of_predictions(
    modality: Modality,
    X: Samples,
    X_pred: Samples | Mapping[str, Samples],
    rows: np.ndarray,
    *,
    mask: ArrayLike | None,
    horizon: int | None,
) -> tuple[Stages, bool]:
    """Return the stages of what anything predicted, and whether these are parts of series.

    Parameters
    ----------
    modality : Modality
        Fitted to `X`.
    X : array-like
        Whole samples.
    X_pred : array-like or dict of str to array-like
        What was predicted of each: the whole sample, or what came last in it, if there is a
        `horizon`. Those of a dict are stages of their own.
    rows : ndarray of int
        Those that are shown.
    mask, horizon
        What had been hidden, and how much was foreseen.
    """
    if not isinstance(X_pred, Mapping):
        return _stages_of_one(modality, X, X_pred, rows, mask=mask, horizon=horizon)
    if not X_pred:
        raise ValueError("X_pred is a dict without predictions: pass at least one.")
    together: Stages = {}
    truth: Stages = {}
    for name, one in X_pred.items():
        stages, overlaid = _stages_of_one(modality, X, one, rows, mask=mask, horizon=horizon)
        answer = next(stage for stage in stages if stage in _ANSWERS)
        if name in stages and name != answer:
            raise ValueError(f"X_pred has {quoted(name)}, as what else is drawn is called.")
        before = list(stages)[: list(stages).index(answer)]
        together |= {stage: stages[stage] for stage in before}
        together[str(name)] = stages[answer]
        truth = {stage: stages[stage] for stage in stages if stage not in (*before, answer)}
    return together | truth, overlaid


def _stages_of_one(
    modality: Modality,
    X: Samples,
    X_pred: Samples,
    rows: np.ndarray,
    *,
    mask: ArrayLike | None,
    horizon: int | None,
) -> tuple[Stages, bool]:
    check_lengths(X=X, X_pred=X_pred)
    chosen, predicted = take(X, rows), take(X_pred, rows)
    sketcher = sketcher_of(modality)
    truth = sketcher.sketch(chosen)
    checked: Any = modality.check(modality.load_all(chosen), estimator="ReconstructionDisplay")
    samples = modality.prepare(checked)
    if horizon is not None:
        if isinstance(modality, Series):
            return _forecasts_of(modality, checked, horizon, predicted), True
        if isinstance(modality, Filmed):
            return _clips_of(chosen, sketcher, truth, horizon, predicted), False
        raise ValueError(
            f"horizon={horizon!r} is for series and clips, and X are {type(modality).__name__}."
        )
    if mask is None and not isinstance(modality, Imputable):
        if isinstance(modality, Series):
            raise ValueError("Of series, pass mask or horizon: what had been hidden or foreseen.")
        return _with_many_frames({_PREDICTED: sketcher.sketch(predicted), _TRUTH: truth}), False
    hidden = None
    if mask is not None:
        hidden = _given_cells(mask, modality, samples, n_rows=num_samples(X), rows=rows)
    stages = _holes(modality, samples, chosen, predicted, sketcher, truth, hidden)
    return stages, isinstance(modality, Series)


def _clips_of(
    chosen: Samples, sketcher: Sketcher, truth: list[Sketch], horizon: int, predicted: Samples
) -> Stages:
    clips, future = np.asarray(chosen), np.asarray(predicted)
    n_future = _check_horizon(horizon, clips.shape[1] - 1, "frames")
    _check_future(future, (len(clips), n_future, *clips.shape[2:]))
    answers = sketcher.sketch(np.concatenate([clips[:, :-n_future], future], axis=1))
    is_made_up = np.arange(clips.shape[1]) >= clips.shape[1] - n_future
    for answer in answers:
        assert isinstance(answer, Clip)
        answer.marked = is_made_up
    return _with_many_frames({_FORECAST: answers, _CAME: truth})


def _forecasts_of(modality: Series, series: np.ndarray, horizon: int, predicted: Samples) -> Stages:
    lengths = np.array([length_of(one) for one in series])
    n_future = _check_horizon(horizon, int(lengths.min()) - 1, "steps")
    n, n_channels = series.shape[:2]
    future = np.asarray(predicted, dtype=float)
    if future.ndim == 2 and n_channels == 1:
        future = future[:, None]
    elif future.ndim == 3 and modality.layout == "channels_last":
        future = future.transpose(0, 2, 1)
    _check_future(future, (n, n_channels, n_future))
    return _parts_of_forecasts(series, lengths, n_future, dict(enumerate(future)))


def _check_future(future: np.ndarray, shape: tuple[int, ...]) -> None:
    if future.shape != shape:
        raise ValueError(
            f"X_pred must have what came last in X, for these rows an array of shape {shape}, got "
            f"{future.shape}."
        )


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
    return _given_cells(mask, modality, samples, n_rows=num_samples(X), rows=rows)


def _given_cells(
    mask: ArrayLike, modality: Modality, samples: Tensor, *, n_rows: int, rows: np.ndarray
) -> np.ndarray:
    """Return a mask for each of the samples, which are some `rows` of `n_rows`."""
    sizes = tuple(samples.shape[1 if isinstance(modality, Imputable) else 2 :])
    given = np.asarray(mask)
    allowed = [sizes]
    if isinstance(modality, Series):
        allowed.append(tuple(samples.shape[1:]))
    if given.dtype == bool and given.shape in allowed:
        return np.broadcast_to(given, (len(samples), *given.shape)).copy()
    if given.dtype == bool and given.shape[1:] in allowed and len(given) == n_rows:
        return given[rows]
    every = " or ".join(f"{one} or {(n_rows, *one)}" for one in allowed)
    raise ValueError(
        f"mask must be an array of bools of shape {every}, got shape {given.shape} and dtype "
        f"{given.dtype}."
    )


def _holes(
    modality: Modality,
    samples: Tensor,
    chosen: Samples,
    filled: Samples,
    sketcher: Sketcher,
    truth: list[Sketch],
    hidden: np.ndarray | None,
) -> Stages:
    if isinstance(modality, Imputable):
        is_known = hidden is not None
        if hidden is None:
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
    return _parts_of_forecasts(series, lengths, n_future, futures)


def _parts_of_forecasts(
    series: np.ndarray, lengths: np.ndarray, n_future: int, futures: dict[int, np.ndarray]
) -> Stages:
    """Return what is known of series, what was foreseen, and the whole."""
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
    if isinstance(horizon, (int, np.integer)) and not isinstance(horizon, bool):
        steps = int(horizon)
        if 1 <= steps <= most:
            return steps
    raise ValueError(
        f"horizon must be an int from 1 to {most}, so that enough {unit} of X are left to predict "
        f"from, got {quoted(horizon)}."
    )


def _with_many_frames(stages: Stages) -> Stages:
    """Let clips show more frames than where they stand side by side."""
    for sketches in stages.values():
        for one in sketches:
            if isinstance(one, Clip):
                one.most = _MOST_FRAMES
    return stages
