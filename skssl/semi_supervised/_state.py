"""What files and other processes get of a fine-tuned estimator, and how it becomes one again."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any

from torch import nn

from skssl._state import Trained, as_bytes, fill
from skssl.base import SelfSupervisedTransformer
from skssl.nn import Embedding
from skssl.semi_supervised._head import empty_head


class KeepsTuned(Trained):
    """Keeps what was learned, and builds the encoder as a copy of the method's, with a linear head.

    The state of the optimizer is left out.
    """

    method_: SelfSupervisedTransformer
    encoder_: Embedding
    head_: nn.Module
    _optimizer_state: dict[str, Any] | None

    @abstractmethod
    def _n_outputs(self) -> int:
        """Return how many numbers the head says of a sample."""

    @abstractmethod
    def answer_layer(self) -> nn.Module:
        """Return what turns the outputs of ``head_`` into probabilities or predictions.

        Returns
        -------
        nn.Module
            From outputs of shape (n, n_outputs) to probabilities or predictions.
        """

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        if "encoder_" not in state:
            return state
        networks = nn.ModuleDict({"encoder": state.pop("encoder_"), "head": state.pop("head_")})
        state["_networks"] = as_bytes(networks)
        state["_standardizes"] = hasattr(self.head_, "standardize")
        del state["_optimizer_state"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        data = self.__dict__.pop("_networks", None)
        if data is None:
            return
        head = empty_head(
            self.method_.n_learned(),
            self._n_outputs(),
            standardizes=self.__dict__.pop("_standardizes"),
        )
        self.encoder_, self.head_ = copy.deepcopy(self.method_.encoder_.learned()), head.eval()
        networks = nn.ModuleDict({"encoder": self.encoder_, "head": self.head_})
        fill(networks, data, title=type(self).__name__)
        self._optimizer_state = None
