"""timm's networks as encoders. Imports timm only when one is asked for."""

from __future__ import annotations

import difflib
from typing import Any

from torch import nn

from skssl.nn._pretrained import Pretrained
from skssl.nn._weights import Weights


def timm_start(name: str, weights: Weights | None) -> Pretrained:
    """Build one of timm's networks, with what its configuration says that it expects.

    Parameters
    ----------
    name : str
        As timm has it, such as "resnet18" or "vit_small_patch14_dinov2.lvd142m".
    weights : Weights or None
        "auto" for those that timm downloads, another name for one of timm's tags, such as
        "a1_in1k"; None for random weights.
    """
    try:
        import timm
        from timm.data import resolve_data_config
    except ImportError as error:
        raise ImportError(
            f"encoder='timm/{name}' needs timm: pip install 'skssl[timm]'."
        ) from error

    tag = None if weights is None else weights.name
    if tag not in (None, "auto"):
        name = f"{name.split('.')[0]}.{tag}"
    if not timm.is_model(name.split(".")[0]):
        close = difflib.get_close_matches(name, timm.list_models(), n=2, cutoff=0.0)
        raise ValueError(
            f"encoder='timm/{name}' is no network of timm {timm.__version__}; did you mean "
            f"{' or '.join(repr(f'timm/{found}') for found in close)}?"
        )
    downloads = tag is not None and weights is not None and not weights.only_form
    try:
        network: nn.Module = timm.create_model(name, pretrained=downloads, num_classes=0)
    # What a hub raises can be anything.
    except Exception as error:
        if not downloads:
            raise ValueError(f"encoder='timm/{name}' cannot be built: {error}") from error
        raise ValueError(
            f"The weights of encoder='timm/{name}' could not be had ({type(error).__name__}: "
            f"{error}). Where there is a network, download model.safetensors from "
            f"https://huggingface.co/timm/{name}, and pass it as "
            "weights=pathlib.Path('.../model.safetensors'); weights=None is for random ones."
        ) from error
    config: dict[str, Any] = resolve_data_config({}, model=network)
    if weights is not None and tag is None:
        said: Any = network.pretrained_cfg
        classifiers = said.get("classifier") or ()
        classifiers = (classifiers,) if isinstance(classifiers, str) else tuple(classifiers)
        weights.load_into(
            network,
            title=f"encoder='timm/{name}'",
            without=tuple(f"{classifier}." for classifier in classifiers),
        )
    return Pretrained(
        network,
        mean=config["mean"],
        std=config["std"],
        size=config["input_size"][1:],
        crop=config["crop_pct"],
        channels=config["input_size"][0],
        interpolation="cubic" if config["interpolation"] == "bicubic" else "linear",
    )
