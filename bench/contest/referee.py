"""Gives contestants their orders, and asks each time whether the store holds what it should.

Who holds something else, handled other jobs or is less durable than the arena fails, and takes no
further part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import field, frozen
from bench.contest.arena import Arena
from bench.contest.caller import Caller, ContestantError, Refusal
from bench.contest.contestant import About
from bench.contest.samples import Samples
from bench.report import say

ORDER_SECONDS = 700.0

Work = Callable[[str], None]


@frozen
class Referee:
    """An arena, those who take part in it, and what was measured."""

    arena: Arena
    callers: dict[str, Caller]
    samples: Samples = field(factory=Samples)

    def each(self, name: str, work: Work, order: Iterable[str]) -> None:
        """Let everybody who still takes part do a work; a refusal is kept, and is no failure."""
        for who in list(order):
            if who not in self.callers or (name, who) in self.samples.refused:
                continue
            try:
                work(who)
            except Refusal as refusal:
                self.samples.refused[name, who] = str(refusal)
            except ContestantError as error:
                say(f"{self.arena.name}: {who} fails: {error}")
                self.samples.failed[who] = str(error)
                self.callers.pop(who).close()

    def prepare(self, who: str) -> None:
        """Let somebody prepare, and look who it is."""
        about = About(**self.ask(who, "prepare"))
        say(f"{self.arena.name}: {who}: {about.name} {about.version}, {about.durability}")
        if self.arena.durability not in about.durability:
            raise ContestantError(f"{who} is not {self.arena.durability!r}: {about.durability!r}")
        self.samples.about[who] = about
        self.holds(who, 0)

    def fill(self, who: str, jobs: int, by: int) -> None:
        """Store jobs by the quickest way that somebody has; nothing is timed."""
        try:
            self.ask(who, "bulk", jobs=jobs, by=by)
        except Refusal:
            self.ask(who, "enqueue", jobs=jobs)

    def drain(self, who: str, processes: int, jobs: int, **more: int) -> float:
        """Drain what the store holds; return the seconds."""
        self.holds(who, jobs)
        answer = self.ask(who, "work", processes=processes, jobs=jobs, **more)
        if answer["handled"] != jobs:
            raise ContestantError(f"{who} handled {answer['handled']} times, not {jobs}")
        self.holds(who, 0)
        return float(answer["seconds"])

    def holds(self, who: str, jobs: int) -> None:
        """Raise ``ContestantError`` unless the store holds so many jobs."""
        there = self.ask(who, "left")["jobs"]
        if there != jobs:
            raise ContestantError(f"the store of {who} holds {there} jobs, not {jobs}")

    def ask(self, who: str, do: str, **values: object) -> dict[str, Any]:
        """Give an order."""
        return self.callers[who].ask(do, ORDER_SECONDS, **values)
