"""Worker processes of a contestant.

One that can wait is a script of ours: it says ``ready`` on stdout and begins at a line on stdin.
Others begin by themselves.  None outlives the contestant.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bench.contest import leash
from bench.contest.ledger import Ledger

READY_SECONDS = 60.0
DONE_SECONDS = float(os.environ.get("BENCH_DONE_SECONDS", "600"))
"""How long a drain may take."""
STOP_SECONDS = 10.0

READY = "ready"
LOOK = 0.0005
"""Seconds between two looks at the ledger, which cost a microsecond each."""


class WorkersError(RuntimeError):
    """Workers did not do what they were started for."""


class Workers:
    """Processes that run a contestant's jobs."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], count: int) -> None:
        self._processes = [
            subprocess.Popen(  # noqa: S603 - a contestant's own command
                [*leash.COMMAND, *command],
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(count)
        ]

    def ready(self) -> None:
        """Wait until each has said that it is ready."""
        for process in self._processes:
            assert process.stdout is not None
            line = process.stdout.readline()
            if line.strip() != READY:
                raise WorkersError(f"a worker said {line!r} and ended as {process.poll()}")

    def go(self) -> float:
        """Let those that wait begin; return the moment, as ``time.monotonic`` has it."""
        moment = time.monotonic()
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return moment

    def check(self) -> None:
        """Raise ``WorkersError`` if one has ended."""
        for process in self._processes:
            if process.poll() is not None:
                raise WorkersError(f"a worker ended as {process.returncode}")

    def stop(self) -> None:
        """End them: SIGTERM, as their users would, and after a while SIGKILL."""
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()


@contextmanager
def workers(command: Sequence[str], ledger: Ledger, count: int = 1) -> Iterator[Workers]:
    """Give worker processes that mark a ledger, and end them."""
    started = Workers(command, ledger.environment, count)
    try:
        yield started
    finally:
        started.stop()


def wait_at_start() -> None:
    """In a worker of ours: say that it is ready, and wait for the order to begin."""
    print(READY, flush=True)
    if not sys.stdin.readline():
        os._exit(1)
