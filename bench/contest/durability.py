"""How durable a store is, as it says itself; a contestant that says otherwise fails."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg
from redis import Redis

SYNCHRONOUS = ("off", "normal", "full", "extra")


def of_sqlite(connection: sqlite3.Connection | sqlite3.Cursor) -> str:
    """Say what a commit on this connection waits for; another may wait for something else."""
    (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
    (number,) = connection.execute("PRAGMA synchronous").fetchone()
    return f"SQLite {sqlite3.sqlite_version}, {journal}, synchronous {SYNCHRONOUS[number]}"


def of_postgres(connection: psycopg.Connection[Any]) -> str:
    """Say what a commit on this connection waits for."""
    version, fsync, synchronous = (
        connection.execute(statement).fetchone()
        for statement in ("SHOW server_version_num", "SHOW fsync", "SHOW synchronous_commit")
    )
    assert version and fsync and synchronous  # noqa: PT018 - each SHOW returns a row
    return (
        f"PostgreSQL {int(version[0]) // 10_000}, "
        f"fsync {fsync[0]}, synchronous_commit {synchronous[0]}"
    )


def of_redis(client: Redis) -> str:
    """Say what the server's answer to a write waits for."""
    version = client.info("server")["redis_version"]
    settings: Any = client.config_get("append*")
    named = {_text(name): _text(value) for name, value in settings.items()}
    return f"Redis {version}, appendonly {named['appendonly']}, appendfsync {named['appendfsync']}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
