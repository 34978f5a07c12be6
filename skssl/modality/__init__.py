"""Modalities: what kind of thing a sample is, and what can be done with it."""

from skssl.modality._base import Look, Modality, as_tensor, check_numbers
from skssl.modality._capabilities import (
    Cuttable,
    Fillable,
    Filmed,
    Forecastable,
    Imputable,
    Paintable,
    Restorable,
    Surrounded,
    Timed,
    Tokenizable,
    Turnable,
    Worded,
)
from skssl.modality._containers import as_samples, only_column
from skssl.modality._corpus import word_pattern
from skssl.modality._cutters import Cutter, PieceCutter
from skssl.modality._image_files import readable_images
from skssl.modality._images import Images
from skssl.modality._pixels import Rescale
from skssl.modality._points import PointCloud
from skssl.modality._registry import (
    MODALITIES,
    check_capable,
    infer_modality,
    is_capable,
    known_modalities,
    register_encoder,
    register_modality,
    registered_encoders,
)
from skssl.modality._sameness import nothing_to_tell
from skssl.modality._series import Series
from skssl.modality._stored import Raw, Stored, take
from skssl.modality._tabular import Tabular
from skssl.modality._text import Text
from skssl.modality._video import Video

__all__ = [
    "MODALITIES",
    "Cuttable",
    "Cutter",
    "Fillable",
    "Filmed",
    "Forecastable",
    "Images",
    "Imputable",
    "Look",
    "Modality",
    "Paintable",
    "PieceCutter",
    "PointCloud",
    "Raw",
    "Rescale",
    "Restorable",
    "Series",
    "Stored",
    "Surrounded",
    "Tabular",
    "Text",
    "Timed",
    "Tokenizable",
    "Turnable",
    "Video",
    "Worded",
    "as_samples",
    "as_tensor",
    "check_capable",
    "check_numbers",
    "infer_modality",
    "is_capable",
    "known_modalities",
    "nothing_to_tell",
    "only_column",
    "readable_images",
    "register_encoder",
    "register_modality",
    "registered_encoders",
    "take",
    "word_pattern",
]
