"""What is to be changed in views that are not known yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Self, TypeAlias

from torch import Tensor

from skssl.views._base import Views


class ChangedViews:
    """The modality's default views with some ranges changed.

    ``SimCLR(views=ChangedViews(flip=0))`` is the same as ``SimCLR().set_params(views__flip=0)``.
    Which views these are, and which names they have, is known in `fit`, with the kind of data.

    Parameters
    ----------
    **changes : dict
        Ranges by their names, such as ``flip=0``.

    Examples
    --------
    >>> from skssl import SimCLR
    >>> from skssl.views import ChangedViews
    >>> ssl = SimCLR(views=ChangedViews(flip=0))
    >>> ssl.set_params(views__rotation=30)
    SimCLR(views=ChangedViews(flip=0, rotation=30))
    """

    def __init__(self, **changes: object):
        self.changes = changes

    def __repr__(self) -> str:
        changes = (f"{name}={value!r}" for name, value in self.changes.items())
        return f"{type(self).__name__}({', '.join(changes)})"

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Return the ranges that are changed.

        Parameters
        ----------
        deep : bool, default=True
            Present for API consistency.

        Returns
        -------
        params : dict
            Ranges by their names.
        """
        return dict(self.changes)

    def set_params(self, **changes: object) -> Self:
        """Change more ranges.

        Parameters
        ----------
        **changes : dict
            Ranges by their names, such as ``flip=0``. Whether the views have them is found out in
            `fit`.

        Returns
        -------
        self : ChangedViews
            This object.
        """
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
        views.set_params(**self.changes)
        return views


#: What ``views=`` may be.
ViewsParameter: TypeAlias = Literal["auto"] | Views | ChangedViews | Callable[[Tensor], Tensor]
