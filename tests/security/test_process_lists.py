"""No password stands in a command line, which every user of a host can read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from gofastr_queue import Queue
from gofastr_queue_conformance import Harness

PROC = Path("/proc")

pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="no /proc tells of processes here")

CANARY = "s3cr3t-argument"

HANDLERS = """
import time
from pathlib import Path

def wait(job):
    Path(job.payload, job.id).touch()
    while not Path(job.payload, "go").exists():
        time.sleep(0.02)
"""

APP = """
import os
from gofastr_queue import Queue
from waiting import wait

queue = Queue.open(os.environ["GOFASTR_QUEUE_URL"])
queue.register_handler("apart", wait, process=True)
queue.register_handler("here", wait)
"""

PROGRAM = f"""
import os, sys
sys.argv.append({CANARY!r})  # as a program that has read a secret and keeps it there
sys.path.append({CANARY!r})
from app import queue

if __name__ == "__main__":
    queue.run(2)
"""


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"no {what} in time"
        time.sleep(0.05)


def family(pid: int) -> Iterator[int]:
    """Return a process and all that came of it."""
    yield pid
    for children in PROC.glob(f"{pid}/task/*/children"):
        for child in children.read_text().split():
            yield from family(int(child))


def command_line(pid: int) -> str:
    return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()


def words(folder: Path, url: str, jobs: int, *arguments: str) -> list[str]:
    """Run a program until its jobs run; return the command lines of it and what came of it."""
    (folder / "waiting.py").write_text(HANDLERS)
    (folder / "app.py").write_text(APP)
    (folder / "program.py").write_text(PROGRAM)
    with Queue.open(url) as queue:
        for number in range(jobs):
            type = "apart" if number % 2 else "here"
            queue.enqueue(type, str(folder), id=f"job-{number}")
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=os.environ | {"GOFASTR_QUEUE_URL": url}
    ) as process:
        try:
            until(lambda: len(list(folder.glob("job-*"))) == jobs, "running job")
            found = [command_line(pid) for pid in family(process.pid)]
        finally:
            (folder / "go").touch()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
    return found


@pytest.mark.parametrize("store", ["postgres", "redis"])
def test_workers_and_their_children_show_no_password_of_their_url(
    store: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    harness: Harness = request.getfixturevalue(store)
    password = urlsplit(harness.url).password
    assert password

    found = words(
        *(tmp_path, harness.url, 4, "-m", "gofastr_queue", "work", "app:queue"),
        *("--processes", "2", "--workers", "2"),
    )

    assert len(found) >= 5  # the supervisor, two workers, and a child for each job apart
    for line in found:
        assert password not in line
        assert unquote(password) not in line


def test_a_child_does_not_repeat_what_its_program_was_called_with(tmp_path: Path) -> None:
    found = words(tmp_path, f"sqlite:///{tmp_path}/jobs.db", 2, "program.py")

    assert len(found) == 2
    assert [line for line in found if CANARY in line] == []
