"""Modules in a form whose bytes depend on nothing but their value."""

from __future__ import annotations

import io

import torch
from torch import nn

__all__ = ["ByValue", "by_value"]


class ByValue:
    """Pickles a module into the same bytes as every copy of it, and comes back as the module."""

    def __init__(self, module: nn.Module):
        self.module = module

    def __reduce__(self) -> tuple[object, ...]:
        buffer = io.BytesIO()
        torch.save(self.module, buffer)
        return _load, (buffer.getvalue(),)

    def __getstate__(self) -> None:
        """Refuse to be kept in another way than by the above, as skops would."""
        raise TypeError(
            "A module of your own, as an encoder is that is no name, cannot be kept by skops: its "
            "class is code, which its files do not have. pickle and joblib keep it, for whoever "
            "trusts the file. An encoder by name, such as 'auto', is kept without code."
        )


def by_value(value: object) -> object:
    """Return what to pickle in the place of `value`, so that copies of modules look the same.

    A tensor is pickled with the place of its memory. joblib, which compares by what is pickled,
    would take the clone of an estimator with a module among its parameters for another estimator,
    and train it again where it was to find the result in its cache.
    """
    return ByValue(value) if isinstance(value, nn.Module) else value


def _load(data: bytes) -> nn.Module:
    # As safe as the pickle that it is part of.
    return torch.load(io.BytesIO(data), weights_only=False)
