"""Choosing a model where few rows have a label, or none."""

from skssl.model_selection._control import check_against_random_weights
from skssl.model_selection._embedding import embed_views
from skssl.model_selection._folds import LabeledKFold, LabeledShuffleSplit, StratifiedLabeledKFold
from skssl.model_selection._labeled_scorer import labeled_scorer
from skssl.model_selection._scorers import (
    EmbeddingScorer,
    alignment_scorer,
    alpha_req_scorer,
    clid_scorer,
    default_scorer,
    knn_scorer,
    lidar_scorer,
    nesum_scorer,
    rankme_scorer,
    stable_rank_scorer,
    uniformity_scorer,
    view_information_scorer,
    view_ranking_scorer,
    view_retrieval_scorer,
)
from skssl.model_selection._split import LabeledSplit

__all__ = [
    "EmbeddingScorer",
    "LabeledKFold",
    "LabeledShuffleSplit",
    "LabeledSplit",
    "StratifiedLabeledKFold",
    "alignment_scorer",
    "alpha_req_scorer",
    "check_against_random_weights",
    "clid_scorer",
    "default_scorer",
    "embed_views",
    "knn_scorer",
    "labeled_scorer",
    "lidar_scorer",
    "nesum_scorer",
    "rankme_scorer",
    "stable_rank_scorer",
    "uniformity_scorer",
    "view_information_scorer",
    "view_ranking_scorer",
    "view_retrieval_scorer",
]
