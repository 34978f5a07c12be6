"""What files and other processes get of a fitted estimator, and how it becomes one again.

Networks are kept as the bytes of their tensors and built again from parameters and shapes. Nothing
of that is code, so that a file can be read without running any; and a file of one machine, device
or release of torch can be read by another.
"""

from __future__ import annotations

import copy
import json
import struct
import warnings
from itertools import chain
from typing import Any, Self, cast

import numpy as np
import torch
from safetensors.torch import load, save
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from skssl._by_value import by_value
from skssl._quote import quoted
from skssl._settings import own_settings
from skssl._warm_start import WarmStart
from skssl._warn import warn
from skssl.exceptions import InconsistentVersionWarning
from skssl.nn import Embedding, Objective, Queue, Teacher

# Where in a state the version is that wrote it.
_VERSION = "_skssl_version"
# Where in the metadata of safetensors numbers stand that are no tensors.
_NUMBERS = "numbers"
# What a training needs, and nothing that comes after it.
_FOR_TRAINING = (Queue, Teacher)


class Versioned(BaseEstimator):
    """Files say which version wrote them, and another version says so when it reads them."""

    def __getstate__(self) -> dict[str, Any]:
        from skssl import __version__

        return {**super().__getstate__(), _VERSION: __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from skssl import __version__

        state = {**state}
        version = state.pop(_VERSION, "an unknown version")
        if version != __version__:
            warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_version=__version__,
                    original_version=version,
                )
            )
        names = self._get_param_names()
        for name, value in state.items():
            # Only parameters have such names.
            if not name.startswith("_") and not name.endswith("_") and name not in names:
                warn(
                    f"The file of this {type(self).__name__} has {name}={quoted(value)}, which is "
                    f"not among its parameters, {', '.join(names)}: it was renamed or has gone "
                    "since, and is not used. Set what stands for it with set_params."
                )
        super().__setstate__(state)


