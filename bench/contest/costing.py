"""What the stores themselves count: bytes that they hold, and what was asked of them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
from redis import Redis

MEMORY, DISK = "memory bytes", "disk bytes"
TRANSACTIONS, LOG, READS = "writing transactions", "log bytes", "reads"
"""Two of PostgreSQL, one of Redis: a read takes in one request, or several that came together."""

OF_SERVER = """
SELECT
    pg_database_size(%s),
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
    pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')
"""


def of_sqlite(file: Path) -> float:
    """Return the bytes of the pages in use, once the log is written back."""
    if not file.exists():
        return 0.0
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return float((pages - free) * size)


def of_postgres(url: str, database: str) -> dict[str, float]:
    """Return what is known of a database, and of a server on which one contestant is busy."""
    with psycopg.connect(url) as connection:
        row = connection.execute(OF_SERVER, (database,)).fetchone()
    assert row is not None
    return dict(zip((DISK, TRANSACTIONS, LOG), map(float, row), strict=True))


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
