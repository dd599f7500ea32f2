"""A full store: what needs room is refused whole and by name, the rest goes on.

Here SQLite's file may not grow, or a disk is full; a full Redis is tested in its plugin.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from gofastr_queue import BackendUnavailable, Job, NoJob, Queue, Scheduler, StoreFull
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_sql.sqlite import SqliteBackend

ROOT = Path(__file__).parents[2]
FULL = os.environ.get("GOFASTR_FAULTS") == "1"
PAGES = 120
MINUTE = timedelta(minutes=1)
REMEDY = r"no room for '.*jobs.db': free disk space or raise its limit"
TABLES = ("queue_jobs", "queue_jobs_schedules", "queue_jobs_occurrences")


@frozen(eq=False)
class Full:
    """A queue on one connection, which holds all its file may hold."""

    queue: Queue
    connection: sqlite3.Connection
    clock: FakeClock
    claims: dict[str, Any]

    def stored(self) -> list[Any]:
        """Return every row there is."""
        return [
            self.connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()  # noqa: S608
            for table in TABLES
        ]

    def sound(self) -> bool:
        """Tell whether tables and indexes agree."""
        return bool(self.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))

    def limit(self, pages: int) -> None:
        """Let the file have so many pages."""
        self.connection.execute(f"PRAGMA max_page_count = {pages}")


def fill(queue: Queue, *sizes: int) -> int:
    """Enqueue jobs of each size in turn until there is no room for one; return how many."""
    stored = 0
    for size in sizes:
        for count in (100, 10, 1):
            jobs = [Job(type="t", payload="x" * size, priority=-1)] * count
            with suppress(StoreFull):
                while True:
                    stored += len(queue.enqueue_many(jobs))
    return stored


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Full]:
    """A queue with jobs in every state and a schedule that is due, with room for nothing."""
    clock = FakeClock()
    connection = sqlite3.connect(tmp_path / "jobs.db", check_same_thread=False)
    with Queue(SqliteBackend(connection, synchronous="normal"), clock=clock, lease=MINUTE) as queue:
        for number in range(2):
            queue.enqueue("t", id=f"failed{number}", max_attempts=1)
            queue.nack(queue.dequeue(), "broken")
        queue.enqueue("t", id="later", delay=5 * MINUTE)
        queue.enqueue_many([Job(type="t", id=f"claimed{number}") for number in range(8)])
        claims = {claim.job.id: claim for claim in queue.claim(8)}
        Scheduler(queue).every(MINUTE, "tick", id="s", catch_up="all")
        clock.advance(MINUTE / 2)
        full = Full(queue, connection, clock, claims)
        full.limit(PAGES)
        assert fill(queue, 2_000, 100, 0) > 100
        yield full
    connection.close()


def claimed(full: Full, number: int) -> Any:
    return full.claims[f"claimed{number}"]


def schedule(queue: Queue) -> bool:
    Scheduler(queue).every(MINUTE, "t", "x" * 8_000)
    return True


NEEDS_ROOM: dict[str, Callable[[Full], object]] = {
    "enqueue": lambda full: full.queue.enqueue("t"),
    "enqueue later": lambda full: full.queue.enqueue("t", delay=MINUTE, priority=3),
    "a new lane": lambda full: full.queue.enqueue("other", lane="other"),
    "a few": lambda full: full.queue.enqueue_many([Job(type="t")] * 5),
    "a bulk": lambda full: full.queue.enqueue_many([Job(type="t")] * 2_000),
    "a bulk in chunks": lambda full: full.queue.enqueue_many([Job(type="t")] * 2_000, chunk=1_000),
    "a bulk, some of which are there": lambda full: full.queue.enqueue_many(
        [Job(type="t"), Job(type="t", id="later")] * 2, on_conflict="ignore"
    ),
    "many claims": lambda full: full.queue.claim(1_000),
    "a long error": lambda full: full.queue.nack(claimed(full, 0), "x" * 8_000),
    "a schedule": lambda full: schedule(full.queue),
}


@pytest.mark.parametrize("what", NEEDS_ROOM)
def test_what_needs_room_is_refused_with_a_remedy_and_changes_nothing(
    full: Full, what: str
) -> None:
    before = full.stored()

    with pytest.raises(StoreFull, match=REMEDY):
        NEEDS_ROOM[what](full)

    assert full.stored() == before
    assert full.sound()


@pytest.mark.parametrize("what", NEEDS_ROOM)
def test_what_was_refused_is_done_when_there_is_room_again(full: Full, what: str) -> None:
    with pytest.raises(StoreFull):
        NEEDS_ROOM[what](full)
    full.limit(100 * PAGES)

    assert NEEDS_ROOM[what](full)
    assert full.sound()


def test_what_is_there_is_settled_and_taken_out(full: Full) -> None:
    queue = full.queue
    assert queue.ack(claimed(full, 0))
    assert queue.ack_many([claimed(full, 1), claimed(full, 2)])
    assert queue.cancel("failed0")
    assert queue.purge("failed") == 1
    assert queue.extend(claimed(full, 3), 5 * MINUTE)
    assert queue.release(claimed(full, 4))
    assert full.sound()

    assert queue.purge("pending", limit=20) == 20
    while True:
        try:
            claim = queue.dequeue()
        except NoJob:
            break
        assert queue.ack(claim)
    full.clock.advance(5 * MINUTE)
    queue.ack_many(queue.claim(100))

    assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}
    assert full.sound()
    assert fill(queue, 2_000) > 50


def test_a_worker_settles_what_has_run_and_works_off_the_rest(full: Full) -> None:
    """A turn that claims has no room, and must not keep its acks from being heard."""
    full.limit(100 * PAGES)
    go, began = threading.Event(), list[str]()

    def handle(job: Job) -> None:
        began.append(job.id)
        go.wait(30)

    full.queue.register_handler("t", handle)
    full.queue.purge("pending")
    full.queue.ack_many(list(full.claims.values()))
    full.queue.enqueue_many([Job(type="t") for _ in range(4)])
    full.queue.start(4, poll=0.1)
    eventually(lambda: len(began) == 4, "four running handlers", within=10, every=0.01)
    full.limit(PAGES)
    stored = fill(full.queue, 10, 0)
    go.set()

    eventually(
        lambda: not sum(full.queue.stats()[status] for status in ("pending", "claimed")),
        "the end of all work",
        within=60,
        every=0.05,
    )
    assert len(began) == len(set(began)) == stored + 4
    assert full.sound()


def test_a_fire_without_room_fires_nothing_and_is_made_up_for(
    full: Full, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler(full.queue)
    full.clock.advance(2 * MINUTE)
    fill(full.queue, 0)
    before = full.stored()

    assert scheduler.run_once() == 0
    assert full.stored() == before
    assert "free disk space or raise its limit" in caplog.text

    full.limit(100 * PAGES)
    assert scheduler.run_once() == 2
    assert scheduler.run_once() == 0
    assert full.sound()


def test_a_bulk_that_the_system_cuts_off_is_not_stored_and_the_reason_is_told(
    tmp_path: Path,
) -> None:
    """SQLite ends the transaction by itself then, and with it the savepoint of the bulk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Queue.open(f"sqlite:///{tmp_path}/jobs.db") as queue:
        kept = queue.enqueue("t")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        try:
            with pytest.raises(BackendUnavailable, match="disk I/O error"):
                queue.enqueue_many([Job(type="t", payload="x" * 2_000)] * 5_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert [job.id for job in queue.list_jobs()] == [kept.id]
        assert len(queue.enqueue_many([Job(type="t", payload="x" * 2_000)] * 5_000)) == 5_000


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"] if FULL else ["sqlite"])
def test_a_full_disk_is_told_and_everything_is_finished_when_there_is_room(
    backend: str,
    tmp_path: Path,
) -> None:
    apart = ["unshare", "--mount"]
    tried = [*apart, "mount", "-t", "tmpfs", "queue", str(tmp_path)]
    if subprocess.run(tried, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount the small disk that is filled, where it may")
    done = subprocess.run(
        [*apart, sys.executable, "-m", "tests.faults.full_disk", backend],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["stored"] > 50
