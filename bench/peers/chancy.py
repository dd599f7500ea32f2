"""Chancy with its synchronous producer; at least once where a job has more than one attempt.

Its worker is ``chancy worker start`` with the asynchronous executor, eager polling and 1,000 jobs
at once: it writes once a second what was done, and takes no more before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from time import perf_counter

from bench.contest.contestant import Payload, serve
from bench.peers.handler import handle_fields
from bench.peers.peer import PostgresPeer
from bench.peers.place import url
from chancy import Chancy, Job, Queue

CONCURRENCY = 1_000

log = logging.getLogger("bench.chancy")
log.setLevel(logging.WARNING)  # it logs each job otherwise
app = Chancy(url(), log=log)
noop = Job.from_func(handle_fields, max_attempts=3)
queue = Queue(
    "default", concurrency=CONCURRENCY, executor=Chancy.Executor.Async, eager_polling=True
)


class Peer(PostgresPeer):
    """Jobs that are done stay in the table for a while."""

    package = "chancy"
    worker = ("chancy.cli.cli", "--app", "bench.peers.chancy.app", "worker", "start")
    tables = "chancy_jobs"
    waiting = "SELECT count(*) FROM chancy_jobs WHERE state IN ('pending', 'running', 'retrying')"

    def make(self) -> None:
        """Migrate, and declare the queue."""

        async def made() -> None:
            async with Chancy(self.url, log=log) as chancy:
                await chancy.migrate()
                await chancy.declare(queue, upsert=True)

        asyncio.run(made())

    def enqueue_one(self, payload: Payload) -> None:
        """Push."""
        app.sync_push(noop.with_kwargs(**payload))

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:
        """Push many."""
        begin = perf_counter()
        jobs = [noop.with_kwargs(**payload) for payload in payloads]
        for _ in app.sync_push_many(jobs, batch_size=by):
            pass
        return perf_counter() - begin

    def close(self) -> None:
        """Close the connections."""
        app.sync_pool.close()
        super().close()


if __name__ == "__main__":
    serve(Peer)
