"""What signatures speak of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np

if TYPE_CHECKING:
    from skorch.callbacks import Callback

T = TypeVar("T")

#: A value, or "auto" for one that follows from the samples and other parameters.
Auto: TypeAlias = T | Literal["auto"]

RandomState: TypeAlias = int | np.random.RandomState | None


class Samples(Protocol):
    """What `fit` and `transform` take: arrays, tensors, frames, lists of texts or of files, ..."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


#: Callbacks of skorch, also with a name.
Callbacks: TypeAlias = "Callback | list[Callback | tuple[str, Callback]] | None"
