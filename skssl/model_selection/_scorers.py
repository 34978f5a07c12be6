"""Scorers of an embedding, for scikit-learn's searches without labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from skssl import metrics
from skssl._labels import split_labels
from skssl._sklearn_compat import check_lengths, num_samples
from skssl._types import Samples
from skssl.modality import take
from skssl.model_selection._embedding import check_views_parameter, embed_views
from skssl.views import Views


@dataclass(frozen=True)
class EmbeddingScorer:
    """Scores a fitted method by its embedding of held-out samples, without labels.

    An object of this class goes where scikit-learn takes a scorer: in ``GridSearchCV(...,
    scoring=...)`` and ``cross_val_score``, whose ``fit`` then needs no `y`. For each metric of
    :mod:`skssl.metrics` there is one with the settings below, such as :data:`lidar_scorer`; make
    your own to change them, or for a metric of your own.

    The estimator may be a method, a Pipeline whose last step is one, or, for metrics that need no
    views, anything with ``transform``. It is left as it is, and all candidates are scored on the
    same rows with the same seed.

    Parameters
    ----------
    metric : callable
        Gets the embedding of shape (n, d), or with `n_views`, that of views of shape
        (n, n_views, d), and returns a float. To set its parameters, use ``functools.partial``.
    n_views : int, default=None
        Number of random views of each sample that the metric looks at, at least 2. With None, it
        looks at what ``transform`` returns.
    views : {"auto", "own"} or Views, default="auto"
        Which views. "auto" are the default views of the modality, the same for all candidates.
        With "own", each candidate is asked about the views that it was trained with, and those
        with weak ones have an easier task: right only if the candidates do not differ in views.
        A views object is the way to say what the embedding should be indifferent to.
    greater_is_better : bool, default=True
        Whether higher values of the metric are better. With False, the score is its negative.
    needs_labels : bool, default=False
        Whether the metric gets the labels as its second argument. Rows without one are left out.
    max_samples : int, default=2048
        At most this many samples are looked at, drawn at random; at least 2. Metrics that depend on
        the number of samples stay comparable, and large data sets cheap. None takes all of them.
    random_state : int, default=0
        Seed for the samples and for the views.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`, as in :class:`skssl.semi_supervised.LabeledOnly`,
        for metrics that need labels. Where -1 may be a class, "auto" is an error;
        ``dataclasses.replace(knn_scorer, unlabeled=None)`` says that all rows have a label.

    Raises
    ------
    ValueError
        If a parameter has a value that is not allowed.

    See Also
    --------
    check_against_random_weights : Whether what was chosen is better than no training at all.

    Examples
    --------
    >>> from functools import partial
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skssl import SimCLR
    >>> from skssl.metrics import lidar_score
    >>> from skssl.model_selection import EmbeddingScorer
    >>> scorer = EmbeddingScorer(partial(lidar_score, delta=1e-3), n_views=4)
    >>> grid = {"temperature": [0.1, 0.5]}
    >>> search = GridSearchCV(SimCLR(max_epochs=2, random_state=0), grid, scoring=scorer, cv=2)
    >>> sorted(search.fit(load_digits().images[:200]).best_params_)
    ['temperature']
    """

    metric: Callable[..., float]
    n_views: int | None = None
    views: Literal["auto", "own"] | Views = "auto"
    greater_is_better: bool = True
    needs_labels: bool = False
    max_samples: int | None = 2048
    random_state: int = 0
    unlabeled: object = "auto"

    def __post_init__(self) -> None:
        if not callable(self.metric):
            raise ValueError(f"metric must be callable, got {self.metric!r}.")
        check_views_parameter(self.views)
        for name in ("n_views", "max_samples"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, Integral) or value < 2):
                raise ValueError(f"{name} must be None or an integer of at least 2, got {value!r}.")

    def __call__(self, estimator: BaseEstimator, X: Samples, y: ArrayLike | None = None) -> float:
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted method, or a Pipeline whose last step is one.
        X : array-like
            Samples, best those that it was not trained on.
        y : array-like of shape (n_samples,), default=None
            Labels, which only scorers that need them look at.

        Returns
        -------
        float
            The higher the better.
        """
        rows, labels = self._choose_rows(X, y)
        chosen = take(X, rows)
        if self.n_views is None:
            Z = np.asarray(estimator.transform(chosen))
        else:
            Z = embed_views(
                estimator,
                chosen,
                n_views=self.n_views,
                views=self.views,
                random_state=self.random_state,
            )
        # Files that could not be loaded are NaN in all places.
        loaded = ~np.isnan(Z).reshape(len(Z), -1).all(axis=1)
        try:
            value = float(self.metric(Z[loaded], *(known[loaded] for known in labels)))
        except ValueError as error:
            raise ValueError(f"The embedding Z of X has no {self._name()}: {error}") from error
        return value if self.greater_is_better else -value

    def _name(self) -> str:
        metric = self.metric.func if isinstance(self.metric, partial) else self.metric
        return getattr(metric, "__name__", type(metric).__name__)

    def _choose_rows(
        self, X: Samples, y: ArrayLike | None
    ) -> tuple[NDArray[np.intp], list[np.ndarray]]:
        """Return the positions of the samples to look at, in their order, and their labels."""
        if self.needs_labels:
            if y is None:
                raise ValueError(f"{self._name()} needs labels, but y is None.")
            found, rows, _ = split_labels(y, self.unlabeled, caller=self._name())
            check_lengths(X=X, y=y)
            labels = [found]
        else:
            rows, labels = np.arange(num_samples(X)), []
        if self.max_samples is None or len(rows) <= self.max_samples:
            return rows, labels
        rng = np.random.default_rng(self.random_state)
        chosen = np.sort(rng.choice(len(rows), self.max_samples, replace=False))
        return rows[chosen], [found[chosen] for found in labels]


def _retrieval(Z: NDArray[np.float32]) -> float:
    return metrics.view_retrieval_score(Z[:, 0], Z[:, 1])


def _ranking(Z: NDArray[np.float32]) -> float:
    return metrics.view_ranking_score(Z[:, 0], Z[:, 1])


rankme_scorer = EmbeddingScorer(metrics.rankme_score)
alpha_req_scorer = EmbeddingScorer(metrics.alpha_req_score)
nesum_scorer = EmbeddingScorer(metrics.nesum_score)
stable_rank_scorer = EmbeddingScorer(metrics.stable_rank_score)
uniformity_scorer = EmbeddingScorer(metrics.uniformity_score)
clid_scorer = EmbeddingScorer(metrics.clid_score)
knn_scorer = EmbeddingScorer(metrics.knn_score, needs_labels=True)
lidar_scorer = EmbeddingScorer(metrics.lidar_score, n_views=10)
view_information_scorer = EmbeddingScorer(metrics.view_information_score, n_views=4)
alignment_scorer = EmbeddingScorer(metrics.alignment_score, n_views=2)
view_retrieval_scorer = EmbeddingScorer(_retrieval, n_views=2)
view_ranking_scorer = EmbeddingScorer(_ranking, n_views=2)
# benchmarks/choosing.py compares them.
default_scorer = view_information_scorer
