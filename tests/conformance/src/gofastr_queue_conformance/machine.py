"""The machine: random lives of jobs, each step compared with the model.

Set GOFASTR_SEED to another number for other lives, GOFASTR_EXAMPLES and GOFASTR_STEPS for more, and
GOFASTR_SHRINK to have a failing life made short, which may take minutes.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from attrs import evolve, frozen
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gofastr_queue import Backoff, Capability, Claim, DuplicateJob, Job, Queue, Status
from gofastr_queue.testing import FakeClock
from gofastr_queue_conformance.harness import Contract, Harness, everything, lacks
from gofastr_queue_conformance.model import Filter, Life, Model, Taker

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

TAKERS = (Taker(lease=SECOND, backoff=Backoff(SECOND, 3 * SECOND)), Taker(lease=HOUR))
"""The options of the two queue objects that share the store."""

FAR = datetime(8999, 1, 1, tzinfo=UTC)

IDS = st.sampled_from("abcdef")
TYPES = st.sampled_from("st")
LANES = st.sampled_from(["", "x"])
WHO = st.sampled_from([0, 1])
DELAYS = st.sampled_from([timedelta(0), MICROSECOND, SECOND, HOUR])
FILTERS = st.builds(
    Filter,
    status=st.none() | st.sampled_from(list(Status)),
    type=st.none() | TYPES,
    lane=st.none() | LANES,
    older_than=st.none() | st.sampled_from([timedelta(0), SECOND, HOUR]),
)
JOBS = st.builds(
    Job, id=IDS, type=TYPES, lane=LANES, priority=st.integers(-1, 1), max_attempts=st.integers(1, 3)
)


@frozen
class Step:
    """A call of one of the machine's methods."""

    verb: str
    given: dict[str, Any]


