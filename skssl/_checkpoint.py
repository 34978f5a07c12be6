"""A training in a file, with which `fit` goes on when its process has ended."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
import torch
from joblib.hashing import NumpyHasher
from sklearn.base import BaseEstimator
from torch import Tensor

from skssl._by_value import ByValue
from skssl._declare import Pace
from skssl._processes import is_first
from skssl._quote import quoted, quoted_path
from skssl._streams import Stream, content_of
from skssl._trainings import NO_PICKLE, DamagedError, TrainingFile, trained, unpickled
from skssl._warn import warn

__all__ = ["Checkpoint", "known_parameters"]

# Parameters that may change before a training goes on.
_MAY_CHANGE = {"callbacks", "checkpoint", "checkpoint_every", "device", "verbose", "warm_start"}
_REMEDY = "It is left as it is: name another file, or delete this one to train anew."
_SEARCHES = "What fits many times, such as a search, takes warm_start='a folder' instead."


class Checkpoint:
    """The file of one training: what `fit` has set until now, and the state of the net.

    It is known by the class, its parameters, the samples and the releases that the bits depend on.
    A file of anything else is an error before the training.

    Parameters
    ----------
    estimator : BaseEstimator
        What is trained, with the parameters `checkpoint` and `checkpoint_every`.
    device : torch.device
    known : dict
        The parameters by which the training is known, or what stands for them.

    Attributes
    ----------
    also : dict
        What else a training needs that goes on.
    net : dict or None
        State of the net from which the training goes on.
    is_finished : bool
        Whether the file holds a training that is over.
    """

    def __init__(
        self, estimator: BaseEstimator, *, device: torch.device, known: Mapping[str, object]
    ):
        self.said = estimator.checkpoint
        self.file = TrainingFile(Path(self.said).expanduser())
        self.also: dict[str, Any] = {}
        self.net: dict[str, Any] | None = None
        self.is_finished = False
        self._estimator = estimator
        self._title = type(estimator).__name__
        self._device = device
        self._pace = Pace.of(estimator.checkpoint_every)
        self._told = self._tell(known)
        # When, and after how many steps, the file was written.
        self._latest: tuple[float, int] | None = None
        self._has_warned = False
        self._open()
        self._found = self._read()

    @classmethod
    def of(
        cls, estimator: BaseEstimator, device: str | torch.device, **known: object
    ) -> Self | None:
        """Return that of an estimator, None if it is to have none.

        Parameters
        ----------
        estimator : BaseEstimator
        device : str or torch.device
            As the user says it.
        **known : dict
            What stands for parameters whose own value does not tell enough.
        """
        from skssl.training import resolve_device

        if estimator.checkpoint is None:
            return None
        for name, reason in {
            "max_time": "whose steps cannot be repeated; set max_epochs",
            "warm_start": "which has files of its own; set one of the two",
        }.items():
            value = getattr(estimator, name, None)
            if value:
                raise ValueError(
                    f"checkpoint={quoted_path(estimator.checkpoint)} cannot be combined with "
                    f"{name}={quoted(value)}, {reason}."
                )
        known = known_parameters(estimator) | known
        return cls(estimator, device=resolve_device(device), known=known)

    def compare_samples(self, samples: Tensor | Stream, *known: object) -> None:
        """Note what the training is of; raise an error if that of the file is of other samples."""
        self._told["samples"] = _hash((content_of(samples), known))
        if self._found is not None and self._found[0]["samples"] != self._told["samples"]:
            self.refuse("is of other samples than X")

    def restore(self) -> bool:
        """Give the estimator what the training of the file had set; return whether there is one."""
        if self._found is None:
            return False
        told, data = self._found
        try:
            content = unpickled(data, self._device)
        # What a pickle raises can be anything.
        except Exception as error:
            self._refuse_file(f"cannot be read: {error!r}", error)
        self._found = told, b""
        self._estimator.__dict__.update(content["trained"])
        self.also, self.net = content["also"], content["net"]
        self.is_finished = told["finished"]
        self._latest = (time.monotonic(), told["steps"])
        if self._estimator.verbose and is_first():
            what = "has the training, finished" if self.is_finished else "goes on"
            print(
                f"{self._title}: {self._where} {what} after {told['steps']} steps", file=sys.stderr
            )
        return True

    def is_due(self, steps: int, *, ends: bool) -> bool:
        """Whether it is time to write, after so many steps.

        The first time is before the first step, which shows whether it can be done at all. Where
        the training `ends`, it is time as soon as there are new steps.
        """
        if self._latest is None:
            return True
        at, steps_then = self._latest
        if ends:
            return steps > steps_then
        return self._pace.is_over(seconds=time.monotonic() - at, steps=steps - steps_then)

    def write(self, net: dict[str, Any] | None, *, steps: int) -> None:
        """Write what was trained until now; without a net, a training that is over.

        Of several processes that train together, the first one does.

        Raises
        ------
        ValueError
            If it cannot be done, before the first step. Later that is a warning, for the training
            is worth more than its file.
        """
        told = self._told | {"finished": net is None, "steps": steps, "device": self._device.type}
        content = {"trained": trained(self._estimator), "also": self.also, "net": net}
        before_training, self._latest = self._latest is None, (time.monotonic(), steps)
        if not is_first():
            return
        try:
            self.file.write(told, content)
        # What is not to be pickled can raise anything.
        except Exception as error:
            why = (
                f"{self._where} cannot hold this training: {error}. A function or class must be "
                "defined at the top level of a module."
                if isinstance(error, NO_PICKLE)
                else f"{self._where} cannot be written: {error}"
            )
            if before_training and net is not None:
                raise ValueError(why) from error
            if not self._has_warned:
                self._has_warned = True
                warn(f"{self._title}: {why}. The training goes on; what was written before stays.")

    def finish(self, *, steps: int) -> None:
        """Write the training that is over, unless the file had it already."""
        if not self.is_finished:
            self.write(None, steps=steps)

    def refuse(self, why: str, cause: Exception | None = None) -> NoReturn:
        """Raise an error about a training in the file that is another one."""
        raise ValueError(
            f"{self._where} holds a training that {why}. {_REMEDY} {_SEARCHES}"
        ) from cause

    def _refuse_file(self, why: str, cause: Exception | None = None) -> NoReturn:
        raise ValueError(f"{self._where} {why}. {_REMEDY}") from cause

    @property
    def _where(self) -> str:
        return f"checkpoint={str(self.said)!r}"

    def _tell(self, known: Mapping[str, object]) -> dict[str, Any]:
        from skssl import __version__

        cls = type(self._estimator)
        parameters = {}
        for name, value in known.items():
            shown = quoted(getattr(self._estimator, name))
            try:
                parameters[name] = [_hash(value), shown]
            except NO_PICKLE as error:
                raise ValueError(
                    f"{self._where} tells by the parameters which training it holds, and "
                    f"{name}={shown} cannot be pickled for that; a function must be defined at the "
                    "top level of a module."
                ) from error
        return {
            "class": f"{cls.__module__}.{cls.__qualname__}",
            "name": self._title,
            "skssl": __version__,
            "torch": torch.__version__,
            "parameters": parameters,
        }

    def _open(self) -> None:
        """Make the folder if it is not there, and see whether it can be written in."""
        path = self.file.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                raise IsADirectoryError("it is a folder")
            self.file.remove_unfinished()
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise ValueError(
                f"checkpoint must be a file that can be written, and {str(path)!r} is none: {error}"
            ) from error

    def _read(self) -> tuple[dict[str, Any], bytes] | None:
        """Return what the file tells, and holds, if it is of this training as far as is known."""
        try:
            told, data = self.file.read()
        except FileNotFoundError:
            return None
        except DamagedError as error:
            self._refuse_file(f"is damaged, or no checkpoint: {error}", error)
        except OSError as error:
            self._refuse_file(
                f"is unpickled, so it must be a file that nobody but you can write: {error}", error
            )
        if told.get("class") != self._told["class"]:
            self.refuse(f"is of {told.get('name', 'something else')}, and not of {self._title}")
        for package in ("skssl", "torch"):
            before, now = told[package], self._told[package]
            if before != now:
                self.refuse(f"was begun with {package} {before}, and this is {now}")
        for name, (value, shown) in self._told["parameters"].items():
            before, shown_before = told["parameters"].get(name, ("", "none"))
            if before == value:
                continue
            if shown == shown_before:
                self.refuse(f"has another {name} than {shown}, which looks the same")
            self.refuse(f"has {name}={shown_before}, and this has {name}={shown}")
        if not told["finished"] and told["device"] != self._device.type:
            self.refuse(
                f"was begun with device={told['device']!r}, and this has "
                f"device={self._device.type!r}"
            )
        return told, data


def known_parameters(estimator: BaseEstimator) -> dict[str, object]:
    """Return the parameters by which a training is known."""
    parameters = estimator.get_params(deep=False)
    return {name: value for name, value in parameters.items() if name not in _MAY_CHANGE}


class _Hasher(NumpyHasher):
    """Knows arrays, tensors and modules by their values, and not by their place in memory."""

    def save(self, obj: object) -> None:
        if isinstance(obj, ByValue):
            obj = obj.module
        elif isinstance(obj, Tensor):
            values = obj.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
            obj = ("tensor", str(obj.dtype), tuple(obj.shape), values)
        elif isinstance(obj, np.ndarray) and not (obj.size and obj.flags.c_contiguous):
            obj = obj.copy(order="C")
        super().save(obj)


def _hash(value: object) -> str:
    hashed: str = _Hasher("md5").hash(value)
    return hashed
