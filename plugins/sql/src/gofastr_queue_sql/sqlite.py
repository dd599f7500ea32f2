"""The hooks of the SQLite backend: one file, many processes, no server."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gofastr_queue import failpoints, limits
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import InvalidOption
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import (
    KEPT_ERRORS,
    Ack,
    AnyClaim,
    Batch,
    Count,
    Draft,
    Finding,
    JobQuery,
    Put,
    Release,
    Settled,
    StoredJob,
    StoredPage,
    Want,
)
from gofastr_queue_sql import (
    rows,
    sqlite_diagnosis,
    sqlite_schema,
    sqlite_url,
    statements,
)
from gofastr_queue_sql.queries import conditions_of
from gofastr_queue_sql.rows import micros, moment
from gofastr_queue_sql.sqlite_connection import Connection, inside, lenient, yours
from gofastr_queue_sql.sqlite_file import File
from gofastr_queue_sql.sqlite_moves import Moves
from gofastr_queue_sql.sqlite_schedules import SqliteScheduling
from gofastr_queue_sql.sqlite_schedules import clock as _now
from gofastr_queue_sql.sqlite_watch import Watch

SYNCHRONOUS = ("full", "normal")

after_scan = failpoints.point("reclaim.after_scan")


def connect(url: str, *, table: str | None = None, synchronous: str | None = None) -> SqliteBackend:
    """Open ``sqlite:///relative.db`` or ``sqlite:////absolute.db``."""
    place = sqlite_url.read(url, table, synchronous)
    return SqliteBackend(place.file, table=place.table, synchronous=place.synchronous)


