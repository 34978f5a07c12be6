"""Measures of an embedding that need no labels, and one that does.

For those whose name ends in ``_score``, greater is better, as in scikit-learn.
"""

from skssl.metrics._clusters import clid_score, cluster_learnability, intrinsic_dimension
from skssl.metrics._discriminant import lidar_score, view_information_score
from skssl.metrics._hypersphere import alignment_score, uniformity_score
from skssl.metrics._neighbors import knn_score
from skssl.metrics._rank import rankme_score
from skssl.metrics._retrieval import view_ranking_score, view_retrieval_score
from skssl.metrics._spectrum import (
    alpha_req_score,
    eigenspectrum_decay,
    nesum_score,
    stable_rank_score,
)
from skssl.metrics._spread import embedding_std, mean_correlation

__all__ = [
    "alignment_score",
    "alpha_req_score",
    "clid_score",
    "cluster_learnability",
    "eigenspectrum_decay",
    "embedding_std",
    "intrinsic_dimension",
    "knn_score",
    "lidar_score",
    "mean_correlation",
    "nesum_score",
    "rankme_score",
    "stable_rank_score",
    "uniformity_score",
    "view_information_score",
    "view_ranking_score",
    "view_retrieval_score",
]
