"""Four threads of the standard library: ``python -m bench.peers.threadpool memory://``."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

from bench.contest.contestant import About, Contestant, Payload, RefusedError, Running, serve
from bench.contest.ledger import Ledger
from bench.contest.payload import number_of

THREADS = 4


class ThreadPool(Contestant):
    """An executor whose threads are held up until a worker is asked for."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.executor = ThreadPoolExecutor(THREADS)
        self._mark = _nobody
        self._hold()

    def prepare(self) -> About:
        """Name the interpreter: it brings the pool."""
        return About("ThreadPoolExecutor(4)", platform.python_version(), "memory")

    def enqueue_one(self, payload: Payload) -> None:
        """Submit a call."""
        self._last = self.executor.submit(self._call, payload)

    def left(self) -> int:
        """Count what waits for a thread; of what runs only the last."""
        return max(self.executor._work_queue.qsize(), int(not self._last.done()))  # noqa: SLF001 - it has no other count

    @contextmanager
    def running(self, ledger: Ledger, processes: int) -> Iterator[Running]:
        """Let the threads go, and hold them up again afterwards."""
        if processes > 1:
            raise RefusedError("a thread pool belongs to one process")
        self._mark = ledger.stamp
        yield Threads(self._gate)
        self._hold()

    def close(self) -> None:
        """End the threads."""
        self._gate.set()
        self.executor.shutdown()

    def _call(self, payload: Payload) -> None:
        self._mark(number_of(payload))

    def _hold(self) -> None:
        """Keep every thread busy until the gate opens."""
        self._gate = Event()
        held = [Event() for _ in range(THREADS)]
        for each in held:
            self._last = self.executor.submit(self._wait, each, self._gate)
        for each in held:
            each.wait()

    def _wait(self, held: Event, gate: Event) -> None:
        held.set()
        gate.wait()


class Threads(Running):
    """Threads behind a gate."""

    def __init__(self, gate: Event) -> None:
        self._gate = gate

    def go(self) -> float:
        """Open the gate."""
        begin = time.monotonic()
        self._gate.set()
        return begin

    def check(self) -> None:
        """Do nothing: no thread of this process ends alone."""


def _nobody(number: int) -> None:
    raise RuntimeError(f"job {number} ran without a ledger")


if __name__ == "__main__":
    serve(ThreadPool)
