"""The schedules of one queue: registered, looked at, fired."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from attrs import define, frozen

from gofastr_queue import schedules
from gofastr_queue.book import Book
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import CorruptSchedule, QueueClosed, QueueError
from gofastr_queue.lifecycle import Status
from gofastr_queue.queue import Queue
from gofastr_queue.records import (
    Draft,
    Due,
    Fire,
    Fired,
    JobQuery,
    Put,
    ScheduleDraft,
    StoredSchedule,
)
from gofastr_queue.schedules import Definition, Overlap

LOOKED_AT = 100
"""Schedules that are read at a time."""

FIRED_AT_ONCE = 100
"""Fires of one schedule in one call."""

ROUNDS = 1_000
"""Looks in a row: enough for any number of schedules, and an end if something never moves on."""

RETRY = timedelta(seconds=1)
"""After an error."""

UNREADABLE = timedelta(hours=1)
"""Until one that cannot be read is looked at again."""


@frozen
class Work:
    """What a look came to: jobs enqueued, and how long until the next; None: nothing waits."""

    enqueued: int
    wait: timedelta | None


@define
class Decided:
    """What became of one schedule that was due."""

    next_due: datetime | None
    enqueued: int = 0
    stale: bool = False
    failed: bool = False


class Store(Protocol):
    """What an agenda needs of a store; see ``hookspecs.Scheduling``."""

    def schedule_put(
        self, drafts: Sequence[ScheduleDraft], now: datetime | None
    ) -> list[StoredSchedule]:
        """Register schedules."""
        ...

    def schedule_due(self, limit: int, now: datetime | None) -> Due:
        """Read what is due."""
        ...

    def schedule_fire(self, fires: Sequence[Fire], now: datetime | None) -> list[Fired]:
        """Move schedules on and enqueue."""
        ...


class Agenda:
    """A queue, and its store's schedules or, where it keeps none, this process's."""

    def __init__(self, queue: Queue, log: logging.Logger) -> None:
        self.closed = False
        self._queue = queue
        self._log = log
        self._own = None if Capability.SCHEDULE in queue.capabilities else InProcess(queue)
        self._failing = False
        self._told: set[tuple[str, int]] = set()

    def definition(self, payload: Any, fields: Mapping[str, Any]) -> Definition:
        """Return what to register; raises as an enqueue of its job would."""
        queue = self._queue
        calls = queue._calls  # noqa: SLF001 - one distribution
        if fields["priority"]:
            calls.require("take a priority", Capability.PRIORITY)
        if self._own is not None and fields["overlap"] is Overlap.SKIP:
            calls.require("tell whether the last job is still there", Capability.BROWSE)
        text, headers, _ = queue._codec.encode(payload, {})  # noqa: SLF001 - as above
        return Definition(payload=text, headers=headers, **fields)

    def register(self, id: str, definition: Definition) -> None:
        """Register a schedule, or change it."""
        draft = ScheduleDraft(id, definition.text(), definition.start_at)
        self._store().schedule_put(drafts=[draft], now=self._now(None))

    def work(self, now: datetime | None) -> Work:
        """Fire what is due; no error gets out."""
        enqueued = 0
        try:
            for _ in range(0 if self.closed else ROUNDS):
                due = self._store().schedule_due(limit=LOOKED_AT, now=self._now(now))
                decided = [self._decide(schedule, due.now, now) for schedule in due.schedules]
                enqueued += sum(one.enqueued for one in decided)
                if any(one.failed for one in decided):
                    return Work(enqueued, RETRY)
                if len(decided) < LOOKED_AT and not any(one.stale for one in decided):
                    self._works()
                    moments = [due.next_due, *(one.next_due for one in decided)]
                    waits = [one - due.now for one in moments if one is not None]
                    return Work(enqueued, max(min(waits), timedelta(0)) if waits else None)
        except QueueClosed:
            self._log.info("%r is closed: nothing is scheduled on it any more", self._queue)
            self.closed = True
        except Exception as error:  # noqa: BLE001 - the scheduler outlives any failure
            self._fails(f"the schedules of {self._queue!r} could not be looked at", error)
        return Work(enqueued, None if self.closed else RETRY)

    def _decide(self, stored: StoredSchedule, now: datetime, given: datetime | None) -> Decided:
        """Decide what is due of one schedule."""
        fires = self._plan(stored, now)
        decided = Decided(next_due=fires[-1].next_due)
        try:
            for start in range(0, len(fires), FIRED_AT_ONCE):
                some = fires[start : start + FIRED_AT_ONCE]
                fired = self._store().schedule_fire(fires=some, now=self._now(given))
                puts = [one.put for one in fired if one.put is not None]
                decided.enqueued += sum(put.new for put in puts)
                self._queue._tell_scheduled(puts)  # noqa: SLF001 - one distribution
                if len(fired) < len(some):
                    decided.stale = True  # another scheduler was quicker
                    break
        except QueueClosed:
            raise
        except Exception as error:  # noqa: BLE001 - the other schedules are to be fired
            self._fails(f"schedule {stored.id!r} could not be fired", error)
            decided.failed = True
        return decided

    def _plan(self, stored: StoredSchedule, now: datetime) -> list[Fire]:
        queue = self._queue
        try:
            definition = schedules.read(stored.definition)
            return schedules.plan(
                stored,
                definition,
                now,
                lambda tick: queue._draft_of(stored.id, definition, tick),  # noqa: SLF001 - as above
            )
        except CorruptSchedule as error:
            if (stored.id, stored.version) not in self._told:
                self._log.error("schedule %r is skipped: %s", stored.id, error)
            self._told = {one for one in self._told if one[0] != stored.id}
            self._told.add((stored.id, stored.version + 1))
            return [Fire(stored.id, stored.version, stored.watermark, now + UNREADABLE)]

    def _store(self) -> Store:
        hooks = self._queue._hooks()  # noqa: SLF001 - one distribution
        return hooks if self._own is None else self._own

    def _now(self, given: datetime | None) -> datetime | None:
        """Return the moment to tell a store; None is its own."""
        return self._queue._consumer.now() if given is None else given  # noqa: SLF001

    def _fails(self, what: str, error: Exception) -> None:
        """Say so once, however often it fails in a row."""
        if not self._failing:
            unexpected = None if isinstance(error, QueueError) else error
            self._log.error("%s: %s; trying again every second", what, error, exc_info=unexpected)
        self._failing = True

    def _works(self) -> None:
        if self._failing:
            self._log.info("the schedules of %r are looked at again", self._queue)
        self._failing = False


class InProcess:
    """Schedules in this process, for a queue whose store keeps none."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._book = Book()
        self._lock = threading.Lock()

    def schedule_put(
        self, drafts: Sequence[ScheduleDraft], now: datetime | None
    ) -> list[StoredSchedule]:
        """Register schedules."""
        with self._lock:
            return self._book.put(drafts, _clock(now))

    def schedule_due(self, limit: int, now: datetime | None) -> Due:
        """Read what is due."""
        with self._lock:
            return self._book.due(limit, _clock(now))

    def schedule_fire(self, fires: Sequence[Fire], now: datetime | None) -> list[Fired]:
        """Enqueue, and move on what was enqueued."""
        hooks = self._queue._hooks()  # noqa: SLF001 - one distribution

        def store(draft: Draft) -> Put:
            (put,) = hooks.queue_put(drafts=[draft], on_conflict="ignore", now=now)
            return put

        def alive(id: str) -> bool:
            page = hooks.queue_browse(query=JobQuery(ids=(id,), limit=1))
            return any(job.status is not Status.FAILED for job in page.jobs)

        with self._lock:
            fired = (self._book.fire(fire, alive, store) for fire in fires)
            return [one for one in fired if one is not None]


def _clock(now: datetime | None) -> datetime:
    return datetime.now(UTC) if now is None else now
