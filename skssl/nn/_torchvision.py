"""Torchvision's networks as encoders. Imports torchvision only when one is asked for."""

from __future__ import annotations

import difflib
import inspect
from typing import Any, cast
from urllib.error import URLError

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skssl.nn._pretrained import Pretrained
from skssl.nn._weights import Weights, load_whole

# Up to this side, in pixels, a ResNet's 7x7 stride-2 stem and its pooling would leave too little.
SMALL_IMAGE = 64

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)

# They pool smaller images away, or have an embedding for each position of one size.
_FOR_ONE_SIZE = ("alexnet", "convnext", "densenet", "inception", "maxvit", "vgg", "vit")


class ResizeTo(nn.Module):
    """Bring images to the size that a network was built for, by bilinear interpolation."""

    def __init__(self, size: tuple[int, int]):
        super().__init__()
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[2:] == self.size:
            return images
        return F.interpolate(images, self.size, mode="bilinear", align_corners=False)

    def extra_repr(self) -> str:
        return f"{self.size[0]}x{self.size[1]}"


def torchvision_names() -> list[str]:
    """Return the names of torchvision's classification networks."""
    from torchvision import models

    return models.list_models(module=models)


def torchvision_video_names() -> list[str]:
    """Return the names of torchvision's video networks that take clips of any size.

    MViT and S3D are not among them: they are made for 224 pixels.
    """
    from torchvision import models

    names = models.list_models(module=models.video)
    return [name for name in names if not name.startswith(("mvit", "s3d"))]


