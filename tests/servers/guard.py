"""Own one PostgreSQL server, and end it when the process that asked for it is gone.

Orders come on stdin as lines of JSON, and each is answered on stdout. The end of stdin, which comes
even when that process was killed, stops the server and removes its folder.

Started by its path, without the environment's packages.
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
from pathlib import Path

PORTS = range(20000, 32000)
"""Below the ports that clients are given, so that a stopped server finds its own again."""

SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
SECONDS = 60
TRIES = 20


class RefusedError(RuntimeError):
    """PostgreSQL did not do what it was told; the text is its own."""


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


class Cluster:
    """A data directory in ``folder``, its port, and the process that serves it."""

    def __init__(self, folder: Path, programs: Path, settings: list[str]) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "log"
        self.programs = programs
        self.settings = settings
        self.user = another_user()
        self.port = 0
        self.server: subprocess.Popen[bytes] | None = None
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
        if self._begin("initdb", *options).wait(SECONDS) != 0:
            raise RefusedError(self._said())
        secret.unlink()

    def start(self) -> None:
        """Serve, on the port of the last time if there was one."""
        if self.port:
            self._serve(self.port)
            return
        for _ in range(TRIES):
            port = secrets.choice(PORTS)
            try:
                self._serve(port)
            except RefusedError as refused:
                if "Address already in use" not in str(refused):
                    raise
            else:
                self.port = port
                return
        raise RefusedError(f"{TRIES} ports of {PORTS} were taken")

    def stop(self, mode: str) -> None:
        """End the server; its data and its port stay."""
        if self.server is not None:
            self.server.send_signal(SIGNALS[mode])
            self.server.wait(SECONDS)
            self.server = None

    def _serve(self, port: int) -> None:
        self.log.write_text("")
        options = ["-D", str(self.data), "-p", str(port)]
        for setting in self.settings:
            options += ["-c", setting]
        self.server = self._begin("postgres", *options)
        deadline = time.monotonic() + SECONDS
        while not self._is_ready():
            if self.server.poll() is not None:
                self.server = None
                raise RefusedError(self._said())
            if time.monotonic() > deadline:
                self.stop("immediate")
                raise RefusedError(f"not ready after {SECONDS} s: {self._said()}")
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        try:
            words = (self.data / "postmaster.pid").read_text("utf-8").split()
        except FileNotFoundError:
            return False
        assert self.server is not None
        return words[:1] == [str(self.server.pid)] and words[-1:] == ["ready"]

    def _begin(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [self.programs / program, *options],
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user and self.user.pw_uid,
                group=self.user and self.user.pw_gid,
                extra_groups=self.user and [],
            )

    def _reaches_programs(self) -> bool:
        try:
            return self._begin("initdb", "--version").wait(SECONDS) == 0
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

    def _said(self) -> str:
        return self.log.read_text("utf-8", "replace")


def obey(cluster: Cluster, order: list[str]) -> dict[str, object]:
    """Do what ``order`` says and return the answer."""
    try:
        match order:
            case ["create", owner, password]:
                cluster.create(owner, password)
            case ["start"]:
                cluster.start()
            case ["stop", mode]:
                cluster.stop(mode)
    except (RefusedError, OSError, subprocess.TimeoutExpired) as error:
        return {"error": str(error)}
    pid = None if cluster.server is None else cluster.server.pid
    return {"folder": str(cluster.folder), "port": cluster.port, "pid": pid}


def main(programs: str, *settings: str) -> None:
    """Obey until the orders end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with tempfile.TemporaryDirectory(prefix="gofastr-postgres-", dir=temporary()) as name:
        cluster = Cluster(Path(name), Path(programs), list(settings))
        try:
            for line in sys.stdin:
                order = json.loads(line)
                if order == ["end"]:
                    break
                sys.stdout.write(json.dumps(obey(cluster, order)) + "\n")
                sys.stdout.flush()
        finally:
            cluster.stop("immediate")


if __name__ == "__main__":
    main(*sys.argv[1:])
