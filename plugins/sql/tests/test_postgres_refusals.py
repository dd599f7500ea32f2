"""A PostgreSQL that cannot be a queue's store: each error says what is wrong and what to do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from tests.servers.postgres import Address, Server
from tests.servers.roles import Role, any_role

from gofastr_queue import BackendUnavailable, InvalidOption, Queue, QueueError, SchemaTooNew
from gofastr_queue_conformance import Harness
from gofastr_queue_sql import PostgresBackend

NOWHERE = "postgresql://me@127.0.0.1:1/db?connect_timeout=2"


@pytest.fixture
def owner(postgres_server: Address) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def role(postgres_server: Address) -> Iterator[Role]:
    with any_role(postgres_server, "any word") as role:
        yield role


def refused(url: str) -> str:
    """Return what is said when a queue is opened, the same with a DSN of the driver's."""
    with pytest.raises(QueueError) as caught:
        Queue.open(url)
    assert isinstance(caught.value, BackendUnavailable)
    return str(caught.value)


def test_a_wrong_password_is_told_at_once(role: Role, postgres_server: Address) -> None:
    said = refused(postgres_server.url(user=role.name, password="wrong"))  # noqa: S106

    assert "check the user and the password" in said
    assert f'user "{role.name}"' in said


def test_no_password_where_one_is_needed(postgres_server: Address, role: Role) -> None:
    url = postgres_server.url(user=role.name, password="")
    said = refused(f"{url}?passfile=/nowhere")

    assert "give a password: in the URL, PGPASSWORD or a passfile" in said


def test_a_role_that_may_not_log_in(role: Role) -> None:
    role.be("NOLOGIN")

    said = refused(role.url())

    assert "cannot connect" in said
    assert f'role "{role.name}" is not permitted to log in' in said


def test_a_missing_database(postgres_server: Address) -> None:
    said = refused(postgres_server.url("no such database"))

    assert "create it, or name another one" in said
    assert 'database "no such database" does not exist' in said


def test_no_server_at_this_port() -> None:
    said = refused(NOWHERE)

    assert "check host and port, and that the server runs" in said
    assert '"127.0.0.1", port 1' in said


def test_no_host_of_this_name() -> None:
    said = refused("postgresql://me@no-such-host.invalid/db")

    assert "check the name of the host" in said
    assert "no-such-host.invalid" in said


def test_no_socket_in_this_folder() -> None:
    said = refused("postgresql://me@/db?host=/nowhere&port=7")

    assert "check the socket's folder" in said
    assert "/nowhere/.s.PGSQL.7" in said


def test_no_host_of_several_answers() -> None:
    said = refused("postgresql://me@127.0.0.1:1,127.0.0.1:2/db")

    assert "check host and port" in said


def test_one_host_of_several_answers(postgres: Harness) -> None:
    host, port = postgres.address or ("", 0)
    several = postgres.url.replace(f"{host}:{port}", f"127.0.0.1:1,{host}:{port}")

    with Queue.open(several) as queue:
        queue.enqueue("mail")


def test_a_server_without_tls_where_it_is_asked_for(postgres_server: Address) -> None:
    said = refused(f"{postgres_server.url()}?sslmode=require")

    assert "set up TLS on the server, or choose another sslmode=" in said


@pytest.mark.parametrize(
    "parameter",
    ["sslmode=nonsense", "connect_timeout=nonsense", "target_session_attrs=nonsense"],
)
def test_a_parameter_of_the_driver_with_a_wrong_value(
    parameter: str, postgres_server: Address
) -> None:
    said = refused(f"{postgres_server.url()}?{parameter}")

    assert "correct this parameter of the URL or DSN" in said
    assert "nonsense" in said


def test_a_certificate_that_is_not_there(postgres_server: Address) -> None:
    said = refused(f"{postgres_server.url()}?sslmode=verify-full&sslrootcert=/nowhere.pem")

    assert "check sslmode=, sslrootcert= and sslcert=" in said or "set up TLS" in said


def test_a_service_that_is_not_defined() -> None:
    with pytest.raises(BackendUnavailable, match="define it in the service file, or give host"):
        PostgresBackend("service=no_such_service")


def test_a_role_that_may_not_make_the_schema(role: Role) -> None:
    said = refused(f"{role.url()}?schema=nosuch")

    assert "has no queue nosuch.queue_jobs of version 2, and this role may not make it" in said
    assert (
        "let its owner run 'gofastr-queue schema', or what 'gofastr-queue schema --print'" in said
    )


def test_a_role_that_may_not_make_the_table(role: Role, owner: psycopg.Connection) -> None:
    owner.execute("CREATE SCHEMA foreign_place")
    try:
        role.let("USAGE ON SCHEMA foreign_place")
        said = refused(f"{role.url()}?schema=foreign_place")
    finally:
        owner.execute("DROP SCHEMA foreign_place")

    assert "has no queue foreign_place.queue_jobs of version 2, and this role may not" in said
    assert "permission denied for schema foreign_place" in said


