"""Scorers that leave rows without a label out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_regressor
from sklearn.dummy import DummyClassifier
from sklearn.metrics import check_scoring
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skssl._labels import labelled_part
from skssl._types import Samples


def labeled_scorer(
    scoring: str | Callable[..., float], unlabeled: object = "auto"
) -> Callable[..., float]:
    """Make a scorer that looks at the labelled rows only.

    Training folds hold unlabelled rows, and so do the test folds of splitters that know of none.
    scikit-learn's scorers take the marker of a missing label for one more class, or for a value:
    what is scored by them is NaN or too low. What is returned goes where a scorer of scikit-learn
    does: ``scoring=`` of ``cross_validate``, also with ``return_train_score=True``, of
    ``GridSearchCV``, ``learning_curve`` and the like, also among several in a dict.

    Parameters
    ----------
    scoring : str or callable
        The name of a score of scikit-learn, such as "roc_auc" or "r2", or a callable
        ``scorer(estimator, X, y)``.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`, as in :class:`skssl.semi_supervised.LabeledOnly`.
        "auto" knows from the estimator whether `y` holds classes, and which.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``. What it is called with beside these, such as `sample_weight`,
        is cut to the labelled rows and passed on. With metadata routing, that is what the scorer
        inside requests.

    Raises
    ------
    ValueError
        If `scoring` is not the name of a score. In a call, if no row has a label or if "auto"
        cannot tell a marker from a label.

    See Also
    --------
    StratifiedLabeledKFold : Makes folds that are tested on labelled rows only.
    EmbeddingScorer : Scores an embedding, without labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from skssl.model_selection import StratifiedLabeledKFold, labeled_scorer
    >>> from skssl.semi_supervised import LabeledOnly
    >>> X, y = load_wine(return_X_y=True)
    >>> y[np.arange(len(y)) % 4 != 0] = -1
    >>> scores = cross_validate(
    ...     LabeledOnly(LogisticRegression(max_iter=5000)), X, y, cv=StratifiedLabeledKFold(3),
    ...     scoring=labeled_scorer("accuracy"), return_train_score=True,
    ... )
    >>> bool(scores["train_score"].min() > 0.9)
    True
    """
    return _LabeledScorer(scoring, unlabeled)


class _LabeledScorer:
    """What :func:`labeled_scorer` returns: an object that pickles."""

    def __init__(self, scoring: str | Callable[..., float], unlabeled: object):
        if not isinstance(scoring, str) and not callable(scoring):
            raise ValueError(f"scoring must be the name of a score or a callable, got {scoring!r}.")
        self.scoring = scoring
        self.unlabeled = unlabeled
        # Any estimator will do; metrics in the place of scorers are refused.
        self._scorer = check_scoring(DummyClassifier(), scoring=scoring)

    def __call__(
        self, estimator: BaseEstimator, X: Samples, y: ArrayLike, **params: object
    ) -> float:
        classes = getattr(estimator, "classes_", None)
        # With a -1 among them, it may have been fitted to the marker.
        if not isinstance(classes, np.ndarray) or classes.ndim != 1 or -1 in classes.tolist():
            classes = None
        kind = "quantities" if is_regressor(estimator) else "classes"
        how = {"caller": "labeled_scorer", "kind": kind, "classes": classes}
        X, labels, params = labelled_part(X, y, params, self.unlabeled, **how)
        return self._scorer(estimator, X, labels, **params)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return what is passed on to the scorer inside."""
        mapping = MethodMapping().add(caller="score", callee="score")
        return MetadataRouter(owner=self).add(scorer=self._scorer, method_mapping=mapping)

    def __repr__(self) -> str:
        return f"labeled_scorer({self.scoring!r}, unlabeled={self.unlabeled!r})"
