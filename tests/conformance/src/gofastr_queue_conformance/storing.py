"""Storing: what is enqueued is there, once, as it was given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gofastr_queue import Capability, DuplicateJob, Job, NoJob, Queue, Status, hookimpl
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import Draft, JobQuery, StoredError
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, everything, ids, lacks, put

HOUR = timedelta(hours=1)


class Listener:
    """An observer that remembers which jobs it was told of."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    @hookimpl
    def jobs_enqueued(self, jobs: Sequence[Job]) -> None:
        """Remember."""
        self.ids += [job.id for job in jobs]


class StoringContract(Contract):
    """Promises 1, 7 and 8 as far as one caller sees them."""

    def test_a_stored_job_is_what_was_given(self, queue: Queue, clock: FakeClock) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        later = clock.now() + HOUR

        given = queue.enqueue(
            "mail", {"to": "a"}, id="one", lane="fast", scheduled_at=later, max_attempts=7
        )

        assert given == Job(
            type="mail",
            id="one",
            payload={"to": "a"},
            lane="fast",
            max_attempts=7,
            created_at=clock.now(),
            scheduled_at=later,
        )
        assert queue.get("one") == given

    def test_what_is_not_given_has_the_defaults(self, queue: Queue, clock: FakeClock) -> None:
        job = queue.enqueue("mail")

        assert (job.payload, job.lane, job.priority, job.max_attempts) == (None, "", 0, 3)
        assert (job.status, job.attempts, job.errors) == (Status.PENDING, 0, ())
        assert job.created_at == job.scheduled_at == clock.now()
        assert (job.worker, job.lease_until) == ("", None)

    def test_jobs_without_an_id_are_given_distinct_ones(self, queue: Queue) -> None:
        made = [queue.enqueue("mail").id for _ in range(20)]

        assert all(made)
        assert len(set(made)) == 20

    def test_max_attempts_of_zero_means_three(self, queue: Queue) -> None:
        assert put(queue, Job(type="mail", max_attempts=0))[0].max_attempts == 3
        assert queue.dequeue().job.max_attempts == 3

    @pytest.mark.parametrize(
        "moment",
        [
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2026, 3, 29, 2, 30, 0, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
            datetime(9000, 1, 1, tzinfo=UTC),
        ],
    )
    def test_given_times_are_kept_to_the_microsecond(self, queue: Queue, moment: datetime) -> None:
        (job,) = put(queue, Job(type="mail", created_at=moment, scheduled_at=moment))

        assert (job.created_at, job.scheduled_at) == (moment, moment)
        assert everything(queue) in ([], [job])

    def test_a_delay_counts_from_the_stores_own_now(self, harness: Harness) -> None:
        with Queue(harness.open()) as queue:
            job = queue.enqueue("mail", delay=HOUR)

            assert job.created_at is not None
            assert job.scheduled_at == job.created_at + HOUR
            with pytest.raises(NoJob):
                queue.dequeue()

    @pytest.mark.parametrize("status", ["pending", "claimed", "failed"])
    def test_a_taken_id_is_refused_and_changes_nothing(self, queue: Queue, status: str) -> None:
        _bring_to(queue, status)
        before = everything(queue)

        with pytest.raises(DuplicateJob) as caught:
            queue.enqueue("other", "second", id="one", lane="x")

        assert caught.value.ids == ("one",)
        assert everything(queue) == before

    @pytest.mark.parametrize("status", ["pending", "claimed", "failed"])
    def test_ignoring_a_conflict_returns_the_first_as_it_is(
        self, queue: Queue, status: str
    ) -> None:
        _bring_to(queue, status)
        before = everything(queue)

        kept = queue.enqueue("other", "second", id="one", lane="x", on_conflict="ignore")

        assert (kept.type, kept.payload, kept.lane, kept.status) == ("mail", "first", "", status)
        assert before in ([], [kept])
        assert everything(queue) == before

    def test_an_acked_jobs_id_is_free_again(self, queue: Queue) -> None:
        queue.enqueue("mail", "first", id="one")
        queue.ack(queue.dequeue())

        queue.enqueue("mail", "second", id="one")

        assert queue.dequeue().job.payload == "second"

    def test_a_bulk_with_a_taken_id_at_its_end_stores_nothing(self, queue: Queue) -> None:
        if lacks(queue, Capability.ATOMIC_BULK):
            return
        queue.enqueue("mail", id="taken")
        jobs = [Job(type="mail", id=f"new-{number}") for number in range(500)]

        with pytest.raises(DuplicateJob) as caught:
            queue.enqueue_many([*jobs, Job(type="mail", id="taken")])

        assert caught.value.ids == ("taken",)
        assert "'taken'" in str(caught.value)
        assert queue.dequeue().job.id == "taken"
        with pytest.raises(NoJob):
            queue.dequeue()

    def test_an_id_repeated_within_a_bulk_conflicts_with_itself(self, queue: Queue) -> None:
        if lacks(queue, Capability.ATOMIC_BULK):
            return
        jobs = [Job(type="mail", id=id, payload=n) for n, id in enumerate(["a", "b", "a"])]

        with pytest.raises(DuplicateJob) as caught:
            queue.enqueue_many(jobs)
        nothing = queue.claim(10)
        kept = queue.enqueue_many(jobs, on_conflict="ignore")

        assert caught.value.ids == ("a",)
        assert nothing == []
        assert [(job.id, job.payload) for job in kept] == [("a", 0), ("b", 1), ("a", 0)]
        assert [claim.job.payload for claim in queue.claim(10)] == [0, 1]

    def test_ignoring_conflicts_stores_the_others(self, queue: Queue) -> None:
        if lacks(queue, Capability.ATOMIC_BULK):
            return
        queue.enqueue("mail", "first", id="b")

        jobs = [Job(type="mail", id=id, payload="second") for id in "abc"]
        kept = queue.enqueue_many(jobs, on_conflict="ignore")

        assert [job.payload for job in kept] == ["second", "first", "second"]
        assert [claim.job.id for claim in queue.claim(10)] == ["b", "a", "c"]

    def test_a_bulk_returns_its_jobs_in_order(self, queue: Queue) -> None:
        given = [Job(type="mail", id=f"{number}", payload=number) for number in range(300)]

        stored = put(queue, *given)

        assert ids(stored) == ids(given)
        assert [claim.job.payload for claim in queue.claim(300)] == list(range(300))

    def test_an_empty_bulk_stores_nothing(self, queue: Queue) -> None:
        assert queue.enqueue_many([]) == []
        assert queue.claim(1) == []

    def test_a_put_tells_of_each_draft_whether_it_is_new(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.ATOMIC_BULK):
            return
        queue.enqueue("mail", id="b")

        puts = hooks.queue_put(
            drafts=[Draft(id, "mail", "null") for id in ("a", "b", "c", "a")],
            on_conflict="ignore",
            now=clock.now(),
        )

        assert [(put.job.id, put.new) for put in puts] == [
            ("a", True),
            ("b", False),
            ("c", True),
            ("a", False),
        ]

    def test_an_imported_dead_letter_is_one(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.BROWSE, Capability.REPLAY):
            return
        errors = tuple(StoredError(n, clock.now() - HOUR, f"error {n}") for n in (1, 2))
        draft = Draft(
            "one",
            "mail",
            "null",
            created_at=clock.now() - 2 * HOUR,
            status=Status.FAILED,
            attempts=2,
            errors=errors,
        )

        (put_,) = hooks.queue_put(drafts=[draft], on_conflict="error", now=clock.now())

        (stored,) = hooks.queue_browse(query=JobQuery(status=Status.FAILED)).jobs
        assert stored == put_.job
        assert (stored.attempts, stored.errors) == (2, errors)
        assert stored.created_at == clock.now() - 2 * HOUR
        assert queue.claim(1) == []
        assert queue.replay("one")
        assert queue.dequeue().job.attempts == 1

    def test_observers_learn_of_new_jobs_only(self, harness: Harness, clock: FakeClock) -> None:
        listener = Listener()
        with Queue(harness.open(), clock=clock, plugins=[listener]) as queue:
            queue.enqueue("mail", id="a")
            queue.enqueue("mail", id="a", on_conflict="ignore")
            put(queue, Job(type="mail", id="b"), Job(type="mail", id="c"))
            with pytest.raises(DuplicateJob):
                queue.enqueue("mail", id="b")

        assert listener.ids == ["a", "b", "c"]


def _bring_to(queue: Queue, status: str) -> None:
    """Store the job "one" and bring it to ``status``."""
    queue.enqueue("mail", "first", id="one", max_attempts=1)
    if status != "pending":
        claim = queue.dequeue()
        if status == "failed":
            queue.nack(claim, "broken")
