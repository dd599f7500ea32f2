"""Which file a queue is, and what is said of files that cannot be one."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gofastr_queue import BackendUnavailable, InvalidOption, Job, NoJob, Queue, StoreFull
from gofastr_queue_sql import SqliteBackend


def own(database: Path | sqlite3.Connection) -> Any:
    """Return a backend on a path or connection of the caller's."""
    return SqliteBackend(database)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder with its bytes."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_relative_url_is_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)

    with Queue.open("sqlite:///sub/jobs.db") as queue:
        monkeypatch.chdir("/")  # the file is settled at open
        queue.enqueue("mail")

    assert (tmp_path / "sub" / "jobs.db").is_file()


def test_an_absolute_url_has_four_slashes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    assert url.startswith("sqlite:////")

    with Queue.open(url) as queue:
        queue.enqueue("mail")
    with Queue(own(tmp_path / "jobs.db")) as again:
        assert again.stats()["pending"] == 1


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a%20b.db", "a b.db"),
        ("a b.db", "a b.db"),
        ("a%3Fb.db", "a?b.db"),
        ("a%23b.db", "a#b.db"),
        ("a%25b.db", "a%b.db"),
        ("a%2520b.db", "a%20b.db"),
        ("gr%C3%BC%C3%9Fe.db", "grüße.db"),
        ("grüße.db", "grüße.db"),
        ("a+b.db", "a+b.db"),
        ("a:b@c.db", "a:b@c.db"),
    ],
)
def test_percent_encoding_is_undone_once(written: str, name: str, tmp_path: Path) -> None:
    with Queue.open(f"sqlite:///{tmp_path}/{written}"):
        assert (tmp_path / name).is_file()


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite://jobs.db", "sqlite://host/jobs.db", "sqlite:///?table=x"],
)
def test_a_url_without_a_file_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(
        InvalidOption, match=r"after three slashes, for instance 'sqlite:///jobs.db'"
    ):
        Queue.open(url)


def test_a_file_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match=r"NUL|null"):
        Queue.open(f"sqlite:///{tmp_path}/a%00b.db")


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite:///%3Amemory%3A"])
def test_a_database_in_memory_is_refused_with_the_remedy(url: str) -> None:
    with pytest.raises(InvalidOption, match="use 'memory://'"):
        Queue.open(url)


def test_a_missing_folder_is_named_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match=r"missing/jobs.db.*create its directory"):
        Queue.open(f"sqlite:///{tmp_path}/missing/jobs.db")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").mkdir()

    with pytest.raises(BackendUnavailable, match=r"jobs.db.*check that it is a file"):
        Queue.open(f"sqlite:///{tmp_path}/jobs.db")


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").write_bytes(b"these are my notes, not a database\n" * 200)
    before = snapshot(tmp_path)

    with pytest.raises(BackendUnavailable, match="no readable SQLite database: give another file"):
        Queue.open(f"sqlite:///{tmp_path}/jobs.db")

    assert snapshot(tmp_path) == before


def test_a_file_that_may_only_be_read_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "jobs.db"
    sqlite3.connect(file).execute("CREATE TABLE notes (text)").connection.close()
    before = file.read_bytes()
    reader = sqlite3.connect(f"file:{file}?mode=ro", uri=True, check_same_thread=False)

    with pytest.raises(BackendUnavailable, match="may not be written: check its permissions"):
        SqliteBackend(reader)

    reader.close()
    assert file.read_bytes() == before


@pytest.fixture
def permissive() -> Iterator[None]:
    """Let whoever makes a file decide its rights."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="files have other rights there")
@pytest.mark.usefixtures("permissive")
def test_a_new_file_and_those_beside_it_are_for_their_owner_alone(tmp_path: Path) -> None:
    with Queue.open(f"sqlite:///{tmp_path}/jobs.db") as queue:
        queue.enqueue("mail")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert modes == {"jobs.db": 0o600, "jobs.db-wal": 0o600, "jobs.db-shm": 0o600}


@pytest.mark.skipif(os.name != "posix", reason="files have other rights there")
@pytest.mark.parametrize("mode", [0o600, 0o660, 0o664])
def test_a_file_that_is_there_keeps_its_rights(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "jobs.db"
    file.touch()
    file.chmod(mode)

    with Queue.open(f"sqlite:///{file}") as queue:
        queue.enqueue("mail")
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert modes == {mode}


WITHOUT_PERMISSION = """
import os, sys
from gofastr_queue import BackendUnavailable, Queue

