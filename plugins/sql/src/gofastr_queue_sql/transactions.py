"""A connection in an open transaction, by a queue's URL: what the conformance kit begins with."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from gofastr_queue_sql import sqlite_url

if TYPE_CHECKING:
    import psycopg


def sqlite(url: str) -> sqlite3.Connection:
    """Begin a transaction on the file of a queue's URL."""
    connection = sqlite3.connect(sqlite_url.read(url, None, None).file, isolation_level=None)
    connection.execute("BEGIN")
    return connection


def postgres(url: str) -> psycopg.Connection[Any]:
    """Begin a transaction in the database of a queue's URL."""
    import psycopg  # noqa: PLC0415 - SQLite is used without it

    from gofastr_queue_sql import postgres_url  # noqa: PLC0415 - as above

    place = postgres_url.read(url, None, None, None, None)
    connection = psycopg.connect(place.dsn, options=f"-c search_path={place.schema}")
    connection.execute("SELECT 1")
    return connection
