"""Celery on Redis; at least once, by late acknowledgement.

Its worker is ``celery worker`` with the solo pool, which beats a pool of one process for jobs that
take no time, without gossip, mingle, heartbeat and results, and with 100 jobs prefetched.
"""

from __future__ import annotations

from bench.contest.contestant import Payload, serve
from bench.peers.handler import handle
from bench.peers.peer import RedisPeer
from bench.peers.place import url
from celery import Celery

QUEUE = "celery"

app = Celery("bench", broker=url())
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    worker_prefetch_multiplier=100,
    worker_hijack_root_logger=False,
)
noop = app.task(name="noop")(handle)


class Peer(RedisPeer):
    """A message is in a list until it is taken, and in a hash until it is acknowledged."""

    package = "celery"
    worker = (
        *("celery", "--quiet", "--app", "bench.peers.celery:app", "worker", "--pool", "solo"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"),
        *("--hostname", "%n-%i"),
    )

    def enqueue_one(self, payload: Payload) -> None:
        """Apply."""
        noop.apply_async((payload,))

    def left(self) -> int:
        """Count what waits and what is not acknowledged."""
        return int(self.store.llen(QUEUE) + self.store.hlen("unacked"))

    def close(self) -> None:
        """Close the connections."""
        app.close()
        super().close()


if __name__ == "__main__":
    serve(Peer)
