"""Waiting at the store for a job to come, where the store can wake a waiter."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from gofastr_queue.calls import Calls
from gofastr_queue.capabilities import Capability
from gofastr_queue.records import Want

log = logging.getLogger("gofastr_queue.worker")

PAUSE = 1.0
"""Seconds without hints after a wait failed; the pump polls meanwhile."""


class Waiter:
    """A thread that waits while its pump has found nothing, and nudges it on a hint."""

    def __init__(self, calls: Calls, nudge: Callable[[], object]) -> None:
        self._hooks = calls.hooks
        self._able = Capability.WAKE in calls.capabilities
        self._nudge = nudge
        self._asked: tuple[Want, float] | None = None
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gofastr-queue-waiter", daemon=True)

    def start(self) -> None:
        """Begin, if the store can wake."""
        if self._able:
            self._thread.start()

    def watch(self, want: Want, seconds: float) -> None:
        """Wait for a wanted job for ``seconds``; a later call replaces this one."""
        with self._changed:
            self._asked = (want, time.monotonic() + seconds)
            self._changed.notify()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        deadline = time.monotonic() + PAUSE
        while self._thread.is_alive() and time.monotonic() < deadline:
            # a wake between two waits is lost, so it is repeated
            with self._changed:
                self._changed.notify()
            self._wake()
            self._thread.join(0.02)

    def _wake(self) -> None:
        try:
            self._hooks.queue_wake()
        except Exception:
            log.exception("waking failed; the wait ends by its timeout")

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._changed:
                if self._asked is None:
                    self._changed.wait()
                asked, self._asked = self._asked, None
            if asked is None:
                continue
            want, until = asked
            seconds = until - time.monotonic()
            if seconds <= 0:
                continue
            try:
                if self._hooks.queue_wait(want=want, timeout=timedelta(seconds=seconds)):
                    self._nudge()
            except Exception as error:  # noqa: BLE001 - hints may fail, polling goes on
                log.warning("waiting for jobs failed: %s; polling meanwhile", error)
                self._stopped.wait(PAUSE)
