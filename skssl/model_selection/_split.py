"""Cross-validation that tests on labelled rows and trains on all unlabelled ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import (
    BaseCrossValidator,
    BaseShuffleSplit,
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)
from sklearn.utils import indexable
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping

from skssl._declare import Declared, HasMethods, param
from skssl._labels import Kind, as_labels, split_labels
from skssl._sklearn_compat import check_lengths
from skssl._types import RandomState, Samples
from skssl.modality import take

_FOR_CLASSES = (
    StratifiedKFold,
    StratifiedGroupKFold,
    StratifiedShuffleSplit,
    RepeatedStratifiedKFold,
)


class LabeledSplitter(Declared):
    """Splits the labelled rows as `_splitter` does, and trains on all unlabelled ones."""

    unlabeled: object = param(object, default="auto")

    @abstractmethod
    def _splitter(self) -> BaseCrossValidator | BaseShuffleSplit:
        """Return the splitter of the labelled rows."""

    def _kind(self) -> Kind:
        """Return what `y` holds, as far as the splitter tells."""
        is_for_classes = isinstance(self._splitter(), _FOR_CLASSES)
        return "classes" if is_for_classes else "likely classes"

    def split(
        self, X: Samples, y: ArrayLike, groups: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Split the rows into those to train on and those to test on.

        Parameters
        ----------
        X : array-like of n_samples
            All samples.
        y : array-like of shape (n_samples,)
            Labels or values, with a marker where there is none.
        groups : array-like of shape (n_samples,), default=None
            Passed on to the splitter, cut to the labelled rows.

        Yields
        ------
        train : ndarray of int
            Labelled rows of the training set and all unlabelled rows, in ascending order.
        test : ndarray of int
            Labelled rows of the test set.

        Raises
        ------
        ValueError
            If there are too few labelled rows, or if ``unlabeled="auto"`` cannot tell a marker
            from a label.
        """
        self.check_parameters()
        cut, rows, others = self._cut(X, y, groups)
        self._check_enough(cut[1])
        for train, test in self._splitter().split(*cut):
            yield np.sort(np.concatenate([rows[train], others])), rows[test]

    def get_n_splits(
        self, X: Samples | None = None, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> int:
        """Return the number of splits.

        Parameters
        ----------
        X : array-like of n_samples, default=None
            All samples.
        y : array-like of shape (n_samples,), default=None
            Labels; without them, `X` and `groups` are not looked at.
        groups : array-like of shape (n_samples,), default=None
            Groups of the rows.

        Returns
        -------
        int
        """
        self.check_parameters()
        if y is None:
            return self._splitter().get_n_splits(None)
        cut, _, _ = self._cut(y if X is None else X, y, groups)
        return self._splitter().get_n_splits(*cut)

    def _check_enough(self, labels: np.ndarray) -> None:
        """Raise an error if these labels are too few."""

    def _cut(
        self, X: Samples | ArrayLike, y: ArrayLike, groups: ArrayLike | None
    ) -> tuple[tuple[Samples, np.ndarray, np.ndarray | None], NDArray[np.intp], NDArray[np.intp]]:
        """Return samples, labels and groups of the labelled rows, those rows and the others."""
        name = type(self).__name__
        labels, rows, others = split_labels(y, self.unlabeled, caller=name, kind=self._kind())
        (X,) = indexable(X)
        check_lengths(X=X, y=y, groups=groups)
        groups = None if groups is None else as_labels(groups, name="groups")[rows]
        return (take(X, rows), labels, groups), rows, others


class LabeledSplit(LabeledSplitter):
    """Make any splitter test on labelled rows only, and train on all unlabelled ones.

    The splitter sees the labelled rows alone; every unlabelled row is added to every training set.
    scikit-learn's own cross-validation splits all rows alike, and counts the unlabelled ones in the
    test set as a class or as mistakes.

    Both the labels and the samples of test rows are left out of training. Unlabelled rows are
    trained on in every split, also those of a group or a time that is tested: leave them out of `X`
    where that would leak.

    Parameters
    ----------
    cv : splitter
        An object with ``split`` and ``get_n_splits``, such as ``GroupKFold(5)``. Its sizes, and
        the indices of ``PredefinedSplit``, are about the labelled rows alone.
    unlabeled : "auto", None or a label, default="auto"
        What stands for a missing label in `y`, as in :class:`skssl.semi_supervised.LabeledOnly`.
        Unless `cv` is stratified, a -1 is an error among floats that are whole numbers, and where
        more than half of the labels are different: that may be a regression.

    See Also
    --------
    LabeledKFold : For regression, or balanced classes.
    StratifiedLabeledKFold : For classes.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GroupKFold
    >>> from skssl.model_selection import LabeledSplit
    >>> X, y = np.zeros((6, 2)), np.array([0, 1, -1, 0, 1, -1])
    >>> groups = ["a", "a", "a", "b", "b", "b"]
    >>> for train, test in LabeledSplit(GroupKFold(2)).split(X, y, groups):
    ...     print(train, test)
    [0 1 2 5] [3 4]
    [2 3 4 5] [0 1]
    """

    cv: BaseCrossValidator | BaseShuffleSplit = param(
        HasMethods(["split", "get_n_splits"]), kw_only=False
    )

    # Searches that need the same splits each time ask for these.
    @property
    def shuffle(self) -> bool:
        """Whether the splitter shuffles."""
        return getattr(self.cv, "shuffle", True)

    @property
    def random_state(self) -> RandomState:
        """The seed of the splitter, 0 if it needs none."""
        return getattr(self.cv, "random_state", 0)

    def get_metadata_routing(self) -> MetadataRouter:
        """Return what `split` passes on to the splitter.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        mapping = MethodMapping().add(caller="split", callee="split")
        return MetadataRouter(owner=self).add(cv=self.cv, method_mapping=mapping)

    def _splitter(self) -> BaseCrossValidator | BaseShuffleSplit:
        return self.cv
