"""Ctrl-C while something is trained."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from skssl._processes import current_processes


class Interrupts:
    """Keeps a Ctrl-C until the step that is under way is done; a second one is not kept.

    KeyboardInterrupt comes between any two operations otherwise, and would leave networks,
    optimizer and history in a state between two steps, or be taken for what callbacks raise to end
    a training.

    Attributes
    ----------
    pending : bool
        Whether there was one that was kept.
    """

    def __init__(self) -> None:
        self.pending = False
        self._keeps = False

    def keep(self) -> None:
        """Keep what comes from now on.

        Only the main thread gets any, and who has set a handler of their own is left alone.
        """
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._keeps = True
            signal.signal(signal.SIGINT, self._note)

    def release(self) -> None:
        """Keep no more; what was kept is still pending."""
        if self._keeps:
            self._keeps = False
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def check(self) -> None:
        """Raise what was kept, by whichever of the processes that train together."""
        processes = current_processes()
        if self.pending if processes is None else processes.any(self.pending):
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.pending:
            signal.default_int_handler(number, frame)
        self.pending = True
