"""What processes do until they die, and what they begin with."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen

from gofastr_queue import Claim, Job, Queue, Scheduler, hookimpl
from gofastr_queue.failures import LEASE_EXPIRED
from gofastr_queue.records import EVERYTHING, Ack, Outcome, Release

LEASE = timedelta(milliseconds=300)
LONGER = timedelta(milliseconds=900)
SHORTEST = timedelta(microseconds=1)

CHUNK = 500
"""What the Redis backend moves in one script at most."""

BULK = 30
"""Enough for each backend's own way of many."""

HOUR = timedelta(hours=1)

State = dict[str, tuple[str, int]]
"""Jobs by name: status and attempts.  Schedules are there as ``("schedule", 0)``."""


@frozen(eq=False)
class Ledger:
    """A file that processes append to; what is written survives them."""

    file: Path

    def note(self, word: str, *ids: str) -> None:
        """Write a line for each id, all at once."""
        text = "".join(f"{word} {id}\n" for id in ids)
        descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def read(self, word: str) -> list[str]:
        """Return the ids that were noted with a word."""
        text = self.file.read_text("utf-8") if self.file.exists() else ""
        lines = [line.split(" ", 1) for line in text.splitlines()]
        return [id for found, id in lines if found == word]

    @hookimpl
    def jobs_finished(self, claims: Sequence[Claim]) -> None:
        """Note what the store has acked and told."""
        self.note("acked", *(claim.job.id for claim in claims))


def put(queue: Queue, count: int, **options: Any) -> None:
    """Store jobs a0, a1 and so on."""
    queue.enqueue_many([Job(type="t", id=f"a{number}", **options) for number in range(count)])


def fail(queue: Queue, count: int) -> None:
    """Store failed jobs a0, a1 and so on."""
    put(queue, count, max_attempts=1)
    while claims := queue.claim(1_000):
        queue.nack_many(claims, "broken")


def expire(queue: Queue, *attempts: int) -> None:
    """Store jobs with so many attempts to make, whose first lease has run out."""
    jobs = [
        Job(type="t", id=f"a{number}", max_attempts=most) for number, most in enumerate(attempts)
    ]
    queue.enqueue_many(jobs)
    claims = queue._consumer.calls.hooks.queue_claim(
        want=EVERYTHING, limit=len(jobs), lease=SHORTEST, worker="gone", now=queue._consumer.now()
    ).claims
    assert len(claims) == len(jobs)


def states(*runs: tuple[int, str, int]) -> State:
    """Return the state of jobs a0, a1 and so on, given as runs of count, status and attempts."""
    flat = [(status, attempts) for count, status, attempts in runs for _ in range(count)]
    return {f"a{number}": state for number, state in enumerate(flat) if state[0] != "gone"}


def scheduled(queue: Queue, *ids: str, late: timedelta = timedelta(minutes=1)) -> Scheduler:
    """Register schedules of which ticks are due."""
    scheduler = Scheduler(queue)
    began = datetime.now(UTC) - late
    for id in ids:
        scheduler.every(HOUR, "tick", id=id, start_at=began, catch_up="all")
    return scheduler


def schedules(*ids: str) -> State:
    """Return the state of schedules that are there."""
    return {f"schedule {id}": ("schedule", 0) for id in ids}


# Enqueueing


def enqueue(queue: Queue, _: Ledger) -> None:
    for number in range(2):
        queue.enqueue("t", id=f"a{number}", on_conflict="ignore")


def bulk(queue: Queue, _: Ledger) -> None:
    jobs = [Job(type="t", id=f"a{number}") for number in range(2 * BULK)]
    queue.enqueue_many(jobs, chunk=BULK)


def bulk_again(queue: Queue) -> None:
    jobs = [Job(type="t", id=f"a{number}") for number in range(2 * BULK)]
    queue.enqueue_many(jobs, chunk=BULK, on_conflict="ignore")


# Claiming and settling


def claim(queue: Queue, _: Ledger) -> None:
    for _step in range(2):
        assert len(queue.claim(2)) == 2


def behind_others(queue: Queue) -> None:
    """Put what is wanted behind more of something else than a claim looks at first."""
    jobs = [Job(type="w", id="a0")]
    jobs += [Job(type="other", id=f"o{number}") for number in range(40)]
    queue.enqueue_many([*jobs, *(Job(type="w", id=f"a{number}") for number in range(1, 4))])


