"""A contestant that does not do what it claims: ``python -m tests.bench.cheat memory://HOW``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.contest.contestant import About, Contestant, Payload, RefusedError, Running, serve
from bench.contest.ledger import Ledger
from bench.contest.payload import number_of


class Cheat(Contestant):
    """Jobs in a list, handled when they are asked for."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.how = url.partition("//")[2]
        self.jobs: list[Payload] = []
        self.ledger: Ledger | None = None

    def prepare(self) -> About:
        """Claim to be durable."""
        durability = "sometimes" if self.how == "not-durable" else "in memory"
        return About("cheat", self.how, durability)

    def enqueue_one(self, payload: Payload) -> None:
        """Keep a payload."""
        if self.how == "buffers" and len(self.jobs) % 10 == 9:
            return
        self.jobs.append(payload)
        self._work_off()

    def left(self) -> int:
        """Count."""
        return len(self.jobs)

    @contextmanager
    def running(self, ledger: Ledger, processes: int) -> Iterator[Running]:
        """Handle at once."""
        if processes > 1:
            raise RefusedError("one process")
        self.ledger = ledger
        yield Now(self)
        self.ledger = None

    def work_off(self) -> None:
        """Handle everything, some twice or not at all."""
        if self.ledger is None:
            return
        for payload in self.jobs:
            self.ledger.stamp(number_of(payload))
        if self.how == "twice" and self.jobs:
            self.ledger.stamp(number_of(self.jobs[0]))
        self.jobs = self.jobs[:1] if self.how == "keeps" else []

    def close(self) -> None:
        """Forget."""
        self.jobs = []

    def _work_off(self) -> None:
        if self.how != "dies":
            self.work_off()
            return
        raise SystemExit(3)


class Now(Running):
    """Everything at once."""

    def __init__(self, cheat: Cheat) -> None:
        self.cheat = cheat

    def go(self) -> float:
        """Handle what is there."""
        begin = time.monotonic()
        self.cheat.work_off()
        return begin

    def check(self) -> None:
        """Do nothing."""


if __name__ == "__main__":
    serve(Cheat)
