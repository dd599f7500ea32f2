"""What a schedule says, as text and as the fires that it comes to: no clock, no store."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from attrs import frozen

from gofastr_queue import limits
from gofastr_queue.cron import cron
from gofastr_queue.errors import CorruptSchedule, InvalidJob, InvalidSchedule
from gofastr_queue.records import KEPT_OCCURRENCES, Draft, Fire, Occurrence, StoredSchedule
from gofastr_queue.rules import Every, From, Rule, every

LONGEST_ID = 200
"""Characters of a schedule's id: its jobs' ids are longer, and must still be ids."""

TOLERANCE = timedelta(minutes=1)
"""How late a tick is still on time: a scheduler sleeps no longer."""

MICROSECOND = timedelta(microseconds=1)


class CatchUp(StrEnum):
    """What becomes of ticks that fell due while no scheduler ran."""

    LATEST = "latest"
    """The newest is fired, the others are missed."""
    ALL = "all"
    """Each is fired, the newest thousand at most."""
    NONE = "none"
    """All are missed but one that is less than a minute late."""


class Overlap(StrEnum):
    """What becomes of a tick while the job of the last one is pending or claimed."""

    ALLOW = "allow"
    """It is fired."""
    SKIP = "skip"
    """It is skipped."""


Choice = TypeVar("Choice", CatchUp, Overlap)


@frozen(kw_only=True)
class Definition:
    """A schedule as it was registered: when, and which job.

    Either ``spec`` and ``tz`` or ``period`` is given.  ``payload`` and ``headers`` are texts as the
    codec wrote them.
    """

    type: str
    payload: str
    headers: str = ""
    lane: str = ""
    priority: int = 0
    max_attempts: int = 0
    spec: str = ""
    tz: str = "UTC"
    period: timedelta | None = None
    start_at: datetime | None = None
    catch_up: CatchUp = CatchUp.LATEST
    overlap: Overlap = Overlap.ALLOW

    @property
    def when(self) -> str:
        """When this schedule is due, in words."""
        return f"every {self.period}" if self.period is not None else f"{self.spec} ({self.tz})"

    def rule(self, registered_at: datetime) -> Rule:
        """Return when this schedule is due; raises ``InvalidSchedule`` for what never is."""
        if self.period is None:
            rule = cron(self.spec, self.tz)
            return rule if self.start_at is None else From(rule, self.start_at)
        if self.start_at is None:
            return Every(every(self.period), registered_at, first=1)
        return Every(every(self.period), self.start_at)

    def text(self) -> str:
        """Return the text to store; equal definitions have equal texts."""
        fields: dict[str, Any] = {
            "type": self.type,
            "payload": self.payload,
            "headers": self.headers,
            "lane": self.lane,
            "priority": self.priority,
            "max_attempts": self.max_attempts,
            "catch_up": self.catch_up,
            "overlap": self.overlap,
        }
        if self.period is None:
            fields |= {"cron": self.spec, "tz": self.tz}
        else:
            fields["every"] = self.period // MICROSECOND
        if self.start_at is not None:
            fields["start_at"] = self.start_at.isoformat()
        return json.dumps(fields, ensure_ascii=False, sort_keys=True)


@lru_cache(maxsize=1_000)
def read(text: str) -> Definition:
    """Read a stored definition; raises ``CorruptSchedule`` for any text that is none."""
    try:
        fields = json.loads(text)
        start_at = fields.get("start_at")
        period = fields.get("every")
        made = Definition(
            type=limits.name("type", fields["type"]),
            payload=_text(fields["payload"]),
            headers=_text(fields["headers"]),
            lane=limits.name("lane", fields["lane"], empty=True),
            priority=limits.priority(fields["priority"]),
            max_attempts=int(fields["max_attempts"]),
            spec=_text(fields.get("cron", "")),
            tz=_text(fields.get("tz", "UTC")),
            period=None if period is None else timedelta(microseconds=period),
            start_at=None if start_at is None else datetime.fromisoformat(start_at),
            catch_up=CatchUp(fields["catch_up"]),
            overlap=Overlap(fields["overlap"]),
        )
        made.rule(datetime.fromtimestamp(0, UTC))
    except Exception as error:
        said = str(error) if isinstance(error, InvalidSchedule) else type(error).__name__
        raise CorruptSchedule(f"a stored schedule cannot be read: {said}") from error
    return made


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def identity(value: object) -> str:
    """Check a schedule's id."""
    try:
        text = limits.name("id", value)
    except InvalidJob as error:
        raise InvalidSchedule(f"a schedule's {error}") from None
    if len(text) > LONGEST_ID:
        raise InvalidSchedule(
            f"a schedule's id has {len(text)} characters, the limit is {LONGEST_ID}"
        )
    return text


def choice(field: str, kind: type[Choice], value: str) -> Choice:
    """Check a policy."""
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(repr(str(one)) for one in kind)
        raise InvalidSchedule(
            f"{field} must be one of {known}, got {limits.shown(value)}"
        ) from None


def job_id(schedule: str, tick: datetime) -> str:
    """Return the id of a tick's job, the same wherever it is made."""
    return f"{schedule}@{tick.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def plan(
    stored: StoredSchedule,
    definition: Definition,
    now: datetime,
    draft: Callable[[datetime], Draft],
) -> list[Fire]:
    """Return the fires that decide every tick up to ``now``.

    One that decides none only says when to look again.  Several build on each other's versions.
    """
    rule = definition.rule(stored.registered_at)
    due = _due(rule, stored.watermark, now)
    if not due:
        return [Fire(stored.id, stored.version, stored.watermark, rule.after(stored.watermark))]
    newest = due[-1]
    following = rule.after(newest)
    alone = definition.overlap is Overlap.SKIP
    if definition.catch_up is CatchUp.ALL:
        return [
            Fire(stored.id, stored.version + number, tick, after, draft(tick), (), alone)
            for number, (tick, after) in enumerate(zip(due, [*due[1:], following], strict=True))
        ]
    if definition.catch_up is CatchUp.NONE and now - newest > TOLERANCE:
        return [Fire(stored.id, stored.version, newest, following, None, tuple(due))]
    skipped = tuple(due[:-1])
    return [Fire(stored.id, stored.version, newest, following, draft(newest), skipped, alone)]


def _due(rule: Rule, watermark: datetime, now: datetime) -> list[datetime]:
    """Return the newest ticks that are due and undecided, in order."""
    due: list[datetime] = []
    tick = rule.latest(now)
    while tick is not None and tick > watermark and len(due) < KEPT_OCCURRENCES:
        due.append(tick)
        tick = rule.latest(tick - MICROSECOND)
    return due[::-1]


@frozen(kw_only=True)
class Schedule:
    """A stored schedule, as an operator looks at it.

    ``next_fire`` is its next tick, None while it is paused or if there is none.  ``occurrences``
    are ticks that were decided, newest first.  Where it cannot be read, ``problem`` says why, and
    what its text would have said is empty.
    """

    id: str
    when: str = ""
    tz: str = "UTC"
    type: str = ""
    payload: Any = None
    lane: str = ""
    priority: int = 0
    max_attempts: int = 0
    catch_up: str = ""
    overlap: str = ""
    paused: bool = False
    next_fire: datetime | None = None
    occurrences: tuple[Occurrence, ...] = ()
    problem: str = ""
