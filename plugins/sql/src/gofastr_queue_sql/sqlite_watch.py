"""Noticing that a database was written, by this process or another.

This process's writes are told; others' are found by looking at the connection's data version.  Of
all that wait, one looks and the others sleep until it has seen something.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from gofastr_queue_sql import forks
from gofastr_queue_sql.sqlite_pace import Pace, pace


class Watch:
    """Counts the writes that were noticed."""

    fork_rank = 0

    def __init__(self, look: Callable[[], int], log: str) -> None:
        """Use ``look()``, a number that changes when another process has written into ``log``."""
        self._look = look
        self._log = log
        self._lock = threading.RLock()
        self._condition = threading.Condition(self._lock)
        self._waiting = 0
        self._seen: int | None = None
        self._writes = 0
        self._wakes = 0
        self._ended = False
        self._process = os.getpid()
        self._pace: Pace | None = None
        self._looking = False
        forks.watch(self)

    def writes(self) -> int:
        """Look, and return the number of writes noticed so far, since the first look."""
        with self._condition:
            self._refresh()
            return self._writes

    def wakes(self) -> int:
        """Return how often waits were ended so far."""
        with self._condition:
            return self._wakes

    def wait(self, writes: int, wakes: int, deadline: float) -> bool:
        """Sleep until more was noticed than ``writes``, which ``writes()`` has returned.

        False when time is up or waits ended.
        """
        with self._condition:
            self._waiting += 1
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
                self._waiting -= 1
                if not self._looking:
                    self._condition.notify()  # whoever leaves last must not leave all asleep

    def wrote(self) -> None:
        """Tell that this process has written."""
        with self._lock:
            self._note()
            self._ring()

    def wake(self) -> None:
        """End the waits that are going on."""
        with self._condition:
            self._wakes += 1
            self._condition.notify_all()
            self._ring()

    def end(self) -> None:
        """End every wait, now and later."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
            self._ring()
            self._let_go()

    def before_fork(self) -> None:
        """Let no other thread hold the condition in the child."""
        self._condition.acquire()

    def after_fork(self) -> None:
        """Go on; in a child nobody looks, and what its parent sleeps on is the parent's."""
        self._condition.release()
        if os.getpid() != self._process:
            self._process = os.getpid()
            self._lock = threading.RLock()
            self._condition = threading.Condition(self._lock)
            self._waiting = 0
            self._looking = False
            self._let_go()

    def _look_out(self, left: float) -> None:
        """Sleep for one look's time, then look, for all."""
        self._looking = True
        try:
            if self._pace is None:
                self._pace = pace(self._log)
            self._condition.release()
            try:
                self._pace.sleep(left)
            finally:
                self._condition.acquire()
            self._refresh()
        finally:
            self._looking = False
            if self._ended:
                self._let_go()

    def _let_go(self) -> None:
        if self._pace is not None and not self._looking:
            self._pace.close()
            self._pace = None

    def _refresh(self) -> None:
        seen = self._look()
        if seen != self._seen:
            first, self._seen = self._seen is None, seen
            if not first:
                self._note()

    def _note(self) -> None:
        self._writes += 1
        if self._pace is not None:
            self._pace.seen()
        if self._waiting:  # a producer notes each of its jobs
            self._condition.notify_all()

    def _ring(self) -> None:
        """End the sleep of whoever looks, which no notification ends."""
        if self._looking and self._pace is not None:
            self._pace.ring()
