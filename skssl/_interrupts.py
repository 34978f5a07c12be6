"""Ctrl-C, and the end of the process, while something is trained."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

from skssl._processes import current_processes, is_first


class Interrupts:
    """Keeps a Ctrl-C until the step that is under way is done; a second one is not kept.

    KeyboardInterrupt comes between any two operations otherwise, and would leave networks,
    optimizer and history in a state between two steps, or be taken for what callbacks raise to end
    a training.

    SIGTERM, with which a scheduler announces that it will kill the process, can be kept as well.

    Attributes
    ----------
    pending : bool
        Whether there was a Ctrl-C that was kept.
    terminated : bool
        Whether there was a SIGTERM that was kept.
    """

    def __init__(self) -> None:
        self.pending = False
        self.terminated = False
        self._keeps = False
        self._keeps_termination = False
        self._of_all: tuple[bool, ...] = False, False

    def keep(self, *, termination: bool = False) -> None:
        """Keep what comes from now on: Ctrl-C, and SIGTERM if that is asked for.

        Only the main thread gets any, and who has set a handler of their own is left alone.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._keeps = True
            signal.signal(signal.SIGINT, self._note)
        if termination and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._keeps_termination = True
            self._process = os.getpid()
            signal.signal(signal.SIGTERM, self._note_termination)

    def release(self) -> None:
        """Keep no more; a Ctrl-C that was kept is still pending, and a SIGTERM ends the process."""
        if self._keeps:
            self._keeps = False
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._keeps_termination:
            self._keeps_termination = False
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if self.terminated:
                signal.raise_signal(signal.SIGTERM)

    def ask(self) -> bool:
        """Return whether anything was kept, here or in a process that trains with this one."""
        own, processes = (self.pending, self.terminated), current_processes()
        self._of_all = own if processes is None else processes.any(*own)
        return any(self._of_all)

    def check(self) -> None:
        """Let happen what there was: KeyboardInterrupt is raised, or the process ends."""
        pending, terminated = self._of_all
        if terminated:
            self.terminated = True
            if is_first():
                # Otherwise a log would end in the middle of a training, without a word.
                told = "SIGTERM: the process ends. The next fit goes on from its checkpoint."
                print(told, file=sys.stderr, flush=True)
            self.release()
        if pending:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.pending:
            signal.default_int_handler(number, frame)
        self.pending = True

    def _note_termination(self, number: int, frame: FrameType | None) -> None:
        # A process that was forked meanwhile has no training of its own to end.
        is_forked = os.getpid() != self._process
        if self.terminated or is_forked:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)
        self.terminated = True
