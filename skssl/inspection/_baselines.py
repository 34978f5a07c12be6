"""What one would try first on few labels, without self-supervised learning."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, RidgeClassifierCV
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.semi_supervised import LabelSpreading

from skssl._sklearn_compat import plain
from skssl.inspection._steps import (
    Components,
    KernelProportions,
    NearestNeighbors,
    Texts,
    Values,
    distances,
    graph_kernel,
    voxels,
)
from skssl.modality import Images, Modality, PointCloud, Series, Tabular, Text, word_pattern

Baselines = dict[str, BaseEstimator]

_PENALTIES = np.logspace(-3, 3, 10)


def classical_baselines(modality: Modality, *, random_state: int = 0) -> Baselines:
    """Return what a self-supervised method has to beat on a kind of data.

    Simple and strong estimators of scikit-learn, with settings that suit few labels; what
    :func:`few_label_report` compares with by default. Take it to leave some out, or to add your
    own.

    - images: all values; up to 100 principal components, which are all of them for images of at
      most 100 values, so that both are about equal there; label spreading over the graph of 7
      neighbours among these, which also sees the unlabelled rows;
    - series: all values; the nearest neighbour; random convolution kernels (MiniRocket) with a
      ridge classifier;
    - tables: numbers mapped to a normal distribution, with categories as columns of zeros and ones,
      as they are and standardised; nearest neighbours, extremely randomised trees and gradient
      boosting on them;
    - texts: the weights of words and pairs of words (TF-IDF), and 200 singular components of
      them (LSA);
    - point clouds: histograms of distances, and the share of the points in cells of space, the
      latter also with a random forest;
    - video and modalities of your own: all values, principal components, nearest neighbour.

    Parameters
    ----------
    modality : Modality
        What a sample is; it need not be fitted.
    random_state : int, default=0
        Seed of what is random.

    Returns
    -------
    baselines : dict of str to estimator
        Unfitted. Those without a classifier at their end are features that a probe goes with.

    Examples
    --------
    >>> from skssl.inspection import classical_baselines
    >>> from skssl.modality import Series, Text
    >>> list(classical_baselines(Text()))
    ['TF-IDF + LR', 'LSA-200 + LR']
    >>> list(classical_baselines(Series()))
    ['raw', 'raw, 1-NN', 'random kernels + ridge']
    """
    if not isinstance(modality, Modality):
        raise ValueError(
            f"modality={modality!r} must be an instance of a class in skssl.modality, such as "
            "Images()."
        )
    for kind, make in _BY_MODALITY.items():
        if isinstance(modality, kind):
            return make(modality, random_state)
    return {**_linear(modality, random_state), "raw, 1-NN": _nearest(modality, n_neighbors=1)}


def _linear(modality: Modality, seed: int) -> Baselines:
    # On values of the same scale, standardised ones do worse with few labels; standardised
    # components, of which most are noise, do much worse.
    return {
        "raw + LR": make_pipeline(Values(modality), LogisticRegression(max_iter=2000)),
        "PCA + LR": make_pipeline(_components(modality, seed), LogisticRegression(max_iter=2000)),
    }


def _components(modality: Modality, seed: int) -> BaseEstimator:
    pca = plain(PCA(100, svd_solver="randomized", random_state=seed))
    return make_pipeline(Values(modality), Components(pca))


def _nearest(modality: Modality, n_neighbors: int) -> BaseEstimator:
    return make_pipeline(Values(modality), NearestNeighbors(n_neighbors))


def _of_images(modality: Modality, seed: int) -> Baselines:
    spreading = make_pipeline(
        _components(modality, seed),
        plain(KNeighborsTransformer(mode="connectivity", n_neighbors=7)),
        LabelSpreading(kernel=graph_kernel),
    )
    return {**_linear(modality, seed), "PCA, LabelSpreading": spreading}


def _of_series(modality: Modality, seed: int) -> Baselines:
    kernels = KernelProportions(modality, random_state=seed)
    return {
        "raw": Values(modality),
        "raw, 1-NN": _nearest(modality, n_neighbors=1),
        "random kernels + ridge": make_pipeline(
            kernels, plain(StandardScaler()), RidgeClassifierCV(alphas=_PENALTIES)
        ),
    }


def _of_tables(modality: Modality, seed: int) -> Baselines:
    # With the 20 rows that its leaves want by default, it learns nothing from fewer than 40 labels.
    boosting = HistGradientBoostingClassifier(min_samples_leaf=1, random_state=seed)
    return {
        "raw + LR": make_pipeline(Values(modality), LogisticRegression(max_iter=2000)),
        "raw, standardised": make_pipeline(Values(modality), plain(StandardScaler())),
        "raw, 5-NN": _nearest(modality, n_neighbors=5),
        "raw, ExtraTrees": make_pipeline(Values(modality), ExtraTreesClassifier(random_state=seed)),
        "raw, HistGradientBoosting": make_pipeline(Values(modality), boosting),
    }


def _of_texts(modality: Modality, seed: int) -> Baselines:
    def weights() -> list[BaseEstimator]:
        words = TfidfVectorizer(
            ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=word_pattern()
        )
        return [Texts(modality), words]

    # Vectors of length 1 want a weaker penalty than standardised ones.
    classifier = LogisticRegression(C=10, max_iter=2000)
    lsa = Components(plain(TruncatedSVD(200, random_state=seed)))
    return {
        "TF-IDF + LR": make_pipeline(*weights(), classifier),
        "LSA-200 + LR": make_pipeline(*weights(), lsa, plain(Normalizer()), classifier),
    }


def _of_clouds(modality: Modality, seed: int) -> Baselines:
    cells = Values(modality, describe=voxels)
    return {
        "distances (D2)": Values(modality, describe=distances),
        "voxels": cells,
        "voxels + random forest": make_pipeline(cells, RandomForestClassifier(random_state=seed)),
    }


_BY_MODALITY: dict[type[Modality], Callable[[Modality, int], Baselines]] = {
    Images: _of_images,
    Series: _of_series,
    Tabular: _of_tables,
    Text: _of_texts,
    PointCloud: _of_clouds,
}
