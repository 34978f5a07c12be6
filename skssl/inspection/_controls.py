"""What stands beside the models: their encoders before training, and classical baselines."""

from __future__ import annotations

from collections.abc import Mapping

from sklearn.base import BaseEstimator, clone

from skssl._types import Auto, Samples
from skssl.base import SelfSupervisedTransformer
from skssl.inspection._baselines import classical_baselines
from skssl.inspection._inputs import Models, named_models
from skssl.inspection._rows import method_of
from skssl.modality import Modality, infer_modality

# The encoder before its training: nothing has trained it, or others have.
_RANDOM, _FROZEN = "random weights", "frozen"


def resolve_baselines(
    baselines: Auto[Mapping[str, BaseEstimator] | None],
    models: Mapping[str, BaseEstimator],
    X: Samples,
) -> Models:
    """Return the classical baselines: those that are passed, or those of the modality."""
    if baselines is None:
        return {}
    if not isinstance(baselines, str):
        return named_models(baselines, "baselines")
    methods = [method for model in models.values() if (method := method_of(model)) is not None]
    modality = _modality_of(methods[0], X) if methods else infer_modality(X)
    return classical_baselines(modality)


def _modality_of(method: SelfSupervisedTransformer, X: Samples) -> Modality:
    if hasattr(method, "modality_"):
        return clone(method.modality_)
    return method.modality if isinstance(method.modality, Modality) else infer_modality(X)


def random_weights(models: Mapping[str, BaseEstimator], X: Samples) -> Models:
    """Return each distinct encoder of the methods, as it was or will be before its training."""
    controls: dict[tuple[object, ...], tuple[str, SelfSupervisedTransformer]] = {}
    for name, model in models.items():
        method = method_of(model)
        if method is not None:
            # One that is fitted has its scales and its vocabulary from other rows.
            is_fitted = method.__sklearn_is_fitted__()
            untrained = {"max_epochs": 0, "checkpoint": None}
            control = (
                method.untrained(X) if is_fitted else clone(method).set_params(**untrained).fit(X)
            )
            controls.setdefault(_form(control), (name, control))
    called = {
        name: _FROZEN if control.starts_from_known() else _RANDOM
        for name, control in controls.values()
    }
    if len(controls) == 1:
        ((name, control),) = controls.values()
        return {called[name]: control}
    return {f"{called[name]} ({name})": control for name, control in controls.values()}


def _form(method: SelfSupervisedTransformer) -> tuple[object, ...]:
    """Return what is the same for encoders that differ in their weights only."""
    weights = method.encoder_.state_dict()
    shapes = tuple((name, tuple(value.shape)) for name, value in weights.items())
    return repr(method.modality_), repr(method.encoder_), shapes
