"""When a schedule is due: what every kind has, and intervals.

A rule's ticks are a function of what was registered alone: it does not matter when or how often it
is asked.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen

from gofastr_queue.errors import InvalidSchedule
from gofastr_queue.limits import LATEST, shown
from gofastr_queue.retry import LONGEST_DELAY


class Rule(Protocol):
    """When a schedule is due."""

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick later than ``moment``, None if there is none before year 9000."""
        ...

    def latest(self, moment: datetime) -> datetime | None:
        """Return the last tick up to ``moment``, None if there is none."""
        ...


@frozen
class Every:
    """Ticks ``anchor + k * period`` for every k from ``first`` on."""

    period: timedelta
    anchor: datetime
    first: int = 0

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick later than ``moment``."""
        return self._tick(max((moment - self.anchor) // self.period + 1, self.first))

    def latest(self, moment: datetime) -> datetime | None:
        """Return the last tick up to ``moment``."""
        count = (moment - self.anchor) // self.period
        return self._tick(count) if count >= self.first else None

    def _tick(self, count: int) -> datetime | None:
        if count > (LATEST - self.anchor) // self.period:
            return None
        return self.anchor + count * self.period


@frozen
class From:
    """The ticks of another rule from a moment on."""

    rule: Rule
    start: datetime

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick later than ``moment``."""
        return self.rule.after(max(moment, self.start - datetime.resolution))

    def latest(self, moment: datetime) -> datetime | None:
        """Return the last tick up to ``moment``."""
        tick = self.rule.latest(moment)
        return None if tick is None or tick < self.start else tick


def every(period: object) -> timedelta:
    """Check the period of an interval."""
    if not isinstance(period, timedelta):
        raise InvalidSchedule(f"every: a period is a timedelta, got {shown(period)}")
    if not timedelta(0) < period <= LONGEST_DELAY:
        raise InvalidSchedule(
            f"every: a period is positive and at most {LONGEST_DELAY.days} days, got '{period}'"
        )
    return period
