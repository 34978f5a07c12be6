"""A watch on the steps of a training, which can also end it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import Callback


class StepClock(Callback):
    """Times the steps of a training, and ends it after some of them.

    A step is from the end of one to the end of the next. The first one, which also warms up, does
    not count.

    Parameters
    ----------
    steps : int or None
        After how many to end the training; None does not.
    seconds : float or None
        After how many seconds to end it, if at least three steps are done by then.
    now : callable
        What tells the time, in seconds; ``time.process_time`` counts those of the processor.

    Attributes
    ----------
    planned : int
        Steps that the training would have had.
    started : float
        Time at which the first step began, by `now`.
    """

    def __init__(
        self,
        steps: int | None,
        seconds: float | None = None,
        now: Callable[[], float] = time.perf_counter,
    ):
        self.steps = steps
        self.seconds = seconds
        self.now = now
        self.planned = 0
        self.started = 0.0
        self.ends: list[float] = []

    @property
    def seconds_per_step(self) -> float:
        """The median."""
        times = [self.started, *self.ends]
        spans = [end - start for start, end in zip(times, times[1:], strict=False)]
        return statistics.median(spans[1:] or spans)

    def on_train_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Note how many steps are planned."""
        self.planned = net.steps
        self.ends = []

    def on_batch_begin(self, net: NeuralNet, **kwargs: Any) -> None:
        """Note when the first step begins."""
        if not self.ends:
            self.started = self.now()

    def on_batch_end(self, net: NeuralNet, loss: Any = None, **kwargs: Any) -> None:
        """Note when a step ends; raise what ends a training in skorch if there are enough."""
        if loss is not None and loss.is_cuda:
            loss.item()  # which waits for the GPU
        now = self.now()
        self.ends.append(now)
        late = self.seconds is not None and now - self.started > self.seconds
        if len(self.ends) == self.steps or (late and len(self.ends) >= 3):
            raise KeyboardInterrupt
