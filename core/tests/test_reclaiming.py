"""Who takes back expired leases: a loop of one's own by the rules, and a thread by request."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from gofastr_queue import BackendUnavailable, InvalidOption, NoJob, Queue, hookimpl
from gofastr_queue.testing import FakeClock

SECOND = timedelta(seconds=1)
LEASE = timedelta(minutes=5)
INTERVAL = 30 * SECOND


class Reclaims:
    """Counts how often the store is asked to reclaim."""

    def __init__(self) -> None:
        self.count = 0
        self.fails = False

    @hookimpl(wrapper=True)
    def queue_reclaim(self) -> Any:
        self.count += 1
        if self.fails:
            raise BackendUnavailable("the store is away")
        return (yield)


@pytest.fixture
def reclaims() -> Reclaims:
    return Reclaims()


@pytest.fixture
def queue(clock: FakeClock, reclaims: Reclaims) -> Iterator[Queue]:
    with Queue.open("memory://", clock=clock, lease=LEASE, plugins=[reclaims]) as queue:
        yield queue


def until(condition: Callable[[], bool]) -> bool:
    """Wait up to ten seconds of real time for what another thread does."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)
    return condition()


def test_the_first_claim_of_a_queue_reclaims(queue: Queue, reclaims: Reclaims) -> None:
    queue.enqueue("mail")

    queue.dequeue()

    assert reclaims.count == 1


def test_within_one_interval_a_claim_that_finds_enough_does_not_reclaim(
    queue: Queue, clock: FakeClock, reclaims: Reclaims
) -> None:
    for _ in range(3):
        queue.enqueue("mail")
    queue.dequeue()

    clock.advance(INTERVAL - SECOND)
    queue.dequeue()
    assert reclaims.count == 1

    clock.advance(SECOND)
    queue.dequeue()
    assert reclaims.count == 2


def test_a_claim_that_finds_fewer_jobs_than_asked_reclaims_and_claims_again(
    queue: Queue, clock: FakeClock
) -> None:
    queue.enqueue("mail")
    first = queue.dequeue()
    queue.enqueue("mail", delay=LEASE)
    clock.advance(LEASE)

    claims = queue.claim(5)

    assert len(claims) == 2
    assert not queue.ack(first)


def test_an_expired_job_of_higher_priority_comes_before_a_ready_one(
    queue: Queue, clock: FakeClock
) -> None:
    urgent = queue.enqueue("mail", priority=9).id
    queue.enqueue("mail")
    queue.dequeue()
    clock.advance(LEASE)

    assert queue.dequeue().job.id == urgent


def test_a_job_whose_lease_runs_is_not_taken_back(queue: Queue, clock: FakeClock) -> None:
    queue.enqueue("mail")
    claim = queue.dequeue()
    clock.advance(LEASE - timedelta(microseconds=1))

    with pytest.raises(NoJob):
        queue.dequeue()
    assert queue.ack(claim)


def test_a_short_lease_shortens_the_interval(clock: FakeClock) -> None:
    reclaims = Reclaims()
    with Queue.open("memory://", clock=clock, lease=SECOND, plugins=[reclaims]) as queue:
        for _ in range(2):
            before = reclaims.count
            queue.enqueue("mail")
            queue.dequeue()
            clock.advance(SECOND)

            assert reclaims.count > before


def test_a_clock_that_went_back_does_not_stop_reclaiming(
    queue: Queue, clock: FakeClock, reclaims: Reclaims
) -> None:
    queue.enqueue("mail")
    queue.enqueue("mail", id="later")
    queue.dequeue()
    clock.advance(-timedelta(days=1))
    queue.enqueue("mail")

    queue.dequeue()

    assert reclaims.count == 2


def test_reclaim_by_hand_always_asks_and_counts(
    queue: Queue, clock: FakeClock, reclaims: Reclaims
) -> None:
    for _ in range(3):
        queue.enqueue("mail")
    queue.claim(3)
    clock.advance(LEASE)

    assert queue.reclaim() == 3
    before = reclaims.count
    assert queue.reclaim() == 0
    assert reclaims.count == before + 1
    assert queue.stats() == {"pending": 3, "claimed": 0, "failed": 0}


def test_a_started_reclaimer_takes_back_by_itself_and_ends_with_the_queue(
    queue: Queue, clock: FakeClock
) -> None:
    queue.enqueue("mail")
    queue.dequeue()
    queue.start_reclaimer(0.01)
    queue.start_reclaimer(0.01)
    assert queue.stats()["claimed"] == 1

    clock.advance(LEASE)

    assert until(lambda: queue.stats()["pending"] == 1)
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("gofastr-queue-reclaimer") == 1
    queue.close()
    assert "gofastr-queue-reclaimer" not in [thread.name for thread in threading.enumerate()]


def test_a_reclaimer_outlives_a_store_that_is_away(
    queue: Queue, clock: FakeClock, reclaims: Reclaims, caplog: pytest.LogCaptureFixture
) -> None:
    queue.enqueue("mail")
    queue.dequeue()
    reclaims.fails = True
    with caplog.at_level(logging.ERROR, "gofastr_queue"):
        queue.start_reclaimer(0.01)
        assert until(lambda: "the store is away" in caplog.text)
    clock.advance(LEASE)

    reclaims.fails = False

    assert until(lambda: queue.stats()["pending"] == 1)


@pytest.mark.parametrize("interval", [0, -1, "30", True, float("nan"), timedelta(0)])
def test_an_interval_is_positive(queue: Queue, interval: Any) -> None:
    with pytest.raises(InvalidOption, match="interval must be"):
        queue.start_reclaimer(interval)
