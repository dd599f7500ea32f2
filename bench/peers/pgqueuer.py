"""PgQueuer through asyncpg, on uvloop as its own command runs; at least once.

Its worker is ``pgqueuer.run``, which is ``pgq run`` as a call (the command itself fails with the
typer that it installs), with batches of 100 and a coroutine as entrypoint.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any

import asyncpg
import uvloop
from bench.contest.contestant import Payload, serve
from bench.peers.handler import handle
from bench.peers.peer import Loop, PostgresPeer
from bench.peers.place import url
from pgqueuer import PgQueuer, Queries, run

ENTRYPOINT = "noop"
BATCH = 100


class Peer(PostgresPeer):
    """Jobs are deleted when done, with a row in a log."""

    package = "pgqueuer"
    worker = ("bench.peers.pgqueuer:work",)
    tables = "pgqueuer, pgqueuer_log"
    waiting = "SELECT count(*) FROM pgqueuer"

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.loop = Loop(uvloop.new_event_loop)
        self.connection: Any = self.loop.run(asyncpg.connect(url))
        self.queries = Queries.from_asyncpg_connection(self.connection)

    def make(self) -> None:
        """Install its tables, all of them logged."""
        self.loop.run(self.queries.install())

    async def _enqueue(self, payload: Payload) -> None:
        await self.queries.enqueue(ENTRYPOINT, json.dumps(payload).encode())

    def enqueue_one(self, payload: Payload) -> None:
        """Enqueue."""
        self.loop.run(self._enqueue(payload))

    def enqueue(self, payloads: Sequence[Payload]) -> float:
        """Enqueue one at a time."""
        return self.loop.timed(self._enqueue, payloads)

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:
        """Enqueue lists."""
        begin = perf_counter()
        for start in range(0, len(payloads), by):
            some = [json.dumps(each).encode() for each in payloads[start : start + by]]
            entrypoints, priorities = [ENTRYPOINT] * len(some), [0] * len(some)
            self.loop.run(self.queries.enqueue(entrypoints, some, priorities))
        return perf_counter() - begin

    def close(self) -> None:
        """Close the connections."""
        self.loop.run(self.connection.close())
        self.loop.close()
        super().close()


async def noop(job: Any) -> None:
    """Handle a job."""
    handle(json.loads(job.payload))


@asynccontextmanager
async def manager() -> AsyncIterator[PgQueuer]:
    """Give what is run."""
    connection = await asyncpg.connect(url())
    try:
        queue = PgQueuer.from_asyncpg_connection(connection)
        queue.entrypoint(ENTRYPOINT)(noop)
        yield queue
    finally:
        await connection.close()


def work() -> None:
    """Run until a signal."""
    uvloop.run(run(manager, batch_size=BATCH))


if __name__ == "__main__":
    serve(Peer)
