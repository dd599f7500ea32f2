"""Liars about order: which of the ready jobs comes first."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from tests.conformance.tests.liars.catalogue import liar
from tests.conformance.tests.liars.honest import Memory, waiting

from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import JobQuery, Outcome, Release, StoredJob, Want
from gofastr_queue_memory.entries import Entry
from gofastr_queue_memory.lines import Ready


class _Ranked(Ready):
    """Ready entries in an order of its own."""

    def __init__(self, backend: _Ranking) -> None:
        super().__init__()
        self.rank = backend.rank

    def best(self, want: Want) -> Iterator[Entry]:
        yield from sorted(waiting(self, want), key=self.rank)


class _Ranking(Memory):
    """Claims by a rank of its own."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        if not isinstance(self._store.ready, _Ranked):
            self._store.ready = _Ranked(self)

    @abstractmethod
    def rank(self, entry: Entry) -> Any:
        """Return what entries are claimed in the order of."""


@liar(
    "test_higher_priorities_come_first",
    "test_jobs_come_in_the_order_of_enqueueing",
    "test_a_nacked_job_keeps_its_place",
    "test_a_replayed_job_goes_to_the_back",
)
class PriorityIgnored(_Ranking):
    """Jobs come in the order of enqueueing, whatever their priority."""

    def rank(self, entry: Entry) -> Any:
        return entry.place


@liar(
    "test_jobs_come_in_the_order_of_enqueueing",
    "test_higher_priorities_come_first",
    "test_a_claim_takes_no_more_than_its_limit",
    "test_a_claimed_job_is_not_handed_out_again",
)
class LastInFirstOut(_Ranking):
    """Of one priority the last job comes first."""

    def rank(self, entry: Entry) -> Any:
        return -entry.priority, -entry.place


@liar(
    "test_a_bulk_returns_its_jobs_in_order",
    "test_jobs_come_in_the_order_of_enqueueing",
    "test_equal_priorities_come_in_the_order_of_enqueueing",
    "test_a_reclaimed_job_keeps_its_place",
)
class OrderOfIds(_Ranking):
    """Of one priority the smallest id comes first."""

    def rank(self, entry: Entry) -> Any:
        return -entry.priority, entry.id


@liar(
    "test_when_a_job_was_created_is_no_rank",
    "test_jobs_come_in_the_order_of_enqueueing",
    "test_equal_priorities_come_in_the_order_of_enqueueing",
    "test_a_job_that_fell_due_stands_where_it_was_enqueued",
)
class OrderOfCreation(_Ranking):
    """Of one priority the job that was created first comes first."""

    def rank(self, entry: Entry) -> Any:
        return -entry.priority, entry.created_at, entry.place


@liar(
    "test_a_job_that_fell_due_stands_where_it_was_enqueued",
    "test_jobs_come_in_the_order_of_enqueueing",
    "test_higher_priorities_come_first",
    "test_a_replayed_job_goes_to_the_back",
)
class OrderOfDueTimes(_Ranking):
    """Of one priority the job that fell due first comes first."""

    def rank(self, entry: Entry) -> Any:
        return -entry.priority, entry.scheduled_at, entry.place


@liar(
    "test_a_filter_keeps_the_order_across_its_lanes_and_types",
    "test_jobs_come_in_the_order_of_enqueueing",
    "test_higher_priorities_come_first",
    "test_a_claim_takes_all_that_is_wanted_and_nothing_else[1]",
)
class LaneAfterLane(Memory):
    """A claim that names lanes takes all of one lane before the next."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        if not isinstance(self._store.ready, _ByLane):
            self._store.ready = _ByLane()


class _ByLane(Ready):
    """Ready entries, sorted by lane for whoever names lanes."""

    def best(self, want: Want) -> Iterator[Entry]:
        found = waiting(self, want)
        if want.lanes is not None:
            found.sort(key=lambda entry: (-entry.priority, entry.lane))
        yield from found


@liar(
    "test_a_nacked_job_keeps_its_place",
    "test_a_released_job_keeps_its_place",
    "test_a_reclaimed_job_keeps_its_place",
    "test_without_a_backoff_a_nacked_job_is_ready_at_once",
)
class NackedToTheBack(Memory):
    """A nacked job goes to the back."""

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        for release in releases:
            claim = release.claim
            entry = self._store.current(claim.job.id, claim.token)
            if entry is not None and release.outcome is Outcome.RETRY:
                entry.place = self._store._next_place()
        return super().queue_nack(releases, now)


@liar(
    "test_a_reclaimed_job_keeps_its_place",
    "test_a_nacked_job_keeps_its_place",
    "test_reclaiming_returns_the_jobs_as_they_are_now",
    "test_a_lease_is_expired_from_its_end_on",
)
class ReclaimedToTheBack(Memory):
    """A job whose lease ran out goes to the back."""

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        moved = super().queue_reclaim(limit, reason, now)
        for entry in [self._store.entries[job.id] for job in moved]:
            if entry.ready:
                self._store.ready.remove(entry)
                entry.place = self._store._next_place()
                self._store.ready.add(entry, self._store._next_ticket())
        return moved


@liar(
    "test_a_replayed_job_goes_to_the_back",
    "test_a_replayed_job_keeps_its_priority",
    "test_a_replayed_job_has_all_its_attempts_again",
    "test_many_are_replayed_earliest_first_up_to_the_limit",
)
class ReplayedToItsOldPlace(Memory):
    """A replayed job stands where it stood before it failed."""

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        places = {id: entry.place for id, entry in self._store.dead.items()}
        replayed = super().queue_replay(query, now)
        for entry in [self._store.entries[id] for id in replayed]:
            self._store.ready.remove(entry)
            entry.place = places[entry.id]
            self._store.ready.add(entry, self._store._next_ticket())
        return replayed
