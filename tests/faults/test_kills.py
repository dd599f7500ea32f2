"""Workers die by kill -9, one after the other: no job is lost, and none is acked twice.

GOFASTR_FAULTS=1 makes it sixty deaths in sixty seconds and tens of thousands of jobs.
"""

from __future__ import annotations

import time
from collections import Counter
from random import Random

import pytest
from tests.faults import effects
from tests.faults.crew import PATIENCE, Process
from tests.faults.site import FULL, Site, meanwhile, work
from tests.faults.stores import SQLITE

from gofastr_queue_conformance.watching import eventually

JOBS = 20_000 if FULL else 400
JOBS_ON_SQLITE = 5_000 if FULL else 200
KILLS, SECONDS = (60, 60.0) if FULL else (5, 5.0)
PROCESSES, SLOTS = 4, 2
LEASE = 5.0 if FULL else 2.0
RECLAIM = "--reclaim-interval=500ms"
BUSY = 0.5
"""Which part of the slots is at work, so that most deaths cut something short."""
AT_STAKE = 4
"""Effects that a death can bring twice: one of each slot, and as many whose acks wait to go."""
CHUNKS = 20
"""How many times a second jobs are enqueued."""
LONG = 600.0 if FULL else PATIENCE


@pytest.mark.timeout(LONG * 2)
def test_jobs_are_acked_exactly_once_though_workers_are_killed(site: Site) -> None:
    jobs = JOBS_ON_SQLITE if site.store.kind == SQLITE else JOBS
    random = Random(jobs)  # noqa: S311 - no secret
    for _ in range(PROCESSES):
        site.crew.start(site.store.url, RECLAIM, lease=LEASE, workers=SLOTS)
    eventually(lambda: len(ready(site)) == PROCESSES, "the workers", PATIENCE, 0.05)
    waiting = work(jobs, BUSY * PROCESSES * SLOTS * SECONDS / jobs)
    size = round(jobs / SECONDS / CHUNKS)

    def produce() -> None:
        site.queue.enqueue_many(waiting[:size])
        del waiting[:size]

    with site.sampled(), meanwhile(produce, 1 / CHUNKS):
        began = time.monotonic()
        for number in range(1, KILLS + 1):
            time.sleep(max(began + number * SECONDS / KILLS - time.monotonic(), 0))
            eventually(lambda: ready(site), "somebody to kill", PATIENCE, 0.05)
            victim = random.choice(ready(site))
            if number % 2:  # any moment will do for the others
                wait_until_busy(victim)
            victim.kill()
            site.crew.start(site.store.url, RECLAIM, lease=LEASE, workers=SLOTS)
    site.queue.enqueue_many(waiting, chunk=1_000)
    site.drained(LONG)
    eventually(lambda: len(ready(site)) == PROCESSES, "the last worker", PATIENCE, 0.05)
    codes = site.crew.end()

    history = site.history()
    began_of = Counter(effect.id for effect in history.effects)
    done_of = Counter(effect.id for effect in history.effects if effect.done is not None)
    extra = sum(times - 1 for times in began_of.values())
    print(  # noqa: T201 - for pytest -rP
        f"{len(began_of)} jobs, {KILLS} kills, {extra} extra effects, "
        f"{sum(times - 1 for times in done_of.values())} of them to the end"
    )
    assert site.violations() == []
    assert site.queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}
    assert set(done_of) == {op.id for op in history.of("put")}
    assert len(done_of) == jobs
    assert extra <= KILLS * AT_STAKE
    assert codes == [0] * PROCESSES


def wait_until_busy(process: Process) -> None:
    """Wait until a worker is in the middle of a handler, or for a second."""
    until = time.monotonic() + 1
    while time.monotonic() < until:
        if any(one.done is None for one in effects.read(process.folder, process.pid)):
            return
        time.sleep(0.001)


def ready(site: Site) -> list[Process]:
    """Return the workers that are at work."""
    return [process for process in site.crew.alive if process.ready()]