file = sys.argv[1]
Queue.open(f"sqlite:///{file}").close()
os.chmod(file, 0o444)
if os.geteuid() == 0:
    os.seteuid(65534)  # root may write every file
try:
    Queue.open(f"sqlite:///{file}", table="other")
except BackendUnavailable as error:
    print(error)
"""


def test_a_file_without_write_permission_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to others
        Path(folder).chmod(0o755)
        said = subprocess.run(
            [sys.executable, "-c", WITHOUT_PERMISSION, f"{folder}/jobs.db"],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    assert "jobs.db" in said
    assert "check its permissions" in said or "may write" in said


OPERATIONS: dict[str, Callable[[Queue], Any]] = {
    "dequeue": lambda queue: queue.dequeue(),
    "enqueue": lambda queue: queue.enqueue("mail"),
    "stats": lambda queue: queue.stats(),
    "list_jobs": lambda queue: queue.list_jobs(),
    "reclaim": lambda queue: queue.reclaim(),
    "purge": lambda queue: queue.purge(""),
    "replay_many": lambda queue: queue.replay_many(),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_damaged_file_is_a_backend_failure_and_never_an_empty_queue(
    operation: str, tmp_path: Path
) -> None:
    file = tmp_path / "jobs.db"
    with Queue.open(f"sqlite:///{file}") as queue:
        queue.enqueue_many([Job(type="mail", payload="x" * 500)] * 200)
        queue.claim(20)
    with file.open("r+b") as damaged:  # keeps the header and the schema
        damaged.seek(4096 * 2)
        damaged.write(b"\xa5" * (file.stat().st_size - 4096 * 2))

    with (
        pytest.raises(BackendUnavailable, match=r"jobs.db.*SQLite said"),
        Queue.open(f"sqlite:///{file}") as queue,
    ):
        OPERATIONS[operation](queue)


def test_a_table_that_vanished_is_a_backend_failure(tmp_path: Path) -> None:
    with Queue.open(f"sqlite:///{tmp_path}/jobs.db") as queue:
        other = sqlite3.connect(tmp_path / "jobs.db")
        other.execute("DROP TABLE queue_jobs").connection.close()

        with pytest.raises(BackendUnavailable, match="no such table: queue_jobs"):
            queue.dequeue()


def test_no_job_is_no_failure_of_the_backend(tmp_path: Path) -> None:
    with Queue.open(f"sqlite:///{tmp_path}/jobs.db") as queue, pytest.raises(NoJob) as caught:
        queue.dequeue()

    assert not isinstance(caught.value, BackendUnavailable)
    assert not issubclass(BackendUnavailable, NoJob)


def fill(queue: Queue) -> list[str]:
    """Enqueue until the store is full; return the ids that were accepted."""
    accepted = []
    for number in range(10_000):
        try:
            accepted.append(queue.enqueue("mail", "x" * 2_000, id=str(number)).id)
        except StoreFull:
            return accepted
    raise AssertionError("the store was never full")


def test_a_full_disk_is_told_and_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "jobs.db", check_same_thread=False)
    with Queue(own(connection)) as queue:
        connection.execute("PRAGMA max_page_count = 60")
        accepted = fill(queue)
        assert len(accepted) > 10

        with pytest.raises(StoreFull, match=r"no room for .*jobs.db': free disk space or raise"):
            queue.enqueue_many([Job(type="mail", payload="x" * 2_000)] * 50)
        assert queue.stats()["pending"] == len(accepted)

        connection.execute("PRAGMA max_page_count = 1000000")
        queue.enqueue("mail", id="after")
        assert {claim.job.id for claim in queue.claim(1_000)} == {*accepted, "after"}
    connection.close()


def test_jobs_can_be_worked_off_while_the_disk_is_full(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "jobs.db", check_same_thread=False)
    with Queue(own(connection)) as queue:
        connection.execute("PRAGMA max_page_count = 60")
        accepted = fill(queue)

        claims = queue.claim(len(accepted))
        assert [claim.job.id for claim in claims] == accepted
        assert queue.ack_many(claims) == claims

        assert fill(queue)
    connection.close()
