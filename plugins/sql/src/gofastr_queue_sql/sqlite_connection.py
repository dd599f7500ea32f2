"""One SQLite connection used under a lock, and SQLite's errors in the queue's words."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gofastr_queue import failpoints
from gofastr_queue.errors import BackendUnavailable, InvalidOption, QueueError, StoreFull
from gofastr_queue_sql import forks

BUSY_SECONDS = 30.0
"""How long a write waits for other processes' writes."""

CLOSE_SECONDS = 1.0
"""How long a close waits for an operation that goes on."""

before_commit = failpoints.point("commit.before")


class Connection:
    """A connection that one thread uses at a time, opened when first used and after a fork."""

    fork_rank = 1

    def __init__(
        self, file: str, connect: Callable[[], sqlite3.Connection], *, owned: bool = True
    ) -> None:
        self._file = file
        self._owned = owned
        self._connect = connect
        self._lock = threading.RLock()
        self._closed = False
        self._process = os.getpid()
        self._connection: sqlite3.Connection | None = None
        forks.watch(self)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Cursor]:
        """Give a cursor for one statement."""
        with self._lock, translated(self._file):
            yield self._cursor()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        """Give a cursor in a transaction that holds the write lock from its start.

        A deferred transaction would fail at once, whatever the busy timeout, when it writes after
        another process has written.
        """
        with self._lock, translated(self._file):
            cursor = self._free()
            try:
                cursor.execute("BEGIN IMMEDIATE")
                yield cursor
                before_commit()
                cursor.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # nothing was begun, or SQLite has rolled back
                    cursor.execute("ROLLBACK")
                raise

    def write(self, statement: str, values: Sequence[object]) -> int:
        """Run one statement, which is a transaction by itself; return how many rows it changed.

        Only on a connection of our own.  Where another process writes first, SQLite begins the
        statement again.
        """
        with self._lock:
            try:
                return self._opened().execute(statement, values).rowcount
            except sqlite3.Error as error:
                raise _translate(self._file, error) from error

    def close(self) -> None:
        """Close the connection; repeatable."""
        self._closed = True
        if not self._lock.acquire(timeout=CLOSE_SECONDS):
            return  # somebody waits for the write lock; the process's end closes it
        try:
            self._let_go()
        finally:
            self._lock.release()

    def before_fork(self) -> None:
        """Wait for the operation that goes on, and close what the child must not inherit."""
        self._lock.acquire()
        if self._owned:
            self._let_go()

    def after_fork(self) -> None:
        """Go on; the connection is opened anew when it is needed."""
        self._lock.release()

    def _let_go(self) -> None:
        if self._connection is not None and self._owned:
            self._connection.close()
        self._connection = None

    def _free(self) -> sqlite3.Cursor:
        """Return a cursor, unless its connection is inside a transaction of its owner."""
        cursor = self._cursor()
        if cursor.connection.in_transaction:
            raise BackendUnavailable(
                f"the connection to {self._file!r} is inside a transaction of its owner: "
                "commit it first"
            )
        return cursor

    def _cursor(self) -> sqlite3.Cursor:
        cursor = self._opened().cursor()
        cursor.row_factory = None
        return cursor

    def _opened(self) -> sqlite3.Connection:
        if self._closed:
            raise BackendUnavailable(f"the queue on {self._file!r} is closed")
        if not self._owned and os.getpid() != self._process:
            raise BackendUnavailable(
                f"the connection to {self._file!r} belongs to the parent process; "
                "open the queue by its path in a forked child"
            )
        if self._connection is None:
            self._connection = self._connect()
        return self._connection


def lenient(connection: sqlite3.Connection) -> None:
    """Read text that is no UTF-8 as text that is no JSON, so that it spoils only its own job."""
    connection.text_factory = lambda text: text.decode("utf-8", "backslashreplace")


def yours(connection: sqlite3.Connection) -> str:
    """Return the file of a caller's connection, unless a queue cannot use it."""
    try:
        if connection.in_transaction:
            raise InvalidOption("the connection is inside a transaction; commit it first")
    except sqlite3.ProgrammingError:
        raise InvalidOption("the connection is closed; give an open one") from None
    refused: list[str] = []

    def touch() -> None:
        try:
            connection.execute("SELECT 1")
        except sqlite3.ProgrammingError as error:
            refused.append(str(error))

    thread = threading.Thread(target=touch)
    thread.start()
    thread.join()
    if refused:
        raise InvalidOption(
            "the connection is bound to its thread; connect with check_same_thread=False "
            f"(SQLite said: {refused[0]})"
        )
    file = _file_of(connection)
    if not file:
        raise InvalidOption(
            "the connection is to a database in memory, which is not durable; use 'memory://'"
        )
    return file


@contextmanager
def inside(transaction: object, file: str) -> Iterator[sqlite3.Cursor]:
    """Give a cursor in the caller's open transaction; an error leaves it as it was."""
    if not isinstance(transaction, sqlite3.Connection):
        raise InvalidOption(
            "transaction must be a sqlite3.Connection with an open transaction, got "
            f"{type(transaction).__module__}.{type(transaction).__qualname__}"
        )
    with translated(file):
        other = _file_of(transaction)
        if not other or Path(other).resolve() != Path(file).resolve():
            raise InvalidOption(f"the transaction is on {other!r}, the queue is in {file!r}")
        cursor = transaction.cursor()
        cursor.row_factory = None
        begun = not transaction.in_transaction
        if begun:
            if transaction.isolation_level is None:
                raise InvalidOption("the connection has no open transaction; execute BEGIN first")
            cursor.execute(f"BEGIN {transaction.isolation_level}")
        try:
            cursor.execute("SAVEPOINT gofastr_queue")
            yield cursor
        except BaseException:
            with suppress(sqlite3.Error):
                if begun:
                    cursor.execute("ROLLBACK")
                else:
                    cursor.execute("ROLLBACK TO gofastr_queue")
                    cursor.execute("RELEASE gofastr_queue")
            raise
        cursor.execute("RELEASE gofastr_queue")


def _file_of(connection: sqlite3.Connection) -> str:
    cursor = connection.cursor()
    cursor.row_factory = None
    for _, name, file in cursor.execute("PRAGMA database_list"):
        if name in ("main", b"main"):
            return os.fsdecode(file)
    return ""


@contextmanager
def translated(file: str) -> Iterator[None]:
    """Turn SQLite's errors into ``BackendUnavailable`` or ``StoreFull`` with a remedy."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(file, error) from error


def _translate(file: str, error: sqlite3.Error) -> QueueError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    said = f"SQLite said: {error}"
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(f"no room for {file!r}: free disk space or raise its limit; {said}")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BackendUnavailable(
            f"{file!r} was locked by others for over {BUSY_SECONDS:.0f} s: "
            f"end their long transactions; {said}"
        )
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return BackendUnavailable(
            f"{file!r} is no readable SQLite database: give another file or restore this one; "
            f"{said}"
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        missing = not Path(file).parent.is_dir()
        remedy = "create its directory" if missing else "check that it is a file you may write"
        return BackendUnavailable(f"cannot open {file!r}: {remedy}; {said}")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return BackendUnavailable(f"{file!r} may not be written: check its permissions; {said}")
    return BackendUnavailable(f"{file!r} cannot be used; {said}")
