"""The store behind one or more memory backends: entries, and the moves between their places.

Every method but ``tell_evicted`` is called with ``lock`` held.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from operator import attrgetter

from gofastr_queue.book import Book
from gofastr_queue.lifecycle import Status
from gofastr_queue.records import DUE_PER_CLAIM, Draft, JobQuery
from gofastr_queue_memory.entries import Entry
from gofastr_queue_memory.lines import Ready, Timeline

log = logging.getLogger("gofastr_queue.memory")


class Store:
    """Jobs in one process; each entry stands in exactly one of ready, later, leased and dead."""

    def __init__(self, dead_letter_cap: int) -> None:
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.dead_letter_cap = dead_letter_cap
        self.entries: dict[str, Entry] = {}  # in the order of places
        self.ready = Ready()
        self.later = Timeline()
        self.leased = Timeline()
        self.dead: dict[str, Entry] = {}
        self.book = Book()
        self.evicted = 0
        self.wakes = 0
        self.users = 0
        self._untold: deque[Entry] = deque()
        self._places = 0
        self._tickets = 0
        _all.add(self)

    def add(self, draft: Draft, now: datetime) -> Entry:
        """Store a draft whose id is free."""
        entry = Entry.of(draft, self._next_place(), now)
        self.entries[entry.id] = entry
        if entry.status is Status.FAILED:
            self._keep_dead(entry)
        else:
            self.wait_until(entry, entry.scheduled_at, now)
        return entry

    def wait_until(self, entry: Entry, moment: datetime, now: datetime) -> None:
        """Make an entry pending, ready at ``moment``."""
        entry.status = Status.PENDING
        entry.scheduled_at = moment
        entry.ready = moment <= now
        if entry.ready:
            self.ready.add(entry, self._next_ticket())
            self.changed.notify_all()
            return
        soonest = self.later.soonest()
        self.later.add(entry, moment, self._next_ticket())
        if soonest is None or moment < soonest:
            self.changed.notify_all()

    def promote(self, now: datetime) -> None:
        """Make ready what fell due, oldest due first."""
        for entry in self.later.until(now, DUE_PER_CLAIM):
            entry.ready = True
            self.ready.add(entry, self._next_ticket())

    def lease(self, entry: Entry, token: str, worker: str, until: datetime) -> None:
        """Claim a ready entry."""
        self.ready.remove(entry)
        entry.ready = False
        entry.status = Status.CLAIMED
        entry.attempts += 1
        entry.token = token
        entry.worker = worker
        entry.lease_until = until
        self.leased.add(entry, until, self._next_ticket())

    def current(self, id: str, token: str) -> Entry | None:
        """Return the claimed entry whose current token this is."""
        entry = self.entries.get(id)
        return entry if entry is not None and entry.token == token and token else None

    def extend(self, entry: Entry, until: datetime) -> datetime:
        """Move a lease's end, never to an earlier moment."""
        if entry.lease_until is None or until > entry.lease_until:
            entry.lease_until = until
            self.leased.remove(entry)
            self.leased.add(entry, until, self._next_ticket())
        return entry.lease_until

    def end_claim(self, entry: Entry) -> None:
        """Take a claim's token and lease away."""
        entry.let_go()
        self.leased.remove(entry)

    def bury(self, entry: Entry) -> None:
        """Fail an entry whose claim has ended."""
        entry.status = Status.FAILED
        self._keep_dead(entry)

    def remove(self, entry: Entry) -> None:
        """Forget an entry that is not claimed, or whose claim has ended."""
        if entry.status is Status.PENDING:
            (self.ready if entry.ready else self.later).remove(entry)
        self.dead.pop(entry.id, None)
        del self.entries[entry.id]

    def replay(self, entry: Entry, now: datetime) -> None:
        """Make a failed entry pending again, at the back."""
        del self.dead[entry.id]
        entry.attempts = 0
        entry.place = self._next_place()
        self.entries[entry.id] = self.entries.pop(entry.id)
        self.wait_until(entry, now, now)

    def matching(self, query: JobQuery) -> Iterable[Entry]:
        """Return the entries that match every condition but ``before``, in no order."""
        found: Iterable[Entry]
        if query.ids is not None:
            found = [self.entries[id] for id in dict.fromkeys(query.ids) if id in self.entries]
        elif query.status is Status.FAILED:
            found = self.dead.values()
        else:
            found = self.entries.values()
        return [entry for entry in found if entry.matches(query)]

    def latest(self, query: JobQuery, before: int | None) -> Iterator[Entry]:
        """Return the entries that match, the last place first, and only those before one."""
        found: Iterator[Entry]
        if query.ids is None and query.status is not Status.FAILED:
            found = (one for one in reversed(self.entries.values()) if one.matches(query))
        else:
            found = iter(sorted(self.matching(query), key=attrgetter("place"), reverse=True))
        return (one for one in found if before is None or one.place < before)

    def next_due(self, now: datetime) -> timedelta | None:
        """Return how long until an entry falls due."""
        soonest = self.later.soonest()
        return None if soonest is None else max(soonest - now, timedelta(0))

    def tell_evicted(self) -> None:
        """Log what was evicted, without ``lock``, because a log handler may use the queue."""
        while self._untold:
            entry = self._untold.popleft()
            log.warning(
                "dead letters are full: the oldest, job %s of type %r, was evicted (%d so far)",
                entry.id,
                entry.type,
                self.evicted,
                extra={"job": entry.id, "type": entry.type, "evicted": self.evicted},
            )

    def _keep_dead(self, entry: Entry) -> None:
        self.dead[entry.id] = entry
        while len(self.dead) > self.dead_letter_cap:
            oldest = next(iter(self.dead.values()))
            self.remove(oldest)
            self.evicted += 1
            self._untold.append(oldest)

    def _next_place(self) -> int:
        self._places += 1
        return self._places

    def _next_ticket(self) -> int:
        self._tickets += 1
        return self._tickets


_all: weakref.WeakSet[Store] = weakref.WeakSet()
_held: list[Store] = []


def _before_fork() -> None:
    for store in list(_all):
        store.lock.acquire()
        _held.append(store)


def _after_fork() -> None:
    while _held:
        _held.pop().lock.release()


if hasattr(os, "register_at_fork"):  # a child must not inherit a lock that nobody will release
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
