"""Extending: a worker that is alive keeps its job."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from gofastr_queue import Job, Queue
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, everything, put

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


class ExtendingContract(Contract):
    """Leases are renewed from now, and never end sooner for it."""

    def test_an_extended_lease_ends_that_long_from_now(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        queue.enqueue("mail")
        claim = queue.dequeue()
        clock.advance(SECOND)

        (extended,) = hooks.queue_extend(claims=[claim], lease=queue.lease + HOUR, now=clock.now())

        until = clock.now() + queue.lease + HOUR
        assert extended == evolve(claim, lease_until=until)
        for job in everything(queue):
            assert (job.lease_until, job.attempts, job.worker) == (until, 1, claim.job.worker)

    def test_extending_uses_the_queues_lease_unless_told(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        queue.enqueue("mail")
        claim = queue.dequeue()
        clock.advance(queue.lease - MICROSECOND)

        assert queue.extend(claim)

        clock.advance(queue.lease - MICROSECOND)
        assert queue.reclaim() == 0
        clock.advance(MICROSECOND)
        assert queue.reclaim() == 1

    @pytest.mark.parametrize("lease", [MICROSECOND, SECOND])
    def test_extending_never_shortens_a_lease(
        self, queue: Queue, hooks: Hooks, clock: FakeClock, lease: timedelta
    ) -> None:
        queue.enqueue("mail")
        claim = queue.dequeue()

        (extended,) = hooks.queue_extend(claims=[claim], lease=lease, now=clock.now())
        assert queue.extend(claim, lease)

        assert extended.lease_until == claim.lease_until
        clock.advance(queue.lease - MICROSECOND)
        assert queue.reclaim() == 0
        clock.advance(MICROSECOND)
        assert queue.reclaim() == 1

    def test_an_expired_lease_can_be_renewed_if_nobody_took_over(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        queue.enqueue("mail")
        claim = queue.dequeue()
        clock.advance(2 * queue.lease)

        assert queue.extend(claim)

        assert queue.reclaim() == 0
        assert queue.claim(1) == []
        assert queue.ack(claim)

    def test_extending_again_and_again_outlives_many_leases(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        queue.enqueue("mail", id="one", max_attempts=1)
        claim = queue.dequeue()

        for _ in range(20):
            clock.advance(queue.lease - MICROSECOND)
            assert queue.extend(claim)
            assert queue.reclaim() == 0

        assert queue.ack(claim)

    def test_extending_does_not_bring_back_what_was_acked(self, queue: Queue) -> None:
        queue.enqueue("mail", id="one")
        claim = queue.dequeue()
        queue.ack(claim)

        assert not queue.extend(claim, HOUR)

        assert everything(queue) == []
        assert queue.enqueue("mail", id="one").attempts == 0

    def test_only_current_claims_are_extended(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        put(queue, *(Job(type="mail", id=id) for id in "abc"))
        claims = queue.claim(3)
        queue.ack(claims[0])
        queue.release(claims[1])

        extended = hooks.queue_extend(claims=claims, lease=queue.lease, now=clock.now())

        assert [claim.token for claim in extended] == [claims[2].token]
        assert hooks.queue_extend(claims=[], lease=HOUR, now=clock.now()) == []
