"""What becomes of an attempt: decided here, the same for workers and for loops of one's own."""

from __future__ import annotations

import inspect
from datetime import timedelta

from gofastr_queue import limits
from gofastr_queue.failures import describe, failure
from gofastr_queue.handlers import Bury, Handler, Retry, Snooze
from gofastr_queue.job import Claim
from gofastr_queue.records import Ack, Outcome, Release
from gofastr_queue.retry import Backoff


def no_coroutine(handler: Handler, result: object) -> None:
    """Refuse what a plain function returned unrun, as a lambda round an ``async def`` does."""
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(
            f"the handler of {handler.type!r} returned a coroutine; "
            "register the async def function itself"
        )


def settlement(
    claim: Claim, handler: Handler, backoff: Backoff | None, error: BaseException | None
) -> Ack | Release:
    """Return how a handler's end settles its claim; ``error`` is what it raised."""
    if error is None:
        return Ack(claim)
    if isinstance(error, Snooze):
        return Release(claim, Outcome.GIVE_BACK, limits.delay(error.delay))
    if isinstance(error, Bury):
        return Release(claim, Outcome.BURY, error=failure("Bury", str(error)))
    after = error.after if isinstance(error, Retry) else None
    return after_failure(claim, handler, backoff, describe(error), after)


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
