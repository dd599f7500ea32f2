"""Liars about claims: what is handed out, when, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import evolve
from tests.conformance.tests.liars.catalogue import liar
from tests.conformance.tests.liars.honest import Memory, moment

from gofastr_queue import limits
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import Ack, Batch, Outcome, Release, Settled, Want
from gofastr_queue_memory.entries import Entry


@liar(
    "test_an_empty_lane_is_the_default_lane_only",
    "test_types_are_taken_in_their_own_order_and_others_stay",
    "test_a_claim_takes_all_that_is_wanted_and_nothing_else[1]",
    "test_jobs_come_in_the_order_of_enqueueing",
)
class LanesIgnored(Memory):
    """A claim takes jobs of any lane."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        return super().queue_claim(evolve(want, lanes=None), limit, lease, worker, now)


@liar(
    "test_types_are_taken_in_their_own_order_and_others_stay",
    "test_an_empty_lane_is_the_default_lane_only",
    "test_a_claim_takes_all_that_is_wanted_and_nothing_else[8]",
    "test_jobs_come_in_the_order_of_enqueueing",
)
class TypesIgnored(Memory):
    """A claim takes jobs of any type."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        return super().queue_claim(evolve(want, types=None), limit, lease, worker, now)


@liar(
    "test_a_claim_takes_all_that_is_wanted_and_nothing_else[13]",
    "test_a_claim_takes_all_that_is_wanted_and_nothing_else[9]",
    "test_a_claim_takes_all_that_is_wanted_and_nothing_else[12]",
    "test_an_empty_lane_is_the_default_lane_only",
)
class LeftOutLanesIgnored(Memory):
    """A claim that names lanes forgets which to leave out."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        if want.lanes is not None:
            want = evolve(want, not_lanes=None)
        return super().queue_claim(want, limit, lease, worker, now)


@liar(
    "test_a_claim_takes_all_that_is_wanted_and_nothing_else[15]",
    "test_a_claim_takes_all_that_is_wanted_and_nothing_else[16]",
    "test_a_claim_takes_all_that_is_wanted_and_nothing_else[1]",
    "test_types_are_taken_in_their_own_order_and_others_stay",
)
class NoTypesMeansAll(Memory):
    """An empty set of types is taken for no condition."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        want = evolve(want, types=want.types or None)
        return super().queue_claim(want, limit, lease, worker, now)


@liar(
    "test_a_claim_takes_no_more_than_its_limit",
    "test_a_claim_takes_all_that_is_wanted_and_nothing_else[1]",
    "test_next_due_is_none_when_nothing_waits",
    "test_jobs_come_in_the_order_of_enqueueing",
)
class OneMoreThanTheLimit(Memory):
    """A claim of some brings one more."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        return super().queue_claim(want, limit + 1 if limit else 0, lease, worker, now)


@liar(
    "test_a_job_is_ready_at_its_time_and_not_a_microsecond_before",
    "test_a_past_time_or_no_delay_is_ready_at_once",
    "test_a_job_that_fell_due_stands_where_it_was_enqueued",
    "test_a_stored_job_is_what_was_given",
)
class ScheduledAtIgnored(Memory):
    """A claim takes jobs whatever their time."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        self._store.promote(limits.LATEST)
        return super().queue_claim(want, limit, lease, worker, now)


@liar(
    "test_a_job_is_ready_at_its_time_and_not_a_microsecond_before",
    "test_a_delay_counts_from_the_stores_own_now",
    "test_what_is_due_later_does_not_hold_up_what_is_ready",
    "test_a_job_that_fell_due_stands_where_it_was_enqueued",
)
class AMillisecondEarly(Memory):
    """A claim takes jobs a millisecond before their time."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        self._store.promote(moment(now) + timedelta(milliseconds=1))
        return super().queue_claim(want, limit, lease, worker, now)


@liar(
    "test_a_nacks_own_delay_is_kept",
    "test_a_job_given_back_for_later_waits_and_keeps_its_attempts",
    "test_a_job_is_ready_at_its_time_and_not_a_microsecond_before",
    "test_without_a_backoff_a_nacked_job_is_ready_at_once",
)
class NackDelayIgnored(Memory):
    """A nacked job is ready at once, whatever its delay."""

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        def undelayed(release: Release) -> Release:
            retry = release.outcome is Outcome.RETRY
            return evolve(release, delay=timedelta(0)) if retry else release

        honest = super().queue_nack
        return [one for one in releases if honest([undelayed(one)], now)]


@liar(
    "test_a_job_given_back_forever_never_fails",
    "test_a_released_job_keeps_its_place",
    "test_a_crashing_job_is_claimed_max_attempts_times",
    "test_a_failing_job_runs_max_attempts_times_and_is_failed",
)
class GivingBackCounts(Memory):
    """A job that is given back has used the attempt."""

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        def counted(release: Release) -> Release:
            given_back = release.outcome is Outcome.GIVE_BACK
            return evolve(release, outcome=Outcome.RETRY) if given_back else release

        honest = super().queue_nack
        return [one for one in releases if honest([counted(one)], now)]


@liar(
    "test_a_crashing_job_is_claimed_max_attempts_times",
    "test_a_claim_takes_no_more_than_its_limit",
    "test_jobs_come_in_the_order_of_enqueueing",
    "test_settling_many_returns_those_that_were_current",
)
class AttemptsCountedAtTheNack(Memory):
    """An attempt counts when it is reported as failed, not when it begins."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        def change(entry: Entry, _: int) -> None:
            entry.attempts -= 1

        return self.claimed_as(super().queue_claim(want, limit, lease, worker, now), change)

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        for release in releases:
            claim = release.claim
            entry = self._store.current(claim.job.id, claim.token)
            if entry is not None:
                entry.attempts += 1
        return super().queue_nack(releases, now)


@liar(
    "test_next_due_is_when_the_soonest_job_falls_due",
    "test_next_due_is_none_when_nothing_waits",
    "test_next_due_is_zero_while_more_is_ready",
    "test_a_job_is_ready_at_its_time_and_not_a_microsecond_before",
)
class NextDueUntold(Memory):
    """A claim that brings nothing says that nothing waits."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        batch = super().queue_claim(want, limit, lease, worker, now)
        return evolve(batch, next_due=None) if batch.next_due else batch


@liar(
    "test_a_turn_means_the_same_as_the_three_calls",
    "test_a_nacked_job_keeps_its_place",
    "test_a_claim_takes_no_more_than_its_limit",
    "test_settling_many_returns_those_that_were_current",
)
class TurnClaimsFirst(Memory):
    """A turn claims before it settles."""

    @hookimpl
    def queue_turn(
        self,
        acks: Sequence[Ack],
        releases: Sequence[Release],
        want: Want,
        limit: int,
        lease: timedelta,
        worker: str,
        now: datetime | None,
    ) -> tuple[Settled, Batch]:
        batch = self.queue_claim(want, limit, lease, worker, now)
        acked, released = self.queue_ack(acks, now), self.queue_nack(releases, now)
        return Settled(tuple(acked), tuple(released)), batch
