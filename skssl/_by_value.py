"""Modules in a form whose bytes depend on nothing but their value."""

from __future__ import annotations

import io
from collections.abc import Mapping

import torch
from torch import Tensor, nn

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
            "A torch module of your own, such as encoder=..., cannot be kept by skops, whose files "
            "hold no code. pickle and joblib keep it, for whoever trusts the file; skops keeps an "
            "encoder by name, such as 'auto'."
        )


def by_value(value: object) -> object:
    """Return what to pickle in the place of `value`, so that copies of modules look the same.

    A tensor is pickled with the place of its memory. joblib, which compares by what is pickled,
    would take the clone of an estimator with a module among its parameters for another estimator,
    and train it again where it was to find the result in its cache.
    The same goes for a state dict, whose tensors become arrays, which any file can hold.
    """
    if isinstance(value, Mapping) and any(isinstance(part, Tensor) for part in value.values()):
        return {name: _as_array(part) for name, part in value.items()}
    return ByValue(value) if isinstance(value, nn.Module) else value


def _as_array(value: object) -> object:
    if not isinstance(value, Tensor):
        return value
    plain = value.detach().cpu()
    # NumPy has no such numbers.
    return (plain.float() if plain.dtype == torch.bfloat16 else plain).numpy()


def _load(data: bytes) -> nn.Module:
    # As safe as the pickle that it is part of.
    return torch.load(io.BytesIO(data), weights_only=False)
