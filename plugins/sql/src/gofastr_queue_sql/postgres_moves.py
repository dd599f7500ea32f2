"""The moves of jobs in PostgreSQL: each runs on a connection that its caller holds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

from attrs import evolve, frozen
from psycopg import errors

from gofastr_queue.errors import BackendUnavailable, DuplicateJob
from gofastr_queue.lifecycle import Status
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
)
from gofastr_queue_sql import rows
from gofastr_queue_sql.postgres_connection import Session, execute
from gofastr_queue_sql.postgres_errors import overtaking, tell_overtaken
from gofastr_queue_sql.postgres_prepared import Pooled, execute_often, prepares
from gofastr_queue_sql.postgres_steps import together
from gofastr_queue_sql.postgres_ways import OF_LINES, OF_PAIRS
from gofastr_queue_sql.rows import micros_if_any, moment

AT_ONCE = timedelta(0)
MICROSECOND = timedelta(microseconds=1)

LOOKED_AT = 8
"""Times as many jobs are looked at as are asked for: others may be leasing the first of them."""

VANISHED_TRIES = 20
"""Tries to store or find an id that others remove and store again all the time."""

Settlement = TypeVar("Settlement", Ack, Release)


@frozen
class Look:
    """The time, the soonest moment that a job falls due, and whether a wanted one is ready."""

    clock: int
    soonest: int | None
    ready: bool

    @property
    def due(self) -> datetime | None:
        """When the next job falls due."""
        return None if self.soonest is None else moment(self.soonest)

    def batch(self) -> Batch:
        """Return what a claim says that was to bring nothing."""
        return _batch((), self.clock, self.soonest, more=self.ready)


@frozen(eq=False)
class Moves:
    """The statements of one table, put together to operations."""

    sql: SimpleNamespace

    @contextmanager
    def planned(self, connection: Session) -> Iterator[None]:
        """Send statements together, each to be planned as the indexes are made for.

        Only here is a plan kept, because it is as good as the settings it was made with.
        """
        with together(connection):
            settings = self.sql.keep_plans if prepares(connection) else self.sql.plan
            execute_often(connection, settings, {})
            yield

    def put(
        self, connection: Session, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        """Store drafts, all or none: the caller rolls back when this raises."""
        if len(drafts) == 1 and drafts[0].plain:
            new = self._insert_new(connection, drafts[0], now)
            if new is not None:
                return [new]
        puts: dict[int, Put] = {}
        missing = list(range(len(drafts)))
        for _ in range(VANISHED_TRIES):
            for number, job in self._insert(connection, drafts, missing, now).items():
                puts[number] = Put(job, new=True)
            missing = [number for number in missing if number not in puts]
            if missing and on_conflict == "error":
                raise DuplicateJob([drafts[number].id for number in missing])
            if missing:
                first = self._find(connection, [drafts[number].id for number in missing])
                for number in missing:
                    if drafts[number].id in first:
                        puts[number] = Put(first[drafts[number].id], new=False)
                missing = [number for number in missing if number not in puts]
            if not missing:
                return [puts[number] for number in range(len(drafts))]
        raise BackendUnavailable("others remove and store these ids all the time; try again")

    def places(self, connection: Session, count: int) -> tuple[datetime, list[int]]:
        """Return the time by the server's clock, and so many places at the back of the queue."""
        clock, places = execute(
            connection, self.sql.places, {"now": None, "count": count}
        ).fetchone()
        return moment(clock), places

    def claim(
        self,
        connection: Session,
        best: str,
        want: Want,
        limit: int,
        lease: timedelta,
        worker: str,
        now: datetime | None,
    ) -> Any:
        """Lease the best wanted jobs; ``found`` reads what the returned cursor brings."""
        values = _want(want) | {
            "now": micros_if_any(now),
            "limit": limit,
            "looked_at": LOOKED_AT * limit,
            "lease": lease // MICROSECOND,
            "worker": worker,
            "tokens": os.urandom(16 * limit),
        }
        execute_often(connection, self.sql.promote, values | {"limit": DUE_PER_CLAIM})
        if best == OF_LINES and want.types is not None:
            best = OF_PAIRS
        statement = self.sql.claim.replace("{best}", getattr(self.sql, best))
        return execute_often(connection, statement, values)

    def look(self, connection: Session, want: Want, now: datetime | None) -> Look:
        """Claim nothing; tell whether a claim would bring something, and what falls due next."""
        if want.everything:
            statement = self.sql.look_at_all
        else:
            statement = self.sql.look_at_lines if want.types is None else self.sql.look_at_pairs
        values = _want(want) | {"now": micros_if_any(now)}
        return Look(*execute(connection, statement, values).fetchone())

    def settle(
        self,
        connection: Session,
        acks: Sequence[Ack],
        releases: Sequence[Release],
        now: datetime | None,
    ) -> tuple[Any, Any]:
        """Ack, then nack; ``ended`` reads what each of the returned cursors brings.

        Planned, unless the connection prepares nothing and it is a single claim.
        """
        if acks and releases:
            ids, tokens = _columns(sorted([*map(_pair, acks), *map(_pair, releases)]), 2)
            execute(connection, self.sql.lock, {"ids": ids, "tokens": tokens})
        removed = moved = None
        if acks:
            removed = execute_often(connection, self.sql.ack, _lines(map(_pair, acks)))
        if releases:
            moved = execute(connection, self.sql.nack, _release_values(releases, now))
        return removed, moved

    def some(self, connection: Session, statement: str, values: dict[str, Any]) -> Any:
        """Move the first jobs that fit a query; with a limit, none are read beyond it."""
        with self.planned(connection) if values["limit"] is not None else nullcontext():
            return execute(connection, statement, values)

    def extend(
        self,
        connection: Session,
        claims: Sequence[AnyClaim],
        lease: timedelta,
        now: datetime | None,
    ) -> list[AnyClaim]:
        """Move the ends of current leases."""
        ids, tokens = _columns(sorted({(one.job.id, one.token) for one in claims}), 2)
        values = {
            "ids": ids,
            "tokens": tokens,
            "lease": lease // MICROSECOND,
            "now": micros_if_any(now),
        }
        with self.planned(connection) if len(ids) > 1 else nullcontext():
            extended = execute(connection, self.sql.extend, values)
        ends = {(id, token): moment(end) for id, token, end in extended}
        return [
            evolve(claim, lease_until=ends[claim.job.id, claim.token])
            for claim in claims
            if (claim.job.id, claim.token) in ends
        ]

    def _insert_new(self, connection: Session, draft: Draft, now: datetime | None) -> Put | None:
        """Store a draft that says nothing of times or the past, unless its id is taken."""
        values = {
            "now": micros_if_any(now),
            "id": draft.id,
            "type": draft.type,
            "payload": draft.payload,
            "lane": draft.lane,
            "priority": draft.priority,
            "max_attempts": draft.max_attempts,
            "headers": draft.headers,
        }
        try:
            if isinstance(connection, Pooled) and prepares(connection):
                row = connection.fetch(self.sql.insert_new, values)
            else:
                row = execute(connection, self.sql.insert_new, values).fetchone()
        except errors.UniqueViolation as error:
            tell_overtaken(error)
            raise
        return None if row is None else Put(draft.job(moment(int(row[0]))), new=True)

    def _insert(
        self,
        connection: Session,
        drafts: Sequence[Draft],
        numbers: Sequence[int],
        now: datetime | None,
    ) -> dict[int, StoredJob]:
        """Store those drafts whose ids are free; return their jobs.

        In the order of ids, as everything is that waits for locks; their places are in order.
        """
        ordered = sorted(numbers, key=lambda number: drafts[number].id)
        places: dict[int, int] = {}
        if len(drafts) > 1:
            places = dict(zip(numbers, self.places(connection, len(ordered))[1], strict=True))
        with overtaking(), together(connection) if len(drafts) > 1 else nullcontext():
            cursors = {
                number: execute(
                    connection,
                    self.sql.insert,
                    _draft_values(drafts[number], now) | {"place": places.get(number)},
                )
                for number in ordered
            }
        stored = {number: cursor.fetchone() for number, cursor in cursors.items()}
        return {
            number: evolve(
                drafts[number].job(rows.EPOCH),
                created_at=moment(row[0]),
                scheduled_at=moment(row[1]),
            )
            for number, row in stored.items()
            if row is not None
        }

    def _find(self, connection: Session, ids: Sequence[str]) -> dict[str, StoredJob]:
        found = execute(connection, self.sql.find, {"ids": list(ids)}).fetchall()
        return {row[1]: rows.job(row) for row in found}


