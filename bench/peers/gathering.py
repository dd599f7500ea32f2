"""Worker processes of a peer: each begins by itself, and in its first handler waits for the others.

So the time starts when all of them work, whatever each needed to start.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from bench.contest.contestant import Running
from bench.contest.ledger import FILE, Ledger
from bench.contest.workers import LOOK, READY_SECONDS, Workers, WorkersError

GO = "go"
BEGAN = "began-"

PATIENCE = 5.0
"""Seconds in which the others must come once one is there: it may have taken all jobs."""


class Gathering(Running):
    """Worker processes on their way to their first job."""

    def __init__(self, workers: Workers, ledger: Ledger, processes: int) -> None:
        self._workers = workers
        self._folder = ledger.file.parent
        self._processes = processes

    def go(self) -> float:
        """Wait until each has a job, then let them begin."""
        began = time.monotonic()
        first = 0.0
        while (there := len(list(self._folder.glob(f"{BEGAN}*")))) < self._processes:
            self.check()
            now = time.monotonic()
            first = first or (now if there else 0.0)
            if first and now > first + PATIENCE:
                print(f"{there} of {self._processes} processes got a job", file=sys.stderr)
                break
            if now > began + READY_SECONDS:
                raise WorkersError(f"no handler began in {READY_SECONDS:.0f} s")
            time.sleep(LOOK)
        moment = time.monotonic()
        self._folder.joinpath(GO).touch()
        return moment

    def check(self) -> None:
        """Raise ``WorkersError`` if one has ended."""
        self._workers.check()


def gather() -> None:
    """In a worker, before its first job: say that it is there, and wait for the order to begin."""
    folder = Path(os.environ[FILE]).parent
    folder.joinpath(f"{BEGAN}{os.getpid()}").touch()
    go = folder / GO
    while folder.exists() and not go.exists():
        time.sleep(LOOK)
