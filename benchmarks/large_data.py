"""Memory and speed of training on data that are read while they are needed.

    python benchmarks/large_data.py --json large_data.json
    python benchmarks/large_data.py --rows "images, 4 GB memmap" --seconds 60

Made data: 4 GB of photos (64 px) and 2 GB of a table (100 float32 columns) in files that are mapped
into memory, and 100,000 JPEG files of 64 px. Each row is a process of its own. Memory is the
largest RssAnon of ``/proc/self/status`` during ``fit``, looked at every few milliseconds, above
that after the imports; pages of a mapped file are not counted. Speed is that of the training for
some seconds, beside that on a twentieth of the samples in memory, in turns. The files are made
once, in ``--folder``, which is a temporary one by default, and stay there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from clock import StepClock
from command import add_kept
from keeping import Kept
from PIL import Image

import skssl
from skssl import SimCLR
from skssl.modality import Images, Modality, Tabular
from skssl.utils import embed, set_memory_limit

_FOLDER = Path(tempfile.gettempdir()) / "skssl_large_data"
_SIDE = 64
_N_PHOTOS = 4 * 2**30 // (3 * _SIDE**2)
_N_ROWS, _N_COLUMNS = 5_000_000, 100
_N_FILES = 100_000
_PART = 20
_BATCH = 128
_BETWEEN_LOOKS = 0.005
TABLE = "large data"


def _photos(n: int, seed: int) -> np.ndarray:
    """Return made photos: coarse noise, enlarged, which JPEG packs as it packs real ones."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    fine = rng.integers(0, 24, (n, _SIDE, _SIDE, 1), dtype=np.uint8)
    return np.minimum(coarse.repeat(8, axis=1).repeat(8, axis=2), 231) + fine


def make_photos(folder: Path) -> np.ndarray:
    """Return the photos in a file that is mapped into memory."""
    path = folder / "photos.npy"
    if not path.exists():
        unfinished = path.with_suffix(".writing")
        photos = np.lib.format.open_memmap(unfinished, "w+", np.uint8, (_N_PHOTOS, _SIDE, _SIDE, 3))
        for start in range(0, _N_PHOTOS, 10_000):
            photos[start : start + 10_000] = _photos(min(10_000, _N_PHOTOS - start), start)
        photos.flush()
        unfinished.replace(path)
    return np.load(path, mmap_mode="r")


def make_table(folder: Path) -> np.ndarray:
    """Return the table in a file that is mapped into memory."""
    path = folder / "table.npy"
    if not path.exists():
        unfinished = path.with_suffix(".writing")
        table = np.lib.format.open_memmap(unfinished, "w+", np.float32, (_N_ROWS, _N_COLUMNS))
        rng = np.random.default_rng(0)
        mixing = rng.standard_normal((10, _N_COLUMNS), dtype=np.float32)
        for start in range(0, _N_ROWS, 100_000):
            hidden = rng.standard_normal((100_000, 10), dtype=np.float32)
            noise = rng.standard_normal((100_000, _N_COLUMNS), dtype=np.float32)
            table[start : start + 100_000] = hidden @ mixing + noise
        table.flush()
        unfinished.replace(path)
    return np.load(path, mmap_mode="r")


def make_files(folder: Path) -> list[str]:
    """Return the names of the files, a thousand in each folder."""
    names = [str(folder / "files" / f"{i // 1000:03}" / f"{i:06}.jpg") for i in range(_N_FILES)]
    for start in range(0, _N_FILES, 1000):
        part = names[start : start + 1000]
        if not Path(part[-1]).exists():
            Path(part[0]).parent.mkdir(parents=True, exist_ok=True)
            for name, photo in zip(part, _photos(1000, start), strict=True):
                Image.fromarray(photo).save(name, quality=90)
    return names


@dataclass(frozen=True)
class Data:
    """Data of one kind, and how to have them in memory."""

    make: Callable[[Path], Any]
    modality: Modality
    load: Callable[[Any], np.ndarray]


def _decoded(names: list[str]) -> np.ndarray:
    def read(name: str) -> np.ndarray:
        with Image.open(name) as image:
            return np.asarray(image)

    with ThreadPoolExecutor(2) as pool:
        return np.stack(list(pool.map(read, names)))


DATA = {
    "images, 4 GB memmap": Data(make_photos, Images(), np.array),
    "table, 2 GB memmap": Data(make_table, Tabular(), np.array),
    "images, 100,000 JPEG files": Data(make_files, Images(n_jobs=2), _decoded),
}


