"""One arena's rounds: everybody does a work before the next; each begins with another one."""

from __future__ import annotations

import random
from collections import deque

from attrs import field, frozen
from bench.calibration import calibrate
from bench.contest.caller import ContestantError, Refusal
from bench.contest.field import OURS, RAW, WRAPPED
from bench.contest.referee import Referee
from bench.contest.samples import (
    BULK,
    DRAIN,
    DRAIN_2,
    ENQUEUE,
    PICKUP,
    RAW_1,
    RAW_10,
    RESTED,
    Sample,
    Samples,
)
from bench.report import say
from bench.sizes import Sizes

BY = 1_000
PAUSE = 0.05
REST = 1.0
"""Seconds between pick-ups, on average: after a rest they are RARER."""

RARER = 10
PROBE_JOBS = 50
AT_LEAST = 100
"""Jobs of the slowest peer."""

OWN = (OURS, RAW, WRAPPED)
"""Those that always do as many jobs as the rows say."""


@frozen
class Amount:
    """How many jobs a contestant enqueues one by one, and how many it drains."""

    enqueued: int
    drained: int


@frozen
class Bout:
    """Contestants in one arena."""

    referee: Referee
    sizes: Sizes
    chance: random.Random
    amounts: dict[str, Amount] = field(factory=dict)

    def run(self) -> Samples:
        """Prepare everybody, then measure round after round."""
        order = deque(self.referee.callers)
        self.referee.each("prepare", self._prepare, order)
        self.chance.shuffle(order)
        for number in range(self.sizes.repeats):
            self._round(number, order)
            self.chance.shuffle(order)
            say(f"{self.referee.arena.name}: round {number + 1} of {self.sizes.repeats}")
        return self.referee.samples

    def _round(self, number: int, order: deque[str]) -> None:
        """Do each work with everybody before the next, so that what is compared lies close."""
        each = self.referee.each
        plain = [who for who in order if who != WRAPPED]
        workers = [who for who in plain if who != RAW]
        each(ENQUEUE, lambda who: self._enqueue(who, number), plain)
        each(BULK, lambda who: self._bulk(who, number), plain)
        each("fill", self._fill, order)
        each(DRAIN, lambda who: self._drain(who, DRAIN, number), order)
        each(DRAIN_2, lambda who: self._drain_by_two(who, number), workers)
        each(RAW_1, lambda who: self._in_batches(who, RAW_1, number, 1), {RAW} & set(order))
        each(RAW_10, lambda who: self._in_batches(who, RAW_10, number, 10), {RAW} & set(order))
        each(PICKUP, lambda who: self._pickup(who, number), workers)
        if number == 0:
            each(RESTED, self._pickup_after_rest, [OURS])

    def _prepare(self, who: str) -> None:
        self.referee.prepare(who)
        whole = Amount(max(AT_LEAST, self.sizes.jobs // 10), self.sizes.jobs)
        if who in OWN:
            self.amounts[who] = whole
            return
        enqueued = self.referee.ask(who, "enqueue", jobs=PROBE_JOBS)["seconds"]
        drained = self._drained(who, whole.drained)
        singles = self._in_budget(whole.enqueued, PROBE_JOBS, enqueued)
        self.amounts[who] = Amount(min(singles, drained // 2), drained)

    def _drained(self, who: str, most: int) -> int:
        """Return how many jobs a peer drains in the time that it may take.

        What a drain costs however few jobs there are must not be taken for the peer's speed, so it
        is given more and more.
        """
        jobs, seconds = PROBE_JOBS, self.referee.drain(who, 1, PROBE_JOBS)
        while jobs < most and seconds < self.sizes.budget / 2:
            jobs = min(most, max(2 * jobs, self._in_budget(most, jobs, seconds)))
            self.referee.fill(who, jobs, BY)
            seconds = self.referee.drain(who, 1, jobs)
        return self._in_budget(most, jobs, seconds)

    def _in_budget(self, most: int, jobs: int, seconds: float) -> int:
        """Return how many jobs take as long as a peer may take."""
        return min(most, max(AT_LEAST, round(jobs * self.sizes.budget / seconds)))

    def _enqueue(self, who: str, number: int) -> None:
        jobs, speed = self.amounts[who].enqueued, calibrate()
        before = self.referee.arena.costs(who)
        seconds = self.referee.ask(who, "enqueue", jobs=jobs)["seconds"]
        self.referee.holds(who, jobs)
        costs, speed = self._costs(who, before), (speed + calibrate()) / 2
        self._keep(Sample(ENQUEUE, who, number, jobs, speed, seconds, costs=costs))

    def _bulk(self, who: str, number: int) -> None:
        """Store the rest of what is drained next."""
        amount, speed = self.amounts[who], calibrate()
        rest = amount.drained - amount.enqueued
        if rest:
            before = self.referee.arena.costs(who)
            seconds = self.referee.ask(who, "bulk", jobs=rest, by=BY)["seconds"]
            self.referee.holds(who, amount.drained)
            costs, speed = self._costs(who, before), (speed + calibrate()) / 2
            self._keep(Sample(BULK, who, number, rest, speed, seconds, costs=costs))

    def _fill(self, who: str) -> None:
        """Store what is still missing: some have no bulk, one has done nothing yet."""
        rest = self.amounts[who].drained - self.referee.ask(who, "left")["jobs"]
        if rest:
            self.referee.fill(who, rest, BY)

    def _drain(self, who: str, work: str, number: int, processes: int = 1) -> None:
        jobs = self.amounts[who].drained
        before, speed = self.referee.arena.costs(who), calibrate()
        seconds = self.referee.drain(who, processes, jobs)
        speed = (speed + calibrate()) / 2
        costs = self._costs(who, before)
        self._keep(Sample(work, who, number, jobs, speed, seconds, costs=costs))

    def _drain_by_two(self, who: str, number: int) -> None:
        self._fill(who)
        try:
            self._drain(who, DRAIN_2, number, 2)
        except Refusal:
            self.referee.drain(who, 1, self.amounts[who].drained)
            raise

    def _in_batches(self, who: str, work: str, number: int, by: int) -> None:
        """Let the driver claim and ack fewer at a time, and fewer jobs."""
        jobs = self.sizes.jobs * by // 20
        self.referee.fill(who, jobs, BY)
        speed = calibrate()
        seconds = self.referee.drain(who, 1, jobs, by=by)
        speed = (speed + calibrate()) / 2
        self._keep(Sample(work, who, number, jobs, speed, seconds))

    def _pickup(self, who: str, number: int) -> None:
        jobs, speed = max(1, self.sizes.pickups // self.sizes.repeats), calibrate()
        millis = self.referee.ask(who, "pickup", jobs=jobs, pause=PAUSE)["ms"]
        self.referee.holds(who, 0)
        if len(millis) != jobs:
            raise ContestantError(f"{who} picked up {len(millis)} of {jobs} jobs")
        speed = (speed + calibrate()) / 2
        self._keep(Sample(PICKUP, who, number, jobs, speed, millis=millis))

    def _pickup_after_rest(self, who: str) -> None:
        """Meet a worker that has had nothing to do for as long as it takes to look less often."""
        jobs, speed = max(1, self.sizes.pickups // RARER), calibrate()
        millis = self.referee.ask(who, "pickup", jobs=jobs, pause=REST)["ms"]
        speed = (speed + calibrate()) / 2
        self._keep(Sample(RESTED, who, 0, jobs, speed, millis=millis))

    def _costs(self, who: str, before: dict[str, float]) -> dict[str, float]:
        after = self.referee.arena.costs(who)
        return {name: after[name] - before[name] for name in after}

    def _keep(self, sample: Sample) -> None:
        self.referee.samples.every.append(sample)
