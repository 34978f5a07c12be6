"""How a fine-tuning goes on that was ended, and the pretraining before it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from skssl._checkpoint import Checkpoint, known_parameters
from skssl._processes import is_first
from skssl._types import Samples
from skssl.base import SelfSupervisedTransformer

if TYPE_CHECKING:
    from skssl.semi_supervised._base import FineTuner


def checkpoint_of(tuner: FineTuner) -> Checkpoint | None:
    """Return the file of a fine-tuning, None if it is to have none."""
    if tuner.checkpoint is None:
        return None
    method = tuner.start_method(0)
    parts: dict[str, object] = known_parameters(method)
    if method.__sklearn_is_fitted__():
        # How long its training took, for example, changes nothing.
        parts = {name: getattr(method, name) for name in ("encoder_", "modality_", "views_")}
    return Checkpoint.of(tuner, method.device, method=(type(method), parts))


def prepare_again(tuner: FineTuner, X: Samples, checkpoint: Checkpoint) -> Tensor:
    """Prepare samples as the fine-tuning did that goes on."""
    try:
        return tuner.method_.prepare_samples(X)[0]
    except ValueError as error:
        checkpoint.refuse(f"is of other samples than X: {error}", error)


def pretrain(
    tuner: FineTuner, method: SelfSupervisedTransformer, X: Samples, checkpoint: Checkpoint | None
) -> SelfSupervisedTransformer:
    """Fit a method, with a file of its own if the fine-tuning has one."""
    has_own = method.checkpoint is not None or method.warm_start or method.max_time is not None
    if checkpoint is None or has_own:
        return method.fit(X)
    if tuner.random_state is None and getattr(tuner.method, "random_state", None) is None:
        # A seed that was drawn would be another one when the training goes on.
        method.set_params(random_state=None)
    said = method.get_params(deep=False)
    file = {"checkpoint": _pretraining(checkpoint), "checkpoint_every": tuner.checkpoint_every}
    method.set_params(**file).fit(X)
    return method.set_params(**{name: said[name] for name in file})


def forget_pretraining(checkpoint: Checkpoint) -> None:
    """Remove the file of a pretraining that the checkpoint has as a whole."""
    if is_first():
        # Nothing is lost if it stays.
        with contextlib.suppress(OSError):
            _pretraining(checkpoint).unlink(missing_ok=True)


def _pretraining(checkpoint: Checkpoint) -> Path:
    path = checkpoint.file.path
    return path.with_name(f"{path.name}.pretraining")
