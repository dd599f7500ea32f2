"""litequeue: a bare queue in SQLite; at least once for who gives back what is locked for too long.

It has no worker and recommends none: ours pops, calls, says done, and looks for messages every
millisecond while there are none.  Its bulk is single puts in a transaction of its own making.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.contest import durability
from bench.contest.contestant import Payload, Running, Waiting, serve
from bench.contest.ledger import Ledger, marker
from bench.contest.payload import number_of
from bench.contest.workers import wait_at_start, workers
from bench.peers.peer import SqlitePeer
from bench.peers.place import file, synchronous
from litequeue import LiteQueue

IDLE_SECONDS = 0.001


def opened() -> Any:
    """Open the queue, as durable as the URL says; by itself it is normal."""
    queue = LiteQueue(file(), timeout=30)
    queue.conn.execute(f"PRAGMA synchronous = {synchronous()}")
    return queue


class Peer(SqlitePeer):
    """A message that is done stays in the table."""

    package = "litequeue"
    table = "Queue"
    waiting = "SELECT count(*) FROM Queue WHERE status IN (0, 1)"
    worker = ()

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.queue = opened()

    def enqueue_one(self, payload: Payload) -> None:
        """Put."""
        self.queue.put(json.dumps(payload))

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:
        """Put in a transaction."""
        begin = time.perf_counter()
        for start in range(0, len(payloads), by):
            with self.queue.transaction():
                for payload in payloads[start : start + by]:
                    self.queue.put(json.dumps(payload))
        return time.perf_counter() - begin

    def durability(self) -> str:
        """Ask the connection that enqueues."""
        return durability.of_sqlite(self.queue.conn)

    @contextmanager
    def running(self, ledger: Ledger, processes: int) -> Iterator[Running]:
        """Give loops of ours in processes of their own."""
        command = [sys.executable, "-c", "from bench.peers.litequeue import work; work()"]
        with workers(command, ledger, processes) as started:
            yield Waiting(started)

    def close(self) -> None:
        """Close the connections."""
        self.queue.close()
        super().close()


def work() -> None:
    """Run messages, in a process that is ended from outside."""
    queue, mark = opened(), marker()
    wait_at_start()
    while True:
        message = queue.pop()
        if message is None:
            time.sleep(IDLE_SECONDS)
            continue
        mark(number_of(json.loads(message.data)))
        queue.done(message.message_id)


if __name__ == "__main__":
    serve(Peer)
