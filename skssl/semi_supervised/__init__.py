"""Few labels: estimators that work with rows that have none."""

from skssl.semi_supervised._labeled_only import LabeledOnly

__all__ = ["LabeledOnly"]
