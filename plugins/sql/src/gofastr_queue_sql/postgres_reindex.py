"""Making a queue's indexes small again: no vacuum gives back a page that has one live row left.

Of random priorities the least urgent jobs stay, scattered over all that came, so the indexes by id
and place keep a page for each.  They are made anew while everybody works on, outside of any
transaction, on a connection beside the pool: it may take long, as it waits for every transaction
that is open.  So it has a deadline, and an end with the queue.
"""

from __future__ import annotations

import logging
import selectors
import threading
import time
from contextlib import closing
from types import SimpleNamespace

import psycopg
from psycopg.pq import ExecStatus

from gofastr_queue.errors import BackendUnavailable, QueueError
from gofastr_queue_sql.postgres_connection import Session, Sessions, execute
from gofastr_queue_sql.postgres_errors import first_line

log = logging.getLogger("gofastr_queue.postgres")

PATIENCE_SECONDS = 30.0
"""How long transactions of others are waited for, beside the work itself."""

BYTES_A_SECOND = 1_000_000
"""So slow a server still finishes."""

REST = 9
"""Times as long as it took, nothing is made anew."""

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 6 * 3600.0
"""Seconds after one that failed, doubling from the first to the longest: it wrote much in vain."""

END_SECONDS = 1.0
"""How long an end waits for the server to finish, and then for it to break off."""

TICK_SECONDS = 0.05
"""How soon an end is noticed."""


class Reindex:
    """Finds indexes that have grown, and makes them anew; of one table, one at a time."""

    def __init__(self, sessions: Sessions, sql: SimpleNamespace) -> None:
        self._sessions = sessions
        self._sql = sql
        self._not_before = 0.0
        self._pause = FIRST_PAUSE
        self._ended = threading.Event()
        self._idle = threading.Event()
        self._idle.set()

    def run(self) -> None:
        """Drop what was left behind, and make anew what has grown."""
        self._idle.clear()
        try:
            self._run()
        except (QueueError, psycopg.Error) as error:
            log.info("indexes not made anew, they stay as they are: %s", first_line(error))
            self._not_before = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        finally:
            self._idle.set()

    def end(self) -> None:
        """Break off what is going on, unless it is done in a moment."""
        if not self._idle.wait(END_SECONDS):
            self._ended.set()
            self._idle.wait(END_SECONDS)
        self._ended.set()

    def _run(self) -> None:
        if self._ended.is_set():
            return
        with self._sessions.session() as connection:
            found = execute(connection, self._sql.bloated).fetchall()
        for index, _, left in found:
            if left:
                self._do(self._sql.leftover, index, PATIENCE_SECONDS)
        grown = [(index, size) for index, size, left in found if not left]
        began = time.monotonic()
        if not grown or began < self._not_before:
            return
        for index, size in grown:
            self._do(self._sql.reindex, index, PATIENCE_SECONDS + size / BYTES_A_SECOND)
        log.info("made anew: %s", ", ".join(index for index, _ in grown))
        self._not_before = time.monotonic() + REST * (time.monotonic() - began)
        self._pause = FIRST_PAUSE

    def _do(self, statement: str, index: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with closing(self._sessions.connect()) as connection:
            connection.pgconn.send_query(statement.replace("{index}", index).encode())
            while not _answered(connection):
                if self._ended.is_set() or time.monotonic() >= deadline:
                    _break_off(connection)
                    raise BackendUnavailable(f"{index} took longer than the queue can wait")
            result = connection.pgconn.get_result()
            if result is None or result.status != ExecStatus.COMMAND_OK:
                said = result.error_message.decode() if result else "nothing"
                raise BackendUnavailable(f"{index}: the server said {said.strip()}")


def _answered(connection: Session) -> bool:
    """Wait a moment for the server's answer; tell whether it is there."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        if selector.select(TICK_SECONDS):
            connection.pgconn.consume_input()
    return not connection.pgconn.is_busy()


def _break_off(connection: Session) -> None:
    """Let the server end the statement; what it leaves is dropped another time."""
    deadline = time.monotonic() + END_SECONDS / 2
    connection.cancel_safe(timeout=END_SECONDS / 2)
    while not _answered(connection) and time.monotonic() < deadline:
        pass
