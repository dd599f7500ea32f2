"""The same two thousand random operations have the same transcript on every store, to the byte."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from gofastr_queue import Claim, DuplicateJob, InvalidOption, Job, Queue
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance import Harness

OPERATIONS = 2_000
SPANS = tuple(timedelta(microseconds=10**power) for power in (0, 3, 6, 9))
TYPES, LANES = ("mail", "sms", "größe"), ("", "high", "low")
STATUSES = ("", "pending", "claimed", "failed")


class Player:
    """Plays random operations on a queue and writes down what each brought."""

    def __init__(self, harness: Harness, seed: int) -> None:
        self.chance = Random(seed)  # noqa: S311 - repeatable, no secret
        self.clock = FakeClock()
        self.queue = Queue(harness.open(), clock=self.clock, lease=timedelta(seconds=5))
        self.claims: list[Claim] = []
        self.lines: list[str] = []

    def play(self, count: int) -> str:
        """Play so many operations and return the transcript."""
        verbs: list[Callable[[], object]] = [
            *[self.enqueue] * 4,
            *[self.enqueue_many] * 2,
            *[self.claim] * 5,
            *[self.ack, self.nack, self.release, self.extend] * 2,
            *[self.reclaim, self.replay, self.cancel, self.purge],
            *[self.browse, self.counts, self.advance, self.advance],
        ]
        with self.queue:
            for number in range(count):
                verb = self.chance.choice(verbs)
                self.lines.append(f"{number} {verb.__name__} {self.written(verb)}")
            self.lines.append(repr([self.shown(job) for job in self.queue.list_jobs(limit=10_000)]))
        return "\n".join(self.lines)

    def written(self, verb: Callable[[], object]) -> str:
        """Return what an operation brought, or which error it raised."""
        try:
            return repr(verb())
        except (DuplicateJob, InvalidOption) as error:
            return f"{type(error).__name__} {error}"

    def enqueue(self) -> object:
        on_conflict = self.chance.choice(["error", "ignore"])
        job = self.job()
        return self.shown(
            self.queue.enqueue(
                job.type,
                job.payload,
                id=job.id,
                lane=job.lane,
                priority=job.priority,
                max_attempts=job.max_attempts,
                delay=self.chance.choice([None, *SPANS]),
                on_conflict=on_conflict,
            )
        )

    def enqueue_many(self) -> object:
        count = self.chance.choice([1, 3, 30])
        on_conflict = self.chance.choice(["error", "ignore"])
        jobs = [self.job() for _ in range(count)]
        return [self.shown(job) for job in self.queue.enqueue_many(jobs, on_conflict=on_conflict)]

    def claim(self) -> object:
        types = self.some(TYPES)
        lanes = self.some(LANES)
        claims = self.queue.claim(self.chance.randint(1, 40), types=types, lanes=lanes)
        self.claims += claims
        return [(self.shown(claim.job), claim.lease_until) for claim in claims]

    def ack(self) -> object:
        return self.numbers(self.queue.ack_many(self.picked()))

    def nack(self) -> object:
        claims = self.picked()[:1]
        delay = self.chance.choice([None, *SPANS])
        return [self.queue.nack(claim, "broken €", delay=delay) for claim in claims]

    def release(self) -> object:
        return [self.queue.release(claim) for claim in self.picked()[:1]]

    def extend(self) -> object:
        span = self.chance.choice(SPANS)
        return [self.queue.extend(claim, span) for claim in self.picked()[:1]]

    def reclaim(self) -> object:
        return self.queue.reclaim()

    def replay(self) -> object:
        return self.queue.replay_many(type=self.one(TYPES), limit=self.chance.choice([None, 2]))

    def cancel(self) -> object:
        return self.queue.cancel(self.id())

    def purge(self) -> object:
        status = self.chance.choice(["pending", "failed"])
        older = self.chance.choice([None, *SPANS])
        return self.queue.purge(status, lane=self.one(LANES), older_than=older, limit=2)

    def browse(self) -> object:
        status, size = self.chance.choice(STATUSES), self.chance.randint(1, 50)
        page = self.queue.browse(status, size, type=self.one(TYPES), lane=self.one(LANES))
        return [self.shown(job) for job in page.jobs], bool(page.next)

    def counts(self) -> object:
        counted = [
            (one.status, one.lane, one.type, one.count, one.oldest) for one in self.queue.counts()
        ]
        return self.queue.stats(), sorted(counted)

    def advance(self) -> object:
        self.clock.advance(self.chance.choice(SPANS))
        return self.clock.now()

    def job(self) -> Job:
        """Draw a job; a third of the ids are taken sooner or later."""
        return Job(
            type=self.chance.choice(TYPES),
            id=self.id(),
            payload=self.chance.choice([None, 1.50, "€", {"b": [1, {"a": None}]}]),
            lane=self.chance.choice(LANES),
            priority=self.chance.choice([0, 0, 0, -(2**31), -1, 7, 2**31 - 1]),
            max_attempts=self.chance.randint(1, 4),
        )

    def id(self) -> str:
        return f"job-{self.chance.randint(1, 1_500)}"

    def one(self, names: Collection[str]) -> str | None:
        return self.chance.choice([None, None, *names])

    def some(self, names: Collection[str]) -> list[str]:
        return [name for name in names if self.chance.random() < 0.4]

    def picked(self) -> list[Claim]:
        """Draw claims, old and new."""
        return [self.chance.choice(self.claims[-60:]) for _ in range(3)] if self.claims else []

    def numbers(self, claims: Collection[Claim]) -> list[int]:
        """Return claims as the numbers that they were handed out by: tokens differ."""
        tokens = [claim.token for claim in self.claims]
        return [tokens.index(claim.token) for claim in claims]

    def shown(self, job: Job) -> tuple[Any, ...]:
        """Return all of a job but the worker's name, which differs."""
        fields = (job.type, job.id, job.payload, job.lane, job.priority, job.max_attempts)
        times = (job.created_at, job.scheduled_at, job.lease_until)
        return (*fields, *times, job.status, job.attempts, job.errors, bool(job.worker))


@pytest.mark.timeout(300)
def test_the_transcripts_are_identical(
    memory: Harness, sqlite: Harness, postgres: Harness, redis: Harness
) -> None:
    seed = int(os.environ.get("GOFASTR_SEED", "20261124"))
    stores = {"memory": memory, "SQLite": sqlite, "PostgreSQL": postgres, "Redis": redis}

    transcripts = {
        name: Player(store, seed).play(OPERATIONS).encode() for name, store in stores.items()
    }

    first = transcripts["memory"]
    assert len(first.splitlines()) == OPERATIONS + 1
    for name, transcript in transcripts.items():
        assert transcript == first, difference(name, first, transcript)


def difference(name: str, one: bytes, other: bytes) -> str:
    """Return the first line that differs."""
    pairs = zip(one.decode().splitlines(), other.decode().splitlines(), strict=True)
    lines = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
    return f"memory: {lines[0]}\n{name}: {lines[1]}"