def step(verb: str, **given: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """Draw a call of ``verb``."""
    return st.builds(Step, st.just(verb), st.fixed_dictionaries(given))


ENQUEUE = step(
    "enqueue", who=WHO, job=JOBS, delay=DELAYS, on_conflict=st.sampled_from(["error", "ignore"])
)
ENQUEUE_MANY = step("enqueue_many", who=WHO, jobs=st.lists(JOBS, min_size=2, max_size=4))
CLAIM = step(
    "claim",
    who=WHO,
    limit=st.integers(1, 4),
    types=st.sampled_from([(), (), ("s",), ("s", "t")]),
    lanes=st.sampled_from([(), (), ("",), ("x",)]),
)
SETTLE = step(
    "settle",
    who=WHO,
    end=st.sampled_from(["ack", "nack", "nack", "release", "extend"]),
    which=st.integers(0, 5),
    stale=st.sampled_from([False, False, True]),
    error=st.sampled_from(["", "broken"]),
    delay=st.none() | DELAYS,
    lease=st.none() | st.sampled_from([MICROSECOND, SECOND, HOUR]),
)
ACK_MANY = step("ack_many", who=WHO, picks=st.lists(st.integers(0, 5), max_size=3))
ADVANCE = step("advance", by=st.sampled_from([MICROSECOND, SECOND, HOUR, timedelta(days=400)]))
TO_AN_EDGE = step(
    "advance_to_an_edge", off=st.sampled_from([-MICROSECOND, timedelta(0), MICROSECOND])
)
RECLAIM = step("reclaim", who=WHO)
REPLAY = step(
    "replay", who=WHO, id=st.none() | IDS, wanted=FILTERS, limit=st.none() | st.integers(1, 2)
)
REMOVE = step("remove", who=WHO, id=st.none() | IDS, wanted=FILTERS)
BROWSE = step("browse", who=WHO, size=st.integers(1, 3), wanted=FILTERS)
REOPEN = step("reopen", who=WHO)

STEPS = st.sampled_from(
    [
        *(CLAIM, CLAIM, CLAIM, CLAIM, CLAIM, CLAIM),
        *(SETTLE, SETTLE, SETTLE, SETTLE, SETTLE, SETTLE, ACK_MANY),
        *(ENQUEUE, ENQUEUE, ENQUEUE_MANY),
        *(ADVANCE, TO_AN_EDGE, TO_AN_EDGE, RECLAIM),
        *(REPLAY, REPLAY, REMOVE, BROWSE, REOPEN),
    ]
).flatmap(lambda drawn: drawn)


class LifecycleMachine(RuleBasedStateMachine):
    """Two queue objects on one store; small domains, so that everything collides.

    One rule takes every step, because Hypothesis leaves out rules at random, and a life without
    claims shows little.
    """

    harness: ClassVar[Harness]

    def __init__(self) -> None:
        super().__init__()
        empty(self.harness)
        self.clock = FakeClock()
        self.model = Model(self.clock.now())
        self.claims: dict[str, Claim] = {}  # every claim ever made: stale ones are the point
        self.takers = [Taker(one.lease, one.backoff) for one in TAKERS]
        self.queues = [self._open(who) for who in (0, 1)]

    def teardown(self) -> None:
        for queue in self.queues:
            queue.close()

    @initialize(jobs=st.lists(JOBS, min_size=2, max_size=6, unique_by=lambda job: job.id))
    def begin_with(self, jobs: list[Job]) -> None:
        for job in jobs:
            self.enqueue(0, job, timedelta(0), "error")

    @rule(step=STEPS)
    def go_on(self, step: Step) -> None:
        getattr(self, step.verb)(**step.given)

    def enqueue(self, who: int, job: Job, delay: timedelta, on_conflict: str) -> None:
        new = self._expect_enqueued(job, delay)

        def enqueue() -> Job:
            return self.queues[who].enqueue(
                job.type,
                id=job.id,
                lane=job.lane,
                priority=self._priority(job),
                delay=delay,
                max_attempts=job.max_attempts,
                on_conflict=on_conflict,
            )

        if new or on_conflict == "ignore":
            assert seen(enqueue()) == expected(self.model.lives[job.id])
            return
        with pytest.raises(DuplicateJob) as caught:
            enqueue()
        assert caught.value.ids == (job.id,)

    def enqueue_many(self, who: int, jobs: list[Job]) -> None:
        needed = {Capability.ATOMIC_BULK, Capability.PRIORITY}
        if not needed <= self.queues[who].capabilities:
            return
        given = Counter(job.id for job in jobs)
        taken = {id for id, count in given.items() if count > 1 or id in self.model.lives}
        if taken:
            with pytest.raises(DuplicateJob) as caught:
                self.queues[who].enqueue_many(jobs)
            assert caught.value.ids
            assert taken.issuperset(caught.value.ids)
            return
        stored = self.queues[who].enqueue_many(jobs)
        assert all(self._expect_enqueued(job, timedelta(0)) for job in jobs)
        assert [seen(job) for job in stored] == [expected(self.model.lives[j.id]) for j in jobs]

    def claim(self, who: int, limit: int, types: tuple[str, ...], lanes: tuple[str, ...]) -> None:
        lives = self.model.claim(self.takers[who], limit, types, lanes)
        claims = self.queues[who].claim(limit, types=types, lanes=lanes)
        assert [seen(claim.job) for claim in claims] == [expected(life) for life in lives]
        for claim, life in zip(claims, lives, strict=True):
            assert claim.lease_until == life.lease_until
            assert claim.token not in self.claims
            self.claims[claim.token] = claim
            life.token = claim.token

    def settle(
        self,
        who: int,
        end: str,
        which: int,
        stale: bool,
        error: str,
        delay: timedelta | None,
        lease: timedelta | None,
    ) -> None:
        queue, taker, model = self.queues[who], self.takers[who], self.model
        current = {life.token for life in model.lives.values() if life.token}
        tokens = [token for token in self.claims if (token in current) != stale]
        if not tokens:
            return
        claim = self.claims[tokens[-1 - which % len(tokens)]]
        held = (claim.job.id, claim.token)
        if end == "ack":
            assert queue.ack(claim) == model.ack(*held)
        elif end == "nack":
            kept = model.nack(taker, *held, error and "Nack", delay)
            assert queue.nack(claim, error or None, delay) == kept
        elif end == "release":
            assert queue.release(claim) == model.release(*held)
        else:
            assert queue.extend(claim, lease) == model.extend(*held, lease or taker.lease)

    def ack_many(self, who: int, picks: list[int]) -> None:
        claims = list(self.claims.values())
        some = [claims[-1 - pick] for pick in picks if pick < len(claims)]
        current = [claim for claim in some if self.model.ack(claim.job.id, claim.token)]
        assert self.queues[who].ack_many(some) == current

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)
        self.model.now = self.clock.now()

    def advance_to_an_edge(self, off: timedelta) -> None:
        """Go to where a lease ends or a job falls due, or a microsecond beside it."""
        lives = self.model.lives.values()
        ends = [life.lease_until or life.scheduled_at for life in lives]
        ahead = [end + off - self.model.now for end in ends if end > self.model.now]
        if ahead:
            self.advance(min(ahead))

    def reclaim(self, who: int) -> None:
        assert self.queues[who].reclaim() == self.model.reclaim(self.takers[who])

    def replay(self, who: int, id: str | None, wanted: Filter, limit: int | None) -> None:
        if id is not None:
            assert self.queues[who].replay(id) == bool(self.model.replay(Filter(), id))
            return
        wanted = evolve(wanted, status=None)
        replayed = self.queues[who].replay_many(
            type=wanted.type, lane=wanted.lane, older_than=wanted.older_than, limit=limit
        )
        assert replayed == self.model.replay(wanted, limit=limit)

    def remove(self, who: int, id: str | None, wanted: Filter) -> None:
        queue = self.queues[who]
        if id is not None:
            assert queue.cancel(id) == bool(self.model.remove(Filter(), id))
        elif wanted.status is not Status.CLAIMED:
            purged = queue.purge(
                wanted.status or "",
                type=wanted.type,
                lane=wanted.lane,
                older_than=wanted.older_than,
                limit=1,
            )
            assert purged == self.model.remove(wanted, limit=1)

    def browse(self, who: int, size: int, wanted: Filter) -> None:
        fitting = [one for one in self.model.latest_first() if one.fits(wanted, self.model.now)]
        before = ""
        for start in range(0, max(len(fitting), 1), size):
            page = self.queues[who].browse(
                wanted.status or "",
                size,
                type=wanted.type,
                lane=wanted.lane,
                older_than=wanted.older_than,
                before=before,
            )
            shown = fitting[start : start + size]
            assert [seen(job) for job in page.jobs] == [expected(life) for life in shown]
            assert bool(page.next) == (start + size < len(fitting))
            before = page.next

    def reopen(self, who: int) -> None:
        """Let the store's last user go, where it survives that."""
        if Capability.DURABLE in self.queues[who].capabilities:
            for queue in self.queues:
                queue.close()
            self.queues[1 - who] = self._open(1 - who)
        before, self.queues[who] = self.queues[who], self._open(who)
        before.close()

    @invariant()
    def every_job_is_as_in_the_model(self) -> None:
        lives = [expected(life) for life in self.model.latest_first()]
        for queue in self.queues:
            assert [seen(job) for job in everything(queue)] == lives

    @invariant()
    def the_counts_are_those_of_the_model(self) -> None:
        lives = self.model.latest_first()
        oldest = {(one.status, one.lane, one.type): one.created_at for one in lives}
        counted = Counter((one.status, one.lane, one.type) for one in lives)
        counts = self.queues[0].counts()
        assert {(one.status, one.lane, one.type): one.count for one in counts} == counted
        assert {(one.status, one.lane, one.type): one.oldest for one in counts} == oldest
        totals = Counter(life.status for life in lives)
        assert self.queues[1].stats() == {str(status): totals[status] for status in Status}

    def _open(self, who: int) -> Queue:
        taker = self.takers[who]
        taker.reclaimed_at = None
        return Queue(
            self.harness.open(), clock=self.clock, lease=taker.lease, backoff=taker.backoff
        )

    def _priority(self, job: Job) -> int:
        return 0 if Capability.PRIORITY not in self.queues[0].capabilities else job.priority

    def _expect_enqueued(self, job: Job, delay: timedelta) -> bool:
        return self.model.enqueue(
            job.id, job.type, job.lane, self._priority(job), job.max_attempts, delay
        )


