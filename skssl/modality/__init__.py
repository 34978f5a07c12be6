"""Modalities: what kind of thing a sample is."""

from typing import Any

from skssl.modality._base import Look, Modality
from skssl.modality._cutters import Cutter
from skssl.modality._images import Images
from skssl.modality._points import PointCloud
from skssl.modality._series import Series
from skssl.modality._tabular import Tabular
from skssl.modality._text import Text
from skssl.modality._video import Video

__all__ = [
    "MODALITIES",
    "Cutter",
    "Images",
    "Look",
    "Modality",
    "PointCloud",
    "Series",
    "Tabular",
    "Text",
    "Video",
    "infer_modality",
]

# Asked in this order. What none recognises is a table, whose errors are scikit-learn's.
MODALITIES: tuple[type[Modality], ...] = (Images, Video, PointCloud, Series, Text, Tabular)


def infer_modality(X: Any) -> Modality:
    """Return the modality, with its default parameters, that ``modality="auto"`` means for `X`.

    The first of these that fits:

    - images: PIL images; paths, and ``str`` of which the first ones end like image files that
      exist, also as the only column of a DataFrame; arrays of 4 dimensions; arrays of 3 dimensions
      that hold integers, or floats in squares, ``(n, side, side)``;
    - video: arrays of 5 dimensions;
    - point clouds: arrays of 3 dimensions that hold floats, with 3 values in the last;
    - series: other arrays of 3 dimensions that hold floats, and lists of arrays ``(channels,
      length)`` or ``(length,)`` that differ in shape;
    - texts: any other sequence of ``str``, or a DataFrame whose only column holds them;
    - tables: everything else of 2 dimensions.

    Where that is not what you have, pass the modality itself.

    Parameters
    ----------
    X : array-like
        Samples.

    Returns
    -------
    modality : Modality

    Raises
    ------
    ValueError
        If `X` has more than 2 dimensions and none of the above fits, or if it holds names of image
        files that do not exist.

    The first of these rules that fits decides:

    1. 4 dimensions; 3 dimensions of integers, or of floats in squares ``(n, side, side)``:
       :class:`Images`.
    2. 5 dimensions: :class:`Video`.
    3. 3 dimensions of floats, of which the last has 3 values: :class:`PointCloud`.
    4. Other 3 dimensions of floats, and lists of arrays that differ in shape: :class:`Series`.
    5. 2 dimensions: :class:`Tabular`.

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
    for modality in MODALITIES:
        if modality.recognizes(look):
            return modality()
    if len(look.shape) > 2:
        raise ValueError(
            f"Cannot tell what the samples of X are, which has shape {look.shape} and dtype "
            f"{look.dtype}. Say it with modality=, for example modality=skssl.modality.Images()."
        )
    return Tabular()
