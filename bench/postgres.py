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

NAP = 75.0
"""Seconds in which autovacuum comes by if it finds that there is enough to do."""

PATIENCE = 300.0
"""Seconds in which it must have been there once."""

CLEAN = 0.01
"""The part of the rows that a vacuum may have left, or that came later."""


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
        rows, dead, new, analyzed, vacuumed = self._ask("known")[0]
        since = f"analyzed {analyzed} as {rows:,} rows" if analyzed else "never analyzed"
        return f"{since}, vacuumed {vacuumed or 'never'}, since then {dead:,} dead and {new:,} new"

    def settle(self) -> bool:
        """Wait until the table is analyzed, and vacuumed after most of what was done to it."""
        began = time.monotonic()
        while True:
            rows, dead, new, analyzed, vacuumed = self._ask("known")[0]
            done = analyzed is not None and vacuumed is not None
            waited = time.monotonic() - began
            if done and (dead + new <= CLEAN * rows or waited > NAP):
                return True
            if waited > PATIENCE:
                return False
            time.sleep(1)

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
