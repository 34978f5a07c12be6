"""What to try after a collapse."""

from __future__ import annotations

import inspect
from numbers import Real

from skssl._declare import Declared
from skssl.training._optimizers import usual_rate

# How many times its usual value a rate or a decay is to be suspect.
_FAR = 5
# Without this term, a loss has no reason to make samples alike.
_DRAWS_TOGETHER = "invariance_weight"


def remedy_for(estimator: Declared, remedy: str | None) -> str | None:
    """Return what to try if an estimator collapses: first what was changed, then `remedy`.

    Suspect are a weight decay or a learning rate far above the usual one, and terms of a loss that
    have a weight of 0. Where there is no remedy, nothing is said.
    """
    params = estimator.get_params(deep=False)
    signature = inspect.signature(type(estimator)).parameters
    defaults = {name: signature[name].default for name in params}
    usual = {
        "weight_decay": defaults["weight_decay"],
        "learning_rate": usual_rate(params["optimizer"]),
    }

    def is_suspect(name: str, value: object) -> bool:
        if not isinstance(value, Real):
            return False
        if name in usual:
            return value > _FAR * usual[name]
        is_weight = name.endswith("weight") and name != _DRAWS_TOGETHER
        return is_weight and value == 0 != defaults[name]

    suspects = [
        f"{name}={value} (default: {defaults[name]!r})"
        for name, value in params.items()
        if is_suspect(name, value)
    ]
    return f"First set back {' and '.join(suspects)}. {remedy}" if remedy and suspects else remedy
