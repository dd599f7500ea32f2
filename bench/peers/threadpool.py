"""Four threads of the standard library: ``python -m bench.peers.threadpool memory://``."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event

from bench.contest.contestant import About, Contestant, Payload, RefusedError, Running, serve
from bench.contest.ledger import Ledger, Mark, new_ledger
from bench.contest.payload import number_of, payload
from bench.contest.workers import LOOK

THREADS = 4


class ThreadPool(Contestant):
    """An executor as its users have it: nothing waits until it is asked for, so a drain submits."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.executor = ThreadPoolExecutor(THREADS)
        self._mark: Mark = _ignore
        self._gate = Event()
        self._gate.set()
        self._submitted: list[Future[None]] = []

    def prepare(self) -> About:
        """Name the interpreter: it brings the pool."""
        return About("ThreadPoolExecutor(4)", platform.python_version(), "in memory")

    def enqueue_one(self, payload: Payload) -> None:
        """Submit a call."""
        self._submitted.append(self.executor.submit(self._call, payload))

    def enqueue(self, payloads: Sequence[Payload]) -> float:
        """Submit calls while every thread is held up."""
        if self._gate.is_set():
            self._gate = Event()
            for _ in range(THREADS):
                self.executor.submit(self._gate.wait)
            while self.executor._work_queue.qsize():  # noqa: SLF001 - until threads have taken them
                time.sleep(LOOK)
        return super().enqueue(payloads)

    def left(self) -> int:
        """Count calls that have not returned."""
        self._submitted = [one for one in self._submitted if not one.done()]
        return len(self._submitted)

    def work(self, processes: int, jobs: int) -> tuple[float, int]:
        """Let go what was held up, then submit as many calls again and wait for all of them."""
        with new_ledger(jobs) as ledger, self.running(ledger, processes):
            payloads = [payload(number) for number in range(jobs)]
            begin = time.monotonic()
            futures = [self.executor.submit(self._call, one) for one in payloads]
            wait(futures)
            return time.monotonic() - begin, ledger.handled

    @contextmanager
    def running(self, ledger: Ledger, processes: int) -> Iterator[Running]:
        """Mark a ledger."""
        if processes > 1:
            raise RefusedError("a thread pool belongs to one process")
        self._gate.set()
        while self.left():
            time.sleep(LOOK)
        self._mark = ledger.stamp
        yield Threads()
        self._mark = _ignore

    def close(self) -> None:
        """End the threads."""
        self._gate.set()
        self.executor.shutdown()

    def _call(self, payload: Payload) -> None:
        self._mark(number_of(payload))


class Threads(Running):
    """Threads that run already."""

    def go(self) -> float:
        """Return the moment."""
        return time.monotonic()

    def check(self) -> None:
        """Do nothing: no thread of this process ends alone."""


def _ignore(number: int) -> None:
    """Mark nothing: what is only enqueued is not counted."""


if __name__ == "__main__":
    serve(ThreadPool)
