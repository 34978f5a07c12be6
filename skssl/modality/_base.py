"""What every modality has in common."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import InputTags, check_array
from torch import Tensor, nn

from skssl._declare import AUTO, Declared, param, resolve_auto
from skssl._quote import quoted
from skssl._scales import float_of
from skssl._types import Auto, Samples
from skssl._warn import warn
from skssl.modality._containers import as_samples, is_categorical, only_column
from skssl.modality._stored import Stored
from skssl.nn import Weights
from skssl.views import Views

# Elements that are looked at one by one.
_FEW = 10
# How often their own size padded samples may have, unless that is so few bytes; with a warning, so
# many.
_MOST_WASTE, _UNNOTICED, _MOST_PADDED = 50, 2**24, 2**27


@dataclass(frozen=True)
class Look:
    """What can be told of `X` without turning all of it into an array.

    Parameters
    ----------
    shape : tuple of int
        Shape of `X`, or for a list, its length and the shape of its first element.
    dtype : np.dtype
        Of `X` or of the first element; object for DataFrames and what is not an array.
    first : object
        The first element of a 1-D array, a list or a Series; None for others.
    ragged : bool
        Whether `X` is a list of arrays that differ in shape.
    has_text : bool
        Whether `X` is a str, or a list, a 1-D array, a Series or the only column of a DataFrame
        that holds at least one.
    few : tuple
        The first elements of a list, a 1-D array, a Series or the only column of a DataFrame; empty
        for others.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    first: object = None
    ragged: bool = False
    has_text: bool = False
    few: tuple[object, ...] = ()

    @classmethod
    def at(cls, X: Samples) -> Look:
        """Look at `X`."""
        X = as_samples(X)
        if isinstance(X, (list, tuple)) and len(X):
            # An array of a long text takes four times its memory.
            is_text = isinstance(X[0], (str, bytes))
            first = np.empty((), object) if is_text else _first(X[0])
            shape, few = (len(X), *first.shape), tuple(X[:_FEW])
            return cls(shape, first.dtype, X[0], _is_ragged(X), _has_text(X), few)
        array = X if hasattr(X, "shape") else np.asarray(X)
        dtype = getattr(array, "dtype", None)
        dtype = dtype if isinstance(dtype, np.dtype) else np.dtype(object)
        one_d = len(array.shape) == 1
        column = array if one_d else only_column(array)
        declared = is_categorical(column)
        column = as_samples(column)
        return cls(
            tuple(array.shape),
            dtype,
            next(iter(array)) if one_d and len(array) else None,
            has_text=not declared and _has_text([X] if isinstance(X, bytes) else column),
            few=() if column is None else tuple(islice(column, _FEW)),
        )


def _first(sample: object) -> np.ndarray:
    """Return the first of a list of samples as an array."""
    try:
        first = np.asarray(sample)
    except ValueError:  # parts of unequal length
        return np.asarray(None)
    return first if first.dtype.kind in "biufcmM" else np.asarray(sample, dtype=object)


def _is_ragged(X: Samples) -> bool:
    """Whether a list has arrays, or lists of numbers, that differ in shape."""
    if isinstance(X[0], np.ndarray):
        return len({np.shape(x) for x in X}) > 1
    is_list = isinstance(X[0], (list, tuple)) and len(X[0]) > 0 and not isinstance(X[0][0], str)
    return is_list and all(map(_has_length, X)) and len(set(map(len, X))) > 1


def _shape(sample: object) -> tuple[int, ...]:
    if isinstance(sample, (list, tuple)):
        return (len(sample),)
    return getattr(sample, "shape", ())


def _has_length(sample: object) -> bool:
    return isinstance(sample, (list, tuple, np.ndarray))


def _has_text(values: Iterable[object] | None) -> bool:
    if values is None or getattr(getattr(values, "dtype", None), "kind", "O") in "biufcmM":
        return False
    return any(isinstance(value, (str, bytes)) for value in values)