def torchvision_encoder(name: str, in_channels: int, image_size: tuple[int, int]) -> nn.Module:
    """Build an untrained torchvision network without its classifier.

    The first convolution takes `in_channels`, the last linear layer is replaced by the identity,
    and a ResNet for images of at most 64 pixels a side gets a 3x3 stem without pooling, as is
    usual for CIFAR. Networks that cannot take smaller images than `image_size`, which views may be,
    get them resized to it.

    Raises
    ------
    ValueError
        If the network has no linear classifier to take away, or needs square images.
    """
    from torchvision import models

    builder = models.get_model_builder(name)
    options = {}
    if "image_size" in inspect.signature(builder).parameters or name.startswith("vit_"):
        options["image_size"] = _square_side(name, image_size)
    if name in ("googlenet", "inception_v3"):
        options |= {"aux_logits": False, "init_weights": True}
    network = builder(weights=None, **options)

    classifier = _last(network, nn.Linear)
    if classifier is None:
        raise ValueError(f"encoder={name!r} has no linear classifier that could be taken away.")
    network.set_submodule(classifier, nn.Identity())
    if isinstance(network, models.ResNet) and max(image_size) <= SMALL_IMAGE:
        network.conv1 = nn.Conv2d(in_channels, 64, 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    elif in_channels != 3:
        first = next(name for name, m in network.named_modules() if isinstance(m, _CONVOLUTIONS))
        network.set_submodule(first, _with_channels(network.get_submodule(first), in_channels))
    if name.startswith(_FOR_ONE_SIZE):
        return nn.Sequential(ResizeTo(image_size), network)
    return network


def torchvision_start(name: str, weights: Weights) -> Pretrained:
    """Build a torchvision network with weights, with what torchvision shows it.

    The classifier is taken away, and nothing else is changed: it takes 3 channels, and images of
    the size that it was trained with. Weights of a file are taken to expect what torchvision's own
    weights of this network do.

    Parameters
    ----------
    name : str
        One that torchvision has.
    weights : Weights
        A name of torchvision's, with "auto" and "DEFAULT" for the best ones, or others.
    """
    from torchvision import models

    entry = _entry(name, weights)
    builder = models.get_model_builder(name)
    known = inspect.signature(builder).parameters
    shown: Any = entry.transforms()
    size, full = tuple(shown.crop_size), shown.resize_size
    size = size * 2 if len(size) == 1 else size
    options: dict[str, object] = {}
    if "image_size" in known or name.startswith("vit_"):
        options["image_size"] = size[0]
    if name in ("googlenet", "inception_v3"):
        # What their weights were trained with; the heads beside are not used.
        options |= {"aux_logits": False, "init_weights": False, "transform_input": True}
    network = builder(weights=None, **options)
    classifier = _last(network, nn.Linear)
    assert classifier is not None
    network.set_submodule(classifier, nn.Identity())
    without = (f"{classifier}.", "aux1.", "aux2.", "AuxLogits.")
    if weights.name is None:
        weights.load_into(network, title=f"encoder={name!r}", without=without)
    elif not weights.only_form:
        loaded = _downloaded(entry, name)
        title, what = f"encoder={name!r}", str(entry)
        load_whole(network, loaded, title=title, what=what, without=without)
    return Pretrained(
        network,
        mean=shown.mean,
        std=shown.std,
        size=size,
        crop=min(1.0, min(size) / min(full)),
        interpolation="cubic" if "bicubic" in str(shown.interpolation) else "linear",
    )


def _entry(name: str, weights: Weights) -> Any:
    """Return what torchvision says of the weights of a network, the default ones if unnamed."""
    from torchvision import models

    entries = models.get_model_weights(name)
    if weights.name in (None, "auto", "DEFAULT"):
        return cast(Any, entries).DEFAULT
    names = [entry.name for entry in entries]
    if weights.name not in names:
        hint = difflib.get_close_matches(str(weights.name), names, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"weights={weights.name!r} is no name of weights for encoder={name!r}; did you mean "
            f"{hint!r}? Allowed are {', '.join(map(repr, [*names, 'DEFAULT']))}, a file as "
            "pathlib.Path(...), a state dict, or None."
        )
    return entries[str(weights.name)]


def _downloaded(entry: Any, name: str) -> dict[str, Tensor]:
    """Return torchvision's weights, from its folder, or from the network."""
    try:
        loaded: dict[str, Tensor] = entry.get_state_dict(
            progress=False, check_hash=True, weights_only=True
        )
    except (URLError, OSError, RuntimeError) as error:
        file = entry.url.rsplit("/", 1)[-1]
        raise ValueError(
            f"The weights {entry.name!r} of encoder={name!r} could not be had "
            f"({type(error).__name__}: {error}). Where there is a network, download {entry.url}, "
            f"and put it at {torch.hub.get_dir()}/checkpoints/{file}, or anywhere, with "
            f"weights=pathlib.Path('.../{file}')."
        ) from error
    return loaded


def small_vit(in_channels: int, image_size: tuple[int, int]) -> nn.Module:
    """Build torchvision's vision transformer at a size that small images and a CPU bear.

    6 layers of width 192 with 3 heads. The side of a patch divides that of the image into about 8.
    Images of other sizes, which views may have, are resized, since every position of a patch has an
    embedding of its own.

    Raises
    ------
    ValueError
        If the images are not square.
    """
    from torchvision.models import VisionTransformer

    side = _square_side("vit", image_size)
    divisors = [size for size in range(1, side + 1) if side % size == 0]
    network = VisionTransformer(
        image_size=side,
        patch_size=min(divisors, key=lambda size: abs(side / size - 8)),
        num_layers=6,
        num_heads=3,
        hidden_dim=192,
        mlp_dim=768,
    )
    network.heads = nn.Identity()
    if in_channels != 3:
        network.conv_proj = _with_channels(network.conv_proj, in_channels)
    return nn.Sequential(ResizeTo(image_size), network)


def _square_side(name: str, image_size: tuple[int, int]) -> int:
    height, width = image_size
    if height != width:
        raise ValueError(f"encoder={name!r} takes square images only, got {height}x{width}.")
    return height


def _last(network: nn.Module, kind: type[nn.Module]) -> str | None:
    names = [name for name, module in network.named_modules() if isinstance(module, kind)]
    return names[-1] if names else None


def _with_channels(conv: nn.Module, in_channels: int) -> nn.Module:
    assert isinstance(conv, _CONVOLUTIONS)
    kind: Any = type(conv)  # of as many axes as its sizes have
    return kind(
        in_channels,
        conv.out_channels,
        conv.kernel_size,
        conv.stride,
        conv.padding,
        bias=conv.bias is not None,
    )
