"""What processes and stores hold on to, read from outside."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from attrs import frozen
from tests.faults.stores import Store
from tests.servers import postgres, redis
from tests.servers.redis_tools import connected

TABLES = b"""
SELECT oid::regclass::text FROM pg_class
WHERE relnamespace = %s::regnamespace AND relkind = 'r'
"""

SIZES = b"""
SELECT oid::regclass::text, pg_relation_size(oid) FROM pg_class
WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'i')
"""

PAGE = os.sysconf("SC_PAGE_SIZE")


@frozen
class Process:
    """The bytes of memory, the file descriptors and the threads of a process."""

    resident: int
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Process:
        """Read them from Linux."""
        folder = Path("/proc") / str(pid)
        pages = int((folder / "statm").read_text().split()[1])
        return cls(pages * PAGE, *(len(list((folder / name).iterdir())) for name in ("fd", "task")))


def connections(store: Store) -> int:
    """Count the connections to a store's server that are not this function's; 0 for a file."""
    if isinstance(store.server, postgres.Server):
        with psycopg.connect(store.server.url()) as connection:
            mine = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
            query = f"SELECT count(*) FROM pg_stat_activity WHERE {mine}"  # noqa: S608 - ours
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return int(row[0])
    if isinstance(store.server, redis.Server):
        with connected(store.server) as client:
            return len(client.client_list()) - 1
    return 0


def space(store: Store) -> dict[str, int]:
    """Return the size of what a store keeps, by name, after the store has tidied up."""
    if isinstance(store.server, postgres.Server):
        return _tables(store.url, store.server)
    if isinstance(store.server, redis.Server):
        with connected(store.server) as client:
            return {key: client.memory_usage(key) or 0 for key in client.scan_iter()}
    connection = sqlite3.connect(store.url.removeprefix("sqlite:///"))
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    connection.close()
    return {"bytes": (pages - free) * size}


def _tables(url: str, server: postgres.Server) -> dict[str, int]:
    """Return the bytes of each table and its indexes once what is dead was vacuumed."""
    schema = urlsplit(url).query.removeprefix("schema=")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        names = connection.execute(TABLES, (schema,)).fetchall()
        for (name,) in names:
            connection.execute(f"VACUUM {name}".encode())
        return {row[0]: row[1] for row in connection.execute(SIZES, (schema,)).fetchall()}
