"""Waiting for the bell: a stream of one entry, which scripts replace when work may have come.

Each wait goes on from the entry that its last look has seen, so none is missed; and it is no longer
than a moment, so a bell that was lost with its server costs no more than that.
"""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from typing import Any

from gofastr_queue_redis.links import Link

MOMENT = 1.0
"""Seconds until a waiter looks again by itself."""

GLANCE = 0.016
"""Seconds between looks where a blocking command would hold up others."""


class Bell:
    """Waits on the key of a queue's bell."""

    def __init__(self, link: Link, key: str) -> None:
        self._link = link
        self._key = key
        self._changed = threading.Condition()
        self._waiting = 0
        self._ended = False
        self.wakes = 0

    def wait(self, seen: str, wakes: int, deadline: float) -> str | None:
        """Wait for an entry after ``seen``; None when time is up or waits were ended.

        Returns a line that got its first ready job, or an empty text where a look must tell.
        """
        with self._changed:
            left = deadline - time.monotonic()
            if left <= 0 or self._is_over() or self.wakes != wakes:
                return None
            if not self._link.patience:
                self._changed.wait(min(left, GLANCE))
                return ""
            self._waiting += 1
        try:
            span = min(left, MOMENT, self._link.patience)
            told = self._link.wait(
                "XREAD", "BLOCK", math.ceil(span * 1_000), "STREAMS", self._key, seen
            )
        except Exception:
            if self._is_over():
                return None
            raise
        finally:
            with self._changed:
                self._waiting -= 1
        return _last_value(told) if told else ""

    def wake(self) -> None:
        """End the waits that are going on."""
        with self._changed:
            self.wakes += 1
            self._changed.notify_all()
            waiting = self._waiting
        if waiting:
            with suppress(Exception):  # a wait that is not told ends by itself in a moment
                self._link.call("XADD", self._key, "MAXLEN", 1, "*", "rung", "")

    def _is_over(self) -> bool:
        return self._ended

    def end(self) -> None:
        """End every wait, now and later."""
        self._ended = True
        self.wake()


def _last_value(told: Any) -> str:
    """Return the value of the last entry of an answer, however client and protocol nest it."""
    while isinstance(told, list | tuple | dict):
        told = [*(told.values() if isinstance(told, dict) else told)][-1]
    return told.decode(errors="replace") if isinstance(told, bytes) else str(told)
