"""The schema of a queue in SQLite: made on open, with a version.

Versions stand in a table of our own, because ``user_version`` belongs to the owner of the file.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from gofastr_queue import limits
from gofastr_queue.errors import BackendUnavailable, SchemaTooNew
from gofastr_queue_sql import sqlite_url
from gofastr_queue_sql.sqlite_connection import translated

VERSION = 2
VERSIONS = "gofastr_queue_schema"
OLDEST_SQLITE = (3, 37, 0)
"""STRICT tables came with this version."""

UPGRADE = "upgrade gofastr-queue-sql"


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
    # few who open a queue have to make it, and sqlite-utils takes longer to import than all of this
    from gofastr_queue_sql import sqlite_tables  # noqa: PLC0415

    sqlite_tables.make(connection, table, known)
    connection.execute(
        f'CREATE TABLE IF NOT EXISTS "{VERSIONS}" ("queue" TEXT PRIMARY KEY, "version" INTEGER)'
    )
    connection.execute(
        f"INSERT INTO {VERSIONS} (queue, version) VALUES (?, ?) "  # noqa: S608 - a constant
        "ON CONFLICT (queue) DO UPDATE SET version = excluded.version",
        (table, VERSION),
    )