class Modality(Declared, ABC):
    """What kind of thing a sample is: how it is checked, prepared, encoded and varied.

    A method never asks what a sample is; it goes through these steps:
    ``load`` -> ``check`` -> ``fit`` (once) -> ``prepare`` -> ``input_layer`` -> views ->
    ``stem`` -> encoder. Attributes that end in an underscore are what ``fit`` learned from the
    training rows.

    Parameters
    ----------
    concat_input : bool or "auto", default="auto"
        Whether the embedding has, before what was learned, a description of the sample that needs
        no training, where the modality has one. "auto" is what was measured to be right beside the
        default encoder, and False beside others. Views, scores of views, and fine-tuning have to
        do with what was learned alone.
    """

    concat_input: Auto[bool] = param(AUTO, "boolean", default="auto")

    # What "auto" means, None where there is no description.
    concatenates: ClassVar[bool | None] = None
    # How widely a description spreads, as a part of how widely a learned block does.
    description_share: ClassVar[float] = 1.0
    # Whether rows of the default encoder, and of what stands beside it, are brought to one length.
    one_length: ClassVar[bool] = False

    # The class of the default views, which no other modality takes.
    views_class: ClassVar[type[Views] | None] = None
    # Axes of a batch, beside the first, along which it may have any size.
    varying_axes: ClassVar[tuple[int, ...]] = ()
    # Whether NaN may stand for a missing value.
    allows_nan: ClassVar[bool] = False
    # What names of encoders begin with, before a slash, that others have trained.
    hubs: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, modality: Modality) -> Self:
        """Return a modality as one of this class, such as ``Turnable``, which it has to be.

        Parameters
        ----------
        modality : Modality
            An object of this class, or of a subclass.

        Returns
        -------
        modality : Modality
            The same object, for type checkers.

        Raises
        ------
        TypeError
            If it is not of this class.
        """
        if not isinstance(modality, cls):
            raise TypeError(f"{type(modality).__name__} is not {cls.__name__}.")
        return modality

    def set_input_tags(self, tags: InputTags) -> None:
        """Say in scikit-learn's tags what `X` may be.

        Parameters
        ----------
        tags : sklearn.utils.InputTags
            The tags of an estimator, which are changed in place.
        """
        tags.three_d_array = True
        tags.allow_nan = self.allows_nan

    @classmethod
    @abstractmethod
    def recognizes(cls, look: Look) -> bool:
        """Whether ``modality="auto"`` takes what looks like this to be of this modality.

        Parameters
        ----------
        look : Look
            Shape, dtype and first elements of `X`.

        Returns
        -------
        bool
            The first modality that returns True is taken.
        """

    @classmethod
    def doubts(cls, look: Look, X: Samples) -> str | None:
        """Say what else `X`, which this modality recognizes, may be, and how to write it.

        Parameters
        ----------
        look : Look
            Shape, dtype and first elements of `X`.
        X : array-like
            Samples, for a closer look.

        Returns
        -------
        str or None
            A clause for the warning, such as "it may be images, modality=Images()"; None if there
            is no doubt.
        """
        return None

    def stored(self, X: Samples) -> Stored | None:
        """Return samples that can be read when they are needed, None for those in memory.

        Parameters
        ----------
        X : array-like
            Samples.

        Returns
        -------
        Stored or None
            The samples as rows that can be read block by block.
        """
        return Stored.of(X)

    def load(self, X: Samples) -> tuple[Samples, np.ndarray | None]:
        """Read samples that are not in memory, such as files.

        Parameters
        ----------
        X : array-like
            Samples, in any form that the modality takes.

        Returns
        -------
        X : object
            What ``check`` takes; tensors, masked arrays and Arrow's have become arrays or lists.
        loaded : ndarray of bool or None
            Which samples `X` still has; None if all.
        """
        return as_samples(X), None

    def load_all(self, X: Samples) -> Samples:
        """Read samples as ``load`` does, where each has to be there.

        Parameters
        ----------
        X : array-like
            Samples, in any form that the modality takes.

        Returns
        -------
        X : object
            What ``check`` takes, with all samples.

        Raises
        ------
        ValueError
            If a sample could not be read; the message names the first one.
        """
        X, loaded = self.load(X)
        if loaded is not None and not loaded.all():
            row = int(np.argmin(loaded))
            raise ValueError(
                f"X: {int((~loaded).sum())} of {len(loaded)} samples could not be read, first that "
                f"in row {row}. Leave them out, of X and y as well."
            )
        return X

    def has_columns(self, X: Samples) -> bool:
        """Whether `X` has columns, whose number and names have to be those of ``fit``.

        Parameters
        ----------
        X : array-like
            Samples, as ``load`` returns them.

        Returns
        -------
        bool
            True for 2-D samples, unless a modality decides otherwise.
        """
        look = Look.at(X)
        return len(look.shape) == 2 and not look.ragged

    @abstractmethod
    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> object:
        """Return `X` in a form of its own, or raise an error that says what is wrong with it.

        What is found here does not depend on the training rows.

        Parameters
        ----------
        X : array-like
            Samples, as ``load`` returns them.
        estimator : str
            The name of the estimator, for error messages.
        min_samples : int, default=1
            Fewer samples than this are an error.

        Returns
        -------
        X : object
            What ``fit`` and ``prepare`` take, with one row for each sample: an array, or an object
            of the modality's own for tables and texts.

        Raises
        ------
        ValueError, TypeError
            If the samples are not of this modality, are too few, or hold values that are not
            allowed.
        """

    @abstractmethod
    def fit(self, X: Any) -> Self:
        """Learn what preparing needs (shape, scales, categories) from checked training rows.

        Parameters
        ----------
        X : object
            Training samples, as ``check`` returns them.

        Returns
        -------
        self : Modality
            The fitted modality.
        """

    @abstractmethod
    def prepare(self, X: Any) -> Tensor:
        """Return checked rows as a tensor on the CPU, in the dtype in which they are to be kept.

        Parameters
        ----------
        X : object
            Samples, as ``check`` returns them.

        Returns
        -------
        Tensor of shape (n_samples, ...)
            What ``input_layer`` takes, such as uint8 for images of bytes.

        Raises
        ------
        ValueError
            If the rows do not fit those seen in ``fit``.
        """

    def preparation(self) -> dict[str, object]:
        """Return what ``prepare`` does to samples, for those who do it elsewhere.

        Returns
        -------
        dict
            Only what JSON can hold: numbers, strings, lists and dicts. It is written into the files
            of :func:`~skssl.utils.to_onnx`.
        """
        return {}

    def n_features(self, samples: Tensor) -> int:
        """Return ``n_features_in_`` for prepared samples of `X` that is not 2-D.

        Parameters
        ----------
        samples : Tensor
            Prepared training samples.

        Returns
        -------
        int
            How many values a sample has, unless a modality counts in another way.
        """
        return math.prod(samples.shape[1:])

    def input_layer(self) -> nn.Module:
        """Return the module that turns a prepared batch, on the device, into what views change.

        Returns
        -------
        nn.Module
            It has nothing to train. By default, it changes nothing.
        """
        return nn.Identity()

    def stem(self) -> nn.Module | None:
        """Return what comes before a user's own encoder, if anything.

        It turns a view into plain, finite floats: fills gaps, embeds categories, and the like. It
        is trained with the encoder. Encoders by name bring their own.

        Returns
        -------
        nn.Module or None
            None if views are plain floats already.
        """
        return None

    def plain_stem(self) -> nn.Module | None:
        """Return a stem that has nothing to train, for comparisons with what was not learned.

        Returns
        -------
        nn.Module or None
            None if views are plain floats already.
        """
        return self.stem()

    def has_description(self) -> bool:
        """Whether what is learned stands beside a description that needs no training.

        Returns
        -------
        bool
            What ``concat_input`` says, where "auto" is resolved.
        """
        return resolve_auto(self.concat_input, bool(self.concatenates))

    def describe(self, samples: Tensor | None, views: Views | None = None) -> nn.Module | None:
        """Return the module from prepared samples to a description that needs no training.

        Parameters
        ----------
        samples : Tensor or None
            Prepared training samples that it may learn from; None for a module of the same form,
            whose buffers are to be filled with what another one has learned.
        views : Views or None
            What training changes about the samples: what it makes the encoder indifferent to, the
            description may leave out.

        Returns
        -------
        nn.Module or None
            None where the modality has no description, or ``concat_input`` is False.
        """
        return None

    def description_names(self, size: int) -> list[str]:
        """Return the names of the columns of a description.

        Parameters
        ----------
        size : int
            How many columns the description has.

        Returns
        -------
        list of str
            One name for each column.
        """
        return [f"input{index}" for index in range(size)]

    def check_parameters(self) -> None:
        super().check_parameters()
        if self.concatenates is None and self.concat_input is True:
            from skssl.modality._registry import known_modalities

            able = [kind.__name__ for kind in known_modalities() if kind.concatenates is not None]
            raise ValueError(
                f"concat_input=True: {type(self).__name__} has no description that needs no "
                f"training; those that have are {', '.join(able)}."
            )

    @abstractmethod
    def encoder_names(self) -> list[str]:
        """Return the names that ``build_encoder`` knows.

        Returns
        -------
        list of str
            What ``encoder=`` of a method may be beside "auto".
        """

    @abstractmethod
    def build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        """Return a new, untrained encoder for the fitted samples; "auto" is the default one.

        Parameters
        ----------
        name : str
            "auto" or one of ``encoder_names()``.
        samples : Tensor
            The prepared training samples, from which fixed parts of the encoder may be set.

        Returns
        -------
        nn.Module
            From what views show to embeddings of shape (n, d).
        """

    def start_encoder(
        self, name: str, weights: Weights | None, samples: Tensor
    ) -> nn.Module | None:
        """Return an encoder that others have trained, None for a name that only we build.

        What ``build_encoder`` makes of that name gets the weights of a file, or a state dict, then.

        Parameters
        ----------
        name : str
            One of ``encoder_names()``, or of the form "HUB/NAME" with one of ``hubs``.
        weights : Weights or None
            What is asked for; "auto" for a name of a hub by itself. None is random weights.
        samples : Tensor
            The prepared training samples, or stand-ins where only the form is asked for.

        Returns
        -------
        nn.Module or None
            From what views show to embeddings of shape (n, d).
        """
        return None

    def expect_encoder(self, name: str) -> None:
        """Hear before ``fit``, of an encoder with a name, which one the samples are for.

        For those that come with a preparation of their own, such as a tokenizer.

        Parameters
        ----------
        name : str
            "auto", one of ``encoder_names()``, or "HUB/NAME" with one of ``hubs``.
        """

    def expect_known(self, is_known: bool) -> None:
        """Hear before ``fit`` whether the encoder has learned something from values as they are.

        Then these are not to be scaled by the samples, where they are in their usual range.

        Parameters
        ----------
        is_known : bool
            Whether the encoder starts from what it has learned before.
        """

    @abstractmethod
    def default_views(self) -> Views:
        """Return the views that suit the fitted samples.

        Returns
        -------
        Views
            What ``views="auto"`` of a method means.
        """


