"""Speed of ``fit``: beside a bare torch loop, and beside lightly.

    python benchmarks/training_speed.py --json training_speed.json
    python benchmarks/training_speed.py --parts lightly --device cuda

"own" is steps per second, as a ratio to a bare loop on ready-made views. Both train the same model
(encoder, projector, NT-Xent) with the same fused AdamW. ``fit`` draws views, orders and slices
samples, schedules the learning rate and keeps the history on top of that.

"lightly" is images per second of SimCLR on CIFAR-10, with the same encoder, sizes of the projector,
AdamW with a rate of .001 and views of 32 pixels without blur:

- lightly, as in its example for SimCLR: PIL images are changed by torchvision's transforms in a
  ``DataLoader``, in float32, with the number of workers that is best in the warm-up round;
- ``fit`` with the same settings, in float32;
- ``fit`` by default, and by default but for AdamW: smaller views, and bfloat16 where the hardware
  computes in it;
- the bare loop on ready-made views of 32 pixels, in float32.

It needs ``pip install 'skssl[benchmark]'`` and the folder that the environment variable SKSSL_DATA
names. All contestants take turns, after a round that warms up, and ratios are medians of the ratios
of the rounds. On a CPU, an epoch is cut to a few steps if ``--steps`` says nothing else.
"""

import argparse
import copy
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from command import add_kept
from data import cifar10
from keeping import Kept
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset

import skssl
from skssl import SimCLR
from skssl.losses import nt_xent
from skssl.nn import mlp_head
from skssl.training import seeded
from skssl.views import ImageViews

_EPOCH = 50_000
# As in lightly's example, but for SGD.
_LIKE_LIGHTLY = {"optimizer": "adamw", "learning_rate": 1e-3, "precision": "float32"}


def tiny_mlp(shape):
    return nn.Sequential(nn.Linear(shape[0], 128), nn.ReLU(), nn.Linear(128, 64))


def cases():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((4096, 64)).astype(np.float32)
    images = rng.integers(0, 256, (1024, 32, 32, 3), dtype=np.uint8)
    return [
        # name, X, encoder, batch size, steps, target
        ("tiny MLP 64-128-64", rows, tiny_mlp, 256, 208, 0.8),
        ("default table encoder", rows, "auto", 256, 112, 0.8),
        ("default image encoder, 32 px", images, "auto", 256, 16, 0.9),
        ("ResNet-18, 32 px", images, "resnet18", 32, 5, 0.9),
    ]


