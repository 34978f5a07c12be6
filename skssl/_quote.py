"""What a message shows of a value."""

from __future__ import annotations

_LONGEST = 80


def quoted(value: object) -> str:
    """Return the repr of a value for a message, cut in the middle if it is long.

    Of a text or the bytes of a file, no more is looked at than is shown.
    """
    if isinstance(value, (str, bytes)) and len(value) > _LONGEST:
        unit = "bytes" if isinstance(value, bytes) else "characters"
        return f"{value[:_LONGEST]!r}... ({len(value):,} {unit})"
    text = repr(value)
    half = _LONGEST // 2
    return text if len(text) <= 2 * _LONGEST else f"{text[:_LONGEST]} ... {text[-half:]}"