def check_numbers(
    X: Samples,
    *,
    dtypes: list[type],
    estimator: str,
    min_samples: int,
    allow_nd: bool = True,
    allow_nan: bool = False,
) -> np.ndarray:
    """Return `X` as a finite array of one of `dtypes`, or raise an error that says what is wrong.

    Parameters
    ----------
    X : array-like
        Samples that hold numbers.
    dtypes : list of type
        The dtypes that the array may have. Other numbers are converted to the first one. float32
        stands for float64 as well, if `X` has numbers that float32 could not hold.
    estimator : str
        The name of the estimator, for error messages.
    min_samples : int
        Fewer samples than this are an error.
    allow_nd : bool, default=True
        Whether `X` may have more than 2 dimensions.
    allow_nan : bool, default=False
        Whether NaN may mark missing values. Infinity is always an error.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        `X` itself, without a copy, if it is such an array already.

    Raises
    ------
    ValueError, TypeError
        If `X` is not an array of numbers, has no values, or holds values that are not finite.
    """
    X = as_samples(X)
    _refuse_no_array(X)
    _refuse_nothing(X)
    if isinstance(X, (list, tuple)) and _is_ragged(X):
        shapes = [_shape(one) for one in X]
        row = next(row for row, shape in enumerate(shapes) if shape != shapes[0])
        raise ValueError(
            f"The samples of X differ in shape: {shapes[0]} is that of the first, {shapes[row]} "
            f"that of the one in row {row}. Those of series and point clouds may, if that is what "
            "they are: pass modality=Series() or modality=PointCloud()."
        )
    with named_input(estimator), np.errstate(over="ignore", invalid="ignore"):
        if isinstance(X, (list, tuple)):
            X = np.asarray(X)  # which keeps uint8
        _refuse_no_numbers(X)
        # Scales are taken in float64 where float32 could not hold the numbers.
        dtypes = [float_of(getattr(X, "dtype", None)), *dtypes]
        array = check_array(
            X,
            dtype=dtypes,
            allow_nd=allow_nd,
            ensure_all_finite=False,
            ensure_min_samples=min_samples,
            estimator=estimator,
            input_name="X",
        )
    if 0 in array.shape[1:]:
        raise ValueError(f"X has shape {array.shape}: its samples have no values.")
    _check_finite(array, allow_nan=allow_nan)
    return array


