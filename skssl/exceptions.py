"""Warnings of this library."""


class CollapseWarning(UserWarning):
    """The embedding collapsed: training made all samples alike, or nearly so.

    The message has what was measured and what to try.
    """
