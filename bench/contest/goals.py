"""What must be reached, as data: floors, and how far it is worth stretching."""

from __future__ import annotations

from attrs import frozen
from bench.contest.field import OURS, RAW, WRAPPED
from bench.contest.samples import BULK, DRAIN, DRAIN_2, ENQUEUE

BEST = "best peer"


@frozen
class Goal:
    """Our rate at a work ÷ somebody's is no less than ``floor``, and ``stretch`` at best."""

    work: str
    base: tuple[str, str]
    floor: float
    stretch: float
    who: str = OURS

    @property
    def name(self) -> str:
        """What is divided by what."""
        work, who = self.base
        return f"{self.work}, {self.who} ÷ {who}" + ("" if work == self.work else f" {work}")

    @property
    def text(self) -> str:
        """For instance ``≥ 0.5 / 0.7``."""
        return f"≥ {self.floor:g}" + ("" if self.stretch == self.floor else f" / {self.stretch:g}")


@frozen
class Limit:
    """Half of the pick-ups take no longer than ``floor`` milliseconds, ``stretch`` at best."""

    floor: float
    stretch: float


TAIL = 5
"""99 of 100 pick-ups take no longer than so many times a limit."""


def _goal(
    work: str,
    base: str,
    floor: float,
    stretch: float = 0.0,
    *,
    of: str = "",
    who: str = OURS,
) -> Goal:
    return Goal(work, (of or work, base), floor, stretch or floor, who)


RATIOS: dict[str, tuple[Goal, ...]] = {
    "memory": (
        _goal(ENQUEUE, "huey", 1.0),
        _goal(DRAIN, "threadpool", 0.5),
        _goal(DRAIN, OURS, 0.9, who=WRAPPED),
    ),
    "sqlite": (
        _goal(ENQUEUE, RAW, 0.7),
        _goal(BULK, RAW, 0.3, 0.5),
        _goal(BULK, BEST, 2.5, 4.0),
        _goal(DRAIN, BEST, 8.0, 15.0),
        _goal(DRAIN, RAW, 0.12, 0.25),
        _goal(DRAIN_2, OURS, 0.9, of=DRAIN),
        _goal(DRAIN, OURS, 0.95, who=WRAPPED),
    ),
    "postgresql": (
        _goal(ENQUEUE, RAW, 0.85),
        _goal(BULK, RAW, 0.5),
        _goal(BULK, BEST, 2.0),
        _goal(DRAIN, BEST, 2.0, 3.0),
        _goal(DRAIN, RAW, 0.5, 0.7),
        _goal(DRAIN_2, OURS, 1.3, of=DRAIN),
        _goal(DRAIN, OURS, 0.95, who=WRAPPED),
    ),
    "redis": (
        _goal(ENQUEUE, RAW, 0.85),
        _goal(BULK, RAW, 0.3, 0.4),
        _goal(BULK, BEST, 10.0, 15.0),
        _goal(DRAIN, BEST, 10.0, 15.0),
        _goal(DRAIN, RAW, 0.27, 0.4),
        _goal(DRAIN_2, OURS, 1.5, of=DRAIN),
        _goal(DRAIN, OURS, 0.95, who=WRAPPED),
    ),
}
"""By store; the driver's drain claims and acks 100 at a time, its bulk is the best that it has."""

PICKUPS = {
    "memory": Limit(0.3, 0.3),
    "sqlite": Limit(5.0, 5.0),
    "postgresql": Limit(4.0, 2.0),
    "redis": Limit(1.5, 1.0),
}
"""For a machine on which the calibration loop takes its usual time."""

IDLE_PART = 0.01
"""A worker that has nothing to do takes less of a core."""
