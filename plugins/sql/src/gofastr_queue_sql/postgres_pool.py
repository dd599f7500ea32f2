"""Our own pool of connections: psycopg's, behind the one that was used last.

An operation on a connection takes less of the processor than to ask the pool for one and to give it
back.  So the one used last is kept for whoever comes next, unless somebody waits for the pool.
"""

from __future__ import annotations

import select
import threading
import time
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from gofastr_queue_sql.postgres_prepared import Pooled

KEPT_SECONDS = 60.0
"""After so long a kept connection passes through the pool, which ends the oldest."""


class Pool(ConnectionPool[Any]):
    """Gives connections of the class ``Pooled``."""

    def __init__(self, dsn: str, **options: Any) -> None:
        super().__init__(dsn, configure=Pooled.ask, check=lively, open=False, **options)
        self._door = threading.Lock()
        self._kept: Pooled | None = None
        self._asking = 0
        self._ending = False

    def getconn(self, timeout: float | None = None) -> Any:
        """Return the connection that was used last, or ask the pool; raises as it does."""
        with self._door:
            kept, self._kept = self._kept, None
            if kept is None:
                self._asking += 1
        if kept is not None:
            try:
                lively(kept)
            except psycopg.Error:
                super().putconn(kept)
                with self._door:
                    self._asking += 1
            else:
                return kept
        try:
            connection: Pooled = super().getconn(timeout)
        finally:
            with self._door:
                self._asking -= 1
        connection.back_at = time.monotonic() + KEPT_SECONDS
        return connection

    def putconn(self, connection: Any) -> None:
        """Take a connection back, whatever its state."""
        clean = connection.pgconn.transaction_status == TransactionStatus.IDLE
        if clean and time.monotonic() < connection.back_at:
            with self._door:
                if self._kept is None and not self._asking and not self._ending:
                    self._kept = connection
                    return
        super().putconn(connection)

    def close(self, timeout: float = 5.0) -> None:
        """Close what is here, and what is lent as soon as it comes back."""
        with self._door:
            self._ending = True
            kept, self._kept = self._kept, None
        if kept is not None:
            super().putconn(kept)
        super().close(timeout)


def lively(connection: Connection[Any]) -> None:
    """Raise unless an idle connection still is one: a dead one has something to read, its end.

    The server's last words may come first.
    """
    while _readable(connection.fileno()):
        connection.pgconn.consume_input()


def _readable(socket: int) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(socket, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([socket], [], [], 0)[0])
