"""PostgreSQL through psycopg alone: ``python -m bench.raw.postgresql URL``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import psycopg
from bench.contest.contestant import About, Payload, serve
from bench.ours.store import Postgres
from bench.raw.driver import ATTEMPTS, LEASE_MICROS, TYPE, WORKER, Claimed, Driver, made

from gofastr_queue_sql.postgres import PostgresBackend

INSERT = """
INSERT INTO queue_jobs (
    id, type, payload, lane, priority, max_attempts, attempts, state,
    created_at, scheduled_at, headers, errors
) VALUES (%s, %s, %s, '', 0, %s, 0, 'ready', %s, %s, '', '[]')
"""

COPY = """
COPY queue_jobs (
    id, type, payload, lane, priority, max_attempts, attempts, state,
    created_at, scheduled_at, headers, errors
) FROM STDIN
"""

CLAIM = """
WITH best AS MATERIALIZED (
    SELECT seq FROM queue_jobs
    WHERE state = 'ready' AND lane = '' AND type = %s
    ORDER BY priority DESC, seq
    LIMIT %s
    FOR UPDATE SKIP LOCKED
),
chosen AS MATERIALIZED (SELECT seq, row_number() OVER () AS nth FROM best)
UPDATE queue_jobs AS job
SET state = 'claimed', attempts = attempts + 1, token = (%s::text[])[chosen.nth], worker = %s,
    lease_until = (extract(epoch FROM statement_timestamp()) * 1000000)::bigint + %s
FROM chosen
WHERE job.seq = chosen.seq
RETURNING job.id, job.token, job.payload, job.seq, job.type, job.lane, job.priority,
    job.max_attempts, job.attempts, job.state, job.created_at, job.scheduled_at, job.headers,
    job.errors::text, job.worker, job.lease_until
"""

ACK = """
DELETE FROM queue_jobs AS job
USING unnest(%s::text[], %s::text[]) AS ack (id, token)
WHERE job.id = ack.id AND job.token = ack.token
"""

PLAN = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit")
"""What is switched off, so that each statement takes the index that was made for it."""


class RawPostgres(Driver):
    """One connection, a commit for each statement; the table is made as ours is."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        PostgresBackend(url).queue_close()
        self.store = Postgres.at(url)
        self.connection = self.store.connection
        for setting in PLAN:
            self.connection.execute(f"SET {setting} = off".encode())

    def prepare(self) -> About:
        """Say how durable the connection is."""
        return About("psycopg", psycopg.__version__, self.store.durability())

    def enqueue_one(self, payload: Payload) -> None:
        """Insert a row."""
        id, text, now = made(payload)
        self.connection.execute(INSERT, (id, TYPE, text, ATTEMPTS, now, now))

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:
        """Copy ``by`` rows in a transaction."""
        begin = time.perf_counter()
        for start in range(0, len(payloads), by):
            with self.connection.cursor().copy(COPY) as copy:
                for payload in payloads[start : start + by]:
                    copy.write_row(_line(payload))
        return time.perf_counter() - begin

    def left(self) -> int:
        """Count rows."""
        return self.store.left()

    def claim(self, limit: int, tokens: Sequence[str]) -> list[Claimed]:
        """Lease the best rows in one statement."""
        values = (TYPE, limit, list(tokens), WORKER, LEASE_MICROS)
        rows: list[Any] = self.connection.execute(CLAIM, values).fetchall()
        return [row[:3] for row in rows]

    def ack(self, claimed: Sequence[Claimed]) -> int:
        """Delete rows in one statement."""
        ids, tokens, _ = zip(*claimed, strict=True)
        return self.connection.execute(ACK, (list(ids), list(tokens))).rowcount

    def close(self) -> None:
        """Close."""
        self.store.close()


def _line(payload: Payload) -> tuple[object, ...]:
    id, text, now = made(payload)
    return id, TYPE, text, "", 0, ATTEMPTS, 0, "ready", now, now, "", "[]"


if __name__ == "__main__":
    serve(RawPostgres)
