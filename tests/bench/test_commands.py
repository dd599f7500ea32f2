"""``python -m bench`` says what is wrong, and leaves nothing behind."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.contest import field
from bench.contest.field import FieldError, Peer

ROOT = Path(__file__).parents[2]
SECONDS = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder that the servers' own user can enter."""
    with tempfile.TemporaryDirectory(prefix="bench-test-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def bench(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench", "--quick", "--only", "contest", *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of what works in a folder, or was told of it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            known = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            inside = str((process / "cwd").readlink())
        except OSError:
            continue
        if str(folder).encode() in known or inside.startswith(str(folder)):
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def wait_until_gone(folder: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while left := processes_of(folder) + [each.name for each in folder.iterdir()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backend", "mysql"], "invalid choice: 'mysql'"),
        (["--backend", "redis", "--peers", "rq,sidekiq"], "unknown peer 'sidekiq'; known: "),
        (["--backend", "redis", "--peers", "litequeue"], "'litequeue' has no redis store"),
    ],
)
def test_what_it_does_not_know_it_says(folder: Path, arguments: list[str], said: str) -> None:
    process = bench(folder, *arguments)

    output, _ = process.communicate(timeout=SECONDS)

    assert process.returncode != 0
    assert said in output
    assert "Traceback" not in output
    wait_until_gone(folder)


@pytest.mark.parametrize("store", ["redis", "postgresql"])
def test_a_busy_port_is_named(folder: Path, store: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = bench(folder, "--backend", store, "--port", str(port))
        output, _ = process.communicate(timeout=SECONDS)

    assert process.returncode != 0
    assert "Address already in use" in output
    assert str(port) in output
    assert "Traceback" not in output
    wait_until_gone(folder)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"missing-{secrets.token_hex(4)}"
    monkeypatch.setitem(field.PEERS, "threadpool", Peer("threadpool", name, ("memory",)))

    with pytest.raises(FieldError, match=rf"{name} is not installed: pip install -r bench/"):
        field.check(["memory"], ("threadpool",))

    assert name in field.peers("memory", "all")[1][-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_outlives_it(folder: Path, number: signal.Signals) -> None:
    process = bench(folder, "--backend", "redis", "--peers", "none")
    assert process.stdout is not None
    for line in process.stdout:
        if "wrapped: gofastr-queue" in line:
            break
    assert processes_of(folder)

    process.send_signal(number)

    process.communicate(timeout=SECONDS)
    wait_until_gone(folder)
