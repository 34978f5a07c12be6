"""Utilities."""

from skssl.utils._discovery import all_estimators
from skssl.utils._files import encoder_only, trusted_types
from skssl.utils._onnx import to_onnx

__all__ = ["all_estimators", "encoder_only", "to_onnx", "trusted_types"]
