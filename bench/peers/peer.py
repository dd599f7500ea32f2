"""What all peers have in common as contestants, and what those in one kind of store have."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, ClassVar

import psycopg
from bench.contest import durability
from bench.contest.contestant import About, Contestant, Payload, Running
from bench.contest.ledger import Ledger
from bench.contest.payload import payload
from bench.contest.workers import workers
from bench.peers.gathering import Gathering
from bench.peers.place import URL, file
from redis import Redis

WARM_UP = 50
"""Jobs that are enqueued, and removed, before any is timed."""


class Peer(Contestant):
    """Another queue; a file for each says with which settings."""

    package: ClassVar[str]
    """Its distribution's name."""

    worker: ClassVar[Sequence[str]]
    """The module of its own command and the arguments with which it is started, once a process."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        os.environ[URL] = url

    @abstractmethod
    def make(self) -> None:
        """Make its tables, if it has any."""

    @abstractmethod
    def clear(self) -> None:
        """Remove every job from the store, raw."""

    @abstractmethod
    def durability(self) -> str:
        """Say what a commit waits for, as the store tells it."""

    def prepare(self) -> About:
        """Make its tables and enqueue some jobs for nobody."""
        self.make()
        self.enqueue([payload(number) for number in range(WARM_UP)])
        self.clear()
        return About(self.package, version(self.package), self.durability())

    @contextmanager
    def running(self, ledger: Ledger, processes: int) -> Iterator[Running]:
        """Give processes that run its command."""
        command = [sys.executable, "-W", "ignore", "-m", "bench.peers.command", *self.worker]
        with workers(command, ledger, processes) as started:
            yield Gathering(started, ledger, processes)


class PostgresPeer(Peer):
    """A peer in PostgreSQL."""

    tables: ClassVar[str]
    """What is emptied before anything is timed."""

    waiting: ClassVar[str]
    """What counts the jobs that wait or run."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.store = psycopg.connect(url, autocommit=True)

    def left(self) -> int:
        """Count rows."""
        return int(self.store.execute(self.waiting.encode()).fetchall()[0][0])

    def clear(self) -> None:
        """Empty the tables."""
        self.store.execute(f"TRUNCATE {self.tables}".encode())

    def durability(self) -> str:
        """Ask the server."""
        return durability.of_postgres(self.store)

    def close(self) -> None:
        """Close the connection."""
        self.store.close()


class SqlitePeer(Peer):
    """A peer in SQLite; its own connections are as durable as the URL says."""

    table: ClassVar[str]
    """What is emptied before anything is timed."""

    waiting: ClassVar[str]
    """What counts the jobs that wait or run."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.store = sqlite3.connect(file(), isolation_level=None, timeout=30)

    def make(self) -> None:
        """Do nothing: tables come with its own first connection."""

    def left(self) -> int:
        """Count rows."""
        return int(self.store.execute(self.waiting).fetchone()[0])

    def clear(self) -> None:
        """Empty the table."""
        self.store.execute(f"DELETE FROM {self.table}")  # noqa: S608 - a constant

    def close(self) -> None:
        """Close the connection."""
        self.store.close()


class RedisPeer(Peer):
    """A peer in Redis, alone in its database."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.store = Redis.from_url(url)

    def make(self) -> None:
        """Do nothing: keys come with their first job."""

    def clear(self) -> None:
        """Empty the database."""
        self.store.flushdb()

    def durability(self) -> str:
        """Ask the server."""
        return durability.of_redis(self.store)

    def close(self) -> None:
        """Close the connection."""
        self.store.close()


class Loop:
    """An event loop for a producer whose verbs are coroutine functions."""

    def __init__(self, factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
        self._runner = asyncio.Runner(loop_factory=factory)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run until it is done."""
        return self._runner.run(coroutine)

    def timed(
        self, enqueue: Callable[[Payload], Coroutine[Any, Any, object]], payloads: Sequence[Payload]
    ) -> float:
        """Enqueue one at a time without leaving the loop in between; return the seconds."""

        async def enqueue_all() -> float:
            begin = time.perf_counter()
            for each in payloads:
                await enqueue(each)
            return time.perf_counter() - begin

        return float(self.run(enqueue_all()))

    def close(self) -> None:
        """Close it."""
        self._runner.close()
