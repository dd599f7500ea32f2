"""What an examination says of SQLite files that are well, and of those that are not."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gofastr_queue import Queue
from gofastr_queue.records import Finding, Level
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import SqliteBackend, sqlite_diagnosis


def own(database: sqlite3.Connection) -> Queue:
    return Queue(SqliteBackend(database))


def of(queue: Queue, subject: str) -> Finding:
    (found,) = [one for one in queue.diagnose() if one.subject == subject]
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def connection(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, check_same_thread=False)) as connection:
        yield connection


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mounts = tmp_path / "mountinfo"
    monkeypatch.setattr(sqlite_diagnosis, "MOUNTS", mounts)
    return mounts


def test_by_default_a_commit_outlasts_a_power_cut(sqlite: Harness) -> None:
    with Queue(sqlite.open()) as queue:
        assert of(queue, "durability") == Finding(
            "durability",
            Level.OK,
            "with journal_mode wal and synchronous full a commit outlasts a power cut",
        )
        assert {one.level for one in queue.diagnose()} <= {Level.OK, Level.NOTE, Level.WARNING}
        subjects = [one.subject for one in queue.diagnose() if one.subject != "filesystem"]
        assert subjects == [
            *("version", "durability", "access", "schema", "clock"),
            *("leases", "backlog"),
        ]


def test_synchronous_normal_is_a_warning_that_names_the_remedy(file: Path) -> None:
    with Queue.open(f"sqlite:///{file}?synchronous=normal") as queue:
        found = of(queue, "durability")

    assert found.level is Level.WARNING
    assert "a power cut may lose the last accepted jobs" in found.text
    assert "synchronous=full" in found.remedy


def test_synchronous_that_was_turned_off_breaks_a_promise(connection: sqlite3.Connection) -> None:
    with own(connection) as queue:
        connection.execute("PRAGMA synchronous = OFF")

        found = of(queue, "durability")

    assert found.level is Level.BROKEN
    assert "synchronous off" in found.text


@pytest.mark.parametrize(
    ("journal", "synchronous", "level"),
    [
        ("wal", "extra", Level.OK),
        ("truncate", "full", Level.OK),
        ("persist", "full", Level.OK),
        ("delete", "extra", Level.OK),
        ("delete", "full", Level.WARNING),
        ("delete", "off", Level.BROKEN),
        ("memory", "full", Level.BROKEN),
        ("off", "full", Level.BROKEN),
    ],
)
def test_other_journals_of_a_connection_of_yours_are_judged_too(
    connection: sqlite3.Connection, journal: str, synchronous: str, level: Level
) -> None:
    connection.execute(f"PRAGMA journal_mode = {journal}")
    connection.row_factory = sqlite3.Row
    with own(connection) as queue:
        connection.execute(f"PRAGMA synchronous = {synchronous}")

        assert of(queue, "durability").level is level
        noted = [one.text for one in queue.diagnose() if one.subject == "journal"]

    assert len(noted) == (journal != "wal")


@pytest.mark.parametrize(
    ("version", "journal", "level"),
    [
        ((3, 36, 9), "wal", Level.BROKEN),
        ((3, 37, 0), "wal", Level.WARNING),
        ((3, 37, 0), "truncate", Level.OK),
        ((3, 44, 5), "wal", Level.WARNING),
        ((3, 44, 6), "wal", Level.OK),
        ((3, 50, 7), "wal", Level.OK),
        ((3, 51, 2), "wal", Level.WARNING),
        ((3, 51, 3), "wal", Level.OK),
        ((4, 0, 0), "wal", Level.OK),
    ],
)
def test_a_version_is_judged_by_what_it_is_known_for(
    version: tuple[int, ...], journal: str, level: Level
) -> None:
    found = sqlite_diagnosis.version(version, journal)

    assert found.level is level
    assert ".".join(map(str, version)) in found.text


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        ("ext4", Level.OK),
        ("nfs4", Level.WARNING),
        ("cifs", Level.WARNING),
        ("tmpfs", Level.WARNING),
        ("overlay", Level.NOTE),
    ],
)
def test_the_filesystem_of_the_file_is_judged(
    file: Path, mounts: Path, kind: str, level: Level
) -> None:
    mounts.write_text(
        "21 1 8:1 / / rw,relatime shared:1 - btrfs /dev/sda1 rw\n"
        f"22 21 0:30 / {file.parent}/else\\040where rw - nfs host:/a rw\n"
        f"23 21 0:31 / {file.parent} rw shared:2 master:1 - {kind} some rw\n"
        "24 21 0:32 / /proc rw - proc proc rw\n"
    )

    with Queue.open(f"sqlite:///{file}") as queue:
        found = of(queue, "filesystem")

    assert found.level is level
    assert found.text.startswith(f"the file is on {kind}")


def test_a_mount_with_spaces_in_its_name_is_known(tmp_path: Path, mounts: Path) -> None:
    mounts.write_text(
        "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"22 21 0:30 / {tmp_path}/else\\040where rw - nfs host:/a rw\n"
    )

    assert sqlite_diagnosis.filesystem_of(f"{tmp_path}/else where/jobs.db") == "nfs"
    assert sqlite_diagnosis.filesystem_of(f"{tmp_path}/elsewhere/jobs.db") == "ext4"


def test_where_no_system_tells_of_filesystems_nothing_is_said(file: Path, mounts: Path) -> None:
    assert not mounts.exists()
    with Queue.open(f"sqlite:///{file}") as queue:
        assert "filesystem" not in {one.subject for one in queue.diagnose()}


@pytest.mark.skipif(os.name != "posix", reason="files have other rights there")
@pytest.mark.parametrize(
    ("folder", "mode", "level", "said"),
    [
        (0o755, None, Level.OK, "not every user"),
        (0o755, 0o660, Level.OK, "not every user"),
        (0o755, 0o644, Level.WARNING, "may read the file"),
        (0o755, 0o666, Level.WARNING, "may write to the file"),
        (0o700, 0o666, Level.OK, "not every user"),
    ],
)
def test_who_may_open_the_file_is_judged(
    open_folder: Path, folder: int, mode: int | None, level: Level, said: str
) -> None:
    file = open_folder / "inner" / "jobs.db"
    file.parent.mkdir()
    with Queue.open(f"sqlite:///{file}") as queue:
        file.parent.chmod(folder)
        if mode is not None:
            file.chmod(mode)

        found = of(queue, "access")

    assert (found.level, said in found.text) == (level, True)
    assert "chmod o-rw" in found.remedy or level is Level.OK


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DROP TABLE queue_jobs", "'queue_jobs' is not there"),
        ("DELETE FROM gofastr_queue_schema", "'queue_jobs' is not there"),
        ("DROP TABLE gofastr_queue_schema", "'queue_jobs' is not there"),
        ("UPDATE gofastr_queue_schema SET version = 99", "has schema version 99"),
    ],
)
def test_a_schema_that_was_lost_or_upgraded_meanwhile_is_broken(
    file: Path, connection: sqlite3.Connection, damage: str, said: str
) -> None:
    with Queue.open(f"sqlite:///{file}") as queue:
        assert of(queue, "schema").level is Level.OK
        with connection:
            connection.execute(damage)

        found = of(queue, "schema")

    assert found.level is Level.BROKEN
    assert said in found.text