def seen(job: Job) -> tuple[object, ...]:
    """Return what of a real job is compared: everything but who holds it."""
    assert bool(job.worker) == (job.status is Status.CLAIMED)
    return (
        (job.id, job.type, job.lane, job.priority, job.payload),
        (job.status, job.attempts, job.max_attempts),
        (job.created_at, job.scheduled_at, job.lease_until),
        [(error.attempt, error.at, error.kind) for error in job.errors],
    )


def expected(life: Life) -> tuple[object, ...]:
    """Return the same of a job in the model."""
    return (
        (life.id, life.type, life.lane, life.priority, None),
        (life.status, life.attempts, life.max_attempts),
        (life.created_at, life.scheduled_at, life.lease_until),
        list(life.errors),
    )


def empty(harness: Harness) -> None:
    """Remove every job, claimed ones after their leases."""
    with Queue(harness.open(), clock=FakeClock(FAR)) as queue:
        queue.reclaim()
        queue.purge("")
        assert everything(queue) == []


def run(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    """Run a machine: always the same lives, unless the environment asks for others."""
    number = int(os.environ.get("GOFASTR_SEED", "0"))
    print(f"GOFASTR_SEED={number}")  # noqa: T201 - pytest shows it with a failure
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=int(os.environ.get("GOFASTR_EXAMPLES", examples)),
            stateful_step_count=int(os.environ.get("GOFASTR_STEPS", steps)),
            deadline=None,
            database=None,
            print_blob=False,
            phases=[Phase.generate, *([Phase.shrink] if "GOFASTR_SHRINK" in os.environ else [])],
            suppress_health_check=list(HealthCheck),
        ),
    )


class LifecycleContract(Contract):
    """Promises 1 to 5 and 11, in combinations that nobody thought of.

    ``EXAMPLES`` is how many lives of a queue are tried, each of 40 steps.
    """

    EXAMPLES = 60

    def test_the_machine_finds_nothing_that_the_model_does_not(self, harness: Harness) -> None:
        with Queue(harness.open()) as queue:
            if lacks(queue, Capability.BROWSE, Capability.REPLAY):
                return
        machine = type("Machine", (LifecycleMachine,), {"harness": harness})

        run(machine, examples=self.EXAMPLES, steps=40)
