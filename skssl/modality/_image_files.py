"""Images that are not one array yet: files, and PIL images or arrays of mixed sizes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard, TypeVar

import numpy as np

from skssl._quote import quoted, quoted_path
from skssl._types import Samples
from skssl._warn import warn
from skssl.modality._containers import as_samples, only_column
from skssl.modality._stored import FileRows

if TYPE_CHECKING:
    from PIL import Image

# Files of which one has to be readable, and which tell whether files are small.
_FIRST_FILES = 8
# Bytes of files that take longer to be handed to threads, which wait for Python's lock, than to be
# decoded.
_SMALL = 2**15
# Images that a message names.
_NAMED = 5
_LONGEST_NAME = 300
_LONGEST_REASON = 200
_GRAY_MODES = ("1", "L", "LA", "La")
_PALETTE_MODES = ("P", "PA")
_DEEP_MODES = ("I", "F")
_MODE_OF_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}

Result = TypeVar("Result")


def is_file_name(sample: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether `sample` is a path, or a string, which may be one."""
    return isinstance(sample, (str, os.PathLike))


def is_image_source(sample: object) -> bool:
    """Whether `sample` has to be read: a PIL image, a path, or what may be the name of a file."""
    return is_file_name(sample) or type(sample).__module__.partition(".")[0] == "PIL"


def are_surely_images(samples: Sequence[object]) -> bool:
    """Whether the first samples are PIL images, paths, or names of image files that exist.

    Raises
    ------
    ValueError
        If they are strings that all end like image files, of which none exists.
    """
    if not samples:
        return False
    if not any(isinstance(sample, str) for sample in samples):
        return is_image_source(samples[0])
    if not all(is_image_source(sample) and not _is_plain_text(sample) for sample in samples):
        return False
    if not any(not isinstance(sample, str) or os.path.isfile(sample) for sample in samples):
        raise ValueError(
            f"X holds strings that end like image files, such as {quoted(samples[0])}, but there "
            f"are no such files; names are looked up from {os.getcwd()!r}. If they are files, pass "
            "them with their folder, such as sorted(Path('photos').glob('*.jpg')); if they are "
            "texts, pass modality=skssl.modality.Text()."
        )
    return True


def is_list_of_files(X: Samples) -> TypeGuard[Sequence[str | os.PathLike[str]]]:
    """Whether `X` is a list, a 1-D array or a Series that begins with names of files."""
    if not isinstance(X, (list, tuple, np.ndarray)) and not hasattr(X, "to_numpy"):
        return False
    return getattr(X, "ndim", 1) == 1 and len(X) > 0 and is_file_name(next(iter(X)))


def files_of(
    names: Sequence[str | os.PathLike[str]], *, size: tuple[int, int] | None, channels: int | None
) -> FileRows | None:
    """Return files that are decoded when they are needed, None if that is not known of them.

    Without a size, it is that of the first one that can be read.
    """
    names = list(names)
    first = (_read(name, size, channels) for name in names[:_FIRST_FILES])
    # What is wrong with others is said when all are read.
    image = next((image for image in first if isinstance(image, np.ndarray)), None)
    return None if image is None else FileRows(names, image.size)


def _is_plain_text(sample: object) -> bool:
    """Whether `sample` is a string that does not end like an image file."""
    if not isinstance(sample, str):
        return False
    suffix = Path(sample).suffix.lower()
    if not suffix:
        return True
    from PIL import Image

    # Some formats, such as PDF, can be written only.
    return Image.registered_extensions().get(suffix) not in Image.OPEN


def readable_images(X: Samples, *, n_jobs: int | None = -1) -> np.ndarray:
    """Return which images can be read, to leave out the others, and their labels, beforehand.

    A Pipeline, figures, and predictions want every image to be there. Each is decoded as a whole,
    which takes as long as reading them in `fit`.

    Parameters
    ----------
    X : array-like
        Paths or PIL images, as for :class:`Images`.
    n_jobs : int, default=-1
        Threads that decode files; -1 is one per processor.

    Returns
    -------
    readable : ndarray of bool, of shape (n_samples,)
        False for files that are missing or broken, or hold more than 8 bits a value.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from PIL import Image
    >>> from skssl.modality import readable_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = np.array([Path(folder) / "whole.png", Path(folder) / "broken.png"])
    ...     Image.new("RGB", (8, 8)).save(paths[0])
    ...     _ = paths[1].write_bytes(paths[0].read_bytes()[:40])
    ...     print(readable_images(paths))
    [ True False]
    """
    return np.array(_for_each(_is_readable, listed(X), n_jobs), dtype=bool)


def listed(X: Samples) -> list[object]:
    """Return a list, an array, a Series, or the only column of a frame as a list."""
    X = as_samples(X)
    column = only_column(X)
    return list(X if column is None else column)


def _is_readable(source: object) -> bool:
    return isinstance(_read(source, None, None), np.ndarray)


def _for_each(
    function: Callable[[object], Result], sources: Sequence[object], n_jobs: int | None
) -> list[Result]:
    """Call a function with each image, in threads if they are worth it."""
    from joblib import Parallel, delayed

    n_jobs = 1 if all(map(_is_small, sources[:_FIRST_FILES])) else n_jobs
    return list(Parallel(n_jobs=n_jobs, prefer="threads")(map(delayed(function), sources)))


