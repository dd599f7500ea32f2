"""SQLite through ``sqlite3`` alone: ``python -m bench.raw.sqlite URL``."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from bench.contest.contestant import About, Payload, serve
from bench.ours.store import Sqlite
from bench.raw.driver import ATTEMPTS, LEASE_MICROS, TYPE, WORKER, Claimed, Driver, made

from gofastr_queue_sql import SqliteBackend

INSERT = """
INSERT INTO queue_jobs (
    id, type, payload, lane, priority, max_attempts, attempts, state,
    created_at, scheduled_at, headers, errors
) VALUES (?, ?, ?, '', 0, ?, 0, 'ready', ?, ?, '', '[]')
"""

CLAIM = """
SELECT seq, id, type, payload, lane, priority, max_attempts, attempts, state,
    created_at, scheduled_at, headers, errors, worker, lease_until
FROM queue_jobs INDEXED BY queue_jobs_ready
WHERE state = 'ready' AND lane = '' AND type = ?
ORDER BY priority DESC, seq
LIMIT ?
"""

LEASE = """
UPDATE queue_jobs
SET state = 'claimed', attempts = attempts + 1, token = ?, worker = ?, lease_until = ?
WHERE seq = ?
"""

ACK = "DELETE FROM queue_jobs WHERE id = ? AND token = ? AND state = 'claimed'"


class RawSqlite(Driver):
    """One connection; the table is made as ours is."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        SqliteBackend(unquote(urlsplit(url).path[1:])).queue_close()
        self.store = Sqlite.at(url)
        self.connection = self.store.connection

    def prepare(self) -> About:
        """Say how durable the connection is."""
        return About("sqlite3", sqlite3.sqlite_version, self.store.durability())

    def enqueue_one(self, payload: Payload) -> None:
        """Insert a row."""
        self.connection.execute(INSERT, _row(payload))

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:
        """Insert ``by`` rows in a transaction."""
        begin = time.perf_counter()
        for start in range(0, len(payloads), by):
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany(INSERT, map(_row, payloads[start : start + by]))
            self.connection.execute("COMMIT")
        return time.perf_counter() - begin

    def left(self) -> int:
        """Count rows."""
        return self.store.left()

    def claim(self, limit: int, tokens: Sequence[str]) -> list[Claimed]:
        """Read the best rows and lease them, in one transaction."""
        self.connection.execute("BEGIN IMMEDIATE")
        rows = self.connection.execute(CLAIM, (TYPE, limit)).fetchall()
        until = time.time_ns() // 1_000 + LEASE_MICROS
        leases = [(token, WORKER, until, row[0]) for row, token in zip(rows, tokens, strict=False)]
        self.connection.executemany(LEASE, leases)
        self.connection.execute("COMMIT")
        return [(row[1], token, row[3]) for row, token in zip(rows, tokens, strict=False)]

    def ack(self, claimed: Sequence[Claimed]) -> int:
        """Delete rows, in one transaction."""
        self.connection.execute("BEGIN IMMEDIATE")
        deleted = self.connection.executemany(ACK, [one[:2] for one in claimed]).rowcount
        self.connection.execute("COMMIT")
        return deleted

    def close(self) -> None:
        """Close."""
        self.store.close()


def _row(payload: Payload) -> tuple[str, str, str, int, int, int]:
    id, text, now = made(payload)
    return id, TYPE, text, ATTEMPTS, now, now


if __name__ == "__main__":
    serve(RawSqlite)
