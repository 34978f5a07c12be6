"""A ResNet-18 on CIFAR-10 by every method, with the settings that others have published.

    python benchmarks/cifar10.py --list
    python benchmarks/cifar10.py --method simclr --device cuda --curve 10 --json simclr.json
    python benchmarks/cifar10.py --method byol,dino --rows 1000 --epochs 2

It prints accuracies at the last epoch, with all labels: that of 200 weighted nearest neighbours
(T = 0.1), and that of a linear classifier. Reads the data from the folder that the environment
variable SKSSL_DATA names. Presets with LARS need timm: ``pip install 'skssl[optimizers]'``.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from data import cifar10
from keeping import Kept
from protocol import Task
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor
from torch.optim import Adam, Optimizer

import skssl
from skssl.base import SelfSupervisedTransformer
from skssl.training import resolve_device
from skssl.views import ImageViews

# The weighted vote of 200 neighbours that is customary for images (Wu et al. 2018, T = 0.1).
_KNN_NEIGHBORS, _KNN_TEMPERATURE = 200, 0.1


class Preset:
    """A published recipe, as far as an estimator of ours can follow it.

    `lr` is for batches of `bs`, and grows with them if `scaled`; `wd` is the weight decay.
    """

    def __init__(
        self,
        source: str,
        method: type[SelfSupervisedTransformer],
        views: ImageViews,
        *,
        opt: str | Callable[..., Optimizer],
        lr: float,
        wd: float,
        bs: int,
        scaled: bool = True,
        **params: Any,
    ):
        self.source, self.method = source, method
        self.lr, self.bs, self.scaled = lr, bs, scaled
        self.params = {"views": views, "optimizer": opt, "weight_decay": wd, **params}

    def build(self, batch_size: int | None = None, **options: Any) -> SelfSupervisedTransformer:
        """Return the estimator; `batch_size` of None is the recipe's."""
        batch_size = batch_size or self.bs
        return self.method(
            encoder="resnet18",  # for images of this size with a 3x3 stem and no pooling
            batch_size=batch_size,
            learning_rate=self.lr * (batch_size / self.bs if self.scaled else 1.0),
            **self.params,
            **options,
        )


def lars(params: Any, lr: float, *, trust_clip: bool = True) -> Optimizer:
    """Return solo-learn's LARS, which takes longer steps than optimizer="lars", and clips them."""
    try:
        from timm.optim import Lars
    except ImportError as error:
        raise ImportError("This preset needs timm: pip install 'skssl[optimizers]'.") from error
    return Lars(params, lr=lr, momentum=0.9, trust_coeff=0.02, trust_clip=trust_clip)


def lars_unclipped(params: Any, lr: float) -> Optimizer:
    return lars(params, lr, trust_clip=False)


def _views(smallest: float, jitter: tuple[float, float, float, float], **more: Any) -> ImageViews:
    # Flips and greyscale are as usual everywhere, and are the defaults.
    names = ("brightness", "contrast", "saturation", "hue")
    return ImageViews(crop_scale=(smallest, 1.0), **dict(zip(names, jitter, strict=True)), **more)


_lightly = partial(Preset, "lightly", opt="sgd", lr=0.06, wd=5e-4, bs=128)
_solo = partial(Preset, "solo-learn", opt=lars, bs=256)
_EVEN, _MUTED, _STRONG = (0.4, 0.4, 0.4, 0.1), (0.4, 0.4, 0.2, 0.1), (0.8, 0.8, 0.8, 0.2)

