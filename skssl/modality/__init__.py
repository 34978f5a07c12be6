"""Modalities: what kind of thing a sample is."""

from typing import Any

import numpy as np

from skssl.modality._base import Modality
from skssl.modality._images import Images
from skssl.modality._tabular import Tabular

__all__ = ["Images", "Modality", "Tabular", "infer_modality"]

# Asked in this order; what none recognises goes to the last, whose errors are scikit-learn's.
_MODALITIES: tuple[type[Modality], ...] = (Images, Tabular)


def infer_modality(X: Any) -> Modality:
    """Return the modality, with its default parameters, that ``modality="auto"`` means for `X`.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.modality import infer_modality
    >>> infer_modality(np.zeros((10, 32, 32, 3), dtype=np.uint8))
    Images()
    >>> infer_modality(np.zeros((10, 5)))
    Tabular()
    """
    shape, dtype = _shape_and_dtype(X)
    for modality in _MODALITIES:
        if modality.recognizes(shape, dtype):
            return modality()
    if len(shape) > 2:
        raise ValueError(
            f"Cannot tell what the samples of X are, which has shape {shape} and dtype {dtype}. "
            "Arrays of 2 dimensions are tables; of 4 dimensions, of integers in 3, or of floats "
            "in squares (n, side, side), are images. Say it with modality=, for example "
            "modality=skssl.modality.Images()."
        )
    return _MODALITIES[-1]()


def _shape_and_dtype(X: Any) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and dtype of `X` without turning all of it into an array."""
    if isinstance(X, (list, tuple)) and len(X):
        first = np.asarray(X[0])
        return (len(X), *first.shape), first.dtype
    if hasattr(X, "shape"):
        dtype = getattr(X, "dtype", np.dtype(object))
        return tuple(X.shape), dtype if isinstance(dtype, np.dtype) else np.dtype(object)
    array = np.asarray(X)
    return array.shape, array.dtype
