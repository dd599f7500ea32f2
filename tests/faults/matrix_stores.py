"""A new store for each case, on servers that are started once."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from plugins.redis.tests.audit import audit
from tests.faults import matrix_cases, matrix_grid
from tests.faults.matrix_cases import Case
from tests.faults.matrix_run import Children, Store, run
from tests.faults.matrix_work import Ledger
from tests.servers.postgres import Address as PostgresAddress
from tests.servers.redis import Address as RedisAddress
from tests.servers.redis_tools import connected

FULL = os.environ.get("GOFASTR_FAULTS") == "1"
"""Whether to run everything rather than what is quick."""

_numbers = itertools.count(1)


def cases(backend: str) -> list[Case]:
    """Return the cases to run now."""
    return matrix_cases.every(backend) if FULL else matrix_cases.some(backend)


def sqlite_store(folder: Path) -> Store:
    """Return a file that is not there yet."""
    file = folder / "jobs.db"

    def empty() -> bool:
        with closing(sqlite3.connect(file)) as connection:
            return not connection.execute("SELECT name FROM sqlite_master").fetchall()

    def wrong() -> list[str]:
        with closing(sqlite3.connect(file)) as connection:
            said = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        return [line for line in said if line != "ok"]

    return Store("sqlite", f"sqlite:///{file}", empty, wrong)


def postgres_store(address: PostgresAddress) -> Store:
    """Return a schema that is not there yet."""
    schema = f"matrix_{os.getpid()}_{next(_numbers)}"

    def empty() -> bool:
        with psycopg.connect(address.url()) as connection:
            asked = "SELECT FROM pg_namespace WHERE nspname = %s"
            return connection.execute(asked, (schema,)).fetchone() is None

    return Store("postgresql", f"{address.url()}?schema={schema}", empty)


def redis_store(address: RedisAddress) -> Store:
    """Return a name that nobody has used."""
    name = f"matrix:{os.getpid()}:{next(_numbers)}"

    def wrong() -> list[str]:
        with connected(address) as client:
            return audit(client, name)

    return Store("redis", f"{address.url()}?name={name}", lambda: True, wrong)


def judge(
    case: Case, store: Store, children: Children, folder: Path, request: pytest.FixtureRequest
) -> None:
    """Run a case, keep its verdict for the grid, and fail with what is wrong."""
    verdict = run(case, store, children, Ledger(folder / "ledger"))
    told = {
        "backend": store.backend,
        "point": case.point,
        "work": case.work,
        "hit": case.hit,
        "end": case.end,
        "lost": verdict.lost,
        "doubled": verdict.doubled,
        "seconds": verdict.seconds,
        "problems": bool(verdict.problems),
    }
    request.node.user_properties.append((matrix_grid.PROPERTY, json.dumps(told)))
    if verdict.lost or verdict.doubled or verdict.problems:
        counted = f"lost {verdict.lost}, doubled {verdict.doubled}"
        pytest.fail("\n".join([counted, *verdict.problems[:20]]), pytrace=False)
