"""A caller's transaction on PostgreSQL carries the enqueue: it commits, rolls back, stays whole."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from psycopg import ClientCursor, Connection, IsolationLevel, ServerCursor, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row, namedtuple_row, scalar_row
from psycopg_pool import ConnectionPool
from tests.servers.postgres import Address, Server

from gofastr_queue import (
    AsyncQueue,
    BackendUnavailable,
    DuplicateJob,
    InvalidOption,
    Job,
    Queue,
    QueueError,
)
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import PostgresBackend

Caller = Callable[..., Connection[Any]]


@pytest.fixture
def queue(postgres: Harness) -> Iterator[Queue]:
    with Queue.open(postgres.url) as queue:
        yield queue


@pytest.fixture
def schema(postgres: Harness) -> str:
    return parse_qs(urlsplit(postgres.url).query)["schema"][0]


@pytest.fixture
def caller(queue: Queue, schema: str, postgres_server: Address) -> Iterator[Caller]:
    """Connect as an application does, with a business table in the queue's schema."""
    connections: list[Connection[Any]] = []

    def connect(**options: Any) -> Connection[Any]:
        connection = psycopg.connect(
            postgres_server.url(), options=f"-c search_path={schema}", **options
        )
        connections.append(connection)
        return connection

    assert queue is not None
    with connect() as connection:
        connection.execute("CREATE TABLE orders (id int)")
    yield connect
    for connection in connections:
        connection.close()


def orders(connection: Connection[Any]) -> int:
    cursor = connection.cursor(row_factory=scalar_row)
    return int(cursor.execute("SELECT count(*) FROM orders").fetchone() or 0)


def ids(queue: Queue) -> list[str]:
    return sorted(job.id for job in queue.list_jobs(limit=1_000))


def test_a_job_and_a_row_become_visible_together(queue: Queue, caller: Caller) -> None:
    connection = caller()
    connection.execute("INSERT INTO orders VALUES (1)")
    queue.enqueue("mail", id="1", transaction=connection)
    assert (orders(caller()), ids(queue)) == (0, [])

    connection.commit()

    assert (orders(caller()), ids(queue)) == (1, ["1"])


def test_a_block_of_an_autocommit_connection_is_a_transaction(queue: Queue, caller: Caller) -> None:
    connection = caller(autocommit=True)
    with connection.transaction():
        connection.execute("INSERT INTO orders VALUES (1)")
        queue.enqueue("mail", id="kept", transaction=connection)
        assert ids(queue) == []
    with connection.transaction(force_rollback=True):
        queue.enqueue("mail", id="dropped", transaction=connection)

    assert (orders(connection), ids(queue)) == (1, ["kept"])


def test_a_connection_at_rest_begins_a_transaction_that_the_caller_ends(
    queue: Queue, caller: Caller
) -> None:
    connection = caller()

    queue.enqueue("mail", id="1", transaction=connection)
    assert connection.info.transaction_status is TransactionStatus.INTRANS
    connection.rollback()
    queue.enqueue("mail", id="2", transaction=connection)
    connection.commit()

    assert ids(queue) == ["2"]


def test_without_an_open_transaction_autocommit_is_refused(queue: Queue, caller: Caller) -> None:
    connection = caller(autocommit=True)

    with pytest.raises(InvalidOption, match=r"no open transaction; .*'with connection\.transac"):
        queue.enqueue("mail", transaction=connection)

    assert ids(queue) == []


def test_a_failed_transaction_is_refused_until_it_is_rolled_back(
    queue: Queue, caller: Caller
) -> None:
    connection = caller()
    with pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute("SELECT 1 / 0")

    with pytest.raises(InvalidOption, match="has failed; roll it back first"):
        queue.enqueue("mail", transaction=connection)

    connection.rollback()
    queue.enqueue("mail", id="1", transaction=connection)
    connection.commit()
    assert ids(queue) == ["1"]


def test_a_closed_connection_is_refused(queue: Queue, caller: Caller) -> None:
    connection = caller()
    connection.close()

    with pytest.raises(InvalidOption, match="connection is closed"):
        queue.enqueue("mail", transaction=connection)


def test_a_connection_that_the_server_has_ended_is_a_backend_failure(
    queue: Queue, caller: Caller
) -> None:
    connection = caller()
    connection.execute("INSERT INTO orders VALUES (1)")
    with caller() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])

    with pytest.raises(BackendUnavailable, match="your transaction"):
        queue.enqueue("mail", transaction=connection)

    assert ids(queue) == []


