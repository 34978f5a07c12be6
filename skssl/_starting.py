"""Where the training of an encoder starts: at random, or from what is known."""

from __future__ import annotations

import copy
import difflib
import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from skssl._declare import AUTO, POSITIVE_INT, Declared, Options, StrOptions, param
from skssl._quote import quoted, quoted_path
from skssl._samples import TakesSamples
from skssl._types import Auto
from skssl.exceptions import InconsistentVersionWarning
from skssl.modality import Modality, Rescale, registered_encoders
from skssl.nn import (
    Embedding,
    Plan,
    Pretrained,
    StateDict,
    Weights,
    check_plan,
    looks_like_file,
)

# What names of encoders begin with that are folders.
_FOLDERS = "transformers"

EncoderParameter = str | Path | nn.Module | Callable[[tuple[int, ...]], nn.Module]


class _Share(Options):
    """A part of the layers, from none to all."""

    def __init__(self) -> None:
        self.hidden = False

    def is_satisfied_by(self, val: object) -> bool:
        return isinstance(val, Real) and not isinstance(val, bool) and 0 <= float(val) <= 1

    def __str__(self) -> str:
        return "a number from 0 to 1, the part of the layers"


FREEZE = (_Share(), StrOptions({"all", "norm"}), None)


class StartParameters(Declared):
    """The parameters that say what is trained, and where it starts.

    Parameters
    ----------
    modality : "auto" or Modality, default="auto"
        What a sample is: an instance of a class in :mod:`skssl.modality`. "auto" tells by the
        shape and dtype of `X`, by the rule in :func:`skssl.modality.infer_modality`.
    encoder : str, nn.Module, Path or callable, default="auto"
        The network from sample to embedding. "auto" is a small one that suits the modality and a
        CPU. Other names are those of the modality, such as "conv", "vit" and torchvision's
        ("resnet18", ...) for images, and "timm/NAME" for timm's. A module is copied and trained
        from the weights that it has, such as a :class:`~skssl.nn.Pretrained` or the ``encoder_`` of
        a fitted method; a Path is the file of one that skops has written, or the folder of a
        network of transformers for texts, images or clips, also "transformers/NAME". A callable
        gets the shape of one prepared sample, such as (channels, height, width), and returns a
        module.
    weights : str, Path, dict or None, default="auto"
        What the encoder starts from: torchvision's or timm's name of weights, such as
        "IMAGENET1K_V1"; a file of safetensors or of a state dict, as a ``pathlib.Path``; or a state
        dict. None is random weights for a name, and leaves a module
        as it is. "auto" is what a module has; for "timm/NAME" and others' names
        of that form what they come with, and for other names random weights. Files are read without
        running code, and fit as a whole, or not at all. An encoder that starts from weights,
        :class:`~skssl.nn.Pretrained` and ``encoder_`` are adapted: for the first tenth of
        the steps, the head learns alone, then the encoder as well, at a tenth of the rate and less
        for the first layers, and BatchNorm keeps its statistics.
    freeze : float, {"all", "norm"} or None, default=None
        What stays as it is of the encoder: a part of its layers from the first one on, from 0
        to 1, all of it, or its norms.
    lora_rank : int, default=None
        Learn a change of this rank for each linear layer and attention of the encoder that is
        not frozen - by `freeze`, or without ``requires_grad`` - instead of all weights, which need
        less memory then and forget less. Layers whose weights are shared, or computed from others,
        are left out. The change is a part of the weights when the training ends.
    """

    modality: Auto[Modality] = param(AUTO, Modality, default="auto")
    encoder: EncoderParameter = param(str, Path, nn.Module, callable, default="auto")
    weights: str | Path | StateDict | None = param(str, Path, Mapping, None, default="auto")
    freeze: float | str | None = param(*FREEZE, default=None)
    lora_rank: int | None = param(POSITIVE_INT, None, default=None)


