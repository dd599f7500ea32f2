"""``gofastr-queue work`` in one process: what it loads, how it ends, what it logs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from gofastr_queue import Queue
from gofastr_queue.cli.app import app

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="SIGTERM ends a process at once there"
)

APP = """
import time
from pathlib import Path
from gofastr_queue import Queue

queue = Queue.open("sqlite:///jobs.db")
number = 7

def make():
    return queue

@queue.handler("note")
def note(job):
    with open("notes", "a") as notes:
        notes.write(f"{job.payload}\\n")

@queue.handler("slow")
def slow(job):
    Path(f"running-{job.id}").touch()
    time.sleep(job.payload)
"""


@contextmanager
def working(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``gofastr-queue work`` in a folder, and end it if the test does not."""
    with subprocess.Popen(
        [sys.executable, "-m", "gofastr_queue", "work", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONSAFEPATH": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Queue]:
    with Queue.open(f"sqlite:///{folder}/jobs.db") as queue:
        yield queue


@pytest.mark.parametrize("target", ["app:queue", "app:make"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_works_until_a_signal_and_exits_well(
    folder: Path, store: Queue, target: str, number: signal.Signals
) -> None:
    store.enqueue("note", "done")

    with working(folder, target) as process:
        until(lambda: not any(store.stats().values()))
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)

    assert (process.returncode, output) == (0, ""), errors
    assert (folder / "notes").read_text() == "done\n"


def test_options_reach_the_worker(folder: Path, store: Queue) -> None:
    store.enqueue("slow", 30, id="ordinary")
    store.enqueue("slow", 30, id="urgent", lane="high")
    store.enqueue("unknown")

    options = ["--workers=0", "--lane=high=1", "--unregistered=leave", "--grace=100ms", "--poll=1s"]
    with working(folder, "app:queue", *options) as process:
        until((folder / "running-urgent").exists)
        process.terminate()
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 0, errors
    assert "worker stopped before the handler did" in errors
    assert store.stats() == {"pending": 2, "claimed": 1, "failed": 0}
    assert not (folder / "running-ordinary").exists()


def test_a_log_record_stays_one_line_whatever_a_job_is_called(folder: Path, store: Queue) -> None:
    hostile = "x\u2028\u202e2026 CRITICAL"
    store.enqueue("unknown", "canary", id=hostile)

    with working(folder, "app:queue") as process:
        until(lambda: not any(store.stats().values()))
        process.terminate()
        _, errors = process.communicate(timeout=30)

    (line,) = [line for line in errors.splitlines() if "dropped" in line]
    assert "job=x\\u2028\\u202e2026 CRITICAL type=unknown" in line
    assert "canary" not in errors


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("app", 2, "write module:queue"),
        ("app:", 2, "write module:queue"),
        ("../app:queue", 2, "write module:queue"),
        ("nosuch:queue", 2, "no module 'nosuch'"),
        ("nosuch.sub:queue", 2, "no module 'nosuch.sub'"),
        ("app:nothing", 2, "module 'app' has no 'nothing'"),
        ("app:number", 2, "is a int; it must be a gofastr_queue.Queue"),
        ("importing:queue", 1, "ModuleNotFoundError: No module named 'absent'"),
        ("unreachable:queue", 1, "create its directory"),
    ],
)
def test_an_application_that_cannot_be_loaded_is_named(
    folder: Path, target: str, code: int, said: str
) -> None:
    (folder / "importing.py").write_text("import absent\n")
    (folder / "unreachable.py").write_text(
        "from gofastr_queue import Queue\nqueue = Queue.open('sqlite:////no/such/folder/a.db')\n"
    )

    with working(folder, target) as process:
        _, errors = process.communicate(timeout=30)

    assert process.returncode == code
    assert said in errors.splitlines()[-1]
    assert "Traceback" not in errors or target == "importing:queue"


def test_an_applications_own_failure_shows_where_but_no_password(folder: Path) -> None:
    (folder / "broken.py").write_text("raise RuntimeError('redis://user:s3cr3t@host/0')\n")

    with working(folder, "broken:queue") as process:
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "broken.py" in errors
    assert errors.splitlines()[-1] == (
        "Error: cannot import 'broken:queue': RuntimeError: redis://user:***@host/0"
    )
    assert "s3cr3t" not in errors


@pytest.mark.parametrize(
    "arguments",
    [["--processes=0"], ["--workers=-1"], ["--lane=high"], ["--grace=30"], ["--unregistered=ack"]],
)
def test_impossible_options_are_wrong_usage(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["work", "app:queue", *arguments])

    assert result.exit_code == 2
    assert result.stderr.startswith("Error: Invalid value for '--")
