"""What is needed around files of fitted estimators."""

from __future__ import annotations

import copy
import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from sklearn.utils.validation import check_is_fitted

import skssl
from skssl._declare import Declared
from skssl._quote import quoted
from skssl.base import SelfSupervisedTransformer
from skssl.semi_supervised import FineTuneClassifier, FineTuneRegressor

# What the attributes and parameters of those classes are of. None of them does anything when it is
# made but to keep what it is given, or to read it.
_PARTS = (
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "skssl._scales.Units",
    "skssl.modality._networks.TextNetwork",
    "skssl.modality._pixels.PixelScale",
    "skssl.modality._table.Table",
    # Files name these two by the module that they were in at first, or by the one that they are in.
    "skssl.modality._text.Subwords",
    "skssl.modality._text.UsualAnalyzer",
    "skssl.modality._analyzers.Subwords",
    "skssl.modality._analyzers.UsualAnalyzer",
    "skssl.modality._vision_networks.VisionNetwork",
    "torch.device",
)


def trusted_types() -> list[str]:
    """Return what ``skops.io.load`` has to trust to read estimators of this library.

    They are the names of its own classes, and of a few that hold their parameters and what they
    learned from samples. None of them runs code that a file brings along. Of what else is in a
    file, such as callbacks, functions and modules of your own, skops says what it is, and refuses
    it.

    Returns
    -------
    names : list of str

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skops.io import dumps, loads
    >>> from skssl import SimCLR
    >>> from skssl.utils import trusted_types
    >>> X = load_digits().images[:200]
    >>> ssl = SimCLR(max_epochs=1, random_state=0).fit(X)
    >>> again = loads(dumps(ssl), trusted=trusted_types())
    >>> bool((again.transform(X) == ssl.transform(X)).all())
    True
    """
    for module in pkgutil.walk_packages(skssl.__path__, prefix="skssl."):
        if not module.name.startswith("skssl.testing"):
            importlib.import_module(module.name)
    own = {
        f"{cls.__module__}.{cls.__qualname__}"
        for cls in _subclasses(Declared)
        if cls.__module__.startswith("skssl.") and not cls.__module__.startswith("skssl.testing")
    }
    return sorted(own.union(_PARTS))


def _subclasses(cls: type) -> Iterator[type]:
    subclass: type
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def encoder_only(estimator: Any) -> SelfSupervisedTransformer:
    """Return a copy of a fitted method that keeps its encoder, and nothing else of its networks.

    It embeds samples as before, and takes no more memory, and no larger file, than that needs.
    What needs the heads - to train further, to reconstruct, to solve a pretext task - is an error
    that says so. `fit` starts anew, and what it was before the training is read again where it came
    from.

    Parameters
    ----------
    estimator : SelfSupervisedTransformer, FineTuneClassifier or FineTuneRegressor
        A fitted one. For a fine-tuned one, the method comes back with the fine-tuned encoder.

    Returns
    -------
    method : SelfSupervisedTransformer

    Raises
    ------
    NotFittedError, TypeError
        If it is not fitted, or is not such an estimator.

    Examples
    --------
    >>> import pickle
    >>> from sklearn.datasets import load_digits
    >>> from skssl import MaskedAutoencoder
    >>> from skssl.utils import encoder_only
    >>> X = load_digits().images[:200]
    >>> ssl = MaskedAutoencoder(max_epochs=1, random_state=0).fit(X)
    >>> small = encoder_only(ssl)
    >>> bool((small.transform(X) == ssl.transform(X)).all())
    True
    >>> len(pickle.dumps(small)) < len(pickle.dumps(ssl))
    True
    """
    if isinstance(estimator, (FineTuneClassifier, FineTuneRegressor)):
        check_is_fitted(estimator)
        only = copy.copy(estimator.method_)
        only.encoder_ = estimator.method_.encoder_.with_encoder(estimator.encoder_.encoder)
    elif isinstance(estimator, SelfSupervisedTransformer):
        check_is_fitted(estimator)
        only = copy.copy(estimator)
    else:
        raise TypeError(
            "estimator must be a fitted self-supervised method, such as SimCLR(), a "
            f"FineTuneClassifier or a FineTuneRegressor, got {quoted(estimator)}."
        )
    return copy.deepcopy(only.without_heads())
