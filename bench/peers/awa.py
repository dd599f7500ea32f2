"""Awa, which is in Rust, with its synchronous producer; at least once.

Its worker is ``AsyncClient.start`` with a coroutine as handler, 100 at once.  Bulk is
``enqueue_many_copy``, which copies straight into its queue storage.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from awa import AsyncClient, Client
from bench.contest.contestant import Payload, serve
from bench.peers.handler import handle
from bench.peers.peer import PostgresPeer
from bench.peers.place import url

KIND = "noop"
QUEUE = "default"
CONCURRENCY = 100
SCHEMA = "awa"


@dataclass
class Noop:
    """What its handler is given for a payload."""

    number: int
    to: str
    subject: str


class Peer(PostgresPeer):
    """A job stays where it was ready; batches, and rows for slow jobs, tell what is done."""

    package = "awa-pg"
    worker = ("bench.peers.awa:work",)
    waiting = (
        "SELECT (SELECT count(*) FROM awa.ready_entries) - (SELECT count(*) FROM awa.done_entries)"
        " - (SELECT coalesce(sum(completed_count), 0) FROM awa.receipt_completion_batches)"
    )

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.client = Client(url)

    def make(self) -> None:
        """Migrate, and use the storage that is the newer of two."""
        self.client.migrate()
        self.client.install_queue_storage(schema=SCHEMA)

    def clear(self) -> None:
        """Make that storage anew, and connect anew: the types of its columns are others now."""
        self.client.install_queue_storage(schema=SCHEMA, reset=True)
        self.client.close()
        self.client = Client(self.url)
        self.client.queue_stats()

    def enqueue_one(self, payload: Payload) -> None:
        """Insert."""
        self.client.insert(payload, kind=KIND)

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:
        """Copy."""
        begin = perf_counter()
        for start in range(0, len(payloads), by):
            self.client.enqueue_many_copy(list(payloads[start : start + by]), kind=KIND)
        return perf_counter() - begin

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        super().close()


def work() -> None:
    """Run until a signal."""
    asyncio.run(_work())


async def _work() -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    client: Any = AsyncClient(url())
    client.task(Noop, kind=KIND, queue=QUEUE)(_noop)
    await client.start([(QUEUE, CONCURRENCY)])
    await ended.wait()
    await client.shutdown()


async def _noop(job: Any) -> None:
    handle(asdict(job.args))


if __name__ == "__main__":
    serve(Peer)
