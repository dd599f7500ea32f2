"""How long to sleep between two looks at a database that other processes write."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from gofastr_queue_sql.file_events import FileEvents

LIVELY_SECONDS, QUIET_SECONDS = 0.003, 0.016
"""Without events: between two looks, soon after a write and later."""

LIVELY_FOR_SECONDS = 0.3

REST_SECONDS = 0.25
"""With events: between two looks though nothing was told, for not every file system tells all."""

SPACE_SECONDS = 0.001
"""With events: between two looks at least, however many processes write."""


class Pace(Protocol):
    """Sleeps for whoever looks; only ``ring`` may be called meanwhile."""

    def sleep(self, seconds: float) -> None:
        """Sleep until it is time to look, until a ring, or for so long."""
        ...

    def ring(self) -> None:
        """End the sleep that goes on."""
        ...

    def seen(self) -> None:
        """Hear that there was a write."""
        ...

    def close(self) -> None:
        """Give back what the system lent."""
        ...


def pace(log: str) -> Pace:
    """Return the best that the system has for this write-ahead log."""
    try:
        return Told(FileEvents(log))
    except OSError:
        return Timed()


class Timed:
    """By the clock alone."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._seen_at = time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep shorter soon after a write."""
        lively = time.monotonic() - self._seen_at < LIVELY_FOR_SECONDS
        if self._bell.wait(min(seconds, LIVELY_SECONDS if lively else QUIET_SECONDS)):
            self._bell.clear()

    def ring(self) -> None:
        """End the sleep that goes on."""
        self._bell.set()

    def seen(self) -> None:
        """Note the time."""
        self._seen_at = time.monotonic()

    def close(self) -> None:
        """Nothing was lent."""


class Told:
    """By events of the log file, which tell that a write begins; it is seen once committed."""

    def __init__(self, events: FileEvents) -> None:
        self._events = events
        self._longest = REST_SECONDS
        self._woke_at = 0.0

    def sleep(self, seconds: float) -> None:
        """Sleep until a write begins; after one that is not seen, twice as long each time."""
        space = self._woke_at + SPACE_SECONDS - time.monotonic()
        if space > 0 and self._events.pause(space):
            return
        told = self._events.wait(min(seconds, self._longest))
        self._longest = SPACE_SECONDS if told else min(self._longest * 2, REST_SECONDS)
        self._woke_at = time.monotonic()

    def ring(self) -> None:
        """End the sleep that goes on."""
        self._events.ring()

    def seen(self) -> None:
        """Wait for the next write."""
        self._longest = REST_SECONDS

    def close(self) -> None:
        """Give the events back."""
        self._events.close()
