"""Weights that others have trained: read without running code, and loaded as a whole or not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from skssl._quote import quoted
from skssl._torch_compat import newest_form

#: A state dict: tensors, or NumPy arrays, by their names.
StateDict = Mapping[str, Tensor | np.ndarray]

# Under which a file of a training keeps the weights.
_NESTED = ("state_dict", "model", "model_state_dict")
# What DistributedDataParallel and torch.compile put before every name.
_PREFIXES = ("module.", "_orig_mod.")
# What Pretrained and ``encoder_`` have beside the weights of a network.
_OF_OURS = {"mean", "std", "scales", "before", "after"}
# How files end that weights and fitted methods are in.
_ENDINGS = (".bin", ".ckpt", ".joblib", ".npz", ".pkl", ".pt", ".pth", ".safetensors", ".skops")
# Names that an error mentions.
_MOST_NAMED = 3
# What BatchNorm has had since 2018, and does not need.
_OPTIONAL = ".num_batches_tracked"


class Weights:
    """Where the weights of an encoder come from.

    Parameters
    ----------
    source : str, Path or mapping
        A name, with "auto" for that which is usual; a file; or a state dict.
    only_form : bool
        Whether the weights themselves are filled in later, so that nothing is to be read: a network
        of the same form is all that is asked for.
    """

    def __init__(self, source: str | Path | StateDict | None, *, only_form: bool = False):
        if isinstance(source, str) and looks_like_file(source):
            raise ValueError(
                f"weights={quoted(source)} is a str, which is a name of weights; a file is passed "
                f"as weights=pathlib.Path({quoted(source)})."
            )
        self._source = source
        self.only_form = only_form

    @property
    def name(self) -> str | None:
        """The name that was said, "auto" included; None for a file or a state dict."""
        return self._source if isinstance(self._source, str) else None

    @property
    def may_be_gone(self) -> bool:
        """Whether they are read from a file or downloaded, which may not be possible later."""
        return isinstance(self._source, (str, Path))

    def read(self) -> dict[str, Tensor]:
        """Return the state dict of a file, or the one that is at hand."""
        if isinstance(self._source, Path):
            return read_state_dict(self._source)
        assert not isinstance(self._source, str)
        return _tensors(self._source, title="weights")

    def load_into(
        self, network: nn.Module, *, title: str, without: tuple[str, ...] = ()
    ) -> nn.Module:
        """Give a network the weights of a file or a state dict, all of them; return it.

        Parameters
        ----------
        network : nn.Module
        title : str
            What an error calls the network.
        without : tuple of str
            Beginnings of names that the network does without, such as those of a classifier.

        Raises
        ------
        ValueError
            If the weights are a name, cannot be read, or do not fit. Nothing is loaded then.
        """
        if self.name is not None:
            raise ValueError(
                f"weights={self.name!r} is a name, and there are no weights by name for {title}. "
                "Files are passed as pathlib.Path(...), weights in memory as a dict."
            )
        if not self.only_form:
            what = "weights" if not isinstance(self._source, Path) else f"{str(self._source)!r}"
            load_whole(network, self.read(), title=title, what=what, without=without)
        return network


def looks_like_file(name: str) -> bool:
    """Whether a str in the place of a name is the path of a file, by how it is written."""
    return name.lower().endswith(_ENDINGS) or "/" in name or "\\" in name


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file of safetensors, or of a state dict, without running its code.

    Raises
    ------
    ValueError
        If there is no such file, or it is something else.
    """
    path = path.expanduser()
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "is not there"
        raise ValueError(f"weights={str(path)!r} {what}.")
    try:
        if _is_safetensors(path):
            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    # What a file of something else raises can be anything.
    except Exception as error:
        raise ValueError(
            f"weights={str(path)!r} is no file of weights that can be read without running code "
            f"({_reason(error)}). Write network.state_dict() with safetensors.torch.save_file or "
            "torch.save, with a version that is not newer than the one that reads it."
        ) from error
    return _tensors(content, title=f"weights={str(path)!r}")


def _reason(error: Exception) -> str:
    """Say why a file cannot be read, without torch's advice to run its code."""
    said = str(error)
    _, is_advice, inner = said.partition("WeightsUnpickler error:")
    if is_advice or said.startswith("Weights only"):
        found = re.search(r"GLOBAL (\S+)", inner)
        return f"it holds {found[1]}" if found else "it holds something else than tensors"
    first = next((line.strip() for line in said.splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first}".rstrip(": .")


def _is_safetensors(path: Path) -> bool:
    # The length of the header comes first, then its bracket.
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _tensors(content: object, *, title: str) -> dict[str, Tensor]:
    """Return a state dict with tensors; raise an error if it is something else."""
    while isinstance(content, Mapping):
        nested = [name for name in _NESTED if isinstance(content.get(name), Mapping)]
        if not nested:
            break
        content = content[nested[0]]
    if not isinstance(content, Mapping) or not content:
        raise ValueError(
            f"{title} must be a state dict, names with a tensor each, got "
            f"{'an empty one' if isinstance(content, Mapping) else type(content).__name__}."
        )
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, (Tensor, np.ndarray)):
            inner = next((key for key, part in content.items() if isinstance(part, Mapping)), None)
            hint = f" If the weights are under {inner!r}, pass what is there." if inner else ""
            raise ValueError(
                f"{title} must be a state dict, names with a tensor each, but {quoted(name)} is "
                f"{type(value).__name__}.{hint}"
            )
    _refuse_future(content, title=title)
    return {name: _tensor(name, value, title=title) for name, value in content.items()}


