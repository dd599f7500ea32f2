"""Schedules in the memory of one process, for the memory backend and for a scheduler's own mode.

Nothing here is locked: the owner holds a lock of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from attrs import evolve

from gofastr_queue.limits import EARLIEST
from gofastr_queue.records import (
    KEPT_OCCURRENCES,
    Draft,
    Due,
    Fate,
    Fire,
    Fired,
    Occurrence,
    Put,
    ScheduleDraft,
    StoredSchedule,
)


class Book:
    """Schedules by id, each with its newest occurrences."""

    def __init__(self) -> None:
        self._schedules: dict[str, StoredSchedule] = {}
        self._occurrences: dict[str, list[Occurrence]] = {}

    def put(self, drafts: Sequence[ScheduleDraft], now: datetime) -> list[StoredSchedule]:
        """Register or change schedules."""
        return [one for one in (self._put(draft, now) for draft in drafts) if one is not None]

    def due(self, limit: int, now: datetime) -> Due:
        """Return what to look at, the soonest due first."""
        waiting = sorted(
            (one.next_due, one.id) for one in self._schedules.values() if one.next_due is not None
        )
        due = [self._schedules[id] for moment, id in waiting if moment <= now][:limit]
        return Due(tuple(due), now, next((moment for moment, _ in waiting[len(due) :]), None))

    def fire(
        self, fire: Fire, alive: Callable[[str], bool], store: Callable[[Draft], Put]
    ) -> Fired | None:
        """Move a schedule on, unless it has changed; nothing is changed if ``store`` raises."""
        known = self._schedules.get(fire.id)
        if known is None or known.version != fire.version or known.paused:
            return None
        put, decided = None, [Occurrence(tick, Fate.MISSED) for tick in fire.skipped]
        if fire.draft is not None:
            overlaps = fire.unless_alive and bool(known.last_job) and alive(known.last_job)
            put = None if overlaps else store(fire.draft)
            fate = Fate.OVERLAP if overlaps else Fate.ENQUEUED
            decided.append(Occurrence(fire.watermark, fate))
        self._schedules[fire.id] = StoredSchedule(
            known.id,
            known.definition,
            known.version + 1,
            known.registered_at,
            fire.watermark,
            fire.next_due,
            known.paused,
            known.last_job if put is None else put.job.id,
        )
        kept = self._occurrences[fire.id]
        kept += decided
        del kept[:-KEPT_OCCURRENCES]
        return Fired(fire, put)

    def listed(self, ids: Sequence[str] | None, occurrences: int) -> list[StoredSchedule]:
        """Return schedules by id."""
        asked = self._schedules.keys() if ids is None else set(ids) & self._schedules.keys()
        return [
            evolve(
                self._schedules[id],
                occurrences=tuple(self._occurrences[id][::-1][:occurrences]),
            )
            for id in sorted(asked)
        ]

    def remove(self, ids: Sequence[str]) -> list[str]:
        """Forget schedules."""
        there = [id for id in dict.fromkeys(ids) if id in self._schedules]
        for id in there:
            del self._schedules[id], self._occurrences[id]
        return there

    def _put(self, draft: ScheduleDraft, now: datetime) -> StoredSchedule | None:
        known = self._schedules.get(draft.id)
        made = registered(draft, now) if known is None else changed(known, draft, now)
        if made is not None:
            self._schedules[draft.id] = made
            self._occurrences.setdefault(draft.id, [])
        return made


def registered(draft: ScheduleDraft, now: datetime) -> StoredSchedule | None:
    """Return what a draft of an unknown schedule becomes, None if it defines nothing."""
    if draft.definition is None:
        return None
    since = now if draft.since is None else draft.since
    return StoredSchedule(
        id=draft.id,
        definition=draft.definition,
        version=1,
        registered_at=now,
        watermark=now if draft.since is None else max(since - datetime.resolution, EARLIEST),
        next_due=None if draft.paused else since,
        paused=bool(draft.paused),
    )


def changed(known: StoredSchedule, draft: ScheduleDraft, now: datetime) -> StoredSchedule:
    """Return what becomes of a known schedule, itself if nothing changes."""
    definition = known.definition if draft.definition is None else draft.definition
    paused = known.paused if draft.paused is None else draft.paused
    if definition == known.definition and paused == known.paused:
        return known
    resumed = known.paused and not paused
    return evolve(
        known,
        definition=definition,
        version=known.version + 1,
        watermark=max(known.watermark, now) if resumed else known.watermark,
        next_due=None if paused else now,
        paused=paused,
    )