def of_module(module: str, name: str) -> object:
    return type(name, (), {"__module__": module})()


@pytest.mark.parametrize(
    ("stranger", "said"),
    [
        (of_module("asyncpg.connection", "Connection"), r"asyncpg\.Connection: the queue is sync"),
        (of_module("aiopg.connection", "Connection"), r"aiopg\.Connection: the queue is synchron"),
        (
            of_module("sqlalchemy.engine.base", "Connection"),
            r"sqlalchemy\.Connection: give its driver's, connection\.connection\.driver_connection",
        ),
        (
            of_module("sqlalchemy.ext.asyncio.engine", "AsyncConnection"),
            r"sqlalchemy\.AsyncConnection: the queue is synchronous, give a synchronous one",
        ),
        (of_module("django.db.backends.base", "DatabaseWrapper"), "connection.connection inside"),
        (of_module("psycopg2.extensions", "connection"), "the queue needs psycopg 3"),
        (object(), "got builtins.object"),
        ("BEGIN", "got builtins.str"),
    ],
)
def test_a_connection_of_another_kind_is_refused_by_name(
    queue: Queue, stranger: object, said: str
) -> None:
    with pytest.raises(InvalidOption, match=rf"must be a psycopg\.Connection .*{said}"):
        queue.enqueue("mail", transaction=stranger)

    assert ids(queue) == []


def test_a_connection_of_sqlite_is_refused_by_name(queue: Queue) -> None:
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(InvalidOption, match=r"psycopg\.Connection .*, got sqlite3\.Connection"),
    ):
        queue.enqueue("mail", transaction=connection)


def test_an_async_connection_is_refused_by_name(queue: Queue, postgres_server: Address) -> None:
    async def enqueue() -> None:
        connection = await psycopg.AsyncConnection.connect(postgres_server.url())
        async with connection:
            queue.enqueue("mail", transaction=connection)

    with pytest.raises(InvalidOption, match=r"psycopg\.AsyncConnection: the queue is synchronous"):
        asyncio.run(enqueue())


def test_a_pool_is_no_transaction(queue: Queue, postgres_server: Address) -> None:
    with (
        ConnectionPool(postgres_server.url(), min_size=0, max_size=1, open=False) as pool,
        pytest.raises(InvalidOption, match=r"got psycopg_pool\.ConnectionPool"),
    ):
        queue.enqueue("mail", transaction=pool)


def test_an_async_queue_takes_a_synchronous_transaction(postgres: Harness, caller: Caller) -> None:
    async def enqueue(connection: Connection[Any]) -> None:
        async with await AsyncQueue.open(postgres.url) as queue:
            await queue.enqueue("mail", id="1", transaction=connection)
            await queue.enqueue_many([Job(type="mail", id="2")], transaction=connection)

    connection = caller()
    asyncio.run(enqueue(connection))
    connection.commit()

    with Queue.open(postgres.url) as queue:
        assert ids(queue) == ["1", "2"]


@pytest.fixture
def elsewhere(postgres_server: Address, schema: str) -> Iterator[Address]:
    """Another database of the same server."""
    name = sql.Identifier(f"other_{schema}")
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield Address(postgres_server.url(f"other_{schema}"))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.mark.parametrize("autocommit", [False, True])
def test_a_transaction_on_another_database_is_refused_and_left_as_it_was(
    queue: Queue, elsewhere: Address, *, autocommit: bool
) -> None:
    with psycopg.connect(elsewhere.url(), autocommit=autocommit) as connection:
        before = TransactionStatus.IDLE
        if autocommit:
            connection.execute("BEGIN")
            before = TransactionStatus.INTRANS

        with pytest.raises(InvalidOption, match=r"is on PostgreSQL .*/other_.*, the queue in Post"):
            queue.enqueue("mail", transaction=connection)

        assert connection.info.transaction_status is before
    assert ids(queue) == []


def test_the_same_database_by_another_name_of_its_host_is_accepted(
    queue: Queue, caller: Caller
) -> None:
    connection = caller(hostaddr="127.0.0.1", host="anything", sslmode="disable")

    queue.enqueue("mail", id="1", transaction=connection)
    connection.commit()

    assert ids(queue) == ["1"]


def test_another_server_is_refused_and_the_own_one_is_known_after_a_restart() -> None:
    with (
        Server(fsync="off") as server,
        Server(fsync="off") as other,
        Queue.open(server.url()) as queue,
    ):
        with (
            psycopg.connect(other.url()) as connection,
            pytest.raises(InvalidOption, match=r"the transaction is on .*, the queue in"),
        ):
            queue.enqueue("mail", transaction=connection)

        server.restart("immediate")
        with psycopg.connect(server.url()) as connection:
            queue.enqueue("mail", id="1", transaction=connection)
        assert ids(queue) == ["1"]


