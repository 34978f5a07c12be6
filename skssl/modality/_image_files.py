"""Images that are not one array yet: files, and PIL images or arrays of mixed sizes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_GRAY_MODES = ("1", "L", "LA", "La")
_DEEP_MODES = ("I", "F")
_MODE_OF_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}


def is_image_source(sample: Any) -> bool:
    """Whether `sample` is a PIL image, a path, or a string that ends like an image file."""
    if isinstance(sample, os.PathLike):
        return True
    if isinstance(sample, str):
        suffix = Path(sample).suffix.lower()
        if not suffix:
            return False
        from PIL import Image

        return suffix in Image.registered_extensions()
    return type(sample).__module__.partition(".")[0] == "PIL"


def read_images(
    sources: Sequence[Any],
    *,
    size: tuple[int, int] | None,
    channels: int | None,
    skip_errors: bool,
    n_jobs: int | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Decode images in threads and bring them to one size.

    Parameters
    ----------
    sources : sequence
        Paths, PIL images, or ``uint8`` arrays (height, width) or (height, width, channels).
    size : tuple of two ints or None
        Height and width to resize to; the middle is cut out where the proportions differ. None
        takes the images as they are.
    channels : {1, 3, 4} or None
        Grey, RGB or RGBA. None is grey if all images are, and RGB otherwise.
    skip_errors : bool
        Leave out what cannot be read, with a warning.
    n_jobs : int or None
        Number of threads, as in joblib.

    Returns
    -------
    images : uint8 ndarray of shape (n, height, width) or (n, height, width, channels)
    loaded : ndarray of bool or None
        Which of the sources were read; None if all.

    Raises
    ------
    ValueError
        If an image cannot be read, or if they differ in size and no `size` is given.
    """
    from joblib import Parallel, delayed

    results = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(_read)(source, size, channels) for source in sources
    )
    errors = [
        f"{_name(source, row)} ({result})"
        for row, (source, result) in enumerate(zip(sources, results, strict=True))
        if isinstance(result, Exception)
    ]
    if errors:
        listed = "; ".join(errors[:5]) + (f"; and {len(errors) - 5} more" if errors[5:] else "")
        message = f"{len(errors)} of {len(sources)} images could not be read: {listed}."
        if not skip_errors or len(errors) == len(sources):
            raise ValueError(message + " Images(on_error='skip') leaves such images out.")
        warnings.warn(message + " They are left out.", stacklevel=2)

    images = [result for result in results if isinstance(result, np.ndarray)]
    if size is None and len({image.shape[:2] for image in images}) > 1:
        other = next(i for i, image in enumerate(images) if image.shape[:2] != images[0].shape[:2])
        raise ValueError(
            f"The images of X differ in size: {images[0].shape[:2]} is the first, "
            f"{images[other].shape[:2]} the one at position {other}. Say "
            "modality=Images(size=64), or another height and width to bring them to."
        )
    if len({image.ndim for image in images}) > 1:
        images = [
            image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2) for image in images
        ]
    loaded = np.array([isinstance(result, np.ndarray) for result in results])
    return np.stack(images), None if loaded.all() else loaded


def _name(source: Any, row: int) -> str:
    return repr(str(source)) if isinstance(source, (str, os.PathLike)) else f"the one in row {row}"


def _read(
    source: Any, size: tuple[int, int] | None, channels: int | None
) -> np.ndarray | Exception:
    """Return one image as an array, or the error that says why it cannot be read."""
    from PIL import Image

    try:
        if isinstance(source, (str, os.PathLike)):
            with Image.open(source) as image:
                return _to_array(image, size, channels)
        if isinstance(source, np.ndarray):
            if source.dtype != np.uint8:
                raise ValueError(f"it has dtype {source.dtype}; lists of arrays must be uint8")
            source = Image.fromarray(source)
        if not isinstance(source, Image.Image):
            raise ValueError(f"it is {source!r}, neither a path nor a PIL image")
        return _to_array(source, size, channels)
    # What PIL raises for files that are missing, truncated, broken or too large to be true.
    except (OSError, SyntaxError, ValueError, TypeError, Image.DecompressionBombError) as error:
        return error


def _to_array(image: Any, size: tuple[int, int] | None, channels: int | None) -> np.ndarray:
    from PIL import Image, ImageOps

    if image.mode.startswith(_DEEP_MODES):
        raise ValueError(
            f"it has mode {image.mode!r}, with more than 8 bits a value; read it into an array"
        )
    if channels is None:
        mode = "L" if image.mode in _GRAY_MODES else "RGB"
    else:
        mode = _MODE_OF_CHANNELS[channels]
    image = ImageOps.exif_transpose(image)
    if image.mode != mode:
        image = image.convert(mode)
    if size is not None:
        height, width = size
        image = ImageOps.fit(image, (width, height), method=Image.Resampling.BICUBIC)
    return np.array(image)
