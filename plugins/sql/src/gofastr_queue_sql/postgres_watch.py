"""Hearing of new jobs by LISTEN, on one connection that is used for nothing else.

Notifications are hints: whoever waits claims if one names a wanted job, and else asks the table.
While nobody listens, waits end by their timeout.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from gofastr_queue.records import Want
from gofastr_queue_sql import forks
from gofastr_queue_sql.postgres_connection import Session
from gofastr_queue_sql.postgres_listener import Listener


class Watch:
    """Counts what was heard."""

    fork_rank = 0

    def __init__(self, connect: Callable[[], Session] | None, channel: str) -> None:
        """Listen to ``channel`` on what ``connect`` opens, from the first wait on; None: never."""
        self._connect = connect
        self._channel = channel
        self._lock = threading.RLock()
        self._condition = threading.Condition(self._lock)
        self._waiting = 0
        self._heard = 0
        self._hint = ""
        self._wakes = 0
        self._ended = False
        self._listener: Listener | None = None
        forks.watch(self)

    def heard(self) -> int:
        """Return the number of hints so far; begins to listen."""
        with self._condition:
            if self._listener is None and self._connect is not None and not self._ended:
                self._listener = Listener(self._connect, self._channel, self.hear)
            return self._heard

    def wakes(self) -> int:
        """Return how often waits were ended so far."""
        with self._condition:
            return self._wakes

    def wait(self, heard: int, wakes: int, deadline: float, want: Want) -> bool | None:
        """Sleep until more than ``heard`` hints came; None when time is up or waits ended.

        True says that the last one told of a wanted job, False that a look must tell.
        """
        with self._condition:
            while self._heard == heard:
                left = deadline - time.monotonic()
                if left <= 0 or self._wakes != wakes or self._ended:
                    return None
                self._waiting += 1
                try:
                    self._condition.wait(left)
                finally:
                    self._waiting -= 1
            lane, _, type = self._hint.partition("\n")
            return bool(type) and want.admits(lane, type)

    def hear(self, hint: str = "") -> None:
        """Take a hint."""
        with self._lock:
            self._heard += 1
            self._hint = hint
            if self._waiting:  # a producer hears itself at each job
                self._condition.notify_all()

    def wrote(self) -> None:
        """Tell that this process has written, which nobody else says while nobody listens."""
        listener = self._listener
        if listener is None or not listener.listening:
            self.hear()

    def wake(self) -> None:
        """End the waits that are going on."""
        with self._condition:
            self._wakes += 1
            self._condition.notify_all()

    def end(self) -> None:
        """End every wait, now and later, and the listening."""
        with self._condition:
            self._ended = True
            listener, self._listener = self._listener, None
            self._condition.notify_all()
        if listener is not None:
            listener.end()

    def before_fork(self) -> None:
        """Let no other thread hold the condition in the child."""
        self._condition.acquire()

    def after_fork(self) -> None:
        """Go on; a child listens anew when it waits."""
        if self._listener is not None and self._listener.process != os.getpid():
            self._listener.abandon()
            self._listener = None
        self._condition.release()
