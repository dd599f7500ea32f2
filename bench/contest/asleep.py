"""Asynchronous handlers that sleep, very many of them at once in one process."""

from __future__ import annotations

from collections.abc import Iterator

from bench.calibration import calibrate
from bench.contest.arena import Arena
from bench.contest.caller import Caller, ContestantError
from bench.contest.referee import Referee
from bench.ours.queues import SLEEP
from bench.report import Row
from bench.sizes import Sizes

WHO = "asleep"
SECONDS = 0.1
HALF = 2
"""The goal names half as many of these jobs as of those that do nothing."""

STORES = ("postgresql", "redis")
GOAL_SECONDS = 3.0
BY = 1_000


def measure(arena: Arena, sizes: Sizes) -> Iterator[Row]:
    """Drain jobs whose handlers sleep; 1,000 of them run at a time."""
    if arena.store not in STORES:
        return
    jobs, speed = sizes.jobs // HALF, calibrate()
    with Caller("bench.ours", arena.place(WHO), **{SLEEP: str(SECONDS)}) as caller:
        referee = Referee(arena, {WHO: caller})
        try:
            referee.prepare(WHO)
            referee.fill(WHO, jobs, BY)
            seconds = referee.drain(WHO, 1, jobs)
        except ContestantError as error:
            yield Row("contest", arena.name, "J asynchronous handlers", str(error), failed=True)
            return
    speed = (speed + calibrate()) / 2
    yield Row(
        "contest",
        arena.name,
        f"J {jobs:,} asynchronous handlers that sleep {SECONDS} s, 1,000 at a time",
        f"{seconds:.2f} s, loop {speed:.1f} ms",
        f"≤ {GOAL_SECONDS:.0f} s",
        seconds <= GOAL_SECONDS,
        sizes.full("jobs"),
        {"seconds": seconds},
    )
