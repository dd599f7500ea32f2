"""A caller's open transaction, which carries an enqueue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from gofastr_queue.errors import BackendUnavailable, InvalidOption
from gofastr_queue_sql.postgres_connection import (
    CONFLICT_TRIES,
    Result,
    Session,
    Sessions,
    execute,
    refuse_encoding,
)
from gofastr_queue_sql.postgres_errors import Overtaken, translated
from gofastr_queue_sql.postgres_given import named


def carried(transaction: object, sessions: Sessions, work: Callable[[Session], Result]) -> Result:
    """Do ``work`` in the caller's transaction, again where another overtook it."""
    for left in reversed(range(CONFLICT_TRIES)):
        try:
            with inside(transaction, sessions) as connection:
                return work(connection)
        except BackendUnavailable as error:
            if not isinstance(error.__cause__, Overtaken) or not left:
                raise
    raise AssertionError("the last try returns or raises")


@contextmanager
def inside(transaction: object, sessions: Sessions) -> Iterator[Session]:
    """Give the caller's connection under a savepoint; an error leaves the transaction usable."""
    connection = _usable(transaction)
    with translated("your transaction"):
        _refuse_unfit(connection, sessions)
        execute(connection, "SAVEPOINT gofastr_queue")
        try:
            yield connection
        except BaseException:
            with suppress(psycopg.Error):  # a lost connection has no savepoint
                execute(connection, "ROLLBACK TO SAVEPOINT gofastr_queue")
                execute(connection, "RELEASE SAVEPOINT gofastr_queue")
            raise
        execute(connection, "RELEASE SAVEPOINT gofastr_queue")


def _usable(transaction: object) -> Session:
    if not isinstance(transaction, Connection):
        raise InvalidOption(
            f"transaction must be a psycopg.Connection with an open transaction, "
            f"got {named(transaction)}"
        )
    status = transaction.info.transaction_status
    if status is TransactionStatus.UNKNOWN:
        raise InvalidOption("the transaction's connection is closed")
    if status is TransactionStatus.INERROR:
        raise InvalidOption("the transaction has failed; roll it back first")
    if status is TransactionStatus.IDLE and transaction.autocommit:
        raise InvalidOption(
            "the connection has no open transaction; enqueue inside "
            "'with connection.transaction():'"
        )
    return transaction


def _refuse_unfit(connection: Session, sessions: Sessions) -> None:
    """Refuse what cannot carry a job of this queue, and leave it as it was."""
    idle = connection.info.transaction_status is TransactionStatus.IDLE
    try:
        refuse_encoding(connection)
        sessions.refuse_other(connection)
    except BaseException:
        if idle and not connection.closed:
            connection.rollback()
        raise
