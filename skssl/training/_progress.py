"""What ``verbose`` shows of a training."""

from __future__ import annotations

import sys
import time

from skorch import NeuralNet
from skorch.callbacks import Callback
from torch import Tensor
from tqdm import tqdm

from skssl._progress import LINES_APART, duration, shows_bars

# The measures of the embedding that tell a collapse.
_MEASURES = ("embedding_std", "view_ranking")
# Steps after which the time of the others is known well enough to be told.
_FIRST_STEPS = 5
# Elsewhere than in a terminal, a line for each part of a training.
_PARTS = 10
# Reading the loss makes a GPU wait, so that is done once in this time, in seconds.
_BETWEEN_LOSSES = 1.0
# The time left is our own: tqdm knows the steps, but not that the time may be limited.
_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


class Progress(Callback):
    """Shows how far a training is: epoch, loss, two measures of collapse, and the time left.

    In a terminal and in a notebook that is one bar for the whole training, counted in steps.
    Elsewhere, such as in a log file, it is a line after the first steps, and then one for each
    tenth of the training.

    skorch's own bar starts anew every epoch, of which small data have hundreds, and reads the
    loss at every step.

    Parameters
    ----------
    title : str
        The name of the method.
    each_epoch : bool
        Write a line for each epoch as well.
    """

    # It starts anew where a training goes on.
    in_net_state = False

    def __init__(self, title: str, *, each_epoch: bool = False):
        self.title = title
        self.each_epoch = each_epoch

    def on_train_begin(self, net: NeuralNet, **kwargs: object) -> None:
        self.began_ = self.latest_line_ = self.latest_loss_ = time.monotonic()
        self.parts_ = 0
        self.steps_before_ = net.steps_done_
        self.loss_: float | None = None
        self.measured_ = _measures_of(net)
        self.measured_at_: int | None = None
        # A plain bar, not tqdm.auto's, which needs widgets in a notebook.
        self.bar_ = (
            tqdm(
                total=net.steps,
                initial=net.steps_done_,
                desc=self.title,
                bar_format=_BAR,
                file=sys.stderr,
            )
            if shows_bars()
            else None
        )

    def on_batch_end(self, net: NeuralNet, loss: Tensor | None = None, **kwargs: object) -> None:
        now = time.monotonic()
        if loss is not None and (self.loss_ is None or now - self.latest_loss_ > _BETWEEN_LOSSES):
            self.loss_, self.latest_loss_ = loss.item(), now
        if self.bar_ is not None:
            self.bar_.set_postfix_str(
                f"{self._time_left(net)} left, {self._state(net)}", refresh=False
            )
            self.bar_.update()
            return
        part = int(_PARTS * self._part(net))
        is_first = net.steps_done_ == min(self.steps_before_ + _FIRST_STEPS, net.steps)
        if is_first or (part > self.parts_ and now - self.latest_line_ > LINES_APART):
            self.parts_, self.latest_line_ = part, now
            self._write(f"{self._steps(net)}, {self._time_left(net)} left, {self._state(net)}")

    def on_epoch_end(self, net: NeuralNet, **kwargs: object) -> None:
        row = net.history[-1]
        self.loss_ = row["train_loss"]
        self._see_measures(net)
        if self.each_epoch:
            self._write(f"{self._state(net)}, {row['dur']:.1f} s")

    def on_train_end(self, net: NeuralNet, **kwargs: object) -> None:
        self._see_measures(net)
        if self.bar_ is not None:
            if net.history:
                self.bar_.set_postfix_str(self._state(net))
            self.bar_.close()
        elif net.steps == 0:
            self._write("no training, max_epochs=0")
        else:
            said = f"{net.steps_done_} of {net.steps} steps"
            if self.steps_before_:
                # The seconds are not those of the steps before.
                said += f", {net.steps_done_ - self.steps_before_} of them now,"
            self._write(f"{said} in {duration(time.monotonic() - self.began_)}")
        # A pickled callback takes no open stream along.
        self.bar_ = None

    def _write(self, line: str) -> None:
        text = f"{self.title}: {line}"
        if self.bar_ is not None:
            self.bar_.write(text, file=sys.stderr)
        else:
            print(text, file=sys.stderr, flush=True)

    def _part(self, net: NeuralNet) -> float:
        """Return the part of the training that is over."""
        return max(net.steps_done_ / net.steps, net.part_of_time())

    def _time_left(self, net: NeuralNet) -> str:
        passed = time.monotonic() - self.began_
        before = self.steps_before_ / net.steps
        return duration(passed * (1 - before) / (self._part(net) - before) - passed)

    @staticmethod
    def _steps(net: NeuralNet) -> str:
        done, part = net.steps_done_, net.part_of_time()
        if done < part * net.steps and part < 1:
            return f"{done} of {net.steps} steps, about {done / part:.0f} before max_time is over"
        return f"{done} of {net.steps} steps"

    def _see_measures(self, net: NeuralNet) -> None:
        # Every row of the history has them, most of them those of the row before.
        measured = _measures_of(net)
        if measured != self.measured_:
            self.measured_, self.measured_at_ = measured, net.steps_done_

    def _state(self, net: NeuralNet) -> str:
        """Return epoch, loss and measures, as far as they are known."""
        words = [f"epoch {len(net.history)}/{net.max_epochs}"]
        if self.loss_ is not None:
            words.append(f"loss {self.loss_:.4g}")
        if self.measured_at_ is not None:
            measures = " and ".join(f"{name} {value:.2f}" for name, value in self.measured_.items())
            # Old ones that do not say so look like a training that stands still.
            is_new = self.measured_at_ == net.steps_done_
            words.append(measures if is_new else f"{measures} at step {self.measured_at_}")
        return ", ".join(words)


def _measures_of(net: NeuralNet) -> dict[str, float]:
    """Return the latest measures of the history; while an epoch goes on, that of the one before."""
    return {name: row[name] for row in net.history[-2:] for name in _MEASURES if name in row}
