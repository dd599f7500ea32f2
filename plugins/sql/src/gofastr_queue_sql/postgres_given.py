"""What callers give to reach their database: a DSN, a pool or a connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from gofastr_queue.errors import InvalidOption
from gofastr_queue_sql import postgres_url

DEFAULTS: Mapping[str, Any] = {
    "connect_timeout": 5,
    "fallback_application_name": "gofastr-queue",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Driver settings where the caller gives none: a host that has vanished is noticed within 25 s."""


def usable(database: object) -> Connection[Any] | ConnectionPool[Any]:
    """Check a caller's connection or pool."""
    if isinstance(database, ConnectionPool):
        return database
    if not isinstance(database, Connection):
        raise InvalidOption(
            "give a DSN, a psycopg.Connection or a psycopg_pool.ConnectionPool, got "
            f"{named(database)}"
        )
    status = database.info.transaction_status
    if status is TransactionStatus.UNKNOWN:
        raise InvalidOption("the connection is closed; give an open one")
    if status is not TransactionStatus.IDLE:
        raise InvalidOption("the connection is inside a transaction; commit it first")
    return database


def named(value: object) -> str:
    """Return the type of what is no synchronous psycopg connection, and what to do about it."""
    module = type(value).__module__.partition(".")[0]
    kind = f"{module}.{type(value).__qualname__}"
    if "async" in kind.lower() or module.startswith("aio"):
        return f"{kind}: the queue is synchronous, give a synchronous one"
    remedy = {
        "sqlalchemy": "give its driver's, connection.connection.driver_connection",
        "django": "give its driver's, connection.connection inside transaction.atomic()",
        "psycopg2": "the queue needs psycopg 3",
    }.get(module)
    return f"{kind}: {remedy}" if remedy else kind


def complete(dsn: str) -> str:
    """Return a DSN with our defaults for what it leaves out."""
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # the driver's message repeats parts of the DSN
        raise InvalidOption(f"not a DSN that PostgreSQL can read: {postgres_url.MEANT}") from None
    postgres_url.refuse_misread(dsn, given)
    return make_conninfo(dsn, **{key: one for key, one in DEFAULTS.items() if key not in given})
