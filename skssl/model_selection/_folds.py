"""Folds and random test sets of labelled rows."""

from __future__ import annotations

from collections import Counter

import numpy as np
from sklearn.model_selection import KFold, ShuffleSplit, StratifiedKFold

from skssl._declare import AT_LEAST_TWO, PART_OF_ROWS, POSITIVE_INT, param
from skssl._labels import Kind, check_class_labels
from skssl._types import RandomState
from skssl.model_selection._split import LabeledSplitter


class _LabeledFolds(LabeledSplitter):
    """Folds of the labelled rows."""

    n_splits: int = param(AT_LEAST_TWO, default=5, kw_only=False)
    shuffle: bool = param("boolean", default=False)
    random_state: RandomState = param("random_state", default=None)

    def _check_enough(self, labels: np.ndarray) -> None:
        if len(labels) < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} is more than the number of rows with a label, "
                f"{len(labels)}; use at most {len(labels)} folds."
            )


class LabeledKFold(_LabeledFolds):
    """K-fold cross-validation over the labelled rows, with all unlabelled rows to train on.

    For regression. For classes, :class:`StratifiedLabeledKFold` keeps their proportions.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2 and at most the number of labelled rows.
    shuffle : bool, default=False
        Whether to shuffle the labelled rows first.
    random_state : int, RandomState instance or None, default=None
        The order, if they are shuffled.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`, as in :class:`skssl.semi_supervised.LabeledOnly`.
        A -1 among whole numbers is an error, which asks whether it is a value.

    See Also
    --------
    StratifiedLabeledKFold : For classes.
    LabeledSplit : For any other splitter.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.model_selection import LabeledKFold
    >>> X, y = np.zeros((5, 2)), np.array([0.5, np.nan, 1.5, np.nan, 2.5])
    >>> for train, test in LabeledKFold(3).split(X, y):
    ...     print(train, test)
    [1 2 3 4] [0]
    [0 1 3 4] [2]
    [0 1 2 3] [4]
    """

    def _kind(self) -> Kind:
        return "likely quantities"

    def _splitter(self) -> KFold:
        return KFold(self.n_splits, shuffle=self.shuffle, random_state=self.random_state)


class StratifiedLabeledKFold(_LabeledFolds):
    """Stratified k-fold cross-validation over the labelled rows, unlabelled ones to train on.

    Each fold has about the proportions of the classes among the labelled rows. As with
    scikit-learn's ``StratifiedKFold``, a class with fewer rows than folds gets a warning, and an
    error if no class has enough.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2 and at most the number of rows of the largest class.
    shuffle : bool, default=False
        Whether to shuffle the labelled rows of each class first.
    random_state : int, RandomState instance or None, default=None
        The order, if they are shuffled.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`, as in :class:`skssl.semi_supervised.LabeledOnly`.

    See Also
    --------
    LabeledSplit : For any other splitter.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.model_selection import StratifiedLabeledKFold
    >>> X, y = np.zeros((6, 2)), np.array([0, 0, -1, 1, 1, -1])
    >>> for train, test in StratifiedLabeledKFold(2).split(X, y):
    ...     print(train, test)
    [1 2 4 5] [0 3]
    [0 2 3 5] [1 4]
    """

    def _check_enough(self, labels: np.ndarray) -> None:
        super()._check_enough(labels)
        check_class_labels(labels)
        ((largest, n),) = Counter(labels.tolist()).most_common(1)
        if n < self.n_splits:
            raise ValueError(
                f"n_splits={self.n_splits} cannot be greater than the number of members in each "
                f"class: the largest one, {largest!r}, has {n} with a label. "
                + (f"Use at most {n} folds." if n > 1 else "Folds need 2 labels of a class.")
            )

    def _splitter(self) -> StratifiedKFold:
        return StratifiedKFold(self.n_splits, shuffle=self.shuffle, random_state=self.random_state)


class LabeledShuffleSplit(LabeledSplitter):
    """Random test sets of labelled rows, with all unlabelled rows to train on.

    For few labels, where many random splits tell more than few folds. For test sets that keep the
    proportions of classes, use ``LabeledSplit(StratifiedShuffleSplit())``.

    Parameters
    ----------
    n_splits : int, default=10
        Number of splits, at least 1.
    test_size : float or int, default=None
        Labelled rows to test on: their part, between 0 and 1, or their number. None is what
        `train_size` leaves, or 0.1.
    train_size : float or int, default=None
        Labelled rows to train on, beside the unlabelled ones: their part or their number. None is
        what `test_size` leaves.
    random_state : int, RandomState instance or None, default=None
        Which rows are drawn.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`, as in :class:`skssl.semi_supervised.LabeledOnly`.
        A -1 is an error among floats that are whole numbers, and where more than half of the labels
        are different: that may be a regression.

    See Also
    --------
    LabeledSplit : For any other splitter.

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.model_selection import LabeledShuffleSplit
    >>> X, y = np.zeros((6, 2)), np.array([0, 1, -1, 0, 1, -1])
    >>> for train, test in LabeledShuffleSplit(2, test_size=0.5, random_state=0).split(X, y):
    ...     print(train, test)
    [0 1 2 5] [3 4]
    [1 2 4 5] [0 3]
    """

    n_splits: int = param(POSITIVE_INT, default=10, kw_only=False)
    test_size: float | int | None = param(PART_OF_ROWS, POSITIVE_INT, None, default=None)
    train_size: float | int | None = param(PART_OF_ROWS, POSITIVE_INT, None, default=None)
    random_state: RandomState = param("random_state", default=None)

    def _splitter(self) -> ShuffleSplit:
        return ShuffleSplit(
            self.n_splits,
            test_size=self.test_size,
            train_size=self.train_size,
            random_state=self.random_state,
        )

    def _check_enough(self, labels: np.ndarray) -> None:
        if len(labels) < 2:
            raise ValueError(
                f"A row to train on and one to test on need labels; {len(labels)} has."
            )
