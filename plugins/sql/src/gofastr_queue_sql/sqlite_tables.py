"""The tables of a queue in SQLite, version by version.

sqlite-utils writes them; partial indexes, which it does not know, are plain SQL.
"""

from __future__ import annotations

import sqlite3

import sqlite_utils

from gofastr_queue import failpoints
from gofastr_queue.errors import BackendUnavailable

COLUMNS = {
    "seq": int,
    "id": str,
    "type": str,
    "lane": str,
    "priority": int,
    "state": str,
    "attempts": int,
    "max_attempts": int,
    "created_at": int,
    "scheduled_at": int,
    "payload": str,
    "headers": str,
    "errors": str,
    "token": str,
    "worker": str,
    "lease_until": int,
}

INDEXES = {
    "ready": "(lane, type, priority DESC, seq)",
    "later": "(scheduled_at, seq, lane, type)",
    "leases": "(lease_until, seq, lane, type)",
    "failed": "(seq, lane, type)",
}
"""One index for each state: a claim never walks past what it cannot take."""

SCHEDULES = {
    "id": str,
    "definition": str,
    "version": int,
    "registered_at": int,
    "watermark": int,
    "next_due": int,
    "paused": int,
    "last_job": str,
}

OCCURRENCES = {"schedule": str, "at": int, "fate": str}

STATE_OF = {"ready": "ready", "later": "later", "leases": "claimed", "failed": "failed"}

between_statements = failpoints.point("migrate.between_statements")


def make(connection: sqlite3.Connection, table: str, known: int) -> None:
    """Make what versions later than ``known`` have, in the transaction that is open."""
    database = sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=False)
    for step in (_create, _create_schedules)[known:]:
        step(database, table)
        between_statements()


def _create(database: sqlite_utils.Database, table: str) -> None:
    _refuse_taken(database, table)
    database.table(table).create(
        COLUMNS,
        pk="seq",
        not_null=set(COLUMNS) - {"seq", "lease_until"},
        defaults={"token": "", "worker": ""},
        strict=True,
    )
    database.table(table).create_index(["id"], index_name=f"{table}_id", unique=True)
    for name, columns in INDEXES.items():
        database.execute(
            f'CREATE INDEX "{table}_{name}" ON "{table}" {columns} '
            f"WHERE state = '{STATE_OF[name]}'"
        )


def _create_schedules(database: sqlite_utils.Database, table: str) -> None:
    schedules, occurrences = f"{table}_schedules", f"{table}_occurrences"
    for name in (schedules, occurrences):
        _refuse_taken(database, name)
    database.table(schedules).create(
        SCHEDULES, pk="id", not_null=set(SCHEDULES) - {"id", "next_due"}, strict=True
    )
    database.execute(
        f'CREATE INDEX "{table}_due" ON "{schedules}" (next_due, id) WHERE next_due IS NOT NULL'
    )
    database.table(occurrences).create(
        OCCURRENCES, pk=("schedule", "at"), not_null={"fate"}, strict=True
    )


def _refuse_taken(database: sqlite_utils.Database, name: str) -> None:
    if name in database.table_names() or name in database.view_names():
        raise BackendUnavailable(
            f"the file has a table {name!r} that is not a queue's; give another table="
        )
