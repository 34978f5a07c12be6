"""Run all benchmarks, and keep what they measure in ``benchmarks/results``.

    python benchmarks/run.py
    python benchmarks/run.py --list
    python benchmarks/run.py --only methods,few_labels_series
    python benchmarks/run.py --again stale

Every part is one of the commands behind ``docs/benchmarks``. Without options, those are run that
have no results yet. Ctrl-C ends it and loses only the row that was being measured: until a part is
through, its rows are in ``NAME.part.json``, and the same command goes on there. Parts that are
named by ``--only`` print their tables, also from what is kept. ``--again`` measures anew, all parts
that are chosen or the stale ones: a part is stale if there were commits to the library, its script
or the data since. Reads the data from the folder that the environment variable SKSSL_DATA names.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from few_labels import MODALITIES
from keeping import FOLDER, Kept, git

RESULTS = FOLDER / "results"
# What every part depends on, beside its script.
_SHARED = (
    "skssl",
    "benchmarks/data.py",
    "benchmarks/heads.py",
    "benchmarks/pretrained.py",
    "benchmarks/protocol.py",
    "benchmarks/tasks_*.py",
)


@dataclass
class Part:
    """A command, from the root of the repository, and the name of the file of its results.

    Of a script without ``--json``, what it prints is kept.
    """

    name: str
    command: tuple[str, ...]
    gpu: bool = False
    json: bool = True

    @property
    def file(self) -> Path:
        """Results that are whole."""
        return RESULTS / f"{self.name}.json"

    @property
    def under_way(self) -> Path:
        """Results that are not whole yet."""
        return RESULTS / f"{self.name}.part.json"

    def is_open(self) -> bool:
        """Whether something is left to measure."""
        return self.under_way.exists() or not self.file.exists()


PARTS = [
    Part("digits", ("examples/few_labels.py",), json=False),
    *(
        Part(f"few_labels_{name}", ("benchmarks/few_labels.py", "--modality", name))
        for name in MODALITIES
    ),
    Part("no_regret", ("benchmarks/no_regret.py",)),
    Part("frozen", ("benchmarks/frozen.py",)),
    Part("methods", ("benchmarks/methods.py",)),
    Part("label_efficiency", ("benchmarks/label_efficiency.py",)),
    Part("choosing", ("benchmarks/choosing.py",)),
    Part("choosing_rows", ("benchmarks/choosing_rows.py", "--kept-back")),
    Part("pretext", ("benchmarks/pretext.py",)),
    Part("giving_back", ("benchmarks/giving_back.py",)),
    Part(
        "adapting",
        ("benchmarks/adapting.py", "--set", "max_epochs=1", "--set", "batch_size=64"),
        json=False,
    ),
    Part("adapting_texts", ("benchmarks/adapting_texts.py",)),
    Part("cifar10", ("benchmarks/cifar10.py", "--method", "all", "--curve", "10"), gpu=True),
    Part("training_speed", ("benchmarks/training_speed.py", "--parts", "own")),
    Part("lightly", ("benchmarks/training_speed.py", "--parts", "lightly")),
    Part(
        "lightly_gpu",
        ("benchmarks/training_speed.py", "--parts", "lightly", "--device", "cuda"),
        gpu=True,
    ),
    Part("fit_times", ("benchmarks/fit_times.py",)),
    Part("fit_times_all_methods", ("benchmarks/fit_times.py", "--all-methods")),
    Part("threads", ("benchmarks/threads.py",)),
    Part("large_data", ("benchmarks/large_data.py",)),
    Part("several_processes", ("benchmarks/several_processes.py",), json=False),
]


def seconds_of(part: Part) -> float | None:
    """Return how long a part took when it was last measured, None if it never was."""
    measured = Kept(part.file).measured()
    return sum(row["seconds"] for row in measured) if measured else None


def left_of(part: Part, *, again: bool) -> float | None:
    """Return the seconds that are likely left of a part, None if there is nothing to tell from."""
    if not again and not part.is_open():
        return 0.0
    total = seconds_of(part)
    if total is None:
        return None
    done = sum(row["seconds"] for row in Kept(part.under_way).measured())
    return max(0.0, total - done)


def staleness(part: Part) -> str:
    """Return what happened since the oldest row of a part; empty if nothing that matters."""
    commits = {row["commit"] for row in Kept(part.file).measured()}
    paths = [*_SHARED, part.command[0]]
    if any(commit.endswith("+") for commit in commits):
        return "stale: measured with changes that were not committed"
    counts = [git("rev-list", "--count", f"{commit}..HEAD", "--", *paths) for commit in commits]
    if None in counts:
        return "stale: measured at a commit that is not known here"
    most = max((int(count) for count in counts if count), default=0)
    if most:
        return f"stale: {most} commits since"
    return "stale: changes that are not committed" if git("diff", "HEAD", "--", *paths) else ""


def in_words(seconds: float | None) -> str:
    """Return a time for people."""
    if seconds is None:
        return "unknown"
    minutes = seconds / 60
    if minutes < 100:
        return f"{minutes:.0f} min" if minutes >= 1 else "less than a minute"
    return f"{minutes / 60:.1f} h"


def time_left(parts: list[Part], *, again: bool) -> str:
    """Return the time that parts are likely to take, as far as that is known."""
    known = [left_of(part, again=again) for part in parts]
    total = in_words(sum(seconds for seconds in known if seconds is not None))
    unknown = known.count(None)
    if unknown == len(known):
        return "unknown"
    return f"{total} and {unknown} of unknown length" if unknown else total


def describe(part: Part) -> str:
    """Return a line for the list: what is there of a part, and of when."""
    measured = Kept(part.file).measured()
    state = []
    if measured:
        dates = sorted({row["date"] for row in measured})
        commits = sorted({row["commit"] for row in measured})
        state.append(" to ".join(dict.fromkeys((dates[0], dates[-1]))))
        state.append(f"at {commits[0]}" + (f" and {len(commits) - 1} others" * (len(commits) > 1)))
        state.append(in_words(seconds_of(part)))
        state.append(staleness(part))
    elif not part.under_way.exists():
        state.append("not measured")
    if part.under_way.exists():
        state.append(f"under way, {len(Kept(part.under_way).measured())} rows")
    if part.gpu:
        state.append("needs a GPU")
    return f"{part.name:<24}{', '.join(filter(None, state))}"


def run(part: Part, *, again: bool) -> bool:
    """Run a part, from where it was; return whether it is through."""
    RESULTS.mkdir(exist_ok=True)
    if part.file.exists() and not part.under_way.exists() and not again:
        shutil.copy(part.file, part.under_way)
    through = _run_script(part) if part.json else _run_and_keep_output(part)
    if through and part.under_way.exists():
        part.under_way.replace(part.file)
    return through


def _run_script(part: Part) -> bool:
    root = FOLDER.parent
    return _call([*part.command, "--json", os.path.relpath(part.under_way, root)], cwd=root)


def _run_and_keep_output(part: Part) -> bool:
    """Run an example, unless what it printed is kept; it may leave figures where it runs."""
    kept = Kept(part.under_way)
    if not kept.table("printed"):
        with tempfile.TemporaryDirectory() as folder:
            script, printed = FOLDER.parent / part.command[0], Path(folder) / "printed"
            with printed.open("w") as output:
                if not _call([str(script), *part.command[1:]], cwd=Path(folder), output=output):
                    return False
            kept.put("printed", part.name, {"lines": printed.read_text().splitlines()})
    print("\n".join(kept.table("printed")[part.name]["lines"]), flush=True)
    return True


def _call(command: list[str], *, cwd: Path, output: object = None) -> bool:
    """Run a Python script in a group of its own; return whether it went well.

    Ctrl-C does not reach it: a training that is interrupted keeps what it learned, and its row
    would be kept as if it were whole. It is ended here instead, with all that it started.
    """
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=cwd,
        stdout=output,
        env={"MPLBACKEND": "Agg", **os.environ},
        start_new_session=True,
    )
    try:
        return process.wait() == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def has_gpu() -> bool:
    """Return whether torch finds a GPU."""
    import torch

    return torch.cuda.is_available()


def choose(arguments: argparse.Namespace) -> list[Part]:
    """Return the parts to run."""
    parts = PARTS
    if arguments.only:
        by_name = {part.name: part for part in PARTS}
        unknown = [name for name in arguments.only.split(",") if name not in by_name]
        if unknown:
            raise SystemExit(f"There is no part {unknown[0]!r}; --list shows them.")
        parts = [by_name[name] for name in arguments.only.split(",")]
    if arguments.again == "stale":
        parts = [part for part in parts if part.file.exists() and staleness(part)]
    elif not arguments.again and not arguments.only:
        parts = [part for part in parts if part.is_open()]
    if any(part.gpu for part in parts) and not has_gpu():
        for part in [part for part in parts if part.gpu]:
            print(f"{part.name} is left out: it needs a GPU.")
        parts = [part for part in parts if not part.gpu]
    return parts


def run_all(parts: list[Part], *, again: bool) -> list[str]:
    """Run parts one after another; return the names of those that failed."""
    failed = []
    for index, part in enumerate(parts):
        print(
            f"\n[{index + 1}/{len(parts)}] {part.name}: {' '.join(part.command)}\n"
            f"time left: {in_words(left_of(part, again=again))}; of all parts: "
            f"{time_left(parts[index:], again=again)}\n",
            flush=True,
        )
        start = time.perf_counter()
        if run(part, again=again):
            print(f"\n{part.name} took {in_words(time.perf_counter() - start)}", flush=True)
        else:
            failed.append(part.name)
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="names of parts, by comma")
    parser.add_argument("--list", action="store_true", help="what is measured, when, if stale")
    parser.add_argument(
        "--again",
        nargs="?",
        const="all",
        choices=("all", "stale"),
        help="measure anew what is there, or what is stale of it",
    )
    arguments = parser.parse_args()
    if arguments.list:
        for part in PARTS:
            print(describe(part))
        return
    parts = choose(arguments)
    try:
        failed = run_all(parts, again=arguments.again is not None)
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted: what is measured is kept, run.py goes on there.") from None
    if failed:
        raise SystemExit(f"Failed: {', '.join(failed)}")
    if not parts:
        print("Everything chosen is measured; --only prints tables, --again measures anew.")


if __name__ == "__main__":
    main()
