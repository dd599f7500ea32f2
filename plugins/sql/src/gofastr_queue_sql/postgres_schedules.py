"""The hooks of schedules in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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
from gofastr_queue_sql.postgres_connection import Session, Sessions, execute
from gofastr_queue_sql.postgres_moves import Moves
from gofastr_queue_sql.postgres_steps import whole
from gofastr_queue_sql.postgres_vacuum import Vacuum
from gofastr_queue_sql.postgres_watch import Watch
from gofastr_queue_sql.rows import micros, moment


class PostgresScheduling:
    """What a backend on PostgreSQL has for schedules; it gives the sessions and the statements."""

    _sessions: Sessions
    _sql: SimpleNamespace
    _moves: Moves
    _watch: Watch
    _vacuum: Vacuum

    @hookimpl
    def schedule_put(
        self, drafts: Sequence[ScheduleDraft], now: datetime | None
    ) -> list[StoredSchedule]:
        def put(connection: Session) -> list[StoredSchedule]:
            with whole(connection):
                return self._put_schedules(connection, drafts, now)

        return self._sessions.run(put)

    @hookimpl
    def schedule_due(self, limit: int, now: datetime | None) -> Due:
        with self._sessions.session() as connection:
            clock = self._clock(connection, now)
            found = execute(connection, self._sql.schedule_due, {"limit": limit + 1}).fetchall()
        return schedule_rows.due(found, limit, clock)

    @hookimpl
    def schedule_fire(self, fires: Sequence[Fire], now: datetime | None) -> list[Fired]:
        def fire(connection: Session) -> list[Fired]:
            with whole(connection):
                self._lock_schedules(connection, [fire.id for fire in fires])
                fired = [self._fire(connection, fire, now) for fire in fires]
            return [one for one in fired if one is not None]

        fired = self._sessions.run(fire)
        stored = sum(one.put is not None for one in fired)
        if stored:
            self._watch.wrote()
            self._vacuum.count(stored)
        return fired

    @hookimpl
    def schedule_list(self, ids: Sequence[str] | None, occurrences: int) -> list[StoredSchedule]:
        asked = None if ids is None else list(ids)
        with self._sessions.session() as connection:
            found = execute(connection, self._sql.schedule_list, {"ids": asked}).fetchall()
            values = {"ids": [row[0] for row in found], "limit": occurrences}
            ticks = execute(connection, self._sql.occurrence_list, values) if found else ()
            kept: dict[str, list[tuple[int, str]]] = {}
            for id, at, fate in ticks:
                kept.setdefault(id, []).append((at, fate))
        return [schedule_rows.schedule(row, kept.get(row[0], ())) for row in found]

    @hookimpl
    def schedule_remove(self, ids: Sequence[str]) -> list[str]:
        def remove(connection: Session) -> set[str]:
            with whole(connection):
                self._lock_schedules(connection, ids)
                values = {"ids": list(ids)}
                removed = execute(connection, self._sql.schedule_remove, values).fetchall()
                execute(connection, self._sql.occurrence_remove, values)
            return {row[0] for row in removed}

        removed = self._sessions.run(remove)
        return [id for id in dict.fromkeys(ids) if id in removed]

    def _put_schedules(
        self, connection: Session, drafts: Sequence[ScheduleDraft], now: datetime | None
    ) -> list[StoredSchedule]:
        clock = self._clock(connection, now)
        for draft in sorted(drafts, key=lambda draft: draft.id):
            made = registered(draft, clock)
            if made is not None:
                execute(connection, self._sql.schedule_insert, schedule_rows.values(made))
        known = self._lock_schedules(connection, [draft.id for draft in drafts])
        stored = []
        for draft in drafts:
            before = known.get(draft.id)
            if before is not None:
                after = changed(before, draft, clock)
                if after is not before:
                    execute(connection, self._sql.schedule_change, schedule_rows.values(after))
                known[draft.id] = after
                stored.append(after)
        return stored

    def _fire(self, connection: Session, fire: Fire, now: datetime | None) -> Fired | None:
        values = {"id": fire.id, "version": fire.version}
        row = execute(connection, self._sql.schedule_last, values).fetchone()
        if row is None:
            return None
        (last_job, alive), put = row, None
        overlaps = fire.unless_alive and alive
        if fire.draft is not None and not overlaps:
            (put,) = self._moves.put(connection, [fire.draft], "ignore", now)
        moved = {
            "id": fire.id,
            "watermark": micros(fire.watermark),
            "next_due": None if fire.next_due is None else micros(fire.next_due),
            "last_job": last_job if put is None else put.job.id,
        }
        execute(connection, self._sql.schedule_fire, moved)
        decided = list(schedule_rows.decided(fire, overlaps=overlaps))
        if decided:
            kept = {
                "schedule": fire.id,
                "moments": [one["at"] for one in decided],
                "fates": [one["fate"] for one in decided],
                "kept": KEPT_OCCURRENCES,
            }
            execute(connection, self._sql.occurrence_insert, kept)
            execute(connection, self._sql.occurrence_trim, kept)
        return Fired(fire, put)

    def _lock_schedules(self, connection: Session, ids: Sequence[str]) -> dict[str, StoredSchedule]:
        found = execute(connection, self._sql.schedule_lock, {"ids": list(ids)}).fetchall()
        return {row[0]: schedule_rows.schedule(row) for row in found}

    def _clock(self, connection: Session, now: datetime | None) -> datetime:
        """Return the given time, or the server's."""
        given = {"now": None if now is None else micros(now)}
        (clock,) = execute(connection, self._sql.schedule_clock, given).fetchone()
        return moment(clock)
