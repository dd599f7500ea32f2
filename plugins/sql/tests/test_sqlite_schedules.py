"""Schedules in a SQLite file: files of earlier versions, and rows that somebody spoiled."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import BackendUnavailable, Queue, Scheduler
from gofastr_queue.testing import FakeClock

MINUTE = timedelta(minutes=1)

BACK_TO_VERSION_1 = """
    DROP TABLE queue_jobs_schedules;
    DROP TABLE queue_jobs_occurrences;
    UPDATE gofastr_queue_schema SET version = 1;
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def other(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


def schema(connection: sqlite3.Connection) -> list[Any]:
    return [
        *connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"),
        *connection.execute("SELECT * FROM gofastr_queue_schema"),
    ]


def test_a_file_of_version_1_is_upgraded_and_keeps_its_jobs(
    file: Path, other: sqlite3.Connection
) -> None:
    with Queue.open(f"sqlite:///{file}") as queue:
        queue.enqueue("mail", {"n": 1}, id="kept")
    made = schema(other)
    other.executescript(BACK_TO_VERSION_1)

    with Queue.open(f"sqlite:///{file}") as queue:
        assert queue.dequeue().job.payload == {"n": 1}
        assert queue.schedules() == []

    assert schema(other) == made


def test_processes_upgrade_one_file_together(file: Path, other: sqlite3.Connection) -> None:
    Queue.open(f"sqlite:///{file}").close()
    other.executescript(BACK_TO_VERSION_1)
    code = f"from gofastr_queue import Queue; Queue.open('sqlite:///{file}').schedules()"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]

    said = [process.communicate(timeout=60)[1] for process in processes]

    assert said == [""] * 4


def test_an_upgrade_that_fails_changes_nothing(file: Path, other: sqlite3.Connection) -> None:
    Queue.open(f"sqlite:///{file}").close()
    other.executescript(BACK_TO_VERSION_1)
    other.execute("CREATE TABLE queue_jobs_occurrences (mine TEXT)")
    before = schema(other)

    with pytest.raises(BackendUnavailable, match="queue_jobs_occurrences"):
        Queue.open(f"sqlite:///{file}")

    assert schema(other) == before


@pytest.mark.parametrize(
    "spoil",
    [
        "definition = CAST(x'ff00fe' AS TEXT)",
        "definition = ''",
        "definition = '{\"type\": 1}'",
        "watermark = 9223372036854775807, next_due = 0",
        "watermark = -9223372036854775808",
        "registered_at = 9223372036854775807",
        "next_due = -9223372036854775808",
    ],
)
def test_a_spoiled_row_spoils_no_other(
    file: Path, other: sqlite3.Connection, caplog: pytest.LogCaptureFixture, spoil: str
) -> None:
    clock = FakeClock()
    with Queue.open(f"sqlite:///{file}", clock=clock) as queue:
        scheduler = Scheduler(queue)
        for id in ("a", "bad", "z"):
            scheduler.every(MINUTE, id)
        scheduler.run_once()
        other.execute(f"UPDATE queue_jobs_schedules SET {spoil} WHERE id = 'bad'")  # noqa: S608
        with caplog.at_level(logging.ERROR):
            for _ in range(3):
                clock.advance(MINUTE)
                scheduler.run_once()

        fired = [claim.job.type for claim in queue.claim(99)]
        assert fired.count("a") == fired.count("z") == 3
        assert {one.id for one in queue.schedules()} == {"a", "bad", "z"}
        scheduler.every(2 * MINUTE, "bad", id="bad")
        assert queue.schedules("bad")[0].problem == ""
