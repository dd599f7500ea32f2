"""Connections: settings that are really set, and a caller's own connection."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import BackendUnavailable, InvalidOption, Queue
from gofastr_queue_sql import SqliteBackend
from gofastr_queue_sql.sqlite import connect
from gofastr_queue_sql.sqlite_file import File


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


def own(database: Path | sqlite3.Connection) -> Any:
    """Return a backend on a path or connection of the caller's."""
    return SqliteBackend(database)


def as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def pragmas(backend: SqliteBackend, name: str) -> set[Any]:
    """Return a setting of every connection of a backend."""
    values = set()
    for connection in (backend._writer, backend._reader):
        with connection.reading() as cursor:
            values.add(cursor.execute(f"PRAGMA {name}").fetchone()[0])
    return values


@pytest.mark.parametrize(("option", "value"), [(None, 2), ("full", 2), ("normal", 1)])
def test_the_log_is_written_ahead_and_synchronous_is_what_was_asked(
    file: Path, option: str | None, value: int
) -> None:
    options = {} if option is None else {"synchronous": option}
    backend = SqliteBackend(file, **options)

    assert pragmas(backend, "journal_mode") == {"wal"}
    assert pragmas(backend, "synchronous") == {value}
    assert pragmas(backend, "busy_timeout") == {30_000}
    backend.queue_close()


def test_synchronous_can_be_asked_for_in_the_url(file: Path) -> None:
    backend = connect(f"sqlite:///{file}?synchronous=normal")

    assert pragmas(backend, "synchronous") == {1}
    backend.queue_close()


def test_a_connection_is_opened_when_something_needs_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[sqlite3.Connection] = []
    open_file = File.open

    def count(file: File) -> sqlite3.Connection:
        opened.append(open_file(file))
        return opened[-1]

    monkeypatch.setattr(File, "open", count)
    with Queue.open(f"sqlite:///{file}") as queue:
        queue.enqueue("mail")
        assert len(opened) == 1  # to write
        queue.stats()
        assert len(opened) == 2  # to list without holding up writers
        queue.dequeue()
        assert len(opened) == 3  # to look for something to claim


@pytest.mark.parametrize(
    ("again", "said"), [(False, "cannot open"), (True, "another file than it was")]
)
def test_a_file_that_was_taken_away_is_told_and_not_made_anew(
    file: Path, again: bool, said: str
) -> None:
    with Queue.open(f"sqlite:///{file}") as queue:
        queue.enqueue("mail")
        for path in [*file.parent.iterdir()]:
            path.unlink()
        if again:
            Queue.open(f"sqlite:///{file}").close()

        with pytest.raises(BackendUnavailable, match=said):
            queue.stats()

    assert file.exists() is again


@pytest.mark.parametrize("value", ["off", "FULL", "", 1, None, "extra", "full; DROP TABLE x"])
def test_another_synchronous_is_refused_before_a_file_is_made(file: Path, value: Any) -> None:
    with pytest.raises(InvalidOption, match="synchronous must be 'full' or 'normal', got"):
        SqliteBackend(file, synchronous=value)

    assert not file.exists()


# A connection of the caller's own


@pytest.mark.parametrize("isolation_level", [None, "", "DEFERRED", "IMMEDIATE"])
@pytest.mark.parametrize("row_factory", [None, sqlite3.Row, as_dict])
def test_a_queue_works_on_a_callers_connection_and_leaves_it_open(
    file: Path, isolation_level: Any, row_factory: Any
) -> None:
    connection = sqlite3.connect(file, check_same_thread=False, isolation_level=isolation_level)
    connection.row_factory = row_factory

    with Queue(own(connection)) as queue:
        queue.enqueue("mail", id="1", max_attempts=1)
        assert not connection.in_transaction
        assert queue.nack(queue.dequeue(), "no")
        assert queue.replay("1")
        assert queue.ack(queue.dequeue())
        assert queue.stats()["pending"] == 0

    assert connection.execute("SELECT 1").fetchone() is not None
    assert connection.row_factory is row_factory
    connection.close()


def test_a_connection_bound_to_its_thread_is_refused(file: Path) -> None:
    with (
        closing(sqlite3.connect(file)) as connection,
        pytest.raises(InvalidOption, match=r"bound to its thread; .*check_same_thread=False"),
    ):
        SqliteBackend(connection)


def test_a_connection_inside_a_transaction_is_refused_and_left_in_it(file: Path) -> None:
    with closing(sqlite3.connect(file, check_same_thread=False)) as connection:
        connection.execute("CREATE TABLE orders (id)")
        connection.execute("INSERT INTO orders VALUES (1)")

        with pytest.raises(InvalidOption, match="inside a transaction; commit it first"):
            SqliteBackend(connection)

        assert connection.in_transaction
        connection.rollback()
        assert connection.execute("SELECT * FROM orders").fetchall() == []


def test_a_connection_to_memory_is_refused() -> None:
    for name in (":memory:", ""):
        with (
            closing(sqlite3.connect(name, check_same_thread=False)) as connection,
            pytest.raises(InvalidOption, match=r"in memory, .*use 'memory://'"),
        ):
            SqliteBackend(connection)


def test_a_closed_connection_is_refused_as_closed(file: Path) -> None:
    connection = sqlite3.connect(file, check_same_thread=False)
    connection.close()

    with pytest.raises(InvalidOption, match="closed"):
        SqliteBackend(connection)


def test_what_is_neither_path_nor_connection_is_refused() -> None:
    wrong: Any = object()

    with pytest.raises((TypeError, InvalidOption), match="object"):
        SqliteBackend(wrong)


def test_a_connection_closed_under_a_queue_is_a_backend_failure(file: Path) -> None:
    connection = sqlite3.connect(file, check_same_thread=False)
    with Queue(own(connection)) as queue:
        connection.close()

        with pytest.raises(BackendUnavailable, match="closed"):
            queue.dequeue()


def test_a_closed_backend_is_a_backend_failure(file: Path) -> None:
    backend = SqliteBackend(file)
    assert backend.queue_close()
    assert backend.queue_close()

    with pytest.raises(BackendUnavailable, match="is closed"):
        backend.queue_stats()


def test_a_lock_that_is_held_too_long_is_a_backend_failure(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gofastr_queue_sql.sqlite_file.BUSY_SECONDS", 0.05)
    with Queue.open(f"sqlite:///{file}") as queue, closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(BackendUnavailable, match=r"locked by others .*end their long transact"):
            queue.enqueue("mail")

        other.rollback()
        assert queue.enqueue("mail").status == "pending"
