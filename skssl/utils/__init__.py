"""Utilities."""

from skssl._memory_limit import set_memory_limit
from skssl.utils._discovery import all_estimators
from skssl.utils._embed import embed
from skssl.utils._files import encoder_only, trusted_types
from skssl.utils._onnx import to_onnx
from skssl.utils._windows import split_windows, windows

__all__ = [
    "all_estimators",
    "embed",
    "encoder_only",
    "set_memory_limit",
    "split_windows",
    "to_onnx",
    "trusted_types",
    "windows",
]
