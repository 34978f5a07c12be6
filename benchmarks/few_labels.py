"""What a few labels are worth on a frozen embedding, by modality.

    python benchmarks/few_labels.py --modality series --json series.json
    python benchmarks/few_labels.py --modality series --tasks TwoPatterns,CBF

Reads the data from the folder that the environment variable SKSSL_DATA names. With ``--json``,
results are kept after every data set, and those that the file has are not computed again.
"""

import argparse
import importlib
import json
from pathlib import Path

import torch
from protocol import Benchmark, print_ranks, print_table, score_row

import skssl

MODALITIES = ("images", "points", "series", "tabular", "text", "video")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modality", required=True, choices=MODALITIES)
    parser.add_argument("--tasks", help="names of data sets, by comma; all if not given")
    parser.add_argument("--rows", help="names of rows, by semicolon; all if not given")
    parser.add_argument("--json", type=Path, help="file to keep the results in")
    arguments = parser.parse_args()
    benchmark: Benchmark = importlib.import_module(f"tasks_{arguments.modality}").BENCHMARK
    chosen = arguments.rows.split(";") if arguments.rows else None
    rows = [row for row in benchmark.rows if chosen is None or row.name in chosen]
    names = arguments.tasks.split(",") if arguments.tasks else list(benchmark.tasks)

    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    kept = {}
    if arguments.json and arguments.json.exists():
        kept = json.loads(arguments.json.read_text())
    for name in names:
        done = kept.setdefault(name, {})
        missing = [row for row in rows if row.name not in done]
        task = benchmark.tasks[name]() if missing else None
        for row in missing:
            done[row.name] = score_row(row, task, benchmark)
        kept[name] = {row.name: done[row.name] for row in benchmark.rows if row.name in done}
        print_table(name, kept[name], benchmark)
        if arguments.json:
            arguments.json.write_text(json.dumps(kept, indent=1))
    if len(names) > 1:
        print_ranks({name: kept[name] for name in names}, benchmark, benchmark.n_labels)


if __name__ == "__main__":
    main()
