"""Fitting a supervised estimator to the rows that have a label."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import get_config
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier, is_regressor
from sklearn.utils import Tags, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skssl._declare import Declared, HasMethods, param
from skssl._labels import Kind, labelled_part, split_labels
from skssl._lost_rows import check_nothing_lost, lost_rows
from skssl._sklearn_compat import fit_context
from skssl._state import Versioned
from skssl._transaction import take_over
from skssl._types import Samples


def _estimator_has(name: str) -> Callable[[LabeledOnly], bool]:
    """Return whether the inner estimator has a method, the fitted one if there is one."""

    def check(self: LabeledOnly) -> bool:
        # The error about a missing attribute tells more than False.
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class _Predictor(HasMethods):
    """A classifier or regressor, or what has `predict` although it says neither.

    Whether a stack or a search has `predict` may be known after fitting only.
    """

    def __init__(self) -> None:
        super().__init__(["fit", "predict"])

    def is_satisfied_by(self, val: object) -> bool:
        if isinstance(val, type) or super().is_satisfied_by(val):
            return not isinstance(val, type)
        has_kind = hasattr(val, "fit") and hasattr(val, "__sklearn_tags__")
        return has_kind and (is_classifier(val) or is_regressor(val))


class LabeledOnly(Versioned, MetaEstimatorMixin, Declared):
    """Fit a classifier or regressor to the labelled rows, and leave the others out.

    The last step of a pipeline that is fitted to labelled and unlabelled rows together: the steps
    before it learn from all of them, this one from those that have a label. Without it,
    scikit-learn takes the marker of a missing label for one more class. It is a classifier or a
    regressor as the estimator inside is, and has its methods.

    Cross-validation needs a splitter that tests on labelled rows only, such as
    :class:`skssl.model_selection.StratifiedLabeledKFold`, and scores of training folds a
    :func:`skssl.model_selection.labeled_scorer`.

    It belongs around ensembles, not into them: ``VotingClassifier``, ``BaggingClassifier``,
    ``OneVsRestClassifier`` and the like number the classes in `y` before their estimators see it,
    so that the marker is one more class, which they then predict. A search may be inside, or
    around it with the splitters above.

    Parameters
    ----------
    estimator : estimator
        A classifier or regressor of scikit-learn or with its interface. It is cloned.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`. "auto" is whatever is missing (None, NaN, the NA of
        pandas, an empty string) and the number -1 among whole numbers or names, as in
        :mod:`sklearn.semi_supervised`. Among numbers with a fractional part, and among the floats
        of a regression, -1 is a value. None means that all rows are labelled. Where -1 may as well
        be a label, "auto" is an error: if it leaves one class only, stands among other negative
        numbers, or among integers of a regression. Pass -1 or None there.

    Attributes
    ----------
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray of shape (n_classes,)
        The classes, without the marker. For classifiers only.
    n_features_in_ : int
        Number of features, if the fitted estimator tells.
    feature_names_in_ : ndarray of str
        Names of the columns, if the fitted estimator tells.

    See Also
    --------
    PrototypeClassifier : Learns from the other rows as well.
    skssl.model_selection.LabeledSplit : Makes any splitter test on labelled rows only.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skssl import SimCLR
    >>> from skssl.semi_supervised import LabeledOnly
    >>> digits = load_digits()
    >>> X, y = digits.images[:300], digits.target[:300].copy()
    >>> y[50:] = -1
    >>> ssl = SimCLR(max_epochs=1, random_state=0)
    >>> model = make_pipeline(ssl, LabeledOnly(LogisticRegression(max_iter=1000))).fit(X, y)
    >>> model.classes_
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])

    An ensemble goes inside of it:

    >>> from sklearn.ensemble import VotingClassifier
    >>> from sklearn.naive_bayes import GaussianNB
    >>> voters = [("lr", LogisticRegression(max_iter=1000)), ("nb", GaussianNB())]
    >>> rows = X.reshape(300, -1)
    >>> LabeledOnly(VotingClassifier(voters)).fit(rows, y).classes_
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """

    estimator: BaseEstimator = param(_Predictor(), kw_only=False)
    unlabeled: object = param(object, default="auto")

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Samples, y: ArrayLike, **params: object) -> Self:
        """Fit the estimator to the rows that have a label.

        Parameters
        ----------
        X : array-like, sparse matrix, DataFrame or list of n_samples
            All samples.
        y : array-like of shape (n_samples,)
            Labels or values, with a marker where there is none.
        **params : dict
            Passed to ``fit`` of the estimator. What has one value per row, such as
            `sample_weight`, is cut to the labelled rows. With metadata routing, what the estimator
            requested.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If no row has a label, or if ``unlabeled="auto"`` cannot tell a marker from a label.
        """
        X, labels, params = self._cut(X, y, self._routed("fit", params), warn=True)
        self.estimator_ = clone(self.estimator).fit(X, labels, **params)
        take_over(self, self.estimator_, "classes_", "n_features_in_", "feature_names_in_")
        return self

    def predict(self, X: Samples) -> np.ndarray:
        """Predict the class or the value of every row.

        Parameters
        ----------
        X : array-like of n_samples
            Samples of the kind that was seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        self._check_nothing_lost(X)
        return self.estimator_.predict(X)

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Samples) -> NDArray[np.floating]:
        """Predict the probability of every class, if the estimator does.

        Parameters
        ----------
        X : array-like of n_samples
            Samples of the kind that was seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        self._check_nothing_lost(X)
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X: Samples) -> NDArray[np.floating]:
        """Predict the logarithm of the probability of every class, if the estimator does.

        Parameters
        ----------
        X : array-like of n_samples
            Samples of the kind that was seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        self._check_nothing_lost(X)
        return self.estimator_.predict_log_proba(X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Samples) -> NDArray[np.floating]:
        """Compute how sure the estimator is of every class, if it tells.

        Parameters
        ----------
        X : array-like of n_samples
            Samples of the kind that was seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            As the estimator returns it.
        """
        check_is_fitted(self)
        self._check_nothing_lost(X)
        return self.estimator_.decision_function(X)

    @available_if(_estimator_has("score"))
    def score(self, X: Samples, y: ArrayLike, **params: object) -> float:
        """Return the score of the estimator on the rows that have a label.

        Parameters
        ----------
        X : array-like of n_samples
            Samples of the kind that was seen in `fit`.
        y : array-like of shape (n_samples,)
            True labels or values, with a marker where there is none.
        **params : dict
            Passed to ``score`` of the estimator, such as `sample_weight`, which is cut to the
            labelled rows.

        Returns
        -------
        float
            Accuracy of classifiers and R² of regressors, unless the estimator has another score.
        """
        check_is_fitted(self)
        classes = getattr(self, "classes_", None)
        X, labels, params = self._cut(X, y, self._routed("score", params), classes=classes)
        return self.estimator_.score(X, labels, **params)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return what `fit` and `score` pass on to the estimator.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        mapping = MethodMapping()
        for method in ("fit", "score"):
            mapping.add(caller=method, callee=method)
        return MetadataRouter(owner=self).add(estimator=self.estimator, method_mapping=mapping)

    def __sklearn_tags__(self) -> Tags:
        tags = copy.deepcopy(get_tags(self.estimator))
        tags.target_tags.required = True
        tags.target_tags.multi_output = False
        tags.array_api_support = False
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
        return tags

    def _routed(self, method: str, params: dict[str, object]) -> dict[str, object]:
        """Return the parameters that the estimator gets."""
        if get_config()["enable_metadata_routing"]:
            return process_routing(self, method, **params).estimator[method]
        return params

    def _cut(
        self, X: Samples, y: ArrayLike, params: dict[str, object], **how: object
    ) -> tuple[Samples, np.ndarray, dict[str, object]]:
        """Return `X`, the labels and the parameters of the rows that have a label."""
        kind: Kind = "quantities" if is_regressor(self.estimator) else "classes"
        name = type(self).__name__
        cut = labelled_part(X, y, params, self.unlabeled, caller=name, kind=kind, **how)
        if len(lost_rows(cut[0])):
            _, rows, _ = split_labels(y, self.unlabeled, caller=name, kind=kind)
            self._check_nothing_lost(cut[0], rows)
        return cut

    def _check_nothing_lost(self, X: Samples, rows: NDArray[np.intp] | None = None) -> None:
        """Raise an error if an estimator that takes no NaN gets rows of nothing else."""
        if not get_tags(self.estimator).input_tags.allow_nan:
            check_nothing_lost(X, caller=type(self).__name__, rows=rows)
