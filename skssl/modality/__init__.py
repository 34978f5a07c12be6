"""Modalities: what kind of thing a sample is."""

from typing import Any

from skssl.modality._base import Look, Modality
from skssl.modality._images import Images
from skssl.modality._series import Series
from skssl.modality._tabular import Tabular
from skssl.modality._text import Text

__all__ = ["Images", "Look", "Modality", "Series", "Tabular", "Text", "infer_modality"]

# Asked in this order. What none recognises is a table, whose errors are scikit-learn's.
_MODALITIES: tuple[type[Modality], ...] = (Images, Series, Text, Tabular)


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
    >>> infer_modality(["some text", "another text"])
    Text()
    """
    look = Look.at(X)
    for modality in _MODALITIES:
        if modality.recognizes(look):
            return modality()
    if len(look.shape) > 2:
        raise ValueError(
            f"Cannot tell what the samples of X are, which has shape {look.shape} and dtype "
            f"{look.dtype}. Say it with modality=, for example modality=skssl.modality.Images()."
        )
    return Tabular()
