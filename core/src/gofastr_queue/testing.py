"""For users' tests: a clock that tests move, and a worker that runs inline."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, datetime, timedelta

from gofastr_queue import limits
from gofastr_queue.handlers import Context
from gofastr_queue.outcomes import ending, no_coroutine, settlement
from gofastr_queue.queue import Queue
from gofastr_queue.records import EVERYTHING, Ack, Outcome, Release

log = logging.getLogger("gofastr_queue.testing")


class FakeClock:
    """A clock that stands still until it is advanced: ``Queue.open(url, clock=FakeClock())``."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        """Begin at ``start``, an aware datetime."""
        self._now = limits.moment("start", start)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the clock's time, in UTC."""
        with self._lock:
            return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock; a negative ``by`` moves it back."""
        with self._lock:
            self._now += by


def drain(queue: Queue, limit: int | None = None) -> int:
    """Run ready jobs in this thread, in order, until none is ready; return how many ran.

    At most ``limit`` jobs.  What handlers raise is settled as a worker would; only
    KeyboardInterrupt gives its job back and goes on to the caller.  Types without a handler are
    dropped with a warning.  Handlers with ``process`` run in this thread like others.
    """
    consumer, handlers = queue._consumer, queue._handlers  # noqa: SLF001 - one distribution
    ran = 0
    queue.reclaim()
    while limit is None or ran < limit:
        claims = consumer.claim(EVERYTHING, 1).claims
        if not claims:
            break
        (claim,) = claims
        handler = handlers.get(claim.job.type)
        if handler is None:
            consumer.drop([claim])
            continue
        context = Context(claim, queue.extend)
        consumer.observers.started([claim])
        error: BaseException | None = None
        try:
            result = handler.call(claim.job, context)
            if handler.is_async:
                asyncio.run(result)
            else:
                no_coroutine(handler, result)
        except KeyboardInterrupt:
            consumer.settle((), [Release(claim, Outcome.GIVE_BACK)])
            raise
        except BaseException as raised:  # noqa: BLE001 - SystemExit too is only a failed attempt
            error = raised
        settled = settlement(claim, handler, queue._backoff, ending(error))  # noqa: SLF001
        if isinstance(settled, Ack):
            consumer.settle([settled], ())
        else:
            consumer.settle((), [settled])
        ran += 1
    return ran
