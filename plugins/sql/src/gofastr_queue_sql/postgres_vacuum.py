"""Vacuuming a queue that is busy: it leaves a whole table of dead rows behind in a minute.

Autovacuum looks once a minute by default, and a queue makes as much garbage meanwhile as it moves
jobs.  So whoever moves them vacuums too, after so many, where the role owns the table.  New rows
count as well: only after a vacuum are they counted from an index alone.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from types import SimpleNamespace

import psycopg

from gofastr_queue.errors import QueueError
from gofastr_queue_sql import forks
from gofastr_queue_sql.postgres_connection import Sessions, execute
from gofastr_queue_sql.postgres_reindex import Reindex

log = logging.getLogger("gofastr_queue.postgres")

LEAST = 10_000
"""Rows changed before it is worth while."""

SHARE = 0.2
"""Rows changed per row of the table before it is worth while: all its indexes are read."""

REST, REST_WHEN_STALE = 9, 1
"""Times as long as a vacuum took, nothing is vacuumed: it may be in vain under an old snapshot.

Less where somebody counts jobs, who waits twice as long for it without a vacuum.
"""

PAUSE_SECONDS = 60.0
"""After a vacuum that failed."""


class Vacuum:
    """Counts the rows that this process has changed, and now and then vacuums them."""

    fork_rank = 2

    def __init__(self, sessions: Sessions, sql: SimpleNamespace) -> None:
        self._sessions = sessions
        self._sql = sql
        self._lock = threading.Lock()
        self._changed = 0
        self._threshold = LEAST
        self._busy = False
        self._ended = self._took = self._paused = 0.0
        self._allowed = True
        self._process = os.getpid()
        self._reindex = Reindex(sessions, sql)
        forks.watch(self)

    def end(self) -> None:
        """Break off what may take long."""
        self._reindex.end()

    def before_fork(self) -> None:
        """Let no other thread hold the lock in the child."""
        self._lock.acquire()

    def after_fork(self) -> None:
        """Go on; a child has nothing of what its parent is doing."""
        if os.getpid() != self._process:
            self._process = os.getpid()
            self._busy = False
            self._reindex = Reindex(self._sessions, self._sql)
        self._lock.release()

    def count(self, changed: int) -> None:
        """Count changed rows; vacuum in the background when they are many."""
        with self._lock:
            self._changed += changed
            enough = self._changed >= self._threshold
        if enough:
            self.begin(REST)

    def stale(self) -> bool:
        """Tell whether much of the table has changed since the last vacuum; begin one then."""
        with self._sessions.session() as connection:
            stale: bool = execute(connection, self._sql.stale, {"least": LEAST}).fetchone()[0]
        if stale:
            self.begin(REST_WHEN_STALE)
        return stale

    def begin(self, rest: int) -> None:
        """Vacuum in the background, unless it was done a moment ago or the role may not."""
        with self._lock:
            rested = max(self._ended + rest * self._took, self._paused)
            if self._busy or not self._allowed or time.monotonic() < rested:
                return
            self._changed = 0
            self._busy = True
        threading.Thread(target=self._run, name="gofastr-queue-vacuum", daemon=True).start()

    def _run(self) -> None:
        began = time.monotonic()
        try:
            with self._sessions.session() as connection:
                rows, owner = execute(connection, self._sql.size).fetchone()
                self._allowed = owner and connection.autocommit
                self._threshold = LEAST + int(SHARE * rows)
                if self._allowed:
                    execute(connection, self._sql.vacuum)
            self._took = time.monotonic() - began
            if self._allowed and self._sessions.many:
                self._reindex.run()
        except (QueueError, psycopg.Error) as error:
            self._paused = time.monotonic() + PAUSE_SECONDS
            log.info("not vacuumed, autovacuum will do it: %s", error)
        finally:
            self._ended = time.monotonic()
            self._busy = False
