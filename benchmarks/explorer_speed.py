"""Frames in a second and size of the map of 20,000 samples, in a headless Chromium.

SKSSL_CHROMIUM=$(command -v chromium) python benchmarks/explorer_speed.py
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from skssl.inspection import explore
from skssl.modality import Images

# Moves the map for so many milliseconds, and counts what is drawn.
MOVE = """milliseconds => new Promise(done => {
  const map = document.getElementById("map");
  const before = explorer.frames(), begun = performance.now();
  const step = now => {
    map.dispatchEvent(new WheelEvent("wheel", {
      deltaY: Math.sin((now - begun) / 300) * 40, clientX: 500, clientY: 400, cancelable: true,
    }));
    if (now - begun < milliseconds) requestAnimationFrame(step);
    else done((explorer.frames() - before) / (now - begun) * 1000);
  };
  requestAnimationFrame(step);
})"""


def write(folder: Path, n_rows: int, side: int) -> Path:
    """Write a map of drawn photos, which JPEG and PNG find hard."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 10, n_rows)
    embedding = rng.normal(size=(10, 32))[groups] + rng.normal(size=(n_rows, 32)) / 3
    # Four sizes of blots, as photos have.
    images = np.zeros((n_rows, side, side, 3), dtype=np.float32)
    for cell in (2, 4, 8, 16):
        coarse = rng.normal(size=(n_rows, side // cell, side // cell, 3)).astype(np.float32)
        images += coarse.repeat(cell, axis=1).repeat(cell, axis=2)
    X = ((images / 8 + 0.5).clip(0, 1) * 255).astype(np.uint8)
    return explore(
        embedding,
        X,
        groups,
        folder / "map.html",
        projection="pca",
        modality=Images(),
        random_state=0,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        begun = time.perf_counter()
        path = write(Path(folder), options.rows, options.side)
        seconds = time.perf_counter() - begun
        print(f"{options.rows:,} images of {options.side} pixels: written in {seconds:.0f} s,")
        print(f"{path.stat().st_size / 1e6:.1f} MB")
        browser = playwright.chromium.launch(executable_path=os.environ["SKSSL_CHROMIUM"])
        page = browser.new_page(viewport={"width": 1400, "height": 850})
        begun = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_function("explorer.frames() > 0")
        print(f"opened in {time.perf_counter() - begun:.1f} s")
        for samples in (False, True):
            page.set_checked("#thumbs", samples)
            page.evaluate(MOVE, 1000)
            rate = page.evaluate(MOVE, options.seconds * 1000)
            print(
                f"{rate:.0f} frames a second {'with' if samples else 'without'} samples on the map"
            )
        browser.close()


if __name__ == "__main__":
    main()
