"""What Displays check before any work."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from skssl._quote import quoted
from skssl._samples import check_all_loaded
from skssl._sklearn_compat import num_samples
from skssl._types import Samples
from skssl.base import SelfSupervisedTransformer
from skssl.modality import Modality, infer_modality

_USUAL_ROWS = 4


def check_rows(
    rows: int | Sequence[int] | ArrayLike | None, X: Samples, *, usual: int = _USUAL_ROWS
) -> np.ndarray:
    """Return which rows of `X` are to be drawn; None is the first ones.

    Raises
    ------
    ValueError
        If they are no integers, none, or out of range.
    """
    n = num_samples(X)
    if rows is None:
        return np.arange(min(n, usual))
    places = np.atleast_1d(np.asarray(rows))
    if places.ndim != 1 or not len(places) or places.dtype.kind not in "iu":
        raise ValueError(f"rows must be the positions of samples in X, got {quoted(rows)}.")
    outside = places[(places < -n) | (places >= n)]
    if len(outside):
        raise ValueError(
            f"rows has {int(outside[0])}, but X has {n} samples: allowed are -{n} to {n - 1}."
        )
    return places % n


def check_method(estimator: Any, caller: str) -> SelfSupervisedTransformer:
    """Return an estimator, which has to be a method of skssl, or made like one."""
    if isinstance(estimator, SelfSupervisedTransformer):
        return estimator
    raise TypeError(
        f"{caller} needs a method of skssl, such as SimCLR(), got {quoted(estimator)}. Of a "
        "pipeline, pass the step, and X as it comes there."
    )


def check_ax(ax: object) -> None:
    """Raise an error if `ax` is more, or something else, than one Axes or None."""
    from matplotlib.axes import Axes

    if ax is not None and not isinstance(ax, Axes):
        raise ValueError(f"ax must be None or one matplotlib Axes, got {quoted(ax)}.")


def modality_for(estimator: BaseEstimator, X: Samples) -> Modality:
    """Return the modality that a fitted estimator takes samples for.

    That of a method, or of the one that a pipeline begins with; of others, what `X` looks like.
    """
    known = known_modality(estimator)
    return fitted_to(infer_modality(X), X) if known is None else known


def known_modality(estimator: BaseEstimator) -> Modality | None:
    """Return the modality of a method, or of the one that a pipeline begins with, if it has one."""
    first = estimator.steps[0][1] if isinstance(estimator, Pipeline) else estimator
    known = getattr(first, "modality_", None)
    return known if isinstance(known, Modality) else None


def fitted_to(modality: Modality, X: Samples) -> Modality:
    """Return a copy of a modality, fitted to samples."""
    fitted = copy.deepcopy(modality)
    loaded, which = fitted.load(X)
    check_all_loaded(which)
    return fitted.fit(fitted.check(loaded, estimator=type(modality).__name__))
