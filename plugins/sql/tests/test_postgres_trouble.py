"""What goes wrong while a PostgreSQL queue is open is told with what to do, and can be mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import ConnectionPool
from tests.servers.postgres import Address, Server
from tests.servers.roles import Role, any_role

from gofastr_queue import BackendUnavailable, Job, Queue
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import PostgresBackend
from gofastr_queue_sql.postgres_prepared import Pooled

OPERATIONS: dict[str, Callable[[Queue], Any]] = {
    "enqueue": lambda queue: queue.enqueue("mail"),
    "enqueue_many": lambda queue: queue.enqueue_many([Job(type="mail"), Job(type="mail")]),
    "enqueue_very_many": lambda queue: queue.enqueue_many([Job(type="mail") for _ in range(50)]),
    "dequeue": lambda queue: queue.dequeue(),
    "stats": lambda queue: queue.stats(),
    "list_jobs": lambda queue: queue.list_jobs(),
    "reclaim": lambda queue: queue.reclaim(),
    "purge": lambda queue: queue.purge(""),
    "replay_many": lambda queue: queue.replay_many(),
    "cancel": lambda queue: queue.cancel("1"),
}


@pytest.fixture
def owner(postgres_server: Address) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def table(postgres: Harness) -> sql.Identifier:
    return sql.Identifier(postgres.url.rpartition("=")[2], "queue_jobs")


def refused(act: Callable[[], Any], *said: str) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        act()
    for words in said:
        assert words in str(caught.value)


def test_a_table_that_was_dropped_is_told_by_every_operation_and_made_anew_by_opening(
    postgres: Harness, owner: psycopg.Connection, table: sql.Identifier
) -> None:
    with Queue.open(postgres.url) as queue:
        queue.enqueue("mail", id="1")
        claim = queue.dequeue()
        owner.execute(sql.SQL("DROP TABLE {}").format(table))

        acts = {**OPERATIONS, "ack": lambda q: q.ack(claim), "nack": lambda q: q.nack(claim)}
        for act in acts.values():
            refused(
                partial(act, queue),
                "the queue's table is gone: run gofastr-queue schema, or open the queue anew",
                "queue_jobs",
            )

        with Queue.open(postgres.url) as again:
            again.enqueue("mail", id="2")
        assert queue.dequeue().job.id == "2"


def test_a_schema_that_was_dropped_is_told_and_made_anew_by_opening(
    postgres: Harness, owner: psycopg.Connection
) -> None:
    with Queue.open(postgres.url) as queue:
        schema = sql.Identifier(postgres.url.rpartition("=")[2])
        owner.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))
        for act in OPERATIONS.values():
            refused(partial(act, queue), "run gofastr-queue schema, or open the queue anew")

        Queue.open(postgres.url).close()
        queue.enqueue("mail", id="1")
        assert queue.dequeue().job.id == "1"


@pytest.fixture
def role(postgres_server: Address) -> Iterator[Role]:
    with any_role(postgres_server, "any word") as role:
        yield role


@pytest.fixture
def worker(postgres: Harness, role: Role) -> str:
    """Return the URL of a queue for a role that has just the rights it needs."""
    schema = postgres.url.rpartition("=")[2]
    Queue.open(postgres.url).close()
    role.let(f"USAGE ON SCHEMA {schema}")
    role.let(f"SELECT, INSERT, UPDATE, DELETE ON {schema}.queue_jobs")
    role.let(f"SELECT ON {schema}.gofastr_queue_schema")
    role.let(f"USAGE ON SEQUENCE {schema}.queue_jobs_seq")
    return f"{role.url()}?schema={schema}"


def test_a_right_that_was_revoked_is_named_and_works_again_when_it_is_given_back(
    worker: str, role: Role
) -> None:
    schema = worker.rpartition("=")[2]
    right = f"INSERT ON {schema}.queue_jobs"
    with Queue.open(worker) as queue:
        queue.enqueue("mail", id="before")
        role.forbid(right)

        refused(
            lambda: queue.enqueue("mail"),
            "grant what is missing; gofastr-queue schema --print says what",
            "permission denied for table queue_jobs",
        )
        refused(lambda: queue.enqueue_many([Job(type="mail")] * 50), "permission denied for table")
        assert queue.dequeue().job.id == "before"

        role.let(right)
        queue.enqueue("mail", id="after")
        assert queue.dequeue().job.id == "after"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_role_that_lost_its_schema_says_so(operation: str, worker: str, role: Role) -> None:
    with Queue.open(worker) as queue:
        role.forbid(f"USAGE ON SCHEMA {worker.rpartition('=')[2]}")

        refused(lambda: OPERATIONS[operation](queue), "grant what is missing", "permission denied")


def test_a_server_that_has_no_connection_left_is_told_and_used_again_when_it_has() -> None:
    with (
        Server(fsync="off", max_connections="6", superuser_reserved_connections="0") as server,
        ConnectionPool(server.url(), min_size=0, max_size=9, open=True) as others,
        Queue.open(server.url(), listen=False) as queue,
    ):
        taken = [others.getconn() for _ in range(5)]
        taken[0].execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'gofastr-queue'"
        )
        with psycopg.connect(server.url()):  # in its place
            refused(queue.stats, "raise the limit of connections, or use fewer workers or a pooler")
        for connection in taken:
            others.putconn(connection)

        queue.enqueue("mail")


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_queue_outlives_a_restart_of_its_server(mode: Any) -> None:
    with Server() as server, Queue.open(server.url()) as queue:
        queue.enqueue("mail", id="1")
        server.stop(mode)
        refused(queue.stats, "check host and port, and that the server runs", "Connection refused")
        server.start()

        assert queue.dequeue().job.id == "1"


def test_connections_that_died_while_idle_are_not_used(worker: str, role: Role) -> None:
    with Queue.open(worker) as queue:
        for number in range(3):
            queue.enqueue("mail", id=str(number))
            role.end_sessions()

        assert len(queue.claim(5)) == 3


def test_a_pool_of_the_callers_that_is_not_open_says_so(postgres_server: Address) -> None:
    pool = ConnectionPool(postgres_server.url(), min_size=0, max_size=1, open=False)

    refused(lambda: PostgresBackend(pool), "open the pool first")


def test_a_pool_of_the_callers_that_was_closed_says_so(
    postgres: Harness, postgres_server: Address
) -> None:
    with ConnectionPool(postgres_server.url(), min_size=0, max_size=2, open=True) as pool:
        backend = PostgresBackend(pool, schema=postgres.url.rpartition("=")[2])
    with Queue(backend) as queue:
        refused(queue.stats, "its owner has closed the pool: open the queue on another one")


def test_a_statement_that_takes_too_long_says_what_to_do(
    postgres: Harness, owner: psycopg.Connection, table: sql.Identifier
) -> None:
    url = f"{postgres.url}&options=-c%20statement_timeout%3D300ms"
    with Queue.open(url) as queue:
        owner.execute("BEGIN")
        owner.execute(sql.SQL("LOCK TABLE {}").format(table))
        refused(queue.reclaim, "nothing was changed: raise statement_timeout, or do less at a time")
        owner.execute("ROLLBACK")

        assert queue.reclaim() == 0


def test_a_lock_that_is_waited_for_too_long_says_what_to_do(
    postgres: Harness, owner: psycopg.Connection, table: sql.Identifier
) -> None:
    with Queue.open(f"{postgres.url}&options=-c%20lock_timeout%3D300ms") as queue:
        owner.execute("BEGIN")
        owner.execute(sql.SQL("LOCK TABLE {}").format(table))
        refused(lambda: queue.enqueue("mail"), "another transaction holds what is needed: end it")
        owner.execute("ROLLBACK")

        queue.enqueue("mail", delay=timedelta(hours=1))


@pytest.mark.parametrize("of", [Pooled, psycopg.Connection])
def test_only_others_pipelines_log_that_their_connection_is_lost(
    of: type[psycopg.Connection[Any]],
    postgres_server: Address,
    owner: psycopg.Connection,
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection = of.connect(postgres_server.url(), autocommit=True)
    with suppress(ZeroDivisionError), connection.pipeline():
        connection.execute("SELECT pg_sleep(10)")
        owner.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
        raise ZeroDivisionError
    connection.close()

    logged = [one.name for one in caplog.records]
    assert logged == ([] if of is Pooled else ["psycopg"])
