"""The distribution's face: each backend by name, and PostgreSQL's only where its driver is."""

from __future__ import annotations

import subprocess
import sys

import pytest

import gofastr_queue_sql
from gofastr_queue_sql.postgres import PostgresBackend

WITHOUT = """
import sys
sys.modules["{driver}"] = None
import gofastr_queue_sql
assert gofastr_queue_sql.SqliteBackend
try:
    from gofastr_queue_sql import PostgresBackend
except ImportError as error:
    print(error)
from gofastr_queue import QueueError, Queue
Queue.open("sqlite:///{folder}/jobs.db").close()
try:
    Queue.open("postgresql://me:s3cr3t@host/db")
except QueueError as error:
    print(error)
"""


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout


@pytest.mark.parametrize("driver", ["psycopg", "psycopg_pool"])
def test_without_its_driver_only_postgresql_is_missing_and_says_what_to_install(
    driver: str, tmp_path: object
) -> None:
    by_name, by_url = run(WITHOUT.format(driver=driver, folder=tmp_path)).splitlines()

    for said in (by_name, by_url):
        assert driver in said
        assert "pip install 'gofastr-queue[postgres]'" in said
        assert "s3cr3t" not in said


def test_both_backends_are_named_by_the_package() -> None:
    assert gofastr_queue_sql.PostgresBackend is PostgresBackend
    assert sorted(gofastr_queue_sql.__all__) == ["PostgresBackend", "SqliteBackend"]
    with pytest.raises(AttributeError, match="no attribute 'MysqlBackend'"):
        getattr(gofastr_queue_sql, "MysqlBackend")  # noqa: B009 - type checkers know better


def test_importing_the_package_imports_no_driver_of_postgresql() -> None:
    loaded = run("import sys, gofastr_queue_sql; print('psycopg' in sys.modules)")

    assert loaded == "False\n"


def test_the_driver_is_imported_when_it_is_asked_for() -> None:
    loaded = run(
        "import sys\n"
        "from gofastr_queue_sql import PostgresBackend, SqliteBackend\n"
        "print(PostgresBackend.name, SqliteBackend.name, 'psycopg' in sys.modules)"
    )

    assert loaded == "postgresql sqlite True\n"


def test_opening_a_queue_that_is_there_imports_nothing_that_makes_one(tmp_path: object) -> None:
    opened = (
        "import sys\n"
        "from gofastr_queue import Queue\n"
        f"Queue.open('sqlite:///{tmp_path}/jobs.db').close()\n"
        "print('sqlite_utils' in sys.modules)"
    )

    assert [run(opened), run(opened)] == ["True\n", "False\n"]
