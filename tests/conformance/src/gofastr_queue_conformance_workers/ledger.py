"""A file of effects that many processes append to, one whole line at a time."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from gofastr_queue import Job


@frozen
class Entry:
    """What a process did, with which job, in which attempt."""

    what: str
    id: str
    attempt: int
    process: int


@frozen
class Ledger:
    """Effects of handlers, outside the store that is tested."""

    path: Path

    def write(self, what: str, job: Job | None = None) -> None:
        """Append one line; no other process's line is torn by it."""
        id, attempt = ("-", 0) if job is None else (job.id, job.attempts)
        line = f"{what} {id} {attempt} {os.getpid()}\n".encode()
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line)
        finally:
            os.close(file)

    def read(self, what: str = "") -> list[Entry]:
        """Return what was written so far, in order; ``what`` leaves out everything else."""
        if not self.path.exists():
            return []
        lines = self.path.read_bytes().decode().splitlines(keepends=True)
        parts = [line.split() for line in lines if line.endswith("\n")]
        entries = [Entry(kind, id, int(attempt), int(pid)) for kind, id, attempt, pid in parts]
        return [entry for entry in entries if entry.what == what] if what else entries