def test_the_queues_own_connection_is_refused(caller: Caller, schema: str) -> None:
    connection = caller()
    with Queue(PostgresBackend(connection, schema=schema)) as queue:
        with pytest.raises(InvalidOption, match=r"queue's own connection, .*; open the queue by"):
            queue.enqueue("mail", transaction=connection)

        assert ids(queue) == []
        queue.enqueue("mail", id="1")
        assert ids(queue) == ["1"]


@pytest.mark.parametrize(
    "options",
    [
        {"row_factory": dict_row},
        {"row_factory": namedtuple_row},
        {"cursor_factory": ClientCursor},
        {"prepare_threshold": 0},
        {"prepare_threshold": None},
        {"sslmode": "disable", "application_name": "shop"},
    ],
    ids=["dicts", "named tuples", "client cursors", "always prepared", "never prepared", "others"],
)
def test_how_the_caller_has_set_up_the_connection_does_not_matter(
    queue: Queue, caller: Caller, options: dict[str, Any]
) -> None:
    connection = caller(**options)
    connection.server_cursor_factory = ServerCursor

    for number in range(7):
        connection.execute("INSERT INTO orders VALUES (%s)", [number])
        queue.enqueue("mail", id=str(number), transaction=connection)
    queue.enqueue_many([Job(type="mail", id=one) for one in "abc"], transaction=connection)
    with pytest.raises(DuplicateJob):
        queue.enqueue("mail", id="a", transaction=connection)
    connection.commit()

    assert ids(queue) == [*"0123456", *"abc"]
    assert orders(connection) == 7


def test_a_pipeline_of_the_caller_does_not_matter(queue: Queue, caller: Caller) -> None:
    connection = caller()
    with connection.pipeline():
        connection.execute("INSERT INTO orders VALUES (1)")
        queue.enqueue_many(
            [Job(type="mail", id="1"), Job(type="mail", id="2")], transaction=connection
        )
        connection.execute("INSERT INTO orders VALUES (2)")
    connection.commit()

    assert (orders(connection), ids(queue)) == (2, ["1", "2"])


@pytest.mark.parametrize("setting", ["search_path = ''", "timezone = 'Asia/Kathmandu'"])
def test_a_setting_of_the_session_does_not_matter(
    queue: Queue, caller: Caller, setting: str
) -> None:
    connection = caller()
    connection.execute(f"SET {setting}".encode())

    queue.enqueue("mail", id="1", transaction=connection)
    connection.commit()

    assert ids(queue) == ["1"]


def test_a_session_that_cannot_carry_every_text_is_refused(queue: Queue, caller: Caller) -> None:
    connection = caller(client_encoding="LATIN1")

    with pytest.raises(InvalidOption, match="client_encoding LATIN1, which cannot carry"):
        queue.enqueue("mail", "\u4e2d", transaction=connection)

    assert connection.info.transaction_status is TransactionStatus.IDLE


