"""Which modalities and encoders there are, and of which modality samples are."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import entry_points

from torch import Tensor, nn

from skssl._quote import quoted
from skssl._types import Samples
from skssl._warn import warn
from skssl.exceptions import ModalityWarning
from skssl.modality._base import Look, Modality
from skssl.modality._containers import as_samples
from skssl.modality._images import Images
from skssl.modality._points import PointCloud
from skssl.modality._series import Series
from skssl.modality._stored import Stored
from skssl.modality._tabular import Tabular
from skssl.modality._text import Text
from skssl.modality._video import Video

# Asked in this order. What none recognises is a table, whose errors are scikit-learn's.
MODALITIES: tuple[type[Modality], ...] = (Images, Video, PointCloud, Series, Text, Tabular)

_ENTRY_POINTS = "skssl.modalities"

BuildEncoder = Callable[[Modality, Tensor], nn.Module]


class _Registry:
    """What others have added, with what the packages that are installed declare."""

    def __init__(self) -> None:
        self.encoders: dict[type[Modality], dict[str, BuildEncoder]] = {}
        self._modalities: list[type[Modality]] = []
        self._has_entry_points = False

    def add(self, modality: type[Modality]) -> None:
        if modality not in self._modalities:
            self._modalities.insert(0, modality)

    def modalities(self) -> tuple[type[Modality], ...]:
        """Return those of others, the last one that was added first."""
        if not self._has_entry_points:
            self._has_entry_points = True
            for entry in entry_points(group=_ENTRY_POINTS):
                try:
                    register_modality(entry.load())
                except Exception as error:
                    # One broken package must not end all that is done with the others.
                    warn(
                        f"The modality {entry.name!r} of {entry.value}, an entry point of "
                        f"{_ENTRY_POINTS!r}, cannot be used: {type(error).__name__}: {error}"
                    )
        return tuple(self._modalities)


_registry = _Registry()


def known_modalities() -> tuple[type[Modality], ...]:
    """Return all modalities, in the order in which "auto" asks them.

    Returns
    -------
    tuple of type
        Those that others have registered, then those of skssl.
    """
    return (*_registry.modalities(), *MODALITIES)


def register_modality(modality: type[Modality]) -> type[Modality]:
    """Let ``modality="auto"`` ask a modality of your own, before those of skssl.

    It is also listed where an error says which modalities a method works with. This holds for the
    process that it is called in: call it where the class is defined, so that other processes do as
    well when they import that. A package that others install declares it in its
    ``pyproject.toml``, and need not be imported::

        [project.entry-points."skssl.modalities"]
        spectra = "my_package:Spectra"

    Parameters
    ----------
    modality : type
        A subclass of :class:`Modality` without abstract methods.

    Returns
    -------
    modality : type
        The same class, so that this can be used as a decorator.

    Raises
    ------
    TypeError
        If it is not such a class, or lacks methods.
    """
    if not (isinstance(modality, type) and issubclass(modality, Modality)):
        raise TypeError(f"modality must be a subclass of Modality, got {quoted(modality)}.")
    if inspect.isabstract(modality):
        missing = ", ".join(sorted(modality.__abstractmethods__))
        raise TypeError(f"{modality.__name__} lacks {missing}, which every modality has to have.")
    _registry.add(modality)
    return modality


def register_encoder(modality: type[Modality], name: str, build: BuildEncoder) -> None:
    """Add a name that ``encoder=`` knows for samples of a modality.

    Parameters
    ----------
    modality : type
        A subclass of :class:`Modality`; its subclasses know the name, too.
    name : str
        One that the modality does not know yet.
    build : callable
        Gets the fitted modality and prepared training samples, some or all of them, and returns a
        new, untrained network from what ``modality.input_layer()`` gives to embeddings ``(n, d)``.

    Raises
    ------
    TypeError, ValueError
        If one of these is something else, or the name is taken.
    """
    if not (isinstance(modality, type) and issubclass(modality, Modality)):
        raise TypeError(f"modality must be a subclass of Modality, got {quoted(modality)}.")
    if not isinstance(name, str) or not name:
        raise TypeError(f"name must be a str that is not empty, got {quoted(name)}.")
    if not callable(build):
        raise TypeError(f"build must be callable, got {quoted(build)}.")
    own = _registry.encoders.setdefault(modality, {})
    if name == "auto" or own.get(name, build) is not build:
        raise ValueError(f"name={name!r} is taken: it is an encoder for {modality.__name__}.")
    own[name] = build


def registered_encoders(modality: Modality) -> dict[str, BuildEncoder]:
    """Return the encoders that others have added for a modality, by name."""
    found: dict[str, BuildEncoder] = {}
    for kind in reversed(type(modality).__mro__):
        found |= _registry.encoders.get(kind, {})
    return found


def check_capable(
    modality: Modality, capabilities: tuple[type[Modality], ...], *, who: str, hint: str = ""
) -> None:
    """Raise an error, which lists those that can, unless a modality can do something.

    `who` is the method, or what it is asked for, that needs it; `hint` is what to do instead.
    """
    if not is_capable(type(modality), capabilities):
        able = [kind for kind in known_modalities() if is_capable(kind, capabilities)]
        raise ValueError(
            f"{who} has no meaning for modality={type(modality).__name__}(); it works with "
            f"{', '.join(sorted(kind.__name__ for kind in able))}.{hint and f' {hint}.'}"
        )


def is_capable(kind: type[Modality], capabilities: tuple[type[Modality], ...]) -> bool:
    """Whether a modality inherits all of these."""
    return all(issubclass(kind, capability) for capability in capabilities)


def infer_modality(X: Samples) -> Modality:
    """Return the modality, with its default parameters, that ``modality="auto"`` means for `X`.

    Modalities that others have registered are asked first. Then, the first of these that fits:

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
    stored = Stored.of(X)
    X = as_samples(X) if stored is None or stored.fits() else stored.head()
    look = Look.at(X)
    kind = next((kind for kind in known_modalities() if kind.recognizes(look)), Tabular)
    if kind is Tabular and len(look.shape) > 2:
        raise ValueError(
            f"Cannot tell what the samples of X are, which has shape {look.shape} and dtype "
            f"{look.dtype}. Pass modality=, for example modality=skssl.modality.Images()."
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
