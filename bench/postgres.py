"""A throw-away PostgreSQL server that is as durable as its defaults, and queues in it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
from bench.stores import Counts, statement
from tests.servers.postgres import Server

from gofastr_queue_sql.postgres import PostgresBackend

SHARED_BUFFERS = "128MB"
"""PostgreSQL's own default; the tests' servers have less."""

PATIENCE = 300.0
"""Seconds in which autovacuum, once a minute by default, should have been there."""


class PostgresQueue:
    """A table of its own."""

    def __init__(self, url: str, table: str) -> None:
        self.url = url
        self.table = table
        self.backend = PostgresBackend(url, table=table)

    def counted(self) -> Counts:
        """Count the stored jobs on another connection."""
        rows = self._ask("count")
        return Counter({(status, lane, type): jobs for status, lane, type, jobs in rows})

    def size(self) -> int:
        """Return the bytes of the table with its indexes."""
        return int(self._ask("size")[0][0])

    def known(self) -> str:
        """Say what the planner knows, and what vacuum has left."""
        rows, dead, analyzed, vacuumed = self._ask("known")[0]
        since = f"analyzed {analyzed} as {rows:,} rows" if analyzed else "never analyzed"
        return f"{since}, vacuumed {vacuumed or 'never'}, {dead:,} dead"

    def settle(self) -> bool:
        """Wait until autovacuum has vacuumed and analyzed the table."""
        deadline = time.monotonic() + PATIENCE
        while None in self._ask("known")[0][2:]:
            if time.monotonic() > deadline:
                return False
            time.sleep(1)
        return True

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Keep a transaction open that has read the table."""
        with psycopg.connect(self.url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute(statement("snapshot", self.table).encode())
            yield
            connection.rollback()

    def remove(self) -> None:
        """Close and drop the table."""
        self.backend.queue_close()
        with psycopg.connect(self.url) as connection:
            connection.execute(f"DROP TABLE {self.table}".encode())

    def _ask(self, name: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement(name, self.table).encode()).fetchall()


class PostgresStore:
    """Tables of one server."""

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self.url = url
        with psycopg.connect(url) as connection:
            settings = connection.execute(statement("settings").encode()).fetchall()
        self.settings = ", ".join(f"{name}={setting}" for name, setting in settings)
        self._numbers = count(1)

    def queue(self) -> PostgresQueue:
        """Make an empty queue."""
        return PostgresQueue(self.url, f"bench_{next(self._numbers)}")


@contextmanager
def postgres_store() -> Iterator[PostgresStore]:
    """Give a server that is gone afterwards."""
    with Server(shared_buffers=SHARED_BUFFERS) as server:
        yield PostgresStore(server.url())
