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


def quoted_path(path: object) -> str:
    """Return a path for a message; of a long one, the end, where its name is."""
    text, most = str(path), 2 * _LONGEST
    return repr(text if len(text) <= most else f"...{text[-most:]}")


def size_in_words(n_bytes: float) -> str:
    """Return a number of bytes with a unit."""
    for unit in ("bytes", "KiB", "MiB"):
        if n_bytes < 2**10 * 0.95:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 2**10
    return f"{n_bytes:.3g} GiB"
