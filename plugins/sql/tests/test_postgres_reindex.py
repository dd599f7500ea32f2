"""Indexes that have grown are made anew beside all work, where the queue's role owns the table.

GOFASTR_STRESS=1 shows it on an older server too.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg_pool import ConnectionPool

from gofastr_queue.errors import DuplicateJob
from gofastr_queue.records import EVERYTHING, Ack, Draft
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_sql import postgres_reindex, postgres_url, postgres_vacuum
from gofastr_queue_sql.postgres import PostgresBackend

MANY, KEPT = 16_000, 200
LARGE = 2_000_000
SERVERS = ["postgres", *(["postgres_before"] if "GOFASTR_STRESS" in os.environ else [])]
LEASE = timedelta(minutes=5)

LOCKS = ("ROW EXCLUSIVE", "ACCESS SHARE")
"""Of one that writes, which is waited for at the beginning, and of one that reads: at the end."""

SIZE = "SELECT pg_relation_size('{}')"
INDEX = "SELECT '{}'::regclass::oid::bigint"
INVALID = "SELECT count(*) FROM pg_index WHERE indrelid = '{}'::regclass AND NOT indisvalid"
WORKING = """
SELECT count(*) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND state = 'active' AND query ~ 'CONCURRENTLY.*{}'
"""


class Grown:
    """A queue's table whose index by id has long since been left by most of its jobs."""

    def __init__(self, harness: Harness) -> None:
        self.url = harness.url
        self.place = postgres_url.read(harness.url, None, None, None, None)
        self.other: Connection = psycopg.connect(self.place.dsn)
        self.backend = PostgresBackend(self.place.dsn, schema=self.place.schema, listen=False)
        self._numbers = iter(range(MANY, 1_000_000))
        self.change("ALTER TABLE {} SET (autovacuum_enabled = off)")
        for start in range(0, MANY, 4_000):
            drafts = [draft(number) for number in range(start, start + 4_000)]
            self.backend.queue_put(drafts, "error", None, None)
        self.change("DELETE FROM {} WHERE seq %% 80 <> 0")
        assert self.size() > LARGE
        self.index = self.ask(INDEX, "_id")

    def change(self, statement: str) -> None:
        name = sql.Identifier(self.place.schema, self.place.table)
        self.other.execute(sql.SQL(statement.replace("%%", "%")).format(name))
        self.other.commit()

    def ask(self, statement: str, suffix: str = "") -> int:
        name = f"{self.place.schema}.{self.place.table}{suffix}"
        with psycopg.connect(self.place.dsn) as connection:
            row = connection.execute(statement.format(name).encode()).fetchone()
        assert row is not None
        return int(row[0])

    def size(self) -> int:
        """Return the bytes of the index by id."""
        return self.ask(SIZE, "_id")

    def invalid(self) -> int:
        """Return how many indexes were broken off."""
        return self.ask(INVALID)

    def working(self) -> int:
        """Return whether an index is being made anew or dropped."""
        return self.ask(WORKING.format(self.place.schema))

    def anew(self) -> bool:
        """Tell whether the index is another, and nothing is left of making it."""
        return self.ask(INDEX, "_id") != self.index and not self.invalid()

    def hold(self, lock: str) -> None:
        """Let another transaction stay open that holds a lock."""
        name = sql.Identifier(self.place.schema, self.place.table)
        self.other.execute(sql.SQL(f"LOCK TABLE {{}} IN {lock} MODE").format(name))

    def work(self, backend: PostgresBackend, jobs: int = 200) -> None:
        """Pass jobs through, which is what makes a queue look after its table."""
        drafts = [draft(next(self._numbers)) for _ in range(jobs)]
        backend.queue_put(drafts, "error", None, None)
        claims = backend.queue_claim(EVERYTHING, jobs, LEASE, "w", None).claims
        assert len(backend.queue_ack([Ack(claim) for claim in claims], None)) == jobs

    @contextmanager
    def working_on(self, backend: PostgresBackend) -> Iterator[None]:
        """Pass jobs through all the while."""
        ended = threading.Event()

        def work() -> None:
            while not ended.is_set():
                self.work(backend)

        with ThreadPoolExecutor(1) as pool:
            working = pool.submit(work)
            try:
                yield
            finally:
                ended.set()
            working.result()


