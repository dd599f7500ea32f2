"""The moves of jobs in SQLite: all but ``put_plain`` run in a transaction that the caller holds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from attrs import evolve, frozen

from gofastr_queue.errors import DuplicateJob
from gofastr_queue.records import (
    DUE_PER_CLAIM,
    KEPT_ERRORS,
    Ack,
    AnyClaim,
    Batch,
    Draft,
    Outcome,
    Put,
    Release,
    StoredClaim,
    StoredJob,
    Want,
    new_tokens,
)
from gofastr_queue_sql import lines, rows
from gofastr_queue_sql.rows import micros, moment
from gofastr_queue_sql.sqlite_connection import Connection, lenient

AT_ONCE = timedelta(0)


@frozen(eq=False)
class Moves:
    """The statements of one table, put together to operations."""

    sql: SimpleNamespace

    def put(
        self, cursor: sqlite3.Cursor, drafts: Sequence[Draft], on_conflict: str, now: datetime
    ) -> list[Put]:
        """Store drafts, all or none."""
        puts = [Put(draft.job(now), new=True) for draft in drafts]
        values = [_values(put.job, now) for put in puts]
        if on_conflict == "ignore":
            return [
                put
                if cursor.execute(self.sql.insert_new, row).rowcount
                else self._first(cursor, put)
                for put, row in zip(puts, values, strict=True)
            ]
        taken = self._insert(cursor, values)
        if taken:
            raise DuplicateJob(taken)
        return puts

    def put_plain(self, writer: Connection, draft: Draft, now: datetime) -> list[Put]:
        """Store a draft unless its id is taken, outside of any transaction."""
        job = draft.job(now)
        return [Put(job, True)] if writer.write(self.sql.insert_new, _values(job, now)) else []

    def _insert(self, cursor: sqlite3.Cursor, values: Sequence[tuple[object, ...]]) -> list[str]:
        """Insert rows, or none of them and return the ids that are taken."""
        several = len(values) > 1  # a statement that fails undoes itself, not those before it
        if several:
            cursor.execute("SAVEPOINT gofastr_queue_put")
        try:
            cursor.executemany(self.sql.insert, values)
        except sqlite3.IntegrityError:
            if several:
                cursor.execute("ROLLBACK TO gofastr_queue_put")
                cursor.execute("RELEASE gofastr_queue_put")
            taken = self._taken(cursor, [str(row[0]) for row in values])
            if not taken:
                raise
            return taken
        if several:  # not where the disk is full: SQLite has ended the transaction then
            cursor.execute("RELEASE gofastr_queue_put")
        return []

    def claim(
        self,
        cursor: sqlite3.Cursor,
        want: Want,
        limit: int,
        lease: timedelta,
        worker: str,
        now: datetime,
    ) -> Batch:
        """Lease the best wanted jobs."""
        if not limit:
            return self.look(cursor, want, now)
        due = self.due(cursor)
        if due is not None and due <= now:
            cursor.execute(self.sql.promote, {"now": micros(now), "limit": DUE_PER_CLAIM})
        found = self._best(cursor, want, limit)
        until = micros(now + lease)
        tokens = new_tokens(len(found))
        cursor.executemany(
            self.sql.claim,
            [(token, worker, until, row[0]) for token, row in zip(tokens, found, strict=True)],
        )
        end = moment(until)
        claims = tuple(
            StoredClaim(rows.claimed(row, row[7] + 1, worker, end), token, end)
            for token, row in zip(tokens, found, strict=True)
        )
        due = self.due(cursor)
        return Batch(claims, AT_ONCE if len(claims) == limit else _until(due, now), due)

    def look(self, cursor: sqlite3.Cursor, want: Want, now: datetime) -> Batch:
        """Claim nothing; tell how long until a claim may bring something."""
        due = self.due(cursor)
        return Batch((), AT_ONCE if self.ready(cursor, want) else _until(due, now), due)

    def due(self, cursor: sqlite3.Cursor) -> datetime | None:
        """Return when the next job falls due."""
        row = cursor.execute(self.sql.soonest).fetchone()
        return None if row is None else moment(row[0])

    def ready(self, cursor: sqlite3.Cursor, want: Want) -> bool:
        """Tell whether a wanted job is ready."""
        return next(self._heads(cursor, want), None) is not None

    def ack(self, cursor: sqlite3.Cursor, acks: Sequence[Ack]) -> list[Ack]:
        """Remove the jobs of current claims."""
        return [
            ack
            for ack in acks
            if cursor.execute(self.sql.ack, (ack.claim.job.id, ack.claim.token)).rowcount
        ]

    def nack(
        self, cursor: sqlite3.Cursor, releases: Sequence[Release], now: datetime
    ) -> list[Release]:
        """End current claims as their outcomes say."""
        return [
            release
            for release in releases
            if cursor.execute(self.sql.nack, _release_values(release, now)).rowcount
        ]

    def extend(
        self, cursor: sqlite3.Cursor, claims: Sequence[AnyClaim], until: datetime
    ) -> list[AnyClaim]:
        """Move the ends of current leases."""
        extended: list[AnyClaim] = []
        for claim in claims:
            values = (micros(until), claim.job.id, claim.token)
            row = cursor.execute(self.sql.extend, values).fetchone()
            if row is not None:
                extended.append(evolve(claim, lease_until=moment(row[0])))
        return extended

    def _best(self, cursor: sqlite3.Cursor, want: Want, limit: int) -> list[rows.Row]:
        def best() -> list[rows.Row]:
            return lines.best(self._heads(cursor, want), limit, self._line(cursor, limit), _rank)

        try:
            return best()
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise
            lenient(cursor.connection)
            return best()

    def _heads(self, cursor: sqlite3.Cursor, want: Want) -> Iterator[lines.Head]:
        def seek(statement: str) -> lines.Seek:
            return lambda *values: cursor.execute(statement, values).fetchone()

        return lines.heads(
            want, seek(self.sql.next_lane), seek(self.sql.next_type), seek(self.sql.first_type)
        )

    def _line(self, cursor: sqlite3.Cursor, limit: int) -> lines.Line:
        connection = cursor.connection

        def line(lane: str, type: str) -> Iterator[Any]:
            reader = connection.cursor()
            reader.row_factory = None
            return reader.execute(self.sql.line, (lane, type, limit))

        return line

    def _first(self, cursor: sqlite3.Cursor, put: Put) -> Put:
        """Return the job that has a draft's id already."""
        row = cursor.execute(self.sql.find, (put.job.id,)).fetchone()
        return Put(rows.job(row), new=False)

    def _taken(self, cursor: sqlite3.Cursor, ids: Sequence[str]) -> list[str]:
        """Return which ids are stored, or given twice, in the order given."""
        return rows.taken(ids, cursor.execute(self.sql.taken, (json.dumps(ids),)))


def _until(due: datetime | None, now: datetime) -> timedelta | None:
    return None if due is None else max(due - now, AT_ONCE)


def _rank(row: rows.Row) -> tuple[int, int]:
    return -row[5], row[0]


def _values(job: StoredJob, now: datetime) -> tuple[Any, ...]:
    created = micros(job.created_at)
    return (
        job.id,
        job.type,
        job.payload,
        job.lane,
        job.priority,
        job.max_attempts,
        job.attempts,
        rows.state(job, now),
        created,
        created if job.scheduled_at is job.created_at else micros(job.scheduled_at),
        job.headers,
        rows.errors_text(job.errors) if job.errors else "[]",
    )


def _release_values(release: Release, now: datetime) -> dict[str, Any]:
    buried = release.outcome is Outcome.BURY
    waits = not buried and release.delay > AT_ONCE
    return {
        "state": "failed" if buried else "later" if waits else "ready",
        "scheduled_at": micros(now + release.delay) if waits else None,
        "uncounted": 1 if release.outcome is Outcome.GIVE_BACK else 0,
        "error": release.error,
        "now": micros(now),
        "kept": KEPT_ERRORS,
        "id": release.claim.job.id,
        "token": release.claim.token,
    }
