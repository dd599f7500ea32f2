"""Dramatiq on Redis; at least once.

Its worker is the command ``dramatiq`` with one process, its default of eight threads, and 100
messages prefetched instead of 16.
"""

from __future__ import annotations

import os

from bench.contest import leash
from bench.contest.contestant import Payload, serve
from bench.peers.handler import handle
from bench.peers.peer import RedisPeer
from bench.peers.place import url
from dramatiq import actor
from dramatiq.brokers.redis import RedisBroker

leash.tie()  # what its command forks, and imports this, would go on without it

os.environ["dramatiq_queue_prefetch"] = "100"  # noqa: SIM112 - its name in its reference

broker = RedisBroker(url=url())
noop = actor(handle, actor_name="noop", broker=broker)


class Peer(RedisPeer):
    """A message stays in a hash until it is acknowledged."""

    package = "dramatiq"
    worker = (
        *("dramatiq", "bench.peers.dramatiq:broker", "--processes", "1", "--threads", "8"),
        "--skip-logging",
    )

    def enqueue_one(self, payload: Payload) -> None:
        """Send."""
        noop.send(payload)

    def left(self) -> int:
        """Count messages."""
        return int(self.store.hlen("dramatiq:default.msgs"))


if __name__ == "__main__":
    serve(Peer)
