"""Working on jobs in a loop of one's own."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import cast

from gofastr_queue import limits
from gofastr_queue.errors import InvalidOption, NoJob, QueueError
from gofastr_queue.failures import describe, failure
from gofastr_queue.job import Claim
from gofastr_queue.outcomes import after_failure
from gofastr_queue.queue.opened import Opened
from gofastr_queue.records import Ack, Outcome, Release, Want

log = logging.getLogger("gofastr_queue")


class Consuming(Opened):
    """The verbs of a consumer; a worker uses none of them."""

    def dequeue(self, *types: str, lane: str | None = None) -> Claim:
        """Claim one ready job of these types (none given: any); raises ``NoJob``."""
        claims = self.claim(1, types=types, lanes=() if lane is None else (lane,))
        if not claims:
            raise NoJob("no job is ready")
        return claims[0]

    def claim(
        self, limit: int, *, types: Collection[str] = (), lanes: Collection[str] = ()
    ) -> list[Claim]:
        """Claim up to ``limit`` ready jobs, best first; no types or lanes given means all.

        Expired leases are taken back on the way.
        """
        self._hooks()
        want = Want(types=limits.names("types", types), lanes=limits.names("lanes", lanes))
        limits.count("limit", limit)
        self._reclaimer.when_due()
        claims = self._consumer.claim(want, limit).claims
        if len(claims) == limit:
            return claims
        try:
            if self._reclaimer.run():
                claims += self._consumer.claim(want, limit - len(claims)).claims
        except QueueError:
            if not claims:
                raise
            log.exception("claimed fewer jobs than asked: reclaiming failed")
        return claims

    def ack(self, claim: Claim) -> bool:
        """Finish a job: it is removed.  False if the claim was stale."""
        return bool(self.ack_many([claim]))

    def ack_many(self, claims: Iterable[Claim]) -> list[Claim]:
        """Finish jobs; return the claims that were current."""
        self._hooks()
        acks = [Ack(_claim(claim)) for claim in claims]
        return [cast(Claim, ack.claim) for ack in self._consumer.settle(acks, ()).acks]

    def nack(
        self,
        claim: Claim,
        error: str | BaseException | None = None,
        delay: timedelta | None = None,
    ) -> bool:
        """Say that an attempt failed; False if the claim was stale.

        With attempts left the job is pending again after ``delay`` (default: the backoff), else
        it is failed.  ``error`` is kept with the job.
        """
        return bool(self.nack_many([claim], error, delay))

    def nack_many(
        self,
        claims: Iterable[Claim],
        error: str | BaseException | None = None,
        delay: timedelta | None = None,
    ) -> list[Claim]:
        """Say that attempts failed; return the claims that were current."""
        self._hooks()
        text = describe(error) if isinstance(error, BaseException) else error
        if text is not None and not isinstance(error, BaseException):
            text = failure("Nack", str(text))
        if delay is not None:
            limits.delay(delay)
        releases = [
            after_failure(
                _claim(claim), self._handlers.get(claim.job.type), self._backoff, text or "", delay
            )
            for claim in claims
        ]
        settled = self._consumer.settle((), releases)
        return [cast(Claim, one.claim) for one in settled.releases]

    def extend(self, claim: Claim, lease: timedelta | None = None) -> bool:
        """Lease a job anew from now, for ``lease`` (default: the queue's); False if stale."""
        self._hooks()
        if lease is not None:
            limits.lease(lease)
        return bool(self._consumer.extend([_claim(claim)], lease))

    def release(self, claim: Claim) -> bool:
        """Give a job back unworked: pending at its old place, the attempt not counted."""
        self._hooks()
        settled = self._consumer.settle((), [Release(_claim(claim), Outcome.GIVE_BACK)])
        return bool(settled.releases)

    def reclaim(self) -> int:
        """Take back every job whose lease has run out; return how many."""
        self._hooks()
        return self._reclaimer.run()

    def start_reclaimer(self, interval: timedelta | float | None = None) -> None:
        """Reclaim every ``interval`` in the background until ``close``.

        For loops of your own that may pause for longer than a lease; workers do it by themselves.
        """
        self._hooks()
        self._reclaimer.start(
            self._reclaimer.interval if interval is None else limits.span("interval", interval)
        )


def _claim(value: object) -> Claim:
    if not isinstance(value, Claim):
        raise InvalidOption(
            f"settle a Claim, as dequeue or claim gave it; got {limits.shown(value)}"
        )
    return value
