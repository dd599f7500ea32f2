"""Reclaiming: what becomes of jobs whose worker vanished."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gofastr_queue import Backoff, Capability, Job, NoJob, Queue, Status
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.records import EVERYTHING, KEPT_ERRORS, Outcome, Release, StoredError
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, everything, lacks, put

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


class ReclaimingContract(Contract):
    """Promise 3 for workers that vanish, the errors kept, and who takes expired leases back."""

    def test_a_lease_is_expired_from_its_end_on(self, queue: Queue, clock: FakeClock) -> None:
        queue.enqueue("mail", id="one")
        claim = queue.dequeue()

        clock.advance(claim.lease_until - clock.now() - MICROSECOND)
        before = queue.reclaim()
        clock.advance(MICROSECOND)
        at_the_end = queue.reclaim()

        assert (before, at_the_end, queue.reclaim()) == (0, 1, 0)

    @pytest.mark.parametrize("late", [timedelta(0), MICROSECOND, timedelta(days=400)])
    def test_an_expired_lease_can_be_taken_over_and_not_a_microsecond_before(
        self, queue: Queue, other: Queue, clock: FakeClock, late: timedelta
    ) -> None:
        queue.enqueue("mail")
        claim = queue.dequeue()

        clock.advance(claim.lease_until - clock.now() - MICROSECOND)
        with pytest.raises(NoJob):
            other.dequeue()
        clock.advance(MICROSECOND + late)

        assert other.dequeue().job.attempts == 2

    def test_a_reclaimed_job_is_pending_as_it_was_with_the_reason(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        if lacks(queue, Capability.BROWSE):
            return
        given = queue.enqueue("mail", {"n": 1}, id="one", lane="x", delay=SECOND)
        clock.advance(SECOND)
        queue.dequeue()
        clock.advance(queue.lease)

        assert queue.reclaim() == 1

        (job,) = everything(queue)
        assert (job.status, job.attempts) == (Status.PENDING, 1)
        assert (job.worker, job.lease_until) == ("", None)
        assert (job.payload, job.lane) == (given.payload, given.lane)
        assert (job.created_at, job.scheduled_at) == (given.created_at, given.scheduled_at)
        (error,) = job.errors
        assert (error.attempt, error.at, error.kind) == (1, clock.now(), "LeaseExpired")
        assert error.message

    def test_expiry_on_the_last_attempt_is_a_dead_letter_with_the_reason(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        queue.enqueue("mail", id="one", max_attempts=2)
        queue.nack(queue.dequeue(), "first failure")
        queue.dequeue()
        clock.advance(queue.lease)

        assert queue.reclaim() == 1

        assert queue.claim(1) == []
        for job in everything(queue):
            assert (job.status, job.attempts) == (Status.FAILED, 2)
            assert [error.kind for error in job.errors] == ["Nack", "LeaseExpired"]
            assert (job.worker, job.lease_until) == ("", None)

    def test_a_dead_letter_of_expiry_can_be_replayed(self, queue: Queue, clock: FakeClock) -> None:
        if lacks(queue, Capability.REPLAY):
            return
        queue.enqueue("mail", id="one", max_attempts=1)
        queue.dequeue()
        clock.advance(queue.lease)
        queue.reclaim()

        assert queue.replay("one")
        assert queue.dequeue().job.attempts == 1

    def test_the_backoff_is_not_for_expired_leases(
        self, harness: Harness, clock: FakeClock
    ) -> None:
        with Queue(harness.open(), clock=clock, backoff=Backoff(HOUR)) as queue:
            queue.enqueue("mail")
            queue.dequeue()
            clock.advance(queue.lease)
            queue.reclaim()

            assert queue.dequeue().job.attempts == 2

    def test_only_expired_leases_are_taken_back(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        put(queue, *(Job(type="mail", id=id) for id in "abcdef"))
        queue.enqueue("mail", id="later", delay=HOUR)
        _lease(hooks, clock, SECOND)
        _lease(hooks, clock, HOUR)
        queue.ack(queue.dequeue())
        queue.release(queue.dequeue())
        clock.advance(SECOND)

        assert queue.reclaim() == 1
        assert [claim.job.id for claim in queue.claim(10)] == ["a", "d", "e", "f"]

    def test_reclaiming_takes_the_soonest_expired_up_to_its_limit(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        for id, type, seconds in [("a", "x", 3), ("b", "y", 1), ("c", "x", 4), ("d", "x", 1)]:
            queue.enqueue(type, id=id)
            _lease(hooks, clock, seconds * SECOND)
        clock.advance(HOUR)

        moved = [hooks.queue_reclaim(limit=n, reason="r", now=clock.now()) for n in (1, 2, 3, 4)]

        assert [{job.id for job in jobs} for jobs in moved] == [{"b"}, {"d", "a"}, {"c"}, set()]

    def test_reclaiming_returns_the_jobs_as_they_are_now(
        self, queue: Queue, hooks: Hooks, clock: FakeClock
    ) -> None:
        queue.enqueue("mail", id="again", max_attempts=2)
        queue.enqueue("mail", id="last", max_attempts=1)
        _lease(hooks, clock, SECOND)
        _lease(hooks, clock, 2 * SECOND)
        clock.advance(HOUR)

        moved = hooks.queue_reclaim(limit=10, reason="why", now=clock.now())

        assert {job.id: job.status for job in moved} == {
            "again": Status.PENDING,
            "last": Status.FAILED,
        }
        for job in moved:
            assert job.errors == (StoredError(1, clock.now(), "why"),)
            assert (job.attempts, job.worker, job.lease_until) == (1, "", None)

    @pytest.mark.parametrize("settle", ["release", "nack"])
    def test_a_job_claimed_twice_at_one_moment_is_taken_back_once(
        self, queue: Queue, clock: FakeClock, settle: str
    ) -> None:
        queue.enqueue("mail", id="one", max_attempts=9)
        getattr(queue, settle)(queue.dequeue())
        attempts = queue.dequeue().job.attempts
        clock.advance(queue.lease)

        assert queue.reclaim() == 1
        assert [claim.job.attempts for claim in queue.claim(10)] == [attempts + 1]

    def test_thousands_are_taken_back_at_once(self, queue: Queue, clock: FakeClock) -> None:
        put(queue, *(Job(type="mail") for _ in range(2_100)))
        assert len(queue.claim(2_100)) == 2_100
        clock.advance(queue.lease)

        assert queue.reclaim() == 2_100
        assert len(queue.claim(3_000)) == 2_100

    def test_a_claim_that_finds_too_few_takes_expired_leases_back(
        self, harness: Harness, clock: FakeClock
    ) -> None:
        with Queue(harness.open(), clock=clock, lease=HOUR) as queue:
            put(queue, *(Job(type="mail", id=id) for id in "abc"))
            queue.claim(1)
            clock.advance(HOUR - SECOND)
            queue.claim(1)  # reclaims nothing, and that was an interval's reclaim
            clock.advance(SECOND)

            assert [claim.job.id for claim in queue.claim(5)] == ["c", "a"]

    def test_a_claim_after_an_interval_takes_expired_leases_back_first(
        self, queue: Queue, clock: FakeClock
    ) -> None:
        put(queue, *(Job(type="mail", id=id) for id in "abc"))
        queue.claim(1)
        clock.advance(queue.lease)

        assert [claim.job.id for claim in queue.claim(2)] == ["a", "b"]

    def test_the_newest_errors_are_kept(self, queue: Queue, hooks: Hooks, clock: FakeClock) -> None:
        count = KEPT_ERRORS + 5
        queue.enqueue("mail", id="one", max_attempts=count + 1)
        for attempt in range(1, count + 1):
            claim = queue.dequeue()
            if attempt % 2:
                hooks.queue_nack(
                    releases=[Release(claim, Outcome.RETRY, error=f"{attempt}")], now=clock.now()
                )
            else:
                clock.advance(queue.lease)
                hooks.queue_reclaim(limit=1, reason=f"{attempt}", now=clock.now())

        (last,) = hooks.queue_claim(
            want=EVERYTHING, limit=1, lease=HOUR, worker="w", now=clock.now()
        ).claims

        kept = range(count - KEPT_ERRORS + 1, count + 1)
        assert [error.attempt for error in last.job.errors] == list(kept)
        assert [error.text for error in last.job.errors] == [f"{attempt}" for attempt in kept]

    @pytest.mark.parametrize(
        "text",
        [
            '"',
            "\\",
            "'",
            "null",
            "[]",
            '[1, "a"]',
            "line\nbreak\ttab",
            "\u20ac \U0001f600",
            "x" * 8192,
        ],
        ids=["quote", "backslash", "apostrophe", "null", "list", "JSON", "breaks", "wide", "8 KiB"],
    )
    def test_the_text_of_an_error_is_not_read(
        self, queue: Queue, hooks: Hooks, clock: FakeClock, text: str
    ) -> None:
        queue.enqueue("mail", id="one")
        hooks.queue_nack(
            releases=[Release(queue.dequeue(), Outcome.RETRY, error=text)], now=clock.now()
        )
        queue.dequeue()
        clock.advance(queue.lease)

        (job,) = hooks.queue_reclaim(limit=1, reason=text, now=clock.now())

        assert [error.text for error in job.errors] == [text, text]

    def test_an_empty_error_is_not_kept(self, queue: Queue) -> None:
        queue.enqueue("mail", id="one")
        queue.nack(queue.dequeue())

        assert queue.dequeue().job.errors == ()


def _lease(hooks: Hooks, clock: FakeClock, lease: timedelta) -> None:
    (claim,) = hooks.queue_claim(
        want=EVERYTHING, limit=1, lease=lease, worker="w", now=clock.now()
    ).claims
    assert claim.lease_until == clock.now() + lease
