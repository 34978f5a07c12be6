"""What pretext tasks and masked methods give back: colours, holes, frames, cells, forecasts.

    python benchmarks/giving_back.py --json giving_back.json
    python benchmarks/giving_back.py --parts imputation

Each is trained on training rows, with its defaults but for the length of the training, so that it
takes less than five minutes of two cores, and compared on test rows with what one would do first.
Reads the data from the folder that the environment variable SKSSL_DATA names.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from data import data_folder
from keeping import Kept
from pretext import TASKS
from protocol import Task
from scipy.ndimage import distance_transform_edt
from sklearn.base import BaseEstimator
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from tasks_images import BENCHMARK as IMAGES
from tasks_tabular import BENCHMARK as TABLES
from torch import nn

import skssl
from skssl import (
    Colorization,
    ContextEncoder,
    MaskedAutoencoder,
    MotionPrediction,
    SelfSupervisedImputer,
)
from skssl.modality import Series, Tabular, Video
from skssl.nn import SmallConvNet

_HOLE = 0.25
_MISSING = 0.2
_DAY = 24
_SEEN, _AHEAD, _HORIZONS = 14 * _DAY, 4 * _DAY, (6, 24, 96)
_PENALTIES = np.logspace(0, 5, 11)
Line = tuple[str, str, float]


def _task(name: str) -> Task:
    load, _ = TASKS[name]
    return load()


def _fitted(estimator: BaseEstimator, X: object) -> BaseEstimator:
    start = time.perf_counter()
    estimator.fit(X)
    print(f"\n{type(estimator).__name__}: {time.perf_counter() - start:.0f} s", flush=True)
    return estimator


def _narrow(shape: tuple[int, ...]) -> nn.Module:
    channels, *size = shape
    return SmallConvNet(channels, tuple(size), widths=(16, 32, 64, 128))


def colorization() -> Iterator[Line]:
    """Compare colours of CIFAR-10 by the mean absolute error of the two colour axes of Lab."""
    from skimage.color import rgb2lab

    # Five minutes on two cores, which narrow networks and many epochs make the most of.
    ssl = Colorization(
        encoder=_narrow, batch_size=256, learning_rate=0.016, max_epochs=9, random_state=0
    )
    task = IMAGES.tasks["CIFAR-10"]()
    _fitted(ssl, task.X)
    colors = rgb2lab(task.X_test)[..., 1:]
    returned = rgb2lab(ssl.colorize(task.X_test))[..., 1:]
    yield "CIFAR-10", "grey", float(np.abs(colors).mean())
    yield "CIFAR-10", "Colorization", float(np.abs(returned - colors).mean())


def _squares(images: np.ndarray) -> np.ndarray:
    """Return masks of a random square of a quarter of every image."""
    rng = np.random.default_rng(0)
    n, height, width = images.shape[:3]
    side = round(min(height, width) * _HOLE**0.5)
    masks = np.zeros((n, height, width), dtype=bool)
    for mask in masks:
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        mask[top : top + side, left : left + side] = True
    return masks


def inpainting() -> Iterator[Line]:
    """Compare filled squares, a quarter of an image, by the squared error over the variance."""
    task = _task("Fashion-MNIST")
    ssl = _fitted(ContextEncoder(max_epochs=14, random_state=0), task.X)
    masks, truth = _squares(task.X_test), task.X_test.astype(float)
    by_mean, by_nearest = truth.copy(), truth.copy()
    for image, mean, nearest, mask in zip(truth, by_mean, by_nearest, masks, strict=True):
        mean[mask] = image[~mask].mean()
        places = distance_transform_edt(mask, return_distances=False, return_indices=True)
        nearest[:] = image[tuple(places)]
    answers = {
        "mean of what is visible": by_mean,
        "nearest visible pixel": by_nearest,
        "ContextEncoder": ssl.inpaint(task.X_test, masks),
    }
    for name, filled in answers.items():
        error = (filled.astype(float) - truth)[masks] ** 2
        yield "Fashion-MNIST", name, float(error.mean() / truth.var())


def next_frames() -> Iterator[Line]:
    """Compare predicted frames of moving digits by their squared error, over the variance."""
    task = _task("moving digits")
    ssl = _fitted(MotionPrediction(modality=Video(), max_epochs=20, random_state=0), task.X)
    past, future = np.split(task.X_test.astype(float), [ssl.n_past_], axis=1)
    predicted = ssl.forecast(task.X_test[:, : ssl.n_past_]).astype(float)
    for step in range(future.shape[1]):
        answers = {"last frame": past[:, -1], "MotionPrediction": predicted[:, step]}
        for name, frame in answers.items():
            error = (frame - future[:, step]) ** 2
            yield f"frame {step + 1}", name, float(error.mean() / task.X_test.var())


def _columns(X: pd.DataFrame) -> np.ndarray:
    """Return which columns are categorical: those of no numbers, and those of only 0 and 1."""
    return np.array(
        [X[column].dtype.kind not in "iuf" or set(X[column].unique()) <= {0, 1} for column in X]
    )


def _with_neighbors(X: pd.DataFrame, categorical: np.ndarray) -> pd.DataFrame:
    """Impute by 5 neighbours, among standardised numbers and one column for each category."""
    numbers = X.columns[~categorical]
    scaler = StandardScaler().fit(X[numbers])
    parts, kinds = [scaler.transform(X[numbers])], {}
    for column in X.columns[categorical]:
        kinds[column] = X[column].dropna().unique()
        hot = (X[column].to_numpy()[:, None] == kinds[column]).astype(float)
        hot[X[column].isna()] = np.nan
        parts.append(hot)
    filled = KNNImputer().fit_transform(np.hstack(parts))
    imputed = X.copy()
    imputed[numbers] = scaler.inverse_transform(filled[:, : len(numbers)])
    start = len(numbers)
    for column, values in kinds.items():
        imputed[column] = values[filled[:, start : start + len(values)].argmax(axis=1)]
        start += len(values)
    return imputed


def _with_mean(X: pd.DataFrame, categorical: np.ndarray) -> pd.DataFrame:
    """Impute means and the most frequent categories."""
    imputed = X.copy()
    for strategy, columns in (("mean", ~categorical), ("most_frequent", categorical)):
        names = X.columns[columns]
        imputed[names] = SimpleImputer(strategy=strategy).fit_transform(X[names])
    return imputed


def _with_skssl(X: pd.DataFrame, categorical: np.ndarray) -> pd.DataFrame:
    method = MaskedAutoencoder(modality=Tabular(categorical=categorical), random_state=0)
    return _fitted(SelfSupervisedImputer(method=method), X).transform(X)


_IMPUTERS: dict[str, Callable[[pd.DataFrame, np.ndarray], pd.DataFrame]] = {
    "mean, most frequent": _with_mean,
    "KNNImputer": _with_neighbors,
    "SelfSupervisedImputer": _with_skssl,
}


def imputation() -> Iterator[Line]:
    """Compare imputed cells, 20 % of a table, by errors of numbers (over their spread), categories.

    Means over the columns: the root of the mean squared error divided by the standard deviation,
    and the share of wrong categories.
    """
    for name in ("adult", "covertype_6k"):
        X = TABLES.tasks[name]().X.reset_index(drop=True)
        categorical = _columns(X)
        X = X.astype({c: float if X[c].dtype.kind in "iuf" else object for c in X})
        rng = np.random.default_rng(0)
        missing = (rng.random(X.shape) < _MISSING) & X.notna().to_numpy()
        gaps = X.mask(missing)
        for imputer, impute in _IMPUTERS.items():
            imputed = impute(gaps, categorical)
            errors: dict[bool, list[float]] = {False: [], True: []}
            for column, is_category, cells in zip(X, categorical, missing.T, strict=True):
                truth, answer = X[column][cells], imputed[column][cells]
                if is_category:
                    errors[True].append(float((answer != truth).mean()))
                elif X[column].std() > 0:
                    squared = float(((answer - truth) ** 2).mean())
                    errors[False].append(squared**0.5 / float(X[column].std()))
            yield f"{name}, numbers", imputer, float(np.mean(errors[False]))
            yield f"{name}, categories", imputer, float(np.mean(errors[True]))


def _windows(hours: np.ndarray, *, every: int) -> np.ndarray:
    """Return windows (n, channels, length) of hours (length, channels)."""
    starts = range(0, len(hours) - _SEEN - _AHEAD + 1, every)
    return np.stack([hours[start : start + _SEEN + _AHEAD].T for start in starts])


def _by_ridge(
    train: np.ndarray, validation: np.ndarray, past: np.ndarray, horizon: int
) -> np.ndarray:
    """Forecast each channel by ridge on windows less their last value.

    Each channel has the penalty that is best for this horizon in validation.
    """
    end = _SEEN + horizon
    answers = []
    for channel in range(past.shape[1]):
        (X, Y), (X_val, Y_val), (X_test, _) = (
            np.split(part[:, channel, :end] - part[:, channel, [_SEEN - 1]], [_SEEN], axis=1)
            for part in (train, validation, past)
        )
        models = [Ridge(alpha).fit(X, Y) for alpha in _PENALTIES]
        best = min(models, key=lambda model: ((model.predict(X_val) - Y_val) ** 2).mean())
        answers.append(best.predict(X_test) + past[:, channel, [-1]])
    return np.stack(answers, axis=1)


def _say_who_is_ahead(what: str, errors: dict[str, np.ndarray], weeks: np.ndarray) -> None:
    """Compare the last answer with the others by errors of windows, in means over weeks."""
    *others, ours = errors
    for other in others:
        lead = pd.Series(errors[other] - errors[ours]).groupby(weeks).mean()
        mean, error = lead.mean(), lead.sem()
        verdict = "level with" if abs(mean) <= 2 * error else "ahead of" if mean > 0 else "behind"
        print(f"{what}: {ours} is {verdict} {other}, by {mean:.3f} ± {error:.3f}.")


def forecasts() -> Iterator[Line]:
    """Compare forecasts of hourly loads from two weeks, by the squared error over the variance.

    The seven series of ETTh1 in their customary split: a year to learn from, four months to choose
    the penalties of `Ridge`, and four for the test. Nothing of ours is chosen here, or trained.
    """
    with np.load(data_folder() / "series" / "ETTh1.npz") as stored:
        hours = stored["X"]
    month = 30 * _DAY
    train = hours[: 12 * month]
    hours = (hours - train.mean(axis=0)) / train.std(axis=0)
    # So that windows begin at any hour of the day.
    X = _windows(hours[: 12 * month], every=5)
    validation, test = (
        _windows(hours[start * month - _SEEN : (start + 4) * month], every=11) for start in (12, 16)
    )
    past, future = np.split(test, [_SEEN], axis=2)
    ours = MaskedAutoencoder(modality=Series(), max_epochs=0, random_state=0)
    forecast = _fitted(ours, X).forecast(past, _AHEAD)
    weeks = np.arange(len(test)) * 11 // (7 * _DAY)
    for horizon in _HORIZONS:
        answers = {
            "last hour": past[..., -1:],
            "the day before": np.tile(past[..., -_DAY:], _AHEAD // _DAY)[..., :horizon],
            "Ridge": _by_ridge(X, validation, past, horizon),
            "MaskedAutoencoder.forecast": forecast[..., :horizon],
        }
        errors = {
            name: ((answer - future[..., :horizon]) ** 2).mean(axis=(1, 2)) / future.var()
            for name, answer in answers.items()
        }
        for name, error in errors.items():
            yield f"{horizon} hours", name, float(error.mean())
        _say_who_is_ahead(f"{horizon} hours", errors, weeks)


PARTS = {
    part.__name__: part for part in (colorization, inpainting, next_frames, imputation, forecasts)
}


def _errors(name: str, kept: Kept) -> dict[str, dict[str, float]]:
    """Return the errors of a part by answer and by what was asked, measured if they are not kept.

    A part is kept when it is through: its answers come in any order.
    """
    if not kept.table(name):
        errors: dict[str, dict[str, float]] = {}
        for what, answer, error in PARTS[name]():
            errors.setdefault(answer, {})[what] = error
        for answer, row in errors.items():
            kept.put(name, answer, {"errors": row})
    return {answer: row["errors"] for answer, row in kept.table(name).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="names, by comma")
    parser.add_argument("--json", type=Path, help="file to keep the results in")
    arguments = parser.parse_args()
    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    kept = Kept(arguments.json)
    for name in arguments.parts.split(","):
        part = PARTS[name]
        errors = _errors(name, kept)
        columns = list(next(iter(errors.values())))
        print(f"\n{part.__doc__.splitlines()[0]}\n")
        print("| | " + " | ".join(columns) + " |")
        print("|---|" + "---|" * len(columns))
        for answer, row in errors.items():
            print(
                f"| {answer} | " + " | ".join(f"{row[c]:.3f}" for c in columns) + " |", flush=True
            )


if __name__ == "__main__":
    main()
