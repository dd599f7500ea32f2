"""Liars about storing: bulks, conflicts, and times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from attrs import evolve
from tests.conformance.tests.liars.catalogue import liar
from tests.conformance.tests.liars.honest import Memory

from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import BackendUnavailable, DuplicateJob
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import Batch, Draft, Put, Want


@liar(
    "test_a_bulk_returns_its_jobs_in_order",
    "test_ignoring_conflicts_stores_the_others",
    "test_a_stored_job_is_what_was_given",
    "test_an_empty_bulk_stores_nothing",
)
class OneOfABulkIsLost(Memory):
    """The last of a large bulk is accepted and not stored."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        puts = super().queue_put(drafts, on_conflict, now)
        if len(puts) > 100 and puts[-1].new:
            self._store.remove(self._store.entries[puts[-1].job.id])
        return puts


@liar(
    "test_a_bulk_with_a_taken_id_at_its_end_stores_nothing",
    "test_a_taken_id_is_refused_and_changes_nothing[pending]",
    "test_a_bulk_returns_its_jobs_in_order",
    "test_ignoring_conflicts_stores_the_others",
)
class BulkUntilTheDuplicate(Memory):
    """A bulk with a taken id stores what comes before it, then raises."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        honest = super().queue_put
        return [put for draft in drafts for put in honest([draft], on_conflict, now)]


@liar(
    "test_an_id_repeated_within_a_bulk_conflicts_with_itself",
    "test_a_bulk_with_a_taken_id_at_its_end_stores_nothing",
    "test_a_bulk_returns_its_jobs_in_order",
    "test_a_taken_id_is_refused_and_changes_nothing[pending]",
)
class RepeatedIdUnseen(Memory):
    """A bulk asks whether an id is stored, not whether it is named twice."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        try:
            return super().queue_put(drafts, on_conflict, now)
        except DuplicateJob as error:
            if any(id in self._store.entries for id in error.ids):
                raise
        return super().queue_put(drafts, "ignore", now)


@liar(
    "test_ignoring_a_conflict_returns_the_first_as_it_is[pending]",
    "test_a_taken_id_is_refused_and_changes_nothing[pending]",
    "test_an_acked_jobs_id_is_free_again",
    "test_jobs_come_in_the_order_of_enqueueing",
)
class IgnoringOverwrites(Memory):
    """Ignoring a conflict with a pending job stores the second in its place."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        if on_conflict == "ignore":
            for entry in [self._store.entries.get(draft.id) for draft in drafts]:
                if entry is not None and not entry.token:
                    self._store.remove(entry)
        return super().queue_put(drafts, on_conflict, now)


@liar(
    "test_a_put_tells_of_each_draft_whether_it_is_new",
    "test_ignoring_conflicts_stores_the_others",
    "test_ignoring_a_conflict_returns_the_first_as_it_is[claimed]",
    "test_a_taken_id_is_refused_and_changes_nothing[failed]",
)
class EverythingIsNew(Memory):
    """A put says of every draft that it was new."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        return [evolve(put, new=True) for put in super().queue_put(drafts, on_conflict, now)]


@liar(
    "test_given_times_are_kept_to_the_microsecond[moment1]",
    "test_given_times_are_kept_to_the_microsecond[moment0]",
    "test_given_times_are_kept_to_the_microsecond[moment3]",
    "test_a_stored_job_is_what_was_given",
)
class TimesToTheMillisecond(Memory):
    """Times that are given are kept to the millisecond."""

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        def cut(given: datetime | None) -> datetime | None:
            if given is None:
                return None
            return given.replace(microsecond=given.microsecond // 1_000 * 1_000)

        drafts = [
            evolve(one, scheduled_at=cut(one.scheduled_at), created_at=cut(one.created_at))
            for one in drafts
        ]
        return super().queue_put(drafts, on_conflict, now)


@liar(
    "test_another_opening_of_the_store_shows_the_same",
    "test_a_claimed_job_is_not_handed_out_again",
    "test_a_stored_job_is_what_was_given",
    "test_a_closed_queue_says_so",
)
class DurableUntilItCloses(Memory):
    """It declares DURABLE, and its jobs end with its last opening."""

    capabilities = Memory.capabilities | {Capability.DURABLE}
    outlives_its_openings: ClassVar[bool] = False


@liar(
    "test_a_closed_backend_never_looks_empty",
    "test_closing_ends_the_waits",
    "test_nothing_ready_is_no_job",
    "test_a_closed_queue_says_so",
)
class TroubleLooksEmpty(Memory):
    """A claim that the store cannot serve brings nothing, as if nothing were there."""

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        try:
            return super().queue_claim(want, limit, lease, worker, now)
        except BackendUnavailable:
            return Batch()
