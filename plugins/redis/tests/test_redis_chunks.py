"""Nothing that is done with 50 000 jobs holds up the server for long.

Other processes of a busy machine hold up the server too.  So each command counts by the best of
three runs, each with a fresh queue, and for no more than the server itself has worked; what was
quick enough is not run again.  A slow machine may take three times as long;
GOFASTR_STRESS=1 allows that to none.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import zip_longest

import pytest
from attrs import define, field
from redis import Redis
from tests.servers.redis import Server
from tests.servers.redis_tools import connected, slowlog

from gofastr_queue import Job, Queue
from gofastr_queue.backends import connect
from gofastr_queue.calls import resolve
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import Draft
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import everything

JOBS = 50_000
BULK = 10_000
RECLAIM_MILLISECONDS = 50
MILLISECONDS = 100
MARGIN = 1 if "GOFASTR_STRESS" in os.environ else 3
RUNS = 3
FAR = datetime(2100, 1, 1, tzinfo=UTC)

numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(appendfsync="everysec") as server:
        yield server


@define
class Watch:
    """How long each command of each step took, in its best run so far."""

    server: Server
    best: dict[str, list[float]] = field(factory=dict)
    bounds: dict[str, int] = field(factory=dict)

    def time(self, step: str, work: Callable[[], object], bound: int = MILLISECONDS) -> None:
        """Do a step, and remember how long its commands took, in order."""
        with connected(self.server) as client, slowlog(self.server, microseconds=1_000) as read:
            before = _busy(client)
            work()
            busy = _busy(client) - before
            took = [
                min(each.microseconds / 1_000, busy) for each in read() if "EVAL" in each.command
            ]
        earlier = self.best.get(step, took)
        self.best[step] = [min(pair) for pair in zip_longest(took, earlier, fillvalue=0.0)]
        self.bounds[step] = bound * MARGIN

    def run(self, life: Callable[[str], None]) -> None:
        """Run a queue's life until no command is too slow, at most three times."""
        longest: dict[str, float] = {}
        for _ in range(RUNS):
            life(f"{self.server.url()}?name=chunks:{next(numbers)}")
            longest = {step: max(took, default=0.0) for step, took in self.best.items()}
            if all(longest[step] <= bound for step, bound in self.bounds.items()):
                break
        print("milliseconds:", longest)  # noqa: T201 - for pytest -rP
        assert all(longest[step] <= bound for step, bound in self.bounds.items()), longest


def _busy(client: Redis) -> float:
    """Return for how many milliseconds the server has worked, whoever else did meanwhile."""
    said = client.info("cpu")
    return 1_000 * float(said["used_cpu_user_main_thread"] + said["used_cpu_sys_main_thread"])


@pytest.mark.timeout(300)
def test_a_bulk_of_ten_thousand_and_what_is_taken_back(server: Server) -> None:
    watch = Watch(server)

    def life(url: str) -> None:
        clock = FakeClock()
        with Queue.open(url, clock=clock, lease=timedelta(seconds=1)) as queue:
            for start in range(0, JOBS, BULK):
                payload = "x" * (start // BULK * 100)
                jobs = [Job(type="t", payload=payload) for _ in range(BULK)]
                watch.time(f"bulk {start}", partial(queue.enqueue_many, jobs))
            claimed = sum(len(queue.claim(1_000)) for _ in range(JOBS // 1_000))
            clock.advance(timedelta(seconds=2))
            watch.time("reclaim", queue.reclaim, RECLAIM_MILLISECONDS)
            assert claimed == JOBS
            assert queue.stats() == {"pending": JOBS, "claimed": 0, "failed": 0}

    watch.run(life)


@pytest.mark.timeout(300)
def test_a_bulk_that_is_not_due_and_its_purge(server: Server) -> None:
    watch = Watch(server)

    def life(url: str) -> None:
        with Queue.open(url) as queue:
            for start in range(0, JOBS, BULK):
                jobs = [
                    Job(type="t", lane=f"{number % 7}", priority=number % 3, scheduled_at=FAR)
                    for number in range(BULK)
                ]
                watch.time(f"bulk {start}", partial(queue.enqueue_many, jobs))
            watch.time("purge", partial(queue.purge, ""))
            assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}

    watch.run(life)


@pytest.mark.timeout(300)
def test_failed_jobs_are_looked_at_and_replayed(server: Server) -> None:
    watch = Watch(server)
    failed = [
        Draft(id=f"{number}", type="t", payload="null", status=Status.FAILED, attempts=3)
        for number in range(JOBS)
    ]

    def life(url: str) -> None:
        hooks = resolve(connect(url)).hooks
        for start in range(0, JOBS, 1_000):
            chunk = failed[start : start + 1_000]
            hooks.queue_put(drafts=chunk, on_conflict="error", now=None)
        with Queue.open(url) as queue:
            watch.time("browse", partial(everything, queue))
            watch.time("replay", queue.replay_many)
            assert queue.stats() == {"pending": JOBS, "claimed": 0, "failed": 0}
        hooks.queue_close()

    watch.run(life)
