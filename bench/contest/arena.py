"""Where contestants meet: a throw-away server, as durable as its name says, a place for each."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import psycopg
from attrs import frozen
from bench.contest import costing
from bench.contest.costing import DISK
from tests.servers import postgres, redis

SHARED_BUFFERS = "128MB"
"""PostgreSQL's own default; the tests' servers have less."""

DATABASES = 32
"""Of Redis: one for each contestant."""


@frozen
class Arena:
    """A store's name, how durable it is, and what each contestant must read back from it.

    ``place`` makes a place of a contestant's own and returns its URL; ``costs`` reads the store's
    counters for it; ``server`` is the process that serves, 0 where there is none.
    """

    store: str
    mode: str
    durability: str
    place: Callable[[str], str]
    costs: Callable[[str], dict[str, float]] = lambda _: {}
    server: int = 0

    @property
    def name(self) -> str:
        """For instance ``redis, AOF always``."""
        return f"{self.store}, {self.mode}" if self.mode else self.store


@contextmanager
def _memory() -> Iterator[Arena]:
    yield Arena("memory", "", "in memory", lambda _: "memory://")


@contextmanager
def _sqlite(synchronous: str) -> Iterator[Arena]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:

        def place(name: str) -> str:
            return f"sqlite:///{Path(folder) / name}.db?synchronous={synchronous}"

        def costs(name: str) -> dict[str, float]:
            return {DISK: costing.of_sqlite(Path(folder) / f"{name}.db")}

        mode = f"synchronous {synchronous}"
        yield Arena("sqlite", mode, f"wal, {mode}", place, costs)


@contextmanager
def _postgres() -> Iterator[Arena]:
    with postgres.Server(shared_buffers=SHARED_BUFFERS) as server:

        def place(name: str) -> str:
            with psycopg.connect(server.url(), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}".encode())
            return server.url(name)

        def costs(name: str) -> dict[str, float]:
            return costing.of_postgres(server.url(), name)

        durability = "fsync on, synchronous_commit on"
        assert server.pid is not None
        yield Arena("postgresql", "synchronous_commit on", durability, place, costs, server.pid)


@contextmanager
def _redis(appendfsync: str) -> Iterator[Arena]:
    # a rewrite of the log would fall on one contestant and not on another
    with redis.Server(
        appendfsync=appendfsync, auto_aof_rewrite_percentage=0, databases=DATABASES
    ) as server:
        names: list[str] = []

        def place(name: str) -> str:
            names.append(name)
            return server.url(len(names) - 1)

        def costs(_: str) -> dict[str, float]:
            return costing.of_redis(server.url())

        durability = f"appendonly yes, appendfsync {appendfsync}"
        assert server.pid is not None
        yield Arena("redis", f"AOF {appendfsync}", durability, place, costs, server.pid)


ARENAS: dict[str, tuple[Callable[[], AbstractContextManager[Arena]], ...]] = {
    "sqlite": (partial(_sqlite, "full"), partial(_sqlite, "normal")),
    "postgresql": (_postgres,),
    "redis": (partial(_redis, "always"), partial(_redis, "everysec")),
    "memory": (_memory,),
}
"""By store; one after the other, so that each has the machine for itself."""
