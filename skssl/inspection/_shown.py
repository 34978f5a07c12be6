"""What a page shows of samples: small pictures, lines, rows, texts and clouds, in JSON."""

from __future__ import annotations

import base64
import copy
import io
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Number, Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from torch import Tensor

from skssl._numbering import numbered_as
from skssl._quote import quoted
from skssl._sklearn_compat import num_samples
from skssl._types import Auto, Samples
from skssl.inspection._arguments import sample_at
from skssl.modality import (
    Images,
    Modality,
    PointCloud,
    Series,
    Stored,
    Tabular,
    Text,
    Video,
    as_samples,
    infer_modality,
    take,
)

Shown = dict[str, Any]

# Characters of a page for the samples, and for what loses nothing of small images.
_MOST, _MOST_LOSSLESS = 18_000_000, 6_000_000
# Rows that are prepared at once, and from which scales are taken and sizes are told.
_AT_ONCE, _FEW = 256, 256
# Sides of images, and frames of clips, from which the largest is taken that fits.
_SIDES = (192, 128, 96, 64, 48, 32, 24, 16)
_CLIPS = ((96, 8), (64, 8), (48, 8), (32, 8), (32, 6), (24, 4), (16, 4), (16, 2))
_TELLS_PIXELS = 64  # up to which images are not made smaller or less sharp if it can be helped
_SHEET = 2048  # pixels a side, which telephones can hold
_STEPS = (512, 256, 128, 64, 32)
_POINTS = (1024, 512, 256, 128, 64)
_CHARACTERS = (4000, 2000, 1000, 600, 400, 280, 180, 100)
_MOST_CHANNELS, _MOST_COLUMNS, _LONGEST_CELL = 6, 40, 80
# The size that files are brought to where nothing says another.
_SIDE_OF_FILES = 96


@dataclass
class Samplewise:
    """What is shown of samples, and what of them is not.

    Attributes
    ----------
    shown : dict
        For the page.
    notes : list of str
    """

    shown: Shown
    notes: list[str] = field(default_factory=list)


def modality_of(
    estimator: BaseEstimator | object, X: Samples, modality: Auto[Modality]
) -> Modality:
    """Return what samples are: as it is said, as the estimator saw them, or as they look."""
    if sparse.issparse(X):
        raise ValueError(
            "X must be dense to be shown, got a sparse matrix of shape "
            f"{getattr(X, 'shape', None)}; pass X.toarray()."
        )
    if isinstance(modality, Modality):
        return modality
    first = estimator[0] if isinstance(estimator, Pipeline) else estimator
    own = getattr(first, "modality_", None)
    if isinstance(own, Modality):
        return own
    found = infer_modality(X)
    sample = sample_at(X, 0) if isinstance(found, Images) else None
    is_file = isinstance(sample, (str, os.PathLike)) or type(sample).__module__.startswith("PIL.")
    return Images(size=_SIDE_OF_FILES) if is_file else found


def show(X: Samples, modality: Modality, rng: np.random.RandomState) -> Samplewise:
    """Return what a page shows of samples."""
    if isinstance(modality, Images):
        return _images(X, modality)
    if isinstance(modality, Video):
        return _clips(X, modality)
    if isinstance(modality, Series):
        return _series(X, modality)
    if isinstance(modality, PointCloud):
        return _clouds(X, modality, rng)
    if isinstance(modality, Text):
        return _texts(X)
    if isinstance(modality, Tabular):
        return _rows(X)
    name = type(modality).__name__
    return Samplewise({"kind": "none"}, [f"Samples of {name} are not drawn, only numbered."])


