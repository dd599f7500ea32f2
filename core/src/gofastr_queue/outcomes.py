"""What becomes of an attempt: decided here, the same for workers and for loops of one's own."""

from __future__ import annotations

import inspect
from datetime import timedelta
from enum import StrEnum

from attrs import frozen

from gofastr_queue import limits
from gofastr_queue.failures import describe, failure
from gofastr_queue.handlers import Bury, Handler, Retry, Snooze
from gofastr_queue.job import Claim
from gofastr_queue.records import Ack, Outcome, Release
from gofastr_queue.retry import Backoff


class How(StrEnum):
    """What a handler did with its attempt."""

    DONE = "done"
    SNOOZE = "snooze"
    BURY = "bury"
    FAILED = "failed"


@frozen
class Ending:
    """How a handler ended, in words and numbers, so that it can come from another process.

    ``delay`` is when to run again; None leaves that to the backoff.
    """

    how: How
    delay: timedelta | None = None
    error: str = ""


def no_coroutine(handler: Handler, result: object) -> None:
    """Refuse what a plain function returned unrun, as a lambda round an ``async def`` does."""
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(
            f"the handler of {handler.type!r} returned a coroutine; "
            "register the async def function itself"
        )


def ending(error: BaseException | None) -> Ending:
    """Return how a handler ended; ``error`` is what it raised."""
    if error is None:
        return Ending(How.DONE)
    if isinstance(error, Snooze):
        return Ending(How.SNOOZE, limits.delay(error.delay))
    if isinstance(error, Bury):
        return Ending(How.BURY, error=failure("Bury", str(error)))
    after = error.after if isinstance(error, Retry) else None
    return Ending(How.FAILED, after, describe(error))


def settlement(
    claim: Claim, handler: Handler, backoff: Backoff | None, end: Ending
) -> Ack | Release:
    """Return how a handler's end settles its claim."""
    if end.how is How.DONE:
        return Ack(claim)
    if end.how is How.SNOOZE:
        return Release(claim, Outcome.GIVE_BACK, end.delay or timedelta(0))
    if end.how is How.BURY:
        return Release(claim, Outcome.BURY, error=end.error)
    return after_failure(claim, handler, backoff, end.error, end.delay)


def after_failure(
    claim: Claim,
    handler: Handler | None,
    backoff: Backoff | None,
    error: str,
    delay: timedelta | None = None,
) -> Release:
    """Retry a failed attempt after ``delay`` (default: the backoff), or bury the last one.

    A handler's own ``max_attempts`` and ``backoff`` go before the job's and the queue's, but
    never allow more attempts than the job has.
    """
    job = claim.job
    allowed = job.max_attempts
    if handler is not None:
        allowed = min(allowed, handler.max_attempts or allowed)
        backoff = handler.backoff or backoff
    if job.attempts >= allowed:
        return Release(claim, Outcome.BURY, error=error)
    if delay is None:
        delay = backoff.delay(job.attempts) if backoff else timedelta(0)
    return Release(claim, Outcome.RETRY, limits.delay(delay), error)
