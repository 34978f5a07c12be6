"""Where the time of a step goes, in one process or in several that train as one.

``python benchmarks/several_processes.py``,
``torchrun --nproc-per-node=2 benchmarks/several_processes.py`` and, for the same cores in one
process, ``python benchmarks/several_processes.py --threads 2``.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import torch

from skssl import MaskedAutoencoder, SimCLR
from skssl.modality import Images, Series, Tabular, Text
from skssl.training import Net

_ROWS, _EPOCHS = 512, 3


def samples() -> dict[str, tuple[object, object]]:
    rng = np.random.default_rng(0)
    words = rng.integers(0, 500, (_ROWS, 30))
    return {
        "images, 32 px": (Images(), rng.integers(0, 255, (_ROWS, 32, 32, 3), dtype=np.uint8)),
        "images, 64 px": (Images(), rng.integers(0, 255, (_ROWS, 64, 64, 3), dtype=np.uint8)),
        "series, 256 steps": (Series(), rng.normal(size=(_ROWS, 256)).cumsum(axis=1)),
        "table, 30 columns": (Tabular(), rng.normal(size=(_ROWS, 30))),
        "texts, 30 words": (Text(), [" ".join(f"w{word}" for word in row) for row in words]),
    }


def noted(spent: dict[str, list[float]], name: str, method: Callable) -> Callable:
    """Return a method that notes the time of the processor, and by the clock, that it takes."""

    def run(*args, **kwargs):
        began = time.process_time(), time.perf_counter()
        result = method(*args, **kwargs)
        spent[f"{name} cpu"].append(time.process_time() - began[0])
        spent[f"{name} wall"].append(time.perf_counter() - began[1])
        return result

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    spent: dict[str, list[float]] = defaultdict(list)
    Net.train_step = noted(spent, "step", Net.train_step)
    Net.draw_views = noted(spent, "views", Net.draw_views)
    n = os.environ.get("WORLD_SIZE", "1")
    for method in (SimCLR, MaskedAutoencoder):
        for name, (modality, X) in samples().items():
            spent.clear()
            method(modality=modality, max_epochs=_EPOCHS, random_state=0).fit(X)
            steps = len(spent["step cpu"])
            cpu, wall = (sum(spent[f"step {kind}"]) / steps for kind in ("cpu", "wall"))
            views = sum(spent["views cpu"]) / sum(spent["step cpu"])
            told = f"{n} process(es) of {threads} thread(s), {method.__name__}, {name}: "
            told += f"{1000 * cpu:.0f} ms of a processor and {1000 * wall:.0f} ms by the clock "
            told += f"for a step, views {views:.0%}"
            if os.environ.get("RANK", "0") == "0":
                print(told, flush=True)


if __name__ == "__main__":
    main()
