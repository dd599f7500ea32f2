"""No password in any message, repr, log or traceback, however it was given and whatever fails."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool
from tests.servers.postgres import Address
from tests.servers.roles import Role, any_role

from gofastr_queue import Queue, QueueError, schemas
from gofastr_queue.testing import drain
from gofastr_queue_conformance import Harness
from gofastr_queue_conformance.watching import eventually
from gofastr_queue_sql import PostgresBackend

PASSWORD = "s3cr3t/%40:x"  # noqa: S105 - the canary of these tests
CODED = quote(PASSWORD, safe="")
CANARY = "s3cr3t"
"""In the password however it is written."""

HERE = "127.0.0.1:1"

URLS = [
    f"postgresql://me:{CODED}@{HERE}/db",
    f"postgres://me:{CODED}@{HERE}/db",
    f"postgresql://me:{PASSWORD}@{HERE}/db",
    f"postgresql://me:{PASSWORD}@{HERE},localhost:2/db",
    f"postgresql://me:{CANARY}@x@{HERE}/db",
    f"postgresql://me:x@{CANARY}@{HERE}/db",
    f"postgresql://me:12/{CANARY}@{HERE}/db",
    f"postgresql://me:12?{CANARY}@{HERE}/db",
    f"postgresql://me:12#{CANARY}@{HERE}/db",
    f"postgresql://me:12?{CANARY}=@{HERE}/db",
    f"postgresql://me:{CANARY}",
    f"postgresql://me%3A{CODED}@{HERE}/db",
    f"postgresql://me%3A{CANARY}%40{HERE}/db",
    f"postgresql://me@{HERE}/db?password={CODED}",
    f"postgresql://me@{HERE}/db?password={PASSWORD}",
    f"postgresql://me@{HERE}/db?p%61ssword={CODED}&sslpassword={CODED}",
    f"postgresql://me@{HERE}/db?pasword={CODED}",
    f"postgresql://me@{HERE}/db?password={CODED}&port={CANARY}",
    f"postgresql://me:{CODED}@{HERE}/db?sslmode=require",
    f"postgresql://me:{CODED}@{HERE}/db?listen={quote(CODED)}",
    f"postgresql://me:{CODED}@[::1]:1/db",
    f"postgresql://me:{CODED}@[::1/db",
    f"postgresql://me:{PASSWORD}@[::1]:1/db",
    f"postgresql://me:{CODED}@%2Fnowhere/db",
    f"postgresql://me:{CODED}@/db?host=/nowhere",
    f"postgresql://me:{PASSWORD}@/db?host=/nowhere",
    f"postgresql://me:{CODED}@{HERE},localhost:2/db",
    f"postgresql://me:{CODED}@no-such-host.invalid/db",
    f"postgresql://me:{CODED}@{HERE}/db?table=my-jobs",
    f"postgresql://me:{CODED}@{HERE}/db?pool_size=many",
    f"postgresql://x/host=x password={CODED}",
]

DSNS = [
    f"host=127.0.0.1 port=1 user=me password={PASSWORD}",
    f"host=127.0.0.1 port=1 user=me password='{PASSWORD}'",
    f"host=127.0.0.1 port=1 user=me password='{PASSWORD}",
    f"host=127.0.0.1 port=1 user=me password={PASSWORD} {CANARY}",
    f"host=127.0.0.1 port=1 user=me pasword={PASSWORD}",
    f"host=127.0.0.1 port=1 user=me:{PASSWORD}",
    f"host=me:{PASSWORD}@127.0.0.1 port=1",
    f"host=127.0.0.1 port={PASSWORD}",
    f"host=127.0.0.1 port=1 dbname='postgresql://me:{PASSWORD}@host/db'",
    f"host=127.0.0.1 port=1 dbname='password={PASSWORD}'",
    f"host=/nowhere user=me password={PASSWORD}",
    f"host=::1 port=1 user=me password={PASSWORD}",
    f"host=127.0.0.1,localhost port=1,2 user=me password={PASSWORD}",
    PASSWORD,
]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Take down every log record of every library."""
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
def role(postgres_server: Address) -> Iterator[Role]:
    with any_role(postgres_server, PASSWORD) as role:
        yield role


def shown(log: pytest.LogCaptureFixture) -> str:
    """Return what was logged, with the tracebacks of records."""
    formatter = logging.Formatter("%(message)s")
    return "\n".join(
        f"{formatter.format(record)} {record.args!r} {record.__dict__}" for record in log.records
    )


def fails_without_a_password(act: Callable[[], object]) -> str:
    """Return the message of what ``act`` raises, after a look at all that it shows."""
    try:
        act()
    except (QueueError, TypeError) as error:
        raised: BaseException = error
        told = traceback.format_exc()
    else:
        pytest.fail("nothing was raised")
    assert CANARY not in unquote(told)
    link: BaseException | None = raised
    while link is not None:
        assert CANARY not in unquote(f"{link} {link!r} {link.args!r}")
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return str(raised)


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_cannot_be_opened_keeps_its_password(
    url: str, log: pytest.LogCaptureFixture
) -> None:
    assert fails_without_a_password(lambda: Queue.open(url))
    assert CANARY not in unquote(shown(log))


