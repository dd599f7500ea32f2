"""The hooks of schedules in memory; each is one step under the store's lock."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime

from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import Draft, Due, Fire, Fired, Put, ScheduleDraft, StoredSchedule
from gofastr_queue_memory.store import Store


class Scheduling(ABC):
    """What a memory backend has for schedules."""

    @abstractmethod
    def _open(self) -> Store:
        """Return the store, unless the backend is closed."""

    @hookimpl
    def schedule_put(
        self, drafts: Sequence[ScheduleDraft], now: datetime | None
    ) -> list[StoredSchedule]:
        store = self._open()
        with store.lock:
            return store.book.put(drafts, clock(now))

    @hookimpl
    def schedule_due(self, limit: int, now: datetime | None) -> Due:
        store = self._open()
        with store.lock:
            return store.book.due(limit, clock(now))

    @hookimpl
    def schedule_fire(self, fires: Sequence[Fire], now: datetime | None) -> list[Fired]:
        store, moment = self._open(), clock(now)

        def put(draft: Draft) -> Put:
            taken = store.entries.get(draft.id)
            return Put((taken or store.add(draft, moment)).job(), new=taken is None)

        def alive(id: str) -> bool:
            entry = store.entries.get(id)
            return entry is not None and entry.status is not Status.FAILED

        with store.lock:
            fired = [store.book.fire(fire, alive, put) for fire in fires]
        return [one for one in fired if one is not None]

    @hookimpl
    def schedule_list(self, ids: Sequence[str] | None, occurrences: int) -> list[StoredSchedule]:
        store = self._open()
        with store.lock:
            return store.book.listed(ids, occurrences)

    @hookimpl
    def schedule_remove(self, ids: Sequence[str]) -> list[str]:
        store = self._open()
        with store.lock:
            return store.book.remove(ids)


def clock(now: datetime | None) -> datetime:
    """Return the given time, or the process's."""
    return datetime.now(UTC) if now is None else now
