"""One arena's rounds: everybody does one work after the other, each round begins with another one.

After each order the store is asked what it holds.  Who holds something else, handled other jobs or
is less durable than the arena fails, and takes no further part.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import field, frozen
from bench.calibration import calibrate
from bench.contest.arena import Arena
from bench.contest.caller import Caller, ContestantError, Refusal
from bench.contest.contestant import About
from bench.contest.field import OURS, RAW, WRAPPED
from bench.contest.samples import (
    BULK,
    DRAIN,
    DRAIN_2,
    ENQUEUE,
    PICKUP,
    RAW_1,
    RAW_10,
    Sample,
    Samples,
)
from bench.report import say
from bench.sizes import Sizes

ORDER_SECONDS = 700.0
BY = 1_000
PAUSE = 0.05
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

    arena: Arena
    callers: dict[str, Caller]
    sizes: Sizes
    chance: random.Random
    samples: Samples = field(factory=Samples)
    amounts: dict[str, Amount] = field(factory=dict)

    def run(self) -> Samples:
        """Prepare everybody, then measure round after round."""
        self._each(self._prepare, -1)
        order = deque(self.callers)
        self.chance.shuffle(order)
        for number in range(self.sizes.repeats):
            for work in (
                self._enqueue,
                self._bulk,
                self._drain,
                self._refill,
                self._drain_by_two,
                self._in_smaller_batches,
                self._pickup,
            ):
                self._each(work, number, order)
            order.rotate(1)
            say(f"{self.arena.name}: round {number + 1} of {self.sizes.repeats}")
        return self.samples

    def _each(
        self, work: Callable[[str, int], None], number: int, order: deque[str] | None = None
    ) -> None:
        for who in list(order or self.callers):
            if who not in self.callers:
                continue
            try:
                work(who, number)
            except Refusal as refusal:
                self.samples.refused[work.__name__.strip("_"), who] = str(refusal)
            except ContestantError as error:
                say(f"{self.arena.name}: {who} fails: {error}")
                self.samples.failed[who] = str(error)
                self.callers.pop(who).close()

    def _prepare(self, who: str, _: int) -> None:
        about = About(**self._ask(who, "prepare"))
        say(f"{self.arena.name}: {who}: {about.name} {about.version}, {about.durability}")
        if self.arena.durability not in about.durability:
            raise ContestantError(f"{who} is not {self.arena.durability!r}: {about.durability!r}")
        self.samples.about[who] = about
        self._holds(who, 0)
        self.amounts[who] = self._amount(who)

    def _amount(self, who: str) -> Amount:
        """Return how many jobs a contestant does in the time that it may take."""
        whole = Amount(max(AT_LEAST, self.sizes.jobs // 10), self.sizes.jobs)
        if who in OWN:
            return whole
        enqueued = self._ask(who, "enqueue", jobs=PROBE_JOBS)["seconds"]
        drained = self._work(who, 1, PROBE_JOBS)
        return Amount(self._scaled(whole.enqueued, enqueued), self._scaled(whole.drained, drained))

    def _scaled(self, most: int, seconds: float) -> int:
        return min(most, max(AT_LEAST, round(PROBE_JOBS * self.sizes.budget / seconds)))

    def _enqueue(self, who: str, number: int) -> None:
        if who == WRAPPED:
            return
        jobs = min(self.amounts[who].enqueued, self.amounts[who].drained)
        speed = calibrate()
        seconds = self._ask(who, "enqueue", jobs=jobs)["seconds"]
        self._holds(who, jobs)
        self.samples.every.append(Sample(ENQUEUE, who, number, jobs, speed, seconds))

    def _bulk(self, who: str, number: int) -> None:
        """Store the rest of what is drained next."""
        there = self._ask(who, "left")["jobs"]
        rest = self.amounts[who].drained - there
        if rest <= 0:
            return
        speed = calibrate()
        try:
            seconds = self._ask(who, "bulk", jobs=rest, by=BY)["seconds"]
        except Refusal:
            self._ask(who, "enqueue", jobs=rest)
            self._holds(who, there + rest)
            raise
        self._holds(who, there + rest)
        if who != WRAPPED:
            self.samples.every.append(Sample(BULK, who, number, rest, speed, seconds))

    def _refill(self, who: str, _: int) -> None:
        """Store what two processes drain."""
        if who in {RAW, WRAPPED} or ("drain_by_two", who) in self.samples.refused:
            return
        jobs = self.amounts[who].drained
        try:
            self._ask(who, "bulk", jobs=jobs, by=BY)
        except Refusal:
            self._ask(who, "enqueue", jobs=jobs)
        self._holds(who, jobs)

    def _drain(self, who: str, number: int) -> None:
        self._measured(who, DRAIN, number, 1, self.amounts[who].drained)

    def _drain_by_two(self, who: str, number: int) -> None:
        if who in {RAW, WRAPPED} or ("drain_by_two", who) in self.samples.refused:
            return
        jobs = self.amounts[who].drained
        try:
            self._measured(who, DRAIN_2, number, 2, jobs)
        except Refusal:
            self._work(who, 1, jobs)
            raise

    def _in_smaller_batches(self, who: str, number: int) -> None:
        """Let the driver claim and ack fewer at a time."""
        if who != RAW:
            return
        for work, by in ((RAW_1, 1), (RAW_10, 10)):
            jobs = self.sizes.jobs // (20 // by)
            self._ask(who, "bulk", jobs=jobs, by=BY)
            self._holds(who, jobs)
            self._measured(who, work, number, 1, jobs, by=by)

    def _pickup(self, who: str, number: int) -> None:
        if who in {RAW, WRAPPED}:
            return
        jobs = max(1, self.sizes.pickups // self.sizes.repeats)
        speed = calibrate()
        millis = self._ask(who, "pickup", jobs=jobs, pause=PAUSE)["ms"]
        self._holds(who, 0)
        if len(millis) != jobs:
            raise ContestantError(f"{who} picked up {len(millis)} of {jobs} jobs")
        speed = (speed + calibrate()) / 2
        self.samples.every.append(Sample(PICKUP, who, number, jobs, speed, millis=millis))

    def _measured(
        self, who: str, work: str, number: int, processes: int, jobs: int, **more: int
    ) -> None:
        speed = calibrate()
        seconds = self._work(who, processes, jobs, **more)
        speed = (speed + calibrate()) / 2
        self.samples.every.append(Sample(work, who, number, jobs, speed, seconds))

    def _work(self, who: str, processes: int, jobs: int, **more: int) -> float:
        """Drain what the store holds; return the seconds."""
        self._holds(who, jobs)
        answer = self._ask(who, "work", processes=processes, jobs=jobs, **more)
        if answer["handled"] != jobs:
            raise ContestantError(f"{who} handled {answer['handled']} times, not {jobs}")
        self._holds(who, 0)
        return float(answer["seconds"])

    def _holds(self, who: str, jobs: int) -> None:
        there = self._ask(who, "left")["jobs"]
        if there != jobs:
            raise ContestantError(f"the store of {who} holds {there} jobs, not {jobs}")

    def _ask(self, who: str, do: str, **values: object) -> dict[str, Any]:
        return self.callers[who].ask(do, ORDER_SECONDS, **values)
