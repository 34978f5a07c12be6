"""What scorers look at: embeddings of samples and of their views."""

from __future__ import annotations

from typing import Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skssl._types import Samples
from skssl.base import SelfSupervisedTransformer
from skssl.views import Views


def embed_views(
    estimator: BaseEstimator,
    X: Samples,
    *,
    n_views: int = 2,
    views: Literal["auto", "own"] | Views = "auto",
    random_state: int | np.random.RandomState | None = 0,
) -> np.ndarray:
    """Embed random views of samples with a fitted method.

    For metrics that look at views, such as :func:`skssl.metrics.lidar_score`. The encoder runs as
    in ``transform``, and the estimator is left as it is.

    Parameters
    ----------
    estimator : estimator
        A fitted method, or a Pipeline whose last step is one, also within a ``FrozenEstimator``.
    X : array-like
        The samples, as for ``transform``.
    n_views : int, default=2
        Number of views of each sample, at least 1.
    views : {"auto", "own"} or Views, default="auto"
        "auto" are the default views of the modality, whatever the method was trained with or has
        as its own default, so that all candidates of a search are asked the same. "own" are those
        it was trained with, ``views_``. A views object of :mod:`skssl.views` is used as it is.
    random_state : int, RandomState instance or None, default=0
        The same seed draws the same views for the same samples.

    Returns
    -------
    Z : ndarray of shape (n_samples, n_views, n_features_out), float32
        The embeddings of the views; NaN for files that could not be loaded.

    Raises
    ------
    TypeError
        If the estimator, or the last step of the Pipeline, is not a method.
    NotFittedError
        If it is not fitted.
    ValueError
        If `n_views` or `views` is not allowed.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skssl import SimCLR
    >>> from skssl.metrics import alignment_score
    >>> from skssl.model_selection import embed_views
    >>> X = load_digits().images[:200]
    >>> ssl = SimCLR(max_epochs=2, random_state=0).fit(X)
    >>> embed_views(ssl, X, n_views=3).shape
    (200, 3, 256)
    >>> alignment_score(embed_views(ssl, X)) < 0
    True
    """
    method, X = _last_step(estimator, X)
    if not isinstance(n_views, (int, np.integer)) or n_views < 1:
        raise ValueError(f"n_views must be an integer of at least 1, got {n_views!r}.")
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    return method.embed_views(X, _resolve(views, method), n_views=int(n_views), seed=seed)


def check_views_parameter(views: object) -> None:
    """Raise a ValueError unless `views` is "auto", "own" or a views object."""
    if not isinstance(views, Views) and views not in ("auto", "own"):
        raise ValueError(
            f"views={views!r} is not allowed; it must be 'auto', 'own' or an object of skssl.views."
        )


def _resolve(views: Literal["auto", "own"] | Views, method: SelfSupervisedTransformer) -> Views:
    check_views_parameter(views)
    if isinstance(views, Views):
        method.check_views(views)
        views.check_parameters()
        return views
    # Not the method's own defaults: those of a pretext task may leave out what others change.
    return SelfSupervisedTransformer.default_views(method) if views == "auto" else method.views_


def _last_step(estimator: BaseEstimator, X: Samples) -> tuple[SelfSupervisedTransformer, Samples]:
    """Return the method at the end of pipelines, and what comes to it of `X`."""
    if isinstance(estimator, FrozenEstimator):
        return _last_step(estimator.estimator, X)
    if isinstance(estimator, Pipeline):
        return _last_step(estimator[-1], estimator[:-1].transform(X) if len(estimator) > 1 else X)
    if not isinstance(estimator, SelfSupervisedTransformer):
        raise TypeError(
            "Views can be embedded by a method of skssl, or by a Pipeline whose last step is one; "
            f"got {type(estimator).__name__}. Of a Pipeline with a classifier, score or search the "
            "method alone, as in GridSearchCV(pipe[:-1], ...)."
        )
    check_is_fitted(estimator)
    return estimator, X
