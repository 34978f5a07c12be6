"""Where what was measured is kept: JSON files whose rows say when, where and at which commit."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
# What changes no number.
_NO_MATTER = (":!benchmarks/results", ":!benchmarks/run.py")


class Kept:
    """The rows of tables, in a file that is written anew with every row.

    What is there is not to be measured again, so a benchmark that was interrupted goes on where it
    was. Rows may be measured at different commits: each says its own.

    Parameters
    ----------
    path : Path or None
        None keeps nothing when the program ends.
    """

    def __init__(self, path: Path | None):
        self.path = path
        self.tables: dict[str, dict[str, Any]] = {}
        if path is not None and path.exists():
            self.tables = json.loads(path.read_text())
        self._since = time.perf_counter()

    def table(self, name: str) -> dict[str, Any]:
        """Return the rows of a table by name, as far as they are there."""
        return self.tables.setdefault(name, {})

    def put(self, table: str, row: str, result: dict[str, Any]) -> dict[str, Any]:
        """Keep a row, with the seconds since the one before; return it."""
        now = time.perf_counter()
        measured = {**_here(), "seconds": round(now - self._since, 1)}
        self._since = now
        self.table(table)[row] = {**result, "measured": measured}
        if self.path is not None:
            # Renamed when it is whole: who is killed while writing loses nothing.
            unfinished = self.path.with_suffix(".writing")
            unfinished.write_text(_as_json(self.tables))
            unfinished.replace(self.path)
        return self.table(table)[row]

    def measured(self) -> list[dict[str, Any]]:
        """Return what the rows say of when, where and at which commit they were measured."""
        rows = [row for table in self.tables.values() for row in table.values()]
        return [row["measured"] for row in rows if "measured" in row]


def _as_json(tables: dict[str, dict[str, Any]]) -> str:
    """Return tables as JSON with a line for each row, so that changes show which are new."""
    by_table = [
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(
            f" {json.dumps(row)}: {json.dumps(_short(kept))}" for row, kept in rows.items()
        )
        + "\n}"
        for name, rows in tables.items()
    ]
    return "{\n" + ",\n".join(by_table) + "\n}\n"


def _short(value: Any) -> Any:
    """Return what is kept with six digits, which is more than any table shows."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items()}
    return [_short(part) for part in value] if isinstance(value, (list, tuple)) else value


def git(*arguments: str) -> str | None:
    """Return what git says in this repository, None if it fails or is not there."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=FOLDER.parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


@cache
def library_state() -> str | None:
    """Return what names the library's code as it is, None if it has changes not committed."""
    if git("status", "--porcelain", "--", "skssl"):
        return None
    return git("rev-parse", "HEAD:skssl")


@cache
def _here() -> dict[str, str]:
    """Return commit, date and machine; the same for all rows that a program measures."""
    commit = git("rev-parse", "--short=10", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--", "skssl", "benchmarks", *_NO_MATTER)
    return {
        "commit": f"{commit}+" if changed else commit,  # and changes that were not committed
        "date": date.today().isoformat(),
        "machine": _machine(),
    }


def _machine() -> str:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    threads = torch.get_num_threads()
    isa = torch.backends.cpu.get_cpu_capability()
    of_cores = f"{cores} core{'s' * (cores != 1)} of {_cpu()} ({isa})"
    return f"{of_cores}, {gpu}, torch {torch.__version__}, {threads} thread{'s' * (threads != 1)}"


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
