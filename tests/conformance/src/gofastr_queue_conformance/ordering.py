"""Ordering: which of the ready jobs comes first."""

from __future__ import annotations

import random
from datetime import timedelta

from gofastr_queue import Capability, Job, Queue
from gofastr_queue.limits import INT32_MAX, INT32_MIN
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, lacks, put

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


class OrderingContract(Contract):
    """Promise 5."""

    def test_jobs_come_in_the_order_of_enqueueing(self, queue: Queue) -> None:
        for number in range(10):
            queue.enqueue("ab"[number % 2], number, lane=["", "x", "y"][number % 3])

        assert _payloads(queue) == list(range(10))

    def test_higher_priorities_come_first(self, queue: Queue) -> None:
        if lacks(queue, Capability.PRIORITY):
            return
        for priority in (0, INT32_MIN, 10, INT32_MAX, -1, 1, 0):
            queue.enqueue("mail", priority, priority=priority)

        assert _payloads(queue) == [INT32_MAX, 10, 1, 0, 0, -1, INT32_MIN]

    def test_equal_priorities_come_in_the_order_of_enqueueing(self, queue: Queue) -> None:
        if lacks(queue, Capability.PRIORITY):
            return
        chance = random.Random(20_260_101)  # noqa: S311 - any mixture will do
        jobs = [
            Job(
                type=chance.choice("abc"),
                lane=chance.choice(["", "x", "y"]),
                priority=chance.randint(-2, 2),
                payload=number,
            )
            for number in range(300)
        ]
        put(queue, *jobs[:100])
        for job in jobs[100:150]:
            put(queue, job)
        put(queue, *jobs[150:])

        expected = sorted(jobs, key=lambda job: (-job.priority, job.payload))

        assert _payloads(queue, limit=7) == [job.payload for job in expected]

    def test_a_filter_keeps_the_order_across_its_lanes_and_types(self, queue: Queue) -> None:
        if lacks(queue, Capability.PRIORITY):
            return
        jobs = [
            Job(type="abc"[number % 3], lane="xyz"[number // 3 % 3], priority=number % 2)
            for number in range(54)
        ]
        stored = put(queue, *jobs)
        wanted = [job for job in stored if job.type in "ac" and job.lane in "yz"]
        expected = sorted(wanted, key=lambda job: -job.priority)

        taken = []
        while claims := queue.claim(5, types=["a", "c"], lanes=["z", "y"]):
            taken += [claim.job.id for claim in claims]

        assert taken == [job.id for job in expected]

    def test_a_job_that_fell_due_stands_where_it_was_enqueued(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        queue.enqueue("mail", "due second", delay=2 * SECOND)
        queue.enqueue("mail", "due first", delay=SECOND)
        queue.enqueue("mail", "at once")
        clock.advance(HOUR)

        assert _payloads(queue) == ["due second", "due first", "at once"]

    def test_when_a_job_was_created_is_no_rank(self, queue: Queue, clock: FakeClock) -> None:
        for payload, age in [("an hour old", HOUR), ("new", 0 * HOUR), ("a day old", 24 * HOUR)]:
            put(queue, Job(type="mail", payload=payload, created_at=clock.now() - age))

        assert _payloads(queue) == ["an hour old", "new", "a day old"]

    def test_what_is_due_later_does_not_hold_up_what_is_ready(self, queue: Queue) -> None:
        put(queue, *(Job(type="mail", lane="x") for _ in range(3)))
        queue.enqueue("mail", "later", delay=HOUR)
        queue.enqueue("mail", "ready")

        assert queue.dequeue(lane="").job.payload == "ready"

    def test_a_nacked_job_keeps_its_place(self, queue: Queue) -> None:
        _three(queue)
        queue.nack(queue.dequeue())

        assert _payloads(queue) == ["a", "b", "c"]

    def test_a_job_keeps_its_place_through_a_delay(self, queue: Queue, clock: FakeClock) -> None:
        _three(queue)
        queue.nack(queue.dequeue(), delay=SECOND)

        clock.advance(SECOND)

        assert _payloads(queue) == ["a", "b", "c"]

    def test_a_released_job_keeps_its_place(self, queue: Queue) -> None:
        _three(queue)
        claims = queue.claim(2)
        for claim in reversed(claims):
            queue.release(claim)

        assert _payloads(queue) == ["a", "b", "c"]

    def test_a_reclaimed_job_keeps_its_place(self, queue: Queue, clock: FakeClock) -> None:
        _three(queue)
        queue.claim(2)
        clock.advance(queue.lease)
        queue.reclaim()

        assert _payloads(queue) == ["a", "b", "c"]

    def test_a_replayed_job_goes_to_the_back(self, queue: Queue) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        _three(queue, max_attempts=1)
        queue.nack_many(queue.claim(2))

        assert queue.replay("b")
        assert queue.replay("a")
        queue.enqueue("mail", "d")

        assert _payloads(queue) == ["c", "b", "a", "d"]

    def test_a_replayed_job_keeps_its_priority(self, queue: Queue) -> None:
        if lacks(queue, Capability.REPLAY, Capability.PRIORITY):
            return
        queue.enqueue("mail", "urgent", id="urgent", priority=1, max_attempts=1)
        queue.enqueue("mail", "other")
        queue.nack(queue.dequeue())
        queue.replay("urgent")

        assert _payloads(queue) == ["urgent", "other"]

    def test_a_cancelled_job_leaves_the_order_of_the_others(self, queue: Queue) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        _three(queue)
        assert queue.cancel("c")  # the last place is free
        queue.enqueue("mail", "d")
        assert queue.cancel("a")

        assert _payloads(queue) == ["b", "d"]


def _three(queue: Queue, max_attempts: int = 3) -> None:
    for id in "abc":
        queue.enqueue("mail", id, id=id, max_attempts=max_attempts)


def _payloads(queue: Queue, limit: int = 100) -> list[object]:
    """Claim everything, ``limit`` at a time."""
    payloads: list[object] = []
    while claims := queue.claim(limit):
        payloads += [claim.job.payload for claim in claims]
    return payloads
