"""The printed schema is the one that opening a queue makes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import InvalidOption, Queue, QueueError, schemas


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def other(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection of a migration tool to the same file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


def schema(connection: sqlite3.Connection) -> list[Any]:
    """Return all that the schema is, the versions with it."""
    return [
        *connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"),
        *connection.execute("SELECT * FROM gofastr_queue_schema ORDER BY queue"),
    ]


@pytest.mark.parametrize("table", ["queue_jobs", "mails", "order", "x" * 48])
def test_it_equals_that_of_an_opened_queue(
    tmp_path: Path, other: sqlite3.Connection, table: str
) -> None:
    opened = tmp_path / "opened.db"
    Queue.open(f"sqlite:///{opened}", table=table).close()

    other.executescript(schemas.text("sqlite:///jobs.db", table=table))

    with closing(sqlite3.connect(opened)) as connection:
        assert schema(other) == schema(connection)


def test_a_queue_opened_on_it_works_and_changes_nothing_of_it(
    file: Path, other: sqlite3.Connection
) -> None:
    other.executescript(schemas.text(f"sqlite:///{file}?table=mails"))
    before = schema(other), other.execute("PRAGMA schema_version").fetchone()

    with Queue.open(f"sqlite:///{file}?table=mails") as queue:
        id = queue.enqueue("mail", {"to": "user@example.com"}, max_attempts=1).id
        queue.nack(queue.dequeue(), "no such address")
        assert queue.replay(id)
        assert queue.ack(queue.dequeue())

    assert (schema(other), other.execute("PRAGMA schema_version").fetchone()) == before


def test_two_queues_in_one_file_can_both_be_made_by_it(
    file: Path, other: sqlite3.Connection
) -> None:
    for table in ("mails", "others"):
        other.executescript(f"BEGIN; {schemas.text('sqlite:///jobs.db', table=table)} COMMIT;")
    before = schema(other)

    for table in ("mails", "others"):
        Queue.open(f"sqlite:///{file}", table=table).close()

    assert schema(other) == before


def test_running_it_twice_fails_and_leaves_the_queue(file: Path, other: sqlite3.Connection) -> None:
    text = schemas.text(f"sqlite:///{file}")
    other.executescript(text)
    before = schema(other)

    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        other.executescript(text)

    assert schema(other) == before


def test_nothing_is_made_by_writing_it(file: Path) -> None:
    schemas.text(f"sqlite:///{file}")

    assert not file.exists()


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://host/jobs.db", "sqlite:///a?table=x%22"])
def test_what_cannot_be_opened_cannot_be_written(url: str) -> None:
    with pytest.raises(InvalidOption):
        schemas.text(url)


@pytest.mark.parametrize("table", ["sqlite_jobs", "gofastr_queue_schema"])
def test_a_reserved_name_is_refused_in_the_queues_words(table: str) -> None:
    with pytest.raises(QueueError, match=table):
        schemas.text("sqlite:///jobs.db", table=table)
