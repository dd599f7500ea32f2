"""Nothing outlives a transaction on a connection of a pool, ours or a caller's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial, partialmethod
from typing import Any

import psycopg
import pytest
from attrs import frozen
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg_pool import ConnectionPool
from tests.servers.sessions import random_sessions

from gofastr_queue.errors import DuplicateJob, InvalidOption
from gofastr_queue.hookspecs import Hooks
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import (
    EVERYTHING,
    Ack,
    Draft,
    Fire,
    JobQuery,
    Outcome,
    Release,
    ScheduleDraft,
    Want,
)
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import postgres_url
from gofastr_queue_sql.postgres import COPIED, PostgresBackend
from gofastr_queue_sql.postgres_connection import execute
from gofastr_queue_sql.postgres_pool import Pool

LEASE = timedelta(minutes=1)
MOMENT = timedelta(milliseconds=20)
WANTS = [
    EVERYTHING,
    Want(types=frozenset({"mail"}), lanes=frozenset({""})),
    Want(not_lanes=frozenset({"x"})),
]
SCHEDULE = ScheduleDraft("one", "text")
TICK = datetime(2026, 1, 1, tzinfo=UTC)
FIRE = Fire("one", 1, TICK, None, Draft("tick", "mail", "null"), (TICK - LEASE,))
FAILED = JobQuery(status=Status.FAILED)

SESSION = """
SELECT
    (SELECT count(*) FROM pg_prepared_statements  -- but what is to be prepared
     WHERE statement !~ 'INSERT INTO|set_config|WITH due|WITH RECURSIVE|DELETE .* AS ack'),
    (SELECT count(*) FROM pg_listening_channels()),
    (SELECT count(*) FROM pg_cursors WHERE name <> ''),
    (SELECT count(*) FROM pg_class WHERE relpersistence = 't'),
    session_user, current_user, current_schemas(true)::text,
    (SELECT jsonb_object_agg(name, setting)::text FROM pg_settings WHERE name <> 'application_name')
"""

SERVER = """
SELECT
    (SELECT state FROM pg_stat_activity WHERE pid = %(pid)s),
    (SELECT count(*) FROM pg_locks WHERE pid = %(pid)s),
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = %(pid)s)
"""

Hook = Callable[[PostgresBackend], object]


@frozen
class Place:
    """Where a test's queue is, and a connection that only looks on."""

    dsn: str
    schema: str
    observer: psycopg.Connection[Any]


@pytest.fixture
def place(postgres: Harness) -> Iterator[Place]:
    read = postgres_url.read(postgres.url, None, None, None, None)
    with psycopg.connect(read.dsn, autocommit=True) as observer:
        yield Place(read.dsn, read.schema, observer)


@pytest.fixture
def returned(monkeypatch: pytest.MonkeyPatch) -> list[TransactionStatus]:
    """Keep in which state connections come back to their pool."""
    statuses: list[TransactionStatus] = []

    def putconn(pool: Any, connection: Any, put: Any) -> None:
        statuses.append(connection.info.transaction_status)
        put(pool, connection)

    for kind in (ConnectionPool, Pool):
        monkeypatch.setattr(kind, "putconn", partialmethod(putconn, put=kind.putconn))
    return statuses


@pytest.fixture(params=["own", "pool", "pool-autocommit", "connection", "connection-autocommit"])
def backend(request: pytest.FixtureRequest, place: Place) -> Iterator[PostgresBackend]:
    """A backend that works with one server session."""
    kind, _, autocommit = request.param.partition("-")
    with ExitStack() as owned:
        database: Any = place.dsn
        if kind == "pool":
            kwargs = {"autocommit": bool(autocommit)}
            pool: ConnectionPool[Any] = ConnectionPool(
                place.dsn, kwargs=kwargs, min_size=1, max_size=1, open=False
            )
            database = owned.enter_context(pool)
        if kind == "connection":
            database = psycopg.connect(place.dsn, autocommit=bool(autocommit))
            owned.callback(database.close)
        backend = PostgresBackend(database, schema=place.schema, pool_size=1)
        yield backend
        backend.queue_close()