# lightly's recipes where it has the method, which are made for 200 epochs, else solo-learn's, made
# for 1000. What none of ours follows: lightly's rate starts at its peak and solo-learn's rises for
# 10 epochs, ours for a tenth of the training; both decay biases and norms, too; both standardise
# the colours; solo-learn resizes crops with bicubic interpolation, and pads the stem by 2.
# "Left out" is what else an estimator has no parameter for.
# fmt: off
PRESETS = {
    "simclr": _lightly(skssl.SimCLR, _views(0.08, _EVEN),
        temperature=0.5, projector_dim=128, projector_hidden_dim=512),
    "dcl": _lightly(skssl.DCL, _views(0.08, _EVEN),
        temperature=0.1, projector_dim=128, projector_hidden_dim=512),
    "dclw": _lightly(skssl.DCL, _views(0.08, _EVEN),
        temperature=0.1, sigma=0.5, projector_dim=128, projector_hidden_dim=512),
    # Left out: the loss in both directions; BatchNorm in 8 parts, for queries as well.
    "moco": _lightly(skssl.MoCo, _views(0.08, _EVEN),
        temperature=0.1, queue_size=4096, momentum=0.99, projector_dim=128, hidden_dim=512),
    # Left out: solarize on the second view only, 0.2.
    "mocov3": _solo(skssl.MoCo, _views(0.08, _MUTED), lr=0.3, wd=1e-6,
        temperature=0.2, queue_size=0, momentum=0.99, projector_dim=256, hidden_dim=4096),
    # Left out of both: a projector of two layers, whose last BatchNorm has weights; a rate of the
    # predictor that decays.
    "simsiam": _lightly(skssl.SimSiam, _views(0.2, _EVEN), scaled=False,
        n_views=2, projector_dim=2048, predictor_dim=512),
    "fastsiam": _lightly(skssl.SimSiam, _views(0.2, _EVEN), scaled=False,
        n_views=4, projector_dim=2048, predictor_dim=512),
    # Left out: a projector of two layers; solarize on the second view only, 0.2.
    "barlowtwins": _lightly(skssl.BarlowTwins, _views(0.08, _MUTED),
        off_diagonal_weight=5e-3, projector_dim=2048),
    # Our loss is four times theirs, but for a constant, which rate and decay make up for. Left out:
    # solarize on the second view only, 0.2; a momentum that stays as it is.
    "byol": _lightly(skssl.BYOL, _views(0.08, _MUTED), lr=0.06 / 4, wd=4 * 5e-4,
        momentum=0.99, projector_dim=256, hidden_dim=1024),
    # Left out: prototypes that learn from the first step on.
    "swav": _lightly(skssl.SwAV, _views(0.14, _EVEN), opt=Adam, lr=1e-3, wd=1e-6,
        temperature=0.1, epsilon=0.05, n_iterations=3, n_prototypes=512, n_local_views=0,
        projector_dim=128, projector_hidden_dim=512),
    # Left out: negatives from the query's own side; a projector of two layers; a predictor of 4096.
    "nnclr": _lightly(skssl.NNCLR, _views(0.08, _EVEN),
        temperature=0.5, queue_size=4096, projector_dim=256, hidden_dim=2048),
    # solo-learn's, as the head of lightly's has BatchNorm. Left out: solarize on the second view
    # only, 0.2; prototypes that stand still for one epoch, not for a hundredth of all.
    "dino": _solo(skssl.DINO, _views(0.08, _MUTED), lr=0.3, wd=1e-6,
        student_temperature=0.1, teacher_temperature=0.07, warmup_teacher_temperature=0.07,
        momentum=0.9995, center_momentum=0.9, n_prototypes=4096, n_local_views=0,
        projector_dim=256, projector_hidden_dim=2048),
    # Left out: a momentum that stays as it is; a teacher that is replaced by the student whenever
    # groups are formed anew.
    "smog": _lightly(skssl.SMoG, _views(0.2, _EVEN), lr=0.01, wd=1e-6, scaled=False,
        temperature=0.1, n_groups=300, group_momentum=0.99, regroup_interval=300,
        momentum=0.99, projector_dim=128, hidden_dim=2048),
    # Left out: a projector of two layers; solarize on the second view only, 0.2.
    "frossl": _lightly(skssl.FroSSL, _views(0.08, _MUTED),
        n_views=2, invariance_weight=1.0, projector_dim=2048),
    # They add up the variance terms of the views, we take the mean.
    "vicreg": _solo(skssl.VICReg, _views(0.2, _MUTED, solarize=0.1), lr=0.3, wd=1e-4,
        invariance_weight=25.0, variance_weight=2 * 25.0, covariance_weight=1.0,
        projector_dim=2048),
    "vibcreg": _solo(skssl.VIbCReg, _views(0.2, _MUTED, solarize=0.1), opt=lars_unclipped, lr=0.3,
        wd=1e-4, invariance_weight=25.0, variance_weight=25.0, covariance_weight=200.0,
        projector_dim=2048),
    # Left out: a momentum that rises.
    "ressl": _solo(skssl.ReSSL, _views(0.08, _MUTED, blur=0.5), opt="sgd", lr=0.05, wd=1e-4,
        student_temperature=0.1, teacher_temperature=0.04, momentum=0.99, queue_size=65536,
        projector_dim=256, projector_hidden_dim=4096),
    # Left out: a rate that ends at a thousandth of its peak.
    "deepcluster": _solo(skssl.DeepCluster, _views(0.08, _STRONG, blur=0.5), lr=0.6, wd=1e-6,
        temperature=0.1, n_clusters=3000, n_clusterings=3, n_local_views=0,
        projector_dim=128, projector_hidden_dim=2048),
    # Left out: a second view without gradient.
    "wmse": _solo(skssl.WMSE, _views(0.2, _STRONG), opt=Adam, lr=2e-3, wd=1e-6,
        n_views=2, sub_batch=128, projector_dim=64, projector_hidden_dim=1024),
    # There is none for CIFAR-10; the views are BYOL's, as in the paper. Left out: a momentum that
    # is 1 after 10 epochs already.
    "tico": Preset("lightly, for Imagenette", skssl.TiCo, _views(0.08, _MUTED),
        opt="sgd", lr=0.3, wd=1e-4, bs=256, covariance_weight=8.0, covariance_momentum=0.9,
        momentum=0.996, projector_dim=256, projector_hidden_dim=1024),
    # An epoch has 20 times the views of SimCLR's. Left out: a rate that stays as it is.
    "mmcr": Preset("the authors, for a ResNet-50", skssl.MMCR, _views(0.08, _EVEN),
        opt=Adam, lr=1e-3, wd=1e-6, bs=32, n_views=40, local_weight=0.0,
        projector_dim=128, projector_hidden_dim=512),
    # There is none for CIFAR-10. Left out: a rate that ends at a thousandth of its peak.
    "lejepa": Preset("the authors, for Imagenette", skssl.LeJEPA,
        _views(0.3, _MUTED, blur=0.5, solarize=0.2, local_scale=(0.05, 0.3)),
        opt="adamw", lr=5e-4, wd=5e-4, bs=256, weight=0.02, n_local_views=6, n_directions=256,
        projector_dim=64, projector_hidden_dim=2048),
    # The loss is that of the authors' recipe for Imagenette, which has 4 large views.
    "visreg": Preset("LeJEPA's, with the authors' loss", skssl.VISReg,
        _views(0.3, _MUTED, blur=0.5, solarize=0.2, local_scale=(0.05, 0.3)),
        opt="adamw", lr=5e-4, wd=5e-4, bs=256, weight=0.6, n_local_views=6, n_directions=4096,
        projector_dim=128, projector_hidden_dim=2048),
}
# fmt: on


