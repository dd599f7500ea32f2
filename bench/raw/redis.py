"""Redis through redis-py and three scripts alone: ``python -m bench.raw.redis URL``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import redis
from bench.contest.contestant import About, Payload, serve
from bench.ours.store import KEYS, RedisStore
from bench.raw.driver import ATTEMPTS, LEASE_MICROS, TYPE, WORKER, Claimed, Driver, made

NAMES = [f"{KEYS}:{kind}" for kind in ("seq", "jobs", "state", "ready", "leases", "places")]
"""The keys that every job of ours passes; the others hold what is not due, lines and errors."""


class RawRedis(Driver):
    """One connection, a script for each transition."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.store = RedisStore.at(url)
        self.client = self.store.client
        folder = Path(__file__).parent
        self._put, self._claim, self._ack = (
            self.client.register_script((folder / f"{name}.lua").read_text("utf-8"))
            for name in ("put", "claim", "ack")
        )

    def prepare(self) -> About:
        """Say how durable the server is."""
        return About("redis-py", redis.__version__, self.store.durability())

    def enqueue_one(self, payload: Payload) -> None:
        """Store a job."""
        self._put(NAMES, list(_arguments(payload)))

    def bulk(self, payloads: Sequence[Payload], by: int) -> float:
        """Store ``by`` jobs in one call."""
        begin = time.perf_counter()
        for start in range(0, len(payloads), by):
            chunk = payloads[start : start + by]
            self._put(NAMES, [one for payload in chunk for one in _arguments(payload)])
        return time.perf_counter() - begin

    def left(self) -> int:
        """Count fields."""
        return self.store.left()

    def claim(self, limit: int, tokens: Sequence[str]) -> list[Claimed]:
        """Lease the best jobs."""
        until = f"{time.time_ns() // 1_000 + LEASE_MICROS:018}"
        told: Any = self._claim(NAMES, [limit, until, WORKER, *tokens])
        if not told:
            return []
        return [
            (id, token, body.rpartition("\0")[2])
            for id, token, body in zip(told[0], tokens, told[1], strict=False)
        ]

    def ack(self, claimed: Sequence[Claimed]) -> int:
        """Remove jobs."""
        ids, tokens, _ = zip(*claimed, strict=True)
        return int(self._ack(NAMES, [*ids, *tokens]))

    def close(self) -> None:
        """Close."""
        self.store.close()


def _arguments(payload: Payload) -> Iterator[str]:
    id, text, now = made(payload)
    yield id
    yield f"\0{TYPE}\0{0}\0"
    yield f"\0{now:018}\0{now:018}\0{ATTEMPTS}\0\0{text}"


if __name__ == "__main__":
    serve(RawRedis)