def test_no_hook_leaves_anything_on_a_connection(
    place: Place, backend: PostgresBackend, returned: list[TransactionStatus]
) -> None:
    untouched = place.observer.execute(SESSION).fetchone()
    (pid,) = {_session(backend) for _ in range(2)}
    assert _left(backend, place, pid) == untouched
    called = set()
    for name, call in _calls():
        call(backend)
        called.add(name)
        assert _left(backend, place, pid) == untouched, name

    hooks = {name for name in dir(Hooks) if name.startswith(("queue_", "schedule_"))}
    assert called == hooks - {"queue_close"}
    assert set(returned) <= {TransactionStatus.IDLE}


def test_an_enqueue_in_a_callers_transaction_leaves_nothing_on_its_connection(
    place: Place, backend: PostgresBackend
) -> None:
    untouched = place.observer.execute(SESSION).fetchone()
    with psycopg.connect(place.dsn, autocommit=True) as theirs:
        for drafts in (_drafts("one", 1), _drafts("more", 3), _drafts("many", COPIED)):
            with theirs.transaction():
                backend.queue_put(drafts, "error", None, theirs)
        with theirs.transaction(), pytest.raises(DuplicateJob):
            backend.queue_put(_drafts("one", 2), "error", None, theirs)

        assert _outside(place, theirs.info.backend_pid) == ("idle", 0, 0)
        assert theirs.execute(SESSION).fetchone() == untouched


def test_an_error_in_the_middle_leaves_nothing_on_a_connection(
    place: Place, backend: PostgresBackend, returned: list[TransactionStatus]
) -> None:
    untouched = place.observer.execute(SESSION).fetchone()
    pid = _session(backend)
    backend.queue_put(_drafts("old", 1), "error", None, None)
    for count in (1, 3, COPIED):
        with pytest.raises(DuplicateJob):
            backend.queue_put(_drafts("old", count), "error", None, None)
        assert _left(backend, place, pid) == untouched

    assert set(returned) <= {TransactionStatus.IDLE}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[psycopg.Connection]:
    """Keep every connection that is made."""
    made: list[psycopg.Connection] = []
    connect = psycopg.Connection.connect.__func__  # type: ignore[attr-defined]

    def kept(kind: type[psycopg.Connection], *args: Any, **options: Any) -> psycopg.Connection:
        made.append(connect(kind, *args, **options))
        return made[-1]

    monkeypatch.setattr(psycopg.Connection, "connect", classmethod(kept))
    return made


def test_one_connection_is_made_to_open_a_queue_and_to_use_it(
    place: Place, made: list[psycopg.Connection]
) -> None:
    backend = PostgresBackend(place.dsn, schema=place.schema)
    backend.queue_stats()
    backend.queue_close()

    assert [connection.closed for connection in made] == [True]


def test_no_connection_is_left_open_where_the_queue_cannot_be_opened(
    place: Place, made: list[psycopg.Connection]
) -> None:
    with pytest.raises(InvalidOption, match="the server's own"):
        PostgresBackend(place.dsn, schema="pg_catalog")

    assert [connection.closed for connection in made] == [True]


def test_the_kits_pool_forgets_and_shuffles_its_sessions(place: Place) -> None:
    pids = set()
    with random_sessions(place.dsn) as pool:
        for _ in range(50):
            with pool.connection() as connection:
                execute(connection, "SET search_path TO nowhere")
                execute(connection, "LISTEN something")
                execute(connection, "PREPARE something AS SELECT 1")
                execute(connection, "SELECT pg_advisory_lock(1)")
                pids.add(connection.info.backend_pid)
            with pool.connection() as connection:
                prepared, listening, *_, schemas, _ = execute(connection, SESSION).fetchone()

            assert (prepared, listening) == (0, 0)
            assert "nowhere" not in schemas
            assert all(_outside(place, pid)[2] == 0 for pid in pids)

    assert len(pids) == 4


