"""A pool of psycopg that treats server sessions as a pooler of transactions does."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGconn
from psycopg_pool import ConnectionPool

CONNECT_TRIES = 9


class Forgetful(Connection[tuple[Any, ...]]):
    """A connection whose session is discarded after each transaction, committed by hand or not."""

    @classmethod
    def connect(cls, *args: Any, **options: Any) -> Any:
        """Try again at once; the pool itself would pause for seconds."""
        for _ in range(CONNECT_TRIES):
            with suppress(OperationalError):
                return super().connect(*args, **options)
        return super().connect(*args, **options)

    def wait(self, *args: Any, **options: Any) -> Any:
        try:
            return super().wait(*args, **options)
        finally:
            forget(self.pgconn)


class RandomSessions(ConnectionPool[Forgetful]):
    """Hands out a random one of its sessions; every other one is not autocommit."""

    def __init__(self, dsn: str, sessions: int = 4) -> None:
        self._turns = itertools.cycle([False, True])
        super().__init__(
            dsn,
            connection_class=Forgetful,
            configure=self._configure,
            min_size=sessions,
            max_size=sessions,
            open=False,
        )

    def getconn(self, timeout: float | None = None) -> Forgetful:
        with self._lock:
            self._pool.rotate(random.randrange(self.max_size))  # noqa: S311 - no secret
        connection = super().getconn(timeout)
        forget(connection.pgconn)
        return connection

    def _configure(self, connection: Forgetful) -> None:
        connection.autocommit = next(self._turns)


@contextmanager
def random_sessions(dsn: str, sessions: int = 4) -> Iterator[RandomSessions]:
    """Give such a pool with all its sessions there."""
    with RandomSessions(dsn, sessions) as pool:
        pool.wait()
        yield pool


def forget(session: PGconn) -> None:
    """Discard what a session remembers, if no transaction is open."""
    idle = session.transaction_status == TransactionStatus.IDLE
    if idle and session.pipeline_status == PipelineStatus.OFF:
        session.exec_(b"DISCARD ALL")
