"""Tell whether skssl does on another device what it does on the CPU.

For each modality and three methods, small generated data are trained on for two epochs, on the
device and on the CPU. The encoder that the device trained embeds the samples on both: the largest
difference, relative to the largest value, is to stay within a hundredth. The losses of the first
epoch come from other random numbers, and are to be within a quarter of each other. An error of one
row is printed in it, and the others go on. The exit status is 1 if any row fails.

    python benchmarks/check_device.py --device mps
"""

import argparse
import sys
import warnings

import numpy as np
import torch

import skssl
from skssl import MaskedAutoencoder, SimCLR, VICReg

EMBEDDING_TOLERANCE = 1e-2
LOSS_TOLERANCE = 0.25
METHODS = [SimCLR, VICReg, MaskedAutoencoder]
SMALL_TRANSFORMER = {"width": 32, "depth": 2, "n_heads": 4}


def make_data():
    """Return samples of each modality."""
    rng = np.random.default_rng(0)
    y = np.arange(128) % 3
    images = rng.integers(0, 100, (128, 16, 16, 3), dtype=np.uint8)
    images[np.arange(128), :, 4 * y + 2, y] = 250
    clips = rng.integers(0, 60, (128, 8, 8, 8, 1), dtype=np.uint8)
    for frame in range(8):
        clips[np.arange(128), frame, frame, 2 * y + 1] = 255
    phase = rng.uniform(0, 1, (128, 1)) + (2 + y[:, None]) * np.linspace(0, 1, 64)
    series = np.sin(2 * np.pi * phase)[:, None] + rng.normal(0, 0.2, (128, 2, 64))
    series[:16, :, 50:] = np.nan
    names = np.array(["red", "green", "blue"], dtype=object)
    numbers = rng.normal(y[:, None], 1, (128, 4))
    rows = np.concatenate([numbers, names[y][:, None]], axis=1, dtype=object)
    rows[rng.random(rows.shape) < 0.05] = None
    words = y[:, None] * 40 + rng.integers(0, 40, (128, 12))
    texts = [" ".join(f"word{word}" for word in text) for text in words]
    clouds = rng.normal(size=(128, 64, 3)) * np.stack([1 + y, np.ones(128), 2 - y / 2], 1)[:, None]
    return {
        "images": images,
        "video": clips,
        "series": series.astype(np.float32),
        "tabular": rows,
        "text": texts,
        "points": clouds.astype(np.float32),
    }


def fitted(method, X, device):
    own = SMALL_TRANSFORMER if method is MaskedAutoencoder else {}
    settings = {"max_epochs": 2, "batch_size": 64, "precision": "float32", "random_state": 0}
    return method(device=device, **own, **settings).fit(X)


def compare(method, X, device):
    """Return the difference of the embeddings, and the losses of the first epoch on both."""
    there, here = fitted(method, X, device), fitted(method, X, "cpu")
    Z = there.transform(X)
    expected = there.set_params(device="cpu").transform(X)
    difference = np.abs(Z - expected).max() / np.abs(expected).max()
    return difference, there.loss_curve_[0], here.loss_curve_[0]


def check(method, X, device):
    """Return whether a row passes, and what to print of it."""
    try:
        difference, there, here = compare(method, X, device)
    except Exception as error:
        return False, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    # So that NaN fails.
    same = difference <= EMBEDDING_TOLERANCE
    similar = abs(there - here) <= LOSS_TOLERANCE * abs(here)
    failed = [word for word, passes in [("embedding", same), ("loss", similar)] if not passes]
    numbers = f"{difference:12.1e} {there:12.4f} {here:12.4f}"
    return not failed, f"{numbers}  {'differs: ' + ' and '.join(failed) if failed else 'ok'}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", required=True, help="such as mps, cuda or cpu")
    device = parser.parse_args().device
    # Trainings this short may well be said to have collapsed.
    warnings.simplefilter("ignore")
    print(f"skssl {skssl.__version__}, torch {torch.__version__}, device {device}\n")
    header = f"{'embedding':>12} {'first loss':>12} {'on the CPU':>12}"
    print(f"{'modality':9} {'method':18} {header}")
    all_pass = True
    for modality, X in make_data().items():
        for method in METHODS:
            passes, text = check(method, X, device)
            all_pass &= passes
            print(f"{modality:9} {method.__name__:18} {text}", flush=True)
    print("\nAll rows pass." if all_pass else "\nSome rows fail.")
    sys.exit(not all_pass)


if __name__ == "__main__":
    main()
