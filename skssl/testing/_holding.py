"""What a fitted object holds, that it must not: samples, and the state of an optimizer."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType

import numpy as np
import torch
from sklearn.preprocessing import QuantileTransformer
from torch import Tensor, nn

from skssl.nn import Queue

# Quantiles of columns, up to 1000 of them, are a scale that is learned.
_LEAVES = (type, ModuleType, QuantileTransformer)


def _referents(obj: object) -> list[object]:
    if isinstance(obj, np.ndarray):
        return [obj.base, *(obj.ravel().tolist() if obj.dtype == object else [])]
    if isinstance(obj, FunctionType):
        # Not its globals, which belong to a module.
        return [obj.__closure__, obj.__defaults__, obj.__kwdefaults__, vars(obj)]
    more = [obj.grad if obj.is_leaf else None] if isinstance(obj, Tensor) else []
    return [*gc.get_referents(obj), *more]


def _reachable(root: object) -> Iterator[tuple[object, str]]:
    """Go to all objects that `root` keeps alive, and tell through which types."""
    seen: dict[int, object] = {}
    waiting = [(root, type(root).__name__)]
    while waiting:
        obj, path = waiting.pop()
        if id(obj) in seen or obj is None or isinstance(obj, _LEAVES):
            continue
        seen[id(obj)] = obj
        yield obj, path
        waiting += [(child, f"{path} > {type(child).__name__}") for child in _referents(obj)]


def _length(obj: object) -> int:
    """Return how long something is, or how many numbers are in the memory that it keeps."""
    if isinstance(obj, Tensor):
        return obj.untyped_storage().nbytes() // obj.element_size()
    if isinstance(obj, np.ndarray):
        return obj.size
    return len(obj) if isinstance(obj, (list, tuple, set, frozenset, dict, bytes)) else 0


def found_in(fitted: object, *, n_samples: int) -> list[str]:
    """Return the path to everything that holds data or the state of an optimizer.

    Data is what is as long as the samples or as several views of them, and arrays of half of them,
    which are in queues. Half of `n_samples` has to be a prime that no layer has.
    """
    everything = list(_reachable(fitted))
    modules = [obj for obj, _ in everything if isinstance(obj, nn.Module)]
    parameters = [parameter for module in modules for parameter in module.parameters(False)]
    matrices = {parameter.shape for parameter in parameters if parameter.ndim > 1}
    known = {id(p) for p in parameters} | {id(b) for m in modules for b in m.buffers(False)}
    found = []
    for obj, path in everything:
        length = _length(obj)
        is_half = isinstance(obj, (Tensor, np.ndarray)) and length % (n_samples // 2) == 0
        if length and (length % n_samples == 0 or is_half):
            found.append(f"data: {path} of length {length}")
        if isinstance(obj, Queue) and len(obj.rows):
            found.append(f"data: {path} of {len(obj.rows)} rows")
        if isinstance(obj, Tensor) and id(obj) not in known and obj.shape in matrices:
            found.append(f"state of an optimizer: {path} of shape {tuple(obj.shape)}")
        if isinstance(obj, torch.optim.Optimizer) or (
            isinstance(obj, Mapping) and obj.keys() >= {"state", "param_groups"}
        ):
            found.append(f"state of an optimizer: {path}")
    return found