class Curve(Callback):
    """Prints and records the accuracy of nearest neighbours every so many epochs."""

    def __init__(self, task: Task, every: int):
        self.task = task
        self.every = every

    def on_epoch_end(self, net: NeuralNet, dataset_train: Tensor, **kwargs: Any) -> None:
        """Embed the plain images with the encoder as it is now."""
        epoch = len(net.history)
        if epoch % self.every:
            return
        test = torch.from_numpy(self.task.X_test).movedim(-1, 1)
        net.module_.encoder.eval()
        Z, Z_test = (_embed(net, images) for images in (dataset_train, test))
        net.module_.encoder.train()
        accuracy = knn_accuracy(Z, self.task.y, Z_test, self.task.y_test)
        net.history.record("knn", accuracy)
        print(f"epoch {epoch}: k-NN {accuracy:.4f}", flush=True)


@torch.no_grad()
def _embed(net: NeuralNet, images: Tensor) -> np.ndarray:
    batches = (net.input_layer(batch.to(net.device)) for batch in images.split(1024))
    return torch.cat([net.module_.encoder(batch).cpu() for batch in batches]).numpy()


def knn_accuracy(Z: np.ndarray, y: np.ndarray, Z_test: np.ndarray, y_test: np.ndarray) -> float:
    """Return the accuracy of weighted nearest neighbours by cosine, with all labels."""
    voters = KNeighborsClassifier(
        n_neighbors=min(_KNN_NEIGHBORS, len(Z)),
        metric="cosine",
        weights=lambda distance: np.exp(-distance / _KNN_TEMPERATURE),
    )
    return voters.fit(Z, y).score(Z_test, y_test)


