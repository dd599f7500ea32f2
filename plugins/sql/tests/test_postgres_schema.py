"""The schema on PostgreSQL: made once, whoever is first, and each queue in it is alone."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from psycopg import sql
from tests.servers.postgres import Address

from gofastr_queue import InvalidOption, NoJob, Queue
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import PostgresBackend

CROWD = 8


@pytest.fixture
def owner(postgres_server: Address) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def schema(postgres: Harness) -> str:
    return parse_qs(urlsplit(postgres.url).query)["schema"][0]


def objects(connection: psycopg.Connection, schema: str) -> list[Any]:
    """Return every table, index and sequence of a schema as it was made, and the versions."""
    made = connection.execute(
        "SELECT relname, oid::int, xmin::text FROM pg_class "
        "WHERE relnamespace = to_regnamespace(%s) ORDER BY relname",
        [f'"{schema}"'],
    ).fetchall()
    versions = sql.Identifier(schema, "gofastr_queue_schema")
    return (
        made
        + connection.execute(
            sql.SQL("SELECT queue, version, xmin::text FROM {} ORDER BY queue").format(versions)
        ).fetchall()
    )


def test_many_threads_make_it_once(
    postgres: Harness, owner: psycopg.Connection, schema: str
) -> None:
    barrier = threading.Barrier(CROWD)

    def open_and_enqueue(number: int) -> None:
        barrier.wait(timeout=30)
        with Queue.open(postgres.url) as queue:
            queue.enqueue("mail", id=str(number))

    with ThreadPoolExecutor(CROWD) as pool:
        list(pool.map(open_and_enqueue, range(CROWD)))

    assert len([name for name, *_ in objects(owner, schema) if name == "queue_jobs"]) == 2
    with Queue.open(postgres.url) as queue:
        assert {claim.job.id for claim in queue.claim(CROWD)} == set(map(str, range(CROWD)))


OPEN = """
import sys
from gofastr_queue import Queue
import gofastr_queue_sql.postgres
print("ready", flush=True)
sys.stdin.readline()
Queue.open(sys.argv[1]).enqueue("mail", id=sys.argv[2])
"""


def test_many_processes_make_it_once(postgres: Harness) -> None:
    with ExitStack() as stack:
        crowd = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", OPEN, postgres.url, str(number)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(CROWD)
        ]
        for process in crowd:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in crowd:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        ended = [process.communicate(timeout=60) for process in crowd]
        assert [process.returncode for process in crowd] == [0] * CROWD, ended

    with Queue.open(postgres.url) as queue:
        assert len(queue.claim(CROWD + 1)) == CROWD


def test_it_is_made_once_also_where_transactions_are_serializable_by_default(
    postgres: Harness,
) -> None:
    url = f"{postgres.url}&options=-c%20default_transaction_isolation%3Dserializable"
    barrier = threading.Barrier(CROWD)

    def open_and_close(_: int) -> None:
        barrier.wait(timeout=30)
        Queue.open(url).close()

    with ThreadPoolExecutor(CROWD) as pool:
        list(pool.map(open_and_close, range(CROWD)))


def test_many_tables_are_made_at_once_in_a_new_schema(postgres: Harness) -> None:
    barrier = threading.Barrier(CROWD)

    def open_and_enqueue(number: int) -> int:
        barrier.wait(timeout=30)
        with Queue.open(postgres.url, table=f"queue_{number}") as queue:
            queue.enqueue("mail")
            return len(queue.claim(5))

    with ThreadPoolExecutor(CROWD) as pool:
        assert list(pool.map(open_and_enqueue, range(CROWD))) == [1] * CROWD


def test_opening_again_changes_nothing(
    postgres: Harness, owner: psycopg.Connection, schema: str
) -> None:
    with Queue.open(postgres.url) as queue:
        queue.enqueue("mail", id="1")
    before = objects(owner, schema)

    with Queue.open(postgres.url) as queue:
        assert queue.dequeue().job.id == "1"

    assert objects(owner, schema) == before


def test_what_else_is_in_the_schema_stays(
    postgres: Harness, owner: psycopg.Connection, schema: str
) -> None:
    owner.execute(f"CREATE SCHEMA {schema}".encode())
    owner.execute(f"CREATE TABLE {schema}.orders AS SELECT 7 AS id".encode())

    with Queue.open(postgres.url) as queue:
        queue.enqueue("mail")
        queue.purge("")

    found = owner.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, "orders")))
    assert found.fetchall() == [(7,)]


def test_a_search_path_that_somebody_else_has_set_does_not_matter(
    postgres: Harness, owner: psycopg.Connection, schema: str
) -> None:
    owner.execute(f"CREATE SCHEMA {schema}_trap".encode())
    owner.execute(f"CREATE TABLE {schema}_trap.queue_jobs (id text)".encode())
    try:
        with Queue.open(
            f"{postgres.url}&options=-c%20search_path%3D{schema}_trap,pg_catalog"
        ) as queue:
            queue.enqueue("mail", id="1")
            assert queue.dequeue().job.id == "1"
    finally:
        owner.execute(f"DROP SCHEMA {schema}_trap CASCADE".encode())


@pytest.fixture
def two_schemas(postgres: Harness, owner: psycopg.Connection, schema: str) -> Iterator[list[str]]:
    """Return two URLs with the same table."""
    yield [postgres.url, postgres.url.replace(schema, f"{schema}_too")]
    owner.execute(f"DROP SCHEMA IF EXISTS {schema}_too CASCADE".encode())


@pytest.fixture(params=["tables", "schemas", "prefixes", "cases"])
def pair(request: pytest.FixtureRequest, postgres: Harness, two_schemas: list[str]) -> list[str]:
    """Return the URLs of two queues whose names are alike."""
    return {
        "tables": [f"{postgres.url}&table=mails", f"{postgres.url}&table=others"],
        "schemas": two_schemas,
        "prefixes": [f"{postgres.url}&table=mails", f"{postgres.url}&table=mails_2"],
        "cases": [f"{postgres.url}&table=mails", f"{postgres.url}&table=Mails"],
    }[str(request.param)]


def test_two_queues_never_see_each_other(pair: list[str]) -> None:
    with Queue.open(pair[0]) as one, Queue.open(pair[1]) as other:
        one.enqueue("mail", id="1")
        other.enqueue("mail", id="1", max_attempts=1)
        other.nack(other.dequeue())

        assert one.purge("failed") == 0
        assert one.replay_many() == 0
        assert one.stats() == {"pending": 1, "claimed": 0, "failed": 0}
        assert other.stats() == {"pending": 0, "claimed": 0, "failed": 1}
        assert one.dequeue().job.id == "1"
        with pytest.raises(NoJob):
            other.dequeue()


def channel(url: str) -> str:
    """Return what a queue's workers listen to."""
    place = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    backend = PostgresBackend(url.partition("?")[0], **place)  # type: ignore[arg-type] # texts
    backend.queue_close()
    found = re.search("gofastr_queue_[0-9a-f]{32}", backend._sql.notify)
    assert found is not None
    return found[0]