class StartsFrom(TakesSamples):
    """What finds the encoder that a training starts with."""

    encoder: EncoderParameter
    weights: str | Path | StateDict | None
    freeze: float | str | None
    lora_rank: int | None

    # Whether a network of the same form is all that is asked for.
    _only_form = False
    # Whether rows of the embedding have one length; those of older files have not.
    _one_length = False
    # Of a folder, how it is called among the names of encoders.
    _folder_name: str | None = None
    # Of a start that is read, what trainings have changed, as it was before; None of others.
    _start_weights: dict[str, np.ndarray] | None = None

    def takes_one_size(self) -> bool:
        """Whether the encoder may take samples of one size only: a user's own, or others'.

        Returns
        -------
        bool
            False for encoders by name that skssl builds.
        """
        return self._name() is None or self._starting_weights() is not None

    def starts_from_known(self) -> bool:
        """Whether the encoder has weights that something was learned with, for all one knows.

        Returns
        -------
        bool
            True for a module, a file, and names with `weights`.
        """
        is_whole = isinstance(self.encoder, (nn.Module, Path)) and self._name() is None
        return is_whole or self._starting_weights() is not None

    def _name(self) -> str | None:
        """Return the name of the encoder, also if it is that of a folder; None without one."""
        return self.encoder if isinstance(self.encoder, str) else self._folder_name

    def _find_folder_name(self) -> str | None:
        """Return how a folder is called among the names of encoders, None if there is none.

        Raises
        ------
        ValueError
            If it can hold no network for samples of this modality.
        """
        encoder = self.encoder
        if not isinstance(encoder, Path) or not encoder.expanduser().is_dir():
            return None
        if _FOLDERS not in self.modality_.hubs:
            raise ValueError(
                f"encoder=Path({quoted_path(encoder)}) is a folder. One of transformers can be the "
                f"encoder of Images, Text and Video, and X is {type(self.modality_).__name__}; "
                "of a fitted method, the file is passed that skops.io.dump has written."
            )
        return f"{_FOLDERS}/{encoder}"

    def _expect_known(self) -> None:
        """Tell the modality, before it is fitted, what the encoder has learned from."""
        known, is_known = self._known_embedding(), self.starts_from_known()
        if known is not None:
            is_known = _keeps_values(known.prepare)
        self.modality_.expect_known(is_known)

    def is_adapted(self) -> bool:
        """Whether the encoder is known to be trained, so that it is adapted gently.

        Returns
        -------
        bool
            Unlike `starts_from_known`, False for a module of the user's that nothing is known of.
        """
        is_known = isinstance(self.encoder, (Embedding, Pretrained, Path)) and self._name() is None
        return is_known or self._starting_weights() is not None

    def plan(self) -> Plan:
        """Return how the encoder is trained.

        Returns
        -------
        skssl.extend.Plan
            It has `is_adapted`, whether the head learns alone at first and the encoder slowly then,
            and the parameters `freeze` and `lora_rank`.
        """
        return Plan(
            is_adapted=self.is_adapted(),
            freeze=self.freeze,
            lora_rank=self.lora_rank,
        )

    def _starting_weights(self) -> Weights | None:
        """Return the weights that are to be loaded; None for those that are there, or random."""
        if self.weights is None:
            return None
        if isinstance(self.weights, str) and self.weights == "auto":
            return Weights("auto", only_form=self._only_form) if self._hub() else None
        # In the place of a file or a state dict, there is True when a state is read.
        source: Any = None if self.weights is True else self.weights
        return Weights(source, only_form=self._only_form)

    def _may_be_gone(self) -> bool:
        """Whether the start is read from a file or downloaded, which may not be possible later."""
        weights = self._starting_weights()
        is_file = isinstance(self.encoder, Path) and self._name() is None
        return is_file or (weights is not None and weights.may_be_gone)

    @contextmanager
    def _keeping_start(self) -> Iterator[None]:
        """Keep what a training changes of an encoder that could not be read once more."""
        if self._start_weights is None:
            yield
            return
        # What goes on has kept it when it started.
        self._start_weights = _arrays_of(self._objective.encoder) | self._start_weights
        yield
        now = _arrays_of(self._objective.encoder)
        self._start_weights = {
            name: values
            for name, values in self._start_weights.items()
            if name in now and not np.array_equal(values, now[name])
        }

    def _encoder_at_start(self) -> nn.Module:
        """Return the encoder that the training started with."""
        if self._start_weights is None:
            return self._resolve_encoder(self.stand_ins())
        encoder = copy.deepcopy(self.encoder_.encoder)
        changed = {name: torch.tensor(values) for name, values in self._start_weights.items()}
        encoder.load_state_dict(changed, strict=False)
        return encoder

    def _hub(self) -> str | None:
        """Return what comes before the slash of an encoder that others have trained."""
        hub, slash, _ = (self._name() or "").partition("/")
        return hub if slash and hub in self.modality_.hubs else None

    def _resolve_encoder(self, samples: Tensor) -> nn.Module:
        weights = self._starting_weights()
        name = self._name()
        if name is not None:
            return self._encoder_by_name(name, weights, samples)
        known = self._known_encoder()
        if known is not None:
            if weights is not None:
                weights.load_into(known, title=f"encoder={quoted(self.encoder)}")
            return known
        stem = self.modality_.stem()
        with torch.no_grad():
            shown = self.modality_.input_layer()(samples[:2])
            filled = shown if stem is None else stem.eval()(shown)
        own = self._own_encoder(filled)
        if weights is not None:
            inner = own.module if isinstance(own, Pretrained) else own
            weights.load_into(inner, title=f"encoder={type(inner).__name__}")
        return own if stem is None else nn.Sequential(OrderedDict(stem=stem, body=own))

    def _known_embedding(self) -> Embedding | None:
        """Return the encoder of a fitted method, None if there is none to go on with."""
        encoder = self.encoder
        if isinstance(encoder, Path) and self._name() is None:
            encoder = _method_in(encoder).encoder_
        return encoder if isinstance(encoder, Embedding) else None

    def _known_encoder(self) -> nn.Module | None:
        """Return a copy of the network to go on with, None if there is none."""
        known = self._known_embedding()
        return None if known is None else copy.deepcopy(known.encoder)

    def _encoder_by_name(self, name: str, weights: Weights | None, samples: Tensor) -> nn.Module:
        hub = self._hub()
        if hub is None and name != "auto":  # Listing the names of torchvision takes seconds.
            self._check_name(name, ["auto", *self._encoder_names()])
        if hub is not None or weights is not None:
            encoder = self.modality_.start_encoder(name, weights, samples)
            if encoder is not None:
                return encoder
        encoder = self._build_encoder(name, samples)
        if weights is not None:
            weights.load_into(encoder, title=f"encoder={name!r}")
        return encoder

    def _check_name(self, name: str, names: list[str]) -> None:
        """Raise an error that says what is meant, or allowed, if an encoder is no name."""
        if name in names:
            return
        close = difflib.get_close_matches(name, names) or names[:3]
        hubs = self.modality_.hubs
        names = [*names, *(f"{hub}/NAME" for hub in hubs)]
        hint = ""
        if looks_like_file(name):
            hint = (
                f" A str is a name: if this is a file, pass pathlib.Path({quoted(name)}), that of "
                "a fitted method as encoder, and that of weights as weights."
            )
        if _FOLDERS in hubs and Path(name).expanduser().is_dir():
            hint = f" If this is the folder of a network, it is encoder=pathlib.Path({name!r})."
        raise ValueError(
            f"encoder={quoted(name)} is no encoder for {type(self.modality_).__name__}; did you "
            f"mean {' or '.join(map(repr, close))}? Allowed are {self._describe_encoders(names)}, "
            f"an nn.Module, or a callable.{hint}"
        )

    def _encoder_names(self) -> list[str]:
        """Return the names of the encoders that this method can train on the fitted modality."""
        return [*self.modality_.encoder_names(), *registered_encoders(self.modality_)]

    def _build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        """Return a new encoder: "auto" or one of the names."""
        added = registered_encoders(self.modality_)
        if name in added:
            return added[name](self.modality_, samples)
        return self.modality_.build_encoder(name, samples)

    def _own_encoder(self, samples: Tensor) -> nn.Module:
        """Return the user's own encoder for samples of this shape."""
        from skssl.training import ran_out_of_memory

        if isinstance(self.encoder, nn.Module):
            return _in_float32(copy.deepcopy(self.encoder))
        shape = tuple(samples.shape[1:])
        assert callable(self.encoder)
        try:
            encoder = self.encoder(shape)
        # What code of a user's raises can be anything.
        except Exception as error:
            if ran_out_of_memory(error):
                raise
            hint = "an object of this class, " if isinstance(self.encoder, type) else ""
            said = str(error).rstrip(".")
            raise ValueError(
                f"encoder={quoted(self.encoder)} was called with the shape of a sample, {shape}, "
                f"and raised {type(error).__name__}: {said}. Pass {hint}an nn.Module, or a "
                "callable that returns one for this shape."
            ) from error
        if not isinstance(encoder, nn.Module):
            raise ValueError(
                f"encoder={quoted(self.encoder)} is a callable and must return an nn.Module, "
                f"got {quoted(encoder)}."
            )
        return _in_float32(encoder)

    @staticmethod
    def _describe_encoders(names: list[str]) -> str:
        if len(names) <= 12:
            return ", ".join(map(repr, names))
        return (
            "'auto', 'conv', 'vit', the names in torchvision.models.list_models(), 'timm/NAME', "
            "'transformers/NAME'"
        )

    def _embedding_dim(self, encoder: nn.Module, samples: Tensor) -> int:
        """Run `encoder` on some samples, to see that it gives vectors, and of which size."""
        from skssl.training import ran_out_of_memory

        name = self._name()
        is_module = name is None and isinstance(self.encoder, nn.Module)
        who = type(self.encoder).__name__ if is_module else quoted(name or self.encoder)
        hint = ""
        if isinstance(self.encoder, type):
            hint = (
                f" This class was called with the shape of a sample; if it takes something else, "
                f"pass an object, such as {self.encoder.__name__}()."
            )
        with torch.no_grad():
            try:
                embedding = encoder.eval()(samples)
            # What a network of a user's raises can be anything.
            except Exception as error:
                is_ours = name is not None and not self.starts_from_known()
                if is_ours or ran_out_of_memory(error):
                    raise
                raise ValueError(
                    f"encoder={who} cannot embed a batch of {len(samples)} samples of "
                    f"{type(self.modality_).__name__}, which have shape "
                    f"{tuple(samples.shape[1:])}: {type(error).__name__}: "
                    f"{str(error).rstrip('.')}.{hint}"
                ) from error
        is_tensor = isinstance(embedding, Tensor)
        if not (is_tensor and embedding.ndim == 2 and len(embedding) == len(samples)):
            got = f"shape {tuple(embedding.shape)}" if is_tensor else type(embedding).__name__
            raise ValueError(
                f"encoder={quoted(self.encoder)} must turn a batch of n samples into a tensor of "
                f"shape (n, d), got {got} for {len(samples)} samples of shape "
                f"{tuple(samples.shape[1:])}.{hint}"
            )
        return embedding.shape[1]

    def _check_start(self, encoder: nn.Module) -> None:
        """Raise an error if an encoder can be no start, or if nothing of it would be trained."""
        name = self._name()
        title = type(encoder).__name__ if name is None else quoted(name)
        _check_finite(encoder, title=f"encoder={title}")
        if isinstance(self.modality_.input_layer(), Rescale):
            for part in encoder.modules():
                if isinstance(part, Pretrained):
                    part.check_unit_range()
        if self.max_epochs != 0:
            check_plan(encoder, self.plan(), title=type(self).__name__)


