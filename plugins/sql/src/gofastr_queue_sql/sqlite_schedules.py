"""The hooks of schedules in SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace

from gofastr_queue.book import changed, registered
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import (
    KEPT_OCCURRENCES,
    Due,
    Fire,
    Fired,
    ScheduleDraft,
    StoredSchedule,
)
from gofastr_queue_sql import schedule_rows
from gofastr_queue_sql.rows import micros
from gofastr_queue_sql.sqlite_connection import Connection, lenient
from gofastr_queue_sql.sqlite_moves import Moves
from gofastr_queue_sql.sqlite_watch import Watch


class SqliteScheduling:
    """What a backend on SQLite has for schedules; it gives the connections and the statements."""

    _writer: Connection
    _reader: Connection
    _sql: SimpleNamespace
    _moves: Moves
    _watch: Watch

    @hookimpl
    def schedule_put(
        self, drafts: Sequence[ScheduleDraft], now: datetime | None
    ) -> list[StoredSchedule]:
        with self._writer.writing() as cursor:
            lenient(cursor.connection)  # one that cannot be read may be registered anew
            moment = clock(now)
            stored = [self._put_schedule(cursor, draft, moment) for draft in drafts]
        return [one for one in stored if one is not None]

    @hookimpl
    def schedule_due(self, limit: int, now: datetime | None) -> Due:
        with self._reader.reading() as cursor:
            lenient(cursor.connection)
            found = cursor.execute(self._sql.schedule_due, {"limit": limit + 1}).fetchall()
        return schedule_rows.due(found, limit, clock(now))

    @hookimpl
    def schedule_fire(self, fires: Sequence[Fire], now: datetime | None) -> list[Fired]:
        with self._writer.writing() as cursor:
            moment = clock(now)
            fired = [self._fire(cursor, fire, moment) for fire in fires]
        self._watch.wrote()
        return [one for one in fired if one is not None]

    @hookimpl
    def schedule_list(self, ids: Sequence[str] | None, occurrences: int) -> list[StoredSchedule]:
        asked = None if ids is None else json.dumps(list(ids))
        with self._reader.reading() as cursor:
            lenient(cursor.connection)
            found = cursor.execute(self._sql.schedule_list, {"ids": asked}).fetchall()
            listed = []
            for row in found:
                values = {"schedule": row[0], "limit": occurrences}
                ticks = cursor.execute(self._sql.occurrence_list, values).fetchall()
                listed.append(schedule_rows.schedule(row, ticks))
        return listed

    @hookimpl
    def schedule_remove(self, ids: Sequence[str]) -> list[str]:
        with self._writer.writing() as cursor:
            removed = [
                id
                for id in dict.fromkeys(ids)
                if cursor.execute(self._sql.schedule_remove, {"id": id}).rowcount
            ]
            cursor.executemany(self._sql.occurrence_remove, [{"id": id} for id in removed])
        return removed

    def _put_schedule(
        self, cursor: sqlite3.Cursor, draft: ScheduleDraft, now: datetime
    ) -> StoredSchedule | None:
        row = cursor.execute(self._sql.schedule_find, {"id": draft.id}).fetchone()
        if row is None:
            made = registered(draft, now)
            if made is not None:
                cursor.execute(self._sql.schedule_insert, schedule_rows.values(made))
            return made
        known = schedule_rows.schedule(row)
        after = changed(known, draft, now)
        if after is not known:
            cursor.execute(self._sql.schedule_change, schedule_rows.values(after))
        return after

    def _fire(self, cursor: sqlite3.Cursor, fire: Fire, now: datetime) -> Fired | None:
        values = {"id": fire.id, "version": fire.version}
        row = cursor.execute(self._sql.schedule_last, values).fetchone()
        if row is None:
            return None
        (last_job,), put, overlaps = row, None, False
        if fire.draft is not None:
            alive = cursor.execute(self._sql.schedule_alive, {"last_job": last_job}).fetchone()
            overlaps = fire.unless_alive and alive is not None
            if not overlaps:
                (put,) = self._moves.put(cursor, [fire.draft], "ignore", now)
        moved = {
            "id": fire.id,
            "watermark": micros(fire.watermark),
            "next_due": None if fire.next_due is None else micros(fire.next_due),
            "last_job": last_job if put is None else put.job.id,
        }
        cursor.execute(self._sql.schedule_fire, moved)
        decided = list(schedule_rows.decided(fire, overlaps=overlaps))
        if decided:
            cursor.executemany(self._sql.occurrence_insert, decided)
            trimmed = {"schedule": fire.id, "kept": KEPT_OCCURRENCES}
            cursor.execute(self._sql.occurrence_trim, trimmed)
        return Fired(fire, put)


def clock(now: datetime | None) -> datetime:
    """Return the given time, or the process's."""
    return datetime.now(UTC) if now is None else now
