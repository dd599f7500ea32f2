"""PostgreSQL's errors in the queue's words, each with what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from gofastr_queue.errors import BackendUnavailable, QueueError, StoreFull

FORGOTTEN = (errors.InvalidSqlStatementName, errors.DuplicatePreparedStatement)
"""A session does not know what was prepared, or knows it otherwise: it was another's meanwhile."""

CONFLICT = (errors.DeadlockDetected, errors.SerializationFailure, *FORGOTTEN)
"""The server did nothing of a transaction, and will do all of it when it is asked again."""


class Overtaken(errors.SerializationFailure):
    """Another stored an id while its index was being made anew: ON CONFLICT does not hold then."""


ID_INDEX = re.compile(r"_id(_cc(new|old)\d*)?$")
"""The index by id, also while and after it is made anew."""

READ_ONLY = (
    "this is a standby, or default_transaction_read_only is on: give the primary; among several "
    "hosts target_session_attrs=read-write finds it"
)

GONE = "the queue's table is gone: run gofastr-queue schema, or open the queue anew"

NAME_TAKEN = "something else has a name that the queue needs: give another table= or schema="

REMEDIES: tuple[tuple[type[psycopg.Error], str], ...] = (
    (errors.InvalidPassword, "check the user and the password"),
    (errors.InvalidAuthorizationSpecification, "check the user and the server's pg_hba.conf"),
    (errors.InvalidCatalogName, "create the database, or name another one"),
    (errors.InsufficientPrivilege, "grant what is missing; gofastr-queue schema --print says what"),
    (errors.InvalidSchemaName, GONE),
    (errors.UndefinedTable, GONE),
    (errors.UndefinedColumn, "this is not the table of a queue: give another table= or schema="),
    (errors.DuplicateTable, NAME_TAKEN),
    (errors.DuplicateObject, NAME_TAKEN),
    (errors.TooManyConnections, "raise max_connections, or use fewer workers or a pooler"),
    (errors.LockNotAvailable, "another transaction holds what is needed: end it, then try again"),
    (errors.ReadOnlySqlTransaction, READ_ONLY),
    (
        errors.QueryCanceled,
        "nothing was changed: raise statement_timeout, or do less at a time (chunk=, limit=)",
    ),
    (errors.IdleInTransactionSessionTimeout, "nothing was changed: try again"),
    *((kind, "nothing was changed: repeat the whole transaction") for kind in CONFLICT),
)
"""The first that fits says what to do; the named classes are by SQLSTATE."""

FULL = (errors.DiskFull, errors.OutOfMemory)

WORDS = (
    ("password authentication failed", "check the user and the password"),
    ("no password supplied", "give a password: in the URL, PGPASSWORD or a passfile"),
    ("no pg_hba.conf entry", "allow this host in the server's pg_hba.conf, or use TLS"),
    ("certificate", "check sslmode=, sslrootcert= and sslcert="),
    ("SSL", "set up TLS on the server, or choose another sslmode="),
    ("does not exist", "create it, or name another one"),
    ("too many c", "raise the limit of connections, or use fewer workers or a pooler"),
    ("connection slots", "raise the limit of connections, or use fewer workers or a pooler"),
    ("starting up", "wait until it is up"),
    ("shutting down", "wait until it is up again"),
    ("session is ", "name a server that is what target_session_attrs= asks for"),
    ("Connection refused", "check host and port, and that the server runs"),
    ("resolve host", "check the name of the host"),
    ("No such file", "check the socket's folder, which is the host, and that the server runs"),
    ("timeout expired", "check host, port and firewall, and that the server runs"),
    ("service", "define it in the service file, or give host and database yourself"),
    ("invalid ", "correct this parameter of the URL or DSN"),
    ("bad value for", "correct this parameter of the URL or DSN"),
    ("unrecognized configuration parameter", "correct options= in the URL or DSN"),
    ("", "check every part of the URL or DSN"),
)
"""What is said of a connection that cannot be made; the driver gives no SQLSTATE then."""

VANISHED = "went away before it said whether it had done it: look, or repeat what is idempotent"

CONNECTING = (
    "connection failed:",
    "connection is bad:",
    "connection timeout expired",
    "failed to resolve host",
    "bad value for",
)
"""How the driver begins what it says of a connection that was never made."""

POOL = (
    ("is not open yet", "open the pool first"),
    ("is already closed", "its owner has closed the pool: open the queue on another one"),
    ("couldn't get a connection", "raise the pool's max_size, or check that the server runs"),
)
"""What a caller's pool says when it gives no connection."""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn the driver's errors into ``BackendUnavailable`` or ``StoreFull`` with a remedy."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(place, error) from error


@contextmanager
def overtaking() -> Iterator[None]:
    """Raise ``Overtaken`` for an id that ON CONFLICT should have found."""
    try:
        yield
    except errors.UniqueViolation as error:
        tell_overtaken(error)
        raise


def tell_overtaken(error: errors.UniqueViolation) -> None:
    """Raise ``Overtaken`` for an id that ON CONFLICT should have found."""
    if ID_INDEX.search(error.diag.constraint_name or "") is not None:
        raise Overtaken(str(error)) from error


def translate(place: str, error: psycopg.Error) -> QueueError:
    """Return the queue's error for a driver's."""
    if error.sqlstate is None:
        told = _of_driver(place, error)
        return BackendUnavailable(f"{told}; the driver said: {first_line(error)}")
    said = f"the server said: {first_line(error)}"
    if isinstance(error, FULL):
        return StoreFull(f"no room in {place}: free disk space or memory; {said}")
    for kind, remedy in REMEDIES:
        if isinstance(error, kind):
            return BackendUnavailable(f"{place} refuses: {remedy}; {said}")
    if isinstance(error, psycopg.OperationalError):
        return BackendUnavailable(f"{place} {VANISHED}; {said}")
    return BackendUnavailable(f"{place} cannot do it; {said}")


def _of_driver(place: str, error: psycopg.Error) -> str:
    text = str(error)
    if text.startswith(CONNECTING):
        remedy = next(remedy for words, remedy in WORDS if words in text)
        return f"cannot connect to {place}: {remedy}"
    for words, remedy in POOL:
        if words in text:
            return f"no connection to {place}: {remedy}"
    unsure = isinstance(error, psycopg.OperationalError)
    return f"{place} {VANISHED}" if unsure else f"{place} cannot do it"


def first_line(error: BaseException) -> str:
    """Return what an error says, without the details of later lines."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
