"""The hooks of the in-memory backend; each is one step under the store's lock."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve

from gofastr_queue.backends import url_options
from gofastr_queue.capabilities import Capability
from gofastr_queue.errors import BackendUnavailable, DuplicateJob, InvalidOption
from gofastr_queue.hookspecs import hookimpl
from gofastr_queue.lifecycle import Status
from gofastr_queue.limits import LATEST
from gofastr_queue.records import (
    CURSOR,
    Ack,
    AnyClaim,
    Batch,
    Count,
    Draft,
    Finding,
    JobQuery,
    Level,
    Outcome,
    Put,
    Release,
    Settled,
    StoredClaim,
    StoredJob,
    StoredPage,
    Want,
    new_tokens,
)
from gofastr_queue_memory.scheduling import Scheduling
from gofastr_queue_memory.scheduling import clock as _now
from gofastr_queue_memory.store import Store

DEAD_LETTER_CAP = 1_000

_shared: dict[str, Store] = {}
_shared_lock = threading.Lock()


def connect(url: str, *, dead_letter_cap: int | None = None) -> MemoryBackend:
    """Open ``memory://`` (a store of its own) or ``memory://name`` (shared in this process)."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise InvalidOption("a memory:// URL has a name, no user or password")
    given = url_options(url)
    asked = given.pop("dead_letter_cap", None)
    if given:
        raise TypeError(f"unknown option {min(given)!r} for memory://; known: dead_letter_cap")
    if dead_letter_cap is None and asked is not None:
        if not CURSOR.fullmatch(asked):
            raise InvalidOption(f"dead_letter_cap must be a number of jobs, got {asked!r}")
        dead_letter_cap = int(asked)
    return MemoryBackend(
        DEAD_LETTER_CAP if dead_letter_cap is None else dead_letter_cap,
        name=parts.netloc + parts.path,
    )