@pytest.mark.parametrize("dsn", [*URLS, *DSNS])
def test_a_dsn_that_cannot_be_opened_keeps_its_password(
    dsn: str, log: pytest.LogCaptureFixture
) -> None:
    assert fails_without_a_password(lambda: PostgresBackend(dsn))
    assert CANARY not in unquote(shown(log))


@pytest.mark.parametrize("dsn", [one for one in [*URLS, *DSNS] if "::1/db" not in one])
def test_a_dsn_to_listen_on_keeps_its_password(
    dsn: str, postgres: Harness, log: pytest.LogCaptureFixture
) -> None:
    try:
        queue = Queue.open(postgres.url, listen=dsn)
    except QueueError:
        fails_without_a_password(lambda: Queue.open(postgres.url, listen=dsn))
    else:
        with queue:  # what can be read is used only when somebody waits
            assert CANARY not in repr(queue)
    assert CANARY not in unquote(shown(log))


@pytest.mark.parametrize(
    "url", [*(one for one in URLS if PASSWORD in one), f"postgresql://me:{CANARY}@[::1/db"]
)
def test_a_url_whose_schema_cannot_be_written_keeps_its_password(url: str) -> None:
    if "?password=" in url:
        assert CANARY not in schemas.text(url)
    else:
        fails_without_a_password(lambda: schemas.text(url))


REMEDY = "check the user and the password"


def test_a_refused_password_is_not_repeated(
    role: Role, postgres_server: Address, log: pytest.LogCaptureFixture
) -> None:
    role.be("PASSWORD 'another'")

    for url in (role.url(), postgres_server.url(user="nobody", password=PASSWORD)):
        for opening in (Queue.open, PostgresBackend):
            said = fails_without_a_password(partial(opening, url))
            assert REMEDY in said
    assert CANARY not in unquote(shown(log))


def keyword_dsn(role: Role, *, host: str = "127.0.0.1") -> str:
    port = role.server.url().rpartition(":")[2].partition("/")[0]
    return f"host={host} port={port} user={role.name} password={PASSWORD} dbname=postgres"


@pytest.fixture
def open_to_all(postgres: Harness, role: Role) -> str:
    """Return the schema of a queue that the role may use as its owner."""
    schema = postgres.url.rpartition("=")[2]
    Queue.open(postgres.url).close()
    role.let(f"ALL ON SCHEMA {schema}")
    role.let(f"ALL ON ALL TABLES IN SCHEMA {schema}")
    role.let(f"ALL ON ALL SEQUENCES IN SCHEMA {schema}")
    return schema


@pytest.mark.parametrize("way", ["url", "parameter", "keywords", "several", "pool", "connection"])
def test_what_is_open_shows_no_password(
    way: str, role: Role, open_to_all: str, log: pytest.LogCaptureFixture
) -> None:
    keywords = keyword_dsn(role)
    bare = role.url().replace(f":{CODED}@", "@")
    database: Any = {
        "url": role.url(),
        "parameter": f"{bare}?password={CODED}",
        "keywords": keywords,
        "several": role.url().replace("127.0.0.1", "127.0.0.1:1,127.0.0.1"),
    }.get(way)
    if way == "pool":
        database = ConnectionPool(keywords, open=True, min_size=1)
    if way == "connection":
        database = Connection.connect(keywords)

    backend = PostgresBackend(database, schema=open_to_all)
    with Queue(backend) as queue:
        job = queue.enqueue("mail", {"to": "you"})
        drain_all(queue)
        sessions = backend._sessions
        for one in (backend, queue, queue.capabilities, job, sessions, sessions._pool, database):
            if not isinstance(one, str):
                assert CANARY not in unquote(f"{one!r} {one}")
    if not isinstance(database, str):
        database.close()
    assert CANARY not in unquote(shown(log))


def drain_all(queue: Queue) -> None:
    queue.register_handler("mail", lambda _: None)
    assert drain(queue) == 1


def test_a_password_that_becomes_wrong_during_the_run_is_told_without_it(
    role: Role, open_to_all: str, log: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []
    with Queue.open(f"{role.url()}?schema={open_to_all}") as queue:
        queue.register_handler("mail", lambda job: done.append(job.id))
        queue.start(workers=2, reclaim_interval=0.2, poll=0.2)
        queue.enqueue("mail", id="before")
        eventually(lambda: done == ["before"], "the first job is done")

        role.be("PASSWORD 'another'")
        role.end_sessions()
        eventually(lambda: REMEDY in shown(log), "the worker tells why")
        assert REMEDY in fails_without_a_password(lambda: queue.enqueue("mail"))

        role.be(f"PASSWORD '{PASSWORD}'")
        eventually(lambda: enqueued(queue, "after"), "the store answers again")
        eventually(lambda: "after" in done, "the worker goes on by itself")
    text = shown(log)
    assert CANARY not in unquote(text)
    assert "Traceback" not in text


def enqueued(queue: Queue, id: str) -> bool:
    try:
        queue.enqueue("mail", id=id, on_conflict="ignore")
    except QueueError:
        return False
    return True
