"""Liars about tokens: who may settle a claim."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar
from weakref import WeakKeyDictionary

from attrs import evolve
from tests.conformance.tests.liars.catalogue import liar
from tests.conformance.tests.liars.honest import Memory, moment

from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import Ack, AnyClaim, Batch, JobQuery, Outcome, Release, Want
from gofastr_queue_memory.entries import Entry


@liar(
    "test_a_stale_claim_changes_nothing[taken over-ack]",
    "test_a_stale_claim_changes_nothing[taken over-nack]",
    "test_a_stale_claim_changes_nothing[acked-ack]",
    "test_an_unknown_jobs_claim_fits_nothing[ack]",
    "test_tokens_are_distinct_also_within_a_batch",
)
class AckWithoutToken(Memory):
    """An ack needs the job's id only."""

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        honest = super().queue_ack
        return [ack for ack in acks if honest([self._freed(ack)], now)]

    def _freed(self, ack: Ack) -> Ack:
        return evolve(ack, claim=self.with_current_token(ack.claim))


@liar(
    "test_a_stale_claim_changes_nothing[taken over-nack]",
    "test_a_stale_claim_changes_nothing[taken over-ack]",
    "test_a_stale_claim_changes_nothing[taken over-release]",
    "test_a_stale_claim_changes_nothing[nacked-nack]",
    "test_a_nacked_job_keeps_its_place",
)
class NackWithoutToken(Memory):
    """A nack needs the job's id only."""

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        honest = super().queue_nack
        return [one for one in releases if honest([self._freed(one)], now)]

    def _freed(self, release: Release) -> Release:
        if release.outcome is Outcome.GIVE_BACK:
            return release
        return evolve(release, claim=self.with_current_token(release.claim))


@liar(
    "test_a_stale_claim_changes_nothing[claimed again-release]",
    "test_a_stale_claim_changes_nothing[claimed again-nack]",
    "test_a_stale_claim_changes_nothing[released-release]",
    "test_a_released_job_keeps_its_place",
    "test_a_job_given_back_forever_never_fails",
)
class ReleaseWithoutToken(Memory):
    """Giving a job back needs its id only."""

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        honest = super().queue_nack
        return [one for one in releases if honest([self._freed(one)], now)]

    def _freed(self, release: Release) -> Release:
        if release.outcome is not Outcome.GIVE_BACK:
            return release
        return evolve(release, claim=self.with_current_token(release.claim))


@liar(
    "test_the_new_owner_is_not_disturbed[extend]",
    "test_the_new_owner_is_not_disturbed[ack]",
    "test_extending_never_shortens_a_lease[lease0]",
    "test_extending_again_and_again_outlives_many_leases",
    "test_extending_does_not_bring_back_what_was_acked",
)
class ExtendWithoutToken(Memory):
    """Extending a lease needs the job's id only."""

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        return super().queue_extend([self.with_current_token(one) for one in claims], lease, now)


@liar(
    "test_a_made_up_token_fits_nothing[pending-ack]",
    "test_a_made_up_token_fits_nothing[claimed-ack]",
    "test_the_new_owner_is_not_disturbed[ack]",
    "test_an_acked_jobs_id_is_free_again",
)
class EmptyTokenFits(Memory):
    """A job that nobody has claimed has the token "", and whoever brings that may ack it."""

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        acked = super().queue_ack(acks, now)
        for ack in acks:
            entry = self._store.entries.get(ack.claim.job.id)
            if entry is not None and entry.token == ack.claim.token:
                self._store.remove(entry)
                acked.append(ack)
        return acked


@liar(
    "test_another_jobs_token_does_not_fit[ack]",
    "test_another_jobs_token_does_not_fit[nack]",
    "test_the_new_owner_is_not_disturbed[ack]",
    "test_a_stale_claim_changes_nothing[taken over-ack]",
)
class AnyCurrentTokenFits(Memory):
    """An ack asks whether its token is current, not whose it is."""

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        honest = super().queue_ack
        return [ack for ack in acks if honest([self._freed(ack)], now)]

    def _freed(self, ack: Ack) -> Ack:
        current = {entry.token for entry in self._store.entries.values()} - {""}
        if ack.claim.token not in current:
            return ack
        return evolve(ack, claim=self.with_current_token(ack.claim))