def _refuse_no_array(X: object) -> None:
    """Raise an error if `X` is nothing that samples could be in."""
    is_array = any(hasattr(X, name) for name in ("shape", "__array__", "__array_interface__"))
    is_sequence = hasattr(X, "__len__") and hasattr(X, "__getitem__")
    if isinstance(X, (str, bytes, dict, type)) or not (is_array or is_sequence):
        raise TypeError(
            f"X must be an array, a list of samples or a DataFrame, got {quoted(X)} of type "
            f"{type(X).__name__}."
        )


def _refuse_nothing(X: Samples) -> None:
    """Raise an error if `X` has no samples, nor axes that would say what they are."""
    shape = (len(X),) if isinstance(X, (list, tuple)) else getattr(X, "shape", None)
    if shape == (0,):
        raise ValueError(
            "X is empty: there are no samples. If it is a list of files, the pattern matched none."
        )


def _refuse_no_numbers(X: Samples) -> None:
    """Raise an error if the dtype of `X` says that it holds something else."""
    dtype = getattr(X, "dtype", None)
    kind = getattr(dtype, "kind", "f")
    if kind in "US":
        is_table = len(getattr(X, "shape", ())) == 2
        remedy = " Pass a DataFrame if X is a table with categories." if is_table else ""
        raise ValueError(
            f"X must hold numbers, got strings: {quoted(X[0])} is its first sample.{remedy}"
        )
    if kind == "c":
        raise ValueError(f"Complex data not supported: X has dtype {dtype}.")
    if kind in "mM":
        raise ValueError(
            f"X holds dates or times, of dtype {dtype}, which are no numbers; turn them into "
            "what they are to tell, such as the hour, the weekday, or the seconds since an event."
        )
    if kind == "V":
        raise ValueError(
            f"X has dtype {dtype}, a record in every cell; pass a DataFrame, or an array with an "
            "axis for the fields, such as numpy.lib.recfunctions.structured_to_unstructured(X)."
        )


