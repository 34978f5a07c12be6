"""Going on with a training instead of starting it anew."""

from __future__ import annotations

from pathlib import Path

import joblib
import torch
from torch import Tensor

from skssl._building import BuildsNetworks
from skssl._by_value import by_value
from skssl._quote import quoted
from skssl._streams import Stream, content_of
from skssl._trainings import NO_PICKLE, Trainings, trained
from skssl._types import Samples
from skssl._warn import warn

# Parameters that may change between two trainings of which one continues the other.
_MAY_CHANGE = {
    "callbacks",
    "checkpoint",
    "checkpoint_every",
    "device",
    "max_epochs",
    "verbose",
    "warm_start",
}
# How many times as long a training is after each of its rounds, as in scikit-learn's halving.
_FACTOR = 3


class WarmStart(BuildsNetworks):
    """What ``warm_start`` means, for an estimator that is trained in epochs."""

    _training: tuple[str, str, int] | None = None
    # The numbers of epochs at which its rounds have ended.
    _ended: tuple[int, ...] = ()
    _shared_key: str

    warm_start: bool | str | Path | joblib.Memory
    n_iter_: int
    n_steps_: int

    def _resume(self, X: Samples) -> Tensor | Stream:
        """Start as ``fit`` does, or go back to where an earlier training ended.

        That is one of this object, or one that lies in the folder, with the same parameters, apart
        from `_MAY_CHANGE`, and the same samples.
        """
        trainings = Trainings.at(self.warm_start)
        if trainings:
            trainings.open()
        parameters, seed = self._hash_parameters(), joblib.hash(self.random_state)
        before = self._trained()
        samples = self._start(X)
        known = self._known_of_samples()
        key: str = joblib.hash((self._origin(), parameters, content_of(samples), known))
        epochs = self._resolve_epochs(len(samples))
        self._ended = ()
        if before.get("_training") == (key, seed, before.get("n_steps_")):
            self.__dict__.update(before)
        elif trainings:
            self.__dict__.update(trainings.load(joblib.hash((key, seed)), _round_ends(epochs)))
        if epochs < self.n_iter_:
            raise ValueError(
                f"max_epochs={epochs} is less than the {self.n_iter_} epochs of the training that "
                f"warm_start={quoted(self.warm_start)} would continue; clone the estimator to "
                "start anew."
            )
        self._shared_key = joblib.hash((key, seed))
        # A RandomState is another one now. A partial_fit, which adds steps, is not continued.
        self._training = (key, joblib.hash(self.random_state), self.n_steps_)
        return samples

    def _rounds(self, n_samples: int) -> list[int]:
        """Return after how many epochs, in all, each round of the training to come ends."""
        total = self._resolve_epochs(n_samples)
        ends = _round_ends(total) if self.warm_start else [total]
        return [end for end in ends if end > self.n_iter_ or not self.n_iter_]

    def _keep_training(self) -> None:
        """Note where a round of the training ended, and put it into the folder."""
        assert self._training is not None
        key, seed, steps = self._training
        if self.n_steps_ == steps:
            return
        self._training = (key, seed, self.n_steps_)
        self._ended = (*self._ended, self.n_iter_)
        trainings = Trainings.at(self.warm_start)
        # What went another way has other weights than one that starts anew would get.
        if trainings and [*self._ended] == _round_ends(self.n_iter_):
            try:
                trainings.save(self._shared_key, self.n_iter_, self._trained())
            except (OSError, *NO_PICKLE) as error:
                # This one is trained, whatever others will find.
                warn(
                    f"{type(self).__name__}: the training could not be kept in "
                    f"{trainings.folder}, and others will start anew: {error}",
                )

    def _trained(self) -> dict[str, object]:
        """Return what ``fit`` set, {} before."""
        return trained(self) if hasattr(self, "encoder_") else {}

    def _known_of_samples(self) -> tuple[object, ...]:
        """Return what else tells samples from others.

        Vocabularies and the like are no part of the samples that are made with them.
        """
        return self.modality_, getattr(self, "feature_names_in_", None)

    def _origin(self) -> tuple[object, ...]:
        """Return what else a training depends on that may lie in a folder for long."""
        from skssl import __version__

        cls = type(self)
        # A function among the parameters is known by its name only.
        shapes = [(name, tuple(p.shape)) for name, p in self._objective.named_parameters()]
        return cls.__module__, cls.__qualname__, __version__, torch.__version__, shapes

    def _hash_parameters(self) -> str:
        hashes = {}
        for name, value in self.get_params(deep=False).items():
            if name in _MAY_CHANGE or name == "random_state":
                continue
            try:
                hashes[name] = joblib.hash(by_value(value))
            except NO_PICKLE as error:
                raise ValueError(
                    f"warm_start={quoted(self.warm_start)} tells by the parameters which "
                    f"training to continue, and {name}={value!r} cannot be pickled for that; a "
                    "function must be defined at the top level of a module."
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