def test_the_workers_of_one_queue_are_not_told_of_the_others_jobs(
    pair: list[str], owner: psycopg.Connection
) -> None:
    channels = [channel(url) for url in pair]
    assert len(set(channels)) == 2
    for one in channels:
        owner.execute(f'LISTEN "{one}"'.encode())

    for url, expected in zip(pair, channels, strict=True):
        with Queue.open(url) as queue:
            queue.enqueue("mail")
        owner.execute("SELECT 1")
        assert [told.channel for told in owner.notifies(timeout=0)] == [expected]


def works(url: str, **options: Any) -> None:
    with Queue.open(url, **options) as queue:
        id = queue.enqueue("mail", max_attempts=1).id
        queue.nack(queue.dequeue())
        assert queue.replay(id)
        assert queue.ack(queue.dequeue())
        assert queue.purge("") == 0


@pytest.mark.parametrize(
    "name", ["order", "select", "group", "index", "table", "user", "constraint", "x" * 48, "Mails"]
)
def test_every_identifier_is_a_possible_table(name: str, postgres: Harness) -> None:
    works(postgres.url, table=name)


@pytest.mark.parametrize("name", ["order", "user", "all", "Shop", "x" * 48])
def test_every_identifier_is_a_possible_schema(
    name: str, postgres_server: Address, owner: psycopg.Connection
) -> None:
    drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name))
    owner.execute(drop)
    try:
        works(postgres_server.url(), schema=name, table="order")
    finally:
        owner.execute(drop)


def test_the_longest_names_are_not_cut_off(
    postgres: Harness, owner: psycopg.Connection, schema: str
) -> None:
    names = ["x" * 47 + end for end in "ab"]
    with ExitStack() as stack:
        queues = [stack.enter_context(Queue.open(postgres.url, table=name)) for name in names]
        for queue, name in zip(queues, names, strict=True):
            queue.enqueue("mail", id=name)

        assert [queue.dequeue().job.id for queue in queues] == names
    made = [name for name, *_ in objects(owner, schema)]
    for name in names:
        own = {one.removeprefix(name) for one in made if one.startswith(name)}
        assert own >= {"", "_seq", "_pkey", "_id", "_ready", "_order", "_later", "_leases"}
        assert max(len(name + suffix) for suffix in own) <= 63


@pytest.mark.parametrize("option", ["table", "schema"])
def test_a_longer_name_is_refused_and_not_cut_off(option: str, postgres: Harness) -> None:
    options: dict[str, Any] = {option: "x" * 49}

    with pytest.raises(InvalidOption, match="at most 48 in all"):
        Queue.open(postgres.url, **options)
