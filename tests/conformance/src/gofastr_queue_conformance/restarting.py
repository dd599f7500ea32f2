"""Restarting: what one opening of a store has left behind, the next one goes on with.

Where jobs are not durable, the first opening stays open beside the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from gofastr_queue import Capability, DuplicateJob, Job, Queue
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, everything, ids, lacks, put

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

Reopen = Callable[[], Queue]


class RestartingContract(Contract):
    """Promises 1, 3 and 5 across the end of a process."""

    TOPIC = "restarting"

    @pytest.fixture
    def reopen(self, harness: Harness, clock: FakeClock) -> Iterator[Reopen]:
        """Open the store anew; the opening before is over where jobs outlive it."""
        opened: list[Queue] = []

        def open() -> Queue:
            if opened and not lacks(opened[-1], Capability.DURABLE):
                opened[-1].close()
            opened.append(Queue(harness.open(), clock=clock, lease=HOUR))
            return opened[-1]

        yield open
        for queue in opened:
            queue.close()

    def test_another_opening_of_the_store_shows_the_same(
        self, reopen: Reopen, clock: FakeClock
    ) -> None:
        first = reopen()
        put(first, *(Job(type="mail", id=id, payload=id) for id in "abcd"))
        first.enqueue("mail", id="later", delay=HOUR)
        claims = {claim.job.id: claim for claim in first.claim(3)}
        first.nack(claims["a"], "broken", delay=HOUR)
        before = everything(first)

        second = reopen()

        assert everything(second) == before
        assert second.ack(claims["b"])
        assert [claim.job.id for claim in second.claim(10)] == ["d"]
        clock.advance(HOUR)
        assert [claim.job.id for claim in second.claim(10)] == ["a", "c", "d", "later"]

    def test_a_lease_outlives_the_opening_that_took_it(
        self, reopen: Reopen, clock: FakeClock
    ) -> None:
        first = reopen()
        first.enqueue("mail", id="one")
        claim = first.dequeue()
        clock.advance(claim.lease_until - clock.now() - SECOND)

        second = reopen()

        assert second.reclaim() == 0
        assert second.claim(1) == []
        clock.advance(SECOND)
        assert second.reclaim() == 1
        assert second.dequeue().job.attempts == 2

    def test_a_lease_may_be_extended_by_the_next_opening(
        self, reopen: Reopen, clock: FakeClock
    ) -> None:
        first = reopen()
        first.enqueue("mail", id="one")
        claim = first.dequeue()

        second = reopen()

        assert second.extend(claim, 2 * HOUR)
        clock.advance(2 * HOUR - SECOND)
        assert second.reclaim() == 0
        clock.advance(SECOND)
        assert second.reclaim() == 1

    def test_a_token_from_before_is_stale_once_the_job_is_claimed_anew(
        self, reopen: Reopen, clock: FakeClock
    ) -> None:
        first = reopen()
        put(first, *(Job(type="mail", id=id) for id in "ab"))
        old = {claim.job.id: claim for claim in first.claim(2)}
        clock.advance(HOUR)

        second = reopen()
        new = {claim.job.id: claim for claim in second.claim(2)}
        before = everything(second)

        assert not second.ack(old["a"])
        assert not second.nack(old["b"], "late")
        assert not second.extend(old["b"], 9 * HOUR)
        assert everything(second) == before
        assert second.ack(new["a"])
        assert second.ack(new["b"])

    def test_what_comes_after_stands_behind_what_came_before(self, reopen: Reopen) -> None:
        reopen().enqueue("mail", id="z")
        reopen().enqueue("mail", id="m")
        third = reopen()
        third.enqueue("mail", id="a")

        assert [claim.job.id for claim in third.claim(3)] == ["z", "m", "a"]

    def test_a_taken_id_stays_taken(self, reopen: Reopen) -> None:
        given = reopen().enqueue("mail", "first", id="one")

        second = reopen()

        with pytest.raises(DuplicateJob, match="one"):
            second.enqueue("mail", "second", id="one")
        assert second.dequeue().job.payload == given.payload

    def test_a_failed_job_is_found_and_replayed(self, reopen: Reopen) -> None:
        first = reopen()
        if lacks(first, Capability.BROWSE, Capability.REPLAY):
            return
        first.enqueue("mail", id="one", max_attempts=1)
        assert first.nack(first.dequeue(), "broken")

        second = reopen()

        (failed,) = second.list_jobs("failed")
        assert [error.message for error in failed.errors] == ["broken"]
        assert second.replay("one")
        assert ids([second.dequeue().job]) == ["one"]
