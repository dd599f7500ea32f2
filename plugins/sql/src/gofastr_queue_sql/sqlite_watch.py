"""Noticing that a database was written, by this process or another.

This process's writes are told; others' are found by looking at the connection's data version.  Of
all that wait, one looks and the others sleep until it has seen something.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gofastr_queue_sql import forks

LIVELY_SECONDS, QUIET_SECONDS = 0.003, 0.016
"""Between two looks, soon after a write and later."""

LIVELY_FOR_SECONDS = 0.3


class Watch:
    """Counts the writes that were noticed."""

    fork_rank = 0

    def __init__(self, look: Callable[[], int]) -> None:
        """Use ``look()``, a number that changes when another process has written."""
        self._look = look
        self._condition = threading.Condition()
        self._seen = look()
        self._writes = 0
        self._written_at = time.monotonic()
        self._wakes = 0
        self._ended = False
        self._looking = False
        forks.watch(self)

    def writes(self) -> int:
        """Look, and return the number of writes noticed so far."""
        with self._condition:
            self._refresh()
            return self._writes

    def wakes(self) -> int:
        """Return how often waits were ended so far."""
        with self._condition:
            return self._wakes

    def wait(self, writes: int, wakes: int, deadline: float) -> bool:
        """Sleep until more than ``writes`` were noticed; False when time is up or waits ended."""
        with self._condition:
            try:
                while self._writes == writes:
                    left = deadline - time.monotonic()
                    if left <= 0 or self._wakes != wakes or self._ended:
                        return False
                    if self._looking:
                        self._condition.wait(left)
                    else:
                        self._look_out(left)
                return True
            finally:
                if not self._looking:
                    self._condition.notify()  # whoever leaves last must not leave all asleep

    def wrote(self) -> None:
        """Tell that this process has written."""
        with self._condition:
            self._note()

    def wake(self) -> None:
        """End the waits that are going on."""
        with self._condition:
            self._wakes += 1
            self._condition.notify_all()

    def end(self) -> None:
        """End every wait, now and later."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()

    def before_fork(self) -> None:
        """Let no other thread hold the condition in the child."""
        self._condition.acquire()

    def after_fork(self) -> None:
        """Go on."""
        self._condition.release()

    def _look_out(self, left: float) -> None:
        """Sleep for one look's time, then look, for all."""
        self._looking = True
        try:
            lively = time.monotonic() - self._written_at < LIVELY_FOR_SECONDS
            pause = LIVELY_SECONDS if lively else QUIET_SECONDS
            if not self._condition.wait(min(left, pause)):
                self._refresh()
        finally:
            self._looking = False

    def _refresh(self) -> None:
        seen = self._look()
        if seen != self._seen:
            self._seen = seen
            self._note()

    def _note(self) -> None:
        self._writes += 1
        self._written_at = time.monotonic()
        self._condition.notify_all()