def evaluate(ssl: SelfSupervisedTransformer, task: Task) -> dict[str, float]:
    """Return the accuracies of nearest neighbours and of a linear classifier, with all labels."""
    Z, Z_test = ssl.transform(task.X), ssl.transform(task.X_test)
    # L-BFGS is quick enough for 50,000 rows. The penalty is not tuned.
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    return {
        "knn": knn_accuracy(Z, task.y, Z_test, task.y_test),
        "linear": float(probe.fit(Z, task.y).score(Z_test, task.y_test)),
    }


def _describe(ssl: SelfSupervisedTransformer, source: str) -> str:
    name = getattr(ssl.optimizer, "__name__", ssl.optimizer).lower()
    rate = f"{name} {ssl.learning_rate:g}, decay {ssl.weight_decay:g}"
    return f"{type(ssl).__name__}, batch {ssl.batch_size}, {rate}; {source}"


def _names(text: str) -> list[str]:
    names = list(PRESETS) if text.lower() == "all" else text.lower().split(",")
    for name in names:
        if name not in PRESETS:
            raise argparse.ArgumentTypeError(f"there is no {name!r}; --list shows the names")
    return names


def _at_least(least: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {text}")
        return int(text)

    return integer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", type=_names, metavar="NAME", help='by comma, or "all"')
    parser.add_argument("--list", action="store_true", help="print the presets, and stop")
    parser.add_argument("--epochs", type=_at_least(0), default=200)
    parser.add_argument("--batch-size", type=_at_least(2), help="the preset's if not given")
    parser.add_argument("--device", default="auto", help="such as cuda; a GPU if there is one")
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    parser.add_argument("--rows", type=_at_least(10), help="so many images only, also to test")
    parser.add_argument("--curve", type=_at_least(1), help="print k-NN every so many epochs")
    parser.add_argument("--seed", type=_at_least(0), default=0)
    parser.add_argument("--json", type=Path, help="file to keep the results in")
    arguments = parser.parse_args()
    if arguments.list:
        for name, preset in PRESETS.items():
            print(f"{name:<12} {_describe(preset.build(), preset.source)}")
        return
    if arguments.method is None:
        parser.error("say --method NAME; --list shows the names")
    device = resolve_device(arguments.device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    print(f"skssl {skssl.__version__}, torch {torch.__version__}, {where}")
    kept = Kept(arguments.json)
    # What else makes a difference to a method.
    table = (
        f"{arguments.epochs} epochs, batch {arguments.batch_size or 'of the preset'}, "
        f"{arguments.rows or 'all'} images, {arguments.precision}, seed {arguments.seed}"
    )
    for name in arguments.method:
        result = kept.table(table).get(name)
        if result is None:
            result = kept.put(table, name, _train(name, arguments, device))
        print(
            f"{name} after {result['epochs']} epochs: k-NN {result['knn']:.4f}, linear "
            f"{result['linear']:.4f}, {result['seconds_per_epoch']:.1f} s per epoch",
            flush=True,
        )


def _train(name: str, arguments: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Train by a preset; return what is printed and kept of it."""
    full, preset = cifar10(), PRESETS[name]
    task = Task(*(part[: arguments.rows] for part in (full.X, full.y, full.X_test, full.y_test)))
    ssl = preset.build(
        arguments.batch_size,
        max_epochs=arguments.epochs,
        device=device,
        precision=arguments.precision,
        random_state=arguments.seed,
        callbacks=[Curve(task, arguments.curve)] if arguments.curve else None,
        verbose=int(sys.stderr.isatty()),
    )
    print(f"{name}: {_describe(ssl, preset.source)}", flush=True)
    ssl.fit(task.X)
    return {
        "preset": f"{name}: {_describe(ssl, preset.source)}",
        "epochs": ssl.n_iter_,
        **evaluate(ssl, task),
        # The first epochs are slower than the others.
        "seconds_per_epoch": statistics.median([row["dur"] for row in ssl.history_] or [0.0]),
        "curve": [(row["epoch"], row["knn"]) for row in ssl.history_ if "knn" in row],
        "loss": ssl.loss_curve_,
    }


if __name__ == "__main__":
    main()