class MemoryBackend(Scheduling):
    """Jobs in the memory of one process.

    The newest ``dead_letter_cap`` failed jobs are kept.  A ``name`` is shared in the process,
    until the last backend of that name closes; the first one's cap holds.
    """

    name = "memory"
    capabilities = frozenset({Capability.PRIORITY, Capability.ATOMIC_BULK})
    default_lease = timedelta(minutes=5)

    def __init__(self, dead_letter_cap: int = DEAD_LETTER_CAP, *, name: str = "") -> None:
        if isinstance(dead_letter_cap, bool) or not isinstance(dead_letter_cap, int):
            raise InvalidOption(f"dead_letter_cap must be an integer, got {dead_letter_cap!r}")
        if dead_letter_cap < 0:
            raise InvalidOption(f"dead_letter_cap must not be negative, got {dead_letter_cap}")
        self._shared_name = name
        self._closed = False
        with _shared_lock:
            self._store = _shared.get(name) or Store(dead_letter_cap)
            self._store.users += 1
            if name:
                _shared[name] = self._store

    def __repr__(self) -> str:
        return f"MemoryBackend(name={self._shared_name!r})"

    @property
    def evicted(self) -> int:
        """How many dead letters were evicted for want of room."""
        return self._store.evicted

    @hookimpl
    def queue_put(
        self, drafts: Sequence[Draft], on_conflict: str, now: datetime | None
    ) -> list[Put]:
        store, now = self._open(), _now(now)
        with store.lock:
            if on_conflict == "error":
                _refuse_taken(store, drafts)
            puts: list[Put] = []
            for draft in drafts:
                taken = store.entries.get(draft.id)
                entry = taken or store.add(draft, now)
                puts.append(Put(entry.job(), new=taken is None))
        store.tell_evicted()
        return puts

    @hookimpl
    def queue_close(self) -> bool:
        with _shared_lock:
            if not self._closed:
                self._closed = True
                self._store.users -= 1
                if not self._store.users:
                    _shared.pop(self._shared_name, None)
        return self.queue_wake()

    @hookimpl
    def queue_claim(
        self, want: Want, limit: int, lease: timedelta, worker: str, now: datetime | None
    ) -> Batch:
        store = self._open()
        with store.lock:
            return _claim(store, want, limit, lease, worker, _now(now))

    @hookimpl
    def queue_ack(self, acks: Sequence[Ack], now: datetime | None) -> list[Ack]:  # noqa: ARG002 - no time in it
        store = self._open()
        with store.lock:
            return [ack for ack in acks if _ack(store, ack)]

    @hookimpl
    def queue_nack(self, releases: Sequence[Release], now: datetime | None) -> list[Release]:
        store, now = self._open(), _now(now)
        moments = _moments(releases, now)
        with store.lock:
            done = [
                one
                for one, moment in zip(releases, moments, strict=True)
                if _release(store, one, moment, now)
            ]
        store.tell_evicted()
        return done

    @hookimpl
    def queue_turn(
        self,
        acks: Sequence[Ack],
        releases: Sequence[Release],
        want: Want,
        limit: int,
        lease: timedelta,
        worker: str,
        now: datetime | None,
    ) -> tuple[Settled, Batch]:
        store, now = self._open(), _now(now)
        moments = _moments(releases, now)
        with store.lock:
            settled = Settled(
                tuple(ack for ack in acks if _ack(store, ack)),
                tuple(
                    one
                    for one, moment in zip(releases, moments, strict=True)
                    if _release(store, one, moment, now)
                ),
            )
            batch = _claim(store, want, limit, lease, worker, now)
        store.tell_evicted()
        return settled, batch

    @hookimpl
    def queue_reclaim(self, limit: int, reason: str, now: datetime | None) -> list[StoredJob]:
        store, now = self._open(), _now(now)
        moved: list[StoredJob] = []
        with store.lock:
            for entry in store.leased.until(now, limit):
                entry.fail_attempt(reason, now)
                entry.let_go()
                if entry.attempts < entry.max_attempts:
                    store.wait_until(entry, min(entry.scheduled_at, now), now)
                else:
                    store.bury(entry)
                moved.append(entry.job())
        store.tell_evicted()
        return moved

    @hookimpl
    def queue_extend(
        self, claims: Sequence[AnyClaim], lease: timedelta, now: datetime | None
    ) -> list[AnyClaim]:
        store, now = self._open(), _now(now)
        extended: list[AnyClaim] = []
        with store.lock:
            for claim in claims:
                entry = store.current(claim.job.id, claim.token)
                if entry is not None:
                    until = store.extend(entry, now + lease)
                    extended.append(evolve(claim, lease_until=until))
        return extended

    @hookimpl
    def queue_browse(self, query: JobQuery) -> StoredPage:
        before = query.place_before()
        store = self._open()
        with store.lock:
            latest = store.latest(query, before)
            if query.limit is None:
                return StoredPage(tuple(entry.job() for entry in latest))
            page = list(islice(latest, query.limit + 1))
            jobs = tuple(entry.job() for entry in page[: query.limit])
            more = len(page) > query.limit and bool(jobs)
            return StoredPage(jobs, str(page[query.limit - 1].place) if more else "")

    @hookimpl
    def queue_stats(self) -> list[Count]:
        store = self._open()
        groups: dict[tuple[Status, str, str], tuple[int, int, datetime]] = {}
        with store.lock:
            for entry in store.entries.values():
                key = (entry.status, entry.lane, entry.type)
                count, place, oldest = groups.get(key, (0, entry.place, entry.created_at))
                if entry.place < place:
                    place, oldest = entry.place, entry.created_at
                groups[key] = (count + 1, place, oldest)
        return [Count(*key, count, oldest) for key, (count, _, oldest) in sorted(groups.items())]

    @hookimpl
    def queue_replay(self, query: JobQuery, now: datetime | None) -> list[str]:
        store, now = self._open(), _now(now)
        with store.lock:
            failed = [one for one in store.matching(query) if one.status is Status.FAILED]
            chosen = _earliest(failed, query.limit)
            for entry in chosen:
                store.replay(entry, now)
            return [entry.id for entry in chosen]

    @hookimpl
    def queue_purge(self, query: JobQuery) -> int:
        store = self._open()
        with store.lock:
            free = [one for one in store.matching(query) if one.status is not Status.CLAIMED]
            chosen = _earliest(free, query.limit)
            for entry in chosen:
                store.remove(entry)
            return len(chosen)

    @hookimpl
    def queue_wait(self, want: Want, timeout: timedelta, due: datetime | None = None) -> bool:
        store = self._open()
        with store.lock:
            wakes = store.wakes
            known = due or store.later.soonest() or LATEST

            def hint() -> bool:
                return (store.later.soonest() or LATEST) < known or store.ready.any(want)

            store.changed.wait_for(
                lambda: self._closed or store.wakes != wakes or hint(), timeout.total_seconds()
            )
            return hint()

    @hookimpl
    def queue_wake(self) -> bool:
        with self._store.lock:
            self._store.wakes += 1
            self._store.changed.notify_all()
        return True

    @hookimpl
    def queue_diagnose(self, now: datetime | None) -> list[Finding]:  # noqa: ARG002 - no other clock
        store = self._open()
        with store.lock:
            kept = f"of dead letters the newest {store.dead_letter_cap} are kept"
            evicted = f", {store.evicted} were evicted" if store.evicted else ""
        return [
            Finding(
                "durability",
                Level.NOTE,
                f"jobs end with the process; {kept}{evicted}",
                "keep jobs that must outlive it in a file, sqlite:///jobs.db, or on a server",
            ),
            Finding("clock", Level.OK, "the process's own clock decides"),
        ]

    def _open(self) -> Store:
        if self._closed:
            raise BackendUnavailable("the memory backend is closed")
        return self._store


