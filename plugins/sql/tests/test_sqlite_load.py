"""Many jobs, many threads, many pages: nothing is lost, and nothing stays open between calls."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gofastr_queue import DuplicateJob, Job, Queue


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def queue(file: Path) -> Iterator[Queue]:
    with Queue.open(f"sqlite:///{file}") as queue:
        yield queue


READS: dict[str, Callable[[Queue], object]] = {
    "page": lambda queue: queue.browse(limit=10),
    "get": lambda queue: queue.get("1"),
    "stats": lambda queue: queue.stats(),
    "claim": lambda queue: queue.claim(3),
    "claim of nothing": lambda queue: queue.claim(3, types=["none"]),
    "dequeue of a lane": lambda queue: queue.claim(1, lanes=["high", ""]),
    "reclaim": lambda queue: queue.reclaim(),
    "replay": lambda queue: queue.replay_many(limit=2),
    "purge": lambda queue: queue.purge("", limit=2),
    "extend": lambda queue: queue.extend(queue.dequeue()),
    "join": lambda queue: queue.join(0),
}


@pytest.mark.parametrize("read", READS)
def test_no_call_leaves_a_statement_open_that_would_let_the_log_grow(
    queue: Queue, file: Path, read: str
) -> None:
    queue.enqueue_many([Job(type=type) for type in ("a", "b") for _ in range(50)])

    held = READS[read](queue)

    with closing(sqlite3.connect(file)) as other:
        busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0
    assert file.with_name("jobs.db-wal").stat().st_size == 0
    del held


def test_the_log_does_not_grow_while_somebody_pages(queue: Queue, file: Path) -> None:
    queue.enqueue_many([Job(type="mail", payload="x" * 100)] * 1_000)
    wal = file.with_name("jobs.db-wal")
    sizes = []

    before, pages = "", 0
    while pages == 0 or before:
        page = queue.browse(limit=50, before=before)
        before, pages = page.next, pages + 1
        churn = queue.enqueue_many([Job(type="churn", payload="x" * 100)] * 1_500)
        queue.purge("", type="churn")
        sizes.append(wal.stat().st_size)

    assert pages == 20
    assert len(churn) == 1_500
    assert max(sizes) < 10 * 2**20  # twice that with a reader that stays


def test_sixteen_threads_on_one_queue_lose_and_double_nothing(file: Path) -> None:
    done: list[str] = []
    errors: list[BaseException] = []

    with Queue.open(f"sqlite:///{file}?synchronous=normal") as queue:

        def work(thread: int) -> None:
            try:
                for number in range(20):
                    queue.enqueue("mail", id=f"{thread}-{number}")
                    for claim in queue.claim(2):
                        if queue.ack(claim):
                            done.append(claim.job.id)
                    queue.stats()
                    queue.browse(limit=5)
            except BaseException as error:  # noqa: BLE001 - told below
                errors.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        done += [claim.job.id for claim in queue.claim(1_000) if queue.ack(claim)]

        assert errors == []
        assert sorted(done) == sorted(f"{one}-{other}" for one in range(16) for other in range(20))
        assert queue.stats() == {"pending": 0, "claimed": 0, "failed": 0}


def test_ten_thousand_jobs_are_stored_in_one_call(queue: Queue) -> None:
    jobs = queue.enqueue_many([Job(type="mail", payload=number) for number in range(10_000)])

    assert queue.stats()["pending"] == 10_000
    assert [claim.job.id for claim in queue.claim(3)] == [job.id for job in jobs[:3]]


def test_one_duplicate_among_ten_thousand_stores_none(queue: Queue) -> None:
    queue.enqueue("mail", id="7777")

    with pytest.raises(DuplicateJob, match="already stored: '7777'"):
        queue.enqueue_many([Job(type="mail", id=str(number)) for number in range(10_000)])
    assert queue.stats()["pending"] == 1

    jobs = [Job(type="mail", id=str(number)) for number in range(10_000)]
    assert len(queue.enqueue_many(jobs, on_conflict="ignore")) == 10_000
    assert queue.stats()["pending"] == 10_000


def test_fifty_thousand_jobs_are_stored_in_chunks(queue: Queue) -> None:
    jobs = queue.enqueue_many((Job(type="mail") for _ in range(50_000)), chunk=10_000)

    assert len(jobs) == queue.stats()["pending"] == 50_000