def _tensor(name: str, value: Tensor | np.ndarray, *, title: str) -> Tensor:
    """Return an entry of a state dict as a tensor that can be copied from."""
    if isinstance(value, np.ndarray):
        kind: object = value.dtype
        if value.dtype.kind in "biufc":
            # torch has no arrays that go backwards, in other orders of bytes, or to be read only.
            usual = np.asarray(value, dtype=value.dtype.newbyteorder("="), order="C")
            try:
                return torch.from_numpy(usual if usual.flags.writeable else usual.copy())
            except TypeError:  # of kinds of numbers that it has not
                pass
    else:
        kind = "meta" if value.is_meta else value.dtype if value.is_quantized else value.layout
        if not value.is_meta and not value.is_quantized and value.layout is torch.strided:
            return value
    raise ValueError(
        f"{title}: {quoted(name)} is of the kind {kind}, and must be a dense tensor, or an array, "
        "of numbers."
    )


def _without_prefixes(
    weights: Mapping[str, Tensor], own: Mapping[str, object]
) -> dict[str, Tensor]:
    """Take away what wrappers put before all names, where these do not fit as they are."""
    named = dict(weights)
    while not own.keys() & named.keys():
        prefix = next((p for p in _PREFIXES if all(n.startswith(p) for n in named)), None)
        if prefix is None:
            break
        named = {name.removeprefix(prefix): value for name, value in named.items()}
    return named


def _refuse_future(content: object, *, title: str) -> None:
    """Raise an error if layers of torch wrote the weights in a form that they do not know here."""
    newest = newest_form()
    for path, written in getattr(content, "_metadata", {}).items():
        version = written.get("version") if isinstance(written, Mapping) else None
        if isinstance(version, int) and version > newest:
            raise ValueError(
                f"{title}: the layer {path!r} was written in form {version}, and the torch of this "
                f"environment ({torch.__version__}) knows forms up to {newest}. Read it with "
                "the version that wrote it."
            )


@torch.no_grad()
def load_whole(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    *,
    title: str,
    what: str,
    without: tuple[str, ...] = (),
) -> None:
    """Give a network weights that fit it as a whole; raise an error, and change nothing, if not.

    Parameters
    ----------
    network : nn.Module
    weights : mapping of str to Tensor
    title, what : str
        What an error calls the network, and the weights.
    without : tuple of str
        Beginnings of names that the network does without.
    """
    own = network.state_dict()
    weights = _without_prefixes(weights, own)
    given = {name: value for name, value in weights.items() if not name.startswith(without or "\0")}
    missing = [name for name in own if name not in given and not name.endswith(_OPTIONAL)]
    unknown = [name for name in given if name not in own]
    wrong = [n for n in own if n in given and own[n].shape != given[n].shape]
    problems = [
        f"{len(names)} {said}: {_listed(names)}"
        for names, said in (
            (missing, f"of {len(own)} of {title} are missing"),
            (unknown, f"of {len(given)} belong nowhere in it"),
        )
        if names
    ]
    if wrong:
        shapes = [f"{n!r} is {tuple(given[n].shape)}, not {tuple(own[n].shape)}" for n in wrong]
        problems.append(f"{len(wrong)} have another shape: {'; '.join(shapes[:_MOST_NAMED])}")
    other = [n for n in own if n in given and _kind(own[n]) != _kind(given[n])]
    other = [name for name in other if not name.endswith(_OPTIONAL)]
    if other:
        dtypes = [f"{n!r} is {given[n].dtype}, not {own[n].dtype}" for n in other[:_MOST_NAMED]]
        problems.append(f"{len(other)} have another dtype: {'; '.join(dtypes)}")
    # In the precision of the network, whose range is another one.
    able = [n for n in own if n in given and n not in other and own[n].isfinite().all()]
    broken = [n for n in able if not given[n].to(own[n].dtype).isfinite().all()]
    if broken:
        problems.append(f"{len(broken)} hold values that are not finite: {_listed(broken)}")
    if problems:
        said = "these do" if what == "weights" else f"{what} does"
        hint = (
            " They are of an encoder that was fitted here: pass encoder=fitted.encoder_, or the "
            "Path of a file of the fitted method, in the place of weights."
            if _OF_OURS & given.keys()
            else ""
        )
        raise ValueError(
            f"weights: {said} not fit {title}, so that nothing was loaded. Of the names, "
            f"{', and '.join(problems)}.{hint}"
        )
    for name, tensor in own.items():
        if name in given:
            tensor.copy_(cast(Tensor, given[name]))


def _kind(tensor: Tensor) -> str:
    """Say what kind of numbers a tensor has, whose precision may be another one."""
    if tensor.is_complex():
        return "complex"
    return "real" if tensor.is_floating_point() else "whole"


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:_MOST_NAMED]))
    return f"{shown}, ..." if len(names) > _MOST_NAMED else shown