def read_images(
    sources: Sequence[object],
    *,
    size: tuple[int, int] | None,
    channels: int | None,
    open_files: bool,
    skip_errors: bool | None,
    n_jobs: int | None,
    shape: tuple[int, int, int] | None = None,
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
    open_files : bool
        Whether paths and strings may be opened; if not, they count as images that cannot be read.
    skip_errors : bool or None
        Leave out what cannot be read, with a warning. None raises an error, as False does, but one
        that does not speak of leaving out.
    n_jobs : int or None
        Number of threads, as in joblib.
    shape : tuple of three ints or None
        Height, width and channels of images, if they are known: then all may be left out.

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
    results = _for_each(lambda source: _read(source, size, channels, open_files), sources, n_jobs)
    loaded = np.array([isinstance(result, np.ndarray) for result in results])
    if not loaded.all():
        message = _what_is_wrong(sources, results)
        if not skip_errors:
            raise ValueError(f"{message} {_what_to_do(sources, loaded, skip_errors is not None)}")
        if shape is None and not loaded.any():
            raise ValueError(f"{message} {_where_from(sources)}".rstrip())
        it, its = ("It is", "its row") if (~loaded).sum() == 1 else ("They are", "their rows")
        warn(f"{message} {it} left out: what is given back has NaN in {its}.")

    images = [result for result in results if isinstance(result, np.ndarray)]
    if shape is not None and not images:
        return np.empty((0, *(shape if shape[2] > 1 else shape[:2])), dtype=np.uint8), loaded
    if size is None and len({image.shape[:2] for image in images}) > 1:
        other = next(i for i, image in enumerate(images) if image.shape[:2] != images[0].shape[:2])
        raise ValueError(
            f"The images of X differ in size: {images[0].shape[:2]} is the first, "
            f"{images[other].shape[:2]} the one at position {np.flatnonzero(loaded)[other]}. Pass "
            "modality=Images(size=64), or another height and width to bring them to."
        )
    if len({image.ndim for image in images}) > 1:
        images = [
            image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2) for image in images
        ]
    return np.stack(images), None if loaded.all() else loaded


def _what_is_wrong(sources: Sequence[object], results: Sequence[object]) -> str:
    """Name the first images that cannot be read by row and file, with the reason."""
    errors = [
        f"row {row}{_name(source)} ({_reason(result)})"
        for row, (source, result) in enumerate(zip(sources, results, strict=True))
        if isinstance(result, Exception)
    ]
    more = f"; and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
    return (
        f"X: {len(errors)} of {len(sources)} images could not be read: "
        f"{'; '.join(errors[:_NAMED])}{more}."
    )


def _what_to_do(sources: Sequence[object], loaded: np.ndarray, may_skip: bool) -> str:
    where = "" if loaded.any() else _where_from(sources)
    skip = " Images(on_error='skip') leaves them out with a warning."
    return where or (
        "Leave such images out, of X and y as well: skssl.modality.readable_images(X) says which "
        f"can be read.{skip if may_skip else ''}"
    )


def _where_from(sources: Sequence[object]) -> str:
    """Say where names are looked up, of those that are not found there."""
    first = sources[0]
    if not is_file_name(first) or os.path.isabs(first) or os.path.exists(first):
        return ""
    return (
        f"Names are looked up from {os.getcwd()!r}. os.listdir gives them without their folder, "
        "pathlib.Path(folder).glob('*') with it."
    )


def _is_small(source: object) -> bool:
    """Whether an image is a small file."""
    return is_file_name(source) and os.path.isfile(source) and os.path.getsize(source) < _SMALL


def _name(source: object) -> str:
    if not is_file_name(source):
        return ""
    # Nobody finds a file by a part of its name.
    name = str(source)
    return f", {name!r}" if len(name) <= _LONGEST_NAME else f", {quoted_path(name)}"


def _reason(error: Exception) -> str:
    """Return what an error says; some of those of decoders say nothing on their own."""
    # That of the system repeats the name of the file.
    text = getattr(error, "strerror", None) or str(error)
    text = text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
    own = isinstance(error, (OSError, ValueError)) and text
    return text if own else f"{type(error).__name__}: {text}".removesuffix(": ")


def _read(
    source: object, size: tuple[int, int] | None, channels: int | None, open_files: bool = True
) -> np.ndarray | Exception:
    """Return one image as an array, or the error that says why it cannot be read."""
    from PIL import Image

    try:
        if is_file_name(source):
            if not open_files:
                raise ValueError(
                    "it may be the name of a file, but none is opened where fit saw arrays; read "
                    "it into an array first"
                )
            if not stat.S_ISREG(os.stat(source).st_mode):
                # A pipe would be waited for, a device may have no end.
                raise ValueError("it is no regular file")
            with Image.open(source) as image:
                return _to_array(image, size, channels)
        if isinstance(source, np.ndarray):
            if source.dtype != np.uint8:
                raise ValueError(f"it has dtype {source.dtype}; lists of arrays must be uint8")
            source = Image.fromarray(source)
        if isinstance(source, (bytes, bytearray, memoryview)):
            raise ValueError(
                f"it is {len(source):,} bytes; if these are a file, pass "
                "PIL.Image.open(io.BytesIO(...)) of them"
            )
        if not isinstance(source, Image.Image):
            raise ValueError(f"it is {quoted(source)}, neither a path nor a PIL image")
        return _to_array(source, size, channels)
    # Decoders raise whatever broken bytes lead them to (NotImplementedError, struct.error,
    # IndexError, MemoryError, ...). It is returned, and named by the caller.
    except Exception as error:
        return error


def _to_array(image: Image.Image, size: tuple[int, int] | None, channels: int | None) -> np.ndarray:
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
    if image.mode in _PALETTE_MODES and "transparency" in image.info:
        # Pillow warns of other ways; the colours are the same.
        image = image.convert("RGBA")
    if image.mode != mode:
        image = image.convert(mode)
    if size is not None:
        height, width = size
        image = ImageOps.fit(image, (width, height), method=Image.Resampling.BICUBIC)
    return np.array(image)
