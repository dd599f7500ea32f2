"""The printed schema is the one that opening a queue makes, and says what a worker's role needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from psycopg import sql
from tests.servers.postgres import Address
from tests.servers.roles import Role, any_role

from gofastr_queue import InvalidOption, Queue, schemas
from gofastr_queue_conformance import Harness


@pytest.fixture
def owner(postgres_server: Address) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server.url()) as connection:
        yield connection


@pytest.fixture
def schema(postgres: Harness) -> str:
    return parse_qs(urlsplit(postgres.url).query)["schema"][0]


@pytest.fixture
def hand(postgres: Harness, owner: psycopg.Connection, schema: str) -> Iterator[tuple[str, str]]:
    """Return the URL and name of another schema, for what is made by hand."""
    name = f"{schema}_hand"
    yield postgres.url.replace(schema, name), name
    owner.rollback()
    owner.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE".encode())
    owner.commit()


CATALOG = (
    """
    SELECT table_name, column_name, ordinal_position, data_type, collation_name, is_nullable,
           column_default, is_identity, identity_generation
    FROM information_schema.columns WHERE table_schema = %(schema)s ORDER BY 1, 3
    """,
    """
    SELECT tablename, indexname, replace(indexdef, %(schema)s, '') FROM pg_indexes
    WHERE schemaname = %(schema)s ORDER BY 1, 2
    """,
    """
    SELECT relname, relkind::text, reloptions, relpersistence::text FROM pg_class
    WHERE relnamespace = to_regnamespace(%(schema)s) ORDER BY 1
    """,
    """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = to_regnamespace(%(schema)s) ORDER BY 2
    """,
    """
    SELECT sequencename, data_type::text, start_value, increment_by, cycle, cache_size
    FROM pg_sequences WHERE schemaname = %(schema)s ORDER BY 1
    """,
)


def catalog(connection: psycopg.Connection, schema: str) -> list[Any]:
    """Return all that a schema is, without its name."""
    found = [connection.execute(one, {"schema": schema}).fetchall() for one in CATALOG]
    versions = sql.Identifier(schema, "gofastr_queue_schema")
    statement = sql.SQL("SELECT queue, version FROM {} ORDER BY 1").format(versions)
    found.append(connection.execute(statement).fetchall())
    connection.commit()
    return [[repr(row).replace(schema, "") for row in rows] for rows in found]


def run(connection: psycopg.Connection, text: str) -> None:
    """Run what was printed as a migration tool does, all in one transaction."""
    connection.execute(text.encode())
    connection.commit()


@pytest.mark.parametrize("table", ["queue_jobs", "mails", "order", "Mails", "x" * 48])
def test_it_equals_that_of_an_opened_queue(
    table: str, postgres: Harness, owner: psycopg.Connection, schema: str, hand: tuple[str, str]
) -> None:
    url, name = hand
    Queue.open(postgres.url, table=table).close()

    run(owner, schemas.text(url, table=table))

    made = catalog(owner, name)
    assert made == catalog(owner, schema)
    assert all(len(rows) >= 1 for rows in made)
    assert any("autovacuum_vacuum_cost_delay=0" in row for row in made[2])


def printed_grants(text: str) -> list[str]:
    return [line.removeprefix("-- ") for line in text.splitlines() if line.startswith("-- GRANT")]


@pytest.fixture
def worker(postgres_server: Address) -> Iterator[Role]:
    with any_role(postgres_server, "any word") as role:
        yield role


def test_a_role_with_the_printed_rights_works_with_it_and_changes_nothing_of_it(
    worker: Role, owner: psycopg.Connection, hand: tuple[str, str]
) -> None:
    url, name = hand
    text = schemas.text(url)
    run(owner, text)
    for grant in printed_grants(text):
        worker.let(grant.removeprefix("GRANT ").removesuffix(" TO worker;"))
    before = catalog(owner, name)

    with Queue.open(f"{worker.url()}?schema={name}") as queue:
        id = queue.enqueue("mail", {"to": "user@example.com"}, max_attempts=1).id
        queue.nack(queue.dequeue(), "no such address")
        assert queue.replay(id)
        assert queue.ack(queue.dequeue())

    assert catalog(owner, name) == before


def test_two_queues_in_one_schema_can_both_be_made_by_it(
    owner: psycopg.Connection, hand: tuple[str, str]
) -> None:
    url, name = hand
    for table in ("mails", "others"):
        run(owner, schemas.text(url, table=table))
    before = catalog(owner, name)

    for table in ("mails", "others"):
        Queue.open(url, table=table).close()

    assert catalog(owner, name) == before


def test_running_it_twice_fails_and_leaves_the_queue(
    owner: psycopg.Connection, hand: tuple[str, str]
) -> None:
    url, name = hand
    run(owner, schemas.text(url))
    before = catalog(owner, name)

    with pytest.raises(psycopg.errors.DuplicateTable):
        run(owner, schemas.text(url))
    owner.rollback()

    assert catalog(owner, name) == before


def test_nothing_is_connected_to_by_writing_it() -> None:
    text = schemas.text("postgresql://me@127.0.0.1:1/db?schema=shop&table=mails")

    assert 'CREATE TABLE "shop"."mails"' in text
    assert text.startswith("-- the queue shop.mails, schema version 2")
    assert "{" not in text


@pytest.mark.parametrize("query", ["table=x%22", "schema=pg_temp", "pool_size=many", "listen=x"])
def test_what_cannot_be_opened_cannot_be_written(query: str) -> None:
    with pytest.raises(InvalidOption):
        schemas.text(f"postgresql://host/db?{query}")


def command(*arguments: str, url: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gofastr_queue", "schema", *arguments],
        env=os.environ | {"GOFASTR_QUEUE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_prints_what_can_be_run(
    owner: psycopg.Connection, hand: tuple[str, str], postgres: Harness, schema: str
) -> None:
    url, name = hand
    printed = command("--print", url)
    assert (printed.returncode, printed.stderr) == (0, "")
    run(owner, printed.stdout)

    made = command(url=postgres.url)

    assert (made.returncode, made.stderr) == (0, "")
    shown = postgres.url.partition("?")[0].rpartition("@")[2]
    assert made.stdout == f"the schema of 'postgresql://{shown}' is ready\n"
    assert catalog(owner, name) == catalog(owner, schema)


def test_the_command_says_what_a_role_without_rights_can_do(worker: Role, schema: str) -> None:
    done = command(f"{worker.url()}?schema={schema}")

    assert (done.returncode, done.stdout) == (1, "")
    assert "let its owner run 'gofastr-queue schema'" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "any%20word" not in done.stderr
