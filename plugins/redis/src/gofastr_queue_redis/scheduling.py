"""The hooks of schedules in Redis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from gofastr_queue import failpoints
from gofastr_queue.book import registered
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.records import (
    Due,
    Fate,
    Fire,
    Fired,
    Occurrence,
    Put,
    ScheduleDraft,
    StoredSchedule,
)
from gofastr_queue_redis import rows

FATES = {"e": Fate.ENQUEUED, "m": Fate.MISSED, "o": Fate.OVERLAP}

STALE = ""

DRAFT = 6
"""Arguments of a draft."""

after_fire = failpoints.point("fire.after_chunk")


class RedisScheduling(ABC):
    """What a backend on Redis has for schedules."""

    @abstractmethod
    def _run(self, name: str, now: datetime | None, *arguments: object) -> Any:
        """Call a script on the queue's keys."""

    @hookimpl
    def schedule_put(
        self, drafts: Sequence[ScheduleDraft], now: datetime | None
    ) -> list[StoredSchedule]:
        given = [argument for draft in drafts for argument in _draft(draft)]
        return [_schedule(*told) for told in self._run("schedule_put", now, *given)]

    @hookimpl
    def schedule_due(self, limit: int, now: datetime | None) -> Due:
        clock, following, found = self._run("schedule_due", now, limit)
        return Due(
            tuple(_schedule(*told) for told in found),
            rows.moment(rows.text(clock)),
            rows.moment(rows.text(following)) if following else None,
        )

    @hookimpl
    def schedule_fire(self, fires: Sequence[Fire], now: datetime | None) -> list[Fired]:
        fired = []
        for fire in fires:
            clock, fate, there = self._run("schedule_fire", now, *_fire(fire))
            if rows.text(fate) != STALE:
                fired.append(Fired(fire, _put(fire, clock, rows.text(fate), there)))
            after_fire()
        return fired

    @hookimpl
    def schedule_list(self, ids: Sequence[str] | None, occurrences: int) -> list[StoredSchedule]:
        asked = dict.fromkeys(ids or ())
        found = self._run("schedule_list", None, occurrences, int(ids is None), *asked)
        return sorted((_schedule(*told) for told in found), key=lambda one: one.id)

    @hookimpl
    def schedule_remove(self, ids: Sequence[str]) -> list[str]:
        return [rows.text(id) for id in self._run("schedule_remove", None, *ids)]


def _draft(draft: ScheduleDraft) -> Iterator[object]:
    made = registered(draft, rows.EPOCH)
    yield draft.id
    yield int(draft.definition is not None)
    yield draft.definition or ""
    yield rows.told(draft.since)
    yield "" if draft.since is None or made is None else rows.told(made.watermark)
    yield "" if draft.paused is None else int(draft.paused)


def _fire(fire: Fire) -> Iterator[object]:
    yield fire.id
    yield fire.version
    yield rows.told(fire.watermark)
    yield rows.told(fire.next_due)
    yield int(fire.unless_alive)
    yield 0 if fire.draft is None else DRAFT
    yield from () if fire.draft is None else rows.draft(fire.draft)
    yield from map(rows.told, fire.skipped)


def _put(fire: Fire, clock: Any, fate: str, there: Sequence[Any]) -> Put | None:
    if fire.draft is None or FATES.get(fate) is not Fate.ENQUEUED:
        return None
    if there:
        return Put(rows.stored(there[0]), new=False)
    return Put(fire.draft.job(rows.moment(rows.text(clock))), new=True)


def _schedule(id: Any, told: Any, ticks: Sequence[Any] = ()) -> StoredSchedule:
    """Read a schedule; a text that is none of ours becomes its definition, which core refuses."""
    said = rows.text(told)
    occurrences = tuple(_occurrence(rows.text(tick)) for tick in ticks)
    try:
        version, began, watermark, due, paused, last_job, definition = said.split("\0", 6)
        return StoredSchedule(
            rows.text(id),
            definition,
            int(version),
            rows.moment(began),
            rows.moment(watermark),
            rows.moment(due) if due else None,
            paused == "1",
            last_job,
            occurrences,
        )
    except (ValueError, OverflowError):
        return StoredSchedule(
            rows.text(id), said, 0, rows.EPOCH, rows.EPOCH, None, occurrences=occurrences
        )


def _occurrence(tick: str) -> Occurrence:
    return Occurrence(rows.moment(tick.rpartition("\0")[2][:-1]), FATES[tick[-1]])