def test_a_role_that_may_not_use_an_existing_queue(postgres: Harness, role: Role) -> None:
    Queue.open(postgres.url).close()

    said = refused(role.url() + "?" + postgres.url.partition("?")[2])

    assert "grant what is missing; gofastr-queue schema --print says what" in said
    assert "permission denied for schema" in said


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE TABLE {}.queue_jobs (id text)", "that is not a queue: give another table="),
        ("CREATE VIEW {}.queue_jobs AS SELECT 1 AS id", "that is not a queue: give another table="),
        ("CREATE SEQUENCE {}.queue_jobs", "that is not a queue: give another table="),
        (
            "CREATE TABLE {}.queue_jobs_later (id text)",
            "something else has a name .* another table=",
        ),
        ("CREATE SEQUENCE {}.queue_jobs_seq", "something else has a name .* another table="),
        ("CREATE TYPE {}.queue_jobs AS ENUM ('a')", "give another table="),
        (
            "CREATE TABLE {0}.queue_jobs (); CREATE TABLE {0}.gofastr_queue_schema (other text)",
            "this is not the table of a queue: give another table= or schema=",
        ),
        ("CREATE TABLE {}.gofastr_queue_schema (other text)", "give another table= or schema="),
    ],
)
def test_what_has_our_name_and_is_not_ours_is_refused_and_left_as_it_is(
    made: str, said: str, postgres: Harness, owner: psycopg.Connection
) -> None:
    schema = postgres.url.rpartition("=")[2]
    owner.execute(f"CREATE SCHEMA {schema}".encode())
    owner.execute(made.format(schema).encode())
    before = names(owner, schema)

    for _ in range(2):
        with pytest.raises(BackendUnavailable, match=said):
            Queue.open(postgres.url)

    assert names(owner, schema) == before


def names(connection: psycopg.Connection, schema: str) -> list[tuple[str, ...]]:
    return connection.execute(
        "SELECT relname, relkind::text FROM pg_class "
        "WHERE relnamespace = to_regnamespace(%s) ORDER BY relname",
        [schema],
    ).fetchall()


def test_the_name_of_the_table_of_versions_is_refused(postgres: Harness) -> None:
    with pytest.raises(BackendUnavailable, match=r"something else has a name .* another table="):
        Queue.open(f"{postgres.url}&table=gofastr_queue_schema")
    Queue.open(postgres.url).close()
    with pytest.raises(BackendUnavailable, match=r"gofastr_queue_schema that is not a queue"):
        Queue.open(f"{postgres.url}&table=gofastr_queue_schema")


def test_a_later_schema_is_refused_with_both_versions(
    postgres: Harness, owner: psycopg.Connection
) -> None:
    schema = postgres.url.rpartition("=")[2]
    Queue.open(postgres.url).close()
    Queue.open(f"{postgres.url}&table=others").close()
    versions = sql.Identifier(schema, "gofastr_queue_schema")
    owner.execute(sql.SQL("UPDATE {} SET version = 99 WHERE queue = 'queue_jobs'").format(versions))
    before = names(owner, schema)

    with pytest.raises(
        SchemaTooNew,
        match=rf"{schema}\.queue_jobs has schema version 99, .* knows 2; upgrade gofastr-queue-sql",
    ):
        Queue.open(postgres.url)

    Queue.open(f"{postgres.url}&table=others").close()
    assert names(owner, schema) == before


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_text(
    encoding: str, postgres_server: Address, owner: psycopg.Connection
) -> None:
    name = f"database_{secrets.token_hex(8)}"
    owner.execute(
        f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0".encode()
    )
    try:
        said = refused(postgres_server.url(name))
        with psycopg.connect(postgres_server.url(name)) as connection:
            assert names(connection, "public") == []
    finally:
        owner.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    assert f"{name} has the encoding {encoding}, which cannot hold every text" in said
    assert "create the queue in a database with encoding UTF8" in said


def test_a_session_that_cannot_carry_every_text(postgres: Harness) -> None:
    with pytest.raises(InvalidOption, match=r"client_encoding LATIN1, .*: set it to UTF8"):
        Queue.open(f"{postgres.url}&client_encoding=latin1")


READ_ONLY = f"&options={quote('-c default_transaction_read_only=on')}"


def test_sessions_that_may_only_read_can_be_looked_at_and_say_why_nothing_is_stored(
    postgres: Harness,
) -> None:
    with pytest.raises(BackendUnavailable, match=r"default_transaction_read_only is on: give the"):
        Queue.open(postgres.url + READ_ONLY)
    with Queue.open(postgres.url) as queue:
        queue.enqueue("mail")

    with Queue.open(postgres.url + READ_ONLY) as reader:
        assert reader.stats()["pending"] == 1
        assert len(reader.list_jobs()) == 1
        for act in (reader.dequeue, reader.reclaim, lambda: reader.enqueue("mail")):
            with pytest.raises(
                BackendUnavailable, match="standby, or default_transaction_read_onl"
            ):
                act()


def test_a_standby_can_be_looked_at_and_says_why_nothing_is_stored() -> None:
    with Server(fsync="off") as server:
        with Queue.open(server.url()) as queue:
            queue.enqueue("mail")
        server.stop()
        (server.folder / "data" / "standby.signal").touch()
        server.start()

        with Queue.open(server.url()) as reader:
            assert reader.stats()["pending"] == 1
            for act in (reader.dequeue, lambda: reader.enqueue("mail")):
                with pytest.raises(
                    BackendUnavailable, match=r"this is a standby, .*: give the prima"
                ):
                    act()
        with pytest.raises(BackendUnavailable, match="this is a standby"):
            Queue.open(f"{server.url()}?table=others")
        with pytest.raises(BackendUnavailable, match="target_session_attrs= asks for"):
            Queue.open(f"{server.url()}?target_session_attrs=read-write")


def test_a_role_with_too_few_connections(role: Role, postgres: Harness) -> None:
    role.be("CONNECTION LIMIT 1")

    with psycopg.connect(role.url()):
        said = refused(role.url() + "?" + postgres.url.partition("?")[2])

    assert "raise the limit of connections, or use fewer workers or a pooler" in said
    assert f'too many connections for role "{role.name}"' in said


def test_a_server_with_no_connection_left() -> None:
    with Server(fsync="off", max_connections="5", superuser_reserved_connections="0") as server:
        taken = [psycopg.connect(server.url()) for _ in range(5)]
        said = refused(server.url())
        for connection in taken:
            connection.close()

    assert "raise the limit of connections, or use fewer workers or a pooler" in said
