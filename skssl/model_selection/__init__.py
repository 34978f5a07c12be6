"""Choosing a model where few rows have a label."""

from skssl.model_selection._folds import (
    LabeledKFold,
    LabeledShuffleSplit,
    StratifiedLabeledKFold,
)
from skssl.model_selection._split import LabeledSplit

__all__ = ["LabeledKFold", "LabeledShuffleSplit", "LabeledSplit", "StratifiedLabeledKFold"]
