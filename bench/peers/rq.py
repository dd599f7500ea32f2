"""RQ; at least once, as its maintenance gives back what a worker that is gone had begun.

Its worker is ``rq worker`` with the worker class that does not fork for each job, no log of each
job, and no result kept.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import perf_counter

from bench.contest.contestant import Payload, serve
from bench.peers.handler import handle
from bench.peers.peer import RedisPeer
from redis import Redis
from rq import Queue

QUEUE = "default"


class Peer(RedisPeer):
    """A job's id is in a list until it is taken, and then in a registry until it is done."""

    package = "rq"
    worker = (
        *("rq.cli", "worker", "--worker-class", "rq.worker.SimpleWorker"),
        *("--disable-job-desc-logging", "--quiet", QUEUE),
    )

    def __init__(self, url: str) -> None:
        super().__init__(url)
        os.environ["RQ_REDIS_URL"] = url
        self.client = Redis.from_url(url)
        self.queue = Queue(QUEUE, connection=self.client)

    def enqueue_one(self, payload: Payload) -> None:
        """Enqueue."""
        self.queue.enqueue_call(handle, args=(payload,), result_ttl=0)

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:
        """Enqueue many."""
        begin = perf_counter()
        for start in range(0, len(payloads), by):
            self.queue.enqueue_many(
                [
                    Queue.prepare_data(handle, args=(payload,), result_ttl=0)
                    for payload in payloads[start : start + by]
                ]
            )
        return perf_counter() - begin

    def left(self) -> int:
        """Count what waits and what was begun."""
        client = self.store
        waiting = client.llen(f"rq:queue:{QUEUE}") + client.llen(f"rq:queue:{QUEUE}:intermediate")
        return int(waiting + client.zcard(f"rq:wip:{QUEUE}"))

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        super().close()


if __name__ == "__main__":
    serve(Peer)
