"""A driver without a framework: our columns, indexes, ids and JSON, and no more."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from bench.contest.contestant import Contestant, Payload, RefusedError
from bench.contest.payload import number_of

from gofastr_queue.ids import new_id
from gofastr_queue.records import new_tokens

TYPE = "noop"
ATTEMPTS = 3
LEASE_MICROS = 300 * 1_000_000
WORKER = "raw"

encode = json.dumps
"""As ``python -m bench.ours`` writes payloads, but by the shortest way that Python has."""

Claimed = tuple[str, str, str]
"""The id, the token and the payload of a claimed job."""

Made = tuple[str, str, int]
"""The id and the payload of a new job, and the time in microseconds since 1970."""


class Driver(Contestant, ABC):
    """Claims and acks in this process, ``by`` jobs at a time."""

    by = 100

    @abstractmethod
    def claim(self, limit: int, tokens: Sequence[str]) -> list[Claimed]:
        """Lease the best jobs, and return them with all their columns read."""

    @abstractmethod
    def ack(self, claimed: Sequence[Claimed]) -> int:
        """Remove jobs whose token is current; return how many."""

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Take from an order to work how many jobs to claim at a time."""
        given = dict(order)
        self.by = given.pop("by", 100) if order["do"] == "work" else self.by
        return super().obey(given)

    def work(self, processes: int, jobs: int) -> tuple[float, int]:
        """Claim and ack until there is nothing, with a round trip for each."""
        if processes > 1:
            raise RefusedError("a driver is measured in one process")
        done: list[Claimed] = []
        begin = time.monotonic()
        while claimed := self.claim(self.by, new_tokens(self.by)):
            if self.ack(claimed) != len(claimed):
                raise RuntimeError("a token was not current")
            done += claimed
        seconds = time.monotonic() - begin
        numbers = {number_of(json.loads(payload)) for _, _, payload in done}
        if numbers != set(range(jobs)) or len(done) != jobs or self.left():
            raise RuntimeError(f"{len(numbers)} of {jobs} jobs in {len(done)} claims")
        return seconds, len(done)


def made(payload: Payload) -> Made:
    """Return what a new job is, an id of ours and JSON text with it."""
    return new_id(), encode(payload), time.time_ns() // 1_000
