"""Modalities: what kind of thing a sample is."""

from typing import Any

from skssl._warn import warn
from skssl.exceptions import ModalityWarning
from skssl.modality._base import Look, Modality
from skssl.modality._containers import as_samples
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
      in squares, ``(n, side, side)``, or that hold integers, though other ones than ``uint8`` not
      if one side is more than 4 times the other;
    - video: arrays of 5 dimensions;
    - point clouds: arrays of 3 dimensions that hold floats, with 3 values in the last;
    - series: other arrays of 3 dimensions that hold numbers, and lists of arrays
      ``(channels, length)`` or ``(length,)`` that differ in shape;
    - texts: any other sequence of ``str``, or a DataFrame or an array whose only column holds them,
      unless its dtype is a categorical one;
    - tables: everything else of 2 dimensions.

    Where the samples may as well be something else, a warning says what, and what to write. The
    modality itself, as ``modality=``, needs no rule and gets no warning.

    Parameters
    ----------
    X : array-like
        Samples.

    Returns
    -------
    modality : Modality

    Warns
    -----
    ModalityWarning
        If the samples may be of another modality: point clouds and windows of a series ``(n, 128,
        3)``; integers that may be signals; floats that may be images; rows that go on from one
        another like the steps of a recording, or whose values do; a column of few short strings;
        images and clips of which two axes may hold the channels.

    Raises
    ------
    ValueError
        If `X` has more than 2 dimensions and none of the above fits, if it is a single text, path
        or folder, or if it holds names of image files that do not exist.

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
    X = as_samples(X)
    look = Look.at(X)
    kind = next((kind for kind in MODALITIES if kind.recognizes(look)), Tabular)
    if kind is Tabular and len(look.shape) > 2:
        raise ValueError(
            f"Cannot tell what the samples of X are, which has shape {look.shape} and dtype "
            f"{look.dtype}. Say it with modality=, for example modality=skssl.modality.Images()."
        )
    doubt = kind.doubts(look, X)
    if doubt:
        warn(
            f"modality='auto' takes X, of shape {look.shape} and dtype {look.dtype}, for "
            f"{kind.__name__}(), but {doubt}. If {kind.__name__}() is right, say so with "
            f"modality={kind.__name__}().",
            ModalityWarning,
        )
    return kind()
