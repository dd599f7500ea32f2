"""Own one server, and end it when the process that asked for it is gone.

Orders come on stdin as lines of JSON, and each is answered on stdout. The end of stdin, which comes
even when that process was killed, stops the server and removes its folder.

Started without the environment's packages; by its path it owns a PostgreSQL.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

PORTS = range(20000, 32000)
"""Below the ports that clients are given, so that a stopped server finds its own again."""

PORT = "GOFASTR_TEST_PORT"
"""The environment variable that names the only port to serve on."""

SECONDS = 60
TRIES = 20

LINGERING = "still in use"
"""What PostgreSQL says of memory that a killed server's children have not let go."""


class RefusedError(RuntimeError):
    """The server did not do what it was told; the text is its own."""


def another_user() -> pwd.struct_passwd | None:
    """Return who runs PostgreSQL, which refuses root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def temporary() -> Path:
    """Return where that user can enter: TMPDIR may be root's alone."""
    folder = Path(tempfile.gettempdir()).resolve()
    for each in [folder, *folder.parents]:
        if os.geteuid() == 0 and not each.stat().st_mode & stat.S_IXOTH:
            return Path("/tmp")  # noqa: S108 - a folder of our own is made in it
    return folder


class Guarded(ABC):
    """A folder, the process that serves what is in it, and its port."""

    ports: ClassVar[range] = PORTS
    signals: ClassVar[dict[str, signal.Signals]]
    crash: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.user: pwd.struct_passwd | None = None
        self.port = 0
        self.server: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def create(self, *args: Any) -> None:
        """Make what ``start`` serves."""

    @abstractmethod
    def command(self, port: int) -> list[Path | str]:
        """Return the program and its options."""

    @abstractmethod
    def is_ready(self, port: int, pid: int) -> bool:
        """Ask whether the process serves."""

    def start(self) -> None:
        """Serve, on the port of the last time if there was one."""
        if self.port:
            self._serve_again()
            return
        if asked := os.environ.get(PORT):
            self._serve(int(asked))
            self.port = int(asked)
            return
        for _ in range(TRIES):
            port = secrets.choice(self.ports)
            try:
                self._serve(port)
            except RefusedError as refused:
                if "Address already in use" not in str(refused):
                    raise
            else:
                self.port = port
                return
        raise RefusedError(f"{TRIES} ports of {self.ports} were taken")

    def stop(self, mode: str) -> None:
        """End the server; its data and its port stay."""
        if self.server is not None:
            self.server.send_signal(self.signals[mode])
            self.server.wait(SECONDS)
            self.server = None

    def begin(self, *command: Path | str) -> subprocess.Popen[bytes]:
        """Run a program as the user, in the folder, with what it says in the log."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user and self.user.pw_uid,
                group=self.user and self.user.pw_gid,
                extra_groups=self.user and [],
            )

    def said(self) -> str:
        """Return the log."""
        return self.log.read_text("utf-8", "replace")

    def _serve_again(self) -> None:
        """Serve on the port of before; a killed server's children may take a moment to end."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self._serve(self.port)
            except RefusedError as refused:
                if LINGERING not in str(refused) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _serve(self, port: int) -> None:
        self.log.write_text("")
        self.server = self.begin(*self.command(port))
        deadline = time.monotonic() + SECONDS
        while not self.is_ready(port, self.server.pid):
            if self.server.poll() is not None:
                self.server = None
                raise RefusedError(self.said())
            if time.monotonic() > deadline:
                self.stop(self.crash)
                raise RefusedError(f"not ready after {SECONDS} s: {self.said()}")
            time.sleep(0.01)


class Cluster(Guarded):
    """A PostgreSQL data directory, its port, and the process that serves it."""

    signals: ClassVar = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
    crash: ClassVar = "immediate"

    def __init__(self, folder: Path, programs: Path, settings: list[str]) -> None:
        super().__init__(folder)
        self.data = folder / "data"
        self.programs = programs
        self.settings = settings
        self.user = another_user()
        self._own(folder)

    def create(self, owner: str, password: str) -> None:
        """Make the data directory."""
        if not self._reaches_programs():
            self.programs = self._copied_programs()
        secret = self.folder / "password"
        secret.touch(0o600)
        self._own(secret)
        secret.write_text(password, "utf-8")
        options = [f"--pgdata={self.data}", f"--username={owner}", f"--pwfile={secret}"]
        options += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"]
        for setting in self.settings:
            if setting.startswith("scram_iterations="):  # of the owner's password too
                options += ["-c", setting]
        if self.begin(self.programs / "initdb", *options).wait(SECONDS) != 0:
            raise RefusedError(self.said())
        secret.unlink()

    def command(self, port: int) -> list[Path | str]:
        """Return the server with its settings."""
        options = ["-D", str(self.data), "-p", str(port)]
        for setting in self.settings:
            options += ["-c", setting]
        return [self.programs / "postgres", *options]

    def is_ready(self, port: int, pid: int) -> bool:  # noqa: ARG002 - the file is the process's own
        """Read what the process says about itself."""
        try:
            words = (self.data / "postmaster.pid").read_text("utf-8").split()
        except FileNotFoundError:
            return False
        return words[:1] == [str(pid)] and words[-1:] == ["ready"]

    def _reaches_programs(self) -> bool:
        try:
            return self.begin(self.programs / "initdb", "--version").wait(SECONDS) == 0
        except PermissionError:
            return False

    def _copied_programs(self) -> Path:
        """Copy the installation, and the libraries that a wheel keeps beside its package."""
        installation = self.programs.parent
        package = installation.parent
        libraries = package.with_name(f"{package.name}.libs")
        copies = self.folder / "copies"
        copy = copies / package.name / installation.name
        without = shutil.ignore_patterns("include")
        shutil.copytree(installation, copy, symlinks=True, ignore=without)
        if libraries.is_dir():
            shutil.copytree(libraries, copies / libraries.name)
        self._own(copies, *copies.rglob("*"))
        return copy / self.programs.name

    def _own(self, *paths: Path) -> None:
        if self.user is not None:
            for path in paths:
                os.lchown(path, self.user.pw_uid, self.user.pw_gid)


def obey(server: Guarded, order: list[str]) -> dict[str, object]:
    """Do what ``order`` says and return the answer."""
    try:
        match order:
            case ["create", *args]:
                server.create(*args)
            case ["start"]:
                server.start()
            case ["stop", mode]:
                server.stop(mode)
    except (RefusedError, OSError, subprocess.TimeoutExpired) as error:
        return {"error": str(error)}
    pid = None if server.server is None else server.server.pid
    return {"folder": str(server.folder), "port": server.port, "pid": pid}


def own(kind: str, serving: Callable[[Path], Guarded]) -> None:
    """Obey until the orders end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with tempfile.TemporaryDirectory(prefix=f"gofastr-{kind}-", dir=temporary()) as name:
        server = serving(Path(name))
        try:
            for line in sys.stdin:
                order = json.loads(line)
                if order == ["end"]:
                    break
                sys.stdout.write(json.dumps(obey(server, order)) + "\n")
                sys.stdout.flush()
        finally:
            server.stop(server.crash)


def main(programs: str, *settings: str) -> None:
    """Own a PostgreSQL."""
    own("postgres", lambda folder: Cluster(folder, Path(programs), list(settings)))


if __name__ == "__main__":
    main(*sys.argv[1:])
