"""When a schedule is due: pure arithmetic, a function of what was registered alone.

A rule's ticks do not depend on when or how often it is asked.  Cron's fields are matched against
the clock on the wall of a time zone.  Where that clock is moved, an hour field with a star follows
the time that passes, as ``*/15 * * * *`` should: each minute that really happens counts.  Fixed
hours run once a day: the first time if an hour is repeated, at the moment of the change if it is
left out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from attrs import field, frozen

from gofastr_queue.errors import InvalidSchedule
from gofastr_queue.limits import EARLIEST, LATEST, shown

LONGEST_SPEC = 256
LONGEST_ZONE = 64

SHORTCUTS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

DAYS_OF = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days that a month can have."""

NEAR = 2
"""Ticks of days so far apart keep the days' order, however a zone moves its clock."""

REMEMBERED_DAYS = 16
"""Days whose ticks a specification keeps."""

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)

_ITEM = re.compile(r"(\*|[a-z0-9]{1,9})(?:-([a-z0-9]{1,9}))?(?:/([0-9]{1,9}))?")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")
_OF_THE_MACHINE = re.compile(r"localtime|(posix|right)/.*|.*rules")
"""What may lie beside the zones in a machine's folder and is none of IANA's names."""


@frozen
class Field:
    """One of the five fields: its name, bounds, and the words that stand for numbers."""

    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()

    def read(self, text: str) -> str:
        """Return a field in the form that croniter reads right; raise what is wrong by name."""
        return ",".join(self._item(item) for item in text.lower().split(","))

    def _item(self, item: str) -> str:
        found = _ITEM.fullmatch(item)
        if found is None or (found[1] == "*" and found[2]):
            raise InvalidSchedule(
                f"{self.name}: {item[:20]!r} is no number, range, list or step; "
                "write for instance 5, 1-5, 1,3,5, */15 or *"
            )
        first, last, step = found.groups()
        if step is not None and int(step) == 0:
            raise InvalidSchedule(f"{self.name}: a step of 0 goes nowhere; it must be positive")
        if first == "*":
            # croniter takes */1 and the like for out of range
            return "*" if step is None or int(step) == 1 else f"{self.least}-{self.most}/{step}"
        begin = self._number(first)
        if last is None:
            return f"{begin}" if step is None else f"{begin}-{self.most}/{step}"
        end = self._number(last)
        if end < begin:
            raise InvalidSchedule(
                f"{self.name}: {item!r} ends before it begins; write "
                f"{begin}-{self.most},{self.least}-{end} if it goes round"
            )
        return _spelt(begin, end, int(step or 1))

    def _number(self, text: str) -> int:
        if text in self.words:
            return self.words.index(text) + self.least
        if not text.isdecimal():
            raise InvalidSchedule(f"{self.name}: {text!r} is unknown{self._known()}")
        if not self.least <= int(text) <= self.most:
            raise InvalidSchedule(
                f"{self.name}: {text} is not between {self.least} and {self.most}"
            )
        return int(text)

    def _known(self) -> str:
        return (
            f"; write {self.least} to {self.most} or {', '.join(self.words)}" if self.words else ""
        )


MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY_OF_MONTH = Field("day of month", 1, 31)
MONTH = Field("month", 1, 12, MONTHS)
DAY_OF_WEEK = Field("day of week", 0, 7, WEEKDAYS)

FIELDS = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)


def _spelt(begin: int, end: int, step: int) -> str:
    """Write a range as a list: croniter reads 5-5 as everything."""
    return ",".join(str(number) for number in range(begin, end + 1, step))


