"""What pretext tasks and masked methods give back: colours, holes, frames, cells, forecasts.

    python benchmarks/giving_back.py --json giving_back.json
    python benchmarks/giving_back.py --parts imputation

Each is trained on training rows, with its defaults but for the length of the training, so that it
takes less than five minutes of two cores, and compared on test rows with what one would do first.
The sentences below a table are about paired differences over images, clips, columns or weeks. Reads
the data from the folder that the environment variable SKSSL_DATA names.
"""

import argparse
import inspect
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from command import add_kept
from data import cifar10, data_folder
from keeping import Kept
from numpy.typing import ArrayLike
from scipy.ndimage import distance_transform_edt
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tasks_images import BENCHMARK as IMAGES
from tasks_tabular import BENCHMARK as TABLES
from tasks_video import BENCHMARK as VIDEO
from torch import nn

import skssl
from skssl import (
    Colorization,
    ContextEncoder,
    MaskedAutoencoder,
    MotionPrediction,
    SelfSupervisedImputer,
)
from skssl.inspection import PairedDifference, paired_difference
from skssl.modality import Series, Tabular, Video
from skssl.nn import SmallConvNet

_HOLE = 0.25
_FILLED = 2000  # test images; the biharmonic equation takes its time
_MISSING = 0.2
_ROUNDS, _TREES = 3, 50
_DAY, _WEEK = 24, 7 * 24
_SEEN, _AHEAD, _HORIZONS = 2 * _WEEK, 4 * _DAY, (6, 24, 96)
_PENALTIES = np.logspace(0, 5, 11)
# What was asked, who answers, and the errors by image, clip, column or week, of which the mean is
# shown.
Line = tuple[str, str, ArrayLike]


def _fitted(estimator: BaseEstimator, X: object) -> BaseEstimator:
    start = time.perf_counter()
    estimator.fit(X)
    print(f"\n{type(estimator).__name__}: {time.perf_counter() - start:.0f} s", flush=True)
    return estimator


def _narrow(shape: tuple[int, ...]) -> nn.Module:
    channels, *size = shape
    return SmallConvNet(channels, tuple(size), widths=(16, 32, 64, 128))


def colorization() -> Iterator[Line]:
    """Compare colours of CIFAR-10 by the mean absolute error of the two colour axes of Lab.

    Width, rate and batches fit the time that it may take; on which images they were chosen is not
    on record.
    """
    from skimage.color import rgb2lab

    # Five minutes on two cores, which narrow networks and many epochs make the most of.
    ssl = Colorization(
        encoder=_narrow, batch_size=256, learning_rate=0.016, max_epochs=9, random_state=0
    )
    task = cifar10()
    _fitted(ssl, task.X)
    colors = rgb2lab(task.X_test)[..., 1:]
    returned = rgb2lab(ssl.colorize(task.X_test))[..., 1:]
    by_image = (1, 2, 3)
    yield "CIFAR-10", "grey", np.abs(colors).mean(axis=by_image)
    yield "CIFAR-10", "Colorization", np.abs(returned - colors).mean(axis=by_image)


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
    """Compare filled squares, a quarter of an image, by the squared error over the variance.

    All settings but the number of epochs are defaults.
    """
    from skimage.restoration import inpaint_biharmonic

    task = IMAGES.tasks["Fashion-MNIST"]()
    ssl = _fitted(ContextEncoder(max_epochs=14, random_state=0), task.X)
    images = task.X_test[:_FILLED]
    masks, truth = _squares(images), images.astype(float)
    by_mean, by_nearest, smooth = truth.copy(), truth.copy(), truth.copy()
    for row, (image, mask) in enumerate(zip(truth, masks, strict=True)):
        by_mean[row][mask] = image[~mask].mean()
        places = distance_transform_edt(mask, return_distances=False, return_indices=True)
        by_nearest[row] = image[tuple(places)]
        smooth[row] = inpaint_biharmonic(image, mask)
    answers = {
        "mean of what is visible": by_mean,
        "nearest visible pixel": by_nearest,
        "biharmonic": smooth,
        "ContextEncoder": ssl.inpaint(images, masks),
    }
    for name, filled in answers.items():
        # The holes are of one size.
        error = ((filled.astype(float) - truth)[masks] ** 2).reshape(len(images), -1)
        yield "Fashion-MNIST", name, error.mean(axis=1) / truth.var()


def next_frames() -> Iterator[Line]:
    """Compare predicted frames of moving digits by the squared error over the variance.

    All settings but the number of epochs are defaults.
    """
    task = VIDEO.tasks["digit"]()
    ssl = _fitted(MotionPrediction(modality=Video(), max_epochs=20, random_state=0), task.X)
    past, future = np.split(task.X_test.astype(float), [ssl.n_past_], axis=1)
    predicted = ssl.forecast(task.X_test[:, : ssl.n_past_]).astype(float)
    for step in range(future.shape[1]):
        answers = {"last frame": past[:, -1], "MotionPrediction": predicted[:, step]}
        for name, frame in answers.items():
            error = ((frame - future[:, step]) ** 2).reshape(len(frame), -1)
            yield f"frame {step + 1}", name, error.mean(axis=1) / task.X_test.var()


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


