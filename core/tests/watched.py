"""What tests of processes wait for, and what they ask of a process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from gofastr_queue import JobError, Queue


def until(happened: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something has happened; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def pid_in(path: Path) -> int:
    """Return the pid that a process writes into a file."""
    until(lambda: path.exists() and path.read_text())
    return int(path.read_text())


def only_error(queue: Queue, id: str) -> JobError:
    """Wait until a job has failed, and return its only error."""
    until(lambda: (job := queue.get(id)) is not None and job.status == "failed")
    job = queue.get(id)
    assert job is not None
    (error,) = job.errors
    return error
