from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psycopg
import pytest
from attrs import evolve
from psycopg import sql
from tests.servers.postgres import Address, Server, any_server, installations
from tests.servers.sessions import random_sessions

from gofastr_queue import Queue
from gofastr_queue.backends import connect
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.certifying.emptying import Broom
from gofastr_queue_sql import postgres_schema, postgres_url
from gofastr_queue_sql.postgres import PostgresBackend


def sqlite_harness(folder: Path) -> Harness:
    """Give the kit a SQLite file in ``folder``."""
    file = folder / "jobs.db"
    url = f"sqlite:///{file}"

    def begin() -> sqlite3.Connection:
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("BEGIN")
        return connection

    return Harness(open=lambda: connect(url), url=url, begin=begin)


@pytest.fixture
def sqlite(tmp_path: Path) -> Harness:
    return sqlite_harness(tmp_path)


_numbers = itertools.count()

Kept = tuple[Harness, Broom]


@contextmanager
def postgres_harness(
    address: Address, *, role: str | None = None, settings: str = "", lossy: bool = False
) -> Iterator[Harness]:
    """Give the kit a PostgreSQL schema of its own.

    With ``role``, its owner makes the schema and that role, with just the printed grants, works.
    ``settings`` are those of every session, for instance ``-c work_mem=64kB``.  ``lossy`` lets the
    kit lose replies on the way.
    """
    schema = f"test_{os.getpid()}_{next(_numbers)}"
    owner = address.url()
    options = f"?schema={schema}" + (f"&options={quote(settings)}" if settings else "")

    def url_through(host: str, port: int) -> str:
        parts = urlsplit(owner if role is None else address.url(user=role))
        netloc = f"{parts.netloc.rpartition('@')[0]}@{host}:{port}"
        return parts._replace(netloc=netloc).geturl() + options

    parts = urlsplit(owner)
    here = (parts.hostname or "", parts.port or 5432)
    url = url_through(*here)

    def begin() -> psycopg.Connection:
        connection = psycopg.connect(owner, options=f"-c search_path={schema}")
        connection.execute("SELECT 1")
        return connection

    if role is not None:
        connect(f"{owner}?schema={schema}").queue_close()
        _grant(owner, role, schema)
    yield Harness(
        open=lambda: connect(url),
        url=url,
        begin=begin,
        address=here if lossy else None,
        through=None if not lossy else lambda host, port: connect(url_through(host, port)),
    )
    with psycopg.connect(owner) as connection:
        connection.execute(
            sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema))
        )


def _grant(owner: str, role: str, schema: str) -> None:
    """Give a role what the printed schema says that it needs, and no more."""
    printed = postgres_schema.text(f"{owner}?schema={schema}")
    grants = [line.removeprefix("-- ") for line in printed.splitlines() if "GRANT" in line]
    password = urlsplit(owner).password or ""
    with psycopg.connect(owner) as connection:
        known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
        if known is None:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(unquote(password))
                )
            )
        for grant in grants:
            connection.execute(grant.replace(" worker", f' "{role}"').encode())


def _keep(harness: Harness) -> Iterator[Kept]:
    with Queue(harness.open()) as queue:
        broom = Broom(harness.open, queue.capabilities)
    yield harness, broom
    broom.put_away()


@pytest.fixture
def postgres(postgres_server: Address) -> Iterator[Harness]:
    """Give the kit the newest PostgreSQL, as the owner of everything."""
    with postgres_harness(postgres_server, lossy=True) as harness:
        yield harness


@pytest.fixture(scope="module")
def _kept(postgres_server: Address) -> Iterator[Kept]:
    with postgres_harness(postgres_server, lossy=True) as harness:
        yield from _keep(harness)


@pytest.fixture
def postgres_emptied(_kept: Kept) -> Iterator[Harness]:
    """Give the same, in a schema that is emptied after each case: to make one takes longer."""
    harness, broom = _kept
    yield harness
    broom.sweep()


@pytest.fixture
def postgres_before(older_postgres: Address) -> Iterator[Harness]:
    """Give the kit an older PostgreSQL."""
    with postgres_harness(older_postgres) as harness:
        yield harness


@pytest.fixture
def postgres_as_worker(postgres_server: Address) -> Iterator[Harness]:
    """Give the kit a role that may work with a queue, but not make one."""
    with postgres_harness(postgres_server, role="worker") as harness:
        yield harness


@pytest.fixture(scope="module")
def _kept_restrained(postgres_server: Address) -> Iterator[Kept]:
    off = ("hashjoin", "mergejoin", "material", "hashagg", "sort", "bitmapscan", "seqscan")
    settings = " ".join(f"-c enable_{name}=off" for name in off)
    with postgres_harness(postgres_server, role="worker", settings=settings) as harness:
        yield from _keep(harness)


@pytest.fixture
def postgres_restrained(_kept_restrained: Kept) -> Iterator[Harness]:
    """Give such a role, and a planner that knows only nested loops; emptied after each case.

    Those run what is inside them often.
    """
    harness, broom = _kept_restrained
    yield harness
    broom.sweep()


@pytest.fixture
def postgres_pooled(oldest_postgres: Address) -> Iterator[Harness]:
    """Give the kit a caller's pool whose sessions are shared as by a pooler of transactions.

    It is that of the oldest PostgreSQL here, which so runs the whole kit too.
    """
    with postgres_harness(oldest_postgres) as harness:
        place = postgres_url.read(harness.url, None, None, None, None)
        with random_sessions(place.dsn) as pool:
            yield evolve(harness, open=lambda: PostgresBackend(pool, schema=place.schema))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Address]:
    """Give the embedded PostgreSQL, or the one of GOFASTR_TEST_POSTGRES."""
    with any_server(fsync="off") as address:
        yield address


@pytest.fixture(scope="session")
def oldest_postgres() -> Iterator[Address]:
    """Give the oldest PostgreSQL of this machine; the embedded one where there is no other."""
    oldest = min(installations(), key=lambda each: int(each.name))
    with Server(oldest, fsync="off") as server:
        yield server.address


@pytest.fixture(scope="session")
def older_postgres(oldest_postgres: Address) -> Address:
    """Give the oldest PostgreSQL of this machine that is older than the embedded one."""
    newest, *others = installations()
    if all(each.name == newest.name for each in others):
        pytest.skip(f"no PostgreSQL before {newest.name} is installed")
    return oldest_postgres
