"""Liars about leases: expiry, what is kept of it, and extending."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta

from tests.conformance.tests.liars.catalogue import liar
from tests.conformance.tests.liars.honest import Memory, moment

from gofastr_queue import limits
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import AnyClaim, Draft, Release, StoredError, StoredJob


@liar(
    "test_a_lease_is_expired_from_its_end_on",
    "test_an_expired_lease_can_be_taken_over_and_not_a_microsecond_before[late1]",
    "test_only_current_claims_are_extended",
    "test_an_expired_lease_can_be_renewed_if_nobody_took_over",
)
class ExpiredAfterItsEnd(Memory):
    """A lease is expired when its end has passed, not when it has come: ``<`` for ``<=``."""

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        return super().queue_reclaim(limit, reason, moment(now) - timedelta(microseconds=1))


@liar(
    "test_a_lease_is_expired_from_its_end_on",
    "test_a_claim_tells_what_it_leases",
    "test_a_late_owner_still_counts_if_nobody_took_over[late1-ack]",
    "test_a_released_job_keeps_its_place",
)
class LeaseForgotten(Memory):
    """A claimed job is claimed until it is settled, however long."""

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        return super().queue_reclaim(min(limit, 0), reason, now)


@liar(
    "test_a_crashing_job_is_claimed_max_attempts_times",
    "test_a_failing_job_runs_max_attempts_times_and_is_failed",
    "test_a_reclaimed_job_is_pending_as_it_was_with_the_reason",
    "test_a_reclaimed_job_keeps_its_place",
)
class ReclaimedForEver(Memory):
    """An expired lease makes its job pending again, whatever attempts are left."""

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        moved = super().queue_reclaim(limit, reason, now)
        for job in moved:
            if job.status is Status.FAILED:
                entry = self._store.entries[job.id]
                with self._store.lock:
                    del self._store.dead[job.id]
                    self._store.wait_until(entry, entry.scheduled_at, moment(now))
        return [self._store.entries[job.id].job() for job in moved]


@liar(
    "test_reclaiming_returns_the_jobs_as_they_are_now",
    "test_expiry_on_the_last_attempt_is_a_dead_letter_with_the_reason",
    "test_a_crashing_job_is_claimed_max_attempts_times",
    "test_a_lease_is_expired_from_its_end_on",
)
class ExpiryLeavesNoReason(Memory):
    """A job whose lease ran out with attempts left does not say so."""

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        moved = super().queue_reclaim(limit, reason, now)
        for job in moved:
            if job.status is Status.PENDING:
                entry = self._store.entries[job.id]
                entry.errors = entry.errors[:-1]
        return [self._store.entries[job.id].job() for job in moved]


@liar(
    "test_reclaiming_takes_the_soonest_expired_up_to_its_limit",
    "test_a_lease_is_expired_from_its_end_on",
    "test_only_expired_leases_are_taken_back",
    "test_reclaiming_returns_the_jobs_as_they_are_now",
)
class LatestExpiredFirst(Memory):
    """Reclaiming a few begins with the job that was enqueued last."""

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        expired = [
            entry
            for entry in self._store.entries.values()
            if entry.lease_until is not None and entry.lease_until <= moment(now)
        ]
        expired.sort(key=lambda entry: -entry.place)
        for entry in expired[:limit]:
            entry.lease_until = None
            self._store.extend(entry, limits.EARLIEST)
        return super().queue_reclaim(limit, reason, now)


@liar(
    "test_extending_never_shortens_a_lease[lease1]",
    "test_an_extended_lease_ends_that_long_from_now",
    "test_extending_uses_the_queues_lease_unless_told",
    "test_only_current_claims_are_extended",
)
class ExtendingShortens(Memory):
    """An extended lease ends that long from now, even if that is sooner than before."""

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        for claim in claims:
            entry = self._store.current(claim.job.id, claim.token)
            if entry is not None:
                entry.lease_until = None
        return super().queue_extend(claims, lease, now)


@liar(
    "test_an_extended_lease_ends_that_long_from_now",
    "test_extending_again_and_again_outlives_many_leases",
    "test_extending_does_not_bring_back_what_was_acked",
    "test_the_new_owner_is_not_disturbed[extend]",
)
class ExtendingAdds(Memory):
    """An extended lease ends that long after its old end."""

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        honest = super().queue_extend
        return [
            extended
            for claim in claims
            for extended in honest([claim], lease, self._old_end(claim) or now)
        ]

    def _old_end(self, claim: AnyClaim) -> datetime | None:
        entry = self.holding(claim)
        return None if entry is None else entry.lease_until


@liar(
    "test_extending_does_not_bring_back_what_was_acked",
    "test_an_acked_jobs_id_is_free_again",
    "test_the_new_owner_is_not_disturbed[extend]",
    "test_extending_again_and_again_outlives_many_leases",
)
class HeartbeatResurrects(Memory):
    """A heartbeat after the ack stores the job again."""

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        lost = [one.job for one in claims if one.job.id not in self._store.entries]
        drafts = [Draft(job.id, job.type, "null", lane=job.lane) for job in lost]
        super().queue_put(drafts, "ignore", now)
        return super().queue_extend(claims, lease, now)


class _ErrorKeeper(Memory):
    """Keeps the errors of failed attempts in its own way."""

    @abstractmethod
    def kept(self, before: tuple[StoredError, ...], last: StoredError) -> tuple[StoredError, ...]:
        """Return the errors that are kept, given those before and the last."""

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        ids = [one.claim.job.id for one in releases]
        before = {id: e.errors for id in ids if (e := self._store.entries.get(id))}
        released = super().queue_nack(releases, now)
        self._rewrite(before, [one.claim.job.id for one in released if one.error])
        return released

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        before = {id: entry.errors for id, entry in self._store.entries.items()}
        moved = super().queue_reclaim(limit, reason, now)
        self._rewrite(before, [job.id for job in moved])
        return [self._store.entries[job.id].job() for job in moved]

    def _rewrite(self, before: dict[str, tuple[StoredError, ...]], ids: list[str]) -> None:
        for id in ids:
            entry = self._store.entries[id]
            entry.errors = self.kept(before[id], entry.errors[-1])


@liar(
    "test_the_newest_errors_are_kept",
    "test_a_reclaimed_job_is_pending_as_it_was_with_the_reason",
    "test_the_seam_returns_the_very_settlements_that_counted",
    "test_an_empty_error_is_not_kept",
)
class OnlyTheLastError(_ErrorKeeper):
    """Of a job's errors only the last is kept."""

    def kept(self, before: tuple[StoredError, ...], last: StoredError) -> tuple[StoredError, ...]:
        return (*before[:0], last)


@liar(
    "test_the_newest_errors_are_kept",
    "test_a_failing_job_runs_max_attempts_times_and_is_failed",
    "test_the_text_of_an_error_is_not_read[JSON]",
    "test_an_empty_error_is_not_kept",
)
class EveryErrorForEver(_ErrorKeeper):
    """Errors are kept beyond the newest twenty."""

    def kept(self, before: tuple[StoredError, ...], last: StoredError) -> tuple[StoredError, ...]:
        return (*before, last)


@liar(
    "test_the_newest_errors_are_kept",
    "test_a_failing_job_runs_max_attempts_times_and_is_failed",
    "test_the_text_of_an_error_is_not_read[JSON]",
    "test_an_empty_error_is_not_kept",
)
class OldestErrorsKept(_ErrorKeeper):
    """Once there are twenty errors, no further one is kept."""

    def kept(self, before: tuple[StoredError, ...], last: StoredError) -> tuple[StoredError, ...]:
        return (*before, last)[:20]
