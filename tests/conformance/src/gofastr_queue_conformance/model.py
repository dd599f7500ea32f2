"""The model: what a queue should hold, in memory, without a store.

Statuses follow ``TRANSITIONS`` and nothing else; a pair that is not in the table has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import define, frozen

from gofastr_queue import Backoff, Status
from gofastr_queue.lifecycle import GONE, TRANSITIONS, Event
from gofastr_queue.records import KEPT_ERRORS

RECLAIM_INTERVAL = timedelta(seconds=30)
"""A claimer looks for expired leases this often, or once a lease if that is shorter."""

NOW = timedelta(0)


@frozen
class Filter:
    """Which jobs an operation is about; every given condition must hold."""

    status: Status | None = None
    type: str | None = None
    lane: str | None = None
    older_than: timedelta | None = None


@define
class Taker:
    """A queue object that claims: its options, and when it last took leases back."""

    lease: timedelta
    backoff: Backoff | None = None
    reclaimed_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Tell whether the interval since the last reclaim has passed."""
        interval = min(RECLAIM_INTERVAL, self.lease)
        return self.reclaimed_at is None or now - self.reclaimed_at >= interval


@define
class Life:
    """One job as it should be; ``place`` is its rank among those enqueued or replayed."""

    id: str
    type: str
    lane: str
    priority: int
    max_attempts: int
    created_at: datetime
    scheduled_at: datetime
    place: int
    status: Status
    attempts: int = 0
    errors: tuple[tuple[int, datetime, str], ...] = ()
    token: str = ""
    lease_until: datetime | None = None

    def fits(self, wanted: Filter, now: datetime) -> bool:
        """Tell whether the filter lets this job through."""
        return (
            (wanted.status is None or self.status is wanted.status)
            and (wanted.type is None or self.type == wanted.type)
            and (wanted.lane is None or self.lane == wanted.lane)
            and (wanted.older_than is None or self.created_at < now - wanted.older_than)
        )


class Model:
    """What a queue should hold at ``now``; ``seen`` is every transition that took place."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.lives: dict[str, Life] = {}
        self.seen: set[tuple[Status | None, Event]] = set()
        self._places = 0

    def latest_first(self) -> list[Life]:
        """Return every job as it should be listed."""
        return sorted(self.lives.values(), key=lambda life: -life.place)

    def enqueue(
        self,
        id: str,
        type: str,
        lane: str,
        priority: int,
        max_attempts: int,
        delay: timedelta,
    ) -> bool:
        """Store a job; False if its id is taken."""
        if id in self.lives:
            return False
        status = TRANSITIONS[GONE, Event.ENQUEUE]
        assert status is not None
        self.seen.add((GONE, Event.ENQUEUE))
        self.lives[id] = Life(
            id, type, lane, priority, max_attempts, self.now, self.now + delay, self._back(), status
        )
        return True

    def claim(
        self, taker: Taker, limit: int, types: Iterable[str], lanes: Iterable[str]
    ) -> list[Life]:
        """Lease ready jobs, best first; expired leases are taken back on the way."""
        if taker.is_due(self.now):
            self.reclaim(taker)
        taken = self._lease(taker, limit, set(types), set(lanes))
        if len(taken) < limit and self.reclaim(taker):
            taken += self._lease(taker, limit - len(taken), set(types), set(lanes))
        return taken

    def ack(self, id: str, token: str) -> bool:
        """Remove a job."""
        life = self._current(id, token)
        return life is not None and self._happens(life, Event.ACK)

    def nack(self, taker: Taker, id: str, token: str, error: str, delay: timedelta | None) -> bool:
        """Fail an attempt: again after the delay or the backoff, or buried."""
        life = self._current(id, token)
        if life is None:
            return False
        if error:
            self._keep(life, error)
        if life.attempts >= life.max_attempts:
            return self._happens(life, Event.BURY)
        if delay is None:
            delay = taker.backoff.delay(life.attempts) if taker.backoff else NOW
        if delay > NOW:
            life.scheduled_at = self.now + delay
        return self._happens(life, Event.RETRY)

    def release(self, id: str, token: str) -> bool:
        """Give a job back uncounted."""
        life = self._current(id, token)
        if life is None:
            return False
        life.attempts -= 1
        return self._happens(life, Event.GIVE_BACK)

    def extend(self, id: str, token: str, lease: timedelta) -> bool:
        """Renew a lease, never to an earlier end."""
        life = self._current(id, token)
        if life is None or life.lease_until is None:
            return False
        life.lease_until = max(life.lease_until, self.now + lease)
        return self._happens(life, Event.EXTEND)

    def reclaim(self, taker: Taker) -> int:
        """Take back every expired lease."""
        taker.reclaimed_at = self.now
        expired = [
            life
            for life in self.lives.values()
            if life.lease_until is not None and life.lease_until <= self.now
        ]
        for life in expired:
            self._keep(life, "LeaseExpired")
            left = life.attempts < life.max_attempts
            self._happens(life, Event.EXPIRE if left else Event.EXPIRE_LAST)
        return len(expired)

    def replay(self, wanted: Filter, id: str | None = None, limit: int | None = None) -> int:
        """Make failed jobs pending again, earliest first, at the back."""
        chosen = self._possible(Event.REPLAY, wanted, id)[:limit]
        for life in chosen:
            life.attempts, life.scheduled_at, life.place = 0, self.now, self._back()
            self._happens(life, Event.REPLAY)
        return len(chosen)

    def remove(self, wanted: Filter, id: str | None = None, limit: int | None = None) -> int:
        """Purge or cancel, earliest first."""
        chosen = self._possible(Event.REMOVE, wanted, id)[:limit]
        for life in chosen:
            self._happens(life, Event.REMOVE)
        return len(chosen)

    def _lease(self, taker: Taker, limit: int, types: set[str], lanes: set[str]) -> list[Life]:
        ready = [
            life
            for life in self.lives.values()
            if (life.status, Event.CLAIM) in TRANSITIONS
            and life.scheduled_at <= self.now
            and (not types or life.type in types)
            and (not lanes or life.lane in lanes)
        ]
        ready.sort(key=lambda life: (-life.priority, life.place))
        for life in ready[:limit]:
            self._happens(life, Event.CLAIM)
            life.attempts += 1
            life.lease_until = self.now + taker.lease
        return ready[:limit]

    def _current(self, id: str, token: str) -> Life | None:
        life = self.lives.get(id)
        return life if life is not None and token and life.token == token else None

    def _possible(self, event: Event, wanted: Filter, id: str | None) -> list[Life]:
        return sorted(
            (
                life
                for life in self.lives.values()
                if (life.status, event) in TRANSITIONS
                and life.fits(wanted, self.now)
                and id in (None, life.id)
            ),
            key=lambda life: life.place,
        )

    def _happens(self, life: Life, event: Event) -> bool:
        """Follow the table; whoever is no longer claimed has no token and no lease."""
        self.seen.add((life.status, event))
        following = TRANSITIONS[life.status, event]
        if following is None:
            del self.lives[life.id]
            return True
        life.status = following
        if following is not Status.CLAIMED:
            life.token, life.lease_until = "", None
        return True

    def _keep(self, life: Life, error: str) -> None:
        life.errors = (*life.errors, (life.attempts, self.now, error))[-KEPT_ERRORS:]

    def _back(self) -> int:
        self._places += 1
        return self._places
