"""Utilities."""

from skssl.utils._discovery import all_estimators
from skssl.utils._files import encoder_only, trusted_types

__all__ = ["all_estimators", "encoder_only", "trusted_types"]
