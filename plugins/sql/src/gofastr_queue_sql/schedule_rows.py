"""Rows and schedules, where SQL's dialects agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from gofastr_queue.records import Due, Fate, Fire, Occurrence, StoredSchedule
from gofastr_queue_sql.rows import Row, micros, moment


def schedule(row: Row, occurrences: Iterable[Row] = ()) -> StoredSchedule:
    """Return the schedule of a row."""
    return StoredSchedule(
        row[0],
        row[1],
        row[2],
        moment(row[3]),
        moment(row[4]),
        None if row[5] is None else moment(row[5]),
        bool(row[6]),
        row[7],
        tuple(Occurrence(moment(at), Fate(fate)) for at, fate in occurrences),
    )


def values(stored: StoredSchedule) -> dict[str, Any]:
    """Return a schedule as parameters."""
    return {
        "id": stored.id,
        "definition": stored.definition,
        "version": stored.version,
        "registered_at": micros(stored.registered_at),
        "watermark": micros(stored.watermark),
        "next_due": None if stored.next_due is None else micros(stored.next_due),
        "paused": stored.paused,
        "last_job": stored.last_job,
    }


def due(rows: list[Row], limit: int, now: datetime) -> Due:
    """Return what is due among the schedules that are looked at soonest, one more than asked."""
    waiting = [schedule(row) for row in rows]
    ready = [one for one in waiting if one.next_due is not None and one.next_due <= now][:limit]
    following = waiting[len(ready) :]
    return Due(tuple(ready), now, following[0].next_due if following else None)


def decided(fire: Fire, *, overlaps: bool) -> Iterator[dict[str, Any]]:
    """Return what became of a fire's ticks, as parameters."""
    for tick in fire.skipped:
        yield {"schedule": fire.id, "at": micros(tick), "fate": str(Fate.MISSED)}
    if fire.draft is not None:
        fate = Fate.OVERLAP if overlaps else Fate.ENQUEUED
        yield {"schedule": fire.id, "at": micros(fire.watermark), "fate": str(fate)}
