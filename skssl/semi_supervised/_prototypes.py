"""A classifier of embeddings that learns from rows with and without a label."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd
from sklearn.utils.validation import check_is_fitted, validate_data

from skssl._declare import NOT_NEGATIVE_INT, POSITIVE, UP_TO_ONE, Declared, param
from skssl._labels import check_class_labels, split_labels
from skssl._lost_rows import check_nothing_lost
from skssl._sklearn_compat import check_lengths, fit_context
from skssl._state import Versioned
from skssl._types import Samples
from skssl.semi_supervised._classes import score_labeled

# Principal axes that have a variance of their own; all others share the mean of theirs.
_N_AXES = 100


class PrototypeClassifier(Versioned, ClassifierMixin, Declared):
    """Classify by the nearest class prototype, which unlabelled rows have moved to its group.

    The prototype of a class is a direction, at first the mean direction of its labelled rows. In
    every round, each unlabelled row is shared out among the classes by its cosine similarity to
    their prototypes, labelled rows stay with their own class, and the prototypes become the means
    of what they got. Like ``LabelSpreading`` of scikit-learn it learns from all rows, marked in
    `y`; unlike it, it builds no graph, so that it takes millions of rows, and predicts new rows as
    it predicts those that it has seen.

    Made for embeddings in which classes are groups of about the same size, and for one or two
    labels per class: where the groups lie then says more than the labelled rows do. Take logistic
    regression with more labels, where a class has several groups, since it has one direction here,
    or where some classes are many times larger than others, since all count as equally frequent.
    With a few labels per class, cross-validation can tell
    (:func:`few_label_report(..., choose=True) <skssl.inspection.few_label_report>`).

    Parameters
    ----------
    shrinkage : float, default=0.25
        How far the covariance of all rows, by which they are whitened, is shrunk towards one that
        is the same in all directions, within (0, 1]. At 1, features are centred and no more, and
        angles are mostly those in the few directions in which rows vary most, be it by their class
        or not. The closer to 0, the more do directions of little variance count, in which classes
        may be told apart or there may be noise alone.
    temperature : float, default=0.1
        Divides the cosine similarities, above 0. The lower, the more a row belongs to the most
        similar prototype alone, and the closer are probabilities to 0 and 1.
    n_iter : int, default=10
        Rounds in which the prototypes move, at least 0. 0 leaves the mean directions of the
        labelled rows, which is classification by the nearest mean direction. On embeddings whose
        classes are groups, nothing changes after a few.
    label_weight : float, default=5.0
        How many unlabelled rows a labelled row counts as, above 0. The more, the closer the
        prototypes stay to the labelled rows.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`. "auto" is whatever is missing (None, NaN, the NA of
        pandas, an empty string) and the number -1 among whole numbers or names. None means that all
        rows are labelled. Where -1 may as well be a label, "auto" is an error: if it leaves one
        class only or stands among other negative numbers. Pass -1 or None there.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, without what stands for a missing label.
    prototypes_ : ndarray of shape (n_classes, n_features)
        Their directions, of length 1, among whitened rows.
    mean_ : ndarray of shape (n_features,)
        Mean of all rows.
    axes_ : ndarray of shape (n_axes, n_features)
        Up to 100 principal axes of all rows, none with ``shrinkage=1``.
    gains_ : ndarray of shape (n_axes,)
        What whitening multiplies the coordinates on these axes by; what is outside of them stays.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str
        Names of the columns, if `X` had them.

    See Also
    --------
    LabeledOnly : Any classifier, fitted to the labelled rows alone.
    FineTuneClassifier : Trains the encoder as well.
    sklearn.semi_supervised.LabelSpreading : For groups of any form, by a graph of neighbours.

    Notes
    -----
    Directions are those from the mean of all rows. Coordinates on a principal axis of variance v
    are divided by the root of ``(1 - shrinkage) * v + shrinkage * m``, where m is the mean of all
    variances, each with itself as its weight. Angles alone hardly see groups that lie across the
    directions of the largest variance, such as persons whose faces are lit from several sides,
    while logistic regression finds the directions that matter from a few labels.

    This is the soft k-means of semi-supervised prototypical networks (Ren et al. 2018) with four
    changes: cosine similarity over a temperature, as is customary for self-supervised embeddings,
    in the place of squared Euclidean distances; whitening; several rounds rather than one; and
    labelled rows that count more than others. Their encoder is trained together with it; here it is
    given. Their variants with a cluster for distractors and with masks are not part of it. From
    another side, it is a mixture of von Mises-Fisher distributions (Banerjee et al. 2005) with one
    concentration, ``1 / temperature``, and equal shares of the classes, fitted by EM from labelled
    seeds.

    References
    ----------
    Ren et al., "Meta-Learning for Semi-Supervised Few-Shot Classification", ICLR 2018.
    https://arxiv.org/abs/1803.00676

    Banerjee, Dhillon, Ghosh and Sra, "Clustering on the Unit Hypersphere using von Mises-Fisher
    Distributions", JMLR 2005. https://jmlr.org/papers/v6/banerjee05a.html

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skssl import SimCLR
    >>> from skssl.semi_supervised import PrototypeClassifier
    >>> digits = load_digits()
    >>> X, y = digits.images[:300], digits.target[:300].copy()
    >>> y[20:] = -1  # the labels of these rows are not known
    >>> ssl = SimCLR(max_epochs=1, random_state=0)
    >>> model = make_pipeline(ssl, PrototypeClassifier()).fit(X, y)
    >>> model.predict(digits.images[300:]).shape
    (1497,)
    """

    shrinkage: float = param(UP_TO_ONE, default=0.25)
    temperature: float = param(POSITIVE, default=0.1)
    n_iter: int = param(NOT_NEGATIVE_INT, default=10)
    label_weight: float = param(POSITIVE, default=5.0)
    unlabeled: object = param(object, default="auto")

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Samples, y: ArrayLike) -> Self:
        """Find the prototypes from all rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Embeddings or other features.
        y : array-like of shape (n_samples,)
            Their classes, or `unlabeled`. At least 2 classes.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If no row has a label, if there are fewer than 2 classes, or if ``unlabeled="auto"``
            cannot tell a marker from a label.
        """
        name = type(self).__name__
        check_nothing_lost(X, caller=name)
        checked: np.ndarray = validate_data(self, X, dtype=[np.float64, np.float32])
        labels, rows, _ = split_labels(y, self.unlabeled, caller=name, warn=True)
        check_lengths(X=checked, y=y)
        check_class_labels(labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                "y must have at least 2 classes among its labelled rows, got 1 class: "
                f"{self.classes_[0]!r}."
            )
        self._learn_whitening(checked)
        directions = self._directions(checked)
        own = self.label_weight * np.eye(len(self.classes_), dtype=checked.dtype)[numbers]
        self.prototypes_: NDArray[np.floating] = normalize(own.T @ directions[rows])
        for _ in range(self.n_iter):
            shares = self._shares(directions)
            shares[rows] = own
            self.prototypes_ = normalize(shares.T @ directions)
        return self

    def predict_proba(self, X: Samples) -> NDArray[np.floating]:
        """Return the shares of the classes in every row.

        They add up to 1, but how sure they are depends on `temperature`: they are not calibrated.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Embeddings of the kind that was seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        check_nothing_lost(X, caller=type(self).__name__)
        checked: np.ndarray = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self._shares(self._directions(checked))

    def predict(self, X: Samples) -> np.ndarray:
        """Return the class with the most similar prototype.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Embeddings of the kind that was seen in `fit`.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        nearest = self.predict_proba(X).argmax(axis=1)
        return self.classes_[nearest]

    def score(self, X: Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy on the rows that have a label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Embeddings of the kind that was seen in `fit`.
        y : array-like of shape (n_samples,)
            Their classes, or `unlabeled`.
        sample_weight : array-like of shape (n_samples,), default=None
            How much rows count.

        Returns
        -------
        float
        """
        return score_labeled(self, accuracy_score, X, y, sample_weight)

    def _learn_whitening(self, X: NDArray[np.floating]) -> None:
        self.mean_: NDArray[np.floating] = X.mean(axis=0)
        n_rows, n_features = X.shape
        n_axes = 0 if self.shrinkage == 1 else min(_N_AXES, n_rows, n_features)
        self.axes_: NDArray[np.floating] = np.zeros((n_axes, n_features), dtype=X.dtype)
        self.gains_: NDArray[np.floating] = np.ones(n_axes, dtype=X.dtype)
        centred = X - self.mean_
        total = float(np.square(centred, dtype=np.float64).sum()) / n_rows
        if n_axes == 0 or total == 0:
            return
        _, lengths, self.axes_ = randomized_svd(centred, n_axes, random_state=0)
        variances = lengths.astype(np.float64) ** 2 / n_rows
        rest = max(0.0, total - variances.sum()) / max(1, n_features - n_axes)
        typical = np.square(variances).sum() / variances.sum()
        shrunk = (1 - self.shrinkage) * np.append(variances, rest) + self.shrinkage * typical
        self.gains_ = np.sqrt(shrunk[-1] / shrunk[:-1]).astype(X.dtype)

    def _directions(self, X: NDArray[np.floating]) -> NDArray[np.floating]:
        centred = X - self.mean_
        # Without a matrix of all features by all features.
        return normalize(centred + (centred @ self.axes_.T * (self.gains_ - 1)) @ self.axes_)

    def _shares(self, directions: NDArray[np.floating]) -> NDArray[np.floating]:
        return softmax(directions @ self.prototypes_.T / self.temperature, axis=1)