def time_fit(X, encoder, batch_size, steps, device, **params):
    """Return seconds per step of fit, without what it does once."""
    epochs = max(1, steps // (len(X) // batch_size))
    rows = X if steps >= len(X) // batch_size else X[: steps * batch_size]
    ssl = SimCLR(
        encoder=encoder,
        max_epochs=epochs,
        batch_size=batch_size,
        device=device,
        random_state=0,
        **params,
    ).fit(rows)
    return sum(row["dur"] for row in ssl.history_) / (epochs * (len(rows) // batch_size)), ssl


def time_bare(ssl, X, batch_size, steps, device):
    """Return seconds per step of the loop that one would write by hand."""
    rows = ssl.modality_.prepare(ssl.modality_.check(X[:batch_size], estimator=""))
    with seeded(0, device):
        samples = ssl.encoder_.prepare(rows).to(device)
        generator = torch.Generator(device).manual_seed(0)
        views = torch.cat(ssl.views_.draw(samples, 2, generator=generator))
        encoder = ssl.encoder_.encoder.to(device).train()
        n_features = ssl.n_learned()
        projector = mlp_head([n_features, n_features, 128], last_norm=True)
        model = nn.Sequential(encoder, projector.to(device)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    _wait_for(device)
    start = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        z1, z2 = model(views).chunk(2)
        loss = nt_xent(z1, z2, temperature=0.5)
        loss.backward()
        optimizer.step()
    _wait_for(device)
    return (time.perf_counter() - start) / steps


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class PILImages(Dataset):
    """Images as torchvision's data sets give them, with a label that nobody reads.

    They apply what they find as `transform`; lightly puts its own there.
    """

    def __init__(self, images: np.ndarray):
        self.images = images
        self.transform: Callable[[Image.Image], Any] = nn.Identity()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(Image.fromarray(self.images[index])), 0


class LightlySimCLR(nn.Module):
    """The model of lightly's example, around an encoder that is given."""

    def __init__(self, backbone: nn.Module, dim: int):
        from lightly.models.modules import SimCLRProjectionHead

        super().__init__()
        self.backbone = backbone
        self.projection_head = SimCLRProjectionHead(dim, dim, 128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the projections of a batch of views."""
        return self.projection_head(self.backbone(x).flatten(start_dim=1))


def time_lightly(
    images: np.ndarray, ssl: SimCLR, batch_size: int, device: torch.device, workers: int
) -> float:
    """Return seconds per step of an epoch, from the first batch on: workers start before it."""
    from lightly.data import LightlyDataset
    from lightly.loss import NTXentLoss
    from lightly.transforms import SimCLRTransform

    transform = SimCLRTransform(input_size=images.shape[1], gaussian_blur=0.0)
    dataset = LightlyDataset.from_torch_dataset(PILImages(images), transform=transform)
    loader = DataLoader(
        dataset, batch_size=batch_size, shuffle=True, drop_last=True, num_workers=workers
    )
    with seeded(0, device):
        backbone = copy.deepcopy(ssl.encoder_.encoder).requires_grad_()
        model = LightlySimCLR(backbone, ssl.n_learned()).to(device).train()
        criterion = NTXentLoss()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
        total_loss = torch.zeros((), device=device)
        start = None
        for (x0, x1), *_ in loader:
            start = start or time.perf_counter()
            z0, z1 = model(x0.to(device)), model(x1.to(device))
            loss = criterion(z0, z1)
            total_loss += loss.detach()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        assert total_loss.isfinite() and start is not None
        return (time.perf_counter() - start) / len(loader)


def best_workers(seconds_with: Callable[[int], float]) -> int:
    """Return the number of workers with which a step takes the fewest seconds."""
    seconds = {n: seconds_with(n) for n in sorted({0, 1, 2, os.cpu_count() or 1})}
    return min(seconds, key=seconds.__getitem__)


def plain_resnet18(shape: tuple[int, ...]) -> nn.Module:
    """Return torchvision's ResNet-18 as lightly's example has it, with the stem for ImageNet."""
    from torchvision.models import resnet18

    network = resnet18()
    network.fc = nn.Identity()
    return network


# Encoder, batch size, and the steps of an epoch on a CPU. At 32 pixels the stem for small images,
# which "resnet18" has, makes fifteen times the work.
MODELS: dict[str, tuple[Any, int, int]] = {
    "ResNet-18, batch 128": ("resnet18", 128, 3),
    "ResNet-18 as for ImageNet, batch 128": (plain_resnet18, 128, 20),
    "default image encoder, batch 256": ("auto", 256, 10),
}


def compare_with_lightly(
    encoder: Any, batch_size: int, images: np.ndarray, rounds: int, device: torch.device
) -> dict[str, Any]:
    """Return images per second of all contestants, and the medians of their ratios."""
    # A network that is no name would get the default views in full size.
    default = ImageViews.photos(images.shape[1:3])
    full_size = default.full_size()
    steps = len(images) // batch_size
    setting = (images, encoder, batch_size, steps, device)
    _, like_lightly = time_fit(images[:batch_size], *setting[1:3], 1, device, views=full_size)

    def lightly_with(workers: int) -> float:
        return time_lightly(images, like_lightly, batch_size, device, workers)

    workers = best_workers(lightly_with)
    contestants: dict[str, Callable[[], float]] = {
        "lightly": lambda: lightly_with(workers),
        "full": lambda: time_fit(*setting, views=full_size, **_LIKE_LIGHTLY)[0],
        "default": lambda: time_fit(*setting, views=default)[0],
        "default, adamw": lambda: time_fit(*setting, views=default, optimizer="adamw")[0],
        "bare": lambda: time_bare(like_lightly, images, batch_size, steps, device),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for i in range(rounds + 1):
        for name, time_step in contestants.items():
            one = time_step()
            if i:  # the first round warms up
                seconds[name].append(one)

    def ratio(name: str, rival: str) -> float:
        pairs = zip(seconds[name], seconds[rival], strict=True)
        return statistics.median(theirs / ours for ours, theirs in pairs)

    names = ("full", "default", "default, adamw")
    return {
        "workers": workers,
        "images_per_second": {
            name: batch_size / statistics.median(times) for name, times in seconds.items()
        },
        "ratios": {
            f"{name} / {rival}": ratio(name, rival)
            for rival in ("lightly", "bare")
            for name in names
        },
    }


CONTESTANTS = {
    "lightly": "lightly",
    "bare": "bare loop on ready views of full size",
    "full": "`fit`, views of full size, AdamW",
    "default, adamw": "`fit`, default views, AdamW",
    "default": "`fit`, default views, Muon (the default)",
}


def print_comparison(results: dict[str, dict[str, Any]], device: torch.device) -> None:
    """Print images per second and ratios, and on a GPU the seconds of an epoch."""
    on_gpu = device.type != "cpu"
    columns = [column for name in results for column in (name, "times lightly", "times the bare")]
    print(f"\nImages per second, each in two views, on {device.type}:\n")
    print("| | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for name, words in CONTESTANTS.items():
        cells = []
        for result in results.values():
            speed = result["images_per_second"][name]
            epoch = f" ({_EPOCH / speed:.1f} s an epoch of CIFAR-10)" if on_gpu else ""
            ratios = [result["ratios"].get(f"{name} / {rival}") for rival in ("lightly", "bare")]
            cells += [f"{speed:.0f}{epoch}", *(f"{ratio:.2f}" if ratio else "" for ratio in ratios)]
        print(f"| {words} | " + " | ".join(cells) + " |")
    workers = [f"{name}: {result['workers']}" for name, result in results.items()]
    print(f"\nBest number of workers of lightly: {'; '.join(workers)}.", flush=True)


def run_lightly(arguments: argparse.Namespace, kept: Kept) -> None:
    device = torch.device(arguments.device)
    done = kept.table(f"lightly, {device.type}")
    names = arguments.models.split(";") if arguments.models else list(MODELS)
    if not arguments.kept:
        try:
            import lightly
        except ImportError:
            raise SystemExit("This part needs lightly: pip install 'skssl[benchmark]'.") from None
        for name in (name for name in names if name not in done):
            encoder, batch_size, steps_on_cpu = MODELS[name]
            steps = arguments.steps or (steps_on_cpu if device.type == "cpu" else None)
            images = cifar10().X[: arguments.images][: steps and steps * batch_size]
            result = compare_with_lightly(encoder, batch_size, images, arguments.rounds, device)
            kept.put(f"lightly, {device.type}", name, {**result, "lightly": lightly.__version__})
    results = {name: done[name] for name in names if name in done}
    if results:
        print_comparison(results, device)


def run_own(arguments: argparse.Namespace, kept: Kept) -> None:
    device = torch.device(arguments.device)
    done = kept.table(f"own, {device.type}")
    print(f"\nMilliseconds per step, on {device.type}:\n")
    print("| model | bare loop | `fit` | bare / fit | at least |\n|---|---|---|---|---|")
    for name, *case, target in cases():
        if name not in done and not arguments.kept:
            result = compare_with_bare(*case, arguments.rounds, device)
            kept.put(f"own, {device.type}", name, result)
        if row := done.get(name):
            print(
                f"| {name} | {row['bare_ms']:.2f} | {row['fit_ms']:.2f} | {row['ratio']:.2f} | "
                f"{target:g} |",
                flush=True,
            )


def compare_with_bare(X, encoder, batch_size, steps, rounds, device) -> dict[str, float]:
    """Return milliseconds per step of both, and the median of their ratio."""
    fits, bares = [], []
    for i in range(rounds + 1):
        fit, ssl = time_fit(
            X, encoder, batch_size, steps, device, precision="float32", optimizer="adamw"
        )
        bare = time_bare(ssl, X, batch_size, steps, device)
        if i:  # the first round warms up
            fits.append(fit)
            bares.append(bare)
    return {
        "bare_ms": 1000 * statistics.median(bares),
        "fit_ms": 1000 * statistics.median(fits),
        "ratio": statistics.median(b / f for b, f in zip(bares, fits, strict=True)),
    }


PARTS = {"own": run_own, "lightly": run_lightly}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help="names, by comma")
    parser.add_argument("--json", type=Path, help="file to keep the results in")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--images", type=int, default=5000, help="of CIFAR-10, beside lightly")
    parser.add_argument("--steps", type=int, help="of an epoch, beside lightly")
    parser.add_argument("--models", help="names beside lightly, by semicolon; all if not given")
    add_kept(parser)
    arguments = parser.parse_args()
    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    kept = Kept(arguments.json)
    for name in arguments.parts.split(","):
        PARTS[name](arguments, kept)


if __name__ == "__main__":
    main()
