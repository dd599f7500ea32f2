"""Behind 50 000 other jobs each operation goes by its own index, whatever the statistics say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from attrs import field, frozen
from psycopg import sql

from gofastr_queue.calls import resolve
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import (
    EVERYTHING,
    Ack,
    JobQuery,
    Outcome,
    Release,
    StoredClaim,
    StoredJob,
    Want,
)
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import postgres, postgres_moves, postgres_url, rows
from gofastr_queue_sql.postgres import PostgresBackend
from gofastr_queue_sql.postgres_ways import IN_FRONT, OF_ALL, OF_LINE, OF_LINES

OTHERS = 50_000
OURS = 300
LIMIT = 100
MET = 1_500
"""Rows that an operation on a hundred jobs may meet: eight times as many are looked at."""

NOW = rows.moment(1_000_150)
HOUR = timedelta(hours=1)

INSERT = """
INSERT INTO {} (
    id, type, payload, lane, priority, max_attempts, attempts, state,
    created_at, scheduled_at, headers, errors, token, lease_until
)
SELECT %(name)s || n, %(name)s || n %% 3, 'null', 'lane' || n %% 2, n %% 3, 9, 1, %(state)s,
    n, n, '', '[]', md5(n::text), 1000000 + n
FROM generate_series(1, %(count)s) AS n
"""


EXPLAIN = "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON)"
PARAMETER = re.compile(r"%\((\w+)\)s")
TYPES = {int: "bigint", bytes: "bytea", list: "text[]"}

STATES = ("ready", "later", "claimed", "failed")


class Nothing:
    """The cursor of a statement that was written down and not run."""

    rowcount = 0

    def fetchone(self) -> tuple[Any, ...]:
        return (0, None, False)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return []

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(())


@frozen
class Scan:
    """How a plan reads the table: ``met`` counts also what it threw away."""

    index: str
    met: int


@frozen(eq=False)
class Table:
    """A queue on one connection, whose statements can be asked how they are run."""

    connection: psycopg.Connection[Any]
    name: sql.Identifier
    backend: PostgresBackend
    hooks: Hooks
    statements: list[tuple[str, Mapping[str, Any]]] = field(factory=list)
    often: set[str] = field(factory=set)
    kept: dict[str, str] = field(factory=dict)

    def run(self, statement: str, **values: object) -> None:
        self.connection.execute(sql.SQL(statement).format(self.name), values or None)

    def fill(self, others: str) -> None:
        """Put the others in front, then some of ours in each state."""
        for state, count in [(others, OTHERS), *((state, OURS) for state in STATES)]:
            name = "other" if count == OTHERS else state
            self.run(INSERT, name=name, state=state, count=count)

    def move_others(self, state: str) -> None:
        self.run("UPDATE {} SET state = %(state)s WHERE id LIKE 'other%%'", state=state)
        self.run("VACUUM {}")

    def scans(self, call: Callable[[Table], object]) -> list[Scan]:
        """Return how the table is read by the statements of a call, which changes nothing."""
        self.statements.clear()
        with suppress(IndexError):  # of a claim that brought not even the time
            call(self)
        assert self.statements
        found: list[Scan] = []
        with self.connection.transaction(force_rollback=True):
            for statement, values in self.statements:
                found += scans_of(self.plan(statement, values))
                if statement in self.often:
                    found += scans_of(self.plan_kept(statement, values))
        return found

    def plan(self, statement: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run a statement once as a claim's first turns do: with a plan for these values."""
        row = self.connection.execute(f"{EXPLAIN} {statement}".encode(), values).fetchone()
        assert row is not None
        return plan_of(row)

    def plan_kept(self, statement: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run it with a plan whatever the values are, and that of last time if it still counts."""
        names = list(dict.fromkeys(PARAMETER.findall(statement)))
        asked = f"({', '.join(f'%({name})s' for name in names)})" if names else ""
        cursor = psycopg.ClientCursor(self.connection)
        if statement not in self.kept:
            self.kept[statement] = f"kept{len(self.kept)}"
            types = [TYPES.get(type(values[name]), "unknown") for name in names]
            given = f"({', '.join(types)})" if names else ""
            numbered = PARAMETER.sub(lambda one: f"${names.index(one[1]) + 1}", statement)
            text = f"PREPARE {self.kept[statement]} {given} AS {numbered.replace('%%', '%')}"
            cursor.execute(text.encode())
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        run = f"{EXPLAIN} EXECUTE {self.kept[statement]} {asked}"
        row = cursor.execute(run.encode(), values).fetchone()
        cursor.execute("SET LOCAL plan_cache_mode = auto")
        assert row is not None
        return plan_of(row)


def plan_of(row: tuple[Any, ...]) -> Mapping[str, Any]:
    plan: Mapping[str, Any] = row[0][0]["Plan"]
    return plan


def scans_of(plan: Mapping[str, Any]) -> Iterator[Scan]:
    kind = plan["Node Type"]
    if kind in {"Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"}:
        thrown_away = plan.get("Rows Removed by Filter", 0)
        met = (plan["Actual Rows"] + thrown_away) * plan["Actual Loops"]
        yield Scan(plan.get("Index Name", kind).removeprefix("queue_jobs_"), round(met))
    for inner in plan.get("Plans", ()):
        yield from scans_of(inner)


LINES = Want(types=frozenset({"ready1", "ready2"}))
LINE = Want(types=frozenset({"ready1"}), lanes=frozenset({"lane1"}))


@pytest.fixture
def table(postgres: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    place = postgres_url.read(postgres.url, None, None, None, None)
    with psycopg.connect(place.dsn, autocommit=True) as connection:
        backend = PostgresBackend(connection, place.table, place.schema, listen=False)
        name = sql.Identifier(place.schema, place.table)
        table = Table(connection, name, backend, resolve(backend).hooks)
        table.run("ALTER TABLE {} SET (autovacuum_enabled = off)")
        write_down(table, monkeypatch)
        yield table
        backend.queue_close()


def write_down(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the backend's operations run nothing."""

    def execute(_: object, statement: str, values: Mapping[str, Any] | None = None) -> Nothing:
        table.statements.append((statement, values or {}))
        return Nothing()

    def execute_often(_: object, statement: str, values: Mapping[str, Any]) -> Nothing:
        table.often.add(statement)
        return execute(_, statement, values)

    for module in (postgres, postgres_moves):
        monkeypatch.setattr(module, "execute", execute)
    monkeypatch.setattr(postgres_moves, "execute_often", execute_often)


def claims() -> list[StoredClaim]:
    """Return a hundred of the claims that were stored."""
    return [
        StoredClaim(
            StoredJob(f"claimed{number}", "", "", "", 0, 9, 1, Status.CLAIMED, NOW, NOW),
            hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest(),
            NOW,
        )
        for number in range(1, LIMIT + 1)
    ]


def releases() -> list[Release]:
    return [Release(claim, Outcome.RETRY, error="broken") for claim in claims()[:50]]


def claim(way: str, want: Want) -> Callable[[Table], object]:
    def call(table: Table) -> object:
        vars(table.backend._ways)["choose"] = lambda _: way
        return table.hooks.queue_claim(want=want, limit=LIMIT, lease=HOUR, worker="w", now=NOW)

    return call


def look(table: Table) -> object:
    return table.hooks.queue_claim(want=LINES, limit=0, lease=HOUR, worker="w", now=NOW)


def look_at_all(table: Table) -> object:
    return table.hooks.queue_claim(want=EVERYTHING, limit=0, lease=HOUR, worker="w", now=NOW)


def ack(table: Table) -> object:
    return table.hooks.queue_ack(acks=[Ack(one) for one in claims()], now=NOW)


def nack(table: Table) -> object:
    return table.hooks.queue_nack(releases=releases(), now=NOW)


def turn(table: Table) -> object:
    vars(table.backend._ways)["choose"] = lambda _: OF_ALL
    return table.hooks.queue_turn(
        acks=[Ack(one) for one in claims()[50:]],
        releases=releases(),
        want=EVERYTHING,
        limit=LIMIT,
        lease=HOUR,
        worker="w",
        now=NOW,
    )


def extend(table: Table) -> object:
    return table.hooks.queue_extend(claims=claims(), lease=HOUR, now=NOW)


def reclaim(table: Table) -> object:
    return table.hooks.queue_reclaim(limit=LIMIT, reason="gone", now=NOW)


def replay(table: Table) -> object:
    return table.hooks.queue_replay(query=JobQuery(ids=("failed7",)), now=NOW)


def replay_many(table: Table) -> object:
    query = JobQuery(ids=tuple(f"failed{number}" for number in range(LIMIT)))
    return table.hooks.queue_replay(query=query, now=NOW)


def cancel(table: Table) -> object:
    return table.hooks.queue_purge(query=JobQuery(ids=("ready7",)))


def replay_some(table: Table) -> object:
    return table.hooks.queue_replay(query=JobQuery(type="failed1", limit=LIMIT), now=NOW)


def purge_some(table: Table) -> object:
    query = JobQuery(status=Status.FAILED, type="failed1", limit=LIMIT)
    return table.hooks.queue_purge(query=query)


def get(table: Table) -> object:
    return table.hooks.queue_browse(query=JobQuery(ids=("later7",)))


def page(table: Table) -> object:
    return table.hooks.queue_browse(query=JobQuery(limit=LIMIT))


CALLS: dict[str, tuple[Callable[[Table], object], set[str]]] = {
    "claim of all": (claim(OF_ALL, EVERYTHING), {"order", "later", "pkey"}),
    "claim of a line": (claim(OF_LINE, LINE), {"ready", "later", "pkey"}),
    "claim in front": (claim(IN_FRONT, LINES), {"order", "later", "pkey"}),
    "claim of lines": (claim(OF_LINES, LINES), {"ready", "later", "pkey"}),
    "look": (look, {"ready", "later"}),
    "look at all": (look_at_all, {"order", "later"}),
    "ack": (ack, {"id"}),
    "nack": (nack, {"id"}),
    "turn": (turn, {"id", "order", "later", "pkey"}),
    "extend": (extend, {"id"}),
    "reclaim": (reclaim, {"leases", "pkey"}),
    "replay": (replay, {"id"}),
    "replay many": (replay_many, {"id"}),
    "replay some": (replay_some, {"failed", "id"}),
    "cancel": (cancel, {"id"}),
    "purge some": (purge_some, {"failed", "id"}),
    "get": (get, {"id"}),
    "page": (page, {"pkey"}),
}
"""What is called, and the indexes that it may use: the table's own, without its name."""


def astray(table: Table) -> list[tuple[str, Scan]]:
    """Return which calls read the table otherwise than they are meant to."""
    return [
        (name, scan)
        for name, (call, indexes) in CALLS.items()
        for scan in table.scans(call)
        if scan.index not in indexes or scan.met > MET
    ]


@pytest.mark.parametrize("others", STATES)
def test_each_index_is_used_before_there_are_statistics(table: Table, others: str) -> None:
    astray(table)  # any index will do for no rows, but the plans are kept
    table.fill(others)
    never = astray(table)
    table.run("TRUNCATE {}")
    table.run("ANALYZE {}")
    table.fill(others)

    assert never == []
    assert astray(table) == []


@pytest.mark.parametrize("analyzed", STATES)
def test_each_index_is_used_with_statistics_of_another_time(table: Table, analyzed: str) -> None:
    table.fill(analyzed)
    table.run("ANALYZE {}")

    assert astray(table) == []
    for others in STATES:
        if others != analyzed:
            table.move_others(others)
            assert astray(table) == [], others
