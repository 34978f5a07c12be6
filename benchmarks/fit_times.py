"""How long the default ``fit`` takes, and how fast ``transform`` is, by what samples are.

    python benchmarks/fit_times.py --json fit_times.json
    python benchmarks/fit_times.py --methods SimCLR --modalities Series,Text --samples 1000
    python benchmarks/fit_times.py --all-methods --limit 15 --json fit_times_all.json

A fit is ended after ``--steps`` steps. Its minutes are an estimate: what came before the first
step, and the median of the other steps times the steps that were planned; work between epochs is
left out. ``--whole`` fits whole. The samples are made: they have the sizes of real ones, and
nothing in them to learn. At most 1,000 differ; more repeat them, or where these would not fit into
memory, the first of them. "-" is for what would not fit either way.

With ``--all-methods`` every method has a row for each modality that it supports, on samples of one
usual size, and at the end those above ``--limit`` minutes are marked. With ``--json``, rows are
kept as they come, and those that the file has are not measured again. ``--processor`` counts the
seconds of the processor with one thread in place of those on the wall: more than two threads take
on an idle machine, and disturbed less by what else runs on a busy one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clock import StepClock
from keeping import Kept
from sklearn.base import BaseEstimator

import skssl
from skssl.modality import Images, Modality, PointCloud, Series, Tabular, Text, Video
from skssl.utils import all_estimators

_SAMPLES = (1000, 10_000, 50_000)
_MOST_DIFFERENT = 1000
_MOST_BYTES = 2 * 2**30  # checked and prepared, it may be there twice
_MOST_SECONDS = 60.0  # of the steps of a fit that is not whole, if three of them are done
_MANY_ROWS = 10_000
_WORDS = 5000

Samples = np.ndarray | list[str]


def _photos(*shape: int) -> Callable[[int], np.ndarray]:
    def make(n: int) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 256, (n, *shape), dtype=np.uint8)

    return make


def _glyphs(*shape: int) -> Callable[[int], np.ndarray]:
    """Grey with a plain background, since such images have views of their own."""

    def make(n: int) -> np.ndarray:
        images = _photos(*shape)(n)
        border = tuple(max(1, side // 6) for side in shape[:2])
        inside = np.zeros(shape, dtype=bool)
        inside[border[0] : -border[0], border[1] : -border[1]] = True
        return np.where(inside, images, np.uint8(0))

    return make


def _walks(channels: int, length: int) -> Callable[[int], np.ndarray]:
    def make(n: int) -> np.ndarray:
        steps = np.random.default_rng(0).standard_normal((n, channels, length), dtype=np.float32)
        return steps.cumsum(axis=2)

    return make


def _numbers(*shape: int) -> Callable[[int], np.ndarray]:
    def make(n: int) -> np.ndarray:
        return np.random.default_rng(0).standard_normal((n, *shape), dtype=np.float32)

    return make


def _texts(length: int) -> Callable[[int], list[str]]:
    """Words of a vocabulary whose frequencies fall as in a language."""

    def make(n: int) -> list[str]:
        weights = 1 / np.arange(1, _WORDS + 1)
        words = np.random.default_rng(0).choice(_WORDS, (n, length), p=weights / weights.sum())
        return [" ".join(f"word{word}" for word in text) for text in words]

    return make


@dataclass
class Kind:
    """Samples of a modality and a size; `usual` ones stand for the modality with all methods."""

    modality: Modality
    make: Callable[[int], Samples]
    usual: bool = False
    channels: int = 1


KINDS = {
    "images 8x8": Kind(Images(), _glyphs(8, 8)),
    "images 28x28": Kind(Images(), _glyphs(28, 28)),
    "images 32x32x3": Kind(Images(), _photos(32, 32, 3), usual=True, channels=3),
    "images 224x224x3": Kind(Images(), _photos(224, 224, 3), channels=3),
    "series 1x140": Kind(Series(), _walks(1, 140), usual=True),
    "series 10x2000": Kind(Series(), _walks(10, 2000)),
    "tables, 16 numbers": Kind(Tabular(), _numbers(16), usual=True),
    "tables, 200 numbers": Kind(Tabular(), _numbers(200)),
    "texts, 40 words": Kind(Text(), _texts(40), usual=True),
    "texts, 1000 words": Kind(Text(), _texts(1000)),
    "video 16x32x32": Kind(Video(), _glyphs(16, 32, 32), usual=True),
    "video 16x64x64x3": Kind(Video(), _photos(16, 64, 64, 3), channels=3),
    "clouds, 64 points": Kind(PointCloud(), _numbers(64, 3), usual=True),
    "clouds, 2048 points": Kind(PointCloud(), _numbers(2048, 3)),
}


def samples_of(kind: Kind, n: int) -> Samples | None:
    """Return `n` samples, or None if they would take too much memory."""
    some = kind.make(min(n, _MOST_DIFFERENT))
    if isinstance(some, list):
        return [some[row % len(some)] for row in range(n)]
    if some[0].nbytes * n <= _MOST_BYTES:
        return np.resize(some, (n, *some.shape[1:]))
    # Integers are kept as they are, and so is this view of a single sample.
    return np.broadcast_to(some[0], (n, *some.shape[1:])) if some.dtype == np.uint8 else None


def measure_fit(
    ssl: BaseEstimator, X: Samples, steps: int, *, whole: bool, now: Callable[[], float]
) -> dict[str, float | int]:
    """Fit, for some steps if not `whole`; return minutes, and what they are made of."""
    clock = StepClock(None, now=now) if whole else StepClock(steps, _MOST_SECONDS, now)
    start = now()
    ssl.set_params(callbacks=[clock]).fit(X)
    seconds = now() - start
    before = clock.started - start
    if not whole:
        seconds = before + clock.planned * clock.seconds_per_step
    return {
        "minutes": seconds / 60,
        "planned": clock.planned,
        "seconds_per_step": clock.seconds_per_step,
        "seconds_before": before,
    }


def measure_transform(ssl: BaseEstimator, kind: Kind, now: Callable[[], float]) -> dict[str, float]:
    """Return samples per second, of one at a time and of many.

    Of 10,000, or where that would take long, of 1,000.
    """

    def seconds(X: Samples) -> float:
        start = now()
        ssl.transform(X)
        return now() - start

    some = samples_of(kind, _MOST_DIFFERENT)
    ssl.transform(some[:1])
    speed = len(some) / seconds(some)
    many = samples_of(kind, _MANY_ROWS) if _MANY_ROWS / speed < 10 else None
    return {
        "one": 1 / statistics.median(seconds(some[:1]) for _ in range(10)),
        "many": len(many) / seconds(many) if many is not None else speed,
    }


def measure(method: str, name: str, arguments: argparse.Namespace, kept: Kept) -> None:
    """Measure what is not kept of a method on samples of a kind."""
    kind, done = KINDS[name], kept.table(method)
    for n in arguments.samples:
        if f"{name}, {n}" in done:
            continue
        ssl = dict(all_estimators())[method](
            modality=kind.modality, random_state=0, device=arguments.device
        )
        X = samples_of(kind, n)
        result: dict[str, Any] = {}
        if X is not None:
            now = time.process_time if arguments.processor else time.perf_counter
            result = measure_fit(ssl, X, arguments.steps, whole=arguments.whole, now=now)
            if transform_of(name, done) is None:
                result["transform"] = measure_transform(ssl, kind, now)
        kept.put(method, f"{name}, {n}", result)


def transform_of(name: str, rows: dict[str, Any]) -> dict[str, float] | None:
    """Return the speed of transform on samples of a kind, which the first fit was measured with."""
    found = [row["transform"] for row in _rows_of(name, rows) if "transform" in row]
    return found[0] if found else None


def _rows_of(name: str, rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for key, row in rows.items() if key.rpartition(", ")[0] == name]


def print_row(method: str, name: str, samples: list[int], rows: dict[str, Any]) -> None:
    """Print a line of the table."""
    minutes = [rows[f"{name}, {n}"].get("minutes") for n in samples]
    cells = ["-" if one is None else f"{one:.1f}" for one in minutes]
    speed = transform_of(name, rows)
    cells += [f"{speed['one']:,.0f}", f"{speed['many']:,.0f}"] if speed else ["-", "-"]
    print(f"| {method} | {name} | " + " | ".join(cells) + " |", flush=True)


def run_table(arguments: argparse.Namespace, kept: Kept) -> None:
    """Measure and print minutes of fits by the number of samples, and the speed of transform."""
    counts = [f"{n:,} samples" for n in arguments.samples]
    columns = ["method", "samples", *counts, "transform 1, /s", f"transform {_MANY_ROWS:,}, /s"]
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns), flush=True)
    for method in arguments.methods:
        for name in KINDS:
            if name in chosen_kinds(arguments) and supports(method, KINDS[name]):
                measure(method, name, arguments, kept)
                print_row(method, name, arguments.samples, kept.table(method))


def run_all_methods(arguments: argparse.Namespace, kept: Kept) -> None:
    """Measure every method on usual samples, and print the minutes of fits, sorted."""
    arguments.samples = [arguments.samples[0]]
    found = {}
    for method, _ in all_estimators():
        for name in chosen_kinds(arguments):
            if not supports(method, KINDS[name]):
                continue
            try:
                measure(method, name, arguments, kept)
            except ValueError as error:  # such as of a method that wants to be told something
                print(f"{method}, {name}: not measured. {str(error).splitlines()[0]}", flush=True)
                continue
            row = kept.table(method)[f"{name}, {arguments.samples[0]}"]
            if row:
                found[method, name] = row
                print(_describe(method, name, row), flush=True)
    print(
        f"\nOf {arguments.samples[0]:,} samples, sorted; * is above {arguments.limit:g} minutes\n"
    )
    for (method, name), row in sorted(found.items(), key=lambda item: -item[1]["minutes"]):
        mark = "*" if row["minutes"] > arguments.limit else " "
        print(f"{mark} {_describe(method, name, row)}")


def _describe(method: str, name: str, row: dict[str, Any]) -> str:
    step = 1000 * row["seconds_per_step"]
    steps = f"{row['planned']:>6} steps of {step:.0f} ms"
    return f"{method:<24}{name:<20}{row['minutes']:>7.1f} min  {steps}"


def supports(method: str, kind: Kind) -> bool:
    """Whether a method has a meaning for samples of this kind."""
    cls = dict(all_estimators())[method]
    channels = cls.needs_channels or kind.channels
    return channels == kind.channels and cls.works_with(type(kind.modality))


def chosen_kinds(arguments: argparse.Namespace) -> list[str]:
    """Return the names of the kinds of samples to measure with."""
    if arguments.kinds:
        return arguments.kinds.split(";")
    chosen = arguments.modalities.split(",") if arguments.modalities else None
    return [
        name
        for name, kind in KINDS.items()
        if (chosen is None or type(kind.modality).__name__ in chosen)
        and (kind.usual or not arguments.all_methods)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", default="SimCLR,VICReg,MaskedAutoencoder", help="by comma")
    parser.add_argument("--all-methods", action="store_true", help="on usual samples")
    parser.add_argument("--modalities", help="names of classes, by comma; all if not given")
    parser.add_argument("--kinds", help="names of samples, such as 'series 1x140', by semicolon")
    parser.add_argument("--samples", default=",".join(map(str, _SAMPLES)), help="by comma")
    parser.add_argument("--steps", type=int, default=6, help="after which a fit is ended")
    parser.add_argument("--whole", action="store_true", help="fit whole")
    parser.add_argument("--processor", action="store_true", help="seconds of one thread")
    parser.add_argument("--limit", type=float, default=15, help="minutes, for --all-methods")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, help="file to keep the results in")
    arguments = parser.parse_args()
    arguments.methods = arguments.methods.split(",")
    arguments.samples = [int(n) for n in arguments.samples.split(",")]
    how = "fitted whole" if arguments.whole else f"estimated from {arguments.steps} steps"
    if arguments.processor:
        torch.set_num_threads(1)
        how += ", of the processor"
    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads; "
        f"minutes of fit, {how}\n"
    )
    (run_all_methods if arguments.all_methods else run_table)(arguments, Kept(arguments.json))


if __name__ == "__main__":
    main()