@pytest.mark.parametrize("count", [1, 2, 500])
def test_a_duplicate_leaves_nothing_of_the_call_and_the_rest_of_the_transaction(
    queue: Queue, caller: Caller, count: int
) -> None:
    queue.enqueue("mail", "first", id="taken")
    connection = caller()
    connection.execute("INSERT INTO orders VALUES (1)")
    queue.enqueue("mail", id="before", transaction=connection)
    jobs = [Job(type="mail", id=f"new-{number}") for number in range(count)]
    jobs[count // 2] = Job(type="mail", id="taken")

    with pytest.raises(DuplicateJob) as caught:
        queue.enqueue_many(jobs, transaction=connection)

    assert caught.value.ids == ("taken",)
    connection.execute("INSERT INTO orders VALUES (2)")
    queue.enqueue("mail", id="after", transaction=connection)
    connection.commit()
    assert (orders(connection), ids(queue)) == (2, ["after", "before", "taken"])


def test_five_hundred_jobs_share_the_fate_of_the_transaction(queue: Queue, caller: Caller) -> None:
    jobs = [Job(type="mail", id=f"{number:03}") for number in range(500)]
    connection = caller()

    queue.enqueue_many(jobs, transaction=connection)
    assert ids(queue) == []
    connection.rollback()
    assert ids(queue) == []
    queue.enqueue_many(jobs, transaction=connection)
    connection.commit()

    assert [claim.job.id for claim in queue.claim(500)] == [job.id for job in jobs]


@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
def test_a_stricter_transaction_carries_jobs_too(
    queue: Queue, caller: Caller, level: IsolationLevel
) -> None:
    queue.enqueue("mail", id="taken")
    connection = caller()
    connection.isolation_level = level

    orders(connection)
    queue.enqueue("mail", id="1", transaction=connection)
    with pytest.raises(DuplicateJob):
        queue.enqueue("mail", id="taken", transaction=connection)
    kept = queue.enqueue("mail", id="taken", on_conflict="ignore", transaction=connection)
    connection.commit()

    assert kept.id == "taken"
    assert ids(queue) == ["1", "taken"]


@pytest.mark.parametrize("on_conflict", ["error", "ignore"])
@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
def test_an_id_that_was_taken_since_a_stricter_transaction_began_says_to_repeat_it(
    queue: Queue, caller: Caller, level: IsolationLevel, on_conflict: str
) -> None:
    connection = caller()
    connection.isolation_level = level
    orders(connection)
    queue.enqueue("mail", "first", id="1")

    with pytest.raises(BackendUnavailable, match="repeat the whole transaction"):
        queue.enqueue("mail", "second", id="1", on_conflict=on_conflict, transaction=connection)

    connection.execute("INSERT INTO orders VALUES (1)")
    connection.commit()
    assert [job.payload for job in queue.list_jobs()] == ["first"]
    assert orders(connection) == 1


def test_savepoints_of_the_caller_hold(queue: Queue, caller: Caller) -> None:
    connection = caller()
    with connection.transaction():
        queue.enqueue("mail", id="outer", transaction=connection)
        with connection.transaction(force_rollback=True):
            queue.enqueue("mail", id="inner", transaction=connection)
        with connection.transaction("gofastr_queue"):
            queue.enqueue("mail", id="kept", transaction=connection)
            with pytest.raises(DuplicateJob):
                queue.enqueue("mail", id="kept", transaction=connection)

    assert ids(queue) == ["kept", "outer"]


def test_a_transaction_that_may_only_read_says_so_and_stays_usable(
    queue: Queue, caller: Caller
) -> None:
    connection = caller()
    connection.read_only = True
    connection.execute("SELECT 1")

    with pytest.raises(BackendUnavailable, match=r"your transaction refuses: .*read-only"):
        queue.enqueue("mail", transaction=connection)

    assert orders(connection) == 0


@pytest.fixture
def ear(schema: str, caller: Caller) -> Connection[Any]:
    """Listen to what the queue tells its workers."""
    backend = PostgresBackend(caller(), schema=schema)
    channel = re.search("gofastr_queue_[0-9a-f]{32}", backend._sql.notify)
    backend.queue_close()
    assert channel is not None
    connection = caller(autocommit=True)
    connection.execute(f'LISTEN "{channel[0]}"'.encode())
    return connection


def heard(ear: Connection[Any]) -> int:
    """Count the notifications that the server has sent up to now."""
    ear.execute("SELECT 1")  # what was committed before is delivered before the answer
    return len(list(ear.notifies(timeout=0)))


def test_workers_are_told_after_the_commit_and_never_after_a_rollback(
    queue: Queue, caller: Caller, ear: Connection[Any]
) -> None:
    connection = caller()
    jobs = [Job(type="mail") for _ in range(50)]

    for end, told in ((connection.rollback, False), (connection.commit, True)):
        queue.enqueue("mail", transaction=connection)
        queue.enqueue_many(jobs, transaction=connection)
        assert heard(ear) == 0
        end()
        assert (heard(ear) > 0) is told


def test_workers_are_not_told_of_a_call_that_a_duplicate_has_undone(
    queue: Queue, caller: Caller, ear: Connection[Any]
) -> None:
    queue.enqueue("mail", id="taken")
    heard(ear)
    connection = caller()

    with pytest.raises(DuplicateJob):
        queue.enqueue_many([Job(type="mail"), Job(type="mail", id="taken")], transaction=connection)
    connection.execute("INSERT INTO orders VALUES (1)")
    connection.commit()

    assert heard(ear) == 0


def test_what_is_refused_before_the_savepoint_begins_nothing(queue: Queue, caller: Caller) -> None:
    connection = caller()
    queue.close()

    with pytest.raises(QueueError, match="closed"):
        queue.enqueue("mail", transaction=connection)

    assert connection.info.transaction_status is TransactionStatus.IDLE
