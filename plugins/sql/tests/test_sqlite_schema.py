"""The schema: made once, versioned, and never at the cost of what else is in the file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gofastr_queue import (
    BackendUnavailable,
    InvalidOption,
    NoJob,
    Queue,
    QueueError,
    SchemaTooNew,
    UnsupportedOperation,
)
from gofastr_queue.capabilities import Capability


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def other(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody else to the same file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        yield connection


def contents(connection: sqlite3.Connection) -> list[str]:
    return list(connection.iterdump())


def test_the_users_own_tables_and_user_version_stay(file: Path, other: sqlite3.Connection) -> None:
    other.execute("PRAGMA user_version = 42")
    other.execute("PRAGMA application_id = 7")
    other.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, total)")
    other.execute("INSERT INTO orders VALUES (1, 99)")

    with Queue.open(f"sqlite:///{file}") as queue:
        queue.enqueue("mail")
        queue.purge("")

    assert other.execute("PRAGMA user_version").fetchone() == (42,)
    assert other.execute("PRAGMA application_id").fetchone() == (7,)
    assert other.execute("SELECT * FROM orders").fetchall() == [(1, 99)]


def test_opening_again_changes_nothing(file: Path, other: sqlite3.Connection) -> None:
    with Queue.open(f"sqlite:///{file}") as queue:
        queue.enqueue("mail", {"to": "user@example.com"}, id="1")
    before = contents(other)

    Queue.open(f"sqlite:///{file}").close()

    assert contents(other) == before


def test_two_tables_in_one_file_never_see_each_other(file: Path) -> None:
    with (
        Queue.open(f"sqlite:///{file}?table=mails") as mails,
        Queue.open(f"sqlite:///{file}", table="mails_2") as others,
        Queue.open(f"sqlite:///{file}") as default,
    ):
        mails.enqueue("mail", id="1")
        others.enqueue("mail", id="1", max_attempts=1)
        others.nack(others.dequeue())

        with pytest.raises(NoJob):
            default.dequeue()
        assert mails.purge("failed") == 0
        assert mails.stats() == {"pending": 1, "claimed": 0, "failed": 0}
        assert others.stats() == {"pending": 0, "claimed": 0, "failed": 1}


@pytest.mark.parametrize(
    "table",
    [
        "",
        " ",
        "1jobs",
        "x" * 49,
        "my-jobs",
        "my jobs",
        'x"; DROP TABLE orders; --',
        "x'",
        "x]",
        "`x`",
        "x;",
        "x\x00",
        "temp.x",
        "main.queue_jobs",
        "jóbs",
        "\uff4aobs",
        "jobs\u2019",
        "{columns}",
        "jobs()",
    ],
    ids=ascii,
)
def test_a_table_name_that_is_no_identifier_is_refused_before_a_file_is_made(
    file: Path, table: str
) -> None:
    with pytest.raises(InvalidOption, match=r"table .* is no plain identifier: a letter"):
        Queue.open(f"sqlite:///{file}", table=table)

    assert not file.exists()


def test_a_hostile_table_name_in_the_url_is_refused_too(file: Path) -> None:
    with pytest.raises(InvalidOption, match="no plain identifier"):
        Queue.open(f"sqlite:///{file}?table=x%22%3BDROP%20TABLE%20orders%3B--")

    assert not file.exists()


@pytest.mark.parametrize("table", ["order", "select", "group", "index", "table", "x" * 48])
def test_every_identifier_is_a_possible_table(file: Path, table: str) -> None:
    with Queue.open(f"sqlite:///{file}", table=table) as queue:
        id = queue.enqueue("mail", max_attempts=1).id
        queue.nack(queue.dequeue())

        assert queue.replay(id)
        assert queue.ack(queue.dequeue())
        assert queue.purge("") == 0


@pytest.mark.parametrize("table", ["sqlite_jobs", "sqlite_master", "gofastr_queue_schema"])
def test_a_reserved_name_is_refused_and_nothing_is_made(file: Path, table: str) -> None:
    Queue.open(f"sqlite:///{file}").close()
    with closing(sqlite3.connect(file)) as other:
        before = contents(other)

        with pytest.raises(QueueError, match=table):
            Queue.open(f"sqlite:///{file}", table=table)

        assert contents(other) == before


@pytest.mark.parametrize(
    "made",
    [
        "CREATE TABLE queue_jobs (id TEXT, text TEXT)",
        "CREATE VIEW queue_jobs AS SELECT 1 AS id",
        "CREATE TABLE Queue_Jobs (id TEXT)",
        "CREATE TABLE notes (id); CREATE INDEX queue_jobs_later ON notes (id)",
        "CREATE TABLE gofastr_queue_schema (other TEXT)",
    ],
)
def test_what_has_our_name_and_is_not_ours_is_refused_and_left_as_it_is(
    file: Path, other: sqlite3.Connection, made: str
) -> None:
    other.executescript(made)
    before = contents(other)

    with pytest.raises(BackendUnavailable, match=r"jobs.db|'queue_jobs'"):
        Queue.open(f"sqlite:///{file}")

    assert contents(other) == before


def test_a_later_schema_is_refused_with_both_versions(
    file: Path, other: sqlite3.Connection
) -> None:
    Queue.open(f"sqlite:///{file}").close()
    other.execute("UPDATE gofastr_queue_schema SET version = 99")
    before = contents(other)

    with pytest.raises(
        SchemaTooNew, match=r"'queue_jobs' has schema version 99, .* knows 2; upgrade"
    ):
        Queue.open(f"sqlite:///{file}")

    assert contents(other) == before


def test_a_later_schema_of_one_table_leaves_the_others_usable(
    file: Path, other: sqlite3.Connection
) -> None:
    Queue.open(f"sqlite:///{file}", table="newer").close()
    other.execute("UPDATE gofastr_queue_schema SET version = 99")

    with Queue.open(f"sqlite:///{file}", table="mine") as queue:
        queue.enqueue("mail")
    with pytest.raises(SchemaTooNew):
        Queue.open(f"sqlite:///{file}", table="newer")


def test_a_failed_opening_lets_go_of_the_file(file: Path, other: sqlite3.Connection) -> None:
    other.execute("CREATE TABLE queue_jobs (id TEXT)")

    for _ in range(3):
        with pytest.raises(BackendUnavailable):
            Queue.open(f"sqlite:///{file}")

    other.execute("BEGIN EXCLUSIVE")
    other.execute("COMMIT")


def test_the_plugins_of_sqlite_utils_are_not_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    info = tmp_path / "nosy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nosy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sqlite_utils]\nnosy = nosy\n")
    (tmp_path / "nosy.py").write_text(
        "from sqlite_utils import hookimpl\n"
        "@hookimpl\n"
        f"def prepare_connection(conn): open({str(canary)!r}, 'a').write('x')\n"
    )

    def run(code: str) -> None:
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            check=True,
            timeout=60,
        )

    run(
        "from gofastr_queue import Queue\n"
        f"Queue.open('sqlite:///{tmp_path}/jobs.db').enqueue('mail')"
    )
    assert not canary.exists()

    run("import sqlite_utils; sqlite_utils.Database(memory=True)")
    assert canary.exists(), "the plugin of this test works where plugins are on"


def test_what_the_backend_declares_is_what_a_file_can_promise(file: Path) -> None:
    with Queue.open(f"sqlite:///{file}") as queue:
        assert set(Capability) - queue.capabilities == {Capability.SERVER_CLOCK}
    with pytest.raises(UnsupportedOperation, match="server clock"):
        Queue.open(f"sqlite:///{file}", requires={Capability.SERVER_CLOCK})
