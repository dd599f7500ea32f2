"""SAQ on Redis; at least once, as jobs may be tried again.

Its worker is the command ``saq`` with its default of ten coroutines, and no result kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bench.contest.contestant import Payload, Running, serve
from bench.contest.ledger import Ledger
from bench.peers.handler import handle_fields
from bench.peers.peer import Loop, RedisPeer
from bench.peers.place import url
from saq import Queue

QUEUE = "default"
CONCURRENCY = 10

SWEEP_SECONDS = 60
"""How long no worker sweeps after another has."""


async def noop(_context: dict[str, Any], **payload: str | int) -> None:
    """Handle a job."""
    await handle_fields(**payload)


settings = {"queue": Queue.from_url(url()), "functions": [noop], "concurrency": CONCURRENCY}


class Peer(RedisPeer):
    """A job's key is in a sorted set until it is done."""

    package = "saq"
    worker = ("saq", "bench.peers.saq.settings", "--quiet")

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.loop = Loop()
        self.queue = Queue.from_url(url)
        self.loop.run(self.queue.connect())

    async def _enqueue(self, payload: Payload) -> None:
        await self.queue.enqueue("noop", ttl=-1, retries=3, **payload)

    def enqueue_one(self, payload: Payload) -> None:
        """Enqueue."""
        self.loop.run(self._enqueue(payload))

    def enqueue(self, payloads: Sequence[Payload]) -> float:
        """Enqueue one at a time."""
        return self.loop.timed(self._enqueue, payloads)

    @contextmanager
    def running(self, ledger: Ledger, processes: int) -> Iterator[Running]:
        """Start workers as if another had just swept.

        A sweep at their start would take what they are taking for stuck, and run it again.
        """
        self.store.set(f"saq:{QUEUE}:sweep", 1, ex=SWEEP_SECONDS)
        with super().running(ledger, processes) as running:
            yield running

    def left(self) -> int:
        """Count what is not done."""
        return int(self.store.zcard(f"saq:{QUEUE}:incomplete"))

    def close(self) -> None:
        """Close the connections."""
        self.loop.run(self.queue.disconnect())
        self.loop.close()
        super().close()


if __name__ == "__main__":
    serve(Peer)