class Memory:
    """The largest number of anonymous bytes that this process has had while looked at."""

    def __init__(self) -> None:
        self.before = self.most = _anonymous()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(_BETWEEN_LOOKS):
            self.most = max(self.most, _anonymous())

    @property
    def megabytes(self) -> float:
        """Those above the start."""
        return (self.most - self.before) / 2**20


def _anonymous() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError("/proc/self/status does not tell RssAnon; this needs Linux.")


def samples_per_second(data: Data, X: Any, seconds: float) -> float:
    """Train for some seconds; return the speed with all that comes between the steps."""
    clock = StepClock(None, seconds)
    # "auto" would be another size for a twentieth of the samples.
    ssl = SimCLR(modality=data.modality, batch_size=_BATCH, random_state=0, callbacks=[clock])
    ssl.fit(X)
    return ssl.batch_size_ * (len(clock.ends) - 1) / (clock.ends[-1] - clock.ends[0])


def measure(name: str, what: str, folder: Path, seconds: float) -> dict[str, float]:
    """Return what is asked for of data, in this process."""
    data = DATA[name]
    X = data.make(folder)
    if what == "fit":
        with Memory() as memory:
            speed = samples_per_second(data, X, seconds)
        return {"megabytes": memory.megabytes, "per_second": speed}
    if what == "in memory":
        with set_memory_limit(2**40):
            some = data.load(X[: len(X) // _PART])
            return {"per_second": samples_per_second(data, some, seconds)}
    ssl = SimCLR(modality=data.modality, random_state=0, max_epochs=0).fit(X)
    part = X[: len(X) // _PART]
    out = folder / "embedded.npy"
    out.unlink(missing_ok=True)
    with Memory() as memory:
        start = time.perf_counter()
        embed(ssl, part, out, verbose=False)
        speed = len(part) / (time.perf_counter() - start)
    out.unlink()
    with set_memory_limit(2**40):
        some = data.load(part)
        start = time.perf_counter()
        ssl.transform(some)
        in_memory = len(part) / (time.perf_counter() - start)
    return {"megabytes": memory.megabytes, "per_second": speed, "ratio": speed / in_memory}


def _in_a_process(name: str, what: str, arguments: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", what, "--rows", name]
    command += ["--folder", str(arguments.folder), "--seconds", str(arguments.seconds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure_row(name: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Measure data on demand and in memory, in turns."""
    DATA[name].make(arguments.folder)
    found: dict[str, list[dict[str, float]]] = {"fit": [], "in memory": [], "embed": []}
    for _ in range(arguments.repeats):
        for what in ("fit", "in memory"):
            found[what].append(_in_a_process(name, what, arguments))
    found["embed"].append(_in_a_process(name, "embed", arguments))
    on_demand, in_memory = (
        statistics.median(one["per_second"] for one in found[what]) for what in ("fit", "in memory")
    )
    return {
        "fit_megabytes": max(one["megabytes"] for one in found["fit"]),
        "per_second": on_demand,
        "ratio": on_demand / in_memory,
        "embed_megabytes": found["embed"][0]["megabytes"],
        "embed_per_second": found["embed"][0]["per_second"],
        "embed_ratio": found["embed"][0]["ratio"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", help="names of data, by semicolon; all if not given")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="for 7 GB of files")
    parser.add_argument("--seconds", type=float, default=60, help="of each training")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file to keep the results in")
    add_kept(parser)
    parser.add_argument("--measure", choices=["fit", "in memory", "embed"], help="in this process")
    arguments = parser.parse_args()
    names = arguments.rows.split(";") if arguments.rows else list(DATA)
    if arguments.measure:
        print(json.dumps(measure(names[0], arguments.measure, arguments.folder, arguments.seconds)))
        return
    kept = Kept(arguments.json)
    done = kept.table(TABLE)
    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads\n"
    )
    columns = ["fit, MB above the import", "samples/s", "ratio", "embed, MB", "samples/s", "ratio"]
    print("| data | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for name in names:
        if name not in done and not arguments.kept:
            arguments.folder.mkdir(exist_ok=True)
            kept.put(TABLE, name, measure_row(name, arguments))
        if row := done.get(name):
            print(
                f"| {name} | {row['fit_megabytes']:.0f} | {row['per_second']:,.0f} | "
                f"{row['ratio']:.2f} | {row['embed_megabytes']:.0f} | "
                f"{row['embed_per_second']:,.0f} | {row['embed_ratio']:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