@liar(
    "test_the_new_owner_is_not_disturbed[ack]",
    "test_the_new_owner_is_not_disturbed[nack]",
    "test_a_late_owner_still_counts_if_nobody_took_over[late0-ack]",
    "test_an_acked_jobs_id_is_free_again",
)
class StaleAckIsPraised(Memory):
    """A stale ack changes nothing and is told that it did."""

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        super().queue_ack(acks, now)
        return list(acks)


@liar(
    "test_a_late_owner_still_counts_if_nobody_took_over[late0-ack]",
    "test_a_late_owner_still_counts_if_nobody_took_over[late0-nack]",
    "test_the_new_owner_is_not_disturbed[ack]",
    "test_settling_many_returns_those_that_were_current",
)
class LateAckIsRefused(Memory):
    """An ack after the lease's end is refused though nobody took over."""

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        def in_time(ack: Ack) -> bool:
            entry = self.holding(ack.claim)
            return entry is not None and (entry.lease_until or moment(now)) > moment(now)

        return super().queue_ack([ack for ack in acks if in_time(ack)], now)


@liar(
    "test_a_claim_settled_twice_at_once_counts_once",
    "test_settling_many_returns_those_that_were_current",
    "test_a_stale_claim_changes_nothing[acked-ack]",
    "test_the_new_owner_is_not_disturbed[ack]",
)
class AckCountsWhatItWasGiven(Memory):
    """An ack looks which of its claims are current, then removes them: twice the same is two."""

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        store = self._store
        current = [ack for ack in acks if store.current(ack.claim.job.id, ack.claim.token)]
        super().queue_ack(current, now)
        return current


@liar(
    "test_tokens_are_distinct_also_within_a_batch",
    "test_the_new_owner_is_not_disturbed[ack]",
    "test_a_stale_claim_changes_nothing[replayed and claimed-ack]",
    "test_a_claim_tells_what_it_leases",
)
class OneTokenPerBatch(Memory):
    """What is claimed together has one token."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        batch = super().queue_claim(want, limit, lease, worker, now)

        def change(entry: Entry, _: int) -> None:
            entry.token = batch.claims[0].token

        return self.claimed_as(batch, change)


@liar(
    "test_the_new_owner_is_not_disturbed[ack]",
    "test_another_jobs_token_does_not_fit[ack]",
    "test_a_made_up_token_fits_nothing[claimed-ack]",
    "test_a_claim_tells_what_it_leases",
)
class TokenOfTheJob(Memory):
    """Every claim of a job has the same token."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        def change(entry: Entry, _: int) -> None:
            entry.token = f"{entry.id:>32}"

        return self.claimed_as(super().queue_claim(want, limit, lease, worker, now), change)


@liar(
    "test_a_stale_claim_changes_nothing[claimed again-ack]",
    "test_a_stale_claim_changes_nothing[taken over-ack]",
    "test_the_new_owner_is_not_disturbed[ack]",
    "test_tokens_are_distinct_also_within_a_batch",
)
class TokenOfTheAttempt(Memory):
    """A token is the job's id and its attempt, which giving back takes back."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        def change(entry: Entry, _: int) -> None:
            entry.token = f"{entry.id}:{entry.attempts:032}"

        return self.claimed_as(super().queue_claim(want, limit, lease, worker, now), change)


@liar(
    "test_a_stale_claim_changes_nothing[replayed and claimed-ack]",
    "test_a_stale_claim_changes_nothing[claimed again-ack]",
    "test_a_stale_claim_changes_nothing[taken over-ack]",
    "test_tokens_are_distinct_also_within_a_batch",
)
class FenceResetByReplay(Memory):
    """A token is the number of the job's claims, and replay begins to count anew."""

    fences: ClassVar[WeakKeyDictionary[Entry, int]] = WeakKeyDictionary()

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        def change(entry: Entry, _: int) -> None:
            self.fences[entry] = self.fences.get(entry, 0) + 1
            entry.token = f"{entry.id}:{self.fences[entry]:032}"

        return self.claimed_as(super().queue_claim(want, limit, lease, worker, now), change)

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        replayed = super().queue_replay(query, now)
        for id in replayed:
            self.fences.pop(self._store.entries[id], None)
        return replayed
