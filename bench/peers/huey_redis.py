"""Huey on Redis; at most once: what a worker has taken is gone from the store.

Its worker is ``huey_consumer`` with one thread that waits in the store, and no results.
"""

from __future__ import annotations

from bench.contest.contestant import Payload, serve
from bench.peers.handler import handle
from bench.peers.peer import RedisPeer
from bench.peers.place import url
from huey import RedisHuey

huey = RedisHuey("bench", url=url(), results=False)
noop = huey.task()(handle)


class Peer(RedisPeer):
    """A job is in a list until it is taken."""

    package = "huey"
    worker = ("huey.bin.huey_consumer", "bench.peers.huey_redis.huey", "--no-periodic", "--quiet")

    def enqueue_one(self, payload: Payload) -> None:
        """Call."""
        noop(payload)

    def left(self) -> int:
        """Count what waits; what runs is nowhere."""
        return int(self.store.llen("huey.redis.bench"))


if __name__ == "__main__":
    serve(Peer)
