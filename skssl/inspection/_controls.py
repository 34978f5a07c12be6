"""What stands beside the models: their encoders before training, and classical baselines."""

from __future__ import annotations

from collections.abc import Mapping

from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline

from skssl._types import Auto, Samples
from skssl.base import SelfSupervisedTransformer
from skssl.inspection._baselines import classical_baselines
from skssl.inspection._inputs import Models, named_models
from skssl.inspection._rows import fit_in_turn, method_in
from skssl.modality import Modality, infer_modality

# The encoder before its training: nothing has trained it, or others have.
_RANDOM, _FROZEN = "random weights", "frozen"


def resolve_baselines(
    baselines: Auto[Mapping[str, BaseEstimator] | None],
    models: Mapping[str, BaseEstimator],
    X: Samples,
) -> Models:
    """Return the classical baselines: those that are passed, or those of the modality.

    The latter get what the first method gets, which steps before it may have made of `X`.
    """
    if baselines is None:
        return {}
    if not isinstance(baselines, str):
        return named_models(baselines, "baselines")
    found = next(filter(None, map(method_in, models.values())), None)
    if found is None:
        return classical_baselines(infer_modality(X))
    before, X = fit_in_turn(found[0], X)
    classical = classical_baselines(_modality_of(found[1], X))
    return {name: _behind(before, baseline) for name, baseline in classical.items()}


def _modality_of(method: SelfSupervisedTransformer, X: Samples) -> Modality:
    if hasattr(method, "modality_"):
        return clone(method.modality_)
    return method.modality if isinstance(method.modality, Modality) else infer_modality(X)


def random_weights(models: Mapping[str, BaseEstimator], X: Samples) -> Models:
    """Return each distinct encoder of the methods, as it was or will be before its training."""
    controls: dict[tuple[object, ...], tuple[str, str, BaseEstimator]] = {}
    for name, model in models.items():
        found = method_in(model)
        if found is not None:
            before, seen = fit_in_turn(found[0], X)
            control = _untrained(found[1], seen)
            called = _FROZEN if control.starts_from_known() else _RANDOM
            form = (repr(found[0]), *_form(control))
            controls.setdefault(form, (called, name, _behind(before, control)))
    if len(controls) == 1:
        ((called, _, control),) = controls.values()
        return {called: control}
    return {f"{called} ({name})": control for called, name, control in controls.values()}


def _untrained(method: SelfSupervisedTransformer, X: Samples) -> SelfSupervisedTransformer:
    # One that is fitted has its scales and its vocabulary from other rows.
    if method.__sklearn_is_fitted__():
        return method.untrained(X)
    return clone(method).set_params(max_epochs=0, checkpoint=None).fit(X)


def _behind(before: list[BaseEstimator], model: BaseEstimator) -> BaseEstimator:
    return make_pipeline(*before, model) if before else model


def _form(method: SelfSupervisedTransformer) -> tuple[object, ...]:
    """Return what is the same for encoders that differ in their weights only."""
    weights = method.encoder_.state_dict()
    shapes = tuple((name, tuple(value.shape)) for name, value in weights.items())
    return repr(method.modality_), repr(method.encoder_), shapes
