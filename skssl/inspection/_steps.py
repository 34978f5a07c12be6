"""Steps of the classical baselines that scikit-learn does not have."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from scipy.sparse import csr_matrix
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skssl._labels import split_labels
from skssl._sklearn_compat import num_samples
from skssl._types import Samples
from skssl.modality import Modality, Text
from skssl.nn import RandomKernels

_KERNEL_FEATURES = 10_000
_QUANTILE_SAMPLES = 256
_SERIES_AT_ONCE = 64
_N_BINS = 32
_VOXELS = 8


class Values(TransformerMixin, BaseEstimator):
    """Samples as a network would see them, as rows of finite numbers.

    Parameters
    ----------
    modality : Modality
        What checks, scales and fills samples.
    describe : callable, default=None
        Turns an array of these samples into rows; None lists all values of each.
    """

    def __init__(
        self, modality: Modality, describe: Callable[[np.ndarray], np.ndarray] | None = None
    ):
        self.modality = modality
        self.describe = describe

    def fit(self, X: Samples, y: ArrayLike | None = None) -> Self:
        """Learn scales, categories and shapes."""
        self.modality_ = copy.deepcopy(self.modality)
        loaded, _ = self.modality_.load(X)
        checked = self.modality_.check(loaded, estimator=type(self).__name__)
        self.modality_.fit(checked)
        stem = self.modality_.plain_stem() or nn.Identity()
        self._network = nn.Sequential(self.modality_.input_layer(), stem).eval()
        with torch.inference_mode():
            self._length = self._network(self.modality_.prepare(checked)[:1]).shape[-1]
        return self

    def transform(self, X: Samples) -> np.ndarray:
        """Return rows of shape (n_samples, n_values)."""
        samples = self._samples(X)
        if self.describe is not None:
            return self.describe(samples.numpy())
        # Series of unequal length have as many values as the longest one of `fit`.
        samples = F.pad(samples, (0, self._length - samples.shape[-1]))
        return samples.flatten(1).numpy()

    @torch.inference_mode()
    def _samples(self, X: Samples) -> torch.Tensor:
        check_is_fitted(self)
        checked = self.modality_.check(self.modality_.load_all(X), estimator=type(self).__name__)
        return self._network(self.modality_.prepare(checked))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        self.modality.set_input_tags(tags.input_tags)
        return tags


class KernelProportions(Values):
    """MiniRocket's features of series: about 10,000 proportions of positive values.

    Parameters
    ----------
    modality : Modality
        What checks and scales series.
    random_state : int, default=0
    """

    def __init__(self, modality: Modality, random_state: int = 0):
        self.modality = modality
        self.random_state = random_state

    def fit(self, X: Samples, y: ArrayLike | None = None) -> Self:
        """Take the quantiles of the kernels from the first series."""
        from skssl.training import seeded

        super().fit(X)
        few = self._samples(X)[:_QUANTILE_SAMPLES]
        with seeded(self.random_state, torch.device("cpu")):
            one = RandomKernels(few, n_dilations=32, n_quantiles=1)
            n_quantiles = max(1, _KERNEL_FEATURES // one.n_features)
            self.kernels_ = RandomKernels(few, n_dilations=32, n_quantiles=n_quantiles)
        self.kernels_.stride = 1  # as in MiniRocket, every step of long series
        return self

    def transform(self, X: Samples) -> np.ndarray:
        """Return the proportions, of shape (n_samples, n_features)."""
        batches = self._samples(X).split(_SERIES_AT_ONCE)
        return torch.cat([self.kernels_(batch) for batch in batches]).numpy()


class Texts(TransformerMixin, BaseEstimator):
    """Texts as an array of ``str``, whatever they came in.

    Parameters
    ----------
    modality : Text
        What checks texts.
    """

    def __init__(self, modality: Text):
        self.modality = modality

    def fit(self, X: Samples, y: ArrayLike | None = None) -> Self:
        """Do nothing."""
        return self

    def transform(self, X: Samples) -> np.ndarray:
        """Return the checked texts."""
        return self.modality.check(X, estimator=type(self).__name__).texts

    def __sklearn_is_fitted__(self) -> bool:
        return True


class Components(TransformerMixin, BaseEstimator):
    """A decomposition with fewer components where rows or columns are fewer.

    Parameters
    ----------
    decomposition : estimator
        With a parameter ``n_components``.
    """

    def __init__(self, decomposition: BaseEstimator):
        self.decomposition = decomposition

    def fit(self, X: np.ndarray, y: ArrayLike | None = None) -> Self:
        """Find the components."""
        n_components = min(self.decomposition.n_components, *X.shape)
        self.decomposition_ = clone(self.decomposition).set_params(n_components=n_components)
        # Where all samples are equal, a component explains 0 / 0 of their variance, or what is left
        # of rounding over 0.
        with np.errstate(invalid="ignore", divide="ignore"):
            self.decomposition_.fit(X)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the components of each row."""
        check_is_fitted(self)
        return self.decomposition_.transform(X)


