"""What a PostgreSQL URL and its options may say, checked before anything is connected to."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.servers.postgres import Address

from gofastr_queue import BackendUnavailable, InvalidOption, Queue, schemas
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import PostgresBackend, postgres_url

NOBODY = "postgresql://me@127.0.0.1:1/db"
"""Where no server listens: a connection would be refused with other words."""

HOSTILE = [
    "",
    " ",
    "1jobs",
    "x" * 49,
    "my-jobs",
    'x"; DROP TABLE orders; --',
    "x'",
    'x"',
    "x;",
    "x\x00",
    "pg_temp.x",
    "public.queue_jobs",
    "jóbs",
    "\uff4aobs",
    "jobs\u2019",
    "{columns}",
    "jobs()",
    "x\n",
    "%s",
]


@pytest.mark.parametrize("option", ["table", "schema"])
@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_that_is_no_identifier_is_refused_before_anything_is_done(
    name: str, option: str
) -> None:
    options: dict[str, Any] = {option: name}
    refused = pytest.raises(InvalidOption, match=rf"{option} .* is no plain identifier: a letter")

    with refused:
        Queue.open(NOBODY, **options)
    with refused:
        PostgresBackend(NOBODY, **options)
    with refused:
        schemas.text(NOBODY, **options)
    with refused:
        Queue.open(f"{NOBODY}?{option}={quote(name)}")


@pytest.mark.parametrize("name", ["pg_temp", "pg_catalog", "pg_mine", "information_schema"])
def test_a_schema_of_the_servers_own_is_refused(name: str, postgres: Harness) -> None:
    url = f"{postgres.url.partition('?')[0]}?schema={name}"

    for opening in (Queue.open, schemas.text):
        with pytest.raises(InvalidOption, match=rf"{name}' is the server's own: give another sch"):
            opening(url)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pool_size": "many"}, r"pool_size must be an integer of at least 1, got 'many'"),
        ({"pool_size": "5"}, r"pool_size must be an integer of at least 1, got '5'"),
        ({"pool_size": 0}, "pool_size must be an integer of at least 1, got 0"),
        ({"pool_size": True}, "pool_size must be an integer of at least 1, got True"),
        ({"pool_size": 1.5}, r"pool_size must be an integer of at least 1, got 1\.5"),
        ({"listen": 7}, "listen must be on, off or a DSN, got 7"),
        ({"listen": "maybe"}, "listen must be on, off, or the DSN .*, got 'maybe'"),
        ({"listen": "host=x nonsense"}, "not a DSN that PostgreSQL can read"),
        ({"table": 5}, "table 5 is no plain identifier"),
        ({"schema": b"x"}, "schema b'x' is no plain identifier"),
    ],
    ids=str,
)
def test_an_option_of_a_wrong_type_is_refused_with_its_value(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidOption, match=said):
        Queue.open(NOBODY, **options)
    with pytest.raises(InvalidOption, match=said):
        PostgresBackend(NOBODY, **options)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("pool_size=many", "got 'many'"),
        ("pool_size=-1", "got '-1'"),
        ("pool_size=", "got ''"),
        ("pool_size=0", "got 0"),
        ("pool_size=%D9%A3", "got '\u0663'"),
        (f"pool_size={'9' * 5_000}", "got '999"),
        ("listen=maybe", "got 'maybe'"),
        ("listen=", "listen must be on, off"),
        ("table=5", "table '5' is no plain identifier"),
    ],
    ids=lambda value: value[:20],
)
def test_a_wrong_value_in_the_url_is_refused_with_it(query: str, said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        Queue.open(f"{NOBODY}?{query}")


def test_an_unknown_option_names_the_known_ones() -> None:
    options: dict[str, Any] = {"tabel": "mails"}
    refused = pytest.raises(
        TypeError, match=r"unknown option 'tabel' .*known: table, schema, listen, pool_size"
    )

    with refused:
        Queue.open(NOBODY, **options)
    with refused:
        schemas.text(NOBODY, **options)
    with refused:
        Queue.open(f"{NOBODY}?tabel=mails")
    with refused:
        Queue.open(f"{NOBODY}?schema=x&t%61bel=mails&sslmode=disable")
    with pytest.raises(TypeError, match="tabel"):
        PostgresBackend(NOBODY, **options)


@pytest.mark.parametrize("database", [None, 5, b"postgresql://host/db", ["x"]], ids=str)
def test_what_is_no_database_is_refused_by_its_type(database: Any) -> None:
    with pytest.raises(InvalidOption, match=r"give a DSN, .*Connection.*ConnectionPool, got "):
        PostgresBackend(database)


@pytest.mark.parametrize("dsn", ["nonsense", "host", "http://host/db", "host=x colour=red"])
def test_what_is_no_dsn_is_refused_with_an_example(dsn: str) -> None:
    with pytest.raises(InvalidOption, match="not a DSN that PostgreSQL can read: write postgresql"):
        PostgresBackend(dsn)


def read(url: str) -> postgres_url.Place:
    return postgres_url.read(url, None, None, None, None)


def test_the_parameters_of_the_driver_are_passed_on_unchanged() -> None:
    rest = "sslmode=verify-full&sslrootcert=%2Fa%20b&options=-c%20work_mem%3D1MB&host=%2Frun%2Fpg"

    place = read(f"postgresql://u:p%2F@/my%20db?table=mails&{rest}&pool_size=3&listen=off")

    assert place.dsn == f"postgresql://u:p%2F@/my%20db?{rest}"
    assert (place.table, place.schema, place.listen, place.pool_size) == (
        "mails",
        "public",
        False,
        3,
    )
    assert conninfo_to_dict(place.dsn)["options"] == "-c work_mem=1MB"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("on", True),
        ("OFF", False),
        ("1", True),
        ("0", False),
        ("host%3Dx+port%3D1", "host=x port=1"),
    ],
)
def test_listen_is_on_off_or_a_dsn(written: str, *, meant: bool | str) -> None:
    assert read(f"{NOBODY}?listen={written}").listen == meant


def test_an_argument_goes_before_the_same_option_of_the_url() -> None:
    place = postgres_url.read(f"{NOBODY}?table=a&pool_size=many&listen=off", "b", "c", None, 5)

    assert (place.table, place.schema, place.listen, place.pool_size) == ("b", "c", False, 5)


def test_the_driver_obeys_its_parameters(postgres: Harness, postgres_server: Address) -> None:
    url = f"{postgres.url}&application_name=my%20app&options=-c%20lock_timeout%3D1234ms"

    with Queue.open(url) as queue, psycopg.connect(postgres_server.url()) as connection:
        queue.enqueue("mail")
        found = connection.execute(
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'my app'"
        )
        assert found.fetchone() == (True,)
    with pytest.raises(BackendUnavailable, match=r"correct options= .* parameter \"nosuch\""):
        Queue.open(f"{postgres.url}&options=-c%20nosuch%3D1")


HOSTILE_TEXTS = [
    'x"; DROP TABLE queue_jobs; --',
    "'; DROP TABLE queue_jobs; --",
    "%s %(id)s {table} $1",
    "\\'; SELECT 1; --",
    "\u2019 OR 1=1",
    "pg_temp.x",
    "x" * 255,
    "日本 \U0001f600 \\N \\. \t".strip(),
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=ascii)
def test_any_text_is_stored_and_found_as_it_is(text: str, postgres: Harness) -> None:
    with Queue.open(postgres.url) as queue:
        queue.enqueue(text, {text: text}, id=text, lane=text, max_attempts=1)
        queue.enqueue("other", id="other")

        claim = queue.dequeue(text, lane=text)
        queue.nack(claim, text)
        (job,) = queue.list_jobs("failed", type=text, lane=text)
        assert (job.id, job.type, job.lane, job.payload) == (text, text, text, {text: text})
        assert job.errors[0].message == text
        assert queue.counts()[0].count == 1
        assert queue.replay(text)
        assert queue.cancel(text)
        assert [job.id for job in queue.list_jobs()] == ["other"]


@pytest.mark.parametrize("cursor", ["x'; DROP TABLE queue_jobs; --", "1 OR 1=1", "-1", "9" * 30])
def test_a_cursor_that_is_none_is_refused(cursor: str, postgres: Harness) -> None:
    with Queue.open(postgres.url) as queue:
        queue.enqueue("mail", id="1")

        with pytest.raises(InvalidOption, match="before must be a cursor from an earlier page"):
            queue.browse(before=cursor)

        assert queue.dequeue().job.id == "1"
