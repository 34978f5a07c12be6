"""The command line of the benchmarks: which data sets, which rows, where to keep the results."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from keeping import Kept
from protocol import Benchmark, print_ranks, print_table, score_row

import skssl


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what all benchmarks can be told."""
    parser.add_argument("--tasks", help="names of data sets, by comma; all if not given")
    parser.add_argument("--rows", help="names of rows, by semicolon; all if not given")
    parser.add_argument("--labels", help="numbers of labels per class, by comma; all if not given")
    parser.add_argument("--json", type=Path, help="file to keep the results in")


def run(benchmark: Benchmark, arguments: argparse.Namespace) -> None:
    """Compute the rows that are not kept yet, and print the tables."""
    chosen = arguments.rows.split(";") if arguments.rows else None
    if arguments.labels:
        n_labels = tuple(int(number) for number in arguments.labels.split(","))
        benchmark = replace(benchmark, n_labels=n_labels)
    names = arguments.tasks.split(",") if arguments.tasks else list(benchmark.tasks)

    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    kept = Kept(arguments.json)
    tables = {}
    for name in names:
        done = kept.table(name)
        all_rows = benchmark.rows_of(name)
        rows = [row for row in all_rows if chosen is None or row.name in chosen]
        missing = {row.name: _missing(done.get(row.name), benchmark) for row in rows}
        task = benchmark.tasks[name]() if any(missing.values()) else None
        for row in rows:
            if missing[row.name]:
                new = score_row(row, task, replace(benchmark, n_labels=missing[row.name]))
                old = done.get(row.name, {})
                # A second time, what was trained may come from a cache: the first seconds count.
                cells = {**old.get("cells", {}), **new["cells"]}
                kept.put(name, row.name, {**new, **old, "cells": cells})
        tables[name] = {row.name: done[row.name] for row in all_rows if row.name in done}
        print_table(name, tables[name], benchmark)
    if len(names) > 1:
        print_ranks(tables, benchmark, benchmark.n_labels)


def _missing(result: dict[str, Any] | None, benchmark: Benchmark) -> tuple[int, ...]:
    """Return the numbers of labels that a row has no result for."""
    return tuple(n for n in benchmark.n_labels if result is None or str(n) not in result["cells"])
