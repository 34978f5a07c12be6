"""Going on with a training instead of starting it anew."""

from __future__ import annotations

import os
import pickle
import shutil
import tempfile
import uuid
import weakref
from pathlib import Path
from typing import Any, Self

import joblib
from sklearn.base import BaseEstimator
from torch import Tensor

from skssl._by_value import by_value
from skssl._warn import warn

__all__ = ["WarmStart"]

# Parameters that may change between two trainings of which one continues the other.
_MAY_CHANGE = {"max_epochs", "warm_start", "callbacks", "device", "verbose"}
# How many times as long a training is after each of its rounds, as in scikit-learn's halving.
_FACTOR = 3


class Trainings:
    """Finished trainings, in files that an estimator shares with its clones.

    A search clones its estimator for each candidate and round, often in another process, so what
    was trained has to lie outside of the estimators. The folder is that of this process and user;
    it goes when the last estimator that was there when it was made does.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="skssl-trainings-"))
        # Part of every file's name, so that nobody else can put a file there to be loaded.
        self.secret = uuid.uuid4().hex
        weakref.finalize(self, _remove, self.folder, os.getpid())

    def __deepcopy__(self, memo: dict[int, Any]) -> Trainings:
        return self

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["folder"].is_dir():
            self.__dict__.update(state)
        else:
            # The estimator came from a file or from another machine.
            self.__init__()  # type: ignore[misc]

    def save(self, key: str, n_epochs: int, trained: dict[str, Any]) -> None:
        """Keep what was trained for so many epochs."""
        path = self.folder / f"{self._name(key)}.{n_epochs}"
        # Another process may write the same: whoever reads finds one of the two, and all of it.
        unfinished = self.folder / uuid.uuid4().hex
        try:
            with unfinished.open("wb") as file:
                pickle.dump(trained, file)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def load(self, key: str, ends: list[int]) -> dict[str, Any]:
        """Return the longest training of one of these numbers of epochs, {} if there is none."""
        for n_epochs in reversed(ends):
            path = self.folder / f"{self._name(key)}.{n_epochs}"
            if path.exists():
                with path.open("rb") as file:
                    return pickle.load(file)
        return {}

    def _name(self, key: str) -> str:
        return joblib.hash((self.secret, key))


class WarmStart(BaseEstimator):
    """What ``warm_start=True`` means, for an estimator that is trained in epochs."""

    _training: tuple[str, str, int] | None = None
    # The numbers of epochs at which its rounds have ended.
    _ended: tuple[int, ...] = ()
    _shared_key: str
    _trainings: Trainings

    warm_start: bool
    random_state: Any
    modality_: Any
    n_iter_: int
    _steps: int

    def _start(self, X: Any) -> Tensor:
        raise NotImplementedError

    def _resolve_epochs(self, n_samples: int) -> int:
        raise NotImplementedError

    def __sklearn_clone__(self) -> Self:
        copied = super().__sklearn_clone__()
        if self.warm_start:
            if not hasattr(self, "_trainings"):
                self._trainings = Trainings()
            copied._trainings = self._trainings
        return copied

    def _resume(self, X: Any) -> Tensor:
        """Start as ``fit`` does, or go back to where an earlier training ended.

        That is one with the same parameters, apart from `_MAY_CHANGE`, and the same samples.
        """
        parameters, seed = self._hash_parameters(), joblib.hash(self.random_state)
        before = self._trained()
        samples = self._start(X)
        # Vocabularies and the like are no part of the samples that are made with them.
        key: str = joblib.hash((parameters, samples.numpy(), self.modality_))
        epochs = self._resolve_epochs(len(samples))
        self._ended = ()
        if before.get("_training") == (key, seed, before.get("_steps")):
            self.__dict__.update(before)
        elif hasattr(self, "_trainings"):
            self.__dict__.update(self._trainings.load(key + seed, _round_ends(epochs)))
        if epochs < self.n_iter_:
            raise ValueError(
                f"max_epochs={epochs} is less than the {self.n_iter_} epochs of the training that "
                "warm_start=True would continue; clone the estimator to start anew."
            )
        self._shared_key = key + seed
        # A RandomState is another one now. A partial_fit, which adds steps, is not continued.
        self._training = (key, joblib.hash(self.random_state), self._steps)
        return samples

    def _rounds(self, n_samples: int) -> list[int]:
        """Return after how many epochs, in all, each round of the training to come ends."""
        total = self._resolve_epochs(n_samples)
        ends = _round_ends(total) if self.warm_start else [total]
        return [end for end in ends if end > self.n_iter_ or not self.n_iter_]

    def _keep_training(self) -> None:
        """Note where a round of the training ended, also for the clones."""
        assert self._training is not None
        key, seed, steps = self._training
        if self._steps == steps:
            return
        self._training = (key, seed, self._steps)
        self._ended = (*self._ended, self.n_iter_)
        # What went another way has other weights than a clone that starts anew would get.
        if hasattr(self, "_trainings") and [*self._ended] == _round_ends(self.n_iter_):
            try:
                self._trainings.save(self._shared_key, self.n_iter_, self._trained())
            except OSError as error:
                # This one is trained, whatever others will find.
                warn(
                    f"{type(self).__name__}: the training could not be kept for clones with "
                    f"warm_start=True, which will start anew: {error}",
                )

    def _trained(self) -> dict[str, Any]:
        """Return what ``fit`` set, {} before."""
        if not hasattr(self, "encoder_"):
            return {}
        other = {*self.get_params(deep=False), "_trainings"}
        return {name: value for name, value in vars(self).items() if name not in other}

    def _hash_parameters(self) -> str:
        hashes = {}
        for name, value in self.get_params(deep=False).items():
            if name in _MAY_CHANGE or name == "random_state":
                continue
            try:
                hashes[name] = joblib.hash(by_value(value))
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise ValueError(
                    f"warm_start=True tells by the parameters which training to continue, and "
                    f"{name}={value!r} cannot be pickled for that; a function must be defined at "
                    "the top level of a module."
                ) from error
        return joblib.hash(hashes)


def _round_ends(n_epochs: int) -> list[int]:
    """Return at which numbers of epochs the rounds of a training of so many end.

    They follow from that number alone, so that two trainings of which one is a part of the other
    have the same weights there. The factor is that of scikit-learn's halving searches.
    """
    ends = [n_epochs]
    while ends[0] >= _FACTOR:
        ends.insert(0, ends[0] // _FACTOR)
    return ends


def _remove(folder: Path, pid: int) -> None:
    # A forked process has a copy of what was to happen at the end of its parent.
    if os.getpid() == pid:
        shutil.rmtree(folder, ignore_errors=True)