def encoded(array: np.ndarray) -> str:
    """Return the bytes of an array, in the order of small machines, as text."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return base64.b64encode(little.tobytes()).decode("ascii")


def _known(X: Samples, modality: Modality) -> tuple[Modality, int]:
    """Return a modality that has seen samples, and how many there are."""
    stored = Stored.of(X)
    n_rows = num_samples(X) if stored is None else len(stored)
    if any(name.endswith("_") and not name.startswith("_") for name in vars(modality)):
        return modality, n_rows
    fitted = copy.deepcopy(modality)
    few = np.arange(0, n_rows, math.ceil(n_rows / _FEW))
    fitted.fit(_checked_rows(X, few, fitted))
    return fitted, n_rows


def _checked(X: Samples, modality: Modality) -> Any:
    return modality.check(modality.load_all(X), estimator="explore")


def _checked_rows(X: Samples, rows: NDArray[np.intp], modality: Modality) -> Any:
    """Return some samples in the form that a modality checks; an error is about all in memory."""
    try:
        with numbered_as(rows):
            return _checked(take(X, rows), modality)
    except ValueError:
        if Stored.of(X) is None:
            _checked(X, modality)
        raise


def _blocks(X: Samples, rows: NDArray[np.intp], modality: Modality) -> Iterator[Any]:
    """Yield samples in the form that a modality checks, some at a time."""
    for start in range(0, len(rows), _AT_ONCE):
        yield _checked_rows(X, rows[start : start + _AT_ONCE], modality)


# Images and clips


def _images(X: Samples, modality: Images) -> Samplewise:
    modality, n_rows = _known(X, modality)
    channels, height, width = modality.sample_shape_
    sides = _smaller(_SIDES, max(height, width))
    notes = _channel_notes(channels)
    maker = _Sheets(X, modality, n_rows, (height, width))
    side, lossless = maker.fitting([(side, 1) for side in sides])
    if side[0] < max(height, width):
        notes.append(f"Images are shown {side[0]} pixels wide or high, of {max(height, width)}.")
    return Samplewise({"kind": "images"} | maker.all(*side, lossless), notes)


def _clips(X: Samples, modality: Video) -> Samplewise:
    modality, n_rows = _known(X, modality)
    channels, frames, height, width = modality.sample_shape_
    notes = _channel_notes(channels)
    maker = _Sheets(X, modality, n_rows, (height, width))
    sizes = [(min(side, max(height, width)), min(n, frames)) for side, n in _CLIPS]
    (side, n_frames), lossless = maker.fitting(list(dict.fromkeys(sizes)))
    if side < max(height, width):
        notes.append(f"Clips are shown {side} pixels wide or high, of {max(height, width)}.")
    if n_frames < frames:
        notes.append(f"{n_frames} of {frames} frames of each clip are shown.")
    return Samplewise({"kind": "clips"} | maker.all(side, n_frames, lossless), notes)


def _smaller(sizes: Sequence[int], own: int) -> list[int]:
    return list(dict.fromkeys(min(size, own) for size in sizes))


def _channel_notes(channels: int) -> list[str]:
    if channels in (1, 3):
        return []
    if channels == 4:
        return ["The fourth channel, which may be transparency, is not shown."]
    shown = "channel 0 is shown as grey" if channels == 2 else "channels 0 to 2 as red, green, blue"
    return [f"Of {channels} channels, {shown}."]


def pictures_of(X: Samples, modality: Images) -> list[bytes]:
    """Return images as PNG files, at most 192 pixels wide and high."""
    from PIL import Image

    modality, n_rows = _known(X, modality)
    size = modality.sample_shape_[1:]
    files = []
    maker = _Sheets(X, modality, n_rows, size)
    for tiles in maker.tiles(np.arange(n_rows), min(_SIDES[0], max(size)), 1):
        for tile in tiles:
            file = io.BytesIO()
            Image.fromarray(tile[..., 0] if tile.shape[2] == 1 else tile).save(file, "PNG")
            files.append(file.getvalue())
    return files


class _Sheets:
    """Pictures of samples, many on one sheet."""

    def __init__(self, X: Samples, modality: Modality, n_rows: int, size: tuple[int, int]):
        self.X = X
        self.modality = modality
        self.n_rows = n_rows
        self.size = size

    def fitting(self, sizes: list[tuple[int, int]]) -> tuple[tuple[int, int], bool]:
        """Return the first of sides and numbers of frames that is small enough, and how kept."""
        few = np.arange(0, self.n_rows, math.ceil(self.n_rows / _FEW))
        for size in sizes:
            tiles = np.concatenate(list(self.tiles(few, *size)))
            for lossless, most in ((True, _MOST_LOSSLESS), (False, _MOST)):
                if not lossless and size[0] < 16:
                    continue  # smaller than what JPEG looks at
                expected = self.n_rows / len(few) * sum(map(len, _sheets(tiles, lossless)))
                if expected <= most:
                    return size, lossless
        return sizes[-1], False

    def all(self, side: int, n_frames: int, lossless: bool) -> Shown:
        """Return all pictures of a size."""
        height, width = self._small(side)
        sheets, waiting = [], np.empty(0)
        columns, rows = _grid(height, width * n_frames)
        for tiles in self.tiles(np.arange(self.n_rows), side, n_frames):
            waiting = np.concatenate([waiting, tiles]) if len(waiting) else tiles
            while len(waiting) >= columns * rows:
                sheets += _sheets(waiting[: columns * rows], lossless)
                waiting = waiting[columns * rows :]
        if len(waiting):
            sheets += _sheets(waiting, lossless)
        return {
            "sheets": sheets,
            "format": "png" if lossless else "jpeg",
            "height": height,
            "width": width,
            "frames": n_frames,
            "pitch": list(_pitch(height, width * n_frames)),
            "columns": columns,
            "perSheet": columns * rows,
        }

    def _small(self, side: int) -> tuple[int, int]:
        height, width = self.size
        scale = side / max(height, width)
        return max(1, round(height * scale)), max(1, round(width * scale))

    def tiles(self, rows: NDArray[np.intp], side: int, n_frames: int) -> Iterator[np.ndarray]:
        """Return pictures of samples as uint8 (n, height, frames * width, 1 or 3)."""
        size = self._small(side)
        layer = self.modality.input_layer()
        for block in _blocks(self.X, rows, self.modality):
            samples: Tensor = layer(self.modality.prepare(block))
            if samples.ndim == 4:
                samples = samples[:, :, None]
            if samples.shape[2] > n_frames:
                chosen = torch.linspace(0, samples.shape[2] - 1, n_frames).round().long()
                samples = samples[:, :, chosen]
            channels = samples.shape[1]
            samples = samples[:, : 3 if channels > 2 else 1].float()
            n, channels, frames, *_ = samples.shape
            flat = samples.transpose(1, 2).flatten(0, 1)
            if tuple(flat.shape[2:]) != size:
                flat = F.interpolate(flat, size, mode="bilinear", antialias=True)
            pixels = (flat.clamp(0, 1) * 255).round().to(torch.uint8)
            pixels = pixels.unflatten(0, (n, frames)).permute(0, 3, 1, 4, 2)
            yield pixels.reshape(n, size[0], frames * size[1], channels).numpy()


def _pitch(height: int, width: int) -> tuple[int, int]:
    """Return the height and width of what a picture has on a sheet: whole blocks of a JPEG."""
    return math.ceil(height / 8) * 8, math.ceil(width / 8) * 8


def _grid(height: int, width: int) -> tuple[int, int]:
    pitch = _pitch(height, width)
    return max(1, _SHEET // pitch[1]), max(1, _SHEET // pitch[0])


def _sheets(tiles: np.ndarray, lossless: bool) -> list[str]:
    """Return pictures as files of sheets, in base64."""
    from PIL import Image

    height, width = tiles.shape[1:3]
    columns, rows = _grid(height, width)
    tall, wide = _pitch(height, width)
    padding = ((0, 0), (0, tall - height), (0, wide - width), (0, 0))
    sheets = []
    for start in range(0, len(tiles), columns * rows):
        # The edge goes on in what is filled up, so that it does not bleed.
        some = np.pad(tiles[start : start + columns * rows], padding, mode="edge")
        across = min(columns, len(some))
        down = math.ceil(len(some) / columns)
        sheet = np.zeros((columns * down, *some.shape[1:]), dtype=np.uint8)
        sheet[: len(some)] = some
        sheet = sheet.reshape(down, columns, *some.shape[1:]).transpose(0, 2, 1, 3, 4)
        sheet = sheet.reshape(down * tall, columns * wide, -1)[:, : across * wide]
        file = io.BytesIO()
        image = Image.fromarray(sheet[..., 0] if sheet.shape[2] == 1 else sheet)
        if lossless:
            image.save(file, "PNG", optimize=True)
        else:
            # Colours of one picture are not mixed with those of the next.
            image.save(file, "JPEG", quality=82, subsampling=0)
        sheets.append(base64.b64encode(file.getvalue()).decode("ascii"))
    return sheets


# Series


def _series(X: Samples, modality: Series) -> Samplewise:
    modality, n_rows = _known(X, modality)
    first = _checked_rows(X, np.arange(1), modality)
    channels = min(first.shape[1], _MOST_CHANNELS)
    notes = []
    if channels < first.shape[1]:
        notes.append(f"The first {channels} of {first.shape[1]} channels are shown.")
    blocks = [block[:, :channels] for block in _blocks(X, np.arange(n_rows), modality)]
    length = max(block.shape[2] for block in blocks)
    fits = (steps for steps in _STEPS if n_rows * channels * min(steps, length) * 4 / 3 <= _MOST)
    steps = next(fits, _STEPS[-1])
    if steps < length:
        each = -(-2 * length // steps)
        notes.append(f"Of each {each} steps of {length}, the lowest and the highest are shown.")
    parts, lows, highs = [], [], []
    for block in blocks:
        padding = ((0, 0), (0, 0), (0, length - block.shape[2]))
        values = _extremes(np.pad(block, padding, constant_values=np.nan), steps)
        with np.errstate(invalid="ignore"):
            low = np.fmin.reduce(values, axis=2, keepdims=True)
            high = np.fmax.reduce(values, axis=2, keepdims=True)
            scaled = (values - low) / np.where(high > low, high - low, 1) * 254
        known = np.isfinite(scaled)
        parts.append(np.where(known, scaled.round(), 255).astype(np.uint8))
        lows.append(low[..., 0].astype(np.float32))
        highs.append(high[..., 0].astype(np.float32))
    values = np.concatenate(parts)
    return Samplewise(
        {
            "kind": "series",
            "channels": channels,
            "steps": values.shape[2],
            "length": length,
            "values": encoded(values),
            "low": encoded(np.concatenate(lows)),
            "high": encoded(np.concatenate(highs)),
        },
        notes,
    )


def _extremes(series: np.ndarray, steps: int) -> np.ndarray:
    """Return series with at most so many steps: the extremes of those next to each other."""
    n, channels, length = series.shape
    if length <= steps:
        return series
    each = -(-2 * length // steps)
    parts = -(-length // each)
    padding = ((0, 0), (0, 0), (0, parts * each - length))
    grouped = np.pad(series, padding, constant_values=np.nan).reshape(n, channels, parts, each)
    ends = np.stack([np.fmin.reduce(grouped, axis=3), np.fmax.reduce(grouped, axis=3)], axis=3)
    return ends.reshape(n, channels, 2 * parts)


# Point clouds


def _clouds(X: Samples, modality: PointCloud, rng: np.random.RandomState) -> Samplewise:
    modality, n_rows = _known(X, modality)
    blocks = [block[..., :3] for block in _blocks(X, np.arange(n_rows), modality)]
    most = max(block.shape[1] for block in blocks)
    fits = (points for points in _POINTS if n_rows * 3 * min(points, most) * 4 / 3 <= _MOST)
    shown = min(next(fits, _POINTS[-1]), most)
    notes = [] if shown == most else [f"{shown} of {most} points of each cloud are shown."]
    chosen = np.full((n_rows, shown, 3), 255, dtype=np.uint8)
    for row, cloud in enumerate(cloud for block in blocks for cloud in block):
        points = cloud[~np.isnan(cloud).any(axis=1)].astype(np.float64)
        if len(points) > shown:
            points = points[np.sort(rng.choice(len(points), shown, replace=False))]
        points -= (points.min(axis=0) + points.max(axis=0)) / 2
        radius = np.sqrt((points**2).sum(axis=1).max()) or 1.0
        chosen[row, : len(points)] = ((points / radius + 1) * 127).round()
    return Samplewise({"kind": "clouds", "points": shown, "values": encoded(chosen)}, notes)


# Texts and tables


def _texts(X: Samples) -> Samplewise:
    texts = texts_of(X)
    sizes = (n for n in _CHARACTERS if sum(_n_bytes(text[:n]) for text in texts) <= _MOST / 2)
    most = next(sizes, _CHARACTERS[-1])
    longer = sum(len(text) > most for text in texts)
    notes = [f"Of {longer:,} texts, the first {most} characters are shown."] if longer else []
    cut = [text if len(text) <= most else text[:most] + " …" for text in texts]
    return Samplewise({"kind": "texts", "texts": cut}, notes)


def texts_of(X: Samples) -> list[str]:
    """Return samples of the modality of texts as a list."""
    X = as_samples(X)
    if nw.dependencies.is_into_dataframe(X):
        frame = nw.from_native(X, eager_only=True)
        texts = frame[frame.columns[0]].to_list()
    else:
        texts = np.asarray(X, dtype=object).ravel().tolist()
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(
                f"Row {row} of X is {quoted(text)} of type {type(text).__name__}, but a text must "
                "be a str; '' is an empty text."
            )
    return texts


def _n_bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def frame_of(X: Samples) -> nw.DataFrame[Any] | None:
    """Return a table whose columns have names and types, None for others."""
    X = as_samples(X)
    if not nw.dependencies.is_into_dataframe(X):
        return None
    # Pandas takes names that are no strings, narwhals does not.
    if hasattr(X, "iloc"):
        X = X.set_axis([str(name) for name in X.columns], axis=1)
    return nw.from_native(X, eager_only=True)


def columns_of(X: Samples) -> dict[str, list[object]]:
    """Return the columns of a table by their names."""
    X = as_samples(X)
    frame = frame_of(X)
    if frame is not None:
        return {name: frame[name].to_list() for name in frame.columns}
    array = np.asarray(X)
    if array.ndim != 2:
        is_array = hasattr(X, "shape")
        got = f"shape {array.shape}" if is_array else f"a {type(X).__name__} of {_kinds(X)}"
        raise ValueError(
            f"X must have 2 dimensions to be a table, got {got}; pass an array or a DataFrame."
        )
    return {f"column {index}": array[:, index].tolist() for index in range(array.shape[1])}


def _kinds(X: Any) -> str:
    return " and ".join(sorted({type(one).__name__ for one in X}))


def _rows(X: Samples) -> Samplewise:
    columns = columns_of(X)
    cells: dict[str, list[object]] = {}
    size = 0
    for name, values in list(columns.items())[:_MOST_COLUMNS]:
        column = [_cell(value) for value in values]
        size += sum(_n_bytes(str(cell)) + 3 for cell in column)
        if cells and size > _MOST:
            break
        cells[name] = column
    notes = []
    if len(columns) > len(cells):
        notes.append(f"The first {len(cells)} of {len(columns)} columns are shown.")
    return Samplewise(
        {"kind": "rows", "names": list(cells), "columns": list(cells.values())}, notes
    )


def _cell(value: object) -> object:
    """Return what is shown of a cell: a number of six digits, a text, or None for none."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, Real) and isinstance(value, Number):
        number = float(value)
        if math.isnan(number):
            return None
        is_whole = number.is_integer() and abs(number) < 1e15
        return int(number) if is_whole else f"{number:.6g}"
    text = str(value)
    return text if len(text) <= _LONGEST_CELL else text[:_LONGEST_CELL] + " …"
