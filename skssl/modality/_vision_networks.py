"""Folders of networks for images and clips, as `transformers` writes them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from skssl._quote import quoted
from skssl.modality._folders import build_network, open_folder, read_json
from skssl.nn import IMAGENET_MEAN, IMAGENET_STD, Pretrained, VisionEncoder, VisionPooling, Weights

_IMAGENET = (IMAGENET_MEAN, IMAGENET_STD)
_HALF = ((0.5,) * 3, (0.5,) * 3)
# Where a folder may say how samples are prepared, that for clips first.
_PREPARATIONS = ("video_preprocessor_config.json", "preprocessor_config.json")
# Ways to resize, by the numbers that PIL has for them.
_INTERPOLATIONS: dict[int, Literal["linear", "cubic"]] = {2: "linear", 3: "cubic"}


@dataclass(frozen=True)
class _Kind:
    """What is known of the networks of one kind.

    Parameters
    ----------
    pooling : {"mean", "cls"}
        What the authors take of the tokens where nothing is trained on top of them.
    scale : pair of tuple of float
        Mean and standard deviation that they trained with, where a folder does not say so.
    frames : str, default=None
        Under which name the configuration has the number of frames; None for networks for images.
    takes_fewer : bool, default=False
        Whether there may be fewer frames than that.
    takes_any_size : bool, default=False
        Whether samples may have another size than the configuration says.
    options : mapping, default=None
        What a network is told beside its samples.
    """

    pooling: VisionPooling
    scale: tuple[tuple[float, ...], tuple[float, ...]]
    frames: str | None = None
    takes_fewer: bool = False
    takes_any_size: bool = False
    options: Mapping[str, bool] | None = None


# By `model_type`. VideoMAE's classifiers take the mean of the tokens; those of V-JEPA 2 learn what
# to look at, and the mean is what can be had without. The first token of the others stands for all.
_KINDS = {
    "videomae": _Kind("mean", _IMAGENET, frames="num_frames"),
    "vjepa2": _Kind(
        "mean",
        _IMAGENET,
        frames="frames_per_clip",
        takes_fewer=True,
        options={"skip_predictor": True},
    ),
    "vit": _Kind("cls", _HALF),
    "deit": _Kind("cls", _IMAGENET),
    "dinov2": _Kind("cls", _IMAGENET, takes_any_size=True),
    "dinov2_with_registers": _Kind("cls", _IMAGENET, takes_any_size=True),
    "dinov3_vit": _Kind("cls", _IMAGENET, takes_any_size=True),
}


@dataclass
class VisionNetwork:
    """What there is to know of a network for images or clips, but for its weights.

    Parameters
    ----------
    config : str
        The configuration of `transformers`, in JSON.
    size : tuple of int
        Height and width that it takes.
    crop : float or None
        Part of `size` in what samples are resized to first; None brings all of a sample to `size`.
    mean, std : tuple of float
        Of values from 0 to 1.
    interpolation : {"linear", "cubic"}
    channels : int
    """

    config: str
    size: tuple[int, int]
    crop: float | None
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: Literal["linear", "cubic"]
    channels: int

    def build(self, name: str, weights: Weights | None, *, frames: int | None = None) -> Pretrained:
        """Return the encoder with the weights that are asked for; None is random ones.

        Parameters
        ----------
        name : str
            What an error calls it.
        weights : Weights or None
        frames : int, default=None
            How many frames the clips have; None for images.
        """
        config = json.loads(self.config)
        kind = _KINDS[config["model_type"]]
        size: tuple[int, ...] = self.size
        if kind.frames is not None and frames is not None:
            size = (_frames(name, kind, config, frames), *size)
        network = build_network(name, self.config, weights)
        return Pretrained(
            VisionEncoder(network, pooling=kind.pooling, options=kind.options),
            mean=self.mean,
            std=self.std,
            size=size,
            crop=self.crop,
            channels=self.channels,
            interpolation=self.interpolation,
        )


def read_vision_network(name: str, *, for_clips: bool) -> VisionNetwork:
    """Return what a folder says of its network, but for the weights.

    Parameters
    ----------
    name : str
        "HUB/" and a folder, or the name of one that the hub has.
    for_clips : bool
        Whether the samples are clips, rather than images.

    Raises
    ------
    ImportError
        Without the package `transformers`.
    ValueError
        If there is no such folder and it cannot be had, something is missing in it, or it holds
        something else.
    """
    folder, config = open_folder(name)
    kind = _KINDS.get(config.model_type)
    if kind is None or for_clips != (kind.frames is not None):
        samples = "clips" if for_clips else "images"
        known = [key for key, kind in _KINDS.items() if for_clips == (kind.frames is not None)]
        raise ValueError(
            f"encoder={name!r} is a network of the kind {config.model_type!r}, and the samples of "
            f"X are {samples}; known for these are {', '.join(map(repr, known))}. Another one that "
            f"takes {samples} is passed as a module, which returns one vector for each of them, in "
            "skssl.nn.Pretrained(module, mean=..., std=..., size=...)."
        )
    said = config.to_dict()
    own = _sides(said.get("image_size", said.get("crop_size")), name, "image_size", "config.json")
    shown = _Preparation(folder, name, own, kind)
    if not kind.takes_any_size and shown.size != own:
        raise ValueError(
            f"encoder={name!r}: {shown.file} brings samples to {shown.size[0]}x{shown.size[1]} "
            f"pixels, and the network takes {own[0]}x{own[1]} (config.json). They belong to "
            "different networks."
        )
    channels = said.get("num_channels", said.get("in_chans", 3))
    for title, numbers in (("image_mean", shown.mean), ("image_std", shown.std)):
        if len(numbers) not in (1, channels):
            raise ValueError(
                f"encoder={name!r}: {title} of {shown.file} has {len(numbers)} values, and the "
                f"network takes {channels} channels (config.json)."
            )
    return VisionNetwork(
        json.dumps(said, default=str),
        shown.size,
        shown.crop,
        shown.mean,
        shown.std,
        shown.interpolation,
        channels,
    )


class _Preparation:
    """How a folder says that samples are prepared.

    Without a file that says it, they are brought to the size of the network, of which the middle is
    taken, and to the mean and the standard deviation that the authors trained with.
    """

    def __init__(self, folder: Path, name: str, own: tuple[int, int], kind: _Kind):
        self._name = name
        self.file = next((file for file in _PREPARATIONS if (folder / file).exists()), None)
        said = {} if self.file is None else read_json(folder / self.file, name, dict)
        self.size, self.crop = self._sizes(said, own)
        self.mean, self.std = self._scale(said, kind)
        way = said.get("resample", 2)
        if way not in _INTERPOLATIONS:
            raise ValueError(
                f"encoder={name!r}: resample of {self.file} must be 2 (bilinear) or 3 (bicubic), "
                f"got {quoted(way)}."
            )
        self.interpolation = _INTERPOLATIONS[way]

    def _sizes(
        self, said: dict[str, Any], own: tuple[int, int]
    ) -> tuple[tuple[int, int], float | None]:
        """Return the size in the end, and its part in what samples are resized to first."""
        resized = said.get("size") if said.get("do_resize", True) else None
        cut = said.get("crop_size") if said.get("do_center_crop", False) else None
        shortest = resized.get("shortest_edge") if isinstance(resized, dict) else None
        if isinstance(resized, int) and cut is not None:
            # As it was written before there were names for it.
            shortest = resized
        if shortest is None:
            size = own if resized is None else self._read_sides(resized, "size")
            if cut is None or resized is None:
                return size, None if resized is not None else 1.0
            final = self._read_sides(cut, "crop_size")
            if final == size:
                return size, None
            raise ValueError(
                f"encoder={self._name!r}: {self.file} resizes samples to {size[0]}x{size[1]} "
                f"pixels, whatever their form, and cuts {final[0]}x{final[1]} out of these, which "
                "is not known here: size must have a shortest_edge."
            )
        (edge, _) = self._read_sides(shortest, "size")
        size = own if cut is None else self._read_sides(cut, "crop_size")
        if cut is None:
            return size, 1.0
        if size[0] != size[1] or edge < size[0]:
            raise ValueError(
                f"encoder={self._name!r}: {self.file} resizes samples to a shortest_edge of {edge} "
                f"pixels, and cuts {size[0]}x{size[1]} out of these; crop_size must be a square "
                "that is no larger."
            )
        return size, size[0] / edge

    def _read_sides(self, value: object, title: str) -> tuple[int, int]:
        return _sides(value, self._name, title, str(self.file))

    def _scale(
        self, said: dict[str, Any], kind: _Kind
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and standard deviation of values from 0 to 1."""
        # Of bytes, of which images here are a 255th.
        factor = said.get("rescale_factor", 1 / 255) if said.get("do_rescale", True) else 1.0
        (factor,) = self._numbers(factor, "rescale_factor")
        unit = 1.0 if math.isclose(255 * factor, 1.0) else 255 * factor
        mean, std = kind.scale
        if not said.get("do_normalize", True):
            mean, std = (0.0,), (1.0,)
        elif self.file is not None:
            mean = self._numbers(said.get("image_mean", mean), "image_mean")
            std = self._numbers(said.get("image_std", std), "image_std")
        if not (unit > 0 and min(std) > 0):
            raise ValueError(
                f"encoder={self._name!r}: rescale_factor and image_std of {self.file} must be "
                f"above 0, got {quoted(factor)} and {quoted(std)}."
            )
        return tuple(value / unit for value in mean), tuple(value / unit for value in std)

    def _numbers(self, value: object, title: str) -> tuple[float, ...]:
        numbers = value if isinstance(value, (list, tuple)) else [value]
        are_fine = all(
            isinstance(number, (int, float)) and not isinstance(number, bool) for number in numbers
        )
        if not (numbers and are_fine and all(map(math.isfinite, numbers))):
            raise ValueError(
                f"encoder={self._name!r}: {title} of {self.file} must be finite numbers, got "
                f"{quoted(value)}."
            )
        return tuple(map(float, numbers))