@contextmanager
def named_input(estimator: str) -> Iterator[None]:
    """Say in errors of scikit-learn and NumPy that they are about `X`."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if re.search(r"\bX\b", str(error)):
            raise
        few = re.match(r"Found array with (\d+) sample.* minimum of (\d+) is required", str(error))
        if few:
            n, least = few.groups()
            said = f"X has {n} sample{'' if n == '1' else 's'}"
            raise ValueError(f"{said}, and {estimator} needs at least {least}.") from error
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"X is nothing that {estimator} takes: {error}") from error


def _check_finite(array: np.ndarray, *, allow_nan: bool) -> None:
    """Raise an error that says where `array` has a value that is not finite."""
    if array.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    wrong = np.isinf(array) if allow_nan else ~np.isfinite(array)
    if not wrong.any():
        return
    place = np.unravel_index(int(wrong.argmax()), wrong.shape)
    inside = tuple(map(int, place[1:]))
    where = f"row {place[0]}, " + (f"column {inside[0]}" if len(inside) == 1 else f"at {inside}")
    n_rows = int(wrong.reshape(len(wrong), -1).any(axis=1).sum())
    if np.isnan(array[place]):
        raise ValueError(
            f"X contains NaN in {n_rows} of {len(array)} samples, first in {where}. Nothing is "
            "imputed here: leave such samples out, or fill them before."
        )
    raise ValueError(
        f"X contains infinity or a value too large for {array.dtype!r} in {n_rows} of "
        f"{len(array)} samples, first in {where}."
    )


def check_padding(lengths: Sequence[int], width: int, unit: str) -> None:
    """Raise an error, or warn, if padding samples to the longest wastes memory.

    Parameters
    ----------
    lengths : sequence of int
        Of each sample.
    width : int
        Numbers of each step or point.
    unit : str
        What messages call these.
    """
    padded, own = (4 * width * n for n in (len(lengths) * max(lengths), sum(lengths)))
    if padded <= _MOST_WASTE * own or padded <= _UNNOTICED:
        return
    row = int(np.argmax(lengths))
    message = (
        f"Row {row} of X has {lengths[row]:,} {unit}, half of the rows have at most "
        f"{int(np.median(lengths)):,}. Padded to the longest, X takes {padded / 1e6:,.0f} MB, "
        f"{padded / own:,.0f} times its size. Cut such rows into pieces, or pass them on their own."
    )
    if padded > _MOST_PADDED:
        raise ValueError(message)
    warn(message)


def check_mask(mask: ArrayLike, *shapes: tuple[int, ...]) -> np.ndarray:
    """Return a mask as an array of bools of one of these shapes, or raise an error."""
    try:
        array = np.asarray(as_samples(mask))
    except ValueError as error:
        raise ValueError(f"mask must be an array of bools: {error}") from error
    if array.dtype != bool and array.shape in shapes:
        raise ValueError(
            f"mask must be an array of bools, got dtype {array.dtype}: pass mask.astype(bool) if "
            "what is not 0 is masked."
        )
    if array.dtype != bool or array.shape not in shapes:
        allowed = " or ".join(map(str, shapes))
        raise ValueError(
            f"mask must be an array of bools of shape {allowed}, got shape {array.shape} and dtype "
            f"{array.dtype}."
        )
    return array


def no_patches(patch_size: int | str, pieces: str) -> None:
    """Raise an error unless `patch_size` is "auto"."""
    if not isinstance(patch_size, str):
        raise ValueError(
            f"patch_size={patch_size} has no meaning here: each token is {pieces}. "
            "Leave it at 'auto'."
        )


def as_tensor(array: np.ndarray) -> Tensor:
    """Return `array` as a tensor, sharing its memory where torch can.

    Nothing in skssl writes to prepared samples, so read-only arrays are shared as well.

    Parameters
    ----------
    array : ndarray
        Numbers, of a dtype that torch has.

    Returns
    -------
    Tensor
        On the CPU, of the same shape and dtype.
    """
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if any(stride < 0 for stride in array.strides):
        array = np.ascontiguousarray(array)
    # Unlike torch.from_numpy, this does not warn about memory that must not be written to.
    return torch.from_dlpack(array)
