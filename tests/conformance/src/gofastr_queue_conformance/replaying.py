"""Replaying, purging and cancelling: an operator's hands on jobs that nobody works on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gofastr_queue import Capability, Job, Queue, Status
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import JobQuery
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, everything, lacks, put

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


class ReplayingContract(Contract):
    """Promise 11, and that claimed jobs are never purged."""

    def test_a_replayed_job_starts_anew_and_keeps_its_errors(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.BROWSE, Capability.REPLAY):
            return
        given = queue.enqueue("mail", {"n": 1}, id="one", lane="x", max_attempts=2)
        queue.nack(queue.dequeue(), "first")
        queue.nack(queue.dequeue(), "second")
        clock.advance(HOUR)

        assert queue.replay("one") is True

        job = queue.get("one")
        assert job is not None
        assert (job.status, job.attempts) == (Status.PENDING, 0)
        assert (job.created_at, job.scheduled_at) == (given.created_at, clock.now())
        assert (job.type, job.payload, job.lane, job.max_attempts) == ("mail", {"n": 1}, "x", 2)
        assert [error.message for error in job.errors] == ["first", "second"]

    def test_a_replayed_job_has_all_its_attempts_again(self, queue: Queue) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        _fail(queue, "one", max_attempts=2)
        queue.replay("one")

        attempts = []
        while claims := queue.claim(1):
            attempts.append(claims[0].job.attempts)
            queue.nack(claims[0])

        assert attempts == [1, 2]
        assert queue.replay("one")

    @pytest.mark.parametrize("id", ["pending", "claimed", "unknown"])
    def test_what_is_not_failed_is_not_replayed(self, queue: Queue, id: str) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        queue.enqueue("claimed", id="claimed")
        claim = queue.dequeue()
        queue.enqueue("pending", id="pending", delay=HOUR)
        before = everything(queue)

        assert queue.replay(id) is False

        assert everything(queue) == before
        assert queue.ack(claim)

    def test_a_failure_is_replayed_once(self, queue: Queue, other: Queue) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        _fail(queue, "one")

        assert [queue.replay("one"), other.replay("one"), queue.replay("one")] == [
            True,
            False,
            False,
        ]
        assert len(queue.claim(5)) == 1

    def test_the_seam_replays_failed_jobs_only_whatever_is_asked(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        _fail(queue, "failed")
        queue.enqueue("mail", id="pending", delay=HOUR)
        queue.enqueue("mail", id="claimed")
        queue.dequeue()

        for query in (
            JobQuery(status=Status.PENDING),
            JobQuery(status=Status.CLAIMED),
            JobQuery(ids=()),
            JobQuery(ids=("pending", "claimed", "unknown")),
        ):
            assert hooks.queue_replay(query=query, now=clock.now()) == []
        assert hooks.queue_replay(query=JobQuery(), now=clock.now()) == ["failed"]

    def test_an_id_named_twice_counts_once(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.BROWSE, Capability.REPLAY):
            return
        _fail(queue, "one")
        twice = JobQuery(ids=("one", "one"))

        assert len(hooks.queue_browse(query=twice).jobs) == 1
        assert hooks.queue_replay(query=twice, now=clock.now()) == ["one"]
        assert hooks.queue_purge(query=twice) == 1

    def test_many_are_replayed_earliest_first_up_to_the_limit(self, queue: Queue) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        for id in "abcd":
            _fail(queue, id)

        assert queue.replay_many(limit=2) == 2
        first = [claim.job.id for claim in queue.claim(10)]
        assert queue.replay_many() == 2
        second = [claim.job.id for claim in queue.claim(10)]

        assert (first, second) == (["a", "b"], ["c", "d"])
        assert queue.replay_many() == 0

    def test_many_are_replayed_in_their_order_at_the_back(self, queue: Queue) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        for number in range(12):
            _fail(queue, f"{number}")
        queue.enqueue("mail", id="waiting")
        queue.replay("5")

        assert queue.replay_many() == 11

        order = [claim.job.id for claim in queue.claim(20)]
        assert order == ["waiting", "5", *(f"{n}" for n in range(12) if n != 5)]

    def test_replaying_is_filtered(self, queue: Queue, clock: FakeClock) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        for id, type, lane in [("a", "mail", ""), ("b", "sms", ""), ("c", "mail", "x")]:
            _fail(queue, id, type=type, lane=lane)
            clock.advance(SECOND)

        assert queue.replay_many(type="fax") == 0
        assert queue.replay_many(type="mail", lane="x", older_than=SECOND) == 0
        assert queue.replay_many(type="mail", lane="") == 1
        assert queue.dequeue().job.id == "a"
        assert queue.replay_many(older_than=SECOND) == 1
        assert queue.dequeue().job.id == "b"
        assert queue.replay_many(lane="x") == 1

    def test_purging_removes_for_good_and_counts(self, queue: Queue) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        _mixed(queue)

        assert queue.purge("failed") == 2
        assert queue.purge("failed") == 0
        assert queue.purge("pending") == 2
        assert {job.status for job in everything(queue)} <= {Status.CLAIMED}
        assert queue.claim(10) == []
        assert queue.enqueue("mail", id="failed-1").status is Status.PENDING

    def test_claimed_jobs_are_never_purged(self, queue: Queue, hooks: Hooks) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        queue.enqueue("mail", id="one")
        claim = queue.dequeue()

        with pytest.raises(ValueError, match="claimed"):
            queue.purge("claimed")
        assert queue.purge("") == 0
        assert queue.cancel("one") is False
        for query in (JobQuery(), JobQuery(status=Status.CLAIMED), JobQuery(ids=("one",))):
            assert hooks.queue_purge(query=query) == 0
        assert queue.ack(claim)

    def test_purging_everything_leaves_the_claimed(self, queue: Queue) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        _mixed(queue)

        assert queue.purge("") == 4
        assert [job.id for job in everything(queue)] in ([], ["claimed-2", "claimed-1"])

    def test_purging_is_filtered_and_takes_the_earliest(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        for id, type, lane in [("a", "mail", ""), ("b", "sms", ""), ("c", "mail", "x")]:
            queue.enqueue(type, id=id, lane=lane)
            clock.advance(SECOND)

        assert queue.purge("failed", type="mail") == 0
        assert queue.purge("pending", type="sms", lane="x") == 0
        assert queue.purge("pending", older_than=3 * SECOND) == 0
        assert queue.purge("pending", type="mail", limit=1) == 1
        assert [claim.job.id for claim in queue.claim(10)] == ["b", "c"]

    def test_purging_by_age_is_strict(self, queue: Queue, clock: FakeClock) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        queue.enqueue("mail", id="old")
        clock.advance(SECOND)
        queue.enqueue("mail", id="exact")
        clock.advance(HOUR)

        assert queue.purge("pending", older_than=HOUR) == 1
        assert queue.dequeue().job.id == "exact"

    def test_cancelling_removes_one_job_that_nobody_has(self, queue: Queue) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        _fail(queue, "failed")
        queue.enqueue("mail", id="ready")
        queue.enqueue("mail", id="later", delay=HOUR)
        queue.enqueue("mail", id="other")

        for id in ("failed", "ready", "later"):
            assert queue.cancel(id) is True
            assert queue.cancel(id) is False
        assert queue.cancel("unknown") is False
        assert [claim.job.id for claim in queue.claim(10)] == ["other"]

    def test_thousands_of_ids_fit_one_query(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        put(queue, *(Job(type="mail", id=f"{n}", max_attempts=1) for n in range(2_000)))
        queue.nack_many(queue.claim(1_000))
        query = JobQuery(ids=tuple(f"{n}" for n in range(500, 2_500)))

        assert len(hooks.queue_replay(query=query, now=clock.now())) == 500
        assert hooks.queue_purge(query=query) == 1_500
        assert queue.replay_many() == 500


def _fail(
    queue: Queue, id: str, *, type: str = "mail", lane: str = "", max_attempts: int = 1
) -> None:
    """Bring a new job to failed; no other job may be ready."""
    queue.enqueue(type, id=id, lane=lane, max_attempts=max_attempts)
    for _ in range(max_attempts):
        queue.nack(queue.dequeue(), "broken")


def _mixed(queue: Queue) -> None:
    """Store two jobs of each status; one of the pending is due later."""
    for id in ("failed-1", "failed-2"):
        _fail(queue, id)
    put(queue, *(Job(type="mail", id=f"claimed-{n}") for n in (1, 2)))
    queue.claim(2)
    queue.enqueue("mail", id="pending-1")
    queue.enqueue("mail", id="pending-2", delay=HOUR)
