"""Hours in small: what a worker and a store hold on to stays the same while jobs come and go.

GOFASTR_SOAK_MINUTES says for how long; one sixth of it is left to warm up.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from attrs import frozen
from tests.faults.crew import PATIENCE, Crew
from tests.faults.gauges import Process, connections, space
from tests.faults.site import drained, meanwhile
from tests.faults.stores import Store

from gofastr_queue import Job, Queue
from gofastr_queue_conformance.watching import eventually

MINUTES = float(os.environ.get("GOFASTR_SOAK_MINUTES", "0.1"))
SECONDS = MINUTES * 60
WARM = SECONDS / 6
SAMPLE = max(SECONDS / 200, 0.25)
GROWTH = 20 * 2**20
"""Bytes by which a process may grow once it is warm."""
SPARE = 4 * 2**20
"""Bytes that an emptied store may keep for later, in indexes and the like."""
SLOTS = 4
MORE = 0 if MINUTES >= 5 else 2 * SLOTS
"""Connections that may come in the second half: a thread opens its own when it needs it."""
PROCESSES = 2
OPTIONS = ("--reclaim-interval=1s", "--poll=200ms")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's /proc")


@frozen
class Sample:
    """What the workers and the server hold at one moment."""

    workers: tuple[Process, ...]
    connections: int

    @property
    def held(self) -> tuple[int, ...]:
        """The connections, and the descriptors and threads of each worker."""
        each = [(one.descriptors, one.threads) for one in self.workers]
        return (self.connections, *itertools.chain.from_iterable(each))


@pytest.mark.timeout(SECONDS + 5 * PATIENCE)
def test_memory_connections_and_space_stay_the_same_while_jobs_come_and_go(
    store: Store, crew: Crew
) -> None:
    rounds = itertools.count()
    with Queue.open(store.url) as queue:
        use_once(queue)
        before = space(store)
        pids = [
            crew.start(store.url, *OPTIONS, lease=5, workers=SLOTS, record=False).pid
            for _ in range(PROCESSES)
        ]
        with meanwhile(lambda: produce(queue, next(rounds)), 0.1):
            eventually(lambda: all(at_work(pid) for pid in pids), "the workers", PATIENCE)
            time.sleep(WARM)
            samples = list(taken(store, pids))
        drained(queue)
        jobs = next(rounds) * len(batch(0))
        queue.purge("failed")
        stats, after = queue.stats(), space(store)
    codes = crew.end()

    first, *later = samples
    grown = [
        max(sample.workers[number].resident for sample in later) - begun.resident
        for number, begun in enumerate(first.workers)
    ]
    held = [sample.held for sample in samples]
    half = len(held) // 2
    most = [tuple(map(max, zip(*part, strict=True))) for part in (held[:half], held[half:])]
    print(  # noqa: T201 - for pytest -rP
        f"{jobs} jobs, grown by {[round(each / 2**20, 1) for each in grown]} MiB; connections, "
        f"descriptors and threads at most {most[0]} and then {most[1]}; "
        f"space {sum(before.values())} and then {sum(after.values())}"
    )
    assert codes == [0] * PROCESSES
    assert stats == {"pending": 0, "claimed": 0, "failed": 0}
    assert max(grown) < GROWTH
    assert all(now <= then + MORE for then, now in zip(*most, strict=True))
    assert after.keys() == before.keys()
    assert sum(after.values()) - sum(before.values()) <= SPARE


def use_once(queue: Queue) -> None:
    """Bring about what the first job of a queue does."""
    queue.enqueue("work")
    queue.ack(queue.dequeue())


def at_work(pid: int) -> bool:
    """Tell whether a worker process has started its threads."""
    return Process.of(pid).threads > SLOTS


def taken(store: Store, pids: list[int]) -> Iterator[Sample]:
    """Take samples until the time is over."""
    until = time.monotonic() + SECONDS - WARM
    while time.monotonic() < until:
        yield Sample(tuple(Process.of(pid) for pid in pids), connections(store))
        time.sleep(SAMPLE)


def produce(queue: Queue, round: int) -> None:
    """Enqueue jobs of every fate, and now and then replay or purge the dead."""
    queue.enqueue_many(batch(round))
    if round % 50 == 0:
        queue.replay_many(limit=10)
    if round % 100 == 0:
        queue.purge("failed")


def batch(round: int) -> list[Job]:
    """Return jobs that succeed, fail, wait and are retried, of several lanes and priorities."""
    return [
        *[Job(type="work", payload=[0.005], lane=lane) for lane in ("", "a", "b")] * 3,
        *[Job(type="work", payload=[0.01], priority=round % 5)] * 3,
        *[Job(type="flaky", payload=[0.2])] * 2,
        Job(type="work", payload=[0.0], scheduled_at=now() + timedelta(seconds=1)),
        Job(type="hostile", max_attempts=1),
    ]


def now() -> datetime:
    """Return the time of day."""
    return datetime.now(UTC)
