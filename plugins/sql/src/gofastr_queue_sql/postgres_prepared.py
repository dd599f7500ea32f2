"""Statements that the server keeps prepared, where its session is ours alone.

A pooler of transactions gives each transaction any session, which knows nothing of what another one
prepared, or knows something else by the same name.  It answers for the server when a client
connects, so what it says of the session's process is not what the session itself says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from psycopg import Connection, Cursor, errors, generators
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import tuple_row

WHO = "SELECT pg_backend_pid()"

PARAMETER = re.compile(r"%\((\w+)\)s")

DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)

Prepared = tuple[bytes, tuple[str, ...]]
"""A statement's name in a session, and its parameters in order."""


class Pooled(Connection[tuple[Any, ...]]):
    """A connection of a pool of ours; each pool has a class of its own."""

    shared: ClassVar[bool] = False
    """Whether a session of the pool has forgotten what was prepared."""

    direct = False
    """Whether nothing stands between the connection and its session."""

    back_at = 0.0
    """When it is to pass through the pool, by the monotonic clock."""

    _known: dict[str, Prepared] | None = None
    """What ``fetch`` has prepared in the session."""

    def fetch(self, statement: str, values: Mapping[str, Any]) -> tuple[bytes, ...] | None:
        """Prepare a statement once and run it; return the row it brings, as the server writes it.

        NULL is empty there.  A cursor finds out anew each time how each value is written and each
        column read; for a short statement that takes more of the processor than everything else.
        """
        known = self._known = self._known or {}
        prepared = known.get(statement)
        if prepared is None:
            prepared = known[statement] = self._prepare(f"gofastr_{len(known)}", statement)
        name, parameters = prepared
        texts = [
            None if (value := values[one]) is None else str(value).encode() for one in parameters
        ]
        self.pgconn.send_query_prepared(name, texts)
        result = self._answer()
        if not result.ntuples:
            return None
        return tuple([result.get_value(0, column) or b"" for column in range(result.nfields)])

    def _prepare(self, name: str, statement: str) -> Prepared:
        """Let the server read a statement whose parameters have names; it numbers them."""
        parameters = tuple(dict.fromkeys(PARAMETER.findall(statement)))
        numbers = {one: f"${number}" for number, one in enumerate(parameters, 1)}
        text = PARAMETER.sub(lambda found: numbers[found[1]], statement)
        self.pgconn.send_prepare(name.encode(), text.encode())
        self._answer()
        return name.encode(), parameters

    def _answer(self) -> PGresult:
        result: PGresult
        (result,) = self.wait(generators.execute(self.pgconn))
        if result.status not in DONE:
            raise errors.error_from_result(result)
        return result

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
