"""Statements that the server keeps prepared, where its session is ours alone.

A pooler of transactions gives each transaction any session, which knows nothing of what another one
prepared, or knows something else by the same name.  It answers for the server when a client
connects, so what it says of the session's process is not what the session itself says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from psycopg import Connection, Cursor
from psycopg.rows import tuple_row

WHO = "SELECT pg_backend_pid()"


class Pooled(Connection[tuple[Any, ...]]):
    """A connection of a pool of ours; each pool has a class of its own."""

    shared: ClassVar[bool] = False
    """Whether a session of the pool has forgotten what was prepared."""

    direct = False
    """Whether nothing stands between the connection and its session."""

    _cursor: Cursor[tuple[Any, ...]] | None = None

    def kept_cursor(self) -> Cursor[tuple[Any, ...]]:
        """Return a cursor for whoever reads what it brings before the next one asks for it."""
        if self._cursor is None:
            self._cursor = Cursor(self, row_factory=tuple_row)
        return self._cursor

    def ask(self) -> None:
        """Find out whether something stands between."""
        with Cursor(self, row_factory=tuple_row) as cursor:
            row = cursor.execute(WHO, prepare=False).fetchone()
        self.direct = row == (self.info.backend_pid,)


def prepares(connection: Connection[Any]) -> bool:
    """Tell whether the session is ours alone, as far as is known."""
    return isinstance(connection, Pooled) and connection.direct and not connection.shared


def execute_often(
    connection: Connection[Any], statement: str, values: Mapping[str, Any]
) -> Cursor[tuple[Any, ...]]:
    """Run a statement that many calls run alike, with one plan for all; return the cursor.

    It, or the end of a pipeline, raises one of ``FORGOTTEN`` if the session was not ours alone.
    """
    return Cursor(connection, row_factory=tuple_row).execute(
        statement.encode(), values, prepare=prepares(connection)
    )


def fetch_often(
    connection: Connection[Any], statement: str, values: Mapping[str, Any]
) -> tuple[Any, ...] | None:
    """Run a statement as ``execute_often`` does, and return the row it brings."""
    if not isinstance(connection, Pooled):
        return execute_often(connection, statement, values).fetchone()
    cursor = connection.kept_cursor()
    return cursor.execute(statement.encode(), values, prepare=prepares(connection)).fetchone()
