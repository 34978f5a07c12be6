"""How functions of a user's are called, compared with what they take."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def refusal(function: Callable[..., Any], *args: object, **kwargs: object) -> str | None:
    """Return why a call would fail before it begins; None if it does not, or nobody can tell."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # What is written in C may say nothing of its parameters.
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return None


def check_override(cls: type, name: str, original: Callable[..., Any]) -> None:
    """Raise a TypeError if a class has a method that cannot be called as the `original` is."""
    own = vars(cls).get(name)
    if not inspect.isfunction(own):
        return
    expected = inspect.signature(original)
    keywords = [p.name for p in expected.parameters.values() if p.kind is p.KEYWORD_ONLY]
    n_positional = len(expected.parameters) - len(keywords)
    reason = refusal(own, *range(n_positional), **dict.fromkeys(keywords))
    if reason is not None:
        raise TypeError(
            f"{cls.__name__}.{name} has to be defined as {name}{_plain(expected)}, with these "
            f"names behind the star, and not as {name}{_plain(inspect.signature(own))}: {reason}."
        )


def _plain(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature without its types."""
    empty = inspect.Parameter.empty
    parameters = [p.replace(annotation=empty) for p in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=empty)
