"""Our pool keeps the connection used last in front of psycopg's, and loses and starves nobody."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg_pool import PoolClosed

from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_sql import postgres_pool, postgres_url
from gofastr_queue_sql.postgres_pool import Pool
from gofastr_queue_sql.postgres_prepared import Pooled

PID = "SELECT pg_backend_pid()"


@pytest.fixture
def dsn(postgres: Harness) -> str:
    """Return how the test's server is reached."""
    return postgres_url.read(postgres.url, None, None, None, None).dsn


def opened(dsn: str, size: int) -> Pool:
    pool = Pool(
        dsn,
        connection_class=Pooled,
        kwargs={"autocommit": True},
        min_size=0,
        max_size=size,
        name="of a test",
    )
    pool.open()
    return pool


@pytest.fixture
def pool(dsn: str) -> Iterator[Pool]:
    """Return an open pool of one connection."""
    made = opened(dsn, 1)
    yield made
    made.close()


def use(pool: Pool) -> int:
    """Return the session that a statement ran in."""
    connection = pool.getconn(timeout=10)
    try:
        pid: int = connection.execute(PID).fetchone()[0]
        return pid
    finally:
        pool.putconn(connection)


def asked(pool: Pool) -> int:
    """Return how often psycopg's pool was asked for a connection."""
    return pool.get_stats()["requests_num"]


def test_the_connection_used_last_is_used_next(pool: Pool) -> None:
    first = use(pool)

    assert {use(pool) for _ in range(5)} == {first}
    assert asked(pool) == 1


def test_it_passes_through_the_pool_now_and_then(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_pool, "KEPT_SECONDS", 0.0)

    for _ in range(3):
        use(pool)

    assert asked(pool) == 3


def test_whoever_waits_for_the_pool_is_given_what_comes_back(pool: Pool) -> None:
    with ThreadPoolExecutor(8) as threads:
        sessions = list(threads.map(lambda _: use(pool), range(400)))

    assert len(sessions) == 400
    assert len(set(sessions)) == 1


def test_one_that_died_meanwhile_is_replaced(pool: Pool, dsn: str) -> None:
    first = use(pool)
    with psycopg.connect(dsn) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (first,))
        eventually(lambda: not _runs(other, first), "the end of the session")

    assert use(pool) != first


@pytest.mark.parametrize("statement", ["BEGIN", "COPY (SELECT 1) TO STDOUT"])
def test_one_that_comes_back_in_the_middle_of_something_is_not_kept(
    pool: Pool, statement: str
) -> None:
    connection = pool.getconn(timeout=10)
    connection.pgconn.exec_(statement.encode())
    pool.putconn(connection)

    assert use(pool)
    assert asked(pool) == 2


def test_closing_ends_what_is_kept_and_what_comes_back_later(dsn: str) -> None:
    pool = opened(dsn, 2)
    lent, kept = pool.getconn(timeout=10), pool.getconn(timeout=10)
    sessions = [one.info.backend_pid for one in (lent, kept)]
    pool.putconn(kept)

    pool.close()
    pool.putconn(lent)

    with psycopg.connect(dsn) as other:
        for session in sessions:
            eventually(lambda: not _runs(other, session), "the end of the session")  # noqa: B023
    with pytest.raises(PoolClosed):
        pool.getconn(timeout=10)


def _runs(connection: psycopg.Connection[Any], session: int) -> bool:
    with connection.transaction():
        found = connection.execute("SELECT FROM pg_stat_activity WHERE pid = %s", (session,))
        return found.rowcount == 1
