"""Huey in the memory of its process; at most once.

Its worker is a consumer with one thread that looks for jobs every millisecond while there are none
(its default is 0.1 s, and ever longer up to 10 s), and no results.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.contest.contestant import Payload, RefusedError, Running, serve
from bench.contest.ledger import Ledger, Mark
from bench.contest.payload import number_of
from bench.peers.peer import Peer as AnyPeer
from huey import MemoryHuey

IDLE_SECONDS = 0.001


class Consumer(Running):
    """A consumer in this process, of which the main thread only waits."""

    def __init__(self, huey: Any) -> None:
        self._consumer = huey.create_consumer(
            workers=1, periodic=False, initial_delay=IDLE_SECONDS, max_delay=IDLE_SECONDS
        )

    def go(self) -> float:
        """Start it."""
        begin = time.monotonic()
        self._consumer.start()
        return begin

    def check(self) -> None:
        """Do nothing: no thread of this process ends alone."""

    def stop(self) -> None:
        """Stop it when its thread has done what it is at."""
        self._consumer.stop(graceful=True)


class Peer(AnyPeer):
    """A job is in a heap until it is taken."""

    package = "huey"
    worker = ()

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.huey: Any = MemoryHuey("bench", results=False)
        self.noop = self.huey.task()(self._handle)
        self.mark: Mark | None = None

    def _handle(self, payload: Payload) -> None:
        assert self.mark is not None
        self.mark(number_of(payload))

    def make(self) -> None:
        """Do nothing."""

    def clear(self) -> None:
        """Empty the heap."""
        self.huey.storage.flush_queue()

    def durability(self) -> str:
        """Nothing is durable."""
        return "in memory"

    def enqueue_one(self, payload: Payload) -> None:
        """Call."""
        self.noop(payload)

    def left(self) -> int:
        """Count what waits; what runs is nowhere."""
        return len(self.huey.storage._queue)  # noqa: SLF001 - without its own counting

    @contextmanager
    def running(self, ledger: Ledger, processes: int) -> Iterator[Running]:
        """Give a consumer in this process."""
        if processes > 1:
            raise RefusedError("a queue in memory belongs to one process")
        self.mark = ledger.stamp
        consumer = Consumer(self.huey)
        yield consumer
        consumer.stop()

    def close(self) -> None:
        """Do nothing: it goes with the process."""


if __name__ == "__main__":
    serve(Peer)
