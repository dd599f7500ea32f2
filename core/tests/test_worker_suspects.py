"""Jobs on their last attempt after a worker's death: no worker holds two of them at a time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gofastr_queue import BackendUnavailable, Job, Queue, hookimpl
from gofastr_queue.failures import LEASE_EXPIRED
from gofastr_queue.records import EVERYTHING, Outcome
from gofastr_queue.worker.keeper import Keeper
from gofastr_queue.worker.suspects import QUIET, STEP, Suspects
from gofastr_queue_memory import MemoryBackend

PATIENCE = 10.0
LONG = timedelta(minutes=5)


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def queue(backend: MemoryBackend) -> Iterator[Queue]:
    with Queue(backend) as queue:
        yield queue


def crash(backend: MemoryBackend, times: int) -> None:
    """Have workers claim everything and die, one after the other."""
    later = datetime.now(UTC) + timedelta(days=1)
    for _ in range(times):
        backend.queue_claim(EVERYTHING, 1_000, LONG, "one who dies", None)
        backend.queue_reclaim(1_000, LEASE_EXPIRED, later)


def eventually(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class RefusesTheFirstNack:
    """A store that is away when the first jobs are given back."""

    refused = False

    @hookimpl(wrapper=True)
    def queue_nack(self) -> Generator[None, Any, Any]:
        if not self.refused:
            self.refused = True
            raise BackendUnavailable("the store is away")
        return (yield)


class Running:
    """Counts what runs at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = self.done = 0

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1
            self.done += 1


def test_they_run_one_at_a_time_and_none_loses_an_attempt(
    backend: MemoryBackend, queue: Queue
) -> None:
    running, attempts = Running(), []

    @queue.handler("t")
    def run(job: Job) -> None:
        with running:
            attempts.append(job.attempts)
            time.sleep(0.03)

    @queue.handler("async")
    async def run_async(job: Job) -> None:
        with running:
            attempts.append(job.attempts)
            await asyncio.sleep(0.03)

    queue.enqueue_many([Job(type=type) for type in ("t", "async", "t", "t", "async", "t")])
    crash(backend, 2)
    queue.start(4, poll=0.05)
    eventually(lambda: running.done == 6)

    assert running.most == 1
    assert attempts == [3] * 6
    eventually(lambda: not sum(queue.stats().values()))


def test_one_that_cannot_be_given_back_at_once_is_given_back_later() -> None:
    backend, nacks = MemoryBackend(), RefusesTheFirstNack()
    running, attempts = Running(), []
    with Queue(backend, plugins=[nacks]) as queue:

        @queue.handler("t")
        def run(job: Job) -> None:
            with running:
                attempts.append(job.attempts)

        queue.enqueue_many([Job(type="t")] * 3)
        crash(backend, 2)
        queue.start(2, poll=0.05)
        eventually(lambda: running.done == 3)

    assert nacks.refused
    assert attempts == [3] * 3


def test_nothing_is_claimed_right_after_one_of_them(backend: MemoryBackend, queue: Queue) -> None:
    began: dict[str, float] = {}
    over = threading.Event()

    @queue.handler("suspect")
    def suspect() -> None:
        began["suspect"] = time.monotonic()
        over.wait(PATIENCE)

    @queue.handler("other")
    def other() -> None:
        began["other"] = time.monotonic()

    queue.enqueue("suspect")
    crash(backend, 2)
    queue.start(2, poll=0.05)
    eventually(lambda: "suspect" in began)
    queue.enqueue("other")
    eventually(lambda: "other" in began)
    over.set()

    assert 0.3 * QUIET <= began["other"] - began["suspect"] <= 3 * QUIET


def test_claiming_goes_on_when_one_of_them_has_ended(backend: MemoryBackend, queue: Queue) -> None:
    done = []

    @queue.handler("t")
    def run(job: Job) -> None:
        done.append(job.id)

    queue.enqueue("t")
    crash(backend, 2)
    queue.start(2, poll=0.05)
    eventually(lambda: done)
    enqueued = time.monotonic()
    queue.enqueue("t")
    eventually(lambda: len(done) == 2)

    assert time.monotonic() - enqueued < QUIET


def test_other_jobs_go_on_beside_one_of_them(backend: MemoryBackend, queue: Queue) -> None:
    finished = threading.Semaphore(0)
    waited = []

    @queue.handler("suspect")
    def suspect() -> None:
        waited.append(all(finished.acquire(timeout=PATIENCE) for _ in range(10)))

    @queue.handler("other")
    def other() -> None:
        finished.release()

    queue.enqueue("suspect")
    crash(backend, 2)
    queue.enqueue_many([Job(type="other")] * 10)
    queue.start(2, poll=0.05)
    eventually(lambda: waited)

    assert waited == [True]


@pytest.mark.parametrize("max_attempts", [1, 4])
def test_only_the_last_attempt_of_several_is_alone(
    backend: MemoryBackend, queue: Queue, max_attempts: int
) -> None:
    together = threading.Barrier(2, timeout=PATIENCE)
    done = []

    @queue.handler("t")
    def run(job: Job) -> None:
        together.wait()
        done.append(job.attempts)

    queue.enqueue_many([Job(type="t", max_attempts=max_attempts)] * 2)
    crash(backend, 2 if max_attempts > 1 else 0)
    queue.start(2, poll=0.05)
    eventually(lambda: len(done) == 2)


def test_a_last_attempt_after_a_failure_of_its_own_is_no_suspect(queue: Queue) -> None:
    together = threading.Barrier(2, timeout=PATIENCE)
    done = []

    @queue.handler("t")
    def run(job: Job) -> None:
        if job.attempts == 1:
            raise ValueError
        together.wait()
        done.append(job.attempts)

    queue.enqueue_many([Job(type="t", max_attempts=2)] * 2)
    queue.start(2, poll=0.05)
    eventually(lambda: len(done) == 2)


def test_those_turned_away_come_back_one_after_the_other(
    backend: MemoryBackend, queue: Queue
) -> None:
    queue.enqueue_many([Job(type="t")] * 4)
    crash(backend, 2)
    keeper = Keeper(queue._consumer)
    suspects = Suspects(keeper)

    held = keeper.hold(queue.claim(4), time.monotonic())
    away = suspects.turned_away(held)
    keeper.let_go(one.claim for one in away)
    still = suspects.turned_away(held[3:])
    keeper.let_go([held[0].claim])
    free = suspects.turned_away(held[3:])

    assert [*away] == held[1:]
    assert {release.outcome for release in away.values()} == {Outcome.GIVE_BACK}
    waits = [release.delay.total_seconds() for release in away.values()]
    assert waits == pytest.approx([STEP, 2 * STEP, 3 * STEP])
    assert [*still] == held[3:]
    assert free == {}
