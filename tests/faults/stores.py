"""The durable stores, each on a server of its own where it has one."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from attrs import frozen
from tests.servers import postgres, redis
from tests.servers.redis_tools import connected

SQLITE, POSTGRES, REDIS = KINDS = ("sqlite", "postgres", "redis")
SERVERS = (POSTGRES, REDIS)

Server = postgres.Server | redis.Server

numbers = itertools.count(1)


@frozen
class Store:
    """A queue that nobody has used: its URL, and the server it is on."""

    kind: str
    url: str
    server: Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where the server listens."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def through(self, host: str, port: int) -> str:
        """Return the URL by way of another host and port."""
        parts = urlsplit(self.url)
        credentials = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{credentials}@{host}:{port}").geturl()

    def restart(self, *, crash: bool) -> None:
        """Restart the server, in order or by a crash."""
        if isinstance(self.server, postgres.Server):
            self.server.restart("immediate" if crash else "fast")
        elif self.server is not None:
            self.server.restart("kill" if crash else "shutdown")


@contextmanager
def store(kind: str, folder: Path, server: Server | None) -> Iterator[Store]:
    """Give a new queue in a file of ``folder`` or on ``server``."""
    number = next(numbers)
    if server is None:
        yield Store(kind, f"sqlite:///{folder / 'jobs.db'}")
    elif isinstance(server, postgres.Server):
        yield Store(kind, f"{server.url()}?schema=faults_{number}", server)
        with psycopg.connect(server.url()) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS faults_{number} CASCADE".encode())
    else:
        yield Store(kind, f"{server.url()}?name=faults:{number}", server)
        with connected(server) as client:
            client.flushall()


@contextmanager
def write_lock(url: str) -> Iterator[None]:
    """Hold the write lock of a SQLite file, so that nobody else can write."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()
