"""What was measured in one arena, and how it compares."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from attrs import field, frozen
from bench.calibration import at_one_speed
from bench.contest.contestant import About
from bench.spread import Spread

ENQUEUE, BULK, DRAIN, DRAIN_2 = "A enqueue", "B bulk", "C drain", "C drain by two"
RAW_1, RAW_10 = "C claim+ack by 1", "C claim+ack by 10"
PICKUP, RESTED = "D pick-up", "D pick-up after a second of rest"
MIXED, IDLE = "I mixed load", "I idle worker"


@frozen
class Sample:
    """One measurement: so many jobs in so many seconds, or the milliseconds of each.

    ``speed`` is what the calibration loop took beside it, in milliseconds; ``costs`` is by how much
    the store's own counters rose, or processor seconds.
    """

    work: str
    who: str
    round: int
    jobs: int
    speed: float
    seconds: float = 0.0
    millis: list[float] = field(factory=list)
    costs: dict[str, float] = field(factory=dict)

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds


@frozen
class Ratio:
    """How much quicker one is than another, within rounds; ``mixed`` if at more than one speed."""

    spread: Spread
    rounds: int
    mixed: bool


@frozen
class Samples:
    """All measurements of an arena, who took part, and who failed or refused at what."""

    every: list[Sample] = field(factory=list)
    about: dict[str, About] = field(factory=dict)
    failed: dict[str, str] = field(factory=dict)
    refused: dict[tuple[str, str], str] = field(factory=dict)

    def of(self, work: str, who: str) -> list[Sample]:
        """Return a contestant's measurements of one work."""
        return [one for one in self.every if (one.work, one.who) == (work, who)]

    def rate(self, work: str, who: str) -> float:
        """Return the median of jobs a second, 0 if there is none."""
        return statistics.median([one.rate for one in self.of(work, who)] or [0.0])

    def best(self, work: str, instead: str, others: list[str]) -> str | None:
        """Return the quickest of others at a work, or at another where they have no such."""
        rates = {who: self.rate(work, who) or self.rate(instead, who) for who in others}
        return max((who for who in others if rates[who]), key=rates.__getitem__, default=None)

    def ratio(self, one: tuple[str, str], base: tuple[str, str]) -> Ratio | None:
        """Compare two works of two contestants in those rounds in which both ran at one speed.

        If that was so in less than half of the rounds all count, and the ratio is marked mixed.
        """
        pairs = list(self._pairs(one, base))
        fair = [pair for pair in pairs if at_one_speed(pair[0].speed, pair[1].speed)]
        mixed = 2 * len(fair) < len(pairs)
        compared = [own.rate / other.rate for own, other in (pairs if mixed else fair)]
        return Ratio(Spread.of(compared), len(compared), mixed) if compared else None

    def _pairs(
        self, one: tuple[str, str], base: tuple[str, str]
    ) -> Iterator[tuple[Sample, Sample]]:
        others = {each.round: each for each in self.of(*base)}
        return ((own, others[own.round]) for own in self.of(*one) if own.round in others)
