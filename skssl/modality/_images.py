"""Images: arrays, files and PIL images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from skssl._declare import POSITIVE_INT, Shape, StrOptions, param
from skssl._quote import quoted
from skssl._some_rows import some_rows
from skssl._types import Samples
from skssl.modality._base import Look, check_mask, check_numbers
from skssl.modality._capabilities import Paintable, Surrounded
from skssl.modality._containers import as_samples
from skssl.modality._cutters import TileCutter
from skssl.modality._doubts import SMALLEST_IMAGE, as_series, is_oblong
from skssl.modality._image_files import (
    are_surely_images,
    files_of,
    is_file_name,
    is_image_source,
    is_list_of_files,
    listed,
    read_images,
)
from skssl.modality._pixels import USUAL_CHANNELS, PixelModality, some_samples
from skssl.modality._stored import Stored
from skssl.nn import (
    PATCHES_FROM,
    PatchDictionary,
    Patches,
    SmallConvNet,
    Weights,
    channels_last,
    patch_sizes,
    small_vit,
    timm_start,
    torchvision_encoder,
    torchvision_names,
    torchvision_start,
)
from skssl.views import ImageViews, Views

# With more, patches have too many values for a dictionary of them.
_MOST_CHANNELS = 16
# So many patches a side tell enough and cost little.
_PATCHES_A_SIDE = 8


def _height_and_width(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    height, width = (size, size) if isinstance(size, (int, Integral)) else size
    return int(height), int(width)


class Images(PixelModality, Surrounded, Paintable):
    """Images, grey or with any number of channels: arrays, files and PIL images.

    Accepts arrays ``(n, height, width)``, ``(n, height, width, channels)``,
    ``(n, channels, height, width)``, and flattened images as 2-D rows if `shape` is given.
    Values are ``uint8``, kept as they are and taken to go from 0 to 255, or any other numbers,
    scaled by the smallest and largest value of the training images (by channel, if there are other
    than 1, 3 or 4 channels) and computed in float32. If up to a hundredth of the values, such as a
    broken pixel, or a marker such as -9999, would take all of that range, they are left out of it,
    with a warning.

    Which axis holds the channels is decided like this: an axis of `channels` values if that is
    given, else one of 1, 3 or 4 values. If the last axis and the first after the samples both
    qualify, the last one is taken, as in NumPy, Pillow and matplotlib; set `layout` to change
    that. If none qualifies, `layout` or `channels` has to be given.

    Lists and arrays of paths, so that ``paths[few]`` works, lists of PIL images, or of ``uint8``
    arrays of mixed sizes, and a DataFrame whose only column holds paths, are decoded in threads and
    brought to `size`: resized with antialiasing until they cover it, with the middle cut out. They
    are turned as their EXIF data say and become grey if all of them are, RGB otherwise;
    transparency is left out unless ``channels=4``. Files with more than 8 bits a value are refused,
    and so is what is not a regular file, such as a named pipe. Strings and paths are opened only
    where the first samples of `fit` were such or PIL images: a model of arrays opens no file,
    whatever it is asked to embed.

    With ``modality="auto"``, arrays of 4 dimensions are images, and so are arrays of 3 dimensions
    if they are squares ``(n, side, side)`` or hold integers, though integers other than ``uint8``
    not if one side is more than 4 times the other; also PIL images, paths, and strings if the first
    ones end like image files (".png", ".jpg", ...) that exist. What may as well be series gets a
    warning.

    The default views are :meth:`ImageViews.glyphs` (no mirror images, no small crops) for grey
    images on a plain background, such as digits and drawings, and those for photos otherwise.
    Images count as such if more than a fifth of their values are the lowest, or the highest.

    With the default encoder, the embedding is centred by the mean of some training images,
    and its rows are brought to one length: what was learned, and what stands beside it
    (`concat_input`), each on its own.

    Parameters
    ----------
    shape : tuple of two or three ints, default=None
        Shape of one image, (height, width) or with channels in the order of `layout`, if `X` has
        flattened images as rows.
    channels : int, default=None
        Number of channels, where it is not 1, 3 or 4.
    layout : {"channels_first", "channels_last"}, default=None
        Where the channels are. None decides by the rule above.
    size : int or tuple of two ints, default=None
        Side, or height and width, to bring files and PIL images to. It is needed only if they
        differ in size; with None they keep their own.
    on_error : {"raise", "skip"}, default="raise"
        What to do about files that are missing or broken: raise an error that names them, or leave
        them out with a warning. Their embedding is then NaN, and so is what methods give back in
        their place, in float32. A Pipeline and predictions want every file:
        :func:`readable_images` says beforehand which ones to leave out.
    n_jobs : int, default=-1
        Threads that decode files; -1 is one per processor. Files of less than 32 kB are decoded by
        one, for which they are too small to be handed out.

    concat_input : bool or "auto", default="auto"
        Whether the embedding has, before what was learned, up to 64 principal components of how
        similar the patches of each quadrant are to centroids of k-means, of images of up to 16
        channels. They cost little and know what the views hide, but for mirror images: with views
        that have those, they are the same for both. "auto" is True beside the default encoder.
        Views, scores of views, and fine-tuning have to do with what was learned alone.

    Attributes
    ----------
    sample_shape_ : tuple of three ints
        Channels, height and width.
    low_, high_ : ndarray of shape (channels,) or (1,)
        The values that become 0 and 1.
    are_glyphs_ : bool
        Whether the images are grey with a plain background.
    reads_files_ : bool
        Whether strings and paths are opened.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.modality import Images
    >>> X, _ = load_digits(return_X_y=True)
    >>> X.shape
    (1797, 64)
    >>> ssl = SimCLR(modality=Images(shape=(8, 8)), max_epochs=1, random_state=0).fit(X[:200])
    >>> ssl.modality_.sample_shape_
    (1, 8, 8)
    """

    _names = ("Images", "images")
    _n_axes = 2

    shape: tuple[int, ...] | None = param(Shape(2, 3), None, default=None)

    size: int | tuple[int, int] | None = param(POSITIVE_INT, Shape(2), None, default=None)
    on_error: Literal["raise", "skip"] = param(StrOptions({"raise", "skip"}), default="raise")
    n_jobs: int | None = param(Integral, None, default=-1)

    views_keep_order = True
    concatenates = True
    description_share = 0.5
    one_length = True
    hubs = ("timm", "transformers")

    @classmethod
    def recognizes(cls, look: Look) -> bool:
        if are_surely_images(look.few):
            return True
        if len(look.shape) == 3:
            _, height, width = look.shape
            # Signals are integers as well, but hardly ever bytes.
            is_pixels = look.dtype == np.uint8 or not is_oblong(height, width)
            return not look.ragged and (height == width or (look.dtype.kind in "ui" and is_pixels))
        return len(look.shape) == 4

    @classmethod
    def doubts(cls, look: Look, X: Samples) -> str | None:
        if is_image_source(look.first) or look.ragged or len(look.shape) < 3:
            return None
        first, *_, last = look.shape[1:]
        if len(look.shape) == 4:
            side = look.shape[2]
            # Images are no narrower in the other reading.
            is_either = min(side, last) >= min(first, side)
            usual = first in USUAL_CHANNELS and last in USUAL_CHANNELS
            return cls._either_axis(first, last) if usual and is_either else None
        tiny = min(first, last) < SMALLEST_IMAGE
        unusual = look.dtype.kind in "ui" and look.dtype != np.uint8 and first != last
        if not (tiny or unusual or is_oblong(first, last)):
            return None
        alone = " or one image that is to be X[None]" if last in USUAL_CHANNELS else ""
        return f"it may be {as_series(look.shape)}{alone}"

    def stored(self, X: Samples) -> Stored | None:
        self.check_parameters()
        if is_list_of_files(X) and getattr(self, "reads_files_", True):
            return files_of(X, size=_height_and_width(self.size), channels=self.channels)
        return super().stored(X)

    def load(self, X: Samples) -> tuple[Samples, np.ndarray | None]:
        return self._load(X, skip_errors=self.on_error == "skip")

    def load_all(self, X: Samples) -> Samples:
        return self._load(X, skip_errors=None)[0]

    def _load(self, X: Samples, *, skip_errors: bool | None) -> tuple[Samples, np.ndarray | None]:
        self.check_parameters()
        X = as_samples(X)
        if isinstance(X, (list, tuple)) and not X:
            return X, None  # which `check` refuses
        look = Look.at(X)
        fitted = hasattr(self, "sample_shape_")
        to_read = any(is_image_source(sample) for sample in look.few)
        if not fitted:
            self.reads_files_ = to_read
        one_array = not look.ragged and (self.size is None or not isinstance(X, (list, tuple)))
        to_read = to_read or any(isinstance(sample, bytes) for sample in look.few)
        if one_array and not to_read:
            if self.size is not None:
                holds = (
                    f"is a DataFrame with the columns {quoted(list(X.columns))}: pass the one that "
                    "has the paths."
                    if hasattr(X, "columns")
                    else f"holds arrays of one size, {look.shape}."
                )
                raise ValueError(
                    f"size={self.size} is for files and lists of images, but X {holds}"
                )
            return X, None
        channels = self.sample_shape_[0] if fitted else self.channels
        if channels not in (None, *USUAL_CHANNELS):
            raise ValueError(f"channels={channels} does not fit files, which have 1, 3 or 4.")
        named = next((sample for sample in look.few if is_file_name(sample)), None)
        if named is not None and not self.reads_files_:
            raise ValueError(
                f"X holds what may be names of files, such as {quoted(str(named))}, but arrays "
                "were seen in fit, so no file is opened. Read them into arrays first, or fit to "
                "files."
            )
        size = _height_and_width(self.size)
        images, loaded = read_images(
            listed(X),
            size=size,
            channels=channels,
            open_files=self.reads_files_,
            skip_errors=skip_errors,
            n_jobs=self.n_jobs,
            shape=(*(size or self.sample_shape_[1:]), self.sample_shape_[0]) if fitted else None,
        )
        if images.ndim == 4 and self.layout == "channels_first":
            images = images.transpose(0, 3, 1, 2)
        return images, loaded

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> np.ndarray:
        self.check_parameters()
        images = check_numbers(
            X, dtypes=[np.float32, np.uint8], estimator=estimator, min_samples=min_samples
        )
        if images.ndim > 4:
            raise ValueError(
                f"X has shape {images.shape}; images have 3 or 4 dimensions, (n, height, width), "
                "(n, height, width, channels) or (n, channels, height, width)."
            )
        return images

    def prepare_grey(self, X: np.ndarray) -> Tensor:
        channels, height, width = self.sample_shape_
        one_channel = ((height, width), (height, width, 1), (1, height, width), (height * width,))
        if X.shape[1:] in one_channel and X.shape[1:] != self.input_shape_:
            grey = X.reshape(-1, 1, height, width)
            X = self._as_seen(np.broadcast_to(grey, (len(X), channels, height, width)))
        return self.prepare(X)

    def pixel_mask(self, mask: ArrayLike, n_samples: int) -> Tensor:
        size = self.sample_shape_[1:]
        shapes = [size, (n_samples, *size)]
        if len(self.input_shape_) == 1 and self.sample_shape_[0] == 1:
            shapes.append((n_samples, math.prod(size)))
        pixels = check_mask(mask, *shapes).reshape(-1, *size)
        return torch.tensor(np.broadcast_to(pixels, (n_samples, *size)))[:, None]

    def _find_shape(self) -> tuple[int, ...]:
        """Return the shape of one image, as X has it or as `shape` says."""
        seen = self.input_shape_
        if self.shape is None:
            if len(seen) == 1:
                raise ValueError(
                    f"X has 2 dimensions, so each row of {seen[0]} values must be a flattened "
                    "image: pass Images(shape=(height, width))."
                )
            return seen
        shape = tuple(map(int, self.shape))
        if seen not in (shape, (math.prod(shape),)):
            raise ValueError(
                f"shape={self.shape!r} does not fit samples of shape {seen}: images of that shape "
                f"have {math.prod(shape)} values."
            )
        return shape

    def _channels_first(self, X: np.ndarray) -> np.ndarray:
        return super()._channels_first(X.reshape(len(X), *self._shape))

    def _original(self, X: Samples) -> np.ndarray | None:
        checked = self.check(X, estimator=type(self).__name__)
        # Images that were given colours may have been grey.
        return self._channels_first(checked) if checked.shape[1:] == self.input_shape_ else None

    def _as_seen(self, images: np.ndarray) -> np.ndarray:
        images = super()._as_seen(images)
        return images.reshape(len(images), -1) if len(self.input_shape_) == 1 else images

    def cutter(self, grid: int | None = None) -> TileCutter:
        return TileCutter([grid or 2] * 2, self.sample_shape_[1:])

    def surroundings(self) -> TileCutter:
        return self.cutter(3)

    def tokenizer(self, samples: Tensor, *, patch_size: int | str, width: int) -> Patches:
        return Patches(
            self.input_layer()(some_samples(samples)),
            patch_sizes(self.sample_shape_[1:], patch_size, patches=_PATCHES_A_SIDE, what="images"),
            width=width,
            mask_ratio=0.75,
            mask_shapes=("random", "block"),
            complete=True,
        )

    def cells(self, mask: ArrayLike, samples: Tensor) -> Tensor:
        return self.pixel_mask(mask, len(samples)).expand(samples.shape)

    def has_description(self) -> bool:
        channels = self.sample_shape_[0]
        if channels > _MOST_CHANNELS and self.concat_input is True:
            raise ValueError(
                f"concat_input=True: the patches of images are described up to {_MOST_CHANNELS} "
                f"channels, but those of X have {channels}."
            )
        return super().has_description() and channels <= _MOST_CHANNELS

    def describe(self, samples: Tensor | None, views: Views | None = None) -> nn.Module | None:
        if not self.has_description():
            return None
        input_layer = self.input_layer()
        if samples is None:
            return nn.Sequential(input_layer, PatchDictionary.blank())
        few = some_rows(samples, PATCHES_FROM)
        mirrored = isinstance(views, ImageViews) and views.flip > 0
        return nn.Sequential(
            input_layer, PatchDictionary.learn(input_layer(few), mirrored=mirrored)
        )

    def description_names(self, size: int) -> list[str]:
        return [f"patches{index}" for index in range(size)]

    def encoder_names(self) -> list[str]:
        return ["conv", "vit", *torchvision_names()]

    def build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        channels, height, width = self.sample_shape_
        if name in ("auto", "conv"):
            encoder: nn.Module = SmallConvNet(channels, (height, width))
        elif name == "vit":
            encoder = small_vit(channels, (height, width))
        else:
            encoder = torchvision_encoder(name, channels, (height, width))
        return channels_last(encoder)

    def start_encoder(
        self, name: str, weights: Weights | None, samples: Tensor
    ) -> nn.Module | None:
        if self._network is not None:
            return self._network.build(name, weights)
        if name.startswith("timm/"):
            return timm_start(name.removeprefix("timm/"), weights)
        if weights is not None and name not in ("auto", "conv", "vit"):
            return torchvision_start(name, weights)
        return None
