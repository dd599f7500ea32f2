"""Taking back expired leases: now and then by whoever claims, or from a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from gofastr_queue.errors import QueueError

log = logging.getLogger("gofastr_queue")

STOP_SECONDS = 1.0
"""How long a stop waits for a store that does not answer."""


class Reclaimer:
    """Reclaims at most once an interval unless asked to."""

    def __init__(
        self, reclaim: Callable[[], int], interval: timedelta, now: Callable[[], datetime]
    ) -> None:
        self.interval = interval
        self._reclaim = reclaim
        self._now = now
        self._last: datetime | None = None
        self._failing = False
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def run(self) -> int:
        """Reclaim; return how many jobs were taken back."""
        self._last = self._now()
        return self._reclaim()

    def when_due(self) -> None:
        """Reclaim unless it was done within one interval, by the queue's clock."""
        if self._last is None or not timedelta(0) <= self._now() - self._last < self.interval:
            self.run()

    def start(self, interval: timedelta) -> None:
        """Reclaim every ``interval`` from a thread; a second start changes nothing."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._loop,
                args=(interval.total_seconds(),),
                name="gofastr-queue-reclaimer",
                daemon=True,
            )
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        current = threading.current_thread()
        if self._thread is not None and self._thread.ident and self._thread is not current:
            self._thread.join(STOP_SECONDS)

    def _loop(self, seconds: float) -> None:
        while True:
            self._try()
            if self._stopped.wait(seconds):
                return

    def _try(self) -> None:
        try:
            self.run()
        except Exception as error:  # noqa: BLE001 - the thread outlives any failure
            self._failed(error)
            return
        if self._failing:
            log.info("reclaim works again")
        self._failing = False

    def _failed(self, error: Exception) -> None:
        """Say so once, however often it fails in a row."""
        if not self._failing:
            unexpected = None if isinstance(error, QueueError) else error
            log.error("reclaim failed: %s; trying again every interval", error, exc_info=unexpected)
        self._failing = True
