from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gofastr_queue.backends import connect
from gofastr_queue_conformance import Harness


def sqlite_harness(folder: Path) -> Harness:
    """Give the kit a SQLite file in ``folder``."""
    file = folder / "jobs.db"
    url = f"sqlite:///{file}"

    def damage(id: str) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            changed = connection.execute(
                "UPDATE queue_jobs SET payload = '{no JSON' WHERE id = ?", (id,)
            )
            assert changed.rowcount == 1

    def begin() -> sqlite3.Connection:
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("BEGIN")
        return connection

    return Harness(open=lambda: connect(url), damage=damage, url=url, begin=begin)


@pytest.fixture
def sqlite(tmp_path: Path) -> Harness:
    return sqlite_harness(tmp_path)