def _calls() -> Iterator[tuple[str, Hook]]:
    """Give each hook's calls, by each of its ways through the backend."""
    for count in (1, 3, COPIED):
        yield "queue_put", _put(f"of-{count}", count)
    yield "queue_put", _put("of-3", 3, "ignore")
    yield "queue_put", _put("later", 1, delay=LEASE)
    for want in WANTS:
        yield "queue_claim", partial(_claim, want=want)
        yield "queue_wait", partial(_wait, want=want)
    yield "queue_wait", partial(_wait, want=Want(types=frozenset({"unknown"})))
    yield "queue_wake", lambda backend: backend.queue_wake()
    yield "queue_extend", lambda backend: backend.queue_extend(_claim(backend), LEASE, None)
    yield "queue_ack", lambda backend: backend.queue_ack([Ack(_claim(backend)[0])], None)
    yield "queue_nack", lambda backend: backend.queue_nack([_bury(backend)], None)
    for want in WANTS:
        yield "queue_turn", partial(_turn, want=want, limit=2)
    yield "queue_turn", partial(_turn, want=EVERYTHING, limit=0)
    yield "queue_browse", lambda backend: backend.queue_browse(JobQuery(limit=2))
    yield "queue_stats", lambda backend: backend.queue_stats()
    yield "queue_replay", lambda backend: backend.queue_replay(FAILED, None)
    yield "queue_reclaim", _expire_and_reclaim
    yield "queue_purge", lambda backend: backend.queue_purge(JobQuery(type="mail"))
    yield "queue_diagnose", lambda backend: backend.queue_diagnose(None)
    yield "schedule_put", lambda backend: backend.schedule_put([SCHEDULE], None)
    yield "schedule_fire", lambda backend: backend.schedule_fire([FIRE], None)
    yield "schedule_due", lambda backend: backend.schedule_due(9, None)
    yield "schedule_list", lambda backend: backend.schedule_list(None, 9)
    yield "schedule_remove", lambda backend: backend.schedule_remove(["one"])


def _put(name: str, count: int, on_conflict: str = "error", **about: Any) -> Hook:
    drafts = _drafts(name, count, **about)
    return lambda backend: backend.queue_put(drafts, on_conflict, None, None)


def _drafts(name: str, count: int, **about: Any) -> list[Draft]:
    return [Draft(f"{name}-{number}", "mail", "null", **about) for number in range(count)]


def _claim(backend: PostgresBackend, want: Want = EVERYTHING, limit: int = 1) -> Any:
    claims = backend.queue_claim(want, limit, LEASE, "worker", None).claims
    assert len(claims) == limit
    return claims


def _wait(backend: PostgresBackend, want: Want) -> None:
    backend.queue_wait(want, MOMENT)


def _bury(backend: PostgresBackend) -> Release:
    return Release(_claim(backend)[0], Outcome.BURY, error="[]")


def _turn(backend: PostgresBackend, want: Want, limit: int) -> None:
    ack, release = Ack(_claim(backend)[0]), _bury(backend)
    settled, batch = backend.queue_turn([ack], [release], want, limit, LEASE, "worker", None)
    assert (len(settled.acks), len(settled.releases), len(batch.claims)) == (1, 1, limit)


def _expire_and_reclaim(backend: PostgresBackend) -> None:
    backend.queue_claim(EVERYTHING, 1, timedelta(0), "worker", None)
    assert backend.queue_reclaim(10, "expired", None)


def _session(backend: PostgresBackend) -> int:
    with backend._sessions.session() as connection:
        return connection.info.backend_pid


def _left(backend: PostgresBackend, place: Place, pid: int) -> object:
    """Return what the backend's session holds, as SESSION says, once nothing is going on there."""
    assert _outside(place, pid) == ("idle", 0, 0)
    with backend._sessions.session() as connection:
        assert connection.info.backend_pid == pid
        assert connection.info.transaction_status is TransactionStatus.IDLE
        assert connection.pgconn.pipeline_status == PipelineStatus.OFF
        return execute(connection, SESSION).fetchone()


def _outside(place: Place, pid: int) -> tuple[Any, ...]:
    """Return a session's state and its numbers of locks, as another session sees them."""
    row: tuple[Any, ...] | None = place.observer.execute(SERVER, {"pid": pid}).fetchone()
    assert row is not None
    return row
