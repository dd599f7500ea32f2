"""Our queue, as its users have it: ``python -m bench.ours URL``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

from bench.contest.contestant import (
    About,
    Contestant,
    Payload,
    RefusedError,
    Running,
    Waiting,
    serve,
)
from bench.contest.durability import of_sqlite
from bench.contest.ledger import Ledger
from bench.contest.workers import workers
from bench.ours.queues import TYPE, handle, open_queue, warm_up
from bench.ours.store import store

from gofastr_queue import Job, Queue
from gofastr_queue.backends import connect
from gofastr_queue_memory import MemoryBackend
from gofastr_queue_sql import SqliteBackend

NAME = "gofastr-queue"


class Ours(Contestant):
    """Verbs that a producer uses; what the store holds is asked of its driver."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        warm_up(url)
        self.backend = connect(url)
        self.queue = open_queue(self.backend)

    def enqueue_one(self, payload: Payload) -> None:
        """Enqueue."""
        self.queue.enqueue(TYPE, payload)

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:
        """Enqueue many."""
        begin = time.perf_counter()
        for start in range(0, len(payloads), by):
            self.queue.enqueue_many(
                Job(type=TYPE, payload=one) for one in payloads[start : start + by]
            )
        return time.perf_counter() - begin

    def close(self) -> None:
        """Close the queue."""
        self.queue.close()


class OursStored(Ours):
    """In a store that processes share."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.store = store(url)

    def prepare(self) -> About:
        """Say how durable the store is; everything has been made."""
        return About(NAME, version(NAME), self._durability())

    def left(self) -> int:
        """Count rows."""
        return self.store.left()

    @contextmanager
    def running(self, ledger: Ledger, processes: int) -> Iterator[Running]:
        """Give processes that run the queue."""
        command = [sys.executable, "-m", "bench.ours.worker", self.url]
        with workers(command, ledger, processes) as started:
            yield Waiting(started)

    def close(self) -> None:
        """Close the queue and the driver's connection."""
        super().close()
        self.store.close()

    def _durability(self) -> str:
        """Ask the store; SQLite keeps it for each connection, so the queue's own is asked."""
        if isinstance(self.backend, SqliteBackend):
            with self.backend._writer.reading() as cursor:  # noqa: SLF001 - the connection that commits
                return of_sqlite(cursor)
        return self.store.durability()


class OursInMemory(Ours):
    """In this process, with the threads of the queue's own worker."""

    def prepare(self) -> About:
        """Nothing is durable."""
        return About(NAME, version(NAME), "in memory")

    def left(self) -> int:
        """Count what the backend holds."""
        assert isinstance(self.backend, MemoryBackend)
        return len(self.backend._store.entries)  # noqa: SLF001 - without the queue's own counting

    @contextmanager
    def running(self, ledger: Ledger, processes: int) -> Iterator[Running]:
        """Give the queue's worker, in this process."""
        if processes > 1:
            raise RefusedError("a queue in memory belongs to one process")
        started = InProcess(self.queue, ledger)
        yield started
        started.stop()
        self.backend = connect(self.url)
        self.queue = open_queue(self.backend)


class InProcess(Running):
    """The worker of a queue in this process."""

    def __init__(self, queue: Queue, ledger: Ledger) -> None:
        self._queue = queue
        handle(queue, ledger.stamp)

    def go(self) -> float:
        """Start it."""
        begin = time.monotonic()
        self._queue.start()
        return begin

    def check(self) -> None:
        """Do nothing: no thread of this process ends alone."""

    def stop(self) -> None:
        """Close the queue."""
        self._queue.close()


def make(url: str) -> Ours:
    """Return what takes part at a URL."""
    return OursInMemory(url) if url.startswith("memory:") else OursStored(url)


if __name__ == "__main__":
    serve(make)
