"""Which jobs were handled, how often and when: memory that all worker processes share.

A file holds a byte for each job and then its moment; it shows what a killed process had done too.
Workers find it by the environment, handlers call what ``marker`` returns.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "BENCH_LEDGER"
"""The environment variable that names the file to workers."""

WIDTH = 8

Mark = Callable[[int], None]


class Ledger:
    """Counts and moments of jobs by number."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with file.open("r+b") as opened:
            self._map = mmap.mmap(opened.fileno(), 0)
        self.jobs = len(self._map) // (WIDTH + 1)
        whole = memoryview(self._map)
        self._moments = whole[: WIDTH * self.jobs].cast("q")
        self._counts = whole[WIDTH * self.jobs :]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of workers that shall mark it."""
        return os.environ | {FILE: str(self.file)}

    @property
    def handled(self) -> int:
        """How many handlers have begun, also again for the same job."""
        return sum(self._counts)

    @property
    def full(self) -> bool:
        """Whether the handler of every job has begun."""
        return self._map.find(b"\0", WIDTH * self.jobs) < 0

    def stamp(self, number: int) -> None:
        """Count a job and note when its handler first began."""
        self._moments[number] = self._moments[number] or time.monotonic_ns()
        self._counts[number] += 1

    def moment(self, number: int) -> int:
        """Return when a job was stamped, in nanoseconds of ``time.monotonic_ns``; 0 if not yet."""
        return self._moments[number]

    def close(self) -> None:
        """Let go of the memory."""
        self._moments.release()
        self._counts.release()


@contextmanager
def new_ledger(jobs: int) -> Iterator[Ledger]:
    """Give an empty ledger that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "ledger"
        file.write_bytes(bytes((WIDTH + 1) * jobs))
        ledger = Ledger(file)
        yield ledger
        ledger.close()


def marker() -> Mark:
    """Return what a worker process's handler calls with the number of its job."""
    return Ledger(Path(os.environ[FILE])).stamp
