"""What a message shows of a value."""

from __future__ import annotations

from typing import Any

_LONGEST = 80


def quoted(value: Any) -> str:
    """Return the repr of a value for a message, cut in the middle if it is long.

    Of a text or the bytes of a file, no more is looked at than is shown.
    """
    whole = isinstance(value, (str, bytes)) and len(value) > _LONGEST
    text = f"{value[:_LONGEST]!r}..." if whole else repr(value)
    if whole:
        return f"{text} ({len(value):,} {'bytes' if isinstance(value, bytes) else 'characters'})"
    half = _LONGEST // 2
    return text if len(text) <= 2 * _LONGEST else f"{text[:_LONGEST]} ... {text[-half:]}"