def _refuse_taken(store: Store, drafts: Sequence[Draft]) -> None:
    seen: set[str] = set()
    taken: list[str] = []
    for draft in drafts:
        if draft.id in store.entries or draft.id in seen:
            taken.append(draft.id)
        seen.add(draft.id)
    if taken:
        raise DuplicateJob(taken)


def _claim(
    store: Store, want: Want, limit: int, lease: timedelta, worker: str, now: datetime
) -> Batch:
    store.promote(now)
    if not limit:
        due = store.later.soonest()
        return Batch((), timedelta(0) if store.ready.any(want) else store.next_due(now), due)
    until = now + lease
    claims: list[StoredClaim] = []
    best = store.ready.best(want)
    for token, entry in zip(new_tokens(min(limit, len(store.entries))), best, strict=False):
        store.lease(entry, token, worker, until)
        claims.append(StoredClaim(entry.job(), token, until))
    full = len(claims) == limit
    return Batch(
        tuple(claims), timedelta(0) if full else store.next_due(now), store.later.soonest()
    )


def _ack(store: Store, ack: Ack) -> bool:
    entry = store.current(ack.claim.job.id, ack.claim.token)
    if entry is None:
        return False
    store.end_claim(entry)
    store.remove(entry)
    return True


def _moments(releases: Sequence[Release], now: datetime) -> list[datetime | None]:
    """Return when released jobs may start; computed before anything is changed."""
    return [now + release.delay if release.delay else None for release in releases]


def _release(store: Store, release: Release, moment: datetime | None, now: datetime) -> bool:
    entry = store.current(release.claim.job.id, release.claim.token)
    if entry is None:
        return False
    entry.fail_attempt(release.error, now)
    store.end_claim(entry)
    if release.outcome is Outcome.BURY:
        store.bury(entry)
        return True
    if release.outcome is Outcome.GIVE_BACK:
        entry.attempts -= 1
    store.wait_until(entry, moment or min(entry.scheduled_at, now), now)
    return True


def _earliest(entries: list[Any], limit: int | None) -> list[Any]:
    entries.sort(key=lambda entry: entry.place)
    return entries if limit is None else entries[:limit]
