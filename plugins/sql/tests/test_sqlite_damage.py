"""Rows that somebody has garbled: one job fails, the queue goes on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gofastr_queue import Queue

GARBLED = {
    "payload that is no JSON": "payload = 'garbage'",
    "payload that is no UTF-8": "payload = CAST(X'22FF22' AS TEXT)",
    "payload nested without end": "payload = printf('%.*c', 100000, '[')",
    "headers that are no JSON": "headers = '{'",
    "headers that are a number": "headers = '5'",
    "errors that are no JSON": "errors = 'garbage'",
    "errors that are a number": "errors = '5'",
    "errors nested without end": "errors = printf('%.*c', 100000, '[')",
    "errors from the end of time": "errors = '[[1, 1e300, \"x\"]]'",
    "errors that are numbers": "errors = '[[1, 0, 5]]'",
    "errors that are texts": "errors = '[\"abc\"]'",
    "a creation beyond the year 9999": "created_at = 4611686018427387904",
    "a creation before the year 1": "created_at = -4611686018427387904",
    "a schedule before the year 1": "scheduled_at = -4611686018427387904",
    "attempts beyond all bounds": "attempts = 9000000000000000000",
    "negative attempts": "attempts = -1",
}


@pytest.fixture(params=list(GARBLED))
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Queue:
    """A queue whose first job of two is garbled."""
    queue = Queue.open(f"sqlite:///{tmp_path}/jobs.db")
    queue.enqueue("mail", id="bad")
    queue.enqueue("mail", id="good")
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as other, other:
        other.execute(f"UPDATE queue_jobs SET {GARBLED[request.param]} WHERE id = 'bad'")  # noqa: S608 - ours
    return queue


def test_the_job_behind_a_garbled_one_is_served(queue: Queue) -> None:
    with queue:
        served = [claim.job.id for _ in range(2) for claim in queue.claim(1)]

        assert "good" in served


def test_a_garbled_job_is_still_counted_listed_and_removed(queue: Queue) -> None:
    with queue:
        assert queue.stats()["pending"] == 2
        assert [job.id for job in queue.list_jobs()] == ["good", "bad"]
        assert queue.cancel("bad")
        assert [job.id for job in queue.list_jobs()] == ["good"]
