"""The hooks of the PostgreSQL backend: many hosts, one database."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from attrs import evolve
from psycopg import Connection
from psycopg_pool import ConnectionPool

from gofastr_queue import failpoints, limits
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import QueueError
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
    postgres_moves,
    postgres_query,
    postgres_schema,
    postgres_url,
    rows,
    statements,
)
from gofastr_queue_sql.postgres_bulk import Bulk
from gofastr_queue_sql.postgres_connection import Session, Sessions, execute
from gofastr_queue_sql.postgres_diagnosis import Diagnosis
from gofastr_queue_sql.postgres_moves import Moves
from gofastr_queue_sql.postgres_prepared import prepares
from gofastr_queue_sql.postgres_schedules import PostgresScheduling
from gofastr_queue_sql.postgres_schema import Schema
from gofastr_queue_sql.postgres_steps import whole
from gofastr_queue_sql.postgres_transaction import carried
from gofastr_queue_sql.postgres_vacuum import Vacuum
from gofastr_queue_sql.postgres_watch import Watch
from gofastr_queue_sql.postgres_ways import IN_FRONT, OF_LINES, Ways
from gofastr_queue_sql.rows import micros_if_any, moment

COPIED = 20
"""From this many jobs on, COPY is quicker than an INSERT for each."""

after_front = failpoints.point("claim.between_steps")

NOW = "coalesce(%(now)s::bigint, (extract(epoch FROM statement_timestamp()) * 1000000)::bigint)"
"""The store's clock, unless one was injected: not frozen at the beginning of a transaction."""

COLUMNS = ", ".join(
    "job.errors::text" if name == "errors" else f"job.{name}" for name in rows.COLUMNS.split(", ")
)


def connect(
    url: str,
    *,
    table: str | None = None,
    schema: str | None = None,
    listen: bool | str | None = None,
    pool_size: int | None = None,
) -> PostgresBackend:
    """Open ``postgresql://user:password@host:port/database``."""
    place = postgres_url.read(url, table, schema, listen, pool_size)
    return PostgresBackend(
        place.dsn,
        table=place.table,
        schema=place.schema,
        listen=place.listen,
        pool_size=place.pool_size,
    )


