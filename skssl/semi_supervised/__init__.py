"""Few labels among many samples."""

from skssl.semi_supervised._base import FineTuner
from skssl.semi_supervised._classifier import FineTuneClassifier
from skssl.semi_supervised._labeled_only import LabeledOnly
from skssl.semi_supervised._prototypes import PrototypeClassifier
from skssl.semi_supervised._regressor import FineTuneRegressor

__all__ = [
    "FineTuneClassifier",
    "FineTuneRegressor",
    "FineTuner",
    "LabeledOnly",
    "PrototypeClassifier",
]
