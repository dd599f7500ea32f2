"""A caller's transaction carries the enqueue: it commits, rolls back, and stays usable."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import DuplicateJob, InvalidOption, Job, Queue


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def queue(file: Path) -> Iterator[Queue]:
    with Queue.open(f"sqlite:///{file}") as queue:
        yield queue


def as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


@pytest.fixture
def orders(file: Path) -> Iterator[sqlite3.Connection]:
    """The caller's connection in its default mode, with a business table."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE orders (id)")
        yield connection


def test_a_job_and_a_row_become_visible_together(queue: Queue, orders: sqlite3.Connection) -> None:
    orders.execute("INSERT INTO orders VALUES (1)")
    queue.enqueue("mail", transaction=orders)
    assert queue.stats()["pending"] == 0

    orders.commit()

    assert queue.stats()["pending"] == 1


def test_a_connection_in_legacy_mode_begins_a_transaction_that_the_caller_ends(
    queue: Queue, orders: sqlite3.Connection
) -> None:
    queue.enqueue("mail", transaction=orders)

    assert orders.in_transaction
    assert queue.stats()["pending"] == 0
    orders.rollback()
    queue.enqueue_many([Job(type="mail")] * 3, transaction=orders)
    orders.commit()
    assert queue.stats()["pending"] == 3


@pytest.mark.parametrize("row_factory", [sqlite3.Row, as_dict])
def test_the_rows_of_the_caller_may_have_any_form(
    queue: Queue, orders: sqlite3.Connection, row_factory: Any
) -> None:
    orders.row_factory = row_factory

    queue.enqueue("mail", transaction=orders)
    orders.commit()

    assert queue.stats()["pending"] == 1


def test_without_an_open_transaction_autocommit_is_refused(queue: Queue, file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        with pytest.raises(InvalidOption, match="no open transaction; execute BEGIN first"):
            queue.enqueue("mail", transaction=connection)

        connection.execute("BEGIN")
        queue.enqueue("mail", transaction=connection)
        connection.execute("COMMIT")

    assert queue.stats()["pending"] == 1


def test_a_transaction_on_another_file_is_refused(queue: Queue, tmp_path: Path) -> None:
    for name in (tmp_path / "other.db", ":memory:"):
        with closing(sqlite3.connect(name)) as connection:
            with pytest.raises(InvalidOption, match=r"the transaction is on .*, the queue is in"):
                queue.enqueue("mail", transaction=connection)

            assert not connection.in_transaction
    assert queue.stats()["pending"] == 0


def test_a_transaction_may_name_the_file_by_a_link(
    queue: Queue, file: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(file)

    with closing(sqlite3.connect(link)) as connection:
        queue.enqueue("mail", transaction=connection)
        connection.commit()

    assert queue.stats()["pending"] == 1


def test_an_async_connection_is_refused_by_name(queue: Queue) -> None:
    asynchronous = type("Connection", (), {"__module__": "aiosqlite.core"})()

    with pytest.raises(
        InvalidOption, match=r"must be a sqlite3.Connection .*, got aiosqlite.core.Connection"
    ):
        queue.enqueue("mail", transaction=asynchronous)

    assert queue.stats()["pending"] == 0


def test_an_error_leaves_the_transaction_usable(queue: Queue, orders: sqlite3.Connection) -> None:
    queue.enqueue("mail", id="1")
    orders.execute("INSERT INTO orders VALUES (1)")

    with pytest.raises(DuplicateJob):
        queue.enqueue_many([Job(type="mail", id="2"), Job(type="mail", id="1")], transaction=orders)

    orders.execute("INSERT INTO orders VALUES (2)")
    orders.commit()
    assert orders.execute("SELECT count(*) FROM orders").fetchone() == (2,)
    assert [job.id for job in queue.list_jobs()] == ["1"]
