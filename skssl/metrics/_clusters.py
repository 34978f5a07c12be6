"""Whether an embedding has clusters that are easy to learn, and how many dimensions it needs."""

from __future__ import annotations

import math
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from skssl._sklearn_compat import plain
from skssl.metrics._checks import check_embedding


def cluster_learnability(
    Z: ArrayLike | Tensor,
    *,
    n_clusters: int | str = "auto",
    n_neighbors: int = 1,
    random_state: int | np.random.RandomState | None = 0,
) -> float:
    r"""Cluster learnability: how well neighbours tell in which cluster a sample is.

    The columns of `Z` are standardised, k-means sorts the samples into clusters, and a k-NN
    classifier is to say the cluster of each sample from all others (leave-one-out). The score is
    its accuracy. Higher is better: neighbourhoods that agree with the coarse structure.

    Collapse to a few points is learned perfectly. Values depend on `n` and `n_clusters`, and vary a
    little with the start of k-means.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples, with ``n >= 4``.
    n_clusters : int, default="auto"
        Number of clusters, at least 2 and at most `n`. "auto" is the root of `n`. There are
        never more than different samples.
    n_neighbors : int, default=1
        Number of neighbours that vote, below `n`.
    random_state : int, RandomState instance or None, default=0
        Start of k-means.

    Returns
    -------
    float
        Between 0 and 1. An embedding that is the same for all samples has one cluster, and 1.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite, or if the numbers of clusters
        or neighbours do not suit `n`.

    Notes
    -----
    The first version of the paper measured the accuracy while samples came one by one, which
    depends on their order; the published one takes that on held-out samples. Leaving one out needs
    no split.

    References
    ----------
    Lu, Liu, Baratin, Laroche, Courville and Sordoni, "Using Representation Expressiveness and
    Learnability to Evaluate Self-Supervised Learning Methods", TMLR 2023.
    https://arxiv.org/abs/2206.01251

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import cluster_learnability
    >>> two_clouds = np.random.default_rng(0).normal(size=(40, 2)) + np.repeat([[0], [20]], 20, 0)
    >>> cluster_learnability(two_clouds, n_clusters=2)
    1.0
    """
    from sklearn.cluster import KMeans
    from sklearn.neighbors import KNeighborsClassifier

    rows = _standardized(Z)
    n = len(rows)
    if isinstance(n_clusters, str) and n_clusters == "auto":
        n_clusters = max(2, round(math.sqrt(n)))
    if not isinstance(n_clusters, Integral) or not 2 <= n_clusters <= n:
        raise ValueError(
            f"n_clusters must be 'auto' or an integer from 2 to {n}, the number of samples, "
            f"got {n_clusters!r}."
        )
    if not isinstance(n_neighbors, Integral) or not 1 <= n_neighbors < n:
        raise ValueError(
            f"n_neighbors must be an integer from 1 to {n - 1}, one less than there are samples, "
            f"got {n_neighbors!r}."
        )
    different = len(np.unique(rows, axis=0))
    kmeans = KMeans(min(n_clusters, different), n_init=1, random_state=random_state)
    clusters = kmeans.fit_predict(rows)
    return float(KNeighborsClassifier(n_neighbors).fit(rows, clusters).score(None, clusters))


def intrinsic_dimension(Z: ArrayLike | Tensor) -> float:
    r"""Intrinsic dimension by TwoNN: of the surface that the embedding lies on.

    With :math:`r_{i1} \le r_{i2}` the distances of sample :math:`i` from its two nearest
    neighbours, the maximum-likelihood estimate

    .. math:: \left(\frac1n \sum_i \log \frac{r_{i2}}{r_{i1}}\right)^{-1}

    Higher means more expressive. Columns are standardised first. Samples with a duplicate have no
    ratio, and are left out.

    Noise has the highest dimension of all, so alone it chooses badly; that a low one is better has
    been found as well. Estimates above about 20 are far too low unless there are very many samples,
    though they keep their order.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples, with ``n >= 4``.

    Returns
    -------
    float
        Not negative; 0 if no sample has two different neighbours, which is collapse.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite.

    References
    ----------
    Facco, d'Errico, Rodriguez and Laio, "Estimating the intrinsic dimension of datasets by a
    minimal neighborhood information", Scientific Reports 2017. https://arxiv.org/abs/1803.06992

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import intrinsic_dimension
    >>> plane = np.random.default_rng(0).uniform(size=(1000, 2)) @ [[1, 2, 3], [3, -1, 2]]
    >>> round(intrinsic_dimension(plane), 1)
    2.0
    """
    from sklearn.neighbors import NearestNeighbors

    rows = _standardized(Z)
    near, _ = NearestNeighbors(n_neighbors=2).fit(rows).kneighbors()
    apart = near[:, 0] > 0
    ratios = np.log(near[apart, 1] / near[apart, 0])
    # Grids have equal distances.
    return float(1 / ratios.mean()) if ratios.any() else 0.0


def clid_score(
    Z: ArrayLike | Tensor,
    *,
    n_clusters: int | str = "auto",
    n_neighbors: int = 1,
    random_state: int | np.random.RandomState | None = 0,
) -> float:
    r"""CLID: clusters that are easy to learn, in an embedding of many dimensions.

    The product of :func:`cluster_learnability` and :func:`intrinsic_dimension`. Higher is better:
    each of the two alone is high for what nobody wants, a collapse to few points and noise.

    It needs no views, so it suits masked methods, tables and texts, and compares methods of all
    kinds. Where the dimension varies much more than the learnability, it is that which decides,
    and noise wins. Values depend on `n` and `n_clusters`.

    Parameters
    ----------
    Z : array-like or Tensor of shape (n, d)
        The embedding of `n` samples, with ``n >= 4``.
    n_clusters : int, default="auto"
        Number of clusters, at least 2 and at most `n`. "auto" is the root of `n`.
    n_neighbors : int, default=1
        Number of neighbours that vote, below `n`.
    random_state : int, RandomState instance or None, default=0
        Start of k-means.

    Returns
    -------
    float
        Not negative. An embedding that is the same for all samples has 0.

    Raises
    ------
    ValueError
        If `Z` has another shape, or values that are NaN or infinite, or if the numbers of clusters
        or neighbours do not suit `n`.

    Notes
    -----
    The paper adds the two after standardising each over the candidates, which a score of one
    candidate cannot do. A product ranks as a sum of logarithms does. To rank as the paper does, use
    the two functions.

    References
    ----------
    Lu, Liu, Baratin, Laroche, Courville and Sordoni, "Using Representation Expressiveness and
    Learnability to Evaluate Self-Supervised Learning Methods", TMLR 2023.
    https://arxiv.org/abs/2206.01251

    Examples
    --------
    >>> import numpy as np
    >>> from skssl.metrics import clid_score
    >>> clid_score(np.random.default_rng(0).normal(size=(100, 3))) > 0
    True
    >>> clid_score(np.ones((100, 3)))
    0.0
    """
    learnability = cluster_learnability(
        Z, n_clusters=n_clusters, n_neighbors=n_neighbors, random_state=random_state
    )
    return learnability * intrinsic_dimension(Z)


def _standardized(Z: ArrayLike | Tensor) -> NDArray[np.float64]:
    rows = check_embedding(Z, min_samples=4).cpu().numpy()
    standardized: NDArray[np.float64] = plain(StandardScaler()).fit_transform(rows)
    return standardized
