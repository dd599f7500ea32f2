"""The schema of a queue in SQLite: made on open, with a version.

sqlite-utils writes the table; partial indexes, which it does not know, are plain SQL.  Versions
stand in a table of our own, because ``user_version`` belongs to the owner of the file.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import sqlite_utils

from gofastr_queue import failpoints, limits
from gofastr_queue.errors import BackendUnavailable, SchemaTooNew
from gofastr_queue_sql import sqlite_url
from gofastr_queue_sql.sqlite_connection import translated

VERSION = 2
VERSIONS = "gofastr_queue_schema"
OLDEST_SQLITE = (3, 37, 0)
"""STRICT tables came with this version."""

UPGRADE = "upgrade gofastr-queue-sql"

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

between_statements = failpoints.point("migrate.between_statements")

STATE_OF = {"ready": "ready", "later": "later", "leases": "claimed", "failed": "failed"}


def prepare(connection: sqlite3.Connection, table: str) -> None:
    """Make the table unless it is there; refuse one of a later version.

    Raises ``SchemaTooNew``, and ``BackendUnavailable`` for a table of that name that is not ours.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise BackendUnavailable(
            f"SQLite {sqlite3.sqlite_version} is too old; "
            f"{'.'.join(map(str, OLDEST_SQLITE))} or later is needed"
        )
    factory, connection.row_factory = connection.row_factory, None
    try:
        if _known(connection, table) != VERSION:
            _upgrade_once(connection, table)
    finally:
        connection.row_factory = factory


def text(url: str, *, table: str | None = None, synchronous: str | None = None) -> str:
    """Return the SQL of a new queue's schema as ``prepare`` makes it; no file is touched."""
    place = sqlite_url.read(url, table, synchronous)
    limits.identifier("table", place.table)
    memory = sqlite3.connect(":memory:", isolation_level=None)
    with closing(memory), translated(place.file):
        prepare(memory, place.table)
        made = memory.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
        statements = "".join(f"{sql};\n" for (sql,) in made)
    # SQLite forgets these words; another queue in the file shares the table.
    statements = statements.replace(f'TABLE "{VERSIONS}"', f'TABLE IF NOT EXISTS "{VERSIONS}"')
    title = f"-- the queue {place.table}, schema version {VERSION}: run all in one transaction"
    row = f"('{place.table}', {VERSION})"
    insert = f"INSERT INTO {VERSIONS} (queue, version) VALUES {row};"  # noqa: S608 - an identifier
    return f"{title}\n{statements}{insert}\n"


def _upgrade_once(connection: sqlite3.Connection, table: str) -> None:
    """Make or upgrade the queue unless another process has done so meanwhile."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        known = _known(connection, table) or 0
        if known < VERSION:
            _upgrade(connection, table, known)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def version(connection: sqlite3.Connection | sqlite3.Cursor, table: str) -> int | None:
    """Return the version of a queue's schema, None if the queue is not there."""
    known = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (VERSIONS,)
    ).fetchone()
    row = (
        known
        and connection.execute(
            f"SELECT version FROM {VERSIONS} WHERE queue = ?",  # noqa: S608 - a constant
            (table,),
        ).fetchone()
    )
    return int(row[0]) if row else None


def too_new(table: str, found: int) -> str:
    """Return what is said of a table of a later version; ``UPGRADE`` is what to do."""
    return f"table {table!r} has schema version {found}, this installation knows {VERSION}"


def _known(connection: sqlite3.Connection, table: str) -> int | None:
    """Return the version of a queue's schema, unless it is one that this code does not know."""
    found = version(connection, table)
    if found is not None and found > VERSION:
        raise SchemaTooNew(f"{too_new(table, found)}; {UPGRADE}")
    return found


def _upgrade(connection: sqlite3.Connection, table: str, known: int) -> None:
    """Make what versions later than ``known`` have."""
    database = sqlite_utils.Database(connection, execute_plugins=False, recursive_triggers=False)
    for step in (_create, _create_schedules)[known:]:
        step(database, table)
        between_statements()
    database.table(VERSIONS).create({"queue": str, "version": int}, pk="queue", if_not_exists=True)
    database.execute(
        f"INSERT INTO {VERSIONS} (queue, version) VALUES (?, ?) "  # noqa: S608 - a constant
        "ON CONFLICT (queue) DO UPDATE SET version = excluded.version",
        (table, VERSION),
    )


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
