"""The one connection that listens, and the thread that keeps it.

A listener that was cut off, or whose server has fallen silent, connects anew.  Whatever it asks the
server has a deadline: a connection may be dead without anybody being told.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from gofastr_queue.errors import BackendUnavailable, QueueError
from gofastr_queue_sql.postgres_connection import Session
from gofastr_queue_sql.postgres_errors import first_line

log = logging.getLogger("gofastr_queue.postgres")

BEAT_SECONDS = 4.0
"""After so long a silence the server is asked whether it still listens, and has as long to say."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between tries to connect, doubling from the first to the longest."""

HOPELESS = 3
"""Times in a row that a server forgets what it was told to listen to: a pooler is between."""

SETTLED_SECONDS = 60.0
"""Who listened for so long before it was forgotten has a server that does listen."""

END_SECONDS = 1.0
"""How long an end waits for the thread, which may be connecting; it then ends by itself."""


class Listener:
    """A thread that listens until it is ended."""

    def __init__(
        self, connect: Callable[[], Session], channel: str, hear: Callable[[str], None]
    ) -> None:
        self.process = os.getpid()
        self.listening = False
        self._connect = connect
        self._channel = channel
        self._hear = hear
        self._failing = False
        self._ended = threading.Event()
        self._ear, self._mouth = socket.socketpair()
        self._thread = threading.Thread(
            target=self._run, name="gofastr-queue-listener", daemon=True
        )
        self._thread.start()

    def end(self) -> None:
        """End the thread and its connection."""
        self._ended.set()
        with suppress(OSError):  # the thread may have ended by itself
            self._mouth.send(b"\0")
        self._thread.join(END_SECONDS)
        self._mouth.close()

    def abandon(self) -> None:
        """Close what belongs to a forked child, not the connection of its parent."""
        self._ear.close()
        self._mouth.close()

    def _run(self) -> None:
        try:
            self._keep_listening()
        finally:
            self._ear.close()

    def _keep_listening(self) -> None:
        pause, forgotten = FIRST_PAUSE, 0
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                self._listen()
            except Forgotten:
                settled = time.monotonic() - began > SETTLED_SECONDS
                forgotten = 1 if settled else forgotten + 1
                if forgotten == HOPELESS:
                    log.warning(
                        "LISTEN has no effect here, as behind a pooler that shares sessions: new "
                        "jobs are found by polling; give listen= the DSN of a direct connection"
                    )
                    return
            except (psycopg.Error, QueueError, OSError) as error:
                if not self._failing:
                    log.warning(
                        "not told of new jobs for now, polling meanwhile: %s", first_line(error)
                    )
                self._failing = True
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            self._ended.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _listen(self) -> None:
        connection = self._connect()
        try:
            self._follow(connection.pgconn)
        finally:
            self.listening = False
            connection.close()

    def _follow(self, pgconn: PGconn) -> None:
        """Pass on what is heard, and ask into a long silence whether anybody is there."""
        listen = f'LISTEN "{self._channel}"'.encode()
        question = f"SELECT FROM pg_listening_channels() AS one WHERE one = '{self._channel}'"
        with selectors.DefaultSelector() as selector:
            selector.register(self._ear, selectors.EVENT_READ)
            selector.register(pgconn.socket, selectors.EVENT_READ)
            asked = listen
            answer: list[PGresult] = []
            pgconn.send_query(asked)
            silent_since = time.monotonic()
            while not self._ended.is_set():
                left = silent_since + BEAT_SECONDS - time.monotonic()
                if left <= 0 and asked:
                    raise BackendUnavailable("the server does not answer")
                if left <= 0:
                    asked = question.encode()
                    pgconn.send_query(asked)
                elif not selector.select(left):
                    continue
                silent_since = time.monotonic()
                pgconn.consume_input()
                if asked and _complete(pgconn, answer):
                    _check(answer, rows=asked != listen)
                    if asked == listen:
                        asked = question.encode()
                        pgconn.send_query(asked)
                    else:
                        asked = b""
                        self._listens()
                    answer.clear()
                for payload in _notified(pgconn):
                    self._hear(payload)

    def _listens(self) -> None:
        """Take note that the server says it listens."""
        if self.listening:
            return
        if self._failing:
            log.info("told of new jobs again")
        self._failing = False
        self.listening = True
        self._hear("")  # something may have come while nobody listened


class Forgotten(Exception):  # noqa: N818 - between functions of this module
    """The session that was told to listen is another by now."""


def _complete(pgconn: PGconn, answer: list[PGresult]) -> bool:
    """Add what has arrived to the answer; tell whether it is all, without waiting for more."""
    while not pgconn.is_busy():
        result = pgconn.get_result()
        if result is None:
            return True
        answer.append(result)
    return False


def _check(answer: Sequence[PGresult], *, rows: bool) -> None:
    for result in answer:
        if result.status not in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
            raise BackendUnavailable(f"the server said: {result.error_message.decode().strip()}")
    if rows and not any(result.ntuples for result in answer):
        raise Forgotten


def _notified(pgconn: PGconn) -> Iterator[str]:
    """Take every notification that has arrived; yield its payload."""
    while notification := pgconn.notifies():
        yield notification.extra.decode(errors="replace")