@frozen(eq=False)
class Cron:
    """A cron specification of five fields in a time zone; made by ``cron``."""

    spec: str
    zone: ZoneInfo
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    """Whether a day that fits by month or by week is enough, because both were set."""
    follows: bool
    """Whether the hours follow the time that passes."""
    _known: dict[date, tuple[datetime, ...]] = field(factory=dict, init=False, repr=False)
    _around: dict[date, tuple[datetime, ...]] = field(factory=dict, init=False, repr=False)

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick later than ``moment``."""
        day = self._day(moment)
        near = self._near(day)
        place = bisect_right(near, moment)
        if place < len(near):
            return near[place]
        day -= NEAR * DAY
        found: datetime | None = None
        left = NEAR
        while found is None or left:
            if found is not None:
                left -= 1
            elif day.year >= LATEST.year:
                return None
            if self._fits(day):
                ticks = self._ticks(day)
                place = bisect_right(ticks, moment)
                if place < len(ticks) and (found is None or ticks[place] < found):
                    found = ticks[place]
            day = self._next(day)
        return found

    def latest(self, moment: datetime) -> datetime | None:
        """Return the last tick up to ``moment``."""
        day = self._day(moment)
        near = self._near(day)
        place = bisect_right(near, moment)
        if place:
            return near[place - 1]
        day += NEAR * DAY
        found: datetime | None = None
        left = NEAR
        while found is None or left:
            if found is not None:
                left -= 1
            elif day.year < EARLIEST.year:
                return None
            if self._fits(day):
                ticks = self._ticks(day)
                place = bisect_right(ticks, moment)
                if place and (found is None or ticks[place - 1] > found):
                    found = ticks[place - 1]
            day -= DAY
        return found

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def _next(self, day: date) -> date:
        """Return the next day, past the months that never fit."""
        day += DAY
        while day.month not in self.months:
            day = (day.replace(day=1) + 32 * DAY).replace(day=1)
        return day

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either else by_month and by_week

    def _near(self, day: date) -> tuple[datetime, ...]:
        """Return ticks around a day without a gap, none of them farther than another not here."""
        near = self._around.get(day)
        if near is None:
            days = [day + number * DAY for number in range(-1 - NEAR, 2 + NEAR)]
            ticks = [self._ticks(one) if self._fits(one) else () for one in days]
            first = min((some[0] for some in ticks[1:] if some), default=LATEST)
            last = max((some[-1] for some in ticks[:-1] if some), default=EARLIEST)
            near = tuple(sorted(one for some in ticks for one in some if first <= one <= last))
            _remember(self._around, day, near)
        return near

    def _ticks(self, day: date) -> tuple[datetime, ...]:
        """Return the ticks of one day on the wall, in order."""
        ticks = self._known.get(day)
        if ticks is None:
            walls = (
                datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - on the wall
                for hour in self.hours
                for minute in self.minutes
            )
            happens = _each if self.follows else _once
            found = {tick for wall in walls for tick in happens(wall, self.zone)}
            ticks = tuple(sorted(one for one in found if EARLIEST <= one <= LATEST))
            _remember(self._known, day, ticks)
        return ticks


def _remember(
    days: dict[date, tuple[datetime, ...]], day: date, ticks: tuple[datetime, ...]
) -> None:
    """Keep the ticks of a day, in place of the day known longest."""
    if len(days) >= REMEMBERED_DAYS:
        for oldest in list(days)[:1]:
            days.pop(oldest, None)  # another thread may have been quicker
    days[day] = ticks


def _each(wall: datetime, zone: ZoneInfo) -> Sequence[datetime]:
    """Return every moment at which the clock on the wall shows ``wall``."""
    first, second = _readings(wall, zone)
    if first == second:
        return [first]
    return [one for one in (first, second) if one.astimezone(zone).replace(tzinfo=None) == wall]


def _once(wall: datetime, zone: ZoneInfo) -> Sequence[datetime]:
    """Return the first moment at which the clock shows ``wall``, or passes over it."""
    first, second = _readings(wall, zone)
    if first <= second:
        return [first]
    # Left out: read by the old offset it is after the change, by the new one before.
    before, after = second, first
    changed = after.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // (2 * SECOND) * SECOND
        if middle.astimezone(zone).utcoffset() == changed:
            after = middle
        else:
            before = middle
    return [after]


def _readings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return what ``wall`` means by the offset before a change and after; mostly the same."""
    aware = wall.replace(tzinfo=zone)
    offset = aware.utcoffset()
    if offset is not None and offset == aware.replace(fold=1).utcoffset():
        moment = (wall - offset).replace(tzinfo=UTC)
        return moment, moment
    return aware.astimezone(UTC), aware.replace(fold=1).astimezone(UTC)


def cron(spec: object, tz: object = "UTC") -> Cron:
    """Read a specification; raises ``InvalidSchedule`` that names the field."""
    if not isinstance(spec, str):
        raise InvalidSchedule(f"spec: a cron specification is text, got {shown(spec)}")
    if len(spec) > LONGEST_SPEC:
        raise InvalidSchedule(
            f"spec: {len(spec)} characters are no cron specification, the limit is {LONGEST_SPEC}"
        )
    zone(tz)
    return _cron(spec, str(tz))


def zone(tz: object) -> ZoneInfo:
    """Return the time zone of a name of IANA's."""
    if not isinstance(tz, str):
        raise InvalidSchedule(f"tz: a time zone is an IANA name, got {shown(tz)}")
    if len(tz) <= LONGEST_ZONE and _ZONE.fullmatch(tz) and not _OF_THE_MACHINE.fullmatch(tz):
        try:
            return _zone(tz)
        except (LookupError, OSError, ValueError):
            pass
    raise InvalidSchedule(
        f"tz: {shown(tz)} is no known time zone; write an IANA name, for instance Europe/Berlin"
    )


_zone = cache(ZoneInfo)


@lru_cache(maxsize=1_000)
def _cron(spec: str, tz: str) -> Cron:
    texts = SHORTCUTS.get(spec.strip().lower(), spec).split()
    if spec.strip().startswith("@") and len(texts) == 1:
        known = ", ".join(SHORTCUTS)
        raise InvalidSchedule(f"spec: {spec.strip()[:20]!r} is unknown; there are {known}")
    if len(texts) != len(FIELDS):
        raise InvalidSchedule(
            f"spec: a cron specification has five fields (minute, hour, day of month, month, "
            f"day of week) or is a shortcut such as @daily, got {len(texts)}: {shown(spec)}"
        )
    read = [field.read(text) for field, text in zip(FIELDS, texts, strict=True)]
    # its import runs a program, to learn how many bits there are
    from croniter import CroniterError, croniter  # noqa: PLC0415 - only for who has a cron

    try:
        expanded, _ = croniter.expand(" ".join(read))
    except (CroniterError, ValueError, LookupError) as error:
        raise InvalidSchedule(f"spec: {shown(spec)} cannot be read: {error}") from None
    minutes, hours, days, months, weekdays = (
        _numbers(field, values) for field, values in zip(FIELDS, expanded, strict=True)
    )
    by_month, by_week = read[2] != "*", read[4] != "*"
    if not by_week and not any(day <= DAYS_OF[month - 1] for month in months for day in days):
        raise InvalidSchedule(
            f"day of month: {_listed(days)} never comes in month {_listed(months)}"
        )
    return Cron(
        spec=spec,
        zone=_zone(tz),
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(one % 7 for one in weekdays),
        either=by_month and by_week,
        follows=any(item.startswith("*") for item in texts[1].split(",")),
    )


def _numbers(field: Field, values: Sequence[int | str]) -> frozenset[int]:
    if "*" in values:
        return frozenset(range(field.least, field.most + 1))
    return frozenset(int(value) for value in values)


def _listed(numbers: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))
