"""What a claim costs in SQLite's own steps, which no other load on the machine changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gofastr_queue.records import EVERYTHING, Draft, Want
from gofastr_queue_sql import SqliteBackend

LEASE = timedelta(minutes=5)

WANTS = {
    "everything": EVERYTHING,
    "all but one type": Want(not_types=frozenset({"absent"})),
    "one lane": Want(lanes=frozenset({"b"})),
    "the last type": Want(types=frozenset({"z"})),
    "the last line": Want(types=frozenset({"z"}), lanes=frozenset({"b"})),
}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "jobs.db", check_same_thread=False)) as connection:
        yield connection


def store(backend: SqliteBackend, name: str, each: int) -> None:
    backend.queue_put(
        [
            Draft(f"{name}-{lane}-{type}-{number}", type, "null", lane=lane)
            for lane in ("", "b")
            for type in ("a", "z")
            for number in range(each)
        ],
        "error",
        None,
        None,
    )


def steps(connection: sqlite3.Connection, backend: SqliteBackend, want: Want) -> int:
    """Return the instructions of SQLite's machine that claiming one job takes."""
    counted = [0]

    def count() -> int:
        counted[0] += 1
        return 0

    connection.set_progress_handler(count, 1)
    claimed = backend.queue_claim(want, 1, LEASE, "worker", None).claims
    connection.set_progress_handler(None, 0)
    assert len(claimed) == 1
    return counted[0]


@pytest.mark.parametrize("want", WANTS.values(), ids=WANTS.keys())
def test_a_claim_takes_as_many_steps_behind_thousands_of_jobs_as_behind_a_few(
    connection: sqlite3.Connection, want: Want
) -> None:
    backend = SqliteBackend(connection)
    store(backend, "few", 10)
    few = steps(connection, backend, want)
    store(backend, "many", 2_000)

    many = steps(connection, backend, want)

    assert many <= 2 * few
