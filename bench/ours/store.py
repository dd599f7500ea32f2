"""The stores that queues of ours are in, asked through their drivers alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
from attrs import frozen
from bench.contest import durability
from redis import Redis

TABLE = "queue_jobs"
KEYS = "{queue_jobs}"
"""Where a queue is unless it is told otherwise."""


class Store(Protocol):
    """What stands in a store, without our own counting."""

    def left(self) -> int:
        """Count the jobs."""

    def durability(self) -> str:
        """Say what a commit waits for, as the store tells it."""

    def close(self) -> None:
        """Let go of the connection."""


@frozen(eq=False)
class Sqlite:
    """A file."""

    connection: sqlite3.Connection
    synchronous: str

    @classmethod
    def at(cls, url: str) -> Sqlite:
        """Connect to the file of a URL, and be as durable as it says."""
        parts = urlsplit(url)
        connection = sqlite3.connect(unquote(parts.path[1:]), isolation_level=None, timeout=30)
        synchronous = parse_qs(parts.query)["synchronous"][0]
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        return cls(connection, synchronous)

    def left(self) -> int:
        return int(self.connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone()[0])  # noqa: S608 - a constant

    def durability(self) -> str:
        return durability.of_sqlite(self.connection)

    def close(self) -> None:
        self.connection.close()


@frozen(eq=False)
class Postgres:
    """A database."""

    connection: psycopg.Connection[Any]

    @classmethod
    def at(cls, url: str) -> Postgres:
        """Connect."""
        return cls(psycopg.connect(url, autocommit=True))

    def left(self) -> int:
        row = self.connection.execute(f"SELECT count(*) FROM {TABLE}".encode()).fetchone()  # noqa: S608 - a constant
        assert row is not None
        return int(row[0])

    def durability(self) -> str:
        return durability.of_postgres(self.connection)

    def close(self) -> None:
        self.connection.close()


@frozen(eq=False)
class RedisStore:
    """A server."""

    client: Redis

    @classmethod
    def at(cls, url: str) -> RedisStore:
        """Connect."""
        return cls(Redis.from_url(url, decode_responses=True))

    def left(self) -> int:
        return int(self.client.hlen(f"{KEYS}:jobs"))

    def durability(self) -> str:
        return durability.of_redis(self.client)

    def close(self) -> None:
        self.client.close()


STORES: dict[str, Callable[[str], Store]] = {
    "sqlite": Sqlite.at,
    "postgresql": Postgres.at,
    "redis": RedisStore.at,
}


def store(url: str) -> Store:
    """Connect to the store that a URL names."""
    return STORES[urlsplit(url).scheme](url)
