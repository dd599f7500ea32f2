"""A queue of an older version is migrated by opening it: once, whole, and never at its cost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from psycopg import sql
from tests.servers.postgres import Address
from tests.servers.roles import Role, any_role

from gofastr_queue import BackendUnavailable, Job, Queue, Scheduler, SchemaTooNew, schemas
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import postgres_schema

SECOND = """
-- A column that no statement of this version uses.
ALTER TABLE {table} ADD COLUMN note text NOT NULL DEFAULT 'none';
CREATE INDEX "{name}_note" ON {table} (note);
"""

LATEST = len(postgres_schema.migration_texts())

FAILING = """
ALTER TABLE {table} ADD COLUMN half text;
DELETE FROM {table};
SELECT 1 / 0;
"""

Newer = Callable[..., None]


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Newer:
    """Let this installation be of a later version, with these migrations after the first."""
    first = postgres_schema.migration_texts()

    def install(*more: str) -> None:
        monkeypatch.setattr(postgres_schema, "migration_texts", lambda: [*first, *more])

    return install


@pytest.fixture
def owner(postgres_server: Address) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def schema(postgres: Harness) -> str:
    return parse_qs(urlsplit(postgres.url).query)["schema"][0]


def version(connection: psycopg.Connection, schema: str) -> int:
    versions = sql.Identifier(schema, "gofastr_queue_schema")
    statement = sql.SQL("SELECT version FROM {} WHERE queue = 'queue_jobs'").format(versions)
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0


def columns(connection: psycopg.Connection, schema: str) -> set[str]:
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = 'queue_jobs'",
        [schema],
    )
    return {name for (name,) in found}


def test_jobs_and_claims_survive_it(
    postgres: Harness, owner: psycopg.Connection, schema: str, newer: Newer
) -> None:
    with Queue.open(postgres.url) as old:
        old.enqueue_many([Job(type="mail", id=str(number)) for number in range(5)])
        claim = old.dequeue()
        newer(SECOND)

        with Queue.open(postgres.url) as queue:
            assert (version(owner, schema), "note" in columns(owner, schema)) == (LATEST + 1, True)
            assert queue.ack(claim)
            assert [one.job.id for one in queue.claim(9)] == ["1", "2", "3", "4"]
            old.enqueue("mail", id="5")  # who is open goes on
            assert queue.dequeue().job.id == "5"


def test_several_versions_are_made_up_in_order(
    postgres: Harness, owner: psycopg.Connection, schema: str, newer: Newer
) -> None:
    Queue.open(postgres.url).close()
    third = "ALTER TABLE {table} RENAME COLUMN note TO remark"
    newer(SECOND, third)

    Queue.open(postgres.url).close()

    assert version(owner, schema) == LATEST + 2
    assert "remark" in columns(owner, schema)


def test_a_new_queue_is_made_in_the_latest_version(
    postgres: Harness, owner: psycopg.Connection, schema: str, newer: Newer
) -> None:
    newer(SECOND)

    Queue.open(postgres.url).close()

    assert version(owner, schema) == LATEST + 1
    assert schemas.text(postgres.url).startswith(f"-- the queue {schema}.queue_jobs, schema versi")
    assert "ADD COLUMN note text" in schemas.text(postgres.url)


def test_many_workers_of_the_new_version_migrate_it_once(
    postgres: Harness, owner: psycopg.Connection, schema: str, newer: Newer
) -> None:
    with Queue.open(postgres.url) as queue:
        queue.enqueue("mail", id="1")
    newer(SECOND)
    barrier = threading.Barrier(8)

    def open_and_enqueue(number: int) -> None:
        barrier.wait(timeout=30)
        with Queue.open(postgres.url) as queue:
            queue.enqueue("mail", id=f"new-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(open_and_enqueue, range(8)))

    assert version(owner, schema) == LATEST + 1
    with Queue.open(postgres.url) as queue:
        assert len(queue.claim(20)) == 9


def test_work_goes_on_while_it_is_migrated(
    postgres: Harness, owner: psycopg.Connection, schema: str, newer: Newer
) -> None:
    done: set[str] = set()
    with Queue.open(postgres.url) as queue:
        queue.register_handler("mail", lambda job: done.add(job.id))
        queue.start(workers=2)
        queue.enqueue_many([Job(type="mail", id=str(number)) for number in range(200)])
        newer(SECOND)
        Queue.open(postgres.url).close()
        queue.enqueue("mail", id="after")

        assert queue.join(timeout=30)

    assert done == {*map(str, range(200)), "after"}
    assert version(owner, schema) == LATEST + 1


def test_a_migration_that_fails_leaves_the_older_version_usable(
    postgres: Harness,
    owner: psycopg.Connection,
    schema: str,
    newer: Newer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Queue.open(postgres.url) as old:
        old.enqueue("mail", id="1")
        before = columns(owner, schema)
        newer(SECOND, FAILING)

        with pytest.raises(BackendUnavailable, match="division by zero"):
            Queue.open(postgres.url)

        assert (version(owner, schema), columns(owner, schema)) == (LATEST, before)
        assert old.dequeue().job.id == "1"
    monkeypatch.undo()
    with Queue.open(postgres.url) as queue:
        queue.enqueue("mail", id="2")
    newer(SECOND)
    with Queue.open(postgres.url) as queue:
        assert queue.dequeue().job.id == "2"
    assert version(owner, schema) == LATEST + 1


def test_the_first_migration_that_fails_leaves_nothing(
    postgres: Harness, owner: psycopg.Connection, schema: str, newer: Newer
) -> None:
    newer(FAILING)

    with pytest.raises(BackendUnavailable, match="division by zero"):
        Queue.open(postgres.url)

    assert owner.execute("SELECT to_regnamespace(%s)::text", [schema]).fetchone() == (None,)


def test_an_older_installation_is_told_to_upgrade_and_changes_nothing(
    postgres: Harness, newer: Newer
) -> None:
    newer(SECOND)
    with Queue.open(postgres.url) as queue:
        queue.enqueue("mail", id="1")
    newer()

    with pytest.raises(
        SchemaTooNew, match=rf"schema version {LATEST + 1}, this .* knows {LATEST}; upgrade gofastr"
    ):
        Queue.open(postgres.url)

    newer(SECOND)
    with Queue.open(postgres.url) as queue:
        assert queue.dequeue().job.id == "1"


def test_one_table_is_migrated_and_the_others_of_the_schema_are_not(
    postgres: Harness, owner: psycopg.Connection, schema: str, newer: Newer
) -> None:
    Queue.open(postgres.url).close()
    Queue.open(postgres.url, table="others").close()
    newer(SECOND)

    Queue.open(postgres.url, table="others").close()

    assert version(owner, schema) == LATEST
    assert "note" not in columns(owner, schema)


@pytest.fixture
def worker(postgres_server: Address) -> Iterator[Role]:
    with any_role(postgres_server, "any word") as role:
        yield role


def test_a_role_that_may_only_work_lets_the_owner_migrate(
    worker: Role, postgres: Harness, schema: str, newer: Newer
) -> None:
    Queue.open(postgres.url).close()
    for line in schemas.text(postgres.url).splitlines():
        if line.startswith("-- GRANT"):
            worker.let(line.removeprefix("-- GRANT ").removesuffix(" TO worker;"))
    url = f"{worker.url()}?schema={schema}"
    Queue.open(url).close()
    newer(SECOND)

    told = rf"no queue .*queue_jobs of version {LATEST + 1}, .* let its owner run 'gofastr"
    with pytest.raises(BackendUnavailable, match=told):
        Queue.open(url)

    Queue.open(postgres.url).close()
    with Queue.open(url) as queue:
        queue.enqueue("mail")
        queue.ack(queue.dequeue())


def test_a_queue_of_version_1_gets_schedules_and_keeps_its_jobs(
    postgres: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = postgres_schema.migration_texts()
    with monkeypatch.context() as before:
        before.setattr(postgres_schema, "migration_texts", lambda: texts[:1])
        with Queue.open(postgres.url) as queue:
            queue.enqueue("mail", id="kept")

    with Queue.open(postgres.url) as queue:
        Scheduler(queue).every(timedelta(minutes=1), "digest")

        assert [one.id for one in queue.schedules()] == ["digest"]
        assert queue.dequeue().job.id == "kept"
