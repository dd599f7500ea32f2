"""The rows of an arena: what everybody did, and what of it reaches its goal."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from attrs import asdict, frozen
from bench.calibration import scale
from bench.contest.arena import Arena
from bench.contest.costing import DISK, LOG, MEMORY, READS, TRANSACTIONS
from bench.contest.field import OURS, RAW, WRAPPED
from bench.contest.goals import BEST, IDLE_PART, PICKUPS, RATIOS, TAIL, Goal
from bench.contest.samples import (
    BULK,
    DRAIN,
    DRAIN_2,
    ENQUEUE,
    IDLE,
    MIXED,
    PICKUP,
    RAW_1,
    RAW_10,
    RESTED,
    Sample,
    Samples,
)
from bench.report import Row
from bench.sizes import Sizes
from bench.spread import Spread, quantile

WORKS = (ENQUEUE, BULK, DRAIN, DRAIN_2, RAW_1, RAW_10)
CONTEST = "contest"

SPEEDS = 1.9
"""How far apart the two speeds are between which a shared machine changes by itself."""

INSTEAD = {BULK: ENQUEUE}
"""What a peer does that has no such work."""


@frozen
class Results:
    """An arena's samples as rows."""

    arena: Arena
    samples: Samples
    sizes: Sizes

    def rows(self) -> Iterator[Row]:
        """Yield every row; goals that could not be judged are rows too."""
        for who, why in self.samples.failed.items():
            said = why.partition("\n")[0]
            yield self._row(f"{who} takes no further part", said, failed=True)
        for work in WORKS:
            yield from self._rates(work)
        yield from self._pickups()
        yield from self._costs("G a pending job", (ENQUEUE, BULK), (MEMORY, DISK, LOG))
        yield from self._costs("G a drained job", (DRAIN,), (TRANSACTIONS, LOG, READS))
        yield from self._mixed()
        yield from self._idle()
        for goal in RATIOS[self.arena.store]:
            yield self._judged(goal)

    def _rates(self, work: str) -> Iterator[Row]:
        for who in self.samples.about:
            samples = self.samples.of(work, who)
            if samples:
                spread = Spread.of([one.rate for one in samples])
                jobs = min(one.jobs for one in samples)
                yield self._row(
                    f"{work}: {self._named(who)}",
                    f"{spread.median:,.0f} jobs/s ({spread.low:,.0f}-{spread.high:,.0f}), "
                    f"{len(samples)} x {jobs:,} jobs",
                    numbers=self._numbers(samples),
                )

    def _pickups(self) -> Iterator[Row]:
        for who in self.samples.about:
            samples = self.samples.of(PICKUP, who)
            if not samples:
                continue
            p50, p99, told = _scaled(samples)
            limit = PICKUPS[self.arena.store]
            ours = who == OURS
            yield self._row(
                f"{PICKUP}, p50 and p99: {self._named(who)}",
                (f"{_reach(p50 <= limit.stretch)}: " if ours else "") + told,
                f"≤ {limit.floor:g} / {limit.stretch:g} ms, p99 ≤ {TAIL} x {limit.floor:g}"
                if ours
                else "",
                within=p50 <= limit.floor and p99 <= TAIL * limit.floor if ours else None,
                numbers=self._numbers(samples) | {"p50": p50, "p99": p99},
            )
        if rested := self.samples.of(RESTED, OURS):
            yield self._row(
                f"{RESTED}: {self._named(OURS)}", _scaled(rested)[2], numbers=self._numbers(rested)
            )

    def _costs(self, name: str, works: tuple[str, ...], counters: tuple[str, ...]) -> Iterator[Row]:
        """Yield what a job cost in the first round, before anything was there to be used again."""
        for who in self.samples.about:
            first = [one for work in works for one in self.samples.of(work, who)[:1]]
            costs = {
                counter: sum(one.costs[counter] for one in first) / sum(one.jobs for one in first)
                for counter in counters
                if first and counter in first[0].costs
            }
            if costs:
                told = ", ".join(f"{value:,.4g} {counter}" for counter, value in costs.items())
                yield self._row(f"{name}: {self._named(who)}", told, numbers={"costs": costs})

    def _mixed(self) -> Iterator[Row]:
        for who in self.samples.about:
            for one in self.samples.of(MIXED, who):
                p50, p99, p999 = (quantile(one.millis, part) for part in (0.5, 0.99, 0.999))
                told = ", ".join(
                    f"{1_000 * value / one.jobs:.2f} s {whose}"
                    for whose, value in one.costs.items()
                )
                yield self._row(
                    f"{MIXED}, {one.jobs / one.seconds:.0f} jobs/s: {self._named(who)}",
                    f"p50 {p50:.1f}, p99 {p99:.1f}, p99.9 {p999:.1f} ms; "
                    f"CPU of 1,000 jobs: {told}; {one.jobs:,} jobs, loop {one.speed:.1f} ms",
                    numbers=self._numbers([one]),
                )

    def _idle(self) -> Iterator[Row]:
        for one in self.samples.of(IDLE, OURS):
            part = one.costs["clients"] / one.seconds
            yield self._row(
                f"{IDLE}, part of a core: {self._named(OURS)}",
                f"{100 * part:.2f} % in {one.seconds:.0f} s",
                f"< {100 * IDLE_PART:.0f} %",
                within=part < IDLE_PART,
                full=self.sizes.full("seconds"),
                numbers={"part": part},
            )

    def _judged(self, goal: Goal) -> Row:
        work, base = goal.base
        others = [who for who in self.samples.about if who not in {OURS, RAW, WRAPPED}]
        instead = INSTEAD.get(work, work)
        against = self.samples.best(work, instead, others) if base == BEST else base
        name = goal.name + (f" ({against} of {', '.join(others)})" if base == BEST else "")
        if base == BEST and against is None:
            return self._row(name, "no peer took part", goal.text)
        if base == BEST and not self.samples.of(work, str(against)):
            work = instead
        ratio = self.samples.ratio((goal.work, goal.who), (work, str(against)))
        if ratio is None:
            absent = against not in self.samples.about and against not in {OURS, RAW}
            why = f"{against} did not take part" if absent else "not measured"
            return self._row(name, why, goal.text, within=None if absent else False)
        mixed = ", at mixed speed" if ratio.mixed else ""
        driver = self.samples.ratio((goal.work, RAW), (work, str(against)))
        limit = f"; the driver alone {driver.spread.median:.2f}" if base == BEST and driver else ""
        return self._row(
            name,
            f"{ratio.spread.text()} of {ratio.rounds} rounds{mixed}, "
            f"{_reach(ratio.spread.median >= goal.stretch)}{limit}",
            goal.text,
            within=judged(ratio.spread, goal.floor, mixed=ratio.mixed),
            numbers={"ratio": asdict(ratio), "floor": goal.floor, "stretch": goal.stretch},
        )

    def _named(self, who: str) -> str:
        about = self.samples.about[who]
        return f"{who}, {about.name} {about.version}"

    def _numbers(self, samples: list[Sample]) -> dict[str, object]:
        about = self.samples.about[samples[0].who]
        return {"about": asdict(about), "samples": [asdict(one) for one in samples]}

    def _row(
        self,
        name: str,
        value: str,
        goal: str = "",
        *,
        within: bool | None = None,
        full: bool = True,
        failed: bool = False,
        numbers: dict[str, object] | None = None,
    ) -> Row:
        return Row(
            CONTEST,
            self.arena.name,
            name,
            value,
            goal,
            within,
            full and self.sizes.full("jobs", "repeats", "pickups"),
            numbers or {},
            failed,
        )


def judged(spread: Spread, floor: float, *, mixed: bool) -> bool | None:
    """Tell whether a goal is reached; None where only the machine's speeds may have reached it."""
    if spread.median < floor:
        return False
    return True if not mixed or spread.low / SPEEDS >= floor else None


def _scaled(samples: list[Sample]) -> tuple[float, float, str]:
    """Return p50 and p99 for a machine of the usual speed, and both in words."""
    measured = [each for one in samples for each in one.millis]
    scaled = [each / scale(one.speed) for one in samples for each in one.millis]
    p50, p99 = quantile(scaled, 0.5), quantile(scaled, 0.99)
    speed = statistics.median(one.speed for one in samples)
    told = (
        f"{p50:.2f} and {p99:.2f} ms of {len(scaled)}; as measured "
        f"{quantile(measured, 0.5):.2f} ms, loop {speed:.1f} ms"
    )
    return p50, p99, told


def _reach(stretched: bool) -> str:
    return "stretch reached" if stretched else "stretch not reached"
