"""The stores that are measured, and the queues in them."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

from gofastr_queue_memory import MemoryBackend
from gofastr_queue_redis import RedisBackend
from gofastr_queue_sql import SqliteBackend
from gofastr_queue_sql.postgres import PostgresBackend

AnyBackend = SqliteBackend | PostgresBackend | RedisBackend | MemoryBackend

Counts = Counter[tuple[str, str, str]]
"""Jobs by status, lane and type."""

SQL = Path(__file__).with_name("sql")


class Queue(Protocol):
    """A queue to measure, empty at first."""

    @property
    def backend(self) -> AnyBackend:
        """The hooks that are measured."""

    def counted(self) -> Counts:
        """Count the stored jobs without the queue's own counting."""

    def size(self) -> int:
        """Return the bytes that the store needs for it."""

    def known(self) -> str:
        """Say what the store's planner knows of it."""

    def settle(self) -> bool:
        """Wait for the store's own upkeep; False where there is none, or it did not come."""

    def remove(self) -> None:
        """Close and remove it."""


class Store(Protocol):
    """A kind of store."""

    @property
    def name(self) -> str:
        """The backend's name."""

    @property
    def settings(self) -> str:
        """What the measurements depend on."""

    def queue(self) -> Queue:
        """Make an empty queue."""


def statement(name: str, table: str = "") -> str:
    """Return a statement of ours for a table."""
    return SQL.joinpath(f"{name}.sql").read_text("utf-8").replace("{table}", table)


class SqliteQueue:
    """A SQLite file of its own."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.backend = SqliteBackend(file, synchronous="normal")

    def counted(self) -> Counts:
        """Count the stored jobs on another connection."""
        with closing(sqlite3.connect(self.file)) as connection:
            rows = connection.execute(statement("count", "queue_jobs")).fetchall()
        return Counter({(status, lane, type): jobs for status, lane, type, jobs in rows})

    def size(self) -> int:
        """Return the bytes of the file and its log."""
        return sum(each.stat().st_size for each in self.file.parent.glob(f"{self.file.name}*"))

    def known(self) -> str:
        """Say that nothing was analyzed: nobody does unless its owner."""
        return "never analyzed"

    def settle(self) -> bool:
        """Return False: a SQLite file has no upkeep of its own."""
        return False

    def remove(self) -> None:
        """Close and remove the file."""
        self.backend.queue_close()
        for each in self.file.parent.glob(f"{self.file.name}*"):
            each.unlink()


class SqliteStore:
    """SQLite files in a temporary folder."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = f"SQLite {sqlite3.sqlite_version}, journal_mode=wal, synchronous=normal"
        self._numbers = count(1)

    def queue(self) -> SqliteQueue:
        """Make an empty queue."""
        return SqliteQueue(self.folder / f"{next(self._numbers)}.db")


@contextmanager
def sqlite_store() -> Iterator[SqliteStore]:
    """Give SQLite files that are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        yield SqliteStore(Path(folder))