@frozen
class Found:
    """What a claim brought; ``more`` says that it did not look at everything."""

    batch: Batch
    more: bool


def found(cursor: Any, limit: int) -> Found:
    """Return what a claim for ``limit`` jobs brought."""
    fetched = cursor.fetchall()
    clock, due, more, held = fetched[0][:4]
    leased = [row[4:] for row in fetched if row[4] is not None]
    leased.sort(key=_rank)
    claims: tuple[StoredClaim, ...] = ()
    if leased:
        until = moment(leased[0][14])  # of one statement, so the same for all
        claims = tuple(
            StoredClaim(rows.claimed(row, row[7], row[13], until), row[15], until) for row in leased
        )
    return Found(_batch(claims, clock, due, more=more or held or len(claims) == limit), more)


def ended(cursor: Any, settled: Sequence[Settlement]) -> list[Settlement]:
    """Return, for each claim that a statement ended, the first settlement that asked for it."""
    found = cursor.fetchall() if settled else []
    if len(found) == len(settled):
        return list(settled)
    pairs = {(row[0], row[1]) for row in found}
    current = []
    for one in settled:
        if _pair(one) in pairs:
            pairs.remove(_pair(one))
            current.append(one)
    return current


def _rank(row: rows.Row) -> tuple[int, int]:
    return -row[5], row[0]


