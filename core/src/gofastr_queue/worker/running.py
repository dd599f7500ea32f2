"""Running one claimed job to its settlement, whatever its handler does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from attrs import define, frozen

from gofastr_queue.consumer import Consumer
from gofastr_queue.failures import describe
from gofastr_queue.handlers import Context, Handler, Registry
from gofastr_queue.job import Claim
from gofastr_queue.outcomes import Ending, after_failure, ending, no_coroutine, settlement
from gofastr_queue.places import Place
from gofastr_queue.records import Ack, Outcome, Release
from gofastr_queue.retry import Backoff
from gofastr_queue.worker.children import Children, Task
from gofastr_queue.worker.gate import Gate
from gofastr_queue.worker.keeper import Held

log = logging.getLogger("gofastr_queue.worker")

NO_PROCESS_DELAY = timedelta(seconds=1)
"""When to try again after the system could not start a process; no attempt is used."""

Settlement = Ack | Release


@define(eq=False)
class Finished:
    """A settlement that the store has not heard of yet; ``failed`` if it could not be told."""

    settlement: Settlement
    at: float
    held: Held
    failed: bool = False


@frozen(eq=False)
class Runner:
    """Calls handlers."""

    consumer: Consumer
    handlers: Registry
    gate: Gate
    backoff: Backoff | None
    timeout: timedelta | None
    children: Children

    def prepare(self, held: Held) -> Handler | Release:
        """Return the handler to call, or the release of a job that must not start."""
        job = held.claim.job
        handler = self.handlers.get(job.type)
        if held.lost or handler is None or not self.gate.admits(job.type):
            return Release(held.claim, Outcome.GIVE_BACK)
        held.apart = handler.place is not None
        held.context = Context(held.claim, self._extend)
        timeout = handler.timeout or self.timeout
        if timeout is not None and not held.apart:
            held.stop_at = time.monotonic() + timeout.total_seconds()
        self.consumer.observers.started((held.claim,))
        return handler

    def run(self, held: Held, call_async: Callable[[Held, Handler], Settlement]) -> Settlement:
        """Run a job in this thread; ``call_async`` runs what is ``async def``."""
        handler = self.prepare(held)
        if isinstance(handler, Release):
            return handler
        if handler.place is not None:
            return self._run_apart(held, handler, handler.place)
        try:
            if handler.is_async:
                return call_async(held, handler)
            result = handler.call(held.claim.job, context_of(held))
            if result is not None:
                no_coroutine(handler, result)
        except BaseException as error:  # noqa: BLE001 - SystemExit too is only a failed attempt
            return self.settlement(held, handler, error)
        return Ack(held.claim)

    def _run_apart(self, held: Held, handler: Handler, place: Place) -> Settlement:
        """Run a job in a child process, which ends with the job's time or lease."""
        job = held.claim.job
        task = Task(held, place, handler.timeout or self.timeout, self._extend)
        try:
            end = self.children.run(task)
        except OSError as error:
            log.error(  # noqa: TRY400 - what the system said is all there is to know
                "no process for job %s (type %r): %s; it goes back", job.id, job.type, error
            )
            return Release(held.claim, Outcome.GIVE_BACK, NO_PROCESS_DELAY)
        except BaseException as error:  # noqa: BLE001 - a slot's thread outlives any failure
            return self.settlement(held, handler, error)
        if end is None:
            return Release(held.claim, Outcome.GIVE_BACK)
        return self.settlement(held, handler, end)

    def settlement(
        self, held: Held, handler: Handler, end: Ending | BaseException | None
    ) -> Settlement:
        """Decide how to settle, also when what the user gave for deciding it is broken."""
        if end is None:
            return Ack(held.claim)
        try:
            if not isinstance(end, Ending):
                end = ending(end)
            return settlement(held.claim, handler, self.backoff, end)
        except BaseException as broken:  # noqa: BLE001 - a user's Backoff or exception class
            return after_failure(held.claim, None, None, describe(broken))

    def _extend(self, claim: Claim, lease: timedelta | None) -> bool:
        return bool(self.consumer.extend([claim], lease))


def context_of(held: Held) -> Context:
    """Return what the handler of a prepared job is given."""
    assert held.context is not None  # noqa: S101 - prepare has made it
    return held.context
