"""Liars that look first and act later: right for one caller, wrong for several threads."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from tests.conformance.tests.liars.catalogue import liar
from tests.conformance.tests.liars.honest import Memory, moment, waiting

from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import (
    Ack,
    AnyClaim,
    Batch,
    Draft,
    JobQuery,
    Put,
    Release,
    StoredClaim,
    StoredJob,
    Want,
    new_tokens,
)

PATIENCE = 0.25
"""Seconds for which one who has looked waits for another to look too."""


class Crowd:
    """Those who have looked and not acted yet: each waits for another to look as well."""

    def __init__(self) -> None:
        self._looked = 0
        self._came = threading.Condition()

    def wait(self) -> None:
        with self._came:
            self._looked += 1
            mine = self._looked
            self._came.notify_all()
            self._came.wait_for(lambda: self._looked > mine, PATIENCE)


CROWD = Crowd()


@liar(
    "test_each_job_is_claimed_once",
    "test_jobs_come_in_the_order_of_enqueueing",
    "test_a_claimed_job_is_not_handed_out_again",
    "test_a_claim_takes_no_more_than_its_limit",
)
class LooksThenClaims(Memory):
    """A claim reads which jobs are ready, then leases them by id."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        store = self._store
        looked = super().queue_claim(want, 0, lease, worker, now)
        with store.lock:
            found = waiting(store.ready, want)[:limit]
        if found:
            CROWD.wait()
        until = moment(now) + lease
        claims: list[StoredClaim] = []
        with store.lock:
            for token, entry in zip(new_tokens(len(found)), found, strict=True):
                if entry.status is Status.CLAIMED:
                    store.end_claim(entry)
                    store.wait_until(entry, entry.scheduled_at, moment(now))
                store.lease(entry, token, worker, until)
                claims.append(StoredClaim(entry.job(), token, until))
            due = store.next_due(moment(now))
        return Batch(tuple(claims), looked.next_due if len(found) == limit else due, looked.due)


@liar(
    "test_a_claim_is_settled_once",
    "test_the_new_owner_is_not_disturbed[ack]",
    "test_settling_many_returns_those_that_were_current",
    "test_a_stale_claim_changes_nothing[taken over-nack]",
)
class LooksThenSettles(Memory):
    """Settling reads whose claims are current, then says so of all of them."""

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        current = [ack for ack in acks if self._is_current(ack.claim)]
        if current:
            CROWD.wait()
        super().queue_ack(current, now)
        return current

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        current = [release for release in releases if self._is_current(release.claim)]
        if current:
            CROWD.wait()
        super().queue_nack(current, now)
        return current

    def _is_current(self, claim: AnyClaim) -> bool:
        return self._store.current(claim.job.id, claim.token) is not None


@liar(
    "test_an_expired_lease_is_taken_back_once",
    "test_a_lease_is_expired_from_its_end_on",
    "test_only_expired_leases_are_taken_back",
    "test_a_reclaimed_job_keeps_its_place",
)
class LooksThenReclaims(Memory):
    """Reclaiming reads whose lease is over, then takes those jobs back by id."""

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        store, at = self._store, moment(now)
        with store.lock:
            found = store.leased.until(at, limit)
            for entry in found:
                store.leased.add(entry, entry.lease_until or at, store._next_ticket())
        if found:
            CROWD.wait()
        with store.lock:
            for entry in found:
                if entry.token:
                    store.end_claim(entry)
                elif entry.status is Status.PENDING:
                    (store.ready if entry.ready else store.later).remove(entry)
                entry.fail_attempt(reason, at)
                if entry.attempts < entry.max_attempts:
                    store.wait_until(entry, min(entry.scheduled_at, at), at)
                else:
                    store.bury(entry)
            return [entry.job() for entry in found]


@liar(
    "test_each_replay_wins_once",
    "test_a_failure_is_replayed_once",
    "test_a_replayed_job_goes_to_the_back",
    "test_what_is_not_failed_is_not_replayed[pending]",
)
class LooksThenReplays(Memory):
    """Replaying reads which jobs are failed, then replays them and counts what it read."""

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        store = self._store
        with store.lock:
            failed = [one for one in store.matching(query) if one.status is Status.FAILED]
        failed.sort(key=lambda entry: entry.place)
        if failed:
            CROWD.wait()
        with store.lock:
            for entry in failed[: query.limit]:
                if entry.status is Status.FAILED:
                    store.replay(entry, moment(now))
        return [entry.id for entry in failed[: query.limit]]


@liar(
    "test_an_id_is_stored_once",
    "test_a_taken_id_is_refused_and_changes_nothing[pending]",
    "test_an_id_repeated_within_a_bulk_conflicts_with_itself",
    "test_an_acked_jobs_id_is_free_again",
)
class LooksThenStores(Memory):
    """A put asks whether an id is taken, then stores over whatever is there."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        before = set(self._store.entries)
        CROWD.wait()
        free = len({one.id for one in drafts} - before) == len(drafts)
        for draft in drafts if free else ():
            with self._store.lock:
                entry = self._store.entries.get(draft.id)
                if entry is not None and not entry.token:
                    self._store.remove(entry)
        return super().queue_put(drafts, on_conflict, now)