def _batch(claims: tuple[StoredClaim, ...], clock: int, due: int | None, *, more: bool) -> Batch:
    if more:
        wait: timedelta | None = AT_ONCE
    else:
        wait = None if due is None else max((due - clock) * MICROSECOND, AT_ONCE)
    return Batch(claims, wait, None if due is None else moment(due))


def _want(want: Want) -> dict[str, Any]:
    lanes, types = want.lanes or (None,), want.types or (None,)
    return {
        "lane": next(iter(lanes)),
        "type": next(iter(types)),
        "lanes": None if want.lanes is None else list(want.lanes),
        "types": None if want.types is None else list(want.types),
        "not_lanes": list(want.not_lanes or ()),
        "not_types": list(want.not_types or ()),
    }


def _pair(one: Ack | Release) -> tuple[str, str]:
    return one.claim.job.id, one.claim.token


def _lines(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return ids and tokens, one to a line, by id; what itself has lines is of no stored job."""
    asked = sorted({pair for pair in pairs if "\n" not in pair[0] and "\n" not in pair[1]})
    ids, tokens = _columns(asked, 2)
    return {"ids": "\n".join(ids), "tokens": "\n".join(tokens)}


def _columns(table: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    return [[row[number] for row in table] for number in range(count)]


def _draft_values(draft: Draft, now: datetime | None) -> dict[str, Any]:
    return {
        "now": micros_if_any(now),
        "id": draft.id,
        "type": draft.type,
        "payload": draft.payload,
        "lane": draft.lane,
        "priority": draft.priority,
        "max_attempts": draft.max_attempts,
        "attempts": draft.attempts,
        "failed": draft.status is Status.FAILED,
        "created_at": micros_if_any(draft.created_at),
        "scheduled_at": micros_if_any(draft.scheduled_at),
        "delay": (draft.delay or AT_ONCE) // MICROSECOND,
        "headers": draft.headers,
        "errors": rows.errors_text(draft.errors),
    }


def _release_values(releases: Sequence[Release], now: datetime | None) -> dict[str, Any]:
    first = {_pair(release): release for release in reversed(releases)}
    moves = []
    for (id, token), release in sorted(first.items()):
        buried = release.outcome is Outcome.BURY
        waits = not buried and release.delay > AT_ONCE
        state = "failed" if buried else "later" if waits else "ready"
        uncounted = 1 if release.outcome is Outcome.GIVE_BACK else 0
        delay = release.delay // MICROSECOND if waits else None
        moves.append((id, token, state, uncounted, delay, release.error))
    names = ("ids", "tokens", "states", "uncounted", "delays", "errors")
    return dict(zip(names, _columns(moves, len(names)), strict=True)) | {
        "now": micros_if_any(now),
        "kept": KEPT_ERRORS,
    }