class NearestNeighbors(ClassifierMixin, BaseEstimator):
    """The vote of neighbours, weighted by distance; of all rows where they are fewer.

    With few labels, ``KNeighborsClassifier`` raises an error if there are fewer rows than
    neighbours.

    Parameters
    ----------
    n_neighbors : int, default=5
        How many neighbours vote.

    Attributes
    ----------
    classes_ : ndarray
        The classes, in sorted order.
    neighbors_ : KNeighborsClassifier
        What votes.

    Examples
    --------
    >>> from skssl.inspection import NearestNeighbors
    >>> NearestNeighbors(5).fit([[0.0], [1.0]], ["cat", "dog"]).predict([[0.2]])
    array(['cat'], dtype='<U3')
    """

    def __init__(self, n_neighbors: int = 5):
        self.n_neighbors = n_neighbors

    def fit(self, X: ArrayLike | csr_matrix, y: ArrayLike) -> Self:
        """Remember the labelled rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Classes.

        Returns
        -------
        self : NearestNeighbors
            This classifier, fitted.
        """
        n_neighbors = min(self.n_neighbors, num_samples(X))
        self.neighbors_ = KNeighborsClassifier(n_neighbors, weights="distance").fit(X, y)
        self.classes_ = self.neighbors_.classes_
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the class of each row.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Classes.
        """
        check_is_fitted(self)
        return self.neighbors_.predict(X)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the share of the votes for each class.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Features.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_classes)
            They add up to 1.
        """
        check_is_fitted(self)
        return self.neighbors_.predict_proba(X)


class NumberedClasses(ClassifierMixin, BaseEstimator):
    """A classifier of ``sklearn.semi_supervised`` for classes that are no numbers from 0 on.

    It gets their numbers in sorted order, and -1 for rows without a label, here NaN.

    Parameters
    ----------
    classifier : estimator
    """

    def __init__(self, classifier: BaseEstimator):
        self.classifier = classifier

    def fit(self, X: np.ndarray, y: np.ndarray) -> Self:
        """Fit the classifier to the numbers of the classes; NaN marks rows without one."""
        found, rows, _ = split_labels(y, np.nan, caller=type(self).__name__)
        self.classes_, numbers = np.unique(found, return_inverse=True)
        shown = np.full(len(y), -1)
        shown[rows] = numbers
        self.classifier_ = clone(self.classifier).fit(X, shown)
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the class of each row."""
        check_is_fitted(self)
        return self.classes_[self.classifier_.predict(X)]

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of each class."""
        check_is_fitted(self)
        return self.classifier_.predict_proba(X)


def graph_kernel(rows: csr_matrix, others: csr_matrix) -> csr_matrix:
    """Return, as a kernel of ``LabelSpreading``, rows that are those of a graph of neighbours.

    A graph that ``KNeighborsTransformer`` computes once serves any number of fits.

    Parameters
    ----------
    rows : csr_matrix of shape (n_rows, n_neighbours_of)
        Rows of the graph.
    others : csr_matrix
        The rows that were fitted to, or `rows` themselves while fitting.

    Returns
    -------
    weights : csr_matrix of shape (n_rows, n_others)
        What neighbours are to each other; in `fit`, a neighbour of one is a neighbour of both.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsTransformer
    >>> from sklearn.semi_supervised import LabelSpreading
    >>> from skssl.inspection import graph_kernel
    >>> X, y = load_iris(return_X_y=True)
    >>> y[10:50] = y[60:100] = y[110:] = -1
    >>> graph = KNeighborsTransformer(mode="connectivity", n_neighbors=7).fit_transform(X)
    >>> spreading = LabelSpreading(kernel=graph_kernel).fit(graph, y)
    >>> spreading.transduction_.shape
    (150,)
    """
    # scikit-learn asks for the rows among themselves, or for what new rows are to them.
    return rows.maximum(rows.T) if others is rows else others.T


def distances(clouds: np.ndarray) -> np.ndarray:
    """Return histograms of the distances between the points of a cloud (D2, Osada et al. 2002)."""
    n_pairs = clouds.shape[1] * (clouds.shape[1] - 1) / 2
    rows = [np.histogram(pdist(cloud[:, :3]), _N_BINS, (0, 2))[0] for cloud in clouds]
    return np.stack(rows) / n_pairs


def voxels(clouds: np.ndarray) -> np.ndarray:
    """Return the share of a cloud's points in each cell of a grid of 8 x 8 x 8."""
    cells = ((clouds[..., :3] + 1) / 2 * _VOXELS).astype(int).clip(0, _VOXELS - 1)
    index = cells @ [_VOXELS**2, _VOXELS, 1]
    return np.stack([np.bincount(row, minlength=_VOXELS**3) for row in index]) / clouds.shape[1]
