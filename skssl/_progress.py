"""How progress is shown: bars where they can be drawn, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

__all__ = ["LINES_APART", "counted", "duration", "shows_bars"]

# In a log file, lines come none sooner than this after the one before, in seconds.
LINES_APART = 10.0


def shows_bars() -> bool:
    """Whether what is written can be overwritten: in a terminal, and in a notebook."""
    if sys.stderr.isatty():
        return True
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def duration(seconds: float) -> str:
    """Return seconds as people say them: in seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.1f} min" if minutes < 60 else f"{minutes / 60:.1f} h"


@contextmanager
def counted(title: str, total: int, *, done: int, unit: str) -> Iterator[Callable[[int], object]]:
    """Show how much of a `total` is done; yield what is told how much more there is.

    Parameters
    ----------
    title : str
        What works, the first word of bar and lines.
    total : int
        What there is to do.
    done : int
        What was done before.
    unit : str
        What is counted.
    """
    if shows_bars():
        # A plain bar, not tqdm.auto's, which needs widgets in a notebook.
        with tqdm(total=total, initial=done, desc=title, unit=f" {unit}", file=sys.stderr) as bar:
            yield bar.update
        return
    before, began = done, time.monotonic()
    latest = began

    def advance(more: int) -> None:
        nonlocal done, latest
        done += more
        now = time.monotonic()
        if done == total:
            state = f" in {duration(now - began)}"
        elif now - latest > LINES_APART:
            state = f", {duration((now - began) * (total - done) / (done - before))} left"
        else:
            return
        latest = now
        print(f"{title}: {done} of {total} {unit}{state}", file=sys.stderr, flush=True)

    yield advance
