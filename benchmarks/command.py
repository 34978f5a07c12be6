"""The command line of the benchmarks: which data sets, which rows, where to keep the results."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from keeping import Kept
from protocol import Benchmark, Row, score_row
from sentences import mean_sentences, sentences, where_chosen
from tables import key_of, lines_of, print_ranks, print_table

import skssl


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add what tells a benchmark which rows to compute, and where to keep them."""
    parser.add_argument("--tasks", help="names of data sets, by comma; all if not given")
    parser.add_argument("--rows", help="names of rows, by semicolon; all if not given")
    parser.add_argument("--json", type=Path, help="file to keep the results in")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what all benchmarks with few labels can be told."""
    add_selection(parser)
    parser.add_argument("--labels", help="numbers of labels per class, by comma; all if not given")
    parser.add_argument("--heads", help="names of heads, by comma; all if not given")
    parser.add_argument("--seeds", type=int, help="at most so many seeds of every training")
    parser.add_argument("--draws", type=int, help="draws of the labelled rows")
    add_kept(parser)


def add_kept(parser: argparse.ArgumentParser) -> None:
    """Add what has a benchmark print the rows that are kept, and measure none."""
    parser.add_argument(
        "--kept", action="store_true", help="print what the file of --json has, measure nothing"
    )


def add_modalities(parser: argparse.ArgumentParser, modalities: Iterable[str]) -> None:
    """Add what benchmarks over the data sets of several modalities can be told."""
    parser.add_argument("--modalities", default=",".join(modalities), help="by comma")
    parser.add_argument("--tasks", help="names of data sets, by comma; all if not given")
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--json", type=Path, help="file to keep the results in")
    add_kept(parser)


def names_of(
    arguments: argparse.Namespace, tasks: Iterable[str], done: Mapping[str, Any]
) -> list[str]:
    """Return the names of the data sets of a modality that are asked for."""
    names = arguments.tasks.split(",") if arguments.tasks else list(tasks)
    return [name for name in names if name in done] if arguments.kept else names


def print_versions(draws: int) -> None:
    """Print what balanced accuracies of several modalities are made with."""
    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads; "
        f"balanced accuracy, means of {draws} draws"
    )


def run(benchmark: Benchmark, arguments: argparse.Namespace) -> None:
    """Compute the rows that are not kept yet, and print the tables."""
    chosen = arguments.rows.split(";") if arguments.rows else None
    if arguments.labels:
        n_labels = tuple(int(number) for number in arguments.labels.split(","))
        benchmark = replace(benchmark, n_labels=n_labels)
    if arguments.heads:
        names = arguments.heads.split(",")
        benchmark = replace(benchmark, heads={name: benchmark.heads[name] for name in names})
    if arguments.draws:
        benchmark = replace(benchmark, draws=arguments.draws)
    names = arguments.tasks.split(",") if arguments.tasks else list(benchmark.tasks)
    kept = Kept(arguments.json)
    if arguments.kept:
        names = [name for name in names if kept.table(name)]

    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    tables = {}
    for name in names:
        all_rows = benchmark.rows_of(name)
        rows = [row for row in all_rows if chosen is None or row.name in chosen]
        if not arguments.kept:
            _measure(name, rows, benchmark, kept, arguments.seeds)
        tables[name] = lines_of(all_rows, kept.table(name), benchmark)
        print_table(name, tables[name], benchmark)
        _print_sentences(sentences(tables[name], benchmark))
        print(where_chosen(benchmark))
    tables = {name: lines for name, lines in tables.items() if name not in benchmark.variants}
    if len(tables) > 1:
        print_ranks(tables, benchmark)
        print(f"\nOver the {len(tables)} data sets:")
        _print_sentences(mean_sentences(tables, benchmark))
        print(where_chosen(benchmark))


def _measure(
    name: str, rows: Sequence[Row], benchmark: Benchmark, kept: Kept, most_seeds: int | None
) -> None:
    """Compute what is not kept yet of the rows of a data set."""
    done, task = kept.table(name), None
    for row in rows:
        for seed in range(min(row.seeds, most_seeds or row.seeds)):
            old = done.get(key_of(row, seed), {"heads": {}})
            missing = [
                (head, column)
                for head, column in benchmark.cells(row)
                if column not in old["heads"].get(head, {})
            ]
            if missing:
                task = task or benchmark.tasks[name]()
                new = score_row(row, task, seed, missing, benchmark)
                heads = {
                    head: {**old["heads"].get(head, {}), **new["heads"].get(head, {})}
                    for head in {**old["heads"], **new["heads"]}
                }
                # A second time, what was trained may come from a cache: the first seconds count.
                kept.put(name, key_of(row, seed), {**new, **old, "heads": heads})


def _print_sentences(found: Iterable[str]) -> None:
    print("\n" + "\n".join(f"- {sentence}" for sentence in found) + "\n", flush=True)
