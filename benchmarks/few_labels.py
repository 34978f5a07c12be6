"""What a few labels are worth on a frozen embedding, by modality.

    python benchmarks/few_labels.py --modality series --json series.json
    python benchmarks/few_labels.py --modality series --tasks TwoPatterns,CBF

Reads the data from the folder that the environment variable SKSSL_DATA names. With ``--json``,
results are kept as they come, and those that the file has are not computed again.
"""

import argparse
import importlib

from command import add_arguments, run

MODALITIES = ("images", "points", "series", "tabular", "text", "video")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modality", required=True, choices=MODALITIES)
    add_arguments(parser)
    arguments = parser.parse_args()
    run(importlib.import_module(f"tasks_{arguments.modality}").BENCHMARK, arguments)


if __name__ == "__main__":
    main()