def claim_past(queue: Queue, _: Ledger) -> None:
    assert len(queue.claim(2, types=["w"])) == 2
    assert len(queue.claim(2, types=["w", "x"])) == 2


def past(done: float) -> State:
    """In the first step a0 is found at the front; in the second, nothing is."""
    claimed = {0.0: 0, 0.5: 1, 1.0: 2, 1.5: 2, 2.0: 4}[done]
    others = {f"o{number}": ("pending", 0) for number in range(40)}
    return states((claimed, "claimed", 1), (4 - claimed, "pending", 0)) | others


def ack(queue: Queue, _: Ledger) -> None:
    claims = queue.claim(4)
    for some in (claims[:2], claims[2:]):
        assert queue.ack_many(some) == some


def nack(queue: Queue, _: Ledger) -> None:
    claims = queue.claim(4)
    for some in (claims[:2], claims[2:]):
        assert queue.nack_many(some, "broken") == some


def release(queue: Queue, _: Ledger) -> None:
    claims = queue.claim(2)
    for claim in claims:
        assert queue.release(claim)


def turn(queue: Queue, ledger: Ledger) -> None:
    """Ack one and release one, and claim two, of which the released is the first."""
    claims = queue.claim(2)
    for _step in range(2):
        acks = [Ack(claims[0])]
        releases = [Release(claims[1], Outcome.RETRY, error="broken")]
        settled, found = queue._consumer.turn(acks, releases, EVERYTHING, 2)
        queue._consumer.tell(acks, releases, settled)
        claims = found.claims
        assert len(claims) == 2
    ledger.note("turned", "twice")


def extend(queue: Queue, ledger: Ledger) -> None:
    claims = queue.claim(2)
    ledger.note("leased", claims[0].lease_until.isoformat())
    for claim in claims:
        queue.extend(claim, LONGER)


def reclaim(queue: Queue, _: Ledger) -> None:
    for _step in range(2):
        moved = queue._hooks().queue_reclaim(
            limit=2, reason=LEASE_EXPIRED, now=queue._consumer.now()
        )
        assert len(moved) == 2


def reclaim_many(queue: Queue, _: Ledger) -> None:
    queue._hooks().queue_reclaim(limit=2 * CHUNK, reason=LEASE_EXPIRED, now=queue._consumer.now())


# Operating


def replay(queue: Queue, _: Ledger) -> None:
    queue.replay("a0")
    queue.replay_many()


def purge(queue: Queue, _: Ledger) -> None:
    queue.purge("failed")
    queue.purge("pending")


def failed_and_pending(queue: Queue) -> None:
    fail(queue, 2)
    queue.enqueue_many([Job(type="t", id=f"a{number}") for number in (2, 3)])


# Schedules


def register(queue: Queue, _: Ledger) -> None:
    scheduler = Scheduler(queue)
    for id in ("s0", "s1"):
        scheduler.every(HOUR, "tick", id=id)


def fire(queue: Queue, _: Ledger) -> None:
    assert Scheduler(queue).run_once() == 2


def unregister(queue: Queue, _: Ledger) -> None:
    for id in ("s0", "s1"):
        queue.remove_schedule(id)


def fired(done: float) -> State:
    fired = {f"s{number} #0": ("pending", 0) for number in range(int(done))}
    return schedules("s0", "s1") | fired


# Workers


def work(queue: Queue, ledger: Ledger, *, seconds: float = 0.002) -> None:
    def handle(job: Job) -> None:
        ledger.note("effect", job.id)
        time.sleep(seconds * (1 + int(job.id[1:]) % 3))

    queue.register_handler("t", handle)
    queue.start(workers=2, poll=0.05, reclaim_interval=0.01)


def work_all(queue: Queue, ledger: Ledger) -> None:
    work(queue, ledger)
    assert queue.join(20)


def work_long(queue: Queue, ledger: Ledger) -> None:
    """Take longer than a lease for every job."""
    work(queue, ledger, seconds=LEASE.total_seconds() * 1.5)
    assert queue.join(20)


def stop(queue: Queue, ledger: Ledger) -> None:
    """Stop while handlers run, with one queue after the other."""
    work(queue, ledger, seconds=0.05)
    while not ledger.read("effect"):
        time.sleep(0.005)
    queue.close()
