"""The verbs on claims that a user's own loop and the worker share: claim, settle, reclaim.

Turns stored jobs into users' jobs, buries what cannot be read, and tells observers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from attrs import evolve, frozen

from gofastr_queue.calls import Calls
from gofastr_queue.clock import Clock
from gofastr_queue.errors import CorruptJob, QueueError
from gofastr_queue.failures import LEASE_EXPIRED, describe, read
from gofastr_queue.job import Claim, Job, Unreadable
from gofastr_queue.lifecycle import Status
from gofastr_queue.observing import Observers
from gofastr_queue.payload import Codec
from gofastr_queue.records import (
    Ack,
    Batch,
    Draft,
    Outcome,
    Put,
    Release,
    Settled,
    StoredClaim,
    StoredJob,
    Want,
)

log = logging.getLogger("gofastr_queue")

CLAIM_CHUNK = 10_000
"""Jobs claimed in one step: a store may take time for what is asked, however little it has."""

RECLAIM_CHUNK = 1_000
"""Expired leases taken back in one step."""


@frozen
class Claims:
    """What a claim brought: readable claims, and what ``Batch`` says of the others."""

    claims: list[Claim]
    next_due: timedelta | None
    due: datetime | None


@frozen(eq=False)
class Consumer:
    """A queue's claims, for whoever works on them."""

    calls: Calls
    codec: Codec
    lease: timedelta
    worker: str
    clock: Clock | None
    observers: Observers

    def now(self) -> datetime | None:
        """Return the injected clock's time, or None for the store's own."""
        return None if self.clock is None else self.clock.now()

    def claim(self, want: Want, limit: int) -> Claims:
        """Lease up to ``limit`` wanted jobs; unreadable ones are buried and made up for.

        Each ``CLAIM_CHUNK`` is one step.
        """
        claims: list[Claim] = []
        while True:
            asked = min(limit - len(claims), CLAIM_CHUNK)
            try:
                batch = self.calls.hooks.queue_claim(
                    want=want,
                    limit=asked,
                    lease=self.lease,
                    worker=self.worker,
                    now=self.now(),
                )
            except QueueError:
                if not claims:
                    raise
                log.exception("claimed fewer jobs than asked")
                return Claims(claims, timedelta(0), None)
            found = self._readable(batch)
            claims += found.claims
            made_up_for = len(found.claims) == len(batch.claims)
            if len(claims) >= limit or (made_up_for and len(batch.claims) < asked):
                return Claims(claims, found.next_due, found.due)

    def turn(
        self, acks: Sequence[Ack], releases: Sequence[Release], want: Want, limit: int
    ) -> tuple[Settled, Claims]:
        """Settle and claim in one round trip; only where ``calls.turns``.

        The caller tells observers with ``tell``, once it holds what was claimed.
        """
        settled, batch = self.calls.hooks.queue_turn(
            acks=acks,
            releases=releases,
            want=want,
            limit=limit,
            lease=self.lease,
            worker=self.worker,
            now=self.now(),
        )
        return settled, self._readable(batch)

    def settle(self, acks: Sequence[Ack], releases: Sequence[Release]) -> Settled:
        """Ack and nack; what was not current is absent from the result, and observed as stale."""
        hooks, now = self.calls.hooks, self.now()
        acked = hooks.queue_ack(acks=acks, now=now) if acks else []
        released = hooks.queue_nack(releases=releases, now=now) if releases else []
        settled = Settled(tuple(acked), tuple(released))
        self.tell(acks, releases, settled)
        return settled

    def drop(self, claims: Sequence[Claim]) -> None:
        """Ack jobs that have no handler, with a warning for each."""
        for claim in claims:
            job = claim.job
            log.warning(
                "no handler for type %r: job %s is dropped", job.type, job.id, extra=named(job)
            )
        acked = self.calls.hooks.queue_ack(acks=[Ack(claim) for claim in claims], now=self.now())
        self.observers.dropped([_users(ack).job for ack in acked])

    def extend(self, claims: Sequence[Claim], lease: timedelta | None = None) -> list[Claim]:
        """Lease claims anew; return those still current."""
        extended = self.calls.hooks.queue_extend(
            claims=claims, lease=lease or self.lease, now=self.now()
        )
        return [cast(Claim, claim) for claim in extended]

    def reclaim(self) -> int:
        """Take back every expired lease; return how many jobs were moved."""
        moved = 0
        while True:
            jobs = self.calls.hooks.queue_reclaim(
                limit=RECLAIM_CHUNK, reason=LEASE_EXPIRED, now=self.now()
            )
            buried = [self.job(job) for job in jobs if job.status is Status.FAILED]
            for job in buried:
                log.error(
                    "job %s (type %r) is dead: its lease expired on the last of %d attempts",
                    job.id,
                    job.type,
                    job.attempts,
                    extra=named(job),
                )
            self.observers.buried(buried)
            moved += len(jobs)
            if not jobs:
                return moved

    def job(self, stored: StoredJob) -> Job:
        """Return a stored job as users see it; an unreadable payload becomes ``Unreadable``."""
        try:
            return self._read(stored)
        except CorruptJob as error:
            return self._build(stored, Unreadable(stored.payload, str(error)), {})

    def stored(self, put: Put, draft: Draft, own: Any) -> Job:
        """Return the job that was put; its text is not read again where ``own`` is what it says."""
        job = put.job
        if own is None or job.payload is not draft.payload or job.headers:
            return self.job(job)
        return self._build(job, own, {})

    def _read(self, stored: StoredJob) -> Job:
        payload, headers = self.codec.decode(stored.payload, stored.headers)
        return self._build(stored, payload, headers)

    def _build(self, stored: StoredJob, payload: object, headers: dict[str, str]) -> Job:
        return Job(
            type=stored.type,
            id=stored.id,
            payload=payload,
            lane=stored.lane,
            priority=stored.priority,
            max_attempts=stored.max_attempts,
            created_at=stored.created_at,
            scheduled_at=stored.scheduled_at,
            status=stored.status,
            attempts=stored.attempts,
            errors=tuple(read(error) for error in stored.errors) if stored.errors else (),
            headers=headers,
            worker=stored.worker,
            lease_until=stored.lease_until,
        )

    def _readable(self, batch: Batch) -> Claims:
        claims: list[Claim] = []
        corrupt: list[Release] = []
        for stored in batch.claims:
            try:
                claims.append(Claim(self._read(stored.job), stored.token, stored.lease_until))
            except CorruptJob as error:
                corrupt.append(self._burial(stored, error))
        if corrupt:
            try:
                self.settle((), corrupt)
            except QueueError:  # the readable claims must not be lost for it
                log.exception("unreadable jobs were not buried; their lease will end")
        return Claims(claims, timedelta(0) if corrupt else batch.next_due, batch.due)

    def _burial(self, stored: StoredClaim, error: CorruptJob) -> Release:
        job = stored.job
        log.error(
            "payload of job %s (type %r) cannot be read: buried", job.id, job.type, extra=named(job)
        )
        claim = Claim(self.job(job), stored.token, stored.lease_until)
        return Release(claim, Outcome.BURY, error=describe(error))

    def tell(self, acks: Sequence[Ack], releases: Sequence[Release], settled: Settled) -> None:
        """Tell observers what was settled, and what came too late."""
        observers = self.observers
        if settled.acks:
            observers.finished([_users(ack) for ack in settled.acks])
        if settled.releases:
            failed = [one for one in settled.releases if one.outcome is not Outcome.GIVE_BACK]
            observers.failed(failed)
            observers.buried([_buried(one) for one in failed if one.outcome is Outcome.BURY])
        late = len(acks) + len(releases) - len(settled.acks) - len(settled.releases)
        if late:
            asked: list[Ack | Release] = [*acks, *releases]
            done: list[Ack | Release] = [*settled.acks, *settled.releases]
            current = {id(one) for one in done}
            stale = [_users(one) for one in asked if id(one) not in current]
            _warn_of_stale([claim.job for claim in stale])
            observers.stale(stale)


def named(job: Job | StoredJob) -> dict[str, str]:
    """Return what a log record carries of a job, for formatters that show fields."""
    return {"job": job.id, "type": job.type}


def _warn_of_stale(jobs: Sequence[Job]) -> None:
    """Say in one line whose claims came too late: after an outage there may be many."""
    told = "somebody else had taken over, or the store had done it when its answer was lost"
    if len(jobs) == 1:
        (job,) = jobs
        log.warning(
            "claim of job %s (type %r) was stale: %s", job.id, job.type, told, extra=named(job)
        )
    else:
        ids, types = [job.id for job in jobs], sorted({job.type for job in jobs})
        log.warning(
            "claims of %d jobs (types %s) were stale: %s: %s",
            *(len(jobs), types, told, ids),
            extra={"jobs": ids, "types": types},
        )


def _users(one: Ack | Release) -> Claim:
    return cast(Claim, one.claim)


def _buried(release: Release) -> Job:
    return evolve(_users(release).job, status=Status.FAILED, worker="", lease_until=None)
