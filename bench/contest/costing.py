"""What the stores themselves count: bytes that they hold, and what was asked of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
from redis import Redis

MEMORY, DISK = "memory bytes", "disk bytes"
COMMITS, READS = "commits", "reads"
"""Of PostgreSQL, and of Redis: a read takes in one request, or several that came together."""

OF_DATABASE = """
SELECT pg_database_size(datname), xact_commit + xact_rollback
FROM pg_stat_database WHERE datname = %s
"""


def of_sqlite(file: Path) -> float:
    """Return the bytes of a database file once its log is written back."""
    if not file.exists():
        return 0.0
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return float(file.stat().st_size)


def of_postgres(url: str, database: str) -> dict[str, float]:
    """Return what is known of a database."""
    with psycopg.connect(url) as connection:
        row = connection.execute(OF_DATABASE, (database,)).fetchone()
    assert row is not None
    return {DISK: float(row[0]), COMMITS: float(row[1])}


def of_redis(url: str) -> dict[str, float]:
    """Return what is known of a server, on which one contestant is busy at a time."""
    with Redis.from_url(url) as client:
        memory, persistence = client.info("memory"), client.info("persistence")
        asked = client.info("stats")
    return {
        MEMORY: float(memory["used_memory"]),
        DISK: float(persistence["aof_current_size"]),
        READS: float(asked["total_reads_processed"]),
    }
