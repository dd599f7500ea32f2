"""Huey in SQLite; at most once: what a worker has taken is gone from the store.

Its worker is ``huey_consumer`` with one thread that looks for jobs every 10 ms while there are
none (its default is 0.1 s, and ever longer up to 10 s), and no results.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from bench.contest import durability
from bench.contest.contestant import Payload, serve
from bench.peers.handler import handle
from bench.peers.peer import SqlitePeer
from bench.peers.place import file, synchronous
from huey import SqliteHuey

IDLE_SECONDS = "0.01"


class Connection(sqlite3.Connection):
    """A connection that is as durable as the URL says; Huey itself knows only full and off."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.execute(f"PRAGMA synchronous = {synchronous()}")


huey = SqliteHuey("bench", filename=file(), timeout=30, factory=Connection, results=False)
noop = huey.task()(handle)


class Peer(SqlitePeer):
    """A job is a row until it is taken."""

    package = "huey"
    worker = (
        *("huey.bin.huey_consumer", "bench.peers.huey_sqlite.huey", "--no-periodic", "--quiet"),
        *("--delay", IDLE_SECONDS, "--max-delay", IDLE_SECONDS),
    )
    table = "task"
    waiting = "SELECT count(*) FROM task"

    def enqueue_one(self, payload: Payload) -> None:
        """Call."""
        noop(payload)

    def durability(self) -> str:
        """Ask the connection that enqueues."""
        return durability.of_sqlite(huey.storage.conn)

    def close(self) -> None:
        """Close the connections."""
        huey.storage.close()
        super().close()


if __name__ == "__main__":
    serve(Peer)
