"""Steps per second of ``fit``, as a ratio to a bare torch loop on ready-made views.

Both train the same model (encoder, projector, NT-Xent) with the same fused AdamW. ``fit`` draws
views, orders and slices samples, schedules the learning rate and keeps the history on top of that.
The two take turns, and the median of the ratios of the rounds is reported.

    python benchmarks/training_speed.py --json training_speed.json
"""

import argparse
import json
import platform
import statistics
import time

import numpy as np
import torch
from torch import nn

import skssl
from skssl import SimCLR
from skssl.losses import nt_xent
from skssl.nn import mlp_head
from skssl.training import seeded


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


def time_fit(X, encoder, batch_size, steps, device):
    """Return seconds per step of fit, without what it does once."""
    epochs = max(1, steps // (len(X) // batch_size))
    rows = X if steps >= len(X) // batch_size else X[: steps * batch_size]
    ssl = SimCLR(
        encoder=encoder,
        max_epochs=epochs,
        batch_size=batch_size,
        device=device,
        precision="float32",
        optimizer="adamw",
        random_state=0,
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
        projector = mlp_head([ssl._n_features_out, ssl._n_features_out, 128], last_norm=True)
        model = nn.Sequential(encoder, projector.to(device)).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        z1, z2 = model(views).chunk(2)
        loss = nt_xent(z1, z2, temperature=0.5)
        loss.backward()
        optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / steps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="file to write the results to")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)

    results = []
    print(
        f"skssl {skssl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    print(f"{'model':<30}{'bare ms':>10}{'fit ms':>10}{'ratio':>8}{'target':>8}")
    for name, X, encoder, batch_size, steps, target in cases():
        fits, bares = [], []
        for i in range(arguments.rounds + 1):
            fit, ssl = time_fit(X, encoder, batch_size, steps, device)
            bare = time_bare(ssl, X, batch_size, steps, device)
            if i:  # the first round warms up
                fits.append(fit)
                bares.append(bare)
        ratio = statistics.median(b / f for b, f in zip(bares, fits, strict=True))
        row = {
            "model": name,
            "bare_ms": 1000 * statistics.median(bares),
            "fit_ms": 1000 * statistics.median(fits),
            "ratio": ratio,
            "target": target,
        }
        results.append(row)
        print(
            f"{name:<30}{row['bare_ms']:>10.2f}{row['fit_ms']:>10.2f}{ratio:>8.2f}{target:>8.2f}",
            flush=True,
        )
    if arguments.json:
        report = {
            "machine": platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "results": results,
        }
        with open(arguments.json, "w") as file:
            json.dump(report, file, indent=1)


if __name__ == "__main__":
    main()
