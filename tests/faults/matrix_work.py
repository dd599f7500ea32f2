"""What a process does until it dies, in two steps, and what the store must hold then.

Both the test and its child import this; the child once its failpoint is set.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
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


@frozen(eq=False)
class Work:
    """``prepare`` is done by the test, ``act`` by the child.

    ``expected(done)`` is the state after so many of ``steps``, a fraction where a step commits in
    parts; None where threads decide, and the ledger alone explains the state.  ``again`` repeats
    everything, as whoever got no answer may do: then the state is that after all steps.
    """

    act: Callable[[Queue, Ledger], object]
    expected: Callable[[float], State] | None = None
    prepare: Callable[[Queue], object] = lambda _: None
    again: Callable[[Queue], object] | None = None
    steps: int = 2
    new: bool = False
    """The child makes the store."""


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
        want=EVERYTHING, limit=len(jobs), lease=SHORTEST, worker="gone", now=None
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


def _enqueue(queue: Queue, _: Ledger) -> None:
    for number in range(2):
        queue.enqueue("t", id=f"a{number}", on_conflict="ignore")


def _bulk(queue: Queue, _: Ledger) -> None:
    jobs = [Job(type="t", id=f"a{number}") for number in range(2 * BULK)]
    queue.enqueue_many(jobs, chunk=BULK)


def _bulk_again(queue: Queue) -> None:
    jobs = [Job(type="t", id=f"a{number}") for number in range(2 * BULK)]
    queue.enqueue_many(jobs, chunk=BULK, on_conflict="ignore")


# Claiming and settling


def _claim(queue: Queue, _: Ledger) -> None:
    for _step in range(2):
        assert len(queue.claim(2)) == 2


def _behind_others(queue: Queue) -> None:
    """Put what is wanted behind more of something else than a claim looks at first."""
    jobs = [Job(type="w", id="a0")]
    jobs += [Job(type="other", id=f"o{number}") for number in range(40)]
    queue.enqueue_many([*jobs, *(Job(type="w", id=f"a{number}") for number in range(1, 4))])


def _claim_past(queue: Queue, _: Ledger) -> None:
    assert len(queue.claim(2, types=["w"])) == 2
    assert len(queue.claim(2, types=["w", "x"])) == 2


def _past(done: float) -> State:
    """In the first step a0 is found at the front; in the second, nothing is."""
    claimed = {0.0: 0, 0.5: 1, 1.0: 2, 1.5: 2, 2.0: 4}[done]
    others = {f"o{number}": ("pending", 0) for number in range(40)}
    return states((claimed, "claimed", 1), (4 - claimed, "pending", 0)) | others


def _ack(queue: Queue, _: Ledger) -> None:
    claims = queue.claim(4)
    for some in (claims[:2], claims[2:]):
        assert queue.ack_many(some) == some


def _nack(queue: Queue, _: Ledger) -> None:
    claims = queue.claim(4)
    for some in (claims[:2], claims[2:]):
        assert queue.nack_many(some, "broken") == some


def _release(queue: Queue, _: Ledger) -> None:
    claims = queue.claim(2)
    for claim in claims:
        assert queue.release(claim)


def _turn(queue: Queue, ledger: Ledger) -> None:
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


def _extend(queue: Queue, ledger: Ledger) -> None:
    claims = queue.claim(2)
    ledger.note("leased", claims[0].lease_until.isoformat())
    for claim in claims:
        queue.extend(claim, LONGER)


def _reclaim(queue: Queue, _: Ledger) -> None:
    for _step in range(2):
        moved = queue._hooks().queue_reclaim(limit=2, reason=LEASE_EXPIRED, now=None)
        assert len(moved) == 2


def _reclaim_many(queue: Queue, _: Ledger) -> None:
    queue._hooks().queue_reclaim(limit=2 * CHUNK, reason=LEASE_EXPIRED, now=None)


# Operating


def _replay(queue: Queue, _: Ledger) -> None:
    queue.replay("a0")
    queue.replay_many()


def _purge(queue: Queue, _: Ledger) -> None:
    queue.purge("failed")
    queue.purge("pending")


def _failed_and_pending(queue: Queue) -> None:
    fail(queue, 2)
    queue.enqueue_many([Job(type="t", id=f"a{number}") for number in (2, 3)])


# Schedules


def _register(queue: Queue, _: Ledger) -> None:
    scheduler = Scheduler(queue)
    for id in ("s0", "s1"):
        scheduler.every(HOUR, "tick", id=id)


def _fire(queue: Queue, _: Ledger) -> None:
    assert Scheduler(queue).run_once() == 2


def _unregister(queue: Queue, _: Ledger) -> None:
    for id in ("s0", "s1"):
        queue.remove_schedule(id)


def _fired(done: float) -> State:
    fired = {f"s{number} #0": ("pending", 0) for number in range(int(done))}
    return schedules("s0", "s1") | fired


# Workers


def _work(queue: Queue, ledger: Ledger, *, seconds: float = 0.002) -> None:
    def handle(job: Job) -> None:
        ledger.note("effect", job.id)
        time.sleep(seconds * (1 + int(job.id[1:]) % 3))

    queue.register_handler("t", handle)
    queue.start(workers=2, poll=0.05, reclaim_interval=0.01)


def _work_all(queue: Queue, ledger: Ledger) -> None:
    _work(queue, ledger)
    assert queue.join(20)


def _work_long(queue: Queue, ledger: Ledger) -> None:
    """Take longer than a lease for every job."""
    _work(queue, ledger, seconds=LEASE.total_seconds() * 1.5)
    assert queue.join(20)


def _stop(queue: Queue, ledger: Ledger) -> None:
    """Stop while handlers run, with one queue after the other."""
    _work(queue, ledger, seconds=0.05)
    while not ledger.read("effect"):
        time.sleep(0.005)
    queue.close()


WORKS = {
    "enqueue": Work(
        _enqueue,
        lambda done: states((int(done), "pending", 0)),
        again=lambda queue: _enqueue(queue, Ledger(Path(os.devnull))),
    ),
    "bulk": Work(_bulk, lambda done: states((int(done) * BULK, "pending", 0)), again=_bulk_again),
    "claim": Work(
        _claim,
        lambda done: states((int(2 * done), "claimed", 1), (4 - int(2 * done), "pending", 0)),
        prepare=lambda queue: put(queue, 4),
    ),
    "claim past others": Work(_claim_past, _past, prepare=_behind_others),
    "ack": Work(
        _ack,
        lambda done: states((2 * int(done), "gone", 0), (4 - 2 * int(done), "claimed", 1)),
        prepare=lambda queue: put(queue, 4),
    ),
    "nack": Work(
        _nack,
        lambda done: states((2 * int(done), "pending", 1), (4 - 2 * int(done), "claimed", 1)),
        prepare=lambda queue: put(queue, 4),
    ),
    "bury": Work(
        _nack,
        lambda done: states((2 * int(done), "failed", 1), (4 - 2 * int(done), "claimed", 1)),
        prepare=lambda queue: put(queue, 4, max_attempts=1),
    ),
    "release": Work(
        _release,
        lambda done: states((int(done), "pending", 0), (2 - int(done), "claimed", 1)),
        prepare=lambda queue: put(queue, 2),
    ),
    "turn": Work(
        _turn,
        lambda done: [
            states((2, "claimed", 1), (2, "pending", 0)),
            states((1, "gone", 0), (1, "claimed", 2), (1, "claimed", 1), (1, "pending", 0)),
            states((2, "gone", 0), (1, "claimed", 2), (1, "claimed", 1)),
        ][int(done)],
        prepare=lambda queue: put(queue, 4),
    ),
    "extend": Work(
        _extend, lambda _: states((2, "claimed", 1)), prepare=lambda queue: put(queue, 2)
    ),
    "reclaim": Work(
        _reclaim,
        lambda done: {
            f"a{number}": (
                ("failed" if number % 2 else "pending") if number < 2 * done else "claimed",
                1,
            )
            for number in range(4)
        },
        prepare=lambda queue: expire(queue, 3, 1, 3, 1),
        again=lambda queue: queue.reclaim(),
    ),
    "reclaim many": Work(
        _reclaim_many,
        lambda done: states(
            (CHUNK * int(done), "pending", 1), (CHUNK * (2 - int(done)), "claimed", 1)
        ),
        prepare=lambda queue: expire(queue, *[3] * 2 * CHUNK),
        again=lambda queue: queue.reclaim(),
    ),
    "replay": Work(
        _replay,
        lambda done: states(
            ([0, 1, 4][int(done)], "pending", 0), ([4, 3, 0][int(done)], "failed", 1)
        ),
        prepare=lambda queue: fail(queue, 4),
        again=lambda queue: queue.replay_many(),
    ),
    "replay many": Work(
        lambda queue, _: queue.replay_many(),
        lambda done: states(
            (CHUNK * int(done), "pending", 0), (CHUNK * (2 - int(done)), "failed", 1)
        ),
        prepare=lambda queue: fail(queue, 2 * CHUNK),
        again=lambda queue: queue.replay_many(),
    ),
    "purge": Work(
        _purge,
        lambda done: states(
            (2, "gone" if done >= 1 else "failed", 1), (2, "gone" if done >= 2 else "pending", 0)
        ),
        prepare=_failed_and_pending,
        again=lambda queue: queue.purge(""),
    ),
    "purge many": Work(
        lambda queue, _: queue.purge("pending"),
        lambda done: states(
            (CHUNK * int(done), "gone", 0), (CHUNK * (2 - int(done)), "pending", 0)
        ),
        prepare=lambda queue: put(queue, 2 * CHUNK),
        again=lambda queue: queue.purge("pending"),
    ),
    "register": Work(
        _register,
        lambda done: schedules(*("s0", "s1")[: int(done)]),
        again=lambda queue: _register(queue, Ledger(Path(os.devnull))),
    ),
    "fire": Work(
        _fire,
        _fired,
        prepare=lambda queue: scheduled(queue, "s0", "s1"),
        again=lambda queue: Scheduler(queue).run_once(),
    ),
    "fire many": Work(
        lambda queue, _: Scheduler(queue).run_once(),
        lambda done: (
            schedules("s0") | {f"s0 #{number}": ("pending", 0) for number in range(int(done))}
        ),
        prepare=lambda queue: scheduled(queue, "s0", late=3.5 * HOUR),
        again=lambda queue: Scheduler(queue).run_once(),
        steps=4,
    ),
    "unregister": Work(
        _unregister,
        lambda done: schedules(*("s0", "s1")[int(done) :]),
        prepare=lambda queue: scheduled(queue, "s0", "s1"),
        again=lambda queue: _unregister(queue, Ledger(Path(os.devnull))),
    ),
    "migrate": Work(lambda *_: None, lambda _: {}, new=True),
    "worker": Work(_work_all, prepare=lambda queue: put(queue, 12)),
    "long handlers": Work(_work_long, prepare=lambda queue: put(queue, 2)),
    "stop": Work(_stop, prepare=lambda queue: put(queue, 12)),
}