class PostgresBackend(PostgresScheduling):
    """Jobs in a table of a PostgreSQL database.

    Give a DSN, a ``psycopg_pool.ConnectionPool`` of yours, or one ``psycopg.Connection``, which is
    used under a lock and must not be inside a transaction.  ``listen`` is whether to be told of
    new jobs on a connection of its own; a DSN there goes past a pooler that shares sessions.
    """

    name = "postgresql"
    capabilities = frozenset(
        {
            Capability.DURABLE,
            Capability.MULTI_PROCESS,
            Capability.TRANSACTIONAL,
            Capability.SERVER_CLOCK,
            Capability.PRIORITY,
            Capability.ATOMIC_BULK,
        }
    )
    default_lease = timedelta(minutes=5)

    def __init__(
        self,
        database: str | Connection[Any] | ConnectionPool[Any],
        table: str = "queue_jobs",
        schema: str = "public",
        *,
        listen: bool | str = True,
        pool_size: int = postgres_url.POOL_SIZE,
    ) -> None:
        limits.identifier("table", table)
        limits.identifier("schema", schema)
        limits.count("pool_size", pool_size)
        listen = postgres_url.switch(listen)
        self._where = f"{schema}.{table}"
        self._sessions = Sessions(database, pool_size, listen if isinstance(listen, str) else "")
        channel = f"gofastr_queue_{hashlib.sha256(self._where.encode()).hexdigest()[:32]}"
        self._sql: SimpleNamespace = statements.load(
            "postgres_sql",
            lambda suffix: f'"{schema}"."{table}{suffix}"',
            columns=COLUMNS,
            now=NOW,
            channel=channel,
        )
        self._moves = Moves(self._sql)
        self._bulk = Bulk(self._sessions, self._moves)
        self._watch = Watch(self._sessions.connect if listen else None, channel)
        self._ways = Ways()
        self._vacuum = Vacuum(self._sessions, self._sql)
        try:
            made = Schema.of(schema, table)
            postgres_schema.prepare(self._sessions, made)
        except BaseException:
            self.queue_close()
            raise
        self._diagnosis = Diagnosis(self._sessions, self._sql, made, bool(listen))

    def __repr__(self) -> str:
        return f"PostgresBackend({self._sessions.name!r}, {self._where!r})"

    @hookimpl
    def queue_put(
        self,
        drafts: Sequence[Draft],
        on_conflict: str,
        now: datetime | None,
        transaction: Any,
    ) -> list[Put]:
        if transaction is not None:
            return carried(
                transaction,
                self._sessions,
                lambda connection: self._moves.put(connection, drafts, on_conflict, now),
            )

        def put(connection: Session) -> list[Put]:
            if len(drafts) == 1:
                return self._moves.put(connection, drafts, on_conflict, now)
            with whole(connection):
                return self._moves.put(connection, drafts, on_conflict, now)

        if len(drafts) >= COPIED and on_conflict == "error":
            puts = self._bulk.put(drafts, now)
        else:
            puts = self._sessions.run(put)
        self._watch.wrote()
        self._vacuum.count(len(drafts))
        return puts

    @hookimpl
    def queue_close(self) -> bool:
        self._watch.end()
        self._vacuum.end()
        self._sessions.close()
        return True

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        return self.queue_turn((), (), want, limit, lease, worker, now)[1]

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:
        return list(self._settle(acks, (), now).acks)

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        return list(self._settle((), releases, now).releases)

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
        if not limit:
            settled = self._settle(acks, releases, now)
            with self._sessions.session() as connection:
                return settled, self._moves.look(connection, want, now).batch()
        best = self._ways.choose(want)

        def turn(connection: Session) -> tuple[Any, Any, Any]:
            with self._moves.planned(connection):
                settled = self._moves.settle(connection, acks, releases, now)
                leased = self._moves.claim(connection, best, want, limit, lease, worker, now)
            return *settled, leased

        removed, moved, leased = self._sessions.run(turn)
        if releases:
            self._watch.wrote()
        settled = Settled(
            tuple(postgres_moves.ended(removed, acks)),
            tuple(postgres_moves.ended(moved, releases)),
        )
        found = postgres_moves.found(leased, limit)
        self._vacuum.count(len(found.batch.claims) + len(acks) + len(releases))
        if best == IN_FRONT and found.more and len(found.batch.claims) < limit:
            self._ways.missed(want)
            return settled, self._rest(found.batch, want, limit, lease, worker, now)
        return settled, found.batch

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        values = {"limit": limit, "reason": reason, "kept": KEPT_ERRORS, "now": micros_if_any(now)}
        moved = self._sessions.run(
            lambda connection: execute(connection, self._sql.reclaim, values)
        ).fetchall()
        if moved:
            self._watch.wrote()
        return [rows.job(row) for row in moved]

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        return self._sessions.run(
            lambda connection: self._moves.extend(connection, claims, lease, now)
        )

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        condition, values = postgres_query.condition(query)
        values["limit"] = None if query.limit is None else query.limit + 1
        found = self._read(self._sql.browse.replace("{conditions}", condition), values)
        page = found if query.limit is None else found[: query.limit]
        more = len(found) > len(page) and bool(page)
        return StoredPage(tuple(rows.job(row) for row in page), str(page[-1][0]) if more else "")

    @hookimpl
    def queue_stats(self) -> list[Count]:
        stale = self._vacuum.stale()
        counts = self._sql.counts_of_rows if stale else self._sql.counts_of_indexes
        return [
            Count(Status(status), lane, type, count, moment(oldest))
            for status, lane, type, count, oldest in self._read(
                self._sql.stats.replace("{counts}", counts), {}
            )
        ]

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        condition, values = postgres_query.condition(query, Status.FAILED)
        values |= {"limit": query.limit, "now": micros_if_any(now)}
        statement = self._sql.replay.replace("{conditions}", condition)
        replayed = self._sessions.run(
            lambda connection: self._moves.some(connection, statement, values)
        ).fetchall()
        self._watch.wrote()
        return [row[0] for row in replayed]

    @hookimpl
    def queue_purge(self, query: JobQuery) -> int:
        condition, values = postgres_query.condition(query)
        values["limit"] = query.limit
        statement = self._sql.purge.replace("{conditions}", condition)
        return int(
            self._sessions.run(
                lambda connection: self._moves.some(connection, statement, values)
            ).rowcount
        )

    @hookimpl
    def queue_wait(self, want: Want, timeout: timedelta, due: datetime | None = None) -> bool:
        deadline = time.monotonic() + timeout.total_seconds()
        wakes, known = self._watch.wakes(), due
        while True:
            heard = self._watch.heard()
            with self._sessions.session() as connection:
                look = self._moves.look(connection, want, None)
            soonest = look.due or limits.LATEST
            known = known or soonest
            if look.ready or soonest < known:
                return True
            came = self._watch.wait(heard, wakes, deadline, want)
            if came is not False:
                return bool(came)

    @hookimpl
    def queue_wake(self) -> bool:
        self._watch.wake()
        return True

    @hookimpl
    def queue_diagnose(self, now: datetime | None) -> list[Finding]:
        return self._diagnosis.findings(now)

    def _settle(
        self, acks: Sequence[Ack], releases: Sequence[Release], now: datetime | None
    ) -> Settled:
        def settle(connection: Session) -> tuple[Any, Any]:
            if len(acks) + len(releases) <= 1 and not prepares(connection):
                return self._moves.settle(connection, acks, releases, now)
            with self._moves.planned(connection):
                return self._moves.settle(connection, acks, releases, now)

        removed, moved = self._sessions.run(settle)
        self._vacuum.count(len(acks) + len(releases))
        if releases:
            self._watch.wrote()
        return Settled(
            tuple(postgres_moves.ended(removed, acks)),
            tuple(postgres_moves.ended(moved, releases)),
        )

    def _rest(
        self,
        first: Batch,
        want: Want,
        limit: int,
        lease: timedelta,
        worker: str,
        now: datetime | None,
    ) -> Batch:
        """Claim what the front did not hold; the first claims are kept whatever happens."""
        left = limit - len(first.claims)

        def claim(connection: Session) -> Any:
            with self._moves.planned(connection):
                return self._moves.claim(connection, OF_LINES, want, left, lease, worker, now)

        try:
            after_front()
            leased = self._sessions.run(claim)
        except QueueError:
            if not first.claims:
                raise
            return first
        rest = postgres_moves.found(leased, left).batch
        return evolve(rest, claims=first.claims + rest.claims)

    def _read(self, statement: str, values: dict[str, Any]) -> list[rows.Row]:
        with self._sessions.session() as connection:
            found: list[rows.Row] = execute(connection, statement, values).fetchall()
        return found
