"""A fit that changes its estimator as a whole, or not at all."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from sklearn.base import BaseEstimator

from skssl._interrupts import Interrupts
from skssl._processes import together
from skssl.exceptions import TrainingInterrupted

E = TypeVar("E", bound=BaseEstimator)


@contextmanager
def transaction(
    estimator: E, *, goes_on: bool, unchanged: tuple[str, ...] = ()
) -> Iterator[tuple[E, Interrupts]]:
    """Yield a stand-in to be trained; in the end, what it has becomes the estimator's.

    After an error the estimator is what it was before. After a Ctrl-C in a training of which at
    least one step is done, the stand-in's part of it is kept, as a whole, and KeyboardInterrupt
    raised.

    Parameters
    ----------
    estimator : BaseEstimator
    goes_on : bool
        Whether what was fitted is trained further: the stand-in then has a copy of it.
    unchanged : tuple of str
        Fitted attributes of which it needs none.
    """
    stand_in = object.__new__(type(estimator))
    stand_in.__dict__.update(estimator.__dict__)
    if goes_on:
        stand_in.__dict__.update(_copied_state(estimator, unchanged))
    interrupts = Interrupts()
    try:
        try:
            with together():
                yield stand_in, interrupts
        except TrainingInterrupted:
            estimator.__dict__ = stand_in.__dict__
            raise
        estimator.__dict__ = stand_in.__dict__
        if interrupts.pending:
            raise TrainingInterrupted(
                f"{type(estimator).__name__}: interrupted when the training was over. All that "
                "was learned is kept."
            )
    finally:
        interrupts.release()


def _copied_state(estimator: BaseEstimator, unchanged: tuple[str, ...]) -> dict[str, object]:
    """Copy the fitted attributes, which share what they shared before."""
    state = vars(estimator)
    parameters = estimator.get_params(deep=False)
    kept = [value for name, value in state.items() if name in unchanged or name in parameters]
    memo: dict[int, object] = {id(value): value for value in kept}
    fitted = {
        name: value
        for name, value in state.items()
        if name not in unchanged and name not in parameters
    }
    return copy.deepcopy(fitted, memo)


def take_over(estimator: BaseEstimator, inner: BaseEstimator, *names: str) -> None:
    """Give an estimator the attributes that the one inside has, and none that it has not."""
    for name in names:
        if hasattr(inner, name):
            setattr(estimator, name, getattr(inner, name))
        elif hasattr(estimator, name):
            delattr(estimator, name)