def draft(number: int) -> Draft:
    return Draft(f"{number:06}{'-' * 120}", "mail", "null")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_vacuum, "LEAST", 500)
    monkeypatch.setattr(postgres_vacuum, "REST", 0)
    monkeypatch.setattr(postgres_vacuum, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(postgres_reindex, "REST", 0)
    monkeypatch.setattr(postgres_reindex, "FIRST_PAUSE", 0)


@pytest.fixture(params=SERVERS)
def grown(request: pytest.FixtureRequest) -> Iterator[Grown]:
    grown = Grown(request.getfixturevalue(request.param))
    yield grown
    grown.other.close()
    grown.backend.queue_close()


def test_an_index_that_has_grown_is_made_anew_while_jobs_pass(grown: Grown) -> None:
    with grown.working_on(grown.backend):
        eventually(grown.anew, "the index is made anew", within=60)

    assert grown.size() < LARGE
    assert sum(one.count for one in grown.backend.queue_stats()) == KEPT


@pytest.mark.parametrize("lock", LOCKS)
def test_an_open_transaction_is_not_waited_for_for_ever(
    grown: Grown, lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_reindex, "PATIENCE_SECONDS", 3)
    monkeypatch.setattr(postgres_reindex, "BYTES_A_SECOND", 1_000_000_000)
    grown.hold(lock)
    with grown.working_on(grown.backend):
        eventually(grown.invalid, "it was begun", within=30)
        eventually(lambda: not grown.working(), "it was broken off", within=30)
        monkeypatch.setattr(postgres_reindex, "PATIENCE_SECONDS", 30)
        grown.other.rollback()
        eventually(grown.anew, "it was made anew after all", within=60)


@pytest.mark.parametrize("lock", LOCKS)
def test_closing_breaks_off_what_waits_for_others(grown: Grown, lock: str) -> None:
    grown.hold(lock)
    with grown.working_on(grown.backend):
        eventually(grown.invalid, "it was begun", within=30)
    began = time.monotonic()

    grown.backend.queue_close()

    assert time.monotonic() - began < 10
    eventually(lambda: not grown.working(), "it was broken off")
    grown.other.rollback()
    backend = PostgresBackend(grown.place.dsn, schema=grown.place.schema, listen=False)
    with grown.working_on(backend):
        eventually(grown.anew, "another queue finishes it", within=60)
    backend.queue_close()


def test_a_callers_pool_lends_no_connection_for_it(grown: Grown) -> None:
    options = {"autocommit": True}
    with ConnectionPool(grown.place.dsn, kwargs=options, min_size=1, max_size=1) as pool:
        backend = PostgresBackend(pool, schema=grown.place.schema, listen=False)
        with grown.working_on(backend):
            eventually(grown.anew, "the index is made anew", within=60)
        backend.queue_close()


def test_a_callers_single_connection_is_left_alone(grown: Grown) -> None:
    with psycopg.connect(grown.place.dsn, autocommit=True) as connection:
        backend = PostgresBackend(connection, schema=grown.place.schema, listen=False)
        for _ in range(10):
            grown.work(backend)
        eventually(lambda: grown.ask("SELECT pg_stat_get_vacuum_count('{}'::regclass)"), "a vacuum")
        backend.queue_close()

    assert grown.size() > LARGE


def test_an_id_stays_one_job_while_its_index_is_made_anew(postgres: Harness) -> None:
    place = postgres_url.read(postgres.url, None, None, None, None)
    backend = PostgresBackend(place.dsn, schema=place.schema, listen=False)
    deadline = time.monotonic() + 4

    def put(on_conflict: str, count: int, inside: bool) -> None:
        drafts = [Draft(f"{number}", "mail", "null") for number in range(count)]
        with psycopg.connect(place.dsn) as theirs:
            while time.monotonic() < deadline:
                with suppress(DuplicateJob):
                    transaction = theirs if inside else None
                    backend.queue_put(drafts, on_conflict, None, transaction)
                theirs.commit()

    def end() -> None:
        while time.monotonic() < deadline:
            claims = backend.queue_claim(EVERYTHING, 5, LEASE, "w", None).claims
            backend.queue_ack([Ack(claim) for claim in claims], None)

    def make_anew() -> int:
        made = 0
        with psycopg.connect(place.dsn, autocommit=True) as connection:
            while made < 2 or time.monotonic() < deadline:
                connection.execute(
                    f"REINDEX INDEX CONCURRENTLY {place.schema}.queue_jobs_id".encode()
                )
                made += 1
        return made

    with ThreadPoolExecutor(8) as pool:
        made = pool.submit(make_anew)
        working = [
            pool.submit(put, on_conflict, count, inside)
            for on_conflict, count in (("error", 1), ("ignore", 1), ("ignore", 3))
            for inside in (False, True)
        ]
        working.append(pool.submit(end))

    made.result()
    for each in working:
        each.result()
    backend.queue_close()
