"""The file of a queue: opened for each connection, and the same one each time."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from gofastr_queue.errors import BackendUnavailable
from gofastr_queue_sql.sqlite_connection import BUSY_SECONDS

SWITCH_SECONDS = 0.01
"""Between two tries of switching to WAL."""

OWNERS = 0o600
"""Who may read and write a new file; SQLite gives its journals the same."""


class File:
    """Made by its first opening if it is not there."""

    def __init__(self, path: str, synchronous: str) -> None:
        self._path = path
        self._synchronous = synchronous
        self._first: tuple[int, int] | None = None

    def open(self) -> sqlite3.Connection:
        """Open it in WAL mode.

        Raises ``BackendUnavailable`` where the file has been replaced since its first opening, for
        one connection would store jobs where the other does not look for them.
        """
        connection = self._connect()
        try:
            self._recognize()
            _write_ahead(connection)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _recognize(self) -> None:
        try:
            found = Path(self._path).stat()
        except OSError as error:
            raise BackendUnavailable(f"cannot open {self._path!r}: {error}") from error
        known = (found.st_dev, found.st_ino)
        if self._first is None:
            self._first = known
        elif self._first != known:
            raise BackendUnavailable(
                f"{self._path!r} is another file than it was when the queue was opened: "
                "open the queue anew"
            )

    def _connect(self) -> sqlite3.Connection:
        if self._first is None:
            with suppress(OSError):  # it is there, or SQLite will say why it cannot be
                # its owner's alone, for jobs are private
                os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, OWNERS))
            place = self._path
        else:
            place = f"{Path(self._path).as_uri()}?mode=rw"
        return sqlite3.connect(
            place,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            uri=self._first is not None,
        )


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL; where another process switches too, SQLite does not wait by itself."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
            if mode != "wal":
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() >= deadline:
                raise
            time.sleep(SWITCH_SECONDS)
        else:
            return
