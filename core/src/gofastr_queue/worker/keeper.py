"""Keeping leases alive, and telling handlers when to stop.

Two threads: one renews leases at the store; the other watches clocks, so that a store that hangs
cannot keep a handler from learning that its lease is lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from attrs import define

from gofastr_queue.consumer import Consumer, named
from gofastr_queue.handlers import Context
from gofastr_queue.job import Claim

log = logging.getLogger("gofastr_queue.worker")

BEATS = 3
"""Renewals within one lease: two may fail before it is lost."""

TIMED_OUT = "handler timed out"
LEASE_LOST = "lease lost: somebody else has taken over"
LEASE_RAN_OUT = "lease ran out: the store did not renew it"
STOPPED = "worker stopped before the handler did"
"""Why a handler is told to stop."""

TICK = 0.1
"""Seconds between two looks at the clocks of running handlers."""


@define(eq=False)
class Held:
    """A claim that this worker holds, whether it runs, waits to start, or waits to be settled.

    ``waits_since`` is when it was put before the slots.  ``unrenewed`` says that its lease could
    not be renewed the last time, ``why`` what its handler was told to stop for, ``apart`` that the
    handler runs in a process, which can be ended.
    """

    claim: Claim
    leased_until: float
    waits_since: float = 0.0
    context: Context | None = None
    stop_at: float = float("inf")
    lost: bool = False
    unrenewed: bool = False
    apart: bool = False
    why: str = ""

    def cancel(self, why: str) -> None:
        """Tell the handler to stop, once."""
        context = self.context
        if context is not None and not context.cancelled:
            self.why = why
            log.warning(
                "%s: job %s (type %r), progress %s of %s",
                why,
                self.claim.job.id,
                self.claim.job.type,
                context.done,
                context.total,
                extra=named(self.claim.job),
            )
            context.cancel()


class Keeper:
    """Holds a worker's claims."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._lease = consumer.lease.total_seconds()
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=f"gofastr-queue-{name}", daemon=True)
            for name, target in (("heartbeat", self._beat), ("watch", self._watch))
        ]

    def start(self) -> None:
        """Begin renewing and watching."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads; a renewal that hangs is left behind."""
        self._stopped.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(1)

    def hold(self, claims: Iterable[Claim], since: float) -> list[Held]:
        """Keep claims that were asked for at ``since``, by the monotonic clock."""
        held = [Held(claim, since + self._lease) for claim in claims]
        with self._lock:
            self._held.update((one.claim.token, one) for one in held)
        return held

    def let_go(self, claims: Iterable[Claim]) -> None:
        """Stop keeping claims: they are settled."""
        with self._lock:
            for claim in claims:
                self._held.pop(claim.token, None)

    def held(self) -> list[Held]:
        """Return everything that is kept."""
        with self._lock:
            return list(self._held.values())

    def _beat(self) -> None:
        pause = self._lease / BEATS
        while not self._stopped.wait(pause):
            pause = self._lease / BEATS
            held = [one for one in self.held() if not one.lost]
            if not held:
                continue
            since = time.monotonic()
            try:
                kept = {claim.token for claim in self._consumer.extend([h.claim for h in held])}
            except Exception as error:  # noqa: BLE001 - leases must be kept whatever happens
                self._not_renewed(held, error)
                pause = min(pause, 1.0)
                continue
            current = {one.claim.token for one in self.held()}
            for one in held:
                one.unrenewed = False
                if one.claim.token in kept:
                    one.leased_until = since + self._lease
                elif one.claim.token in current:  # neither kept nor settled meanwhile
                    one.lost = True
                    one.cancel(LEASE_LOST)

    def _not_renewed(self, held: list[Held], error: Exception) -> None:
        """Say so once of each claim, however often renewing fails."""
        new = [one for one in held if not one.unrenewed]
        if new:
            log.error(
                "leases of %d jobs were not renewed: %s; trying again: %s",
                len(new),
                error,
                [one.claim.job.id for one in new],
            )
        for one in new:
            one.unrenewed = True

    def _watch(self) -> None:
        while not self._stopped.wait(min(TICK, self._lease / 4)):
            now = time.monotonic()
            for one in self.held():
                if now >= one.stop_at:
                    one.cancel(TIMED_OUT)
                elif now >= one.leased_until:
                    one.cancel(LEASE_RAN_OUT)