def _sides(value: object, name: str, title: str, file: str) -> tuple[int, int]:
    """Return height and width, of one number, two, or a dict with both."""
    sides: list[Any]
    if isinstance(value, dict):
        sides = [value.get("height"), value.get("width")]
    elif isinstance(value, (list, tuple)):
        sides = list(value)
    else:
        sides = [value, value]
    are_sizes = all(isinstance(side, int) and not isinstance(side, bool) for side in sides)
    if len(sides) != 2 or not are_sizes or min(sides) < 1:
        raise ValueError(
            f"encoder={name!r}: {title} of {file} must be a height and a width of at least 1, got "
            f"{quoted(value)}."
        )
    return cast("tuple[int, int]", tuple(sides))


def _frames(name: str, kind: _Kind, config: dict[str, Any], have: int) -> int:
    """Return how many frames of clips a network gets."""
    most, together = config[str(kind.frames)], config.get("tubelet_size", 1)
    if have >= most:
        return int(most)
    if not kind.takes_fewer:
        raise ValueError(
            f"encoder={name!r} takes {most} frames ({kind.frames} of config.json), and the clips "
            f"of X have {have}. Cut longer clips, from which {most} frames are taken at even "
            "distances."
        )
    if have < together:
        raise ValueError(
            f"encoder={name!r} takes {together} frames at least (tubelet_size of config.json), and "
            f"the clips of X have {have}."
        )
    return int(have // together * together)