def _chained(
    X: pd.DataFrame,
    categorical: np.ndarray,
    *,
    regressor: BaseEstimator,
    classifier: BaseEstimator,
) -> pd.DataFrame:
    """Impute each column from all others, beginning with means and most frequent categories.

    With linear models that is what IterativeImputer does, which has no categories, and whose
    columns of zeros and ones would only know each other. With trees it is MissForest (Stekhoven and
    Bühlmann, Bioinformatics 2012).
    """
    imputed = _with_mean(X, categorical)
    # Constant columns need no more than that. Those with the fewest gaps come first.
    gaps = X.isna().sum()[X.nunique() > 1].sort_values(kind="stable")
    is_category = dict(zip(X, categorical, strict=True))
    for _ in range(_ROUNDS):
        for column in gaps[gaps > 0].index:
            missing = X[column].isna()
            others = pd.get_dummies(imputed.drop(columns=column), dtype=float)
            model = clone(classifier if is_category[column] else regressor)
            model.fit(others[~missing], X.loc[~missing, column])
            imputed.loc[missing, column] = model.predict(others[missing])
    return imputed


def _with_skssl(
    X: pd.DataFrame,
    categorical: np.ndarray,
    scaling: Literal["quantile", "standard"] = "quantile",
) -> pd.DataFrame:
    table = Tabular(categorical=categorical, scaling=scaling)
    method = MaskedAutoencoder(modality=table, random_state=0)
    return _fitted(SelfSupervisedImputer(method=method), X).transform(X)


_IMPUTERS: dict[str, Callable[[pd.DataFrame, np.ndarray], pd.DataFrame]] = {
    "mean, most frequent": _with_mean,
    "KNNImputer": _with_neighbors,
    "linear models, as IterativeImputer": partial(
        _chained,
        regressor=make_pipeline(StandardScaler(), BayesianRidge()),
        classifier=make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    ),
    "trees, as MissForest": partial(
        _chained,
        regressor=ExtraTreesRegressor(_TREES, random_state=0),
        classifier=ExtraTreesClassifier(_TREES, random_state=0),
    ),
    "SelfSupervisedImputer, scaling='standard'": partial(_with_skssl, scaling="standard"),
    "SelfSupervisedImputer": _with_skssl,
}


def imputation() -> Iterator[Line]:
    """Compare imputed cells, 20 % of a table, by errors of numbers (over their spread), categories.

    Means over the columns: the root of the mean squared error divided by the standard deviation,
    and the share of wrong categories. All settings are defaults, but for `scaling` where it says
    so.
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
            yield f"{name}, numbers", imputer, errors[False]
            yield f"{name}, categories", imputer, errors[True]


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


def forecasts() -> Iterator[Line]:
    """Compare forecasts of hourly loads from two weeks, by the squared error over the variance.

    The seven series of ETTh1 in their customary split: a year to learn from, four months to choose
    the penalties of `Ridge`, and four for the test. Nothing of ours is chosen here, or trained;
    what it is made of was chosen on the four months before the test and on the S&P 500.
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
    weeks = np.arange(len(test)) * 11 // _WEEK
    for horizon in _HORIZONS:
        answers = {
            "last hour": past[..., -1:],
            "the day before": np.tile(past[..., -_DAY:], _AHEAD // _DAY)[..., :horizon],
            "the week before": past[..., -_WEEK : horizon - _WEEK],
            "Ridge": _by_ridge(X, validation, past, horizon),
            "MaskedAutoencoder.forecast": forecast[..., :horizon],
        }
        for name, answer in answers.items():
            error = ((answer - future[..., :horizon]) ** 2).mean(axis=(1, 2)) / future.var()
            # Windows of a week overlap.
            yield f"{horizon} hours", name, pd.Series(error).groupby(weeks).mean().to_numpy()


PARTS = {
    part.__name__: part for part in (colorization, inpainting, next_frames, imputation, forecasts)
}


def _errors(name: str, kept: Kept) -> dict[str, dict[str, float]]:
    """Return the errors of a part by answer and by what was asked, measured if they are not kept.

    A part is kept when it is through: its answers come in any order, ours as the last one.
    """
    if not kept.table(name):
        errors: dict[str, dict[str, np.ndarray]] = {}
        for what, answer, error in PARTS[name]():
            errors.setdefault(answer, {})[what] = np.atleast_1d(error)
        *_, ours = errors.values()
        for answer, row in errors.items():
            # How far ours is ahead: by how much its errors are smaller.
            leads = {what: paired_difference(row[what], ours[what]) for what in row}
            kept.put(
                name,
                answer,
                {
                    "errors": {what: float(error.mean()) for what, error in row.items()},
                    "leads": {what: (lead.mean, lead.error) for what, lead in leads.items()},
                },
            )
    return {answer: row["errors"] for answer, row in kept.table(name).items()}


def _sentences(table: dict[str, Any]) -> Iterator[str]:
    """Yield how the last answer, ours, is to each of the others."""
    *others, ours = table
    for other in others:
        for what, lead in table[other]["leads"].items():
            yield f"{what}: {ours} is {PairedDifference(*lead).against(other)}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="names, by comma")
    parser.add_argument("--json", type=Path, help="file to keep the results in")
    add_kept(parser)
    arguments = parser.parse_args()
    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    kept = Kept(arguments.json)
    for name in arguments.parts.split(","):
        if arguments.kept and not kept.table(name):
            print(f"\nOf {name}, nothing is kept yet.")
            continue
        part = PARTS[name]
        errors = _errors(name, kept)
        columns = list(next(iter(errors.values())))
        title, _, about = str(inspect.getdoc(part)).partition("\n\n")
        title = title.removeprefix("Compare ").rstrip(".")
        print(f"\n**{title[0].upper()}{title[1:]}**\n\n{about}\n")
        print("| | " + " | ".join(columns) + " |")
        print("|---|" + "---|" * len(columns))
        for answer, row in errors.items():
            print(
                f"| {answer} | " + " | ".join(f"{row[c]:.3f}" for c in columns) + " |", flush=True
            )
        print("\n" + "\n".join(f"- {sentence}" for sentence in _sentences(kept.table(name))))


if __name__ == "__main__":
    main()