class SqliteBackend(SqliteScheduling):
    """Jobs in a table of a SQLite file.

    Give a path, or a connection of your own: it is used under a lock, must allow other threads
    (``check_same_thread=False``) and must not be inside a transaction.  ``synchronous="full"``
    survives a power cut; ``"normal"`` may lose the last commits then, never at a crash.
    """

    name = "sqlite"
    capabilities = frozenset(
        {
            Capability.DURABLE,
            Capability.MULTI_PROCESS,
            Capability.TRANSACTIONAL,
            Capability.PRIORITY,
            Capability.ATOMIC_BULK,
        }
    )
    default_lease = timedelta(minutes=5)

    def __init__(
        self,
        database: str | os.PathLike[str] | sqlite3.Connection,
        table: str = "queue_jobs",
        synchronous: str = "full",
    ) -> None:
        limits.identifier("table", table)
        if synchronous not in SYNCHRONOUS:
            raise InvalidOption(f"synchronous must be 'full' or 'normal', got {synchronous!r}")
        self._table = table
        self._sql = statements.load(
            "sqlite_sql", lambda suffix: f'"{table}{suffix}"', columns=rows.COLUMNS
        )
        self._moves = Moves(self._sql)
        self._own: sqlite3.Connection | None = None
        if isinstance(database, sqlite3.Connection):
            self._file = yours(database)
            database.execute(f"PRAGMA synchronous = {synchronous}")
            self._own = database
            self._writer = Connection(self._file, lambda: database, owned=False)
            self._reader = self._looker = self._writer
        else:
            if Path(database).name == ":memory:":
                raise InvalidOption("a SQLite queue is a file; for one in memory use 'memory://'")
            if "\0" in os.fspath(database):
                raise InvalidOption(f"a file name cannot hold a NUL: {database!r}")
            self._file = str(Path(database).absolute())
            file = File(self._file, synchronous)
            self._writer = Connection(self._file, file.open)
            self._reader = Connection(self._file, file.open)
            self._looker = Connection(self._file, file.open)
        try:
            with self._writer.reading() as cursor:
                sqlite_schema.prepare(cursor.connection, table)
            self._watch = Watch(self._version, f"{self._file}-wal")
        except BaseException:
            self._close()
            raise

    def __repr__(self) -> str:
        return f"SqliteBackend({self._file!r}, table={self._table!r})"

    @hookimpl
    def queue_put(
        self,
        drafts: Sequence[Draft],
        on_conflict: str,
        now: datetime | None,
        transaction: Any,
    ) -> list[Put]:
        if transaction is not None:
            if transaction is self._own:
                raise InvalidOption(
                    "the transaction is on the queue's own connection, which its worker uses too; "
                    "open the queue by its path"
                )
            with inside(transaction, self._file) as cursor:
                return self._moves.put(cursor, drafts, on_conflict, _now(now))
        puts: list[Put] = []
        if len(drafts) == 1 and drafts[0].plain and self._own is None:  # theirs may begin by itself
            puts = self._moves.put_plain(self._writer, drafts[0], _now(now))
        if not puts:
            with self._writer.writing() as cursor:
                puts = self._moves.put(cursor, drafts, on_conflict, _now(now))
        self._watch.wrote()
        return puts

    @hookimpl
    def queue_close(self) -> bool:
        self._watch.end()
        self._close()
        return True

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        return self.queue_turn((), (), want, limit, lease, worker, now)[1]

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:  # noqa: ARG002 - no time in it
        with self._writer.writing() as cursor:
            return self._moves.ack(cursor, acks)

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        with self._writer.writing() as cursor:
            released = self._moves.nack(cursor, releases, _now(now))
        self._watch.wrote()
        return released

    @hookimpl
    def queue_turn(
        self,
        acks: Sequence[Ack],
        releases: Sequence[Release],
        want: Want,
        limit: int,
        lease: timedelta,
        worker: str,
        now: datetime | None,
    ) -> tuple[Settled, Batch]:
        if not acks and not releases:
            with self._looker.reading() as cursor:
                look = self._moves.look(cursor, want, _now(now))
            if look.next_due != timedelta(0) or not limit:
                return Settled(), look
        with self._writer.writing() as cursor:
            moment = _now(now)  # not before: waiting for the write lock may outlast a lease
            settled = Settled(
                tuple(self._moves.ack(cursor, acks)),
                tuple(self._moves.nack(cursor, releases, moment)),
            )
            batch = self._moves.claim(cursor, want, limit, lease, worker, moment)
        if releases:
            self._watch.wrote()
        return settled, batch

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        with self._looker.reading() as cursor:
            expired = cursor.execute(self._sql.expired, (micros(_now(now)),)).fetchone()
        if expired is None:
            return []
        after_scan()
        values = {"error": reason, "kept": KEPT_ERRORS, "limit": limit}
        with self._writer.writing() as cursor:
            values["now"] = micros(_now(now))
            moved = cursor.execute(self._sql.reclaim, values).fetchall()
        self._watch.wrote()
        return [rows.job(row) for row in moved]

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        with self._writer.writing() as cursor:
            return self._moves.extend(cursor, claims, _now(now) + lease)

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        conditions, values = _conditions(query)
        values["limit"] = -1 if query.limit is None else query.limit + 1
        statement = self._sql.browse.replace("{conditions}", conditions)
        with self._reader.reading() as cursor:
            lenient(cursor.connection)  # a listing is no hot path
            found = cursor.execute(statement, values).fetchall()
        page = found if query.limit is None else found[: query.limit]
        more = len(found) > len(page) and bool(page)
        return StoredPage(tuple(rows.job(row) for row in page), str(page[-1][0]) if more else "")

    @hookimpl
    def queue_stats(self) -> list[Count]:
        with self._reader.reading() as cursor:
            found = cursor.execute(self._sql.stats).fetchall()
        return [
            Count(Status(status), lane, type, count, moment(oldest))
            for status, lane, type, count, oldest in found
        ]

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        conditions, values = _conditions(query)
        values["limit"] = -1 if query.limit is None else query.limit
        statement = self._sql.replay.replace("{conditions}", conditions)
        with self._writer.writing() as cursor:
            values["now"] = micros(_now(now))
            replayed = [id for (id,) in cursor.execute(statement, values).fetchall()]
        self._watch.wrote()
        return replayed

    @hookimpl
    def queue_purge(self, query: JobQuery) -> int:
        conditions, values = _conditions(query)
        values["limit"] = -1 if query.limit is None else query.limit
        statement = self._sql.purge.replace("{conditions}", conditions)
        with self._writer.writing() as cursor:
            return cursor.execute(statement, values).rowcount

    @hookimpl
    def queue_wait(self, want: Want, timeout: timedelta, due: datetime | None = None) -> bool:
        deadline = time.monotonic() + timeout.total_seconds()
        wakes, known = self._watch.wakes(), due
        while True:
            writes = self._watch.writes()
            with self._looker.reading() as cursor:
                soonest = self._moves.due(cursor) or limits.LATEST
                known = known or soonest
                if soonest < known or self._moves.ready(cursor, want):
                    return True
            if not self._watch.wait(writes, wakes, deadline):
                return False

    @hookimpl
    def queue_wake(self) -> bool:
        self._watch.wake()
        return True

    @hookimpl
    def queue_diagnose(self, now: datetime | None) -> list[Finding]:  # noqa: ARG002 - no other clock
        with self._writer.reading() as cursor:
            return sqlite_diagnosis.findings(cursor, self._file, self._table)

    def _version(self) -> int:
        """Return a number that changes whenever another connection has written."""
        with self._looker.reading() as cursor:
            (version,) = cursor.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _close(self) -> None:
        for connection in (self._writer, self._reader, self._looker):
            connection.close()


_STATE_CONDITIONS = {
    None: "1",
    Status.PENDING: "state IN ('ready', 'later')",
    Status.CLAIMED: "state = 'claimed'",
    Status.FAILED: "state = 'failed'",
}
"""Each is spelt as in the partial indexes, so that SQLite may use them."""


def _conditions(query: JobQuery) -> tuple[str, dict[str, Any]]:
    conditions, values = conditions_of(query, ":{}")
    conditions.append(_STATE_CONDITIONS[query.status])
    if query.ids is not None:
        conditions.append("id IN (SELECT value FROM json_each(:ids))")
        values["ids"] = json.dumps(query.ids)
    return " AND ".join(conditions), values
