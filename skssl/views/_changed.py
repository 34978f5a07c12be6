"""What is to be changed in views that are not known yet."""

from __future__ import annotations

from typing import Any, Self

from skssl._declare import Declared
from skssl.views._base import Views


class ChangedViews(Declared):
    """The modality's default views with some ranges changed.

    What ``set_params(views__crop_scale=...)`` makes of ``views="auto"``, whose modality is not
    known before fit.
    """

    def __init__(self, **changes: Any):
        self.changes = changes

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        return dict(self.changes)

    def set_params(self, **changes: Any) -> Self:
        self.changes = {**self.changes, **changes}
        return self

    def apply(self, views: Views) -> Views:
        """Set the changed ranges of `views`, and return it."""
        allowed = views.get_params()
        for name in self.changes:
            if name not in allowed:
                raise ValueError(
                    f"views__{name} is no parameter of {type(views).__name__}, the default views "
                    f"here; allowed are {', '.join(sorted(allowed))}."
                )
        return views.set_params(**self.changes)
