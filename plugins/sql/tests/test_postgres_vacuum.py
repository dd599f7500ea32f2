"""A busy queue is vacuumed from where it is worked on, where its role owns the table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from psycopg import Connection, sql
from psycopg_pool import ConnectionPool

from gofastr_queue.calls import resolve
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import EVERYTHING, Ack, Draft
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_sql import postgres_url, postgres_vacuum
from gofastr_queue_sql.postgres import PostgresBackend

LIVE, BATCH = 200, 100
LEASE = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_vacuum, "LEAST", 500)
    monkeypatch.setattr(postgres_vacuum, "REST", 0)


class Table:
    """What the server knows of a queue's table; autovacuum leaves it alone."""

    def __init__(self, harness: Harness) -> None:
        self.place = postgres_url.read(harness.url, None, None, None, None)
        assert harness.begin is not None
        self.owner: Connection = harness.begin()
        self.name = sql.Identifier(self.place.schema, self.place.table)

    def ask(self, statement: str) -> int:
        self.owner.rollback()
        row = self.owner.execute(
            sql.SQL(statement).format(sql.Literal(f"{self.place.schema}.{self.place.table}"))
        ).fetchone()
        self.owner.rollback()
        assert row is not None
        return int(row[0])

    def vacuums(self) -> int:
        return self.ask("SELECT pg_stat_get_vacuum_count({}::regclass)")

    def bytes(self) -> int:
        return self.ask("SELECT pg_total_relation_size({}::regclass)")

    def leave_to_the_queue(self) -> None:
        statement = sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)")
        self.owner.execute(statement.format(self.name))
        self.owner.commit()


def drafts(start: int, count: int) -> list[Draft]:
    return [Draft(f"{number:06}", "mail", "null") for number in range(start, start + count)]


def pass_through(hooks: Hooks, count: int) -> None:
    """Pass jobs through a queue of steady length, first in, first out."""
    acks: list[Ack] = []
    for start in range(LIVE, LIVE + count, BATCH):
        hooks.queue_put(drafts=drafts(start, BATCH), on_conflict="error", now=None)
        _, batch = hooks.queue_turn(
            acks=acks,
            releases=(),
            want=EVERYTHING,
            limit=BATCH,
            lease=LEASE,
            worker="w",
            now=None,
        )
        acks = [Ack(claim) for claim in batch.claims]
    assert len(hooks.queue_ack(acks=acks, now=None)) == BATCH


@pytest.fixture
def table(postgres: Harness) -> Iterator[Table]:
    postgres.open().queue_close()
    table = Table(postgres)
    table.leave_to_the_queue()
    yield table
    table.owner.close()


def test_jobs_that_pass_through_leave_the_table_as_large_as_its_jobs(
    postgres: Harness, table: Table
) -> None:
    hooks = resolve(postgres.open()).hooks
    hooks.queue_put(drafts=drafts(0, LIVE), on_conflict="error", now=None)
    fresh = table.bytes()

    pass_through(hooks, 20_000)
    eventually(table.vacuums, "a vacuum")
    hooks.queue_close()

    assert table.bytes() <= 10 * fresh


def test_without_vacuums_that_table_would_grow(
    postgres: Harness, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_vacuum.Vacuum, "count", lambda _self, _changed: None)
    hooks = resolve(postgres.open()).hooks
    hooks.queue_put(drafts=drafts(0, LIVE), on_conflict="error", now=None)
    fresh = table.bytes()

    pass_through(hooks, 20_000)
    hooks.queue_close()

    assert table.bytes() > 40 * fresh


def test_a_role_that_does_not_own_the_table_leaves_it_to_autovacuum(
    postgres_as_worker: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    table = Table(postgres_as_worker)
    table.leave_to_the_queue()
    backend = PostgresBackend(table.place.dsn, schema=table.place.schema)
    hooks = resolve(backend).hooks
    hooks.queue_put(drafts=drafts(0, LIVE), on_conflict="error", now=None)

    pass_through(hooks, 2_000)
    eventually(lambda: not backend._vacuum._allowed, "the role has asked whether it may")
    hooks.queue_close()

    assert table.vacuums() == 0
    assert caplog.records == []
    table.owner.close()


def test_a_callers_pool_without_autocommit_cannot_vacuum_and_goes_on(
    table: Table,
) -> None:
    with ConnectionPool(table.place.dsn, min_size=1, max_size=3, open=True) as pool:
        backend = PostgresBackend(pool, schema=table.place.schema, listen=False)
        hooks = resolve(backend).hooks
        hooks.queue_put(drafts=drafts(0, LIVE), on_conflict="error", now=None)

        pass_through(hooks, 2_000)
        eventually(lambda: not backend._vacuum._allowed, "it has found that it cannot")

        assert sum(one.count for one in hooks.queue_stats()) == LIVE
        assert table.vacuums() == 0
        hooks.queue_close()


def test_counting_after_many_changes_reads_rows_and_has_them_vacuumed(
    postgres: Harness, table: Table
) -> None:
    hooks = resolve(postgres.open()).hooks
    other = resolve(postgres.open()).hooks
    for start in range(0, 2_000, 400):
        other.queue_put(drafts=drafts(start, 400), on_conflict="error", now=None)
    delay = timedelta(days=1)
    later = [Draft(f"later-{n}", "mail", "null", delay=delay) for n in range(3)]
    failed = [Draft(f"failed-{n}", "mail", "null", status=Status.FAILED) for n in range(4)]
    other.queue_put(drafts=[*later, *failed], on_conflict="error", now=None)
    other.queue_claim(want=EVERYTHING, limit=5, lease=LEASE, worker="w", now=None)
    expected = {Status.PENDING: 1_998, Status.CLAIMED: 5, Status.FAILED: 4}

    def counted() -> dict[Status, int]:
        return {one.status: one.count for one in hooks.queue_stats()}

    before = hooks.queue_stats()
    eventually(lambda: counted() == expected and table.vacuums(), "a vacuum")
    other.queue_close()

    assert {one.status: one.count for one in before} == expected
    assert hooks.queue_stats() == before
    hooks.queue_close()
