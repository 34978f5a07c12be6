"""How long a step of ``fit`` takes beside busy processes, by threads and how they wait.

    python benchmarks/threads.py --json threads.json

SimCLR learns digits, with one and with two threads, while nothing, one or two other processes keep
a core busy. OpenMP's threads spin while they wait for each other, unless the environment variable
OMP_WAIT_POLICY is PASSIVE; it is read when torch is loaded, so each measurement has a process of
its own. "search", beside nothing, is `GridSearchCV(n_jobs=2)` over SimCLR in a pipeline, with as
many threads in each of its processes as joblib gives them, and with one and two. Settings take
turns, and seconds per step are medians of the rounds; those of a search are its time over the steps
of all its fits. Ratios are to the first row of a table, beside nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from keeping import Kept

# Beside how many busy processes to measure.
_BUSY = {"fit": (0, 1, 2), "search": (0,)}
# The others end with this process, however it ends.
_BUSY_LOOP = """
import os
parent = os.getppid()
while os.getppid() == parent:
    sum(range(100_000))
"""
# What is measured, the environment variables that it has, and what is said to `--measure`.
SETTINGS: dict[str, dict[str, tuple[dict[str, str], list[str]]]] = {
    "fit": {
        f"{threads}, {name}": ({"OMP_NUM_THREADS": threads[0], **policy}, ["fit"])
        for threads in ("1 thread", "2 threads")
        for name, policy in (
            ("spinning", {}),
            ("passive", {"OMP_WAIT_POLICY": "PASSIVE"}),
        )
    },
    "search": {
        f"{threads} threads inside, {name}": (policy, ["search", "--inside", threads])
        for threads in ("default", "1", "2")
        for name, policy in (
            ("spinning", {}),
            ("passive", {"OMP_WAIT_POLICY": "PASSIVE"}),
        )
    },
}


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """Keep so many cores busy with plain Python."""
    processes = [subprocess.Popen([sys.executable, "-c", _BUSY_LOOP]) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure_fit(steps: int, seconds: float) -> float:
    """Return the median of the seconds of a step."""
    from clock import StepClock
    from sklearn.datasets import load_digits

    from skssl import SimCLR

    clock = StepClock(steps, seconds)
    SimCLR(random_state=0, device="cpu", callbacks=[clock]).fit(load_digits().images)
    return clock.seconds_per_step


def measure_search(steps: int, inside: str) -> float:
    """Return the seconds of a search over the steps of all its fits, once processes are there."""
    from joblib import parallel_config
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    from skssl import SimCLR

    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 8, 8)
    batch_size = 256
    candidates, folds = [0.2, 0.5], 2
    per_epoch = len(images) * (folds - 1) // folds // batch_size
    n_fits = len(candidates) * folds
    epochs = max(1, steps // (n_fits * per_epoch))
    ssl = SimCLR(max_epochs=epochs, batch_size=batch_size, device="cpu", random_state=0)
    search = GridSearchCV(
        make_pipeline(ssl, LogisticRegression(max_iter=200)),
        {"simclr__temperature": candidates},
        cv=folds,
        n_jobs=2,
        refit=False,
    )
    threads = None if inside == "default" else int(inside)
    with parallel_config("loky", inner_max_num_threads=threads) if threads else nullcontext():
        # Starts the processes, which then load torch.
        search.set_params(estimator__simclr__max_epochs=0).fit(images, y)
        start = time.perf_counter()
        search.set_params(estimator__simclr__max_epochs=epochs).fit(images, y)
    return (time.perf_counter() - start) / (n_fits * epochs * per_epoch)


def in_own_process(
    variables: dict[str, str], command: list[str], arguments: argparse.Namespace
) -> float:
    """Measure in a new process with these environment variables for OpenMP, and no others."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    limits = ["--steps", str(arguments.steps), "--seconds", str(arguments.seconds)]
    done = subprocess.run(
        [sys.executable, __file__, "--measure", *command, *limits],
        env={**others, **variables},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure(table: str, arguments: argparse.Namespace, kept: Kept) -> None:
    """Measure what is not kept of a table."""
    for n_busy in _BUSY[table]:
        missing = {
            name: setting
            for name, setting in SETTINGS[table].items()
            if _row(name, n_busy) not in kept.table(table)
        }
        seconds: dict[str, list[float]] = {name: [] for name in missing}
        with busy_processes(n_busy if missing else 0):
            for _ in range(arguments.rounds):
                for name, (variables, command) in missing.items():
                    one = in_own_process(variables, command, arguments)
                    print(f"{table}, {_row(name, n_busy)}: {one:.3f} s", flush=True)
                    seconds[name].append(one)
        for name, times in seconds.items():
            result = {"seconds_per_step": statistics.median(times), "rounds": times}
            kept.put(table, _row(name, n_busy), result)


def _row(name: str, n_busy: int) -> str:
    return f"{name}, beside {n_busy}"


def print_results(table: str, rows: dict[str, Any]) -> None:
    """Print seconds per step and, in brackets, their ratio to the first row, beside nothing."""
    columns = [f"beside {n} busy" for n in _BUSY[table]]
    print(f"\n| {table}, s per step | " + " | ".join(columns) + " |")
    print("|---|" + "---|" * len(columns))
    base = rows[_row(next(iter(SETTINGS[table])), 0)]["seconds_per_step"]
    for name in SETTINGS[table]:
        found = [rows[_row(name, n)]["seconds_per_step"] for n in _BUSY[table]]
        cells = [f"{seconds:.3f} ({seconds / base:.2f})" for seconds in found]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(SETTINGS), help="names, by comma")
    parser.add_argument("--json", type=Path, help="file to keep the results in")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12, help="of a fit, or of all of a search")
    parser.add_argument("--seconds", type=float, default=30, help="after which a fit ends")
    parser.add_argument("--measure", choices=SETTINGS, help=argparse.SUPPRESS)
    parser.add_argument("--inside", default="default", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure == "fit":
        print(json.dumps(measure_fit(arguments.steps, arguments.seconds)))
        return
    if arguments.measure == "search":
        print(json.dumps(measure_search(arguments.steps, arguments.inside)))
        return
    print(f"{os.cpu_count()} cores, {arguments.steps} steps, {arguments.rounds} rounds", flush=True)
    kept = Kept(arguments.json)
    for table in arguments.parts.split(","):
        measure(table, arguments, kept)
        print_results(table, kept.table(table))


if __name__ == "__main__":
    main()
