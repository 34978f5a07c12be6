"""Measures of an embedding that need no labels."""

from skssl.metrics._rank import rankme_score
from skssl.metrics._retrieval import view_ranking_score, view_retrieval_score
from skssl.metrics._spread import embedding_std, mean_correlation

__all__ = [
    "embedding_std",
    "mean_correlation",
    "rankme_score",
    "view_ranking_score",
    "view_retrieval_score",
]