class Trained(Versioned):
    """What has a history. Copies in memory have everything, also what files leave out."""

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if "history_" in state:
            state["history_"] = _as_columns(state["history_"])
            state["loss_curve_"] = np.array(state["loss_curve_"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "history_" in state:
            self.history_ = _as_rows(state["history_"])
            self.loss_curve_ = state["loss_curve_"].tolist()

    def __copy__(self) -> Self:
        copied = object.__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        copied = object.__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return copied


class _Heads:
    """Stands for the objective of a copy that has its encoder only."""

    def __get__(self, estimator: object, owner: type) -> Objective:
        raise AttributeError(
            f"This {owner.__name__} has its encoder only, as encoder_only returns it. It can embed "
            "samples, and nothing for which heads are needed."
        )


class KeepsState(Trained, WarmStart):
    """What is kept of a method: what it can do, and what it takes to train it further.

    The state of the optimizer is left out, as are teachers and queues: a training that goes on
    starts with a teacher that is a copy of what was learned.
    """

    # An attribute of the object where there are heads.
    _objective: Objective = _Heads()  # type: ignore[assignment]

    def without_heads(self) -> Self:
        """Return a copy that shares the encoder, and has no heads.

        Returns
        -------
        Self
            A fitted estimator that embeds, and whose training cannot go on.
        """
        only = copy.copy(self)
        for name in ("_objective", "_training", "_ended", "_start_weights"):
            only.__dict__.pop(name, None)
        only._input_layer = only.encoder_.prepare
        return only

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        if "encoder_" not in state:
            return state
        networks = nn.ModuleDict({"encoder": state.pop("encoder_")})
        if "_objective" in state:
            networks["objective"] = state.pop("_objective")
        if "encoder" in self._made_with:
            state["_networks"] = as_bytes(networks)
            state["_has_heads"] = "objective" in networks
            if any(isinstance(part, Teacher) for part in networks.modules()):
                # What goes on without its teacher is another training.
                state.pop("_training", None)
        else:
            state["_networks"] = by_value(networks)
        state["_monitor"] = vars(self._monitor)
        del state["_input_layer"], state["_optimizer_state"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_start_scales" in self.__dict__:  # in files of before rows had one length
            self._start_scale = {"scales": self.__dict__.pop("_start_scales")}
        if "_networks" not in self.__dict__:
            return
        from skssl.training import Monitor

        networks = self.__dict__.pop("_networks")
        if isinstance(networks, nn.ModuleDict):
            self.encoder_ = cast(Embedding, networks["encoder"])
            self._input_layer = self.encoder_.prepare
            if "objective" in networks:
                self._objective = cast(Objective, networks["objective"])
        else:
            self._build_again(networks, with_heads=self.__dict__.pop("_has_heads"))
        monitor = Monitor(type(self).__name__, self.collapse_remedy)
        monitor.__dict__.update(self.__dict__["_monitor"])
        self._monitor = monitor
        self._optimizer_state = None

    def _build_again(self, data: bytes, *, with_heads: bool) -> None:
        """Build the networks as `fit` did, and fill in what was learned."""
        from skssl.training import seeded

        known = {**self.__dict__}
        self.__dict__.update(self._made_with, _only_form=True)
        with own_settings(), warnings.catch_warnings(), seeded(self._seed, torch.device("cpu")):
            # Whatever there is to be said, `fit` has said.
            warnings.simplefilter("ignore")
            samples = self.stand_ins()
            encoder = self._resolve_encoder(samples)
            self._input_layer = self.modality_.input_layer()
            description = self.modality_.describe(None)
            self.encoder_ = self._assemble(encoder, description)
            networks = nn.ModuleDict({"encoder": self.encoder_})
            if with_heads:
                self._objective = self._objective_of(encoder, samples)
                networks["objective"] = self._objective.eval()
            fill(networks, data, title=type(self).__name__)
        # What `fit` found out is not what these samples say.
        del self._only_form
        self.__dict__.update(known)


def _as_columns(rows: list[dict[str, float]]) -> Any:
    """Return rows as one array for each of their values, if they all have the same ones.

    In files of skops, each number on its own takes some 400 bytes.
    """
    columns = {name: [row.get(name) for row in rows] for name in (rows[0] if rows else {})}
    kinds = [{type(value) for value in column} for column in columns.values()]
    alike = all(row.keys() == columns.keys() for row in rows)
    if not rows or not alike or not all(kind in ({int}, {float}) for kind in kinds):
        return rows
    return {name: np.array(column) for name, column in columns.items()}


def _as_rows(columns: Any) -> list[dict[str, float]]:
    """Return what :func:`_as_columns` was given."""
    if isinstance(columns, list):
        return columns
    values = [column.tolist() for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def as_bytes(network: nn.Module) -> bytes:
    """Return what a network has learned, without what only a training needs, as safetensors."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in _kept(network).items()}
    data: bytes = save(tensors, metadata={_NUMBERS: json.dumps(_numbers(network))})
    return data


@torch.no_grad()
def fill(network: nn.Module, data: bytes, *, title: str) -> None:
    """Give a network what another one of its form has learned; teachers are copies of it."""
    learned, own = load(data), _kept(network)
    if learned.keys() != own.keys():
        only = sorted(learned.keys() ^ own.keys())
        raise ValueError(
            f"{title}: the networks in the file are not those that its parameters and the shape of "
            f"its samples make here: {only[0]!r} is in one of them only. What makes them must not "
            "have changed since."
        )
    names = {id(tensor): name for name, tensor in own.items()}
    for name, parameter in network.named_parameters():
        if name in own:
            if parameter.shape != learned[name].shape:
                raise ValueError(
                    f"{title}: {name!r} has shape {tuple(learned[name].shape)} in the file, and "
                    f"{tuple(parameter.shape)} by its parameters and the shape of its samples. "
                    "What makes the networks must not have changed since."
                )
            parameter.copy_(learned[name])
    # How large those are, samples may have decided.
    for module in network.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if id(buffer) in names:
                setattr(module, name, learned[names[id(buffer)]].clone())
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    for path, numbers in json.loads(header["__metadata__"][_NUMBERS]).items():
        module = network.get_submodule(path)
        for name in vars(module).keys() & numbers.keys():
            setattr(module, name, numbers[name])
    for module in network.modules():
        if isinstance(module, Teacher):
            module.start_again()


def _kept(network: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and buffers of a network that are needed after its training."""
    parts = [name for name, part in network.named_modules() if isinstance(part, _FOR_TRAINING)]
    left_out = tuple(f"{part}." for part in parts)
    tensors = chain(network.named_parameters(), network.named_buffers())
    return {name: tensor for name, tensor in tensors if not name.startswith(left_out)}


def _numbers(network: nn.Module) -> dict[str, dict[str, float]]:
    """Return the numbers among the attributes of modules, such as how far a schedule has come.

    Those of torch's own modules follow from how these were made.
    """
    found = {}
    for path, module in network.named_modules():
        if not type(module).__module__.startswith("torch."):
            numbers = {name: value for name, value in vars(module).items() if _is_number(value)}
            found[path] = {name: numbers[name] for name in numbers if name != "training"}
    return {path: numbers for path, numbers in found.items() if numbers}


def _is_number(value: object) -> bool:
    return type(value) in (bool, int, float)
