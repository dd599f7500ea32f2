"""What is installed is not imported until somebody asks for it by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def distribution(folder: Path, name: str, group: str, entry: str, code: str) -> Path:
    """Lay out an installed distribution; return the file that it writes when it is imported."""
    canary = folder / f"{name}-imported"
    info = folder / f"{name}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")
    (folder / f"{name}.py").write_text(f"open({str(canary)!r}, 'w').close()\n{code}\n")
    return canary


def command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gofastr_queue", *arguments],
        env=os.environ | {"PYTHONPATH": str(folder)} | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


BACKEND = "from gofastr_queue_memory import MemoryBackend\ndef connect(url): return MemoryBackend()"
COMMAND = "import click\n@click.command()\ndef tell(): click.echo('told')"


@pytest.fixture
def canaries(tmp_path: Path) -> list[Path]:
    """What a backend, a command and a schema of strangers leave when they are imported."""
    return [
        distribution(
            tmp_path, "strange", "gofastr_queue.backends", "odd = strange:connect", BACKEND
        ),
        distribution(tmp_path, "teller", "gofastr_queue.commands", "tell = teller:tell", COMMAND),
        distribution(tmp_path, "writer", "gofastr_queue.schemas", "odd = writer:text", ""),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--help", "Brought by teller."),
        ("", "Brought by teller."),
        ("backends", "odd://"),
        ("backends --json", '"odd"'),
        ("stats --url memory://", "0 pending"),
        ("schedules --url sqlite:///jobs.db", "no schedules"),
        ("doctor sqlite:///jobs.db", "finding"),
        ("nosuch", "No such command"),
        ("stats --url nosuch://x", "no backend for"),
    ],
)
def test_nothing_that_was_not_asked_for_is_imported(
    tmp_path: Path, canaries: list[Path], line: str, said: str
) -> None:
    done = command(tmp_path, *line.split())

    assert "Traceback" not in done.stderr
    assert said in done.stdout + done.stderr
    assert [canary for canary in canaries if canary.exists()] == []


def test_a_completion_imports_no_command(tmp_path: Path, canaries: list[Path]) -> None:
    done = command(
        tmp_path,
        _GOFASTR_QUEUE_COMPLETE="bash_complete",
        COMP_WORDS="gofastr-queue ",
        COMP_CWORD="1",
    )

    assert {"plain,stats", "plain,tell"} <= set(done.stdout.split())
    assert [canary for canary in canaries if canary.exists()] == []


@pytest.mark.parametrize(
    ("arguments", "asked", "said"),
    [
        (["stats", "--url", "odd://x"], 0, "pending"),
        (["tell"], 1, "told"),
        (["tell", "--help"], 1, "Usage: gofastr-queue tell"),
    ],
    ids=["backend", "command", "help"],
)
def test_what_was_asked_for_is_imported_alone(
    tmp_path: Path, canaries: list[Path], arguments: list[str], asked: int, said: str
) -> None:
    done = command(tmp_path, *arguments)

    assert said in done.stdout
    assert [canary.exists() for canary in canaries] == [n == asked for n in range(3)]


def test_a_command_that_two_bring_is_listed_and_refused_by_their_names(
    tmp_path: Path, canaries: list[Path]
) -> None:
    second = distribution(tmp_path, "other", "gofastr_queue.commands", "tell = other:tell", COMMAND)

    listed, called = command(tmp_path, "--help"), command(tmp_path, "tell")

    assert "Brought by other and teller." in listed.stdout
    assert called.returncode == 2
    assert "other and teller" in called.stderr
    assert [one for one in (*canaries, second) if one.exists()] == []


@pytest.mark.parametrize(
    "module",
    [
        "gofastr_queue",
        "gofastr_queue.cli.app",
        "gofastr_queue.cli.demo.command",
        "gofastr_queue.cli.working",
        "gofastr_queue_memory",
        "gofastr_queue_sql.sqlite",
        "gofastr_queue_sql.postgres",
        "gofastr_queue_redis",
        "gofastr_queue_conformance",
        "gofastr_queue_files",
    ],
)
def test_importing_asks_no_network_and_starts_no_thread_and_no_process(module: str) -> None:
    code = (
        "import socket, subprocess, sys, threading\n"
        "asked = []\n"
        "sys.addaudithook(lambda event, given: asked.append(event) if event in (\n"
        "    'socket.connect', 'socket.bind', 'socket.getaddrinfo', 'subprocess.Popen',\n"
        "    'os.system', 'os.fork', 'os.exec', 'os.posix_spawn', 'sqlite3.connect') else None)\n"
        f"import {module}\n"
        "print(asked, threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )

    assert done.stdout.strip() == "[] 1"
