"""Enqueues, claims and acks are prepared exactly where the server's session is ours alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg_pool import ConnectionPool
from tests.servers.pooler import pooler

from gofastr_queue import DuplicateJob, Job, Queue
from gofastr_queue.records import EVERYTHING, Ack
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import postgres_url
from gofastr_queue_sql.postgres import PostgresBackend

PREPARED = "SELECT statement FROM pg_prepared_statements"

BEGINNINGS = ("INSERT INTO", "plan_cache_mode", "WITH due AS", "WITH RECURSIVE", "DELETE FROM")
"""Storing a job; of a claim its settings, making ready and leasing; an ack."""


@contextmanager
def opened(url: str) -> Iterator[PostgresBackend]:
    """Open a backend of one connection."""
    place = postgres_url.read(url, None, None, None, 1)
    backend = PostgresBackend(place.dsn, schema=place.schema, listen=False, pool_size=1)
    yield backend
    backend.queue_close()


def prepared(backend: PostgresBackend) -> list[str]:
    """Return what the backend's session has prepared."""
    with backend._sessions.session() as connection:
        return [statement for (statement,) in connection.execute(PREPARED, prepare=False)]


def enqueue(backend: PostgresBackend, count: int) -> None:
    """Store jobs one at a time, and some of each other way to enqueue and work."""
    queue = Queue(backend)
    ids = [queue.enqueue("mail", {"to": "you"}).id for _ in range(count)]
    with pytest.raises(DuplicateJob):
        queue.enqueue("mail", id=ids[0])
    queue.enqueue("mail", delay=queue.lease)
    assert {claim.job.id for claim in queue.claim(count + 1)} == set(ids)


def test_straight_to_the_server_each_step_of_a_job_is_prepared(postgres: Harness) -> None:
    with opened(postgres.url) as backend:
        enqueue(backend, 20)
        queue = Queue(backend)
        queue.enqueue("mail")
        assert queue.ack(queue.claim(1)[0])

        statements = prepared(backend)
        assert len(statements) == len(BEGINNINGS)
        for words in BEGINNINGS:
            assert sum(words in one for one in statements) == 1


def test_behind_a_pooler_nothing_is(postgres: Harness) -> None:
    parts = urlsplit(postgres.url)
    with pooler(f"{parts.hostname}", parts.port or 5432) as port:
        through = parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl()
        with opened(through) as backend:
            enqueue(backend, 20)

            assert prepared(backend) == []


def forget(backend: PostgresBackend) -> None:
    """Lose what was prepared, behind the driver's back."""
    with backend._sessions.session() as connection:
        connection.pgconn.exec_(b"DEALLOCATE ALL")


def test_a_session_that_forgets_costs_one_try_and_no_job(postgres: Harness) -> None:
    with opened(postgres.url) as backend:
        enqueue(backend, 3)
        forget(backend)

        enqueue(backend, 3)

        assert prepared(backend) == []
        assert Queue(backend).stats() == {"pending": 2, "claimed": 6, "failed": 0}


def test_a_claim_whose_session_forgot_is_done_once(postgres: Harness) -> None:
    with opened(postgres.url) as backend:
        enqueue(backend, 3)
        queue = Queue(backend)
        stored = queue.enqueue("mail")
        forget(backend)

        (claim,) = queue.claim(5)

        assert (claim.job.id, claim.job.attempts) == (stored.id, 1)
        assert queue.ack(claim)
        assert prepared(backend) == []


def test_a_turn_whose_session_forgot_settles_once(postgres: Harness) -> None:
    with opened(postgres.url) as backend:
        queue = Queue(backend)
        queue.enqueue_many(Job(type="mail") for _ in range(50))
        first = queue.claim(20)
        forget(backend)

        settled, claims = queue._consumer.turn([Ack(one) for one in first], (), EVERYTHING, 20)

        assert len(settled.acks) == len(claims.claims) == 20
        assert queue.stats() == {"pending": 10, "claimed": 20, "failed": 0}


@pytest.mark.parametrize("threshold", [0, 5])
def test_with_a_callers_connections_nothing_is(postgres: Harness, threshold: int) -> None:
    place = postgres_url.read(postgres.url, None, None, None, None)
    options = {"prepare_threshold": threshold}
    with ConnectionPool(place.dsn, kwargs=options, min_size=1, max_size=1) as pool:
        backend = PostgresBackend(pool, schema=place.schema, listen=False)
        enqueue(backend, 20)
        assert prepared(backend) == []
        backend.queue_close()
    with psycopg.connect(place.dsn, prepare_threshold=threshold) as connection:
        backend = PostgresBackend(connection, schema=place.schema, listen=False)
        enqueue(backend, 20)
        assert prepared(backend) == []
        backend.queue_close()
