"""Waiting at the store for a job to come, where the store can wake a waiter."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from gofastr_queue.calls import Calls
from gofastr_queue.capabilities import Capability
from gofastr_queue.records import Want

log = logging.getLogger("gofastr_queue.worker")

PAUSE = 1.0
"""Seconds without hints after a wait failed; the pump polls meanwhile."""


@frozen
class Watch:
    """What to wait for: a wanted job, until a moment of the monotonic clock.

    ``due`` is the soonest due moment that the claimer knows of.
    """

    want: Want
    until: float
    due: datetime


class Waiter:
    """A thread that waits while its pump has found nothing, and nudges it on a hint."""

    def __init__(self, calls: Calls, nudge: Callable[[], object]) -> None:
        self._hooks = calls.hooks
        self._able = Capability.WAKE in calls.capabilities
        self._nudge = nudge
        self._asked: Watch | None = None
        self._waiting: Watch | None = None
        self._failing = False
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gofastr-queue-waiter", daemon=True)

    def start(self) -> None:
        """Begin, if the store can wake."""
        if self._able:
            self._thread.start()

    def watch(self, watch: Watch) -> None:
        """Wait for a job; a later call replaces this one."""
        with self._changed:
            self._asked = watch
            self._changed.notify()
            outdated = self._waiting is not None and self._waiting.want != watch.want
        if outdated:
            self._wake()

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
                self._waiting = None
                if self._asked is None:
                    self._changed.wait()
                self._waiting, self._asked = self._asked, None
                watch = self._waiting
            if watch is not None and self._wait(watch):
                with self._changed:
                    self._waiting = self._asked = None  # the claim that this leads to asks anew
                self._nudge()

    def _wait(self, watch: Watch) -> bool:
        """Wait at the store; tell whether it is worth while to claim."""
        seconds = watch.until - time.monotonic()
        if seconds <= 0:
            return False
        try:
            hint = self._hooks.queue_wait(
                want=watch.want, timeout=timedelta(seconds=seconds), due=watch.due
            )
        except Exception as error:  # noqa: BLE001 - hints may fail, polling goes on
            if not self._failing:
                log.warning("waiting for jobs failed: %s; polling meanwhile", error)
            self._failing = True
            self._stopped.wait(PAUSE)
            return False
        if self._failing:
            log.info("waiting for jobs works again")
        self._failing = False
        return bool(hint) or time.monotonic() < watch.until  # ended early: others' wakes end it too
