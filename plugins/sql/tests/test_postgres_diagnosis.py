"""What an examination says of PostgreSQL servers that are well, and of those that are not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from tests.servers.postgres import Address, Server
from tests.servers.sessions import Forgetful

from gofastr_queue import Job, Queue
from gofastr_queue.records import Finding, Level
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_sql import postgres_diagnosis, postgres_url
from gofastr_queue_sql.postgres_connection import Sessions, execute

SUBJECTS = {
    "version",
    "durability",
    "writing",
    "clock",
    "isolation",
    "waking",
    "schema",
    "rights",
    "vacuum",
    "encryption",
    "leases",
    "backlog",
}


@pytest.fixture
def owner(postgres_server: Address) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        yield connection


def table(harness: Harness, suffix: str = "") -> sql.Identifier:
    place = postgres_url.read(harness.url, None, None, None, None)
    return sql.Identifier(place.schema, place.table + suffix)


def every(url: str, subject: str) -> list[Finding]:
    with Queue.open(url) as queue:
        return [one for one in queue.diagnose() if one.subject == subject]


def of(url: str, subject: str) -> Finding:
    (found,) = every(url, subject)
    return found


def under(harness: Harness, **settings: object) -> str:
    """Return the URL of a store that is there, for sessions with these settings."""
    Queue.open(harness.url).close()
    written = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return f"{harness.url}&options={quote(written)}"


def test_of_a_server_as_it_comes_nothing_is_told_but_that_all_is_well() -> None:
    with Server() as server, Queue.open(server.url()) as queue:
        found = queue.diagnose()

    assert {one.subject for one in found} == SUBJECTS
    assert [one for one in found if one.level is not Level.OK] == []


def test_each_setting_that_is_off_is_told_with_its_remedy() -> None:
    names = ("fsync", "full_page_writes", "synchronous_commit", "autovacuum", "track_counts")
    with (
        Server(None, **dict.fromkeys(names, "off")) as server,
        Queue.open(server.url()) as queue,
    ):
        told = [one for one in queue.diagnose() if one.level is not Level.OK]

    assert [(one.subject, one.level) for one in told] == [
        ("durability", Level.BROKEN),
        ("durability", Level.WARNING),
        ("durability", Level.WARNING),
        ("vacuum", Level.WARNING),
    ]
    for name in names:
        (one,) = [one for one in told if name in one.text]
        assert name in one.remedy


def test_the_sessions_own_settings_count(postgres: Harness) -> None:
    url = under(postgres, synchronous_commit="off", default_transaction_isolation="serializable")

    durability, isolation = every(url, "durability"), of(url, "isolation")

    assert any("synchronous_commit is off" in one.text for one in durability)
    assert isolation.level is Level.WARNING
    assert "transactions are serializable" in isolation.text


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, []),
        ({"statement_timeout": "200ms"}, ["statement_timeout is 200 ms"]),
        ({"statement_timeout": "1s", "lock_timeout": "1min"}, []),
        (
            {"idle_in_transaction_session_timeout": 50, "lock_timeout": 999},
            ["lock_timeout is 999 ms", "idle_in_transaction_session_timeout is 50 ms"],
        ),
    ],
)
def test_short_timeouts_are_noted(
    postgres: Harness, settings: dict[str, object], told: list[str]
) -> None:
    found = every(under(postgres, **settings), "timeouts")

    assert [one.text.partition(":")[0] for one in found] == told
    assert {one.level for one in found} <= {Level.NOTE}


def test_where_nothing_can_be_written_no_promise_holds(postgres: Harness) -> None:
    found = of(under(postgres, default_transaction_read_only="on"), "writing")

    assert found.level is Level.BROKEN
    standby = postgres_diagnosis.writing({"default_transaction_read_only": "off"}, standby=True)
    assert standby.level is Level.BROKEN
    assert "give the primary" in standby.remedy


@pytest.mark.parametrize(
    ("ahead", "error", "level", "said"),
    [
        (0.0, 0.0, Level.OK, "agrees"),
        (1.0, 0.0, Level.OK, "agrees"),
        (-1.5, 0.5, Level.OK, "agrees"),
        (1.1, 0.0, Level.NOTE, "1.1 s ahead of"),
        (-30.0, 0.0, Level.NOTE, "30.0 s behind"),
        (30.1, 0.0, Level.WARNING, "30.1 s ahead of"),
        (-3600.5, 0.5, Level.WARNING, "3600.0 s behind"),
    ],
)
@pytest.mark.parametrize("given", [False, True])
def test_a_clock_is_judged_by_how_far_it_is_from_the_servers(
    ahead: float, error: float, level: Level, said: str, given: bool
) -> None:
    found = postgres_diagnosis.clock(ahead, error, given=given)

    assert found.level is level
    assert said in found.text


def test_the_time_that_the_answer_took_is_no_difference_of_clocks(
    postgres: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(connection: Any, statement: str, *values: Any, original: Any = execute) -> Any:
        if "clock_timestamp" in statement:
            time.sleep(1.5)
        return original(connection, statement, *values)

    with Queue.open(postgres.url) as queue:
        monkeypatch.setattr(postgres_diagnosis, "execute", slow)
        (found,) = [one for one in queue.diagnose() if one.subject == "clock"]

    assert found.level is Level.OK


def test_a_given_clock_is_said_to_decide(postgres: Harness) -> None:
    clock = FakeClock(datetime.now(UTC) - timedelta(minutes=5))
    with Queue.open(postgres.url, clock=clock) as queue:
        (found,) = [one for one in queue.diagnose() if one.subject == "clock"]

    assert found.level is Level.WARNING
    assert "the clock given to the queue decides" in found.text
    assert " s behind the server's" in found.text


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("off", "LISTEN is off"),
        (quote("host=127.0.0.1 port=1 user=me password=s3cr3t"), "LISTEN failed"),
    ],
)
def test_who_is_not_told_of_new_jobs_is_told_that(
    postgres: Harness, listen: str, said: str
) -> None:
    found = of(f"{postgres.url}&listen={listen}", "waking")

    assert found.level is Level.NOTE
    assert found.text.startswith(said)
    assert "s3cr3t" not in found.text + found.remedy


def test_a_listen_that_a_pooler_forgets_is_told(
    postgres: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(sessions: Sessions) -> Any:
        return Forgetful.connect(sessions._direct, autocommit=True)

    monkeypatch.setattr(Sessions, "connect", connect)

    found = of(postgres.url, "waking")

    assert found.level is Level.NOTE
    assert "LISTEN has no effect" in found.text


def test_an_examination_leaves_no_connection_that_listens(
    postgres: Harness, owner: psycopg.Connection
) -> None:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_listening_channels() AS%'"
    with Queue.open(postgres.url) as queue:
        for _ in range(3):
            queue.diagnose()

        eventually(
            lambda: owner.execute(asked + " AND pid <> pg_backend_pid()").fetchone() == (0,),
            "the end of what listened",
        )


def test_a_role_that_only_works_is_told_what_is_the_owners(postgres_as_worker: Harness) -> None:
    found = of(postgres_as_worker.url, "rights")

    assert found.level is Level.NOTE
    assert "vacuum, reindex and upgrade" in found.text


def test_a_right_that_was_taken_away_breaks_the_queue(
    postgres_as_worker: Harness, owner: psycopg.Connection
) -> None:
    with Queue.open(postgres_as_worker.url) as queue:
        owner.execute(
            sql.SQL("REVOKE DELETE, UPDATE ON {} FROM worker").format(table(postgres_as_worker))
        )
        owner.execute(
            sql.SQL("REVOKE USAGE ON SEQUENCE {} FROM worker").format(
                table(postgres_as_worker, "_seq")
            )
        )
        found = [one for one in queue.diagnose() if one.subject == "rights"]

    assert [(one.level, one.text) for one in found] == [
        (Level.BROKEN, "this role lacks UPDATE, DELETE on the table"),
        (Level.BROKEN, "this role lacks USAGE on the table's sequence"),
    ]


def test_an_unlogged_table_is_not_durable(postgres: Harness, owner: psycopg.Connection) -> None:
    Queue.open(postgres.url).close()
    owner.execute(sql.SQL("ALTER TABLE {} SET UNLOGGED").format(table(postgres)))

    found = every(postgres.url, "durability")

    assert any(one.level is Level.BROKEN and "unlogged" in one.text for one in found)


def test_a_table_that_autovacuum_leaves_alone_is_told(
    postgres: Harness, owner: psycopg.Connection
) -> None:
    Queue.open(postgres.url).close()
    owner.execute(sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = no)").format(table(postgres)))

    found = of(postgres.url, "vacuum")

    assert found.level is Level.WARNING
    assert found.text.startswith("autovacuum_enabled of the table is off")


def test_many_dead_rows_are_told(
    postgres: Harness, owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_diagnosis, "MANY_DEAD", 20)
    with Queue.open(postgres.url) as queue:
        owner.execute(
            sql.SQL("ALTER TABLE {} SET (autovacuum_enabled = off)").format(table(postgres))
        )
        queue.enqueue_many([Job(type="mail")] * 40)
        queue.purge("", limit=35)

        def told() -> bool:
            return any("35 dead rows beside 5 live ones" in one.text for one in queue.diagnose())

        eventually(told, "the server's statistics")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP TABLE {table}", "queue_jobs is not there"),
        ("DROP TABLE {versions}", "queue_jobs is not there"),
        ("UPDATE {versions} SET version = 99", "version 99, this installation knows"),
    ],
)
def test_a_schema_that_was_lost_or_upgraded_meanwhile_is_broken(
    postgres: Harness, owner: psycopg.Connection, damage: str, said: str
) -> None:
    place = postgres_url.read(postgres.url, None, None, None, None)
    versions = sql.Identifier(place.schema, "gofastr_queue_schema")
    with Queue.open(postgres.url) as queue:
        owner.execute(sql.SQL(damage).format(table=table(postgres), versions=versions))

        (found,) = [one for one in queue.diagnose() if one.subject == "schema"]

    assert found.level is Level.BROKEN
    assert said in found.text


def test_a_version_is_judged_by_the_oldest_that_will_do() -> None:
    assert postgres_diagnosis.version(120_022).level is Level.BROKEN
    assert postgres_diagnosis.version(130_000) == Finding("version", Level.OK, "PostgreSQL 13.0")


def test_an_older_server_is_examined_too(postgres_before: Harness) -> None:
    with Queue(postgres_before.open()) as queue:
        assert {one.subject for one in queue.diagnose()} >= SUBJECTS