def _in_float32(module: nn.Module) -> nn.Module:
    """Give the weights of a module the precision of samples, if they all have another one.

    One that has several precisions knows itself where each is used.
    """
    kinds = {p.dtype for p in module.parameters() if p.is_floating_point()}
    return module.float() if len(kinds) == 1 else module


def _check_finite(network: nn.Module, *, title: str) -> None:
    """Raise an error if weights are NaN or infinite, as all that comes of them would be."""
    for name, weights in network.named_parameters():
        # What has no values yet, or none at all, is for the network to know.
        if not (is_lazy(weights) or weights.is_meta or bool(weights.isfinite().all())):
            raise ValueError(
                f"{title}: the weights {name!r} hold NaN or infinity, and so would every embedding."
            )


def _arrays_of(network: nn.Module) -> dict[str, np.ndarray]:
    """Return copies of the numbers of a network, by their names."""
    return {name: tensor.cpu().numpy().copy() for name, tensor in network.state_dict().items()}


def _keeps_values(prepare: nn.Module) -> bool:
    """Whether images went to an encoder in the range that their kind of numbers has."""
    if not isinstance(prepare, Rescale):
        return False
    is_usual = (prepare.span == 1) | (prepare.span == 255)
    return bool(((prepare.low == 0) & is_usual).all())


