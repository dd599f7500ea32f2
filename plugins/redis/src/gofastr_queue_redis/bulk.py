"""Many new jobs at once, written here rather than by the server, which has others to serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from attrs import field, frozen

from gofastr_queue.lifecycle import Status
from gofastr_queue.records import Draft
from gofastr_queue_redis import rows

LEAST = 20
"""From so many jobs on, a second round trip is cheaper than the server's work."""


def fits(drafts: Sequence[Draft], on_conflict: str) -> bool:
    """Tell whether drafts can be stored so: many, new, and of ids that differ."""
    return (
        len(drafts) >= LEAST
        and on_conflict == "error"
        and all(one.status is Status.PENDING and not one.attempts for one in drafts)
        and not any(one.errors for one in drafts)
        and len({one.id for one in drafts}) == len(drafts)
    )


@frozen
class Bulk:
    """What ``put_many.lua`` writes, as HSET and ZADD take it."""

    bodies: list[str] = field(factory=list)
    lines: set[str] = field(factory=set)
    ready: list[object] = field(factory=list)
    places: list[object] = field(factory=list)
    later: list[object] = field(factory=list)

    @classmethod
    def of(cls, drafts: Sequence[Draft], now: datetime, before: int) -> Bulk:
        """Write drafts whose places follow ``before``."""
        bulk, clock = cls(), rows.told(now)
        for number, draft in enumerate(drafts, before + 1):
            bulk._add(draft, now, clock, number)
        return bulk

    def _add(self, draft: Draft, now: datetime, clock: str, number: int) -> None:
        line, place = rows.line(draft.lane, draft.type), f"{number:0{rows.PLACE}x}"
        created = clock if draft.created_at is None else rows.told(draft.created_at)
        due = now if draft.delay is None else now + draft.delay
        due = draft.scheduled_at or due
        scheduled = clock if due is now else rows.told(due)
        priority = rows.urgency(draft)
        body = f"{line}{draft.priority}\0{number}\0{created}\0{scheduled}\0{rows.tail(draft)}"
        self.bodies.extend((draft.id, body))
        if due > now:
            self.later.extend((0, f"{scheduled}{place}{line}{priority}{draft.id}"))
            self.places.extend((0, f"l{line}{place}{draft.id}"))
        else:
            self.lines.add(line)
            self.ready.extend((0, f"{line}{priority}{place}{draft.id}"))
            if draft.priority:
                self.places.extend((0, f"r{line}{place}{draft.id}"))

    def arguments(self) -> Iterator[object]:
        """Yield the arguments of ``put_many.lua``."""
        members = (str(member) for member in self.later[1::2])
        yield min((member[: rows.DIGITS] for member in members), default="")
        for values in (self.lines, self.bodies, self.ready, self.places, self.later):
            yield len(values)
            yield from values
