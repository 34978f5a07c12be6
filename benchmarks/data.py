"""Where the benchmarks find their data."""

import os
from pathlib import Path


def data_folder() -> Path:
    """Return the folder that SKSSL_DATA names."""
    folder = os.environ.get("SKSSL_DATA")
    if not folder:
        raise SystemExit("Set the environment variable SKSSL_DATA to the folder with the data.")
    return Path(folder)