def _method_in(path: Path) -> Any:
    """Return the fitted method that a file of skops holds, without its heads.

    Raises
    ------
    ValueError
        If there is no such file, it holds something else, or a later version wrote it.
    """
    try:
        from skops.io import load
    except ImportError as error:
        raise ImportError(
            f"encoder={str(path)!r} is read without running code by skops: pip install "
            "'skssl[skops]'."
        ) from error
    from skssl import __version__
    from skssl.training import ran_out_of_memory
    from skssl.utils import encoder_only, trusted_types

    said, path = str(path), path.expanduser()
    if not path.is_file():
        raise ValueError(f"encoder=Path({said!r}): there is no such file or folder.")
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"encoder=Path({said!r}) must be the file of a fitted method, written with "
            "skops.io.dump, which can be read without running code. What is in another one can be "
            "passed as it is: encoder=joblib.load(...).encoder_. Files of weights go to weights=, "
            "and of a network of transformers, the folder is passed."
        )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", InconsistentVersionWarning)
        try:
            method = encoder_only(load(path, trusted=trusted_types()))
        # What a file of something else raises can be anything.
        except Exception as error:
            if ran_out_of_memory(error):
                raise
            raise ValueError(
                f"encoder=Path({said!r}) is no file of a fitted method that can be read here: "
                f"{type(error).__name__}: {error}. Files of weights go to weights=."
            ) from error
    for warning in told:
        version = getattr(warning.message, "original_version", None)
        if version is not None and _numbers(version) > _numbers(__version__):
            raise ValueError(
                f"encoder=Path({said!r}) was written by skssl {version}, which is newer than this "
                f"one, {__version__}."
            )
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return method


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))
